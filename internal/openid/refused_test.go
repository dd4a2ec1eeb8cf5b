package openid_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/openid"
	"github.com/nubo-cloud/nubo/internal/openid/openidtest"
)

// Each token that is not quite right is refused, for what is wrong with it.
func TestRefused(t *testing.T) {
	still(t, func(w *world) {
		sign := func(other map[string]any) string { return w.op.Sign("JWT", claims(other)) }
		in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
		good := sign(nil)
		w.accept(good)
		parts := strings.Split(good, ".")
		for name, c := range map[string]struct {
			token  string
			reason openid.Reason
		}{
			"nothing":                    {"", openid.Malformed},
			"a header in the header":     {"x\r\nX-Forwarded-For: y", openid.Malformed},
			"letters of other alphabets": {"tôken", openid.Malformed},
			"endless":                    {strings.Repeat("a", 1<<20), openid.Malformed},
			"a signature of no form":     {parts[0] + "." + parts[1] + ".~", openid.Malformed},
			"a payload of no form":       {parts[0] + ".~." + parts[2], openid.Malformed},
			"alg none":                   {openidtest.SignNot(claims(nil)), openid.BadAlgorithm},
			"the public key as a secret": {w.op.SignWithPublicKey(claims(nil)), openid.BadAlgorithm},
			"no signature":               {parts[0] + "." + parts[1] + ".", openid.BadSignature},
			"another's signature":        {parts[0] + "." + parts[1] + "." + strings.Split(sign(map[string]any{"sub": "eve"}), ".")[2], openid.BadSignature},
			"another's claims":           {parts[0] + "." + strings.Split(sign(map[string]any{"sub": "eve"}), ".")[1] + "." + parts[2], openid.BadSignature},
			"a foreign key":              {w.op.SignForeign("", claims(nil)), openid.BadSignature},
			"a foreign key, so named":    {w.op.SignForeign("made-up", claims(nil)), openid.UnknownKey},
			"no issuer":                  {sign(map[string]any{"iss": nil}), openid.WrongIssuer},
			"another issuer":             {sign(map[string]any{"iss": "https://other.example"}), openid.WrongIssuer},
			"nearly the issuer":          {sign(map[string]any{"iss": issuer + "/"}), openid.WrongIssuer},
			"the issuer in capitals":     {sign(map[string]any{"iss": nil, "ISS": issuer}), openid.WrongIssuer},
			"a list of issuers":          {sign(map[string]any{"iss": []string{issuer}}), openid.WrongIssuer},
			"another audience":           {sign(map[string]any{"aud": "elsewhere"}), openid.WrongParty},
			"no audience":                {sign(map[string]any{"aud": nil}), openid.WrongParty},
			"an audience of no form":     {sign(map[string]any{"aud": 7}), openid.Malformed},
			"expired":                    {sign(map[string]any{"exp": in(-time.Second)}), openid.Expired},
			"no end":                     {sign(map[string]any{"exp": nil}), openid.Malformed},
			"an end of no form":          {sign(map[string]any{"exp": "tomorrow"}), openid.Malformed},
			"an end beyond all":          {sign(map[string]any{"exp": 1e300}), openid.Malformed},
			"begins later":               {sign(map[string]any{"nbf": in(2 * time.Minute)}), openid.NotYetValid},
			"issued later":               {sign(map[string]any{"iat": in(2 * time.Minute)}), openid.NotYetValid},
			"an ID token":                {sign(map[string]any{"at_hash": "x"}), openid.WrongKind},
			"an ID token's bare form":    {sign(map[string]any{"nonce": "x"}), openid.WrongKind},
			"Keycloak's ID token":        {sign(map[string]any{"typ": "ID"}), openid.WrongKind},
			"Keycloak's refresh token":   {sign(map[string]any{"typ": "Refresh"}), openid.WrongKind},
			"a logout token":             {w.op.Sign("logout+jwt", claims(nil)), openid.WrongKind},
			"an event":                   {sign(map[string]any{"events": map[string]any{}}), openid.WrongKind},
			"bound to a key":             {sign(map[string]any{"cnf": map[string]any{"jkt": "x"}}), openid.WrongKind},
			"of nobody":                  {sign(map[string]any{"sub": nil}), openid.Inactive}, // the issuer, asked who it is, does not know the token
			"unknown to the issuer":      {"opaque", openid.Inactive},
			"encrypted":                  {"a.b.c.d.e", openid.Inactive},
		} {
			w.Log(name)
			w.refuse(c.token, c.reason)
		}
	})
}

// Clocks may differ by a minute.
func TestSkew(t *testing.T) {
	still(t, func(w *world) {
		soon := time.Now().Add(50 * time.Second).Unix()
		w.accept(w.op.Sign("", claims(map[string]any{"nbf": soon, "iat": float64(soon) + 0.5})))
	})
}

// Whatever the token is, nothing breaks, and nobody comes in.
func FuzzBearer(f *testing.F) {
	op := newProvider(issuer)
	good := op.Sign("JWT", claims(map[string]any{"sub": "known only to the signer"}))
	s := openid.Settings{Issuer: issuer, ClientID: "cloud", ClientSecret: secret}
	client := openid.New(openid.Options{HTTP: openidtest.Client(op)})
	parts := strings.Split(good, ".")
	for _, seed := range []string{"", ".", "..", "a.b.c", parts[0] + "." + parts[1] + ".", parts[0] + ".e30." + parts[2], openidtest.SignNot(claims(nil)),
		op.SignForeign("x", claims(nil)), op.SignWithPublicKey(claims(nil)), "bnVsbA.bnVsbA.bnVsbA", "e30.e30.", "eyJhbGciOm51bGx9.e30.AA"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		p, err := client.Bearer(t.Context(), s, token)
		if p != nil || err == nil {
			t.Errorf("%q came in as %v", token, p)
		}
	})
}
