package federation

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/openid/openidtest"
)

// signInPath is where programs bring access tokens of the provider home.
const signInPath = "/v3/OS-FEDERATION/identity_providers/home/protocols/openid/auth"

// TestTokensRefused: every token that is not good is told 401 and no more, and the log says why.
func TestTokensRefused(t *testing.T) {
	onEach(t, func(t *testing.T, op provider) {
		s := newSite(t, nil)
		s.trustHome(op, s.newVO("crew"))
		good := op.granted(t, "robot")
		for name, c := range badTokens(t, op, good) {
			t.Run(name, func(t *testing.T) {
				sub := *s
				sub.t = t
				before := len(s.logged())
				a := sub.bring(c.token)
				if a.status != http.StatusUnauthorized || strings.Contains(a.body, "issuer") {
					t.Errorf("%d %s", a.status, a.body)
				}
				sub.wantLogged(before, `sign-in refused: (`+c.reason+`)`)
			})
		}
		if a := s.bring(good); a.status != http.StatusCreated {
			t.Errorf("a good token: %d %s", a.status, a.body)
		}
	})
}

type badToken struct{ token, reason string }

// badTokens are made from a good one, from the provider's own keys and from those of another.
func badTokens(t *testing.T, op provider, good string) map[string]badToken {
	t.Helper()
	claims := func(more map[string]any) map[string]any {
		all := map[string]any{"iss": op.issuer(), "sub": "ann@home", "aud": "robot", "exp": 4102444800}
		maps.Copy(all, more)
		return all
	}
	dot := strings.LastIndexByte(good, '.')
	return map[string]badToken{
		"wrong":               {"not a token", "malformed|inactive"},
		"expired":             {op.sign(t, claims(map[string]any{"exp": 1000000000})), "expired"},
		"foreign":             {newHome(t).granted(t, "robot"), "wrong issuer|unknown key|bad signature"},
		"tampered":            {good[:dot-3] + "AAA" + good[dot:], "bad signature|malformed"},
		"no algorithm":        {openidtest.SignNot(claims(nil)), "bad algorithm"},
		"public key's HMAC":   {op.signWithPublicKey(t, claims(nil)), "bad algorithm"},
		"wrong audience":      {op.sign(t, claims(map[string]any{"aud": "somebody else"})), "wrong audience"},
		"another application": {op.granted(t, "portal"), "wrong audience"},
		"ID token":            {identityToken(t, op), "wrong kind"},
	}
}

// bring signs in by an access token.
func (s *site) bring(token string) reply {
	s.t.Helper()
	return s.ask("", "POST", signInPath, "", "Authorization", "Bearer "+token)
}
