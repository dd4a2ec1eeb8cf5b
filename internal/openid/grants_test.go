package openid_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/nubo-cloud/nubo/internal/openid"
	"github.com/nubo-cloud/nubo/internal/openid/openidtest"
)

// granted is what a program gets from the provider by a grant of its own.
type granted struct {
	Access string `json:"access_token"`
	ID     string `json:"id_token"`
}

func grant(t *testing.T, by *http.Client, op *openidtest.Provider, form url.Values) (got granted) {
	t.Helper()
	answer, err := by.PostForm(op.Issuer+openidtest.Token, form)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil || got.Access == "" {
		t.Fatalf("the grant was answered %s: %v", answer.Status, err)
	}
	return got
}

// A person's password gets a token that opens the cloud, and an ID token that does not. The issuer is on this machine and needs no TLS.
func TestPasswordGrant(t *testing.T) {
	op, stop, err := openidtest.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	op.SetUser(openidtest.User{Name: "ada", Password: "pw", Subject: someone})
	op.SetApp(openidtest.App{ID: "cloud", Secret: secret})
	got := grant(t, http.DefaultClient, op, url.Values{"grant_type": {"password"}, "client_id": {"cloud"}, "client_secret": {secret},
		"username": {"ada"}, "password": {"pw"}, "scope": {"openid"}})
	client, s := openid.New(openid.Options{}), openid.Settings{Issuer: op.Issuer, ClientID: "cloud", ClientSecret: secret}
	p, err := client.Bearer(t.Context(), s, got.Access)
	if err != nil {
		t.Fatal(err)
	}
	if p.Text("sub") != someone {
		t.Errorf("%s came in", p.Claims)
	}
	p, err = client.Bearer(t.Context(), s, got.ID)
	refused(t, p, err, openid.WrongKind)
}

// A service signs in as itself; its entitlements are in its token, or userinfo's.
func TestClientCredentialsGrant(t *testing.T) {
	still(t, func(w *world) {
		for _, carried := range []string{"eduperson_entitlement", "none"} {
			w.op.SetUser(openidtest.User{Subject: "robot", Claims: map[string]any{"eduperson_entitlement": []string{member}}})
			w.op.SetApp(openidtest.App{ID: "robot", Secret: "s", InTokens: []string{carried}, Audience: []string{"cloud"}})
			got := grant(w.T, openidtest.Client(w.op), w.op, url.Values{"grant_type": {"client_credentials"}, "client_id": {"robot"}, "client_secret": {"s"}, "scope": {"openid"}})
			w.is(w.accept(got.Access), "robot", member)
		}
		w.asked(openidtest.Userinfo, 1)
	})
}

// Userinfo may know no application, only persons. That a person is not known there is a fault.
func TestApplicationUnknownToUserinfo(t *testing.T) {
	still(t, func(w *world) {
		w.s.ClientSecret = ""
		w.answering(openidtest.Userinfo, http.NotFound)
		own := func(subject string) string {
			return w.op.Sign("at+jwt", claims(map[string]any{"sub": subject, "client_id": "cloud", "eduperson_entitlement": nil}))
		}
		w.is(w.accept(own("cloud")), "cloud")
		w.unreachable(own(someone))
	})
}
