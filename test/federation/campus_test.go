package federation

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// campus is a cloud and the SAML identity provider whose people it lets in.
type campus struct {
	*site
	idp  *simplesamlphp
	crew vo
}

// trustedPage is where a dashboard wants tokens brought. Nothing listens there.
const trustedPage = "http://localhost:1/auth/websso/"

func newCampus(t *testing.T, config map[string]any) *campus {
	t.Helper()
	settings := map[string]any{"trusted_dashboards": []string{trustedPage}}
	maps.Copy(settings, config)
	c := &campus{site: newSite(t, settings)}
	c.idp = newSimplesamlphp(t, c.ask("", "GET", "/v3/mellon/metadata", "").body, c.consumer())
	c.crew = c.newVO("crew")
	provider, err := json.Marshal(map[string]any{"enabled": true, "nubo:saml": map[string]string{"metadata": newWalker(t).open(c.idp.metadataURL()).text}})
	cloudtest.Check(t, err)
	c.trust("campus", "saml2", string(provider), `[{"local":[{"user":{"name":"{0}","email":"{1}"}}],
			"remote":[{"type":"MELLON_eduPersonPrincipalName"},{"type":"MELLON_mail"}]},
		{"local":[{"group":{"id":"`+c.crew.group+`"}}],"remote":[{"type":"MELLON_eduPersonEntitlement","any_one_of":["`+crewEntitlement+`"]}]}]`)
	return c
}

// consumer is where browsers bring answers.
func (c *campus) consumer() string { return c.url + "/v3/mellon/postResponse" }

// beginning is where a dashboard sends browsers.
func (c *campus) beginning(dashboard string) string {
	return c.url + "/v3/auth/OS-FEDERATION/websso/saml2?origin=" + url.QueryEscape(dashboard)
}

// answer is what the identity provider has a browser bring that signs in.
func (c *campus) answer(w *walker) form {
	w.t.Helper()
	return c.idp.signIn(w, w.open(c.beginning(trustedPage)))
}

// bring brings an answer, and once more where the cloud asks for that.
func bring(w *walker, answer form) page {
	w.t.Helper()
	p := w.send(answer)
	if again, ok := formWith(p, "again"); ok {
		return w.send(again)
	}
	return p
}

// wantToken wants a page that gives the dashboard a token for bob's project.
func (c *campus) wantToken(w *walker, p page) {
	w.t.Helper()
	f := w.form(p, "token")
	if f.action != trustedPage {
		w.t.Errorf("the token goes to %s", f.action)
	}
	a := c.ask(f.fields.Get("token"), "GET", "/v3/auth/projects", "")
	if a.status != http.StatusOK || !strings.Contains(a.body, c.crew.project) {
		w.t.Errorf("the token's projects: %d %s", a.status, a.body)
	}
}
