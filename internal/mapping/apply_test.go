package mapping_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/mapping"
	"github.com/nubo-cloud/nubo/internal/mapping/mappingtest"
)

// Rules give what they give in Keystone.
func TestCorpus(t *testing.T) {
	cases, err := mappingtest.Corpus()
	if err != nil || len(cases) < 60 {
		t.Fatalf("%d cases: %v", len(cases), err)
	}
	for _, c := range cases {
		got, err := mappingtest.Of(c.Pair)
		if err != nil || got.String() != c.Want.String() {
			t.Errorf("%s: %v, %v, not %v", c.Name, got, err, c.Want)
		}
	}
}

func apply(t *testing.T, version, rules string, a mapping.Assertion) (*mapping.Result, error) {
	t.Helper()
	m, err := mapping.Parse([]byte(rules), version)
	if err != nil {
		t.Fatal(err)
	}
	return m.Apply(a)
}

// From version 2 on, the domain of a local part is that of what names none; before, it is that of groups alone.
func TestDomainsOfParts(t *testing.T) {
	const rules = `[{"local": [{"user": {"name": "{0}"}, "domain": {"name": "d"}, "projects": [{"name": "p", "roles": [{"name": "r"}]}]}], "remote": [{"type": "a"}]}]`
	for _, version := range []string{mapping.V1, mapping.V2, mapping.V3} {
		got, err := apply(t, version, rules, mapping.Assertion{"a": "x"})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range []*mapping.Domain{got.User.Domain, got.Projects[0].Domain} {
			if placed := d != nil && d.Name == "d"; placed != (version != mapping.V1) {
				t.Errorf("version %s: domain %+v", version, d)
			}
		}
	}
	const group = `[{"local": [{"group": {"name": "{0}"}, "domain": {"name": "d"}}], "remote": [{"type": "a"}]}]`
	if got, err := apply(t, mapping.V2, group, mapping.Assertion{"a": "x"}); err != nil || got.Groups[0].Domain.Name != "d" {
		t.Errorf("a group of the part's domain: %+v, %v", got, err)
	}
}

// In version 3 projects may come as one text.
func TestProjectsJSON(t *testing.T) {
	const rules = `[{"local": [{"projects_json": "{0}"}], "remote": [{"type": "a"}]}]`
	got, err := apply(t, mapping.V3, rules, mapping.Assertion{"a": `[{"name": "p", "roles": [{"name": "r"}]}]`})
	if err != nil || len(got.Projects) != 1 || got.Projects[0].Roles[0].Name != "r" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := apply(t, mapping.V3, rules, mapping.Assertion{"a": "p"}); err == nil {
		t.Error("'p' is a list of projects")
	}
}

// Who is not let in can be told why, rule by rule.
func TestMissed(t *testing.T) {
	const rules = `[{"local": [], "remote": [{"type": "a"}]}, {"local": [], "remote": [{"type": "b", "any_one_of": ["x"]}]},
		{"local": [], "remote": [{"type": "b", "not_any_of": ["y"]}]}]`
	got, err := apply(t, mapping.V1, rules, mapping.Assertion{"b": "y"})
	if !errors.Is(err, mapping.ErrNoRule) || len(got.Missed) != 3 {
		t.Fatalf("%+v, %v", got, err)
	}
	for i, want := range []string{"there is no 'a'", "is one of any_one_of", "the value 'y' of not_any_of"} {
		if m := got.Missed[i]; m.Rule != i+1 || !strings.Contains(m.Because, want) {
			t.Errorf("%+v, want %q", m, want)
		}
	}
}

// An expression that would take for ever ends the attempt.
func TestSlowExpression(t *testing.T) {
	const rules = `[{"local": [], "remote": [{"type": "a", "regex": true, "any_one_of": ["^(a+)+$"]}]}]`
	if _, err := apply(t, mapping.V1, rules, mapping.Assertion{"a": strings.Repeat("a", 60) + "b"}); err == nil || errors.Is(err, mapping.ErrNoRule) {
		t.Errorf("got %v", err)
	}
}
