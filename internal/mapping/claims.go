package mapping

import (
	"encoding/json"
	"fmt"
	"strings"
)

// FromClaims writes an OpenID provider's claims as the attributes that mapping files name. A claim x is there as "OIDC-x", as
// "OIDC_CLAIM_x" and, in capitals, as "HTTP_OIDC_X". Several values become one text, joined by ";", which rules take apart again.
// The error says which claim is no JSON.
//
// Source: what Apache's mod_auth_openidc hands on with OIDCClaimPrefix "OIDC-" and OIDCClaimDelimiter ";".
func FromClaims(claims map[string]json.RawMessage) (Assertion, error) {
	a := Assertion{}
	for name, raw := range claims {
		var value any
		d := json.NewDecoder(strings.NewReader(string(raw)))
		d.UseNumber() // as it is written
		if err := d.Decode(&value); err != nil {
			return nil, fmt.Errorf("claim '%s': %w", name, err)
		}
		text := claimText(value)
		a["OIDC-"+name] = text
		a["OIDC_CLAIM_"+name] = text
		a["HTTP_OIDC_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))] = text
	}
	return a, nil
}

// claimText is a value as a text; what has parts of its own stays JSON.
func claimText(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		if v {
			return "1"
		}
		return "0"
	case json.Number:
		return v.String()
	case []any:
		texts := make([]string, len(v))
		for i, item := range v {
			texts[i] = claimText(item)
		}
		return strings.Join(texts, ";")
	}
	text, err := json.Marshal(value)
	if err != nil { // it was JSON a moment ago
		return ""
	}
	return string(text)
}
