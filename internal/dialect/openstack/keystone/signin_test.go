package keystone

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"

	"github.com/nubo-cloud/nubo/internal/identity"
	"github.com/nubo-cloud/nubo/internal/openid"
	"github.com/nubo-cloud/nubo/internal/openid/openidtest"
	"github.com/nubo-cloud/nubo/internal/saml"
	"github.com/nubo-cloud/nubo/internal/saml/samltest"
)

const dashboard = "https://Dashboard.example/auth/websso/"

// federated is a site with two providers: home, by OpenID, and campus, by SAML. Who carries the entitlement "crew" is a member
// of the demo project.
type federated struct {
	*site
	op     *openidtest.Provider
	campus *samltest.IdentityProvider
}

func newFederated(t *testing.T) *federated {
	t.Helper()
	f := &federated{op: openidtest.New("https://op.example"), campus: samltest.New(t, "https://campus.example/idp", samltest.RSA())}
	f.site = newSiteWith(t, func(d *identity.Deps) {
		d.OpenID = openid.New(openid.Options{HTTP: openidtest.Client(f.op)})
		d.Options.TrustedOrigins = []string{dashboard}
	})
	f.op.SetApp(openidtest.App{ID: "nubo", Secret: "geheim", Redirects: []string{f.url + "/v3/auth/OS-FEDERATION/websso/openid/redirect"}})
	f.op.SetUser(openidtest.User{Name: "ann", Subject: "ann@home", Claims: map[string]any{"email": "ann@example.org", "eduperson_entitlement": []string{"other", "crew"}}})
	group := f.admin("POST", "/v3/groups", `{"group":{"name":"crew"}}`).is(201).text("group.id")
	role := f.admin("GET", "/v3/roles?name=member", "").is(200).text("roles.0.id")
	f.admin("PUT", "/v3/projects/"+string(f.made.DemoProjectID)+"/groups/"+group+"/roles/"+role, "").is(204)
	f.provider("home", "openid", `"enabled":true,"remote_ids":["https://op.example"],"nubo:openid":{"client_id":"nubo","client_secret":"geheim","introspect":true}`,
		"HTTP_OIDC_SUB", "OIDC-eduperson_entitlement", "crew", group)
	metadata := strings.ReplaceAll(strings.ReplaceAll(string(f.campus.Metadata()), "\n", " "), `"`, `\"`)
	f.provider("campus", "saml2", `"enabled":true,"nubo:saml":{"metadata":"`+metadata+`"}`, "MELLON_NAME_ID", "MELLON_eduPersonEntitlement", "urn:a", group)
	return f
}

// provider makes a provider, its protocol and a mapping by which people with an entitlement are in a group.
func (f *federated) provider(id, protocol, settings, name, attribute, entitlement, group string) {
	f.t.Helper()
	const path = "/v3/OS-FEDERATION/"
	f.admin("PUT", path+"identity_providers/"+id, `{"identity_provider":{`+settings+`}}`).is(201)
	f.admin("PUT", path+"mappings/"+id, `{"mapping":{"rules":[{"local":[{"user":{"name":"{0}"}}],"remote":[{"type":"`+name+`"}]},
		{"local":[{"group":{"id":"`+group+`"}}],"remote":[{"type":"`+attribute+`","any_one_of":["`+entitlement+`"]}]}]}}`).is(201)
	f.admin("PUT", path+"identity_providers/"+id+"/protocols/"+protocol, `{"protocol":{"mapping_id":"`+id+`"}}`).is(201)
}

const authPath = "/v3/OS-FEDERATION/identity_providers/home/protocols/openid/auth"

// works proves that a token without a scope is a person's, who can go on to the project.
func (f *federated) works(token string) {
	f.t.Helper()
	shown := f.call(token, "GET", "/v3/auth/tokens", "", "X-Subject-Token", token).is(200)
	if shown.len("token.user.OS-FEDERATION.groups") != 1 {
		f.t.Errorf("the token says %s", shown.body)
	}
	for _, path := range []string{"/v3/auth/projects", "/v3/OS-FEDERATION/projects"} {
		if got := f.call(token, "GET", path, "").is(200).text("projects.0.id"); got != string(f.made.DemoProjectID) {
			f.t.Errorf("%s begins with project %s", path, got)
		}
	}
	body := `{"auth":{"identity":{"methods":["token"],"token":{"id":"` + token + `"}},"scope":{"project":{"id":"` + string(f.made.DemoProjectID) + `"}}}}`
	scoped := f.call("", "POST", "/v3/auth/tokens", body).is(201)
	if scoped.text("token.roles.0.name") != "member" || scoped.len("token.catalog") == 0 {
		f.t.Errorf("scoped: %s", scoped.body)
	}
	if got, want := scoped.text("token.expires_at"), shown.text("token.expires_at"); got != want {
		f.t.Errorf("it ends at %s, the first at %s", got, want)
	}
	user := shown.text("token.user.id")
	self := f.call(scoped.header.Get("X-Subject-Token"), "GET", "/v3/users/"+user, "").is(200)
	if self.len("user.federated") != 1 {
		f.t.Errorf("the user is %s", self.body)
	}
	f.call(scoped.header.Get("X-Subject-Token"), "GET", "/v3/users/"+user+"/projects", "").is(200)
}

// An access token signs its owner in, by both verbs; what is no access token of the provider's is told 401 and no more.
func TestSignInByAccessToken(t *testing.T) {
	f := newFederated(t)
	token := f.op.Grant("nubo", "ann@home", "openid", "email", "eduperson_entitlement")
	for _, verb := range []string{"GET", "POST"} {
		for _, prefix := range []string{"", "/identity"} {
			a := f.call("", verb, prefix+authPath, "", "authorization", "bearer "+token).is(201)
			if a.text("token.methods.0") != "openid" || a.text("token.user.name") != "ann@home" || a.text("token.user.OS-FEDERATION.protocol.id") != "openid" {
				t.Errorf("%s: %s", verb, a.body)
			}
			f.works(a.header.Get("X-Subject-Token"))
		}
	}
	for what, value := range map[string]string{"nothing": "", "another scheme": "Basic YTpi", "no token": "Bearer ", "what is no token": "Bearer x",
		"an altered one": "Bearer " + token[:len(token)-4] + "AAAA", "one by no algorithm": "Bearer " + openidtest.SignNot(map[string]any{"iss": f.op.Issuer, "sub": "ann@home"})} {
		if a := f.call("", "POST", authPath, "", "Authorization", value); a.status != 401 || a.header.Get("Location") != "" {
			t.Errorf("with %s: %d %s", what, a.status, a.body)
		}
	}
	f.call("", "POST", strings.Replace(authPath, "home", "nowhere", 1), "", "Authorization", "Bearer "+token).is(404)
	f.call("", "POST", "/v3/OS-FEDERATION/identity_providers/campus/protocols/saml2/auth", "", "Authorization", "Bearer "+token).is(401)
	f.admin("PATCH", "/v3/OS-FEDERATION/identity_providers/home", `{"identity_provider":{"enabled":false}}`).is(200)
	f.call("", "POST", authPath, "", "Authorization", "Bearer "+token).is(403)
}

// A provider that is down keeps new people out, and nobody who is in.
func TestSignInWhileProviderIsDown(t *testing.T) {
	f := newFederated(t)
	token := f.op.Grant("nubo", "ann@home", "openid", "eduperson_entitlement")
	in := f.call("", "POST", authPath, "", "Authorization", "Bearer "+token).is(201).header.Get("X-Subject-Token")
	f.op.Be(openidtest.Behaviour{Down: true})
	f.works(in)
	f.call("", "POST", authPath, "", "Authorization", "Bearer "+f.op.Grant("nubo", "ann@home", "openid")).is(503)
}

// browser goes where it is sent, with the cookies it was given, as far as the provider.
type browser struct {
	f       *federated
	cookies map[string]string
}

func (b *browser) open(method, path, body string, headers ...string) answer {
	b.f.t.Helper()
	var all []string
	for name, value := range b.cookies {
		all = append(all, name+"="+value)
	}
	headers = append(headers, "Cookie", strings.Join(all, "; "))
	if method == "POST" {
		headers = append(headers, "Content-Type", "application/x-www-form-urlencoded")
	}
	a := b.f.call("", method, path, body, headers...)
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		b.cookies[c.Name] = c.Value
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return a
}

// field is what a page's form holds under a name.
func (a answer) field(name string) string {
	found := regexp.MustCompile(`name="` + name + `" id="[^"]*" value="([^"]*)"`).FindStringSubmatch(a.body)
	if found == nil {
		return ""
	}
	return html.UnescapeString(found[1])
}

// posts proves that a page gives the dashboard a token, and answers it.
func (a answer) posts(to string) string {
	a.s.t.Helper()
	if a.is(200); !strings.Contains(html.UnescapeString(a.body), `id="sso" name="sso" action="`+to+`" method="post"`) {
		a.s.t.Errorf("the page is %s", a.body)
	}
	return a.field("token")
}

// throughProvider follows a browser from the provider's address back to ours.
func (f *federated) throughProvider(at string) string {
	f.t.Helper()
	client := openidtest.Client(f.op)
	client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), f.url) {
			return http.ErrUseLastResponse
		}
		return nil
	}
	got, err := client.Get(at)
	if err != nil {
		f.t.Fatal(err)
	}
	defer got.Body.Close()
	back := got.Header.Get("Location")
	if !strings.HasPrefix(back, f.url) {
		f.t.Fatalf("the provider sends the browser to %q (%d)", back, got.StatusCode)
	}
	return strings.TrimPrefix(back, f.url)
}

// A browser comes back from the provider with what signs it in, once, and hands the dashboard a token.
func TestBrowserSignIn(t *testing.T) {
	f := newFederated(t)
	f.op.SignIn("ann@home")
	origin := "?origin=" + url.QueryEscape(strings.ToLower(dashboard[:len("https://Dashboard.example")])+dashboard[len("https://Dashboard.example"):])
	for _, path := range []string{"/v3/auth/OS-FEDERATION/websso/openid", "/identity/v3/auth/OS-FEDERATION/identity_providers/home/protocols/openid/websso"} {
		b := &browser{f, map[string]string{}}
		back := f.throughProvider(b.open("GET", path+origin, "").is(302).header.Get("Location"))
		f.call("", "GET", back, "").is(401) // another browser
		f.works(b.open("GET", back, "").posts("https://dashboard.example/auth/websso/"))
		b.open("GET", back, "").is(401) // again
	}
	for query, status := range map[string]int{"": 400, "?origin=https://evil.example/": 401, "?origin=" + url.QueryEscape(dashboard+"x"): 401} {
		f.call("", "GET", "/v3/auth/OS-FEDERATION/websso/openid"+query, "").is(status)
	}
	f.call("", "GET", "/v3/auth/OS-FEDERATION/websso/none"+origin, "").is(401)
}

// Where several providers have a protocol, the person is asked.
func TestBrowserChoosesProvider(t *testing.T) {
	f := newFederated(t)
	f.admin("PUT", "/v3/OS-FEDERATION/identity_providers/work", `{"identity_provider":{"enabled":true,"description":"Work & <more>"}}`).is(201)
	f.admin("PUT", "/v3/OS-FEDERATION/identity_providers/work/protocols/openid", `{"protocol":{"mapping_id":"home"}}`).is(201)
	page := f.call("", "GET", "/v3/auth/OS-FEDERATION/websso/openid?origin="+url.QueryEscape(dashboard), "").is(200)
	for _, want := range []string{">home</a>", ">Work &amp; &lt;more&gt;</a>", "/identity_providers/work/protocols/openid/websso?origin="} {
		if !strings.Contains(page.body, want) {
			t.Errorf("no %q on the page %s", want, page.body)
		}
	}
}

// requestID reads the id out of a request that travels in a URL.
func requestID(t *testing.T, location string) (id, relay string) {
	t.Helper()
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := base64.StdEncoding.DecodeString(u.Query().Get("SAMLRequest"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(flate.NewReader(strings.NewReader(string(packed))))
	if err != nil {
		t.Fatal(err)
	}
	d := etree.NewDocument()
	if err := d.ReadFromBytes(text); err != nil {
		t.Fatal(err)
	}
	return d.Root().SelectAttrValue("ID", ""), u.Query().Get("RelayState")
}

// A browser posts what its SAML provider says, without our cookie since it comes from another site, and then with it.
func TestBrowserSignInBySAML(t *testing.T) {
	f := newFederated(t)
	b := &browser{f, map[string]string{}}
	to := b.open("GET", "/v3/auth/OS-FEDERATION/websso/saml2?origin="+url.QueryEscape(dashboard), "").is(302).header.Get("Location")
	id, relay := requestID(t, to)
	right := f.campus.Right(time.Now(), f.url+"/v3/mellon/metadata", f.url+"/v3/mellon/postResponse", id)
	said := string(f.campus.Signed(t, right))
	posted := url.Values{"SAMLResponse": {said}, "RelayState": {relay}}
	elsewhere := &browser{f, map[string]string{}}
	again := elsewhere.open("POST", "/v3/mellon/postResponse", posted.Encode()).is(200)
	if again.field("SAMLResponse") != said || again.field("RelayState") != relay || again.field("again") == "" {
		t.Errorf("the page to post once more is %s", again.body)
	}
	posted.Set("again", "1")
	elsewhere.open("POST", "/v3/mellon/postResponse", posted.Encode()).is(401)
	kept := b.cookies
	f.works(b.open("POST", "/v3/mellon/postResponse", posted.Encode()).posts(dashboard))
	b.open("POST", "/v3/mellon/postResponse", posted.Encode()).is(401)
	(&browser{f, kept}).open("POST", "/v3/mellon/postResponse", posted.Encode()).is(401) // replayed with its cookie
}

// A client at a terminal carries an envelope to its provider and back, and gets its token where it began.
func TestSignInByEnvelope(t *testing.T) {
	f := newFederated(t)
	const path = "/v3/OS-FEDERATION/identity_providers/campus/protocols/saml2/auth"
	speaks := []string{"Accept", "application/json,application/vnd.paos+xml", "PAOS", `ver="urn:liberty:paos:2003-08";"urn:oasis:names:tc:SAML:2.0:profiles:SSO:ecp"`}
	f.call("", "GET", path, "").is(401)
	asked := f.call("", "GET", path, "", speaks...).is(200)
	if asked.header.Get("Content-Type") != "application/vnd.paos+xml" {
		t.Errorf("content type %s", asked.header.Get("Content-Type"))
	}
	d := etree.NewDocument()
	if err := d.ReadFromString(asked.body); err != nil {
		t.Fatal(err)
	}
	id, relay := d.FindElement("//AuthnRequest").SelectAttrValue("ID", ""), d.FindElement("//RelayState").Text()
	right := f.campus.Right(time.Now(), f.url+"/v3/mellon/metadata", f.url+"/v3/mellon/paosResponse", id)
	said, err := base64.StdEncoding.DecodeString(string(f.campus.Signed(t, right)))
	if err != nil {
		t.Fatal(err)
	}
	carried := `<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Header><ecp:RelayState xmlns:ecp="urn:oasis:names:tc:SAML:2.0:profiles:SSO:ecp">` +
		relay + `</ecp:RelayState></S:Header><S:Body>` + string(said) + `</S:Body></S:Envelope>`
	b := &browser{f, map[string]string{}}
	back := b.open("POST", "/v3/mellon/paosResponse", carried, "Content-Type", "application/vnd.paos+xml").is(303)
	if got := back.header.Get("Location"); got != f.url+path {
		t.Errorf("sent back to %s", got)
	}
	f.works(b.open("GET", path, "", speaks...).is(201).header.Get("X-Subject-Token"))
	b.open("POST", "/v3/mellon/paosResponse", carried, "Content-Type", "application/vnd.paos+xml").is(401)
	b.open("POST", "/v3/mellon/paosResponse", "<x/>", "Content-Type", "application/vnd.paos+xml").is(400)
	f.call("", "GET", path, "", "Cookie", sessionCookieName+"=x").is(401)
}

// The metadata that providers need is there, and that of a provider is checked when it is put.
func TestSAMLMetadata(t *testing.T) {
	f := newFederated(t)
	own := f.call("", "GET", "/v3/mellon/metadata", "").is(200)
	for _, want := range []string{`entityID="` + f.url + `/v3/mellon/metadata"`, f.url + "/v3/mellon/postResponse", f.url + "/v3/mellon/paosResponse"} {
		if !strings.Contains(own.body, want) {
			t.Errorf("no %s in %s", want, own.body)
		}
	}
	if again := f.call("", "GET", "/v3/mellon/metadata", ""); again.body != own.body {
		t.Error("another key the second time")
	}
	campus := f.admin("GET", "/v3/OS-FEDERATION/identity_providers/campus", "").is(200)
	if campus.text("identity_provider.nubo:saml.entity_id") != "https://campus.example/idp" || campus.text("identity_provider.remote_ids.0") != "https://campus.example/idp" {
		t.Errorf("campus is %s", campus.body)
	}
	for _, bad := range []string{`{}`, `{"metadata":"<x/>"}`, `{"metadata":5}`, `{"feed":"none"}`, `{"metadata":"<x/>","feed":"none"}`} {
		f.admin("PATCH", "/v3/OS-FEDERATION/identity_providers/campus", `{"identity_provider":{"nubo:saml":`+bad+`}}`).is(400)
	}
	f.admin("PATCH", "/v3/OS-FEDERATION/identity_providers/campus", `{"identity_provider":{"nubo:saml":null}}`).is(200)
}

// feeds is one feed, of campus alone.
type feeds struct{ index *saml.Index }

func (f feeds) Feed(name string) (*saml.Index, bool) { return f.index, name == "edu" }
func (f feeds) Configured(name string) bool          { return name == "edu" }

// A provider that stands for a whole federation asks where the person is at home, and takes the word of whom the feed lists.
func TestBrowserChoosesHome(t *testing.T) {
	f := newFederated(t)
	signer := samltest.New(t, "https://federation.example", samltest.Other())
	var text bytes.Buffer
	samltest.Feed{Entities: 8, ValidUntil: time.Now().Add(time.Hour)}.Write(t, &text, signer)
	index, err := saml.ReadFeed(&text, signer.Certificate, time.Now, t.TempDir()+"/index")
	if err != nil {
		t.Fatal(err)
	}
	f.service.Feeds = feeds{index}
	f.admin("PUT", "/v3/OS-FEDERATION/identity_providers/edu", `{"identity_provider":{"enabled":true,"nubo:saml":{"feed":"edu"}}}`).is(201)
	f.admin("PUT", "/v3/OS-FEDERATION/identity_providers/edu/protocols/saml2", `{"protocol":{"mapping_id":"campus"}}`).is(201)
	path := "/v3/auth/OS-FEDERATION/identity_providers/edu/protocols/saml2/websso?origin=" + url.QueryEscape(dashboard)
	home := index.Search("", 1)[0]
	for query, want := range map[string]bool{"": true, "&search=" + url.QueryEscape(home.Name): true, "&search=nothing+like+it": false} {
		page := f.call("", "GET", path+query, "").is(200)
		if got := strings.Contains(page.body, "entityID="+url.QueryEscape(home.EntityID)); got != want {
			t.Errorf("%q: listed %t: %s", query, got, page.body)
		}
	}
	f.call("", "GET", path+"&entityID="+url.QueryEscape(home.EntityID), "").is(302)
	f.call("", "GET", path+"&entityID=https://elsewhere.example", "").is(404)
	f.call("", "GET", strings.Replace(path, "Dashboard", "evil", 1), "").is(401)
}

// An operator is told what a token would lead to, whatever is wrong with it, and nothing comes of it.
func TestExplainSignIn(t *testing.T) {
	f := newFederated(t)
	const path = "/v3/OS-FEDERATION/identity_providers/home/protocols/openid/explain"
	ask := func(token string) answer {
		t.Helper()
		return f.admin("POST", path, `{"token":"`+token+`"}`).is(200)
	}
	good := f.op.Grant("nubo", "ann@home", "openid", "email", "eduperson_entitlement")
	x := ask(good)
	if x.text("explanation.attributes.OIDC-eduperson_entitlement") != "other;crew" || x.text("explanation.gets.user.name") != "ann@home" ||
		x.len("explanation.gets.group_ids") != 1 || x.len("explanation.rules") != 2 || x.get("explanation.refused") != nil {
		t.Errorf("explained as %s", x.body)
	}
	if got := ask("no.good.token"); !strings.Contains(got.text("explanation.refused"), "refused: inactive") || got.get("explanation.gets") != nil {
		t.Errorf("a token that is none: %s", got.body)
	}
	f.admin("PATCH", "/v3/OS-FEDERATION/mappings/home", `{"mapping":{"rules":[{"local":[{"user":{"name":"x"}}],"remote":[{"type":"nothing"}]}]}}`).is(200)
	if got := ask(good); got.text("explanation.rules.0.because") != "there is no 'nothing'" || got.get("explanation.refused") == nil {
		t.Errorf("no rule applies: %s", got.body)
	}
	if users := f.admin("GET", "/v3/users?idp_id=home", "").is(200); users.len("users") != 0 {
		t.Errorf("somebody was made: %s", users.body)
	}
	f.admin("POST", path, `{}`).is(400)
	demo := f.signIn("demo", demoPassword, `{"project":{"id":"`+string(f.made.DemoProjectID)+`"}}`)
	f.call(demo, "POST", path, `{"token":"x"}`).is(403)
}
