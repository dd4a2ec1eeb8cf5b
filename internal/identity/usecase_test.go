package identity

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// rolesOn is what a user's new token for a project would hold.
func (w *world) rolesOn(name string, p cloud.ProjectID) []string {
	w.t.Helper()
	t, err := w.Issue(context.Background(), passwordOf(name, name+"-pw"), onProject(p))
	if cloud.Is(err, cloud.Unauthenticated) {
		return nil
	}
	w.ok(err)
	return names(t.Roles)
}

func TestWhereRolesReach(t *testing.T) {
	w := newWorld(t, Options{})
	ann := w.user("ann")
	crew := must[*cloud.Group](t)(w.CreateGroup(w.admin, cloud.Group{Name: "crew", DomainID: DefaultDomain}))
	w.ok(w.AddMember(w.admin, crew.ID, ann.ID))
	top := w.project("top", "")
	mid := w.project("mid", top.ID)
	low := w.project("low", mid.ID)
	member, reader := w.role("member"), w.role("reader")
	all := []string{"member", "reader"}
	for name, c := range map[string]struct {
		grant         Grant
		top, mid, low []string
	}{
		"on the project":             {Grant{Role: member, User: ann.ID, Scope: Scope{ProjectID: mid.ID}}, nil, all, nil},
		"inherited from a project":   {Grant{Role: member, User: ann.ID, Scope: Scope{ProjectID: top.ID}, Inherited: true}, nil, all, all},
		"inherited from a domain":    {Grant{Role: reader, User: ann.ID, Scope: Scope{DomainID: DefaultDomain}, Inherited: true}, []string{"reader"}, []string{"reader"}, []string{"reader"}},
		"on the domain":              {Grant{Role: member, User: ann.ID, Scope: Scope{DomainID: DefaultDomain}}, nil, nil, nil},
		"on the system":              {Grant{Role: member, User: ann.ID, Scope: Scope{System: true}}, nil, nil, nil},
		"through a group":            {Grant{Role: member, Group: crew.ID, Scope: Scope{ProjectID: low.ID}}, nil, nil, all},
		"through a group, inherited": {Grant{Role: reader, Group: crew.ID, Scope: Scope{ProjectID: mid.ID}, Inherited: true}, nil, nil, []string{"reader"}},
	} {
		t.Run(name, func(t *testing.T) {
			w.ok(w.Assign(w.admin, c.grant))
			w.ok(w.Assign(w.admin, c.grant))
			w.ok(w.Assigned(w.admin, c.grant))
			var reached []cloud.ProjectID
			for _, at := range []struct {
				p    *cloud.Project
				want []string
			}{{top, c.top}, {mid, c.mid}, {low, c.low}} {
				if got := w.rolesOn("ann", at.p.ID); !slices.Equal(got, at.want) {
					t.Errorf("on %s: %v, want %v", at.p.Name, got, at.want)
				}
				effective := must[[]AssignmentView](t)(w.ListAssignments(w.admin, AssignmentFilter{User: ann.ID, Effective: true, Scope: Scope{ProjectID: at.p.ID}}))
				if len(effective) != len(at.want) {
					t.Errorf("on %s %d effective assignments, want %d", at.p.Name, len(effective), len(at.want))
				}
				if at.want != nil {
					reached = append(reached, at.p.ID)
				}
			}
			listed := must[[]*cloud.Project](t)(w.ProjectsOf(w.admin, ann.ID, Filter{}))
			listed = slices.DeleteFunc(listed, func(p *cloud.Project) bool { return p.Name == "admin" || p.Name == "demo" })
			if len(listed) != len(reached) {
				t.Errorf("listed on %d projects, want %d", len(listed), len(reached))
			}
			w.ok(w.Unassign(w.admin, c.grant))
			w.wants(cloud.NotFound, w.Unassign(w.admin, c.grant))
			w.wants(cloud.NotFound, w.Assigned(w.admin, c.grant))
		})
	}
}

func TestADomainsRoleCountsByWhatItImplies(t *testing.T) {
	w := newWorld(t, Options{})
	ann := w.user("ann")
	p := w.project("p", "")
	clerk := must[*cloud.Role](t)(w.CreateRole(w.admin, cloud.Role{Name: "clerk", DomainID: DefaultDomain}))
	must[*Implication](t)(w.Imply(w.admin, clerk.ID, w.role("member")))
	w.ok(w.Assign(w.admin, Grant{Role: clerk.ID, User: ann.ID, Scope: Scope{ProjectID: p.ID}}))
	if got := w.rolesOn("ann", p.ID); !slices.Equal(got, []string{"member", "reader"}) {
		t.Errorf("the token holds %v", got)
	}
	_, err := w.Imply(w.admin, w.role("reader"), w.role("member"))
	w.wants(cloud.Invalid, err)
	_, err = w.Imply(w.admin, w.role("member"), w.role("admin"))
	w.wants(cloud.Forbidden, err)
	_, err = w.Imply(w.admin, clerk.ID, w.role("admin"))
	w.wants(cloud.Forbidden, err)
	_, err = w.Imply(w.admin, w.role("reader"), clerk.ID)
	w.wants(cloud.Forbidden, err)
}

func TestDefaultProject(t *testing.T) {
	w := newWorld(t, Options{})
	ann, p := w.user("ann"), w.project("p", "")
	must[*cloud.User](t)(w.UpdateUser(w.admin, ann.ID, UserChange{DefaultProjectID: &p.ID}))
	if token := w.signIn("ann", ScopeRequest{}); token.Project != nil {
		t.Error("a default project without a role gave a scope")
	}
	w.ok(w.Assign(w.admin, Grant{Role: w.role("member"), User: ann.ID, Scope: Scope{ProjectID: p.ID}}))
	if token := w.signIn("ann", ScopeRequest{}); token.Project == nil || token.Project.ID != p.ID {
		t.Error("the default project was not used")
	}
	if token := w.signIn("ann", ScopeRequest{None: true}); token.Project != nil {
		t.Error("the default project was used though no scope was asked for")
	}
	w.ok(w.DeleteProject(w.admin, p.ID))
	if u := must[*cloud.User](t)(w.User(w.admin, ann.ID)); u.DefaultProjectID != "" {
		t.Error("a deleted project is still the default")
	}
}

func TestLockOut(t *testing.T) {
	w := newWorld(t, Options{LockoutAttempts: 2, LockoutDuration: 5 * time.Second})
	w.user("ann")
	try := func(password string) error {
		_, err := w.Issue(context.Background(), passwordOf("ann", password), ScopeRequest{})
		return err
	}
	w.wants(cloud.Unauthenticated, try("x"))
	w.ok(try("ann-pw")) // resets the count
	w.wants(cloud.Unauthenticated, try("x"))
	w.wants(cloud.Unauthenticated, try("x"))
	w.wants(cloud.Unauthenticated, try("ann-pw"))
	w.clock.pass(6 * time.Second)
	w.wants(cloud.Unauthenticated, try("x"))
	w.ok(try("ann-pw"))
}

func TestLastPasswordsCannotComeBack(t *testing.T) {
	w := newWorld(t, Options{UniquePasswords: 2})
	ann := w.user("ann")
	change := func(old, password string) error { return w.ChangePassword(context.Background(), ann.ID, old, password) }
	w.wants(cloud.Invalid, change("ann-pw", "ann-pw"))
	w.ok(change("ann-pw", "second"))
	w.wants(cloud.Invalid, change("second", "ann-pw"))
	w.wants(cloud.Unauthenticated, change("ann-pw", "third"))
	w.ok(change("second", "third"))
	w.ok(change("third", "ann-pw"))
	reset := "ann-pw"
	must[*cloud.User](t)(w.UpdateUser(w.admin, ann.ID, UserChange{Password: &reset})) // administrators are not bound
	must[*cloud.User](t)(w.UpdateUser(w.admin, ann.ID, UserChange{Options: map[string]any{"lock_password": true}}))
	w.wants(cloud.Invalid, change("ann-pw", "fourth"))
}

func TestExpiredPasswordMustBeChanged(t *testing.T) {
	w := newWorld(t, Options{PasswordLifetime: time.Hour})
	ann := w.user("ann")
	w.signIn("ann", ScopeRequest{None: true})
	w.clock.pass(2 * time.Hour)
	_, err := w.Issue(context.Background(), passwordOf("ann", "ann-pw"), ScopeRequest{None: true})
	w.wants(cloud.Unauthenticated, err)
	if !strings.Contains(err.Error(), "expired") {
		t.Errorf("the reason is hidden: %v", err)
	}
	w.ok(w.ChangePassword(context.Background(), ann.ID, "ann-pw", "new"))
	must[*Token](t)(w.Issue(context.Background(), passwordOf("ann", "new"), ScopeRequest{None: true}))
}

func TestProjectRules(t *testing.T) {
	w := newWorld(t, Options{})
	no, yes := false, true
	top := w.project("top", "")
	low := w.project("low", top.ID)
	_, err := w.CreateProject(w.admin, cloud.Project{Name: "LOW", DomainID: DefaultDomain, Enabled: true})
	w.wants(cloud.AlreadyExists, err) // one name in a domain, whatever the parent and the case
	_, err = w.CreateProject(w.admin, cloud.Project{Name: "x", DomainID: DefaultDomain, ParentID: "none"})
	w.wants(cloud.Invalid, err)
	_, err = w.CreateProject(w.admin, cloud.Project{Name: strings.Repeat("x", 65), DomainID: DefaultDomain})
	w.wants(cloud.Invalid, err)
	w.wants(cloud.Forbidden, w.DeleteProject(w.admin, top.ID))
	for _, p := range []*cloud.Project{low, top} {
		must[*cloud.Project](t)(w.UpdateProject(w.admin, p.ID, ProjectChange{Enabled: &no}))
	}
	_, err = w.UpdateProject(w.admin, low.ID, ProjectChange{Enabled: &yes})
	w.wants(cloud.Forbidden, err)
	_, err = w.CreateProject(w.admin, cloud.Project{Name: "y", DomainID: DefaultDomain, ParentID: top.ID, Enabled: true})
	w.wants(cloud.Forbidden, err)
	parent := w.project("deep1", "").ID
	for i := 2; i <= projectDepthMax; i++ {
		parent = w.project(fmt.Sprint("deep", i), parent).ID
	}
	_, err = w.CreateProject(w.admin, cloud.Project{Name: "too deep", DomainID: DefaultDomain, ParentID: parent, Enabled: true})
	w.wants(cloud.Forbidden, err)
}

func TestDeletingADomainLeavesNothing(t *testing.T) {
	w := newWorld(t, Options{})
	counts := func() (n []int64) {
		for _, count := range []func(context.Context, ...cloud.Cond) (int64, error){w.Domains.Count, w.Projects.Count, w.Users.Count,
			w.Groups.Count, w.Roles.Count, w.Assignments.Count, w.Credentials.Count, w.Settings.Count} {
			n = append(n, must[int64](t)(count(w.admin)))
		}
		return n
	}
	before := counts()
	d := must[*cloud.Domain](t)(w.CreateDomain(w.admin, cloud.Domain{Name: "d", Enabled: true}))
	top := must[*cloud.Project](t)(w.CreateProject(w.admin, cloud.Project{Name: "top", DomainID: d.ID, Enabled: true}))
	must[*cloud.Project](t)(w.CreateProject(w.admin, cloud.Project{Name: "low", DomainID: d.ID, ParentID: top.ID, Enabled: true}))
	u := must[*cloud.User](t)(w.CreateUser(w.admin, cloud.User{Name: "u", DomainID: d.ID, Enabled: true}, "pw"))
	g := must[*cloud.Group](t)(w.CreateGroup(w.admin, cloud.Group{Name: "g", DomainID: d.ID}))
	r := must[*cloud.Role](t)(w.CreateRole(w.admin, cloud.Role{Name: "r", DomainID: d.ID}))
	w.ok(w.AddMember(w.admin, g.ID, u.ID))
	w.ok(w.Assign(w.admin, Grant{Role: r.ID, Group: g.ID, Scope: Scope{ProjectID: top.ID}}))
	w.ok(w.Assign(w.admin, Grant{Role: w.role("member"), User: u.ID, Scope: Scope{ProjectID: top.ID}}))
	w.ok(w.Assign(w.admin, Grant{Role: w.role("reader"), User: w.made.DemoUserID, Scope: Scope{DomainID: d.ID}}))
	token := must[*Token](t)(w.Issue(context.Background(), Login{Password: &PasswordLogin{User: UserRef{ID: u.ID}, Password: "pw"}}, onProject(top.ID)))
	_, _, err := w.CreateCredential(w.as(token), u.ID, CredentialRequest{Name: "c", AccessRules: []cloud.AccessRule{{Service: "compute", Method: "GET", Path: "/**"}}})
	w.ok(err)

	w.wants(cloud.Forbidden, w.DeleteDomain(w.admin, d.ID))
	no := false
	must[*cloud.Domain](t)(w.UpdateDomain(w.admin, d.ID, DomainChange{Enabled: &no}))
	w.ok(w.DeleteDomain(w.admin, d.ID))
	if after := counts(); !slices.Equal(after, before) {
		t.Errorf("the store held %v rows, now %v", before, after)
	}
	w.wants(cloud.NotFound, w.DeleteDomain(w.admin, d.ID))
}

func TestACredentialHasNoMoreThanItsUser(t *testing.T) {
	w := newWorld(t, Options{})
	ann, p := w.user("ann"), w.project("p", "")
	grant := Grant{Role: w.role("manager"), User: ann.ID, Scope: Scope{ProjectID: p.ID}}
	w.ok(w.Assign(w.admin, grant))
	expires := w.clock.Now().Add(10 * time.Minute)
	c, secret, err := w.CreateCredential(w.as(w.signIn("ann", onProject(p.ID))), ann.ID, CredentialRequest{Name: "c", ExpiresAt: &expires})
	w.ok(err)
	login := Login{Credential: &CredentialLogin{ID: c.ID, Secret: secret}}
	token := must[*Token](t)(w.Issue(context.Background(), login, ScopeRequest{}))
	if got := names(token.Roles); !slices.Equal(got, []string{"manager", "member", "reader"}) || token.ExpiresAt.After(expires) {
		t.Errorf("roles %v until %v", got, token.ExpiresAt)
	}
	w.ok(w.Unassign(w.admin, grant))
	if w.alive(token) {
		t.Error("the token survived the loss of the role")
	}
	_, err = w.Issue(context.Background(), login, ScopeRequest{})
	w.wants(cloud.Unauthenticated, err)
	grant.Role = w.role("reader")
	w.ok(w.Assign(w.admin, grant))
	if got := names(must[*Token](t)(w.Issue(context.Background(), login, ScopeRequest{})).Roles); !slices.Equal(got, []string{"reader"}) {
		t.Errorf("the credential gives %v to a reader", got)
	}
	_, err = w.Issue(context.Background(), login, onProject(w.made.DemoProjectID))
	w.wants(cloud.Unauthenticated, err)
	w.clock.pass(11 * time.Minute)
	_, err = w.Issue(context.Background(), login, ScopeRequest{})
	w.wants(cloud.Unauthenticated, err)
}

// TestADomainManagerStaysInItsDomain is the whole of delegation: what a manager of one domain may and may not.
func TestADomainManagerStaysInItsDomain(t *testing.T) {
	w := newWorld(t, Options{})
	d := must[*cloud.Domain](t)(w.CreateDomain(w.admin, cloud.Domain{Name: "d", Enabled: true}))
	boss := must[*cloud.User](t)(w.CreateUser(w.admin, cloud.User{Name: "boss", DomainID: d.ID, Enabled: true}, "pw"))
	w.ok(w.Assign(w.admin, Grant{Role: w.role("manager"), User: boss.ID, Scope: Scope{DomainID: d.ID}}))
	token := must[*Token](t)(w.Issue(context.Background(), Login{Password: &PasswordLogin{User: UserRef{ID: boss.ID}, Password: "pw"}}, ScopeRequest{Domain: &DomainRef{ID: d.ID}}))
	ctx := w.as(token)

	p := must[*cloud.Project](t)(w.CreateProject(ctx, cloud.Project{Name: "p", Enabled: true}))
	u := must[*cloud.User](t)(w.CreateUser(ctx, cloud.User{Name: "u", Enabled: true}, "pw"))
	g := must[*cloud.Group](t)(w.CreateGroup(ctx, cloud.Group{Name: "g"}))
	if p.DomainID != d.ID || u.DomainID != d.ID || g.DomainID != d.ID {
		t.Error("what a manager makes is not in its domain")
	}
	w.ok(w.Assign(ctx, Grant{Role: w.role("member"), User: u.ID, Scope: Scope{ProjectID: p.ID}}))
	w.ok(w.Assign(ctx, Grant{Role: w.role("reader"), Group: g.ID, Scope: Scope{DomainID: d.ID}}))
	for what, grant := range map[string]Grant{
		"admin":                  {Role: w.role("admin"), User: u.ID, Scope: Scope{ProjectID: p.ID}},
		"on a project elsewhere": {Role: w.role("member"), User: u.ID, Scope: Scope{ProjectID: w.made.AdminProjectID}},
		"on another domain":      {Role: w.role("member"), User: u.ID, Scope: Scope{DomainID: DefaultDomain}},
		"on the system":          {Role: w.role("reader"), User: u.ID, Scope: Scope{System: true}},
		"to a user elsewhere":    {Role: w.role("member"), User: w.made.DemoUserID, Scope: Scope{ProjectID: p.ID}},
		"on nothing":             {Role: w.role("member"), User: u.ID, Scope: Scope{ProjectID: "none"}},
	} {
		if err := w.Assign(ctx, grant); !cloud.Is(err, cloud.Forbidden) {
			t.Errorf("giving a role %s: %v", what, err)
		}
	}
	if users := must[[]*cloud.User](t)(w.ListUsers(ctx, Filter{})); len(users) != 2 {
		t.Errorf("a manager lists %d users", len(users))
	}
	if list := must[[]*cloud.Domain](t)(w.ListDomains(ctx, Filter{})); len(list) != 1 {
		t.Errorf("a manager lists %d domains", len(list))
	}
	if list := must[[]AssignmentView](t)(w.ListAssignments(ctx, AssignmentFilter{})); len(list) != 3 {
		t.Errorf("a manager lists %d assignments", len(list))
	}
	_, err := w.ListUsers(ctx, Filter{DomainID: DefaultDomain})
	w.wants(cloud.Forbidden, err)
	w.wants(cloud.Forbidden, w.DeleteUser(ctx, w.made.DemoUserID))
	_, err = w.UpdateDomain(ctx, d.ID, DomainChange{})
	w.wants(cloud.Forbidden, err)
	_, err = w.CreateRole(ctx, cloud.Role{Name: "r", DomainID: d.ID})
	w.wants(cloud.Forbidden, err)
	w.ok(w.DeleteUser(ctx, u.ID))
}

func TestPasswordsAreHashedWithSalt(t *testing.T) {
	w := newWorld(t, Options{})
	a := must[string](t)(w.hasher.hash(context.Background(), "secret"))
	b := must[string](t)(w.hasher.hash(context.Background(), "secret"))
	if a == b || strings.Contains(a, "secret") {
		t.Errorf("%q and %q", a, b)
	}
	for stored, password := range map[string]string{a: "secret", b: "secret"} {
		if ok := must[bool](t)(w.hasher.matches(context.Background(), stored, password)); !ok {
			t.Error("the password does not match its hash")
		}
		if ok := must[bool](t)(w.hasher.matches(context.Background(), stored, password+"x")); ok {
			t.Error("another password matches")
		}
	}
	if _, err := w.hasher.matches(context.Background(), "$2b$12$x", "secret"); err == nil {
		t.Error("an unknown form of hash is compared")
	}
}

func FuzzDecodeClaims(f *testing.F) {
	c := claims{UserID: "0123456789abcdef0123456789abcdef", UserName: "ann", UserDomainID: "default", Scope: Scope{ProjectID: "p"}, ProjectDomainID: "default",
		Roles: []string{"member", "odd"}, Methods: []string{MethodPassword}, Issued: time.UnixMicro(1e15), Expires: time.UnixMicro(2e15),
		Audit: strings.Repeat("a", auditBytes), Chain: strings.Repeat("b", auditBytes)}
	f.Add(c.encode())
	f.Add([]byte{claimsVersion})
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := decodeClaims(b)
		if err != nil {
			return
		}
		again, err := decodeClaims(got.encode())
		if err != nil || again.UserID != got.UserID || again.Scope != got.Scope || !again.Expires.Equal(got.Expires) {
			t.Errorf("%+v became %+v (%v)", got, again, err)
		}
	})
}

func BenchmarkIssueByPassword(b *testing.B) {
	w := newWorld(b, Options{Hashing: DefaultHashing})
	login, scope := passwordOf("admin", "admin-pw"), onProject(w.made.AdminProjectID)
	for b.Loop() {
		must[*Token](b)(w.Issue(context.Background(), login, scope))
	}
}

// BenchmarkPasswordHash is the part of BenchmarkIssueByPassword that must take long.
func BenchmarkPasswordHash(b *testing.B) {
	h := newHasher(DefaultHashing)
	for b.Loop() {
		must[string](b)(h.hash(context.Background(), "admin-pw"))
	}
}

func BenchmarkIssueByToken(b *testing.B) {
	w := newWorld(b, Options{})
	login, scope := Login{Token: w.signIn("admin", ScopeRequest{None: true}).Value}, onProject(w.made.AdminProjectID)
	for b.Loop() {
		must[*Token](b)(w.Issue(context.Background(), login, scope))
	}
}

func BenchmarkIssueByCredential(b *testing.B) {
	w := newWorld(b, Options{})
	c, secret, err := w.CreateCredential(w.as(w.signIn("admin", onProject(w.made.AdminProjectID))), w.made.AdminUserID, CredentialRequest{Name: "c"})
	w.ok(err)
	for b.Loop() {
		must[*Token](b)(w.Issue(context.Background(), Login{Credential: &CredentialLogin{ID: c.ID, Secret: secret}}, ScopeRequest{}))
	}
}

func BenchmarkVerify(b *testing.B) {
	w := newWorld(b, Options{})
	token := w.signIn("admin", onProject(w.made.AdminProjectID)).Value
	w.ok(w.Tx.Update(w.admin, func(ctx context.Context) error { return w.revoke(ctx, cause{kind: voidUser, id: "somebody else"}) }))
	b.ReportAllocs()
	for b.Loop() {
		must[*cloud.Principal](b)(w.Verify(context.Background(), token))
	}
}
