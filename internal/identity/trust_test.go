package identity

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// lent is a world in which ann has member on a project and trusts bob, with a third user at hand.
type lent struct {
	*world
	ann, bob, eve *cloud.User
	project       *cloud.Project
}

func newLent(t *testing.T) *lent {
	w := newWorld(t, Options{})
	l := &lent{world: w, ann: w.user("ann"), bob: w.user("bob"), eve: w.user("eve"), project: w.project("p", "")}
	w.ok(w.Assign(w.admin, Grant{Role: w.role("member"), User: l.ann.ID, Scope: Scope{ProjectID: l.project.ID}}))
	return l
}

func (l *lent) request() TrustRequest {
	return TrustRequest{Trustor: l.ann.ID, Trustee: l.bob.ID, Project: l.project.ID, Roles: []RoleRef{{Name: "reader"}}}
}

func (l *lent) trust(r TrustRequest) *cloud.Trust {
	l.t.Helper()
	return must[*cloud.Trust](l.t)(l.CreateTrust(l.as(l.signIn("ann", ScopeRequest{None: true})), r))
}

// useBy signs somebody in with a trust.
func (l *lent) useBy(name string, t *cloud.Trust) (*Token, error) {
	return l.Issue(context.Background(), passwordOf(name, name+"-pw"), ScopeRequest{Trust: t.ID})
}

func (l *lent) use(t *cloud.Trust) *Token {
	l.t.Helper()
	return must[*Token](l.t)(l.useBy("bob", t))
}

func TestATrustLendsItsRolesAndNoMore(t *testing.T) {
	l := newLent(t)
	for _, impersonate := range []bool{false, true} {
		r := l.request()
		r.Impersonation = impersonate
		trust := l.trust(r)
		token := l.use(trust)
		p := cloud.PrincipalOf(l.as(token))
		user := l.bob.ID
		if impersonate {
			user = l.ann.ID
		}
		if p.UserID != user || p.ProjectID != l.project.ID || !slices.Equal(p.Roles, []string{"reader"}) || p.TrustID != trust.ID || !p.Restricted {
			t.Errorf("impersonation %t: %+v", impersonate, p)
		}
		if shown := must[*Token](t)(l.Inspect(l.as(token), token.Value)); shown.Trust.ID != trust.ID {
			t.Errorf("shown with trust %v", shown.Trust)
		}
		_, err := l.Issue(context.Background(), Login{Token: token.Value}, onProject(l.project.ID))
		l.wants(cloud.Forbidden, err)
		_, _, err = l.CreateCredential(l.as(token), user, CredentialRequest{Name: "c"})
		l.wants(cloud.Forbidden, err)
		r.Trustor, r.Trustee = user, l.eve.ID
		_, err = l.CreateTrust(l.as(token), r)
		l.wants(cloud.Forbidden, err)
		_, err = l.useBy("eve", trust)
		l.wants(cloud.Forbidden, err)
	}
}

func TestTrustsThatCannotBeMade(t *testing.T) {
	l := newLent(t)
	past, none, minus, four := time.Unix(1, 0), 0, -1, 4
	for name, c := range map[string]struct {
		kind   cloud.Kind
		change func(*TrustRequest)
	}{
		"for somebody else":       {cloud.Forbidden, func(r *TrustRequest) { r.Trustor = l.bob.ID }},
		"to nobody":               {cloud.Invalid, func(r *TrustRequest) { r.Trustee = "" }},
		"to a stranger":           {cloud.NotFound, func(r *TrustRequest) { r.Trustee = "x" }},
		"on no project":           {cloud.Invalid, func(r *TrustRequest) { r.Project = "" }},
		"on an unknown project":   {cloud.NotFound, func(r *TrustRequest) { r.Project = "x" }},
		"without roles":           {cloud.Forbidden, func(r *TrustRequest) { r.Roles = nil }},
		"with an unnamed role":    {cloud.Invalid, func(r *TrustRequest) { r.Roles = []RoleRef{{}} }},
		"with a role not had":     {cloud.NotFound, func(r *TrustRequest) { r.Roles = []RoleRef{{Name: "admin"}} }},
		"expired":                 {cloud.Invalid, func(r *TrustRequest) { r.ExpiresAt = &past }},
		"for no use":              {cloud.Invalid, func(r *TrustRequest) { r.RemainingUses = &none }},
		"passed on below nought":  {cloud.Invalid, func(r *TrustRequest) { r.RedelegationCount = &minus }},
		"passed on too often":     {cloud.Forbidden, func(r *TrustRequest) { r.Redelegable, r.RedelegationCount = true, &four }},
		"passed on, uses counted": {cloud.Invalid, func(r *TrustRequest) { r.Redelegable, r.RemainingUses = true, &four }},
	} {
		r := l.request()
		c.change(&r)
		if _, err := l.CreateTrust(l.as(l.signIn("ann", ScopeRequest{None: true})), r); !cloud.Is(err, c.kind) {
			t.Errorf("%s: %v, want %s", name, err, c.kind)
		}
	}
}

// TestWhatEndsATrustsTokens: each change voids the token; where the trust is gone no other can be made.
func TestWhatEndsATrustsTokens(t *testing.T) {
	off := false
	for name, change := range map[string]func(l *lent, t *cloud.Trust) error{
		"trust deleted":   func(l *lent, t *cloud.Trust) error { return l.DeleteTrust(l.admin, t.ID) },
		"trustor deleted": func(l *lent, _ *cloud.Trust) error { return l.DeleteUser(l.admin, l.ann.ID) },
		"trustee deleted": func(l *lent, _ *cloud.Trust) error { return l.DeleteUser(l.admin, l.bob.ID) },
		"project deleted": func(l *lent, _ *cloud.Trust) error { return l.DeleteProject(l.admin, l.project.ID) },
		"role deleted":    func(l *lent, _ *cloud.Trust) error { return l.DeleteRole(l.admin, l.role("reader")) },
		"trustor disabled": func(l *lent, _ *cloud.Trust) error {
			_, err := l.UpdateUser(l.admin, l.ann.ID, UserChange{Enabled: &off})
			return err
		},
		"trustee disabled": func(l *lent, _ *cloud.Trust) error {
			_, err := l.UpdateUser(l.admin, l.bob.ID, UserChange{Enabled: &off})
			return err
		},
		"role taken away": func(l *lent, _ *cloud.Trust) error {
			return l.Unassign(l.admin, Grant{Role: l.role("member"), User: l.ann.ID, Scope: Scope{ProjectID: l.project.ID}})
		},
	} {
		for _, impersonate := range []bool{false, true} {
			l := newLent(t)
			r := l.request()
			r.Impersonation = impersonate
			trust := l.trust(r)
			token := l.use(trust)
			l.ok(change(l, trust))
			if l.alive(token) {
				t.Errorf("%s, impersonation %t: the token holds", name, impersonate)
			}
			if _, err := l.useBy("bob", trust); !cloud.Is(err, cloud.Unauthenticated) && !cloud.Is(err, cloud.Forbidden) {
				t.Errorf("%s: signing in again says %v", name, err)
			}
			if _, err := l.Trusts.Get(l.admin, trust.ID); strings.Contains(name, "deleted") != cloud.Is(err, cloud.NotFound) {
				t.Errorf("%s: the trust is looked up with %v", name, err)
			}
		}
	}
}

func TestTrustsEndByTimeAndUse(t *testing.T) {
	l := newLent(t)
	r := l.request()
	end, uses := l.clock.Now().Add(time.Minute), 1
	r.ExpiresAt = &end
	brief := l.trust(r)
	if token := l.use(brief); token.ExpiresAt.After(end) {
		t.Error("a token outlives its trust")
	}
	r.ExpiresAt, r.RemainingUses = nil, &uses
	once := l.trust(r)
	token := l.use(once)
	_, err := l.useBy("bob", once)
	l.wants(cloud.Unauthenticated, err)
	if !l.alive(token) {
		t.Error("the last token of a trust does not hold")
	}
	if shown := must[*Token](t)(l.Inspect(l.as(token), token.Value)); shown.Trust.ID != once.ID {
		t.Error("the last token of a trust does not show it")
	}
	l.clock.pass(time.Hour)
	for _, trust := range []*cloud.Trust{brief, once} {
		_, err := l.Trust(l.admin, trust.ID)
		l.wants(cloud.NotFound, err)
	}
	if list := must[[]*cloud.Trust](t)(l.ListTrusts(l.admin, TrustFilter{})); len(list) != 0 {
		t.Errorf("%d trusts are listed", len(list))
	}
	l.clock.pass(tokenLifetimeMax)
	l.ok(l.sweepTrusts(l.admin))
	if n := must[int64](t)(l.Trusts.Count(l.admin)); n != 0 {
		t.Errorf("%d trusts are left", n)
	}
}

func TestPassingATrustOn(t *testing.T) {
	l := newLent(t)
	r := l.request()
	two, one := 2, 1
	end := l.clock.Now().Add(time.Hour)
	r.Redelegable, r.RedelegationCount, r.Impersonation, r.ExpiresAt = true, &two, true, &end
	first := l.trust(r)
	by := l.as(l.use(first))
	r.Trustee = l.eve.ID
	later := end.Add(time.Hour)
	for name, change := range map[string]func(*TrustRequest){
		"another count": func(r *TrustRequest) { r.RedelegationCount = &two },
		"uses counted":  func(r *TrustRequest) { r.Redelegable, r.RedelegationCount, r.RemainingUses = false, nil, &one },
		"longer":        func(r *TrustRequest) { r.RedelegationCount, r.ExpiresAt = nil, &later },
		"another role":  func(r *TrustRequest) { r.RedelegationCount, r.Roles = nil, []RoleRef{{Name: "member"}} },
	} {
		r := r
		change(&r)
		if _, err := l.CreateTrust(by, r); !cloud.Is(err, cloud.Forbidden) {
			t.Errorf("%s: %v", name, err)
		}
	}
	r.RedelegationCount, r.ExpiresAt, r.Impersonation = nil, nil, false
	second := must[*cloud.Trust](t)(l.CreateTrust(by, r))
	if second.RedelegationCount != 1 || second.ParentID != first.ID || second.ExpiresAt == nil {
		t.Errorf("passed on as %+v", second)
	}
	eves := must[*Token](t)(l.useBy("eve", second))
	r.Trustor, r.Trustee, r.Impersonation = l.eve.ID, l.bob.ID, true
	_, err := l.CreateTrust(l.as(eves), r)
	l.wants(cloud.Forbidden, err)
	r.Impersonation = false
	third := must[*cloud.Trust](t)(l.CreateTrust(l.as(eves), r))
	last := l.use(third)
	r.Trustor = l.bob.ID
	_, err = l.CreateTrust(l.as(last), r)
	l.wants(cloud.Forbidden, err)
	l.ok(l.DeleteTrust(l.as(l.signIn("ann", ScopeRequest{None: true})), first.ID))
	if n := must[int64](t)(l.Trusts.Count(l.admin)); n != 0 || l.alive(last) || l.alive(eves) {
		t.Errorf("%d trusts and the tokens %t %t outlive the first", n, l.alive(last), l.alive(eves))
	}
}

func TestWhoReadsTrusts(t *testing.T) {
	l := newLent(t)
	trust := l.trust(l.request())
	for name, may := range map[string]bool{"ann": true, "bob": true, "eve": false} {
		_, err := l.Trust(l.as(l.signIn(name, ScopeRequest{None: true})), trust.ID)
		if (err == nil) != may {
			t.Errorf("%s reads it: %v", name, err)
		}
	}
	bob, eve := l.as(l.signIn("bob", ScopeRequest{None: true})), l.as(l.signIn("eve", ScopeRequest{None: true}))
	if list := must[[]*cloud.Trust](t)(l.ListTrusts(bob, TrustFilter{Trustee: l.bob.ID})); len(list) != 1 {
		t.Errorf("bob finds %d", len(list))
	}
	_, err := l.ListTrusts(bob, TrustFilter{})
	l.wants(cloud.Forbidden, err)
	_, err = l.ListTrusts(eve, TrustFilter{Trustor: l.ann.ID})
	l.wants(cloud.Forbidden, err)
	l.wants(cloud.Forbidden, l.DeleteTrust(bob, trust.ID))
	l.wants(cloud.NotFound, l.DeleteTrust(bob, "x"))
}

// TestClaimsKeepTheirVersion: without a trust they are what a process that knows none reads.
func TestClaimsKeepTheirVersion(t *testing.T) {
	c := claims{UserID: "u", Roles: []string{"odd"}, Issued: time.UnixMicro(1e15), Expires: time.UnixMicro(2e15), Audit: strings.Repeat("a", auditBytes)}
	if b := c.encode(); b[0] != claimsVersion {
		t.Errorf("written in version %d", b[0])
	}
	c.TrustID, c.Behind = "t", []party{{"v", "default"}, {"w", "d"}}
	b := c.encode()
	got := must[*claims](t)(decodeClaims(b))
	if b[0] != claimsVersionTrust || got.TrustID != "t" || !slices.Equal(got.Behind, c.Behind) || !slices.Equal(got.Roles, c.Roles) {
		t.Errorf("version %d: %+v", b[0], got)
	}
}
