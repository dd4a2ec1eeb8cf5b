package archtest

import (
	"go/ast"
	"go/token"
	"path"
	"strconv"
	"strings"
	"testing"
)

// errorStatus are names of package net/http that stand for 400 and above.
var errorStatus = []string{"StatusBad", "StatusUn", "StatusPayment", "StatusForbidden", "StatusNotFound", "StatusNotAcceptable", "StatusMethod",
	"StatusProxy", "StatusRequest", "StatusConflict", "StatusGone", "StatusLength", "StatusPrecondition", "StatusTooManyR", "StatusTooEarly", "StatusTeapot",
	"StatusMisdirected", "StatusLocked", "StatusFailed", "StatusUpgrade", "StatusExpectation", "StatusInternal", "StatusNotImplemented", "StatusService",
	"StatusGateway", "StatusHTTPVersion", "StatusVariant", "StatusInsufficient", "StatusLoop", "StatusNotExtended", "StatusNetworkAuth"}

// excusedStatus are files of dialects that name an error status, each with its reason.
var excusedStatus = map[string]string{
	"internal/dialect/openstack/microversion.go":     "the answer to a malformed version header is part of that protocol, not of any error of ours",
	"internal/dialect/openstack/neutron/revision.go": "known bad: If-Match's answer should stand in faults.go",
}

// TestErrorStatusInFaultsOnly proves that a dialect maps errors in one place, so that one error never has two answers.
func TestErrorStatusInFaultsOnly(t *testing.T) {
	used := map[string]bool{}
	for _, f := range source(t).files {
		if f.test || !under(f.path, "internal/dialect") || path.Base(f.path) == "faults.go" {
			continue
		}
		for _, found := range statuses(f.ast) {
			if excusedStatus[f.path] != "" {
				used[f.path] = true
				continue
			}
			t.Errorf("%s:%d says %s: error statuses belong in the dialect's faults.go", f.path, source(t).fset.Position(found.Pos()).Line, text(found))
		}
	}
	for name := range excusedStatus {
		if !used[name] {
			t.Errorf("the exception for %s excuses nothing any more: remove it", name)
		}
	}
}

// statuses finds http.StatusX of 400 and above, and bare numbers given to what writes a status.
func statuses(root ast.Node) []ast.Node {
	var out []ast.Node
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "http" && namesError(n.Sel.Name) {
				out = append(out, n)
			}
		case *ast.BasicLit:
			if v, err := strconv.Atoi(n.Value); err == nil && n.Kind == token.INT && v >= 400 && v < 600 && v != 512 {
				out = append(out, n)
			}
		}
		return true
	})
	return out
}

func namesError(name string) bool {
	for _, prefix := range errorStatus {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func text(n ast.Node) string {
	switch n := n.(type) {
	case *ast.SelectorExpr:
		return "http." + n.Sel.Name
	case *ast.BasicLit:
		return n.Value
	}
	return ""
}

// TestDialectsHaveFaults proves that every dialect has its table of errors.
func TestDialectsHaveFaults(t *testing.T) {
	has := map[string]bool{}
	for _, f := range source(t).files {
		rest, ok := strings.CutPrefix(f.path, "internal/dialect/")
		if name, file, deep := strings.Cut(rest, "/"); ok && deep && name != "wire" && name != "dialecttest" {
			has[name] = has[name] || file == "faults.go"
		}
	}
	for name, yes := range has {
		if !yes {
			t.Errorf("internal/dialect/%s has no faults.go: the table from our errors to its own", name)
		}
	}
	if len(has) == 0 {
		t.Error("no dialect was found: the test proves nothing")
	}
}
