package mapping_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/mapping"
)

const entitlementRules = `[{"local": [{"user": {"name": "{0}"}, "group_ids": "{1}"}],
	"remote": [{"type": "sub"}, {"type": "e", "entitlement": true, "%s": ["URN:MACE:EGI.EU:group:ops:role=vm%%5Foperator", "other"]}]}]`

// Every kind of list compares entitlements where the rule says so: another authority, case or spelling is the same one.
func TestEntitlements(t *testing.T) {
	const ops, biomed = "urn:mace:egi.eu:group:ops:role=vm_operator#aai.egi.eu", "urn:mace:egi.eu:group:biomed#aai.egi.eu"
	for _, c := range []struct {
		list, has string
		kept      []string // of whitelists and blacklists
		applies   bool
	}{
		{"any_one_of", ops + ";" + biomed, nil, true},
		{"any_one_of", biomed, nil, false},
		{"any_one_of", "x;other", nil, true},
		{"any_one_of", strings.ToUpper(ops), nil, false},
		{"not_any_of", ops + ";" + biomed, nil, false},
		{"not_any_of", biomed, nil, true},
		{"whitelist", biomed + ";" + ops, []string{ops}, true},
		{"blacklist", biomed + ";" + ops + ";other", []string{biomed}, true},
	} {
		rules := fmt.Sprintf(entitlementRules, c.list)
		if c.kept == nil {
			rules = strings.Replace(rules, `, "group_ids": "{1}"`, "", 1)
		}
		got, err := apply(t, mapping.V1, rules, mapping.Assertion{"sub": "ada", "e": c.has})
		if applies := err == nil; applies != c.applies || !applies && !errors.Is(err, mapping.ErrNoRule) {
			t.Errorf("%s, %s: %v", c.list, c.has, err)
		} else if applies && !slices.Equal(got.GroupIDs, c.kept) {
			t.Errorf("%s, %s: passes %q", c.list, c.has, got.GroupIDs)
		}
	}
}

// Without the key texts are texts.
func TestEntitlementsAsTexts(t *testing.T) {
	rules := strings.Replace(fmt.Sprintf(entitlementRules, "any_one_of"), `"entitlement": true, `, "", 1)
	rules = strings.Replace(rules, `, "group_ids": "{1}"`, "", 1)
	if got, err := apply(t, mapping.V1, rules, mapping.Assertion{"sub": "ada", "e": "urn:mace:egi.eu:group:ops:role=vm_operator"}); !errors.Is(err, mapping.ErrNoRule) {
		t.Errorf("%+v, %v", got, err)
	}
}

// A person in many groups signs in where many are known.
func BenchmarkEntitlements(b *testing.B) {
	const many = 500
	var rules []mapping.Rule
	var has []string
	for i := range many {
		list := []string{fmt.Sprintf("urn:mace:egi.eu:group:vo%03d.example.org:role=member", i*7%(2*many))}
		rules = append(rules, mapping.Rule{Local: []mapping.Local{{Group: &mapping.Group{ID: fmt.Sprint("g", i)}}},
			Remote: []mapping.Remote{{Type: "e", Entitlement: true, AnyOneOf: &list}}})
		has = append(has, fmt.Sprintf("urn:mace:egi.eu:group:vo%03d.example.org:role=member#aai.egi.eu", i))
	}
	text, err := json.Marshal(rules)
	if err != nil {
		b.Fatal(err)
	}
	m, err := mapping.Parse(text, mapping.V1)
	if err != nil {
		b.Fatal(err)
	}
	a := mapping.Assertion{"e": strings.Join(has, ";")}
	for b.Loop() {
		if _, err := m.Apply(a); err != nil {
			b.Fatal(err)
		}
	}
}
