package login_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/login"
	"github.com/nubo-cloud/nubo/internal/openid"
	"github.com/nubo-cloud/nubo/internal/openid/openidtest"
	"github.com/nubo-cloud/nubo/internal/operator"
	"github.com/nubo-cloud/nubo/internal/testcloud"
)

const member = "urn:mace:egi.eu:group:ops:role=member"

// provide starts an identity provider with a member of VO ops and somebody who is in none.
func provide(t *testing.T) *openidtest.Provider {
	t.Helper()
	op, stop, err := openidtest.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	op.SetUser(openidtest.User{Name: "ada", Subject: "ada@egi.eu", Claims: map[string]any{"email": "ada@example.eu", "eduperson_entitlement": []string{"x", member + "#aai.egi.eu"}}})
	op.SetUser(openidtest.User{Name: "bob", Subject: "bob@egi.eu"})
	op.SetApp(openidtest.App{ID: "cloud", Secret: "s3cret"})
	op.SetApp(openidtest.App{ID: "terminal"})
	return op
}

// newCloud starts a cloud that an operator set up for the VO with two commands, and answers where it is.
func newCloud(t *testing.T, op *openidtest.Provider) (url string) {
	t.Helper()
	c := testcloud.New(t, testcloud.Options{})
	server := httptest.NewServer(c.Handler())
	t.Cleanup(server.Close)
	for name, value := range map[string]string{"OS_CLOUD": "", "OS_AUTH_URL": server.URL + "/v3", "OS_USERNAME": "admin", "OS_PASSWORD": c.Password(), "OS_PROJECT_NAME": "admin",
		"OS_USER_DOMAIN_NAME": "Default", "OS_PROJECT_DOMAIN_NAME": "Default"} {
		t.Setenv(name, value)
	}
	ctx := context.Background()
	o, err := operator.Connect(ctx, operator.Where{Environment: true}, func(operator.Change) {})
	if err != nil {
		t.Fatal(err)
	}
	secret := "s3cret"
	if err := o.AddProvider(ctx, operator.Provider{ID: "egi.eu", Issuer: op.Issuer, Protocol: "openid", Mapping: "egi-mapping", ClientID: "cloud", Secret: &secret,
		Scopes: []string{"openid", "email", "eduperson_entitlement"}, MembershipMinutes: 60}); err != nil {
		t.Fatal(err)
	}
	if err := o.AddVO(ctx, operator.VO{Name: "ops", Entitlements: []string{member}, Provider: "egi.eu", Role: "member"}); err != nil {
		t.Fatal(err)
	}
	return server.URL + "/v3"
}

// A member of a VO signs in at a terminal and works with what is in clouds.yaml afterwards; who is in no VO is told so.
func TestLogin(t *testing.T) {
	op := provide(t)
	url := newCloud(t, op)
	as := func(subject, project string) (*login.Credential, error) {
		return login.Login(context.Background(), openid.New(openid.Options{}), login.Request{AuthURL: url, Provider: "egi.eu", Protocol: "openid", Name: "test",
			Client: openid.Settings{Issuer: op.Issuer, ClientID: "terminal", Scopes: []string{"openid", "email", "eduperson_entitlement"}},
			Days:   1, Project: project, HTTP: http.DefaultClient, Show: func(d *openid.Device) { op.Approve(d.UserCode, subject) }})
	}
	made, err := as("ada@egi.eu", "")
	if err != nil {
		t.Fatal(err)
	}
	if made.User != "ada@egi.eu" || made.Project != "ops" || made.AuthURL != url {
		t.Errorf("%+v", made)
	}
	body := fmt.Sprintf(`{"auth":{"identity":{"methods":["application_credential"],"application_credential":{"id":%q,"secret":%q}}}}`, made.ID, made.Secret)
	answer, err := http.Post(url+"/auth/tokens", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusCreated {
		t.Errorf("the credential is answered by %s", answer.Status)
	}
	for want, attempt := range map[string][2]string{"no project there": {"bob@egi.eu", ""}, "you are not in project admin: you are in ops": {"ada@egi.eu", "admin"}} {
		if _, err := as(attempt[0], attempt[1]); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", attempt, err)
		}
	}
}

// What else is in a clouds.yaml stays, and a file that cannot be read is not written.
func TestSave(t *testing.T) {
	path := filepath.Join(t.TempDir(), "openstack", "clouds.yaml")
	made := login.Credential{AuthURL: "https://cloud/v3", ID: "i", Secret: "s"}
	for range 2 {
		if err := login.Save(path, "nubo", made.Entry("RegionOne", "")); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), "application_credential_secret: s") {
		t.Errorf("%s, %v", text, err)
	}
	if err := os.WriteFile(path, []byte("cache: {auth: true}\nclouds:\n  other: {auth: {auth_url: https://other}}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := login.Save(path, "nubo", made.Entry("RegionOne", "/ca.pem")); err != nil {
		t.Fatal(err)
	}
	text, err = os.ReadFile(path)
	for _, want := range []string{"https://other", "auth: true", "auth_type: v3applicationcredential", "cacert: /ca.pem"} {
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("no %q in %s, %v", want, text, err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	for _, text := range []string{"clouds: [", "clouds: [a]"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := login.Save(path, "nubo", made.Entry("", "")); err == nil {
			t.Errorf("%q was overwritten", text)
		}
	}
}
