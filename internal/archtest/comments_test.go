package archtest

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestPackageComments proves that every package says what it is.
func TestPackageComments(t *testing.T) {
	comments, commands := map[string]string{}, map[string]bool{}
	for _, f := range source(t).files {
		if f.test {
			continue
		}
		comments[f.dir()] += f.ast.Doc.Text()
		commands[f.dir()] = f.ast.Name.Name == "main"
	}
	for dir, text := range comments {
		begin := "Package " + path.Base(dir) + " "
		if commands[dir] {
			begin = "Command " + path.Base(dir) + " "
		}
		if !strings.HasPrefix(text, begin) {
			t.Errorf("%s has no comment that begins with %q and says what it is, what it is not, and who calls it", dir, begin)
		}
	}
}

// TestPackageNames proves that no package is a drawer for everything.
func TestPackageNames(t *testing.T) {
	drawers := []string{"util", "utils", "helper", "helpers", "common", "misc", "shared", "lib", "base", "types", "models", "manager"}
	for _, f := range source(t).files {
		if slices.Contains(drawers, f.ast.Name.Name) {
			t.Errorf("%s: a package named %s collects what has nothing in common; name it after its noun or verb", f.path, f.ast.Name.Name)
		}
	}
}

// history are words that tell how the code came to be, in place of what it is.
var history = regexp.MustCompile(`\b(TODO|FIXME|XXX|HACK)\b`)

// TestNoLooseEnds proves that what is missing is written where people look: issues and the README, not comments.
func TestNoLooseEnds(t *testing.T) {
	for _, f := range source(t).files {
		if under(f.path, "internal/archtest") {
			continue
		}
		for _, group := range f.ast.Comments {
			if m := history.FindString(group.Text()); m != "" {
				t.Errorf("%s has a comment with %s: do it, or write it down where people look for it", f.path, m)
			}
		}
	}
}
