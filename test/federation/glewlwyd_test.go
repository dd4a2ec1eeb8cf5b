package federation

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"text/template"
	"time"

	_ "modernc.org/sqlite" // the provider's store is made with it

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// glewlwyd is Debian's OpenID provider in a process of its own, with a store and settings of its own.
type glewlwyd struct {
	url    string // without a path
	dir    string
	admin  *http.Client // signed in
	key    *rsa.PrivateKey
	client object // robot, as it is registered
}

// object is a body of glewlwyd's API.
type object map[string]any

const (
	glewlwydProgram = "/usr/bin/glewlwyd"
	glewlwydSchema  = "/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3"
	glewlwydPages   = "/usr/share/glewlwyd/webapp"
)

func newGlewlwyd(t *testing.T) *glewlwyd {
	t.Helper()
	if _, err := os.Stat(glewlwydProgram); err != nil {
		t.Skip("needs Debian's package glewlwyd, which is not installed")
	}
	address := freeAddress(t)
	_, port, _ := strings.Cut(address, ":")
	// It is another site than the cloud is for browsers, which cookies depend on.
	g := &glewlwyd{url: "http://localhost:" + port, dir: t.TempDir(), admin: newVisitor(t), key: newKey(t)}
	g.store(t)
	g.pages(t)
	g.serve(t, port)
	g.furnish(t)
	return g
}

// store makes the database that the package would make.
func (g *glewlwyd) store(t *testing.T) {
	t.Helper()
	schema, err := os.ReadFile(glewlwydSchema)
	cloudtest.Check(t, err)
	db, err := sql.Open("sqlite", filepath.Join(g.dir, "store.db"))
	cloudtest.Check(t, err)
	defer db.Close()
	_, err = db.Exec("BEGIN; " + string(schema) + "; COMMIT")
	cloudtest.Check(t, err)
}

// pages copies those that people see: the program serves no links, and the package's settings for them are a directory by mistake.
func (g *glewlwyd) pages(t *testing.T) {
	t.Helper()
	to := filepath.Join(g.dir, "pages")
	out, err := exec.Command("cp", "-rL", glewlwydPages, to).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	settings := filepath.Join(to, "config.json")
	if found, err := filepath.Glob(settings + "/config.json"); err == nil && len(found) == 1 {
		cloudtest.Check(t, os.Rename(found[0], settings+".plain"))
		cloudtest.Check(t, os.RemoveAll(settings))
		cloudtest.Check(t, os.Rename(settings+".plain", settings))
	}
}

var glewlwydSettings = template.Must(template.New("").Parse(`port={{.Port}}
bind_address="127.0.0.1"
external_url="{{.URL}}"
login_url="login.html"
api_prefix="api"
static_files_path="{{.Dir}}/pages/"
static_files_mime_types=({extension=".html" mime_type="text/html"}, {extension=".css" mime_type="text/css"},
	{extension=".js" mime_type="application/javascript"}, {extension=".json" mime_type="application/json"})
log_mode="console"
log_level="INFO"
cookie_secure=0
session_key="session"
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="/usr/lib/glewlwyd/user"
client_module_path="/usr/lib/glewlwyd/client"
user_auth_scheme_module_path="/usr/lib/glewlwyd/scheme"
plugin_module_path="/usr/lib/glewlwyd/plugin"
hash_algorithm="SHA512"
database={type="sqlite3" path="{{.Dir}}/store.db"};
`))

func (g *glewlwyd) serve(t *testing.T, port string) {
	t.Helper()
	settings := filepath.Join(g.dir, "glewlwyd.conf")
	var text bytes.Buffer
	cloudtest.Check(t, glewlwydSettings.Execute(&text, map[string]string{"Port": port, "URL": g.url, "Dir": g.dir}))
	cloudtest.Check(t, os.WriteFile(settings, text.Bytes(), 0o600))
	launch(t, g.dir, exec.Command(glewlwydProgram, "--config-file="+settings), func() error {
		a, err := http.Get(g.url + "/config")
		if err == nil {
			err = a.Body.Close()
		}
		return err
	})
}

func newKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	cloudtest.Check(t, err)
	return k
}

// newVisitor keeps cookies.
func newVisitor(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	cloudtest.Check(t, err)
	return &http.Client{Jar: jar}
}

// ask asks the API for something that succeeds.
func (g *glewlwyd) ask(t *testing.T, as *http.Client, method, path string, body any) []byte {
	t.Helper()
	text, err := json.Marshal(body)
	cloudtest.Check(t, err)
	r, err := http.NewRequest(method, g.url+"/api/"+path, bytes.NewReader(text))
	cloudtest.Check(t, err)
	r.Header.Set("Content-Type", "application/json")
	a, err := as.Do(r)
	cloudtest.Check(t, err)
	defer a.Body.Close()
	answer, err := io.ReadAll(a.Body)
	cloudtest.Check(t, err)
	if a.StatusCode != http.StatusOK {
		t.Fatalf("glewlwyd: %s %s: %s %s", method, path, a.Status, answer)
	}
	return answer
}

// enter signs in at the API, as a page of glewlwyd's does.
func (g *glewlwyd) enter(t *testing.T, as *http.Client, name, password string) {
	t.Helper()
	g.ask(t, as, "POST", "auth/", object{"username": name, "password": password})
}

func (g *glewlwyd) issuer() string { return g.url + "/api/oidc" }

func (g *glewlwyd) comesBack(t *testing.T, to string) {
	t.Helper()
	g.client["redirect_uri"] = []string{backURL, to}
	g.ask(t, g.admin, "PUT", "client/robot", g.client)
}

func (g *glewlwyd) granted(t *testing.T, app string) string {
	t.Helper()
	return exchange(t, g, app, map[string][]string{"grant_type": {"password"}, "username": {"ann"}, "password": {annsPassword}, "scope": {scopes}}).Access
}

func (g *glewlwyd) code(t *testing.T) string {
	t.Helper()
	ann := newVisitor(t)
	g.enter(t, ann, "ann", annsPassword)
	g.ask(t, ann, "PUT", "auth/grant/robot", object{"scope": scopes})
	return codeAt(t, pageAddress(t, g)+"&g_continue", ann.Jar) // what the page adds once she has said yes
}

func (g *glewlwyd) entitle(t *testing.T, entitlements ...string) {
	t.Helper()
	g.ask(t, g.admin, "PUT", "user/ann", annAt(entitlements))
}

func (g *glewlwyd) allow(t *testing.T, code string) bool {
	t.Helper()
	b := newDriver(t).browser(t)
	b.open(g.issuer() + "/device?code=" + code)
	g.signIn(b)
	return true
}

// signIn does what a person does on glewlwyd's pages: say who she is, allow what is asked, and go on.
func (g *glewlwyd) signIn(b *browser) {
	b.t.Helper()
	for stage := ""; stage != "away"; {
		before := stage
		cloudtest.Eventually(b.t, cloudtest.Patience(20*time.Second), func() error {
			stage = b.see(glewlwydStage, g.url)
			if stage == "" || stage == before {
				return fmt.Errorf("the browser stays at %s, stage %q", b.address(), stage)
			}
			return nil
		})
		g.act(b, stage)
	}
}

// glewlwydStage is what a page of glewlwyd's wants.
const glewlwydStage = `if (!location.href.startsWith(arguments[0]) || location.search.includes("prompt=deviceComplete")) return "away";
	if (document.querySelector("#passwordForm")) return "password";
	if (document.querySelector("input[id^=grant-]:not(:checked)")) return "grant";
	return document.querySelector(".card-footer .btn-success") ? "continue" : "";`

func (g *glewlwyd) act(b *browser, stage string) {
	b.t.Helper()
	switch stage {
	case "password":
		b.fill("#username", "ann")
		b.fill("#password", annsPassword)
		b.click("#loginbut")
	case "grant":
		b.clickAll("input[id^=grant-]:not(:checked)")
		b.click("#carouselBody .btn-primary")
	case "continue":
		b.click(".card-footer .btn-success")
	}
}
