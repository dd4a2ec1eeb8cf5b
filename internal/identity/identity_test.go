package identity

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/store"
)

// clock is a clock that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now is later at each call, as a real clock is between two requests.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Millisecond)
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

type world struct {
	*Service
	t     testing.TB
	store *store.Store
	clock *clock
	made  *Bootstrapped
	admin context.Context
}

var cheap = Hashing{MemoryKiB: 64, Passes: 1}

func newWorld(t testing.TB, o Options) *world {
	t.Helper()
	st, err := store.Open(context.Background(), "sqlite::memory:", store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return worldOn(t, st, o)
}

func worldOn(t testing.TB, st *store.Store, o Options) *world {
	t.Helper()
	if o.Hashing == (Hashing{}) {
		o.Hashing = cheap
	}
	w := &world{t: t, store: st, clock: &clock{now: time.Now().UTC()}}
	w.Service = New(Deps{Domains: st.Domains, Projects: st.Projects, Users: st.Users, Groups: st.Groups, Roles: st.Roles,
		Assignments: st.Assignments, Credentials: st.ApplicationCredentials, Secrets: st.Secrets, Trusts: st.Trusts,
		Applications: st.Applications, DelegationRequests: st.DelegationRequests, Delegations: st.Delegations, UsedSignatures: st.UsedSignatures,
		RegisteredLimits: st.RegisteredLimits, Limits: st.Limits, PolicyDocuments: st.PolicyDocuments,
		Providers: st.IdentityProviders, Mappings: st.Mappings, Protocols: st.Protocols, Standings: st.Standings, ServiceProviders: st.ServiceProviders, Revocations: st.Revocations,
		Settings: st.Settings, Tx: st, Options: o, Log: slog.New(slog.DiscardHandler), Clock: w.clock.Now})
	made, err := w.Bootstrap(context.Background(), Bootstrap{AdminPassword: "admin-pw", DemoPassword: "demo-pw"})
	if err != nil {
		t.Fatal(err)
	}
	w.made, w.admin = made, cloud.WithPrincipal(context.Background(), cloud.System())
	return w
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) wants(k cloud.Kind, err error) {
	w.t.Helper()
	if !cloud.Is(err, k) {
		w.t.Fatalf("got %v, want an error of kind %q", err, k)
	}
}

func (w *world) user(name string) *cloud.User {
	w.t.Helper()
	return must[*cloud.User](w.t)(w.CreateUser(w.admin, cloud.User{Name: name, DomainID: DefaultDomain, Enabled: true}, name+"-pw"))
}

func (w *world) project(name string, parent cloud.ProjectID) *cloud.Project {
	w.t.Helper()
	return must[*cloud.Project](w.t)(w.CreateProject(w.admin, cloud.Project{Name: name, DomainID: DefaultDomain, ParentID: parent, Enabled: true}))
}

func (w *world) role(name string) cloud.RoleID {
	w.t.Helper()
	r := must[*cloud.Role](w.t)(w.Roles.One(w.admin, cloud.Eq("name", name)))
	return r.ID
}

func passwordOf(name, password string) Login {
	return Login{Password: &PasswordLogin{User: UserRef{Name: name, Domain: DomainRef{Name: "default"}}, Password: password}}
}

func onProject(id cloud.ProjectID) ScopeRequest { return ScopeRequest{Project: &ProjectRef{ID: id}} }

func (w *world) signIn(name string, scope ScopeRequest) *Token {
	w.t.Helper()
	return must[*Token](w.t)(w.Issue(context.Background(), passwordOf(name, name+"-pw"), scope))
}

func (w *world) as(t *Token) context.Context {
	w.t.Helper()
	return cloud.WithPrincipal(context.Background(), must[*cloud.Principal](w.t)(w.Verify(context.Background(), t.Value)))
}

func (w *world) alive(t *Token) bool {
	w.t.Helper()
	_, err := w.Verify(context.Background(), t.Value)
	if err != nil {
		w.wants(cloud.Unauthenticated, err)
	}
	return err == nil
}

func names(roles []*cloud.Role) []string {
	var list []string
	for _, r := range roles {
		list = append(list, r.Name)
	}
	slices.Sort(list)
	return list
}

func TestSecondBootstrapChangesNothing(t *testing.T) {
	w := newWorld(t, Options{})
	if !w.made.First || w.made.AdminPassword != "admin-pw" {
		t.Fatalf("the first start said %+v", w.made)
	}
	before := must[int64](t)(w.Assignments.Count(w.admin))
	token := w.signIn("admin", onProject(w.made.AdminProjectID))
	again := worldOn(t, w.store, Options{})
	if again.made.First || again.made.AdminPassword != "" || again.made.AdminUserID != w.made.AdminUserID {
		t.Fatalf("the second start said %+v", again.made)
	}
	if after := must[int64](t)(w.Assignments.Count(w.admin)); after != before {
		t.Fatalf("%d assignments became %d", before, after)
	}
	if !again.alive(token) {
		t.Fatal("a token of the first start does not hold after the second")
	}
}

func TestTokenCarriesScopeAndImpliedRoles(t *testing.T) {
	w := newWorld(t, Options{})
	token := w.signIn("admin", onProject(w.made.AdminProjectID))
	if n := len(token.Value); n < 150 || n > 400 {
		t.Errorf("the token has %d bytes", n)
	}
	p := must[*cloud.Principal](t)(w.Verify(context.Background(), token.Value))
	slices.Sort(p.Roles)
	if p.UserID != w.made.AdminUserID || p.UserName != "admin" || p.ProjectID != w.made.AdminProjectID || p.ProjectDomainID != "default" ||
		!slices.Equal(p.Roles, []string{"admin", "manager", "member", "reader"}) {
		t.Fatalf("principal %+v", p)
	}
	system := w.signIn("admin", ScopeRequest{System: true})
	domain := w.signIn("admin", ScopeRequest{Domain: &DomainRef{Name: "Default"}})
	none := w.signIn("admin", ScopeRequest{None: true})
	for _, c := range []struct {
		token   *Token
		system  bool
		domain  cloud.DomainID
		project cloud.ProjectID
	}{{system, true, "", ""}, {domain, false, "default", ""}, {none, false, "", ""}} {
		p := cloud.PrincipalOf(w.as(c.token))
		if p.System != c.system || p.DomainID != c.domain || p.ProjectID != c.project {
			t.Errorf("principal %+v, want %+v", p, c)
		}
	}
}

func TestForgedAndMutilatedTokensAreRefused(t *testing.T) {
	w := newWorld(t, Options{})
	good := w.signIn("demo", onProject(w.made.DemoProjectID)).Value
	other := newWorld(t, Options{}).signIn("demo", ScopeRequest{None: true}).Value
	bad := []string{"", "nubo1.", "nubo1.AAAA", "gAAAAAB", other, good[:len(good)-1], good + "A", "nubo2." + good[6:]}
	for i := len(TokenPrefix); i < len(good); i += 7 {
		b := []byte(good)
		if b[i] == 'A' {
			b[i] = 'B'
		} else {
			b[i] = 'A'
		}
		bad = append(bad, string(b))
	}
	for _, token := range bad {
		_, err := w.Verify(context.Background(), token)
		w.wants(cloud.Unauthenticated, err)
	}
}

func TestUnknownUserAndWrongPasswordLookTheSame(t *testing.T) {
	w := newWorld(t, Options{})
	_, unknown := w.Issue(context.Background(), passwordOf("nobody", "x"), ScopeRequest{})
	_, wrong := w.Issue(context.Background(), passwordOf("demo", "x"), ScopeRequest{})
	_, domain := w.Issue(context.Background(), Login{Password: &PasswordLogin{User: UserRef{Name: "demo", Domain: DomainRef{Name: "nowhere"}}, Password: "x"}}, ScopeRequest{})
	_, scope := w.Issue(context.Background(), passwordOf("demo", "demo-pw"), onProject(w.made.AdminProjectID))
	for _, err := range []error{unknown, wrong, domain, scope} {
		w.wants(cloud.Unauthenticated, err)
		if err.Error() != unknown.Error() {
			t.Errorf("%q differs from %q", err, unknown)
		}
	}
}

func TestTokenExpires(t *testing.T) {
	w := newWorld(t, Options{TokenLifetime: time.Hour})
	token := w.signIn("demo", ScopeRequest{None: true})
	w.clock.pass(30 * time.Minute)
	rescoped := must[*Token](t)(w.Issue(context.Background(), Login{Token: token.Value}, onProject(w.made.DemoProjectID)))
	if !rescoped.ExpiresAt.Equal(token.ExpiresAt) {
		t.Error("a token made from another outlives it")
	}
	if len(rescoped.AuditIDs) != 2 || rescoped.AuditIDs[1] != token.AuditIDs[0] {
		t.Errorf("audit ids %v do not lead back to %v", rescoped.AuditIDs, token.AuditIDs)
	}
	if !slices.Contains(rescoped.Methods, MethodPassword) || !slices.Contains(rescoped.Methods, MethodToken) {
		t.Errorf("methods %v", rescoped.Methods)
	}
	w.clock.pass(31 * time.Minute)
	if w.alive(token) || w.alive(rescoped) {
		t.Error("a token holds after it has expired")
	}
}

// TestWhatEndsTokens proves for each change which tokens it voids, here and in another
// process on the same store, and that one issued afterwards (where it can be) holds.
func TestWhatEndsTokens(t *testing.T) {
	type stage struct {
		*world
		u       *cloud.User
		project *cloud.Project
		group   *cloud.Group
	}
	enabled, disabled, password := true, false, "new-pw"
	cases := map[string]struct {
		act  func(s *stage) error
		undo func(s *stage) error
		// kept: the user's token without scope survives.
		kept bool
	}{
		"user disabled": {
			act: func(s *stage) error {
				_, err := s.UpdateUser(s.admin, s.u.ID, UserChange{Enabled: &disabled})
				return err
			},
			undo: func(s *stage) error {
				_, err := s.UpdateUser(s.admin, s.u.ID, UserChange{Enabled: &enabled})
				return err
			}},
		"password set": {act: func(s *stage) error {
			_, err := s.UpdateUser(s.admin, s.u.ID, UserChange{Password: &password})
			return err
		}},
		"password changed by the user": {act: func(s *stage) error {
			return s.ChangePassword(context.Background(), s.u.ID, "ann-pw", "new-pw")
		}},
		"user deleted": {act: func(s *stage) error { return s.DeleteUser(s.admin, s.u.ID) }},
		"project disabled": {kept: true, act: func(s *stage) error {
			_, err := s.UpdateProject(s.admin, s.project.ID, ProjectChange{Enabled: &disabled})
			return err
		}, undo: func(s *stage) error {
			_, err := s.UpdateProject(s.admin, s.project.ID, ProjectChange{Enabled: &enabled})
			return err
		}},
		"project deleted": {kept: true, act: func(s *stage) error { return s.DeleteProject(s.admin, s.project.ID) }},
		"domain disabled": {act: func(s *stage) error {
			_, err := s.UpdateDomain(s.admin, DefaultDomain, DomainChange{Enabled: &disabled})
			return err
		}},
		"role taken away": {kept: true, act: func(s *stage) error {
			return s.Unassign(s.admin, Grant{Role: s.role("member"), User: s.u.ID, Scope: Scope{ProjectID: s.project.ID}})
		}, undo: func(s *stage) error {
			return s.Assign(s.admin, Grant{Role: s.role("member"), User: s.u.ID, Scope: Scope{ProjectID: s.project.ID}})
		}},
		"role deleted":   {kept: true, act: func(s *stage) error { return s.DeleteRole(s.admin, s.role("member")) }},
		"left the group": {kept: true, act: func(s *stage) error { return s.RemoveMember(s.admin, s.group.ID, s.u.ID) }},
		"group deleted":  {kept: true, act: func(s *stage) error { return s.DeleteGroup(s.admin, s.group.ID) }},
		"keys dropped":   {act: func(s *stage) error { return s.DropKeys(s.admin) }},
		"no longer implied": {kept: true, act: func(s *stage) error {
			return s.Unimply(s.admin, s.role("member"), s.role("reader"))
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Options{})
			s := &stage{world: w, u: w.user("ann"), project: w.project("sky", "")}
			s.group = must[*cloud.Group](t)(w.CreateGroup(w.admin, cloud.Group{Name: "crew", DomainID: DefaultDomain}))
			w.ok(w.AddMember(w.admin, s.group.ID, s.u.ID))
			w.ok(w.Assign(w.admin, Grant{Role: w.role("reader"), Group: s.group.ID, Scope: Scope{ProjectID: s.project.ID}}))
			w.ok(w.Assign(w.admin, Grant{Role: w.role("member"), User: s.u.ID, Scope: Scope{ProjectID: s.project.ID}}))
			token, bare := w.signIn("ann", onProject(s.project.ID)), w.signIn("ann", ScopeRequest{None: true})
			bystander := w.signIn("demo", ScopeRequest{None: true})
			other := worldOn(t, w.store, Options{})
			other.clock = w.clock
			if !w.alive(token) || !other.alive(token) {
				t.Fatal("the token did not hold to begin with")
			}

			w.ok(c.act(s))
			w.ok(other.Refresh(context.Background()))
			w.ok(other.refreshKeys(context.Background()))
			for where, v := range map[string]*world{"here": w, "in the other process": other} {
				if v.alive(token) {
					t.Errorf("%s the token still holds", where)
				}
				if v.alive(bare) != c.kept {
					t.Errorf("%s the token without scope holds: %t", where, !c.kept)
				}
			}
			if name != "domain disabled" && name != "keys dropped" && !w.alive(bystander) {
				t.Error("another user's token was voided")
			}
			if c.undo != nil {
				w.ok(c.undo(s))
				if w.alive(token) {
					t.Error("the old token came back")
				}
				if !w.alive(w.signIn("ann", onProject(s.project.ID))) {
					t.Error("a new token does not hold")
				}
			}
		})
	}
}

func TestRevokedTokenIsGoneAndItsDescendantStays(t *testing.T) {
	w := newWorld(t, Options{})
	first := w.signIn("demo", ScopeRequest{None: true})
	second := must[*Token](t)(w.Issue(context.Background(), Login{Token: first.Value}, onProject(w.made.DemoProjectID)))
	stranger := w.as(w.signIn("admin", ScopeRequest{None: true}))
	w.wants(cloud.Forbidden, w.Revoke(stranger, first.Value))
	w.ok(w.Revoke(w.as(second), first.Value))
	if w.alive(first) || !w.alive(second) {
		t.Error("revoking a token must void that one and no other")
	}
	w.wants(cloud.NotFound, w.Revoke(w.as(second), first.Value))
}

func TestRevocationsAreSweptOnceNoTokenCanNeedThem(t *testing.T) {
	w := newWorld(t, Options{})
	token := w.signIn("demo", ScopeRequest{None: true})
	w.ok(w.Revoke(w.admin, token.Value))
	w.ok(w.sweepRevocations(w.admin))
	if n := must[int64](t)(w.Revocations.Count(w.admin)); n != 1 || w.alive(token) {
		t.Fatalf("%d revocations after a sweep that came too early", n)
	}
	w.clock.pass(sealedMax + time.Second)
	w.ok(w.sweepRevocations(w.admin))
	if n := must[int64](t)(w.Revocations.Count(w.admin)); n != 0 || len(w.moments.at) != 0 {
		t.Fatalf("%d revocations are left", n)
	}
}

func TestKeyRotationKeepsOldTokens(t *testing.T) {
	w := newWorld(t, Options{})
	other := worldOn(t, w.store, Options{})
	old := w.signIn("demo", ScopeRequest{None: true})
	w.ok(w.RotateKeys(w.admin))
	young := w.signIn("demo", ScopeRequest{None: true})
	if !w.alive(old) || !w.alive(young) {
		t.Fatal("a token was lost at the rotation")
	}
	if !other.alive(young) {
		t.Fatal("another process does not find the new key")
	}
	w.clock.pass(keyLifetime + sealedMax + time.Hour)
	w.ok(w.rotateDueKeys(w.admin))
	if n := len(w.keys.sealers); n != 2 {
		t.Errorf("%d keys are kept, want the newest and the one before", n)
	}
}
