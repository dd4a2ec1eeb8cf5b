package operator

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/nubo-cloud/nubo/internal/mapping"
)

// People of the issuer get a user, members of the VO its group, strangers nothing.
func TestRules(t *testing.T) {
	const issuer = "https://aai.egi.eu/auth/realms/egi"
	rules := append(peopleRules(issuer), memberRules("g", openIDEntitled, []string{"urn:mace:egi.eu:group:ops:role=vm_operator"})...)
	text, err := json.Marshal(rules)
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.Parse(text, mapping.V1)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		said        mapping.Assertion
		user, email string
		groups      []string
	}{
		"a member":       {mapping.Assertion{subject: "a@egi.eu", email: "a@b.c", issued: issuer, openIDEntitled[0]: "x;urn:mace:egi.eu:group:ops:role=vm_operator#aai.egi.eu"}, "a@egi.eu", "a@b.c", []string{"g"}},
		"the new claim":  {mapping.Assertion{subject: "a@egi.eu", issued: issuer, openIDEntitled[1]: "urn:mace:egi.eu:group:ops:role=vm_operator#aai.egi.eu"}, "a@egi.eu", "", []string{"g"}},
		"another role":   {mapping.Assertion{subject: "a@egi.eu", email: "a@b.c", issued: issuer, openIDEntitled[0]: "urn:mace:egi.eu:group:ops:role=auditor#aai.egi.eu"}, "a@egi.eu", "a@b.c", nil},
		"without groups": {mapping.Assertion{subject: "a@egi.eu", issued: issuer}, "a@egi.eu", "", nil},
		"another issuer": {mapping.Assertion{subject: "a@egi.eu", email: "a@b.c", issued: "https://evil.example"}, "", "", nil},
	} {
		got, err := m.Apply(c.said)
		if c.user == "" {
			if !errors.Is(err, mapping.ErrNoRule) {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
			continue
		}
		if err != nil || got.User.Name != c.user || got.User.Email != c.email || !slices.Equal(got.GroupIDs, c.groups) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// A quota is read, or refused with what there is.
func TestParseQuota(t *testing.T) {
	q, err := ParseQuota("cores=20,ram_mb=-1")
	if err != nil || q["cores"] != 20 || q["ram_mb"] != -1 {
		t.Errorf("%v, %v", q, err)
	}
	for _, text := range []string{"", "cores", "cores=", "cores=-2", "cores=1.5", "cors=1", "cores=1,"} {
		if q, err := ParseQuota(text); err == nil {
			t.Errorf("%q is read as %v", text, q)
		}
	}
}
