package mapping

import "testing"

// What sites write is read.
func TestParse(t *testing.T) {
	const rules = `[{"local": [{"user": {"name": "{0}", "email": "{1}"}, "group": {"id": "g"}}, {"groups": "{2}", "domain": {"name": "d"}}],
		"remote": [{"type": "HTTP_OIDC_SUB"}, {"type": "HTTP_OIDC_EMAIL"}, {"type": "groups", "whitelist": ["a", "b"]},
			{"type": "OIDC-eduperson_entitlement", "regex": true, "any_one_of": ["^urn:mace:egi.eu:group:ops:.*#aai.egi.eu$"]}]},
		{"local": [{"projects": [{"name": "{0}", "roles": [{"name": "member"}]}], "user": {"name": "{0}", "type": "local", "domain": {"id": "x"}}}], "remote": [{"type": "a"}]}]`
	for _, version := range []string{"", V1, V2, V3} {
		got, err := Parse([]byte(rules), version)
		if err != nil {
			t.Errorf("version %q: %v", version, err)
			continue
		}
		first := got.Rules[0].Remote
		if len(got.Rules) != 2 || len(first) != 4 || !first[3].Regex || (*first[2].Whitelist)[1] != "b" {
			t.Errorf("version %q: %+v", version, got)
		}
	}
}

// What nobody could have meant is refused.
func TestParseRefuses(t *testing.T) {
	for name, rules := range map[string]string{
		"no list":           `{}`,
		"no rule":           `[]`,
		"no remote":         `[{"local": [], "remote": []}]`,
		"no local":          `[{"remote": [{"type": "a"}]}]`,
		"no type":           `[{"local": [], "remote": [{}]}]`,
		"unknown key":       `[{"local": [{"usr": {}}], "remote": [{"type": "a"}]}]`,
		"two conditions":    `[{"local": [], "remote": [{"type": "a", "any_one_of": [], "not_any_of": []}]}]`,
		"a group of no one": `[{"local": [{"group": {"name": "g"}}], "remote": [{"type": "a"}]}]`,
		"id and name":       `[{"local": [{"group": {"id": "i", "name": "g", "domain": {"id": "d"}}}], "remote": [{"type": "a"}]}]`,
		"type of user":      `[{"local": [{"user": {"type": "x"}}], "remote": [{"type": "a"}]}]`,
		"roles":             `[{"local": [{"projects": [{"name": "p"}]}], "remote": [{"type": "a"}]}]`,
		"text of version 3": `[{"local": [{"projects_json": "[]"}], "remote": [{"type": "a"}]}]`,
		"an expression":     `[{"local": [], "remote": [{"type": "a", "regex": true, "any_one_of": ["("]}]}]`,
		"no entitlements":   `[{"local": [], "remote": [{"type": "a", "entitlement": true}]}]`,
		"also expressions":  `[{"local": [], "remote": [{"type": "a", "entitlement": true, "regex": true, "any_one_of": ["a"]}]}]`,
		"not JSON":          `[`,
	} {
		if got, err := Parse([]byte(rules), V1); err == nil {
			t.Errorf("%s: read as %+v", name, got)
		}
	}
	if _, err := Parse([]byte(`[{"local": [], "remote": [{"type": "a"}]}]`), "4.0"); err == nil {
		t.Error("version 4.0 was read")
	}
}
