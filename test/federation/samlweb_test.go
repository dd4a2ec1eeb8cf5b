package federation

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// TestSAMLClientSignsIn: Debian's command line signs in by the envelopes that it carries to Debian's identity provider.
func TestSAMLClientSignsIn(t *testing.T) {
	c := newCampus(t, nil)
	c.furnish(c.crew)
	c.boots("v3samlpassword", func() map[string]string {
		return map[string]string{"OS_AUTH_URL": c.url + "/v3", "OS_IDENTITY_API_VERSION": "3", "OS_IDENTITY_PROVIDER": "campus", "OS_PROTOCOL": "saml2",
			"OS_IDENTITY_PROVIDER_URL": c.idp.signOn(), "OS_USERNAME": "bob", "OS_PASSWORD": bobsPassword}
	}, c.crew)
}

// TestSAMLWebSignIn takes browsers through the identity provider's pages.
func TestSAMLWebSignIn(t *testing.T) {
	c := newCampus(t, nil)
	t.Run("signed", func(t *testing.T) {
		w := newWalker(t)
		c.wantToken(w, bring(w, c.answer(w)))
	})
	t.Run("signed in already", func(t *testing.T) {
		w := newWalker(t)
		c.wantToken(w, bring(w, c.answer(w)))
		c.wantToken(w, bring(w, w.form(w.open(c.beginning(trustedPage)), "SAMLResponse")))
	})
	for name, way := range map[string]struct{ settings, shows string }{
		"enciphered":             {`'assertion.encryption' => true`, `<saml:EncryptedAssertion>`},
		"assertion alone signed": {`'saml20.sign.response' => false`, `</saml:Issuer><samlp:Status>`},
		"SHA-512":                {`'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512'`, `xmldsig-more#rsa-sha512`},
	} {
		t.Run(name, func(t *testing.T) { c.signsInBy(t, way.settings, way.shows) })
	}
	t.Run("untrusted dashboard", func(t *testing.T) {
		p := newWalker(t).open(c.beginning("http://localhost:1/auth/elsewhere/"))
		if p.status != http.StatusUnauthorized || !strings.Contains(p.text, "not a trusted dashboard host") {
			t.Errorf("%d %s", p.status, p.text)
		}
	})
	t.Run("another browser", func(t *testing.T) {
		answer := c.answer(newWalker(t))
		if p := bring(newWalker(t), answer); p.status != http.StatusUnauthorized || !strings.Contains(p.text, "did not begin in this browser") {
			t.Errorf("%d %s", p.status, p.text)
		}
	})
}

// signsInBy signs in by an answer that the identity provider makes in its own way, as something in the answer shows.
func (c *campus) signsInBy(t *testing.T, settings, shows string) {
	t.Helper()
	c.idp.behave(t, settings)
	defer c.idp.behave(t, "")
	w := newWalker(t)
	answer := c.answer(w)
	text, err := base64.StdEncoding.DecodeString(answer.fields.Get("SAMLResponse"))
	cloudtest.Check(t, err)
	if !strings.Contains(string(text), shows) {
		t.Fatalf("there is no %s in %s", shows, text)
	}
	c.wantToken(w, bring(w, answer))
}
