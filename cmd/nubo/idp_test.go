package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/mapping"
)

// An operator sees which rules let a person in, and why the others do not.
func TestExplain(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	rules := file("rules.json", `{"rules": [
		{"local": [{"user": {"name": "{0}"}, "group": {"id": "ops"}}], "remote": [{"type": "HTTP_OIDC_SUB"}, {"type": "OIDC-eduperson_entitlement", "any_one_of": ["ops"]}]},
		{"local": [{"group": {"id": "staff"}}], "remote": [{"type": "OIDC-eduperson_entitlement", "any_one_of": ["staff"]}]}]}`)
	m, err := readMapping(rules, mapping.V1)
	if err != nil {
		t.Fatal(err)
	}
	a, err := readAssertion(file("claims.json", `{"sub": "ada", "eduperson_entitlement": ["ops", "biomed"]}`), "")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := explain(&out, m, a); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"OIDC-eduperson_entitlement = ops;biomed", "1 applies", "2 does not apply: no value of 'OIDC-eduperson_entitlement' is one of any_one_of", `"name": "ada"`, `"ops"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	if a, err = readAssertion("", file("assertion.json", `{"HTTP_OIDC_SUB": "ada"}`)); err != nil {
		t.Fatal(err)
	}
	if err := explain(&out, m, a); !errors.Is(err, mapping.ErrNoRule) {
		t.Errorf("a stranger: %v", err)
	}
}
