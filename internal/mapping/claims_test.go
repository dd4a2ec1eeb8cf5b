package mapping_test

import (
	"encoding/json"
	"testing"

	"github.com/nubo-cloud/nubo/internal/mapping"
)

// A claim is there under the names that mapping files use, whatever its value is.
func TestFromClaims(t *testing.T) {
	var claims map[string]json.RawMessage
	const text = `{"sub": "e7f@egi.eu", "email_verified": true, "exp": 1764250000, "eduperson_entitlement": ["a", "b"], "address": {"country": "NL"}, "ssh-key": null}`
	if err := json.Unmarshal([]byte(text), &claims); err != nil {
		t.Fatal(err)
	}
	a, err := mapping.FromClaims(claims)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"OIDC-sub": "e7f@egi.eu", "HTTP_OIDC_SUB": "e7f@egi.eu", "OIDC_CLAIM_sub": "e7f@egi.eu", "HTTP_OIDC_EMAIL_VERIFIED": "1", "OIDC-exp": "1764250000",
		"OIDC-eduperson_entitlement": "a;b", "HTTP_OIDC_EDUPERSON_ENTITLEMENT": "a;b", "OIDC-address": `{"country":"NL"}`, "HTTP_OIDC_SSH_KEY": "",
	} {
		if got, ok := a[name]; !ok || got != want {
			t.Errorf("%s is %q, not %q", name, got, want)
		}
	}
	if _, err := mapping.FromClaims(map[string]json.RawMessage{"sub": json.RawMessage("{")}); err == nil {
		t.Error("half an object is a claim")
	}
}
