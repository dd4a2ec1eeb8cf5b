package federation

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/openid/openidtest"
	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// provider is an OpenID provider with a person, ann, and three applications: robot, portal, and terminal, which keeps no secret.
type provider interface {
	issuer() string
	// comesBack lets the provider send browsers back to a URL, for robot.
	comesBack(t *testing.T, to string)
	// granted is an access token for ann that an application got with her password.
	granted(t *testing.T, app string) string
	// code is what a browser would bring back to robot at backURL after ann signed in.
	code(t *testing.T) string
	// signIn takes a browser that arrived at the provider's page, as ann, until it leaves.
	signIn(b *browser)
	// allow says yes on ann's behalf to a terminal that shows a code, if it is one of the provider's.
	allow(t *testing.T, code string) bool
	// entitle changes what the provider says of ann.
	entitle(t *testing.T, entitlements ...string)
	// sign makes a JWT with the provider's own key, signWithPublicKey one whose HMAC secret is its public key.
	sign(t *testing.T, claims map[string]any) string
	signWithPublicKey(t *testing.T, claims map[string]any) string
}

const (
	annsPassword = "ann's password"
	robotsSecret = "robot's secret" // and portal's

	// backURL is where nothing listens: codes are taken out of the redirection.
	backURL = "http://127.0.0.1:1/back"

	crewEntitlement  = "urn:mace:example.org:group:crew:role=vm_operator#aai.example.org"
	otherEntitlement = "urn:mace:example.org:group:other:role=member#aai.example.org"
)

// scopes are those that a program asks for.
const scopes = "openid email eduperson_entitlement"

// providers are ours, and one that others wrote.
var providers = []struct {
	name  string
	start func(t *testing.T) provider
}{
	{"openidtest", func(t *testing.T) provider { return newHome(t) }},
	{"glewlwyd", func(t *testing.T) provider { return newGlewlwyd(t) }},
}

// onEach runs a test against each provider.
func onEach(t *testing.T, test func(t *testing.T, op provider)) {
	t.Helper()
	needSites(t)
	for _, p := range providers {
		t.Run(p.name, func(t *testing.T) { test(t, p.start(t)) })
	}
}

// document is what tests read of a discovery document.
type document struct {
	Authorization string   `json:"authorization_endpoint"`
	Token         string   `json:"token_endpoint"`
	Grants        []string `json:"grant_types_supported"`
}

func discover(t *testing.T, op provider) (d document) {
	t.Helper()
	a, err := http.Get(op.issuer() + openidtest.Discovery)
	cloudtest.Check(t, err)
	defer a.Body.Close()
	cloudtest.Check(t, json.NewDecoder(a.Body).Decode(&d))
	return d
}

// tokensAt is how the command line finds where a grant is to be had. It believes a discovery document that leaves the grant out,
// as glewlwyd's does, whatever the provider can do; then it is told the address.
func tokensAt(t *testing.T, op provider, grant string) map[string]string {
	t.Helper()
	if d := discover(t, op); !slices.Contains(d.Grants, grant) {
		return map[string]string{"OS_ACCESS_TOKEN_ENDPOINT": d.Token}
	}
	return map[string]string{"OS_DISCOVERY_ENDPOINT": op.issuer() + openidtest.Discovery}
}

// pageAddress is where a program would send ann's browser.
func pageAddress(t *testing.T, op provider) string {
	t.Helper()
	q := url.Values{"client_id": {"robot"}, "response_type": {"code"}, "redirect_uri": {backURL}, "scope": {scopes}, "state": {"s"}, "nonce": {"n"}}
	return discover(t, op).Authorization + "?" + q.Encode()
}

// codeAt follows a browser's way from a page to the code that it brings back.
func codeAt(t *testing.T, page string, cookies http.CookieJar) string {
	t.Helper()
	client := &http.Client{Jar: cookies, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/back" {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	a, err := client.Get(page)
	cloudtest.Check(t, err)
	defer a.Body.Close()
	back, err := url.Parse(a.Header.Get("Location"))
	cloudtest.Check(t, err)
	if !back.Query().Has("code") {
		t.Fatalf("%s: %s leads to %s", page, a.Status, back)
	}
	return back.Query().Get("code")
}

// identityToken is what robot is told of ann after she signed in with a browser.
func identityToken(t *testing.T, op provider) string {
	t.Helper()
	return exchange(t, op, "robot", url.Values{"grant_type": {"authorization_code"}, "code": {op.code(t)}, "redirect_uri": {backURL}}).ID
}

type tokens struct {
	Access string `json:"access_token"`
	ID     string `json:"id_token"`
}

// exchange gets tokens for a grant.
func exchange(t *testing.T, op provider, app string, form url.Values) (got tokens) {
	t.Helper()
	r, err := http.NewRequest("POST", discover(t, op).Token, strings.NewReader(form.Encode()))
	cloudtest.Check(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(app, robotsSecret)
	a, err := http.DefaultClient.Do(r)
	cloudtest.Check(t, err)
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	cloudtest.Check(t, err)
	if a.StatusCode != http.StatusOK {
		t.Fatalf("%s for %s: %s %s", form.Get("grant_type"), app, a.Status, text)
	}
	cloudtest.Check(t, json.Unmarshal(text, &got))
	return got
}
