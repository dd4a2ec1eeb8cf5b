package operator

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/saml/samltest"
	"github.com/nubo-cloud/nubo/internal/testcloud"
)

// newCloud starts a cloud and answers where its credentials are.
func newCloud(t *testing.T) Where {
	t.Helper()
	c := testcloud.New(t, testcloud.Options{})
	server := httptest.NewServer(c.Handler())
	t.Cleanup(server.Close)
	dir := t.TempDir()
	text := fmt.Sprintf("clouds: {nubo: {region_name: RegionOne, auth: {auth_url: %s/v3, username: admin, password: %s, project_name: admin, "+
		"user_domain_name: Default, project_domain_name: Default}}}", server.URL, c.Password())
	if err := os.WriteFile(filepath.Join(dir, "clouds.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Where{StateDir: dir}
}

func connect(t *testing.T, w Where) (*Cloud, *[]Change) {
	t.Helper()
	told := &[]Change{}
	c, err := Connect(context.Background(), w, func(c Change) { *told = append(*told, c) })
	if err != nil {
		t.Fatal(err)
	}
	return c, told
}

func secret(text string) *string { return &text }

var (
	checkIn = Provider{ID: "egi.eu", Issuer: "https://aai.egi.eu/auth/realms/egi", Protocol: "openid", Mapping: "egi-mapping",
		ClientID: "cloud", Secret: secret("s3cret"), Scopes: []string{"openid", "email"}, MembershipMinutes: 60}
	ops = VO{Name: "ops", Entitlements: []string{"urn:mace:egi.eu:group:ops:role=vm_operator#aai.egi.eu"}, Provider: "egi.eu", Role: "member",
		Quota: Quota{"cores": 7, "ram_mb": 2048, "gigabytes": 50, "floating_ips": -1}}
)

func setUp(c *Cloud) error {
	if err := c.AddProvider(context.Background(), checkIn); err != nil {
		return err
	}
	return c.AddVO(context.Background(), ops)
}

func count(told []Change, did Did) (n int) {
	for _, c := range told {
		if c.Did == did {
			n++
		}
	}
	return n
}

// mortal lets some changing requests through and dies then.
type mortal struct {
	http.RoundTripper
	lives int
}

var errDead = errors.New("dead")

func (m *mortal) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		if m.lives == 0 {
			return nil, errDead
		}
		m.lives--
	}
	return m.RoundTripper.RoundTrip(r)
}

// However early a run is killed, running it again ends where one run would have, and a third run finds nothing to do.
func TestKilledAnywhere(t *testing.T) {
	w := newCloud(t)
	for lives := 0; ; lives++ {
		c, _ := connect(t, w)
		c.provider.HTTPClient.Transport = &mortal{http.DefaultTransport, lives}
		err := setUp(c)
		if err != nil && !errors.Is(err, errDead) {
			t.Fatalf("after %d changes: %v", lives, err)
		}
		again, told := connect(t, w)
		if err := setUp(again); err != nil {
			t.Fatalf("again, after %d changes: %v", lives, err)
		}
		checkSetUp(t, again)
		*told = nil
		third := checkIn
		third.Secret = nil
		if err := errors.Join(again.AddProvider(context.Background(), third), again.AddVO(context.Background(), ops)); err != nil {
			t.Fatal(err)
		}
		if n := count(*told, Found); n != len(*told) || n == 0 {
			t.Errorf("a third run: %v", *told)
		}
		if err == nil {
			if lives < 8 {
				t.Errorf("all is done by %d requests", lives)
			}
			return
		}
		sweep(t, again)
	}
}

func checkSetUp(t *testing.T, c *Cloud) {
	t.Helper()
	ctx := context.Background()
	all, err := c.Providers(ctx)
	if err != nil || len(all) != 1 || all[0].ID != "egi.eu" || !all[0].Enabled || all[0].ClientID != "cloud" ||
		!slices.Equal(all[0].RemoteIDs, []string{checkIn.Issuer}) || !slices.Equal(all[0].Protocols, []string{"openid"}) || all[0].Mappings[0] != "egi-mapping" {
		t.Fatalf("%+v, %v", all, err)
	}
	vos, err := c.VOs(ctx)
	if err != nil || len(vos) != 1 || vos[0].Name != "ops" || !vos[0].Enabled || !slices.Equal(vos[0].Entitlements, ops.Entitlements) {
		t.Fatalf("%+v, %v", vos, err)
	}
	_, rules, err := c.rules(ctx, "egi-mapping")
	if err != nil || len(rules) != 4 {
		t.Fatalf("%+v, %v", rules, err)
	}
	domain, err := c.identity.named(ctx, "domains", "domains", "egi.eu", "")
	if err != nil || domain == nil {
		t.Fatalf("the domain of the provider's users: %v, %v", domain, err)
	}
}

// sweep takes away what setUp made.
func sweep(t *testing.T, c *Cloud) {
	t.Helper()
	ctx := context.Background()
	vos, err := c.VOs(ctx)
	if err != nil {
		t.Fatal(err)
	}
	group, err := c.identity.named(ctx, "groups", "groups", "ops", homeDomain)
	if err == nil {
		err = errors.Join(c.DeleteProvider(ctx, "egi.eu"), c.identity.call(ctx, http.MethodDelete, c.identity.path("projects", vos[0].ProjectID), nil, nil),
			c.identity.call(ctx, http.MethodDelete, c.identity.path("groups", text(group, "id")), nil, nil))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// What is asked otherwise the next time is changed, and nothing else; rules that others wrote stay.
func TestChanges(t *testing.T) {
	ctx := context.Background()
	c, told := connect(t, newCloud(t))
	if err := setUp(c); err != nil {
		t.Fatal(err)
	}
	foreign := []any{object{"local": []any{object{"group": object{"id": "staff"}}}, "remote": []any{object{"type": "OIDC-staff", "any_one_of": []any{"1"}}}}}
	raw, err := c.identity.get(ctx, c.identity.path(federation, mappings, "egi-mapping"), "mapping")
	if err != nil {
		t.Fatal(err)
	}
	body := object{"mapping": object{"rules": append(raw["rules"].([]any), foreign...)}}
	if err := c.identity.call(ctx, http.MethodPatch, c.identity.path(federation, mappings, "egi-mapping"), body, nil); err != nil {
		t.Fatal(err)
	}
	demo, vo := checkIn, ops
	demo.Issuer, demo.Secret = "https://aai-demo.egi.eu/auth/realms/egi", nil
	vo.Entitlements = []string{"urn:mace:egi.eu:group:ops:role=member"}
	vo.Quota = Quota{"cores": 9}
	*told = nil
	if err := errors.Join(c.AddProvider(ctx, demo), c.AddVO(ctx, vo)); err != nil {
		t.Fatal(err)
	}
	if n := count(*told, Changed); n != 4 || count(*told, Made) != 0 { // provider, its rules, the quota, the VO's rules
		t.Errorf("%v", *told)
	}
	_, rules, err := c.rules(ctx, "egi-mapping")
	if err != nil || len(rules) != 5 || (*rules[0].Remote[2].AnyOneOf)[0] != demo.Issuer || (*rules[4].Remote[0].AnyOneOf)[0] != vo.Entitlements[0] || rules[2].Remote[0].Type != "OIDC-staff" {
		t.Errorf("%+v, %v", rules, err)
	}
	for _, f := range []func(bool) error{
		func(off bool) error { return c.SuspendVO(ctx, "ops", off) }, func(off bool) error { return c.SuspendProvider(ctx, "egi.eu", off) }} {
		if err := errors.Join(f(true), f(true)); err != nil {
			t.Error(err)
		}
	}
	vos, err := c.VOs(ctx)
	all, err2 := c.Providers(ctx)
	if errors.Join(err, err2) != nil || vos[0].Enabled || all[0].Enabled {
		t.Errorf("suspended: %+v, %+v, %v, %v", vos, all, err, err2)
	}
	if err := errors.Join(setUp(c), c.SuspendVO(ctx, "ops", false), c.SuspendProvider(ctx, "egi.eu", false)); err != nil {
		t.Error(err)
	}
}

// A no says what it is about and what to do.
func TestRefusals(t *testing.T) {
	ctx := context.Background()
	w := newCloud(t)
	c, _ := connect(t, w)
	if err := setUp(c); err != nil {
		t.Fatal(err)
	}
	twin, stolen, roleless, lost := checkIn, ops, ops, ops
	twin.ID = "other"
	stolen.Name, stolen.Project = "biomed", "ops"
	roleless.Role = "emperor"
	lost.Provider = "nowhere"
	moved := ops
	moved.Project = "elsewhere"
	for want, err := range map[string]error{
		"Duplicate remote ID":           c.AddProvider(ctx, twin),
		"is that of VO ops":             c.AddVO(ctx, stolen),
		"there is no role emperor":      c.AddVO(ctx, roleless),
		"no identity provider nowhere":  c.AddVO(ctx, lost),
		"has the project ops already":   c.AddVO(ctx, moved),
		"there is no VO atlantis":       c.SuspendVO(ctx, "atlantis", true),
		"no identity provider atlantis": c.DeleteProvider(ctx, "atlantis"),
	} {
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	if _, err := Connect(ctx, Where{StateDir: t.TempDir()}, nil); err == nil || !strings.Contains(err.Error(), "--state-dir") {
		t.Errorf("without credentials: %v", err)
	}
	t.Setenv("OS_AUTH_URL", "http://127.0.0.1:1/v3")
	t.Setenv("OS_USERNAME", "admin")
	t.Setenv("OS_PASSWORD", "x")
	t.Setenv("OS_USER_DOMAIN_NAME", "Default")
	if _, err := Connect(ctx, Where{StateDir: w.StateDir, Environment: true}, nil); err == nil || !strings.Contains(err.Error(), "nothing answers at http://127.0.0.1:1") {
		t.Errorf("where nothing listens: %v", err)
	}
}

// A SAML provider is set up like another, by its metadata.
func TestSAMLProviders(t *testing.T) {
	ctx, w := context.Background(), newCloud(t)
	c, told := connect(t, w)
	idp := samltest.New(t, "https://campus.example/idp", samltest.RSA())
	add := func() error {
		return c.AddProvider(ctx, Provider{ID: "campus", Protocol: "saml2", Mapping: "campus-mapping", SAML: SAML{Metadata: string(idp.Metadata())}})
	}
	if err := errors.Join(add(), c.AddVO(ctx, VO{Name: "crew", Entitlements: []string{"urn:mace:example.org:group:crew"}, Provider: "campus", Role: "member"})); err != nil {
		t.Fatal(err)
	}
	made := count(*told, Made)
	if err := add(); err != nil || count(*told, Made) != made || count(*told, Changed) != 2 {
		t.Errorf("again: %v %v", *told, err)
	}
	_, rules, err := c.rules(ctx, "campus-mapping")
	if err != nil || len(rules) != 3 || !forPeople(rules[0]) || rules[2].Remote[0].Type != "eduPersonEntitlement" {
		t.Errorf("rules %+v %v", rules, err)
	}
}
