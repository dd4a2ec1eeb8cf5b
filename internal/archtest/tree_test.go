package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/nubo-cloud/nubo"

// root is the module's directory, seen from this package's.
const root = "../.."

// file is one parsed Go file.
type file struct {
	path  string // from the module's root, with slashes
	ast   *ast.File
	lines int
	test  bool
}

func (f file) dir() string { return path.Dir(f.path) }

// imports are the paths of f's imports; those of this module without the module's name.
func (f file) imports() []string {
	var out []string
	for _, i := range f.ast.Imports {
		out = append(out, strings.TrimPrefix(strings.Trim(i.Path.Value, `"`), module+"/"))
	}
	return out
}

type tree struct {
	fset  *token.FileSet
	files []file
}

var load = sync.OnceValues(func() (tree, error) {
	t := tree{fset: token.NewFileSet()}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(strings.TrimPrefix(name, root+"/"))
		if d.IsDir() {
			if hidden := strings.HasPrefix(d.Name(), ".") && rel != ".."; hidden && name != root || d.Name() == "testdata" {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(t.fset, rel, src, parser.ParseComments)
		if err != nil {
			return err
		}
		t.files = append(t.files, file{path: rel, ast: parsed, lines: strings.Count(string(src), "\n"), test: strings.HasSuffix(rel, "_test.go")})
		return nil
	})
	return t, err
})

// source is all Go code of the module.
func source(t *testing.T) tree {
	t.Helper()
	all, err := load()
	if err != nil {
		t.Fatal(err)
	}
	if len(all.files) < 100 {
		t.Fatalf("found only %d Go files below %s: the tests would prove nothing", len(all.files), root)
	}
	return all
}

// under says whether a package or file lies in one of the folders. A pattern may contain one "*" for
// any name, and stands for everything below it.
func under(name string, folders ...string) bool {
	for _, folder := range folders {
		parts, want := strings.Split(name, "/"), strings.Split(folder, "/")
		if len(parts) < len(want) {
			continue
		}
		same := true
		for i := range want {
			same = same && (want[i] == "*" || want[i] == parts[i])
		}
		if same {
			return true
		}
	}
	return false
}
