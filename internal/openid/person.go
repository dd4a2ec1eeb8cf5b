package openid

import (
	"encoding/json"
	"maps"
	"time"
)

// Person is what an issuer says of somebody. Its claims always have "iss" and "sub".
type Person struct {
	Claims map[string]json.RawMessage
	// Expires is when what was shown to us ends: an access token's exp. Zero: the issuer did not say (opaque tokens).
	Expires time.Time
	// RefreshToken is there after Finish and Refresh, if the issuer gave one. It may differ from the one before, which is dead then.
	RefreshToken string
}

// Text is a claim that is a text, or empty.
func (p *Person) Text(claim string) string { return text(p.Claims[claim]) }

func (p *Person) clone() *Person {
	c := *p
	c.Claims = maps.Clone(p.Claims)
	return &c
}

// text is a JSON string's value; anything else is none.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}
