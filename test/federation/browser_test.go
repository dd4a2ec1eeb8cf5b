package federation

import (
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// web is a cloud whose people sign in with browsers, for a dashboard.
type web struct {
	*site
	op        provider
	crew      vo
	dashboard *dashboard
	browsers  *driver
}

func newWeb(t *testing.T, op provider, scopes ...string) *web {
	t.Helper()
	w := &web{op: op, browsers: newDriver(t)}
	address := freeAddress(t)
	w.dashboard = newDashboard(t, "http://"+address)
	w.site = newSite(t, map[string]any{"listen": address, "trusted_dashboards": []string{w.dashboard.page()}, "membership_seconds": 2})
	op.comesBack(t, w.url+"/v3/auth/OS-FEDERATION/websso/openid/redirect")
	w.crew = w.newVO("crew")
	w.trustHome(op, w.crew, scopes...)
	return w
}

// enter signs ann in with a new browser, and answers the token that the dashboard got.
func (w *web) enter(t *testing.T) string {
	t.Helper()
	b := w.browsers.browser(t)
	b.open(w.url + begin(byProtocol, w.dashboard))
	w.op.signIn(b)
	w.wantWelcome(b)
	return w.dashboard.last()
}

// The two addresses at which a dashboard lets sign-ins begin.
const (
	byProtocol = "/v3/auth/OS-FEDERATION/websso/openid"
	byProvider = "/v3/auth/OS-FEDERATION/identity_providers/home/protocols/openid/websso"
)

// begin is where a dashboard sends browsers.
func begin(path string, d *dashboard) string {
	return path + "?origin=" + url.QueryEscape(d.page())
}

// wantWelcome waits until the dashboard shows ann her project.
func (w *web) wantWelcome(b *browser) {
	b.t.Helper()
	if got := b.text("#projects"); got != "crew" {
		b.t.Errorf("the dashboard shows the projects %q, want crew", got)
	}
}

// TestBrowserSignIn: a person whom a dashboard sends here signs in at the provider's page, and is back at the dashboard with a token.
func TestBrowserSignIn(t *testing.T) {
	onEach(t, func(t *testing.T, op provider) {
		w := newWeb(t, op)
		for name, path := range map[string]string{"by the protocol": byProtocol, "by the provider": byProvider} {
			t.Run(name, func(t *testing.T) {
				b := w.browsers.browser(t)
				b.open(w.url + begin(path, w.dashboard))
				op.signIn(b)
				w.wantWelcome(b)
			})
		}
		t.Run("two tabs at once", func(t *testing.T) { w.twoTabs(t) })
		t.Run("untrusted dashboard", func(t *testing.T) { w.untrusted(t) })
		t.Run("another browser", func(t *testing.T) { w.otherBrowser(t) })
	})
}

// twoTabs begins two sign-ins before either ends.
func (w *web) twoTabs(t *testing.T) {
	g, asks := w.op.(*glewlwyd)
	if !asks {
		t.Skip("this provider's page lets people in at once: no sign-in is under way for longer than a redirection")
	}
	b := w.browsers.browser(t)
	var tabs []string
	for _, path := range []string{byProtocol, byProvider} {
		tabs = append(tabs, b.tab())
		b.open(w.url + begin(path, w.dashboard))
	}
	before := w.dashboard.visits()
	for _, tab := range tabs {
		b.turnTo(tab)
		g.signIn(b)
		w.wantWelcome(b)
	}
	if n := w.dashboard.visits() - before; n != len(tabs) {
		t.Errorf("the dashboard was brought %d tokens, want %d", n, len(tabs))
	}
}

// untrusted: who lures somebody here gets no token, even where a sign-in needs nobody's doing any more.
func (w *web) untrusted(t *testing.T) {
	thief := newDashboard(t, w.url)
	b := w.browsers.browser(t)
	for _, path := range []string{byProtocol, byProvider} {
		b.open(w.url + begin(path, w.dashboard))
		w.op.signIn(b)
		w.wantWelcome(b)
		b.open(w.url + begin(path, thief))
		if said := b.text("body"); !strings.Contains(said, "not a trusted dashboard host") {
			t.Errorf("%s: %s", path, said)
		}
	}
	if n := thief.visits(); n > 0 {
		t.Errorf("an untrusted dashboard was brought %d tokens", n)
	}
}

// otherBrowser: who sends somebody else to the end of a sign-in of his own does not get that person's token, nor she his.
func (w *web) otherBrowser(t *testing.T) {
	his := w.ask("", "GET", begin(byProvider, w.dashboard), "")
	page, err := url.Parse(his.header.Get("Location"))
	cloudtest.Check(t, err)
	if q := page.Query(); his.status != http.StatusFound || q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) < 43 {
		t.Fatalf("the sign-in begins with %d %s", his.status, page)
	}
	before := w.dashboard.visits()
	b := w.browsers.browser(t)
	b.open(page.String())
	w.op.signIn(b)
	if said := b.text("body"); !strings.Contains(said, "did not begin in this browser") {
		t.Errorf("the end of another's sign-in: %s", said)
	}
	if n := w.dashboard.visits() - before; n != 0 {
		t.Errorf("the dashboard was brought %d tokens", n)
	}
}

// dashboard is a page at another site than the cloud that uses the tokens which browsers bring.
type dashboard struct {
	url, cloud string

	mu     sync.Mutex
	tokens []string // that were brought
}

func newDashboard(t *testing.T, cloud string) *dashboard {
	t.Helper()
	d := &dashboard{cloud: cloud}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /auth/websso/", d.serve)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	d.url = strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	return d
}

// page is where it wants tokens brought.
func (d *dashboard) page() string { return d.url + "/auth/websso/" }

// visits is how many tokens were brought.
func (d *dashboard) visits() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.tokens)
}

// last is the token brought last.
func (d *dashboard) last() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.tokens[len(d.tokens)-1]
}

var projectsPage = template.Must(template.New("").Parse(`<!DOCTYPE html><title>Dashboard</title><p id="projects">{{.}}</p>`))

func (d *dashboard) serve(w http.ResponseWriter, r *http.Request) {
	token := r.PostFormValue("token")
	d.mu.Lock()
	d.tokens = append(d.tokens, token)
	d.mu.Unlock()
	found, err := d.projects(token)
	if err != nil {
		found = err.Error()
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = projectsPage.Execute(w, found) // a browser that is gone sees nothing
}

// projects are the names of those that a token can be used on.
func (d *dashboard) projects(token string) (string, error) {
	r, err := http.NewRequest("GET", d.cloud+"/v3/auth/projects", nil)
	if err != nil {
		return "", err
	}
	r.Header.Set("X-Auth-Token", token)
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer a.Body.Close()
	var got struct{ Projects []struct{ Name string } }
	if err := json.NewDecoder(a.Body).Decode(&got); err != nil || a.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %v", a.Status, err)
	}
	var names []string
	for _, p := range got.Projects {
		names = append(names, p.Name)
	}
	return strings.Join(names, " "), nil
}
