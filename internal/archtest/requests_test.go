package archtest

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// reference is "`path.go`: `Name`, `Name`" in docs/requests.md, paths below internal/.
var (
	reference = regexp.MustCompile("`([a-z0-9_/]+\\.go)`: ((?:`[A-Za-z.]+`(?:, | and )?)+)")
	quoted    = regexp.MustCompile("`([A-Za-z.]+)`")
)

// TestRequestsNamesWhatExists proves that docs/requests.md has not fallen behind the code: every
// function it names is in the file it names.
func TestRequestsNamesWhatExists(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join(root, "docs", "requests.md"))
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]map[string]bool{}
	for _, f := range source(t).files {
		declared[f.path] = names(f.ast)
	}
	found := reference.FindAllStringSubmatch(string(doc), -1)
	if len(found) < 8 {
		t.Fatalf("only %d references found: the page is about eight files", len(found))
	}
	for _, m := range found {
		file := "internal/" + m[1]
		if declared[file] == nil {
			t.Errorf("docs/requests.md names %s, which does not exist", file)
			continue
		}
		for _, n := range quoted.FindAllStringSubmatch(m[2], -1) {
			if !declared[file][n[1]] {
				t.Errorf("docs/requests.md names %s in %s, which does not exist", n[1], file)
			}
		}
	}
}

// names are the functions, methods (Type.Name) and types a file declares.
func names(f *ast.File) map[string]bool {
	out := map[string]bool{}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			out[d.Name.Name] = true
			if d.Recv != nil {
				out[receiver(d.Recv.List[0].Type)+"."+d.Name.Name] = true
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				if ts, ok := s.(*ast.TypeSpec); ok {
					out[ts.Name.Name] = true
				}
			}
		}
	}
	return out
}

func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
