package archtest

import (
	"go/ast"
	"strings"
	"testing"
)

const (
	functionLinesMax = 100
	fileLinesMax     = 600
)

// TestSizes proves that no function or file has grown beyond what one reads at once. A function that is longer for a reason has
// a comment with "long:" and the reason.
func TestSizes(t *testing.T) {
	all := source(t)
	for _, f := range all.files {
		if f.test || ast.IsGenerated(f.ast) {
			continue
		}
		if f.lines > fileLinesMax {
			t.Errorf("%s has %d lines: is there a second noun or a second verb in it?", f.path, f.lines)
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			lines := all.fset.Position(fn.End()).Line - all.fset.Position(fn.Pos()).Line + 1
			if lines > functionLinesMax && !strings.Contains(fn.Doc.Text(), "long:") {
				t.Errorf("%s: %s has %d lines; cut it, or say why it is long in a comment \"long: …\"", f.path, fn.Name.Name, lines)
			}
		}
	}
}
