package identity

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// delegating is a world with an application that ann may let act for her.
type delegating struct {
	*lent
	app    *cloud.Application
	secret string
	nonces int
}

func newDelegating(t *testing.T) *delegating {
	d := &delegating{lent: newLent(t)}
	var err error
	d.app, d.secret, err = d.CreateApplication(d.admin, cloud.Application{Description: "reports"})
	d.ok(err)
	return d
}

// sign makes a signature of now that holds if both secrets are the right ones.
func (d *delegating) sign(id, secret, verifier string) Signature {
	d.nonces++
	return Signature{Application: d.app.ID, Key: id, Verifier: verifier, At: d.clock.Now(), Nonce: time.Duration(d.nonces).String(),
		Verify: func(application, key string) bool { return application == d.secret && key == secret }}
}

func (d *delegating) request() SignedKey[cloud.DelegationRequestID] {
	d.t.Helper()
	key, _, err := d.RequestDelegation(context.Background(), d.sign("", "", ""), d.project.ID)
	d.ok(err)
	return key
}

func (d *delegating) annToken() context.Context {
	return d.as(d.signIn("ann", onProject(d.project.ID)))
}

// delegate goes all the way.
func (d *delegating) delegate() SignedKey[cloud.DelegationID] {
	d.t.Helper()
	r := d.request()
	verifier := must[string](d.t)(d.GrantDelegation(d.annToken(), r.ID, []RoleRef{{Name: "reader"}}))
	key, _, err := d.CreateDelegation(context.Background(), d.sign(string(r.ID), r.Secret, verifier))
	d.ok(err)
	return key
}

func (d *delegating) use(key SignedKey[cloud.DelegationID]) (*Token, error) {
	sig := d.sign(string(key.ID), key.Secret, "")
	return d.Issue(context.Background(), Login{Delegated: &sig}, ScopeRequest{})
}

func TestAnApplicationActsForItsUserAndNoMore(t *testing.T) {
	d := newDelegating(t)
	key := d.delegate()
	token := must[*Token](t)(d.use(key))
	p := cloud.PrincipalOf(d.as(token))
	if p.UserID != d.ann.ID || p.ProjectID != d.project.ID || !slices.Equal(p.Roles, []string{"reader"}) || p.DelegationID != key.ID || !p.Restricted {
		t.Errorf("the caller is %+v", p)
	}
	if shown := must[*Token](t)(d.Inspect(d.as(token), token.Value)); shown.Delegation.ID != key.ID || !slices.Equal(shown.Methods, []string{MethodDelegated}) {
		t.Errorf("shown as %+v", shown)
	}
	_, err := d.Issue(context.Background(), Login{Token: token.Value}, onProject(d.project.ID))
	d.wants(cloud.Forbidden, err)
	_, _, err = d.CreateCredential(d.as(token), d.ann.ID, CredentialRequest{Name: "c"})
	d.wants(cloud.Forbidden, err)
	_, err = d.GrantDelegation(d.as(token), d.request().ID, []RoleRef{{Name: "reader"}})
	d.wants(cloud.Forbidden, err)
	d.wants(cloud.Forbidden, d.DeleteDelegation(d.as(token), d.ann.ID, key.ID))
}

func TestWhatIsNotDelegated(t *testing.T) {
	d := newDelegating(t)
	grant := func(id cloud.DelegationRequestID, roles ...RoleRef) error {
		_, err := d.GrantDelegation(d.annToken(), id, roles)
		return err
	}
	r := d.request()
	d.wants(cloud.Invalid, grant(r.ID))
	d.wants(cloud.NotFound, grant("none", RoleRef{Name: "reader"}))
	d.wants(cloud.NotFound, grant(r.ID, RoleRef{Name: "none"}))
	d.wants(cloud.NotFound, grant(r.ID, RoleRef{ID: "none"}))
	d.wants(cloud.Unauthenticated, grant(r.ID, RoleRef{Name: "admin"}))
	d.clock.pass(delegationRequestLife)
	d.wants(cloud.Unauthenticated, grant(r.ID, RoleRef{Name: "reader"}))
}

func TestSignaturesThatAreRefused(t *testing.T) {
	d, ctx := newDelegating(t), context.Background()
	ask := func(change func(*Signature), project cloud.ProjectID) error {
		sig := d.sign("", "", "")
		change(&sig)
		_, _, err := d.RequestDelegation(ctx, sig, project)
		return err
	}
	none := func(*Signature) {}
	d.wants(cloud.NotFound, ask(none, "none"))
	d.wants(cloud.NotFound, ask(func(s *Signature) { s.Application = "none" }, d.project.ID))
	d.wants(cloud.Unauthenticated, ask(func(s *Signature) { s.Verify = func(string, string) bool { return false } }, d.project.ID))
	d.wants(cloud.Unauthenticated, ask(func(s *Signature) { s.At = s.At.Add(-signatureLife) }, d.project.ID))
	d.wants(cloud.Unauthenticated, ask(func(s *Signature) { s.At = s.At.Add(2 * signatureLife) }, d.project.ID))
	again := d.sign("", "", "")
	d.ok(ask(func(s *Signature) { *s = again }, d.project.ID))
	d.wants(cloud.Unauthenticated, ask(func(s *Signature) { *s = again }, d.project.ID))
	d.ok(ask(func(s *Signature) { s.At, s.Nonce = time.Time{}, "" }, d.project.ID)) // nothing to be used twice

	r := d.request()
	fetch := func(secret, verifier string) error {
		_, _, err := d.CreateDelegation(ctx, d.sign(string(r.ID), secret, verifier))
		return err
	}
	d.wants(cloud.Unauthenticated, fetch(r.Secret, ""))
	verifier := must[string](t)(d.GrantDelegation(d.annToken(), r.ID, []RoleRef{{Name: "reader"}}))
	d.wants(cloud.Unauthenticated, fetch("wrong", verifier))
	d.wants(cloud.Unauthenticated, fetch(r.Secret, "wrong"))
	d.ok(fetch(r.Secret, verifier))
	d.wants(cloud.NotFound, fetch(r.Secret, verifier))
}

// TestWhatEndsADelegation: each change voids the token; another cannot be made.
func TestWhatEndsADelegation(t *testing.T) {
	off := false
	for name, change := range map[string]func(d *delegating, id cloud.DelegationID) error{
		"delegation deleted": func(d *delegating, id cloud.DelegationID) error {
			return d.DeleteDelegation(d.annToken(), d.ann.ID, id)
		},
		"application deleted": func(d *delegating, _ cloud.DelegationID) error { return d.DeleteApplication(d.admin, d.app.ID) },
		"user deleted":        func(d *delegating, _ cloud.DelegationID) error { return d.DeleteUser(d.admin, d.ann.ID) },
		"project deleted":     func(d *delegating, _ cloud.DelegationID) error { return d.DeleteProject(d.admin, d.project.ID) },
		"role deleted":        func(d *delegating, _ cloud.DelegationID) error { return d.DeleteRole(d.admin, d.role("reader")) },
		"user disabled": func(d *delegating, _ cloud.DelegationID) error {
			_, err := d.UpdateUser(d.admin, d.ann.ID, UserChange{Enabled: &off})
			return err
		},
		"role taken away": func(d *delegating, _ cloud.DelegationID) error {
			return d.Unassign(d.admin, Grant{Role: d.role("member"), User: d.ann.ID, Scope: Scope{ProjectID: d.project.ID}})
		},
		"time": func(d *delegating, _ cloud.DelegationID) error {
			d.clock.pass(delegationLife)
			return d.sweepDelegations(d.admin)
		},
	} {
		d := newDelegating(t)
		pending, key := d.request(), d.delegate()
		token := must[*Token](t)(d.use(key))
		d.ok(change(d, key.ID))
		if d.alive(token) {
			t.Errorf("%s: the token holds", name)
		}
		if _, err := d.use(key); !cloud.Is(err, cloud.Unauthenticated) {
			t.Errorf("%s: signing in again says %v", name, err)
		}
		if _, err := d.DelegationRequests.Get(d.admin, pending.ID); name == "time" && !cloud.Is(err, cloud.NotFound) {
			t.Errorf("%s: the request that nobody granted is looked up with %v", name, err)
		}
	}
}

func TestADelegationIsItsUsers(t *testing.T) {
	d := newDelegating(t)
	key := d.delegate()
	d.wants(cloud.Forbidden, d.DeleteDelegation(d.as(d.signIn("bob", ScopeRequest{None: true})), d.ann.ID, key.ID))
	_, err := d.Delegation(d.admin, d.bob.ID, key.ID)
	d.wants(cloud.NotFound, err)
	if list := must[[]*cloud.Delegation](t)(d.ListDelegations(d.annToken(), d.ann.ID, Filter{})); len(list) != 1 || list[0].ID != key.ID {
		t.Errorf("ann's are %v", list)
	}
}
