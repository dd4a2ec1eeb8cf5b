package federation

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// TestMembershipStaysTrue: whoever leaves a group at the provider can soon use neither tokens nor application credentials that
// rest on it, and the credentials again once back. The cloud asks by the access token that it was shown.
func TestMembershipStaysTrue(t *testing.T) {
	onEach(t, func(t *testing.T, op provider) {
		s := newSite(t, map[string]any{"membership_seconds": 2})
		v := s.newVO("crew")
		s.trustHome(op, v)
		s.followsMembership(op, v, func() string {
			a := s.bring(op.granted(t, "robot"))
			if a.status != http.StatusCreated {
				t.Fatalf("ann cannot sign in: %d %s", a.status, a.body)
			}
			return a.header.Get(subjectHeader)
		})
	})
}

// TestBrowserMembershipStaysTrue: the same for who comes with a browser; the cloud asks by a refresh token of its own.
func TestBrowserMembershipStaysTrue(t *testing.T) {
	onEach(t, func(t *testing.T, op provider) {
		w := newWeb(t, op, "openid", "profile", "email", "eduperson_entitlement", "offline_access")
		w.followsMembership(op, w.crew, func() string { return w.enter(t) })
	})
}

// followsMembership lets ann, who enters with a token without a scope, leave a group at her provider and come back.
func (s *site) followsMembership(op provider, v vo, enter func() string) {
	s.t.Helper()
	token := s.rescoped(enter(), v)
	c := s.newCredential(token)
	running := s.wantToken(c.login())
	s.wantAlive(token, running)

	op.entitle(s.t, otherEntitlement)
	cloudtest.Eventually(s.t, cloudtest.Patience(10*time.Second), func() error { return s.allDead(c, token, running) })

	op.entitle(s.t, otherEntitlement, crewEntitlement)
	s.rescoped(enter(), v)
	s.wantAlive(s.wantToken(c.login()))
	if err := s.allDead(nil, token, running); err != nil {
		s.t.Errorf("back in the group: %v", err)
	}
}

// rescoped is a token on the VO's project.
func (s *site) rescoped(token string, v vo) string {
	s.t.Helper()
	return s.wantToken(`{"auth":{"identity":{"methods":["token"],"token":{"id":"` + token + `"}},"scope":{"project":{"id":"` + v.project + `"}}}}`)
}

const subjectHeader = "X-Subject-Token"

// wantToken signs in with a body.
func (s *site) wantToken(body string) string {
	s.t.Helper()
	a := s.ask("", "POST", "/v3/auth/tokens", body)
	if a.status != http.StatusCreated {
		s.t.Fatalf("%s: %d %s", body, a.status, a.body)
	}
	return a.header.Get(subjectHeader)
}

// credential is an application credential with its secret.
type credential struct{ ID, Secret string }

// newCredential makes one for the owner of a token.
func (s *site) newCredential(token string) *credential {
	s.t.Helper()
	a := s.ask(token, "POST", "/v3/users/"+s.userOf(token)+"/application_credentials", `{"application_credential":{"name":"nightly"}}`)
	if a.status != http.StatusCreated {
		s.t.Fatalf("no application credential: %d %s", a.status, a.body)
	}
	var made struct {
		Credential credential `json:"application_credential"`
	}
	cloudtest.Check(s.t, json.Unmarshal([]byte(a.body), &made))
	return &made.Credential
}

func (s *site) userOf(token string) string {
	s.t.Helper()
	a := s.ask(token, "GET", "/v3/auth/tokens", "", subjectHeader, token)
	var said struct {
		Token struct{ User struct{ ID string } }
	}
	cloudtest.Check(s.t, json.Unmarshal([]byte(a.body), &said))
	return said.Token.User.ID
}

func (c *credential) login() string {
	return `{"auth":{"identity":{"methods":["application_credential"],"application_credential":{"id":"` + c.ID + `","secret":"` + c.Secret + `"}}}}`
}

// serversWith is what the cloud answers who asks for the servers with a token.
func (s *site) serversWith(token string) int {
	s.t.Helper()
	return s.ask(token, "GET", "/compute/v2.1/servers", "").status
}

func (s *site) wantAlive(tokens ...string) {
	s.t.Helper()
	for n, token := range tokens {
		if status := s.serversWith(token); status != http.StatusOK {
			s.t.Fatalf("token %d: %d", n, status)
		}
	}
}

// allDead is nil if neither the credential nor a token opens anything.
func (s *site) allDead(c *credential, tokens ...string) error {
	s.t.Helper()
	for n, token := range tokens {
		if status := s.serversWith(token); status != http.StatusUnauthorized {
			return fmt.Errorf("token %d: %d", n, status)
		}
	}
	if c == nil {
		return nil
	}
	if a := s.ask("", "POST", "/v3/auth/tokens", c.login()); a.status != http.StatusUnauthorized {
		return fmt.Errorf("the application credential: %d", a.status)
	}
	return nil
}
