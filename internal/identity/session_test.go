package identity

import (
	"context"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// inSession admits with a session's credentials as they were given out.
func (w *world) inSession(s *Session) (*cloud.Principal, error) {
	return w.AdmitSession(context.Background(), s.Access, s.Token, func(secret string) bool { return secret == s.Secret })
}

// TestSessions: a session has its role and no more, ends by itself, and ends with what it rests on.
func TestSessions(t *testing.T) {
	w := newWorld(t, Options{})
	key := w.accessKey(w.made.AdminUserID, w.made.AdminProjectID)
	owner := must[*cloud.Principal](t)(w.signed(key))
	as := cloud.WithPrincipal(context.Background(), owner)
	hour := SessionRequest{Prefix: "S", Name: "run", Role: RoleMember, Lifetime: time.Hour}

	s := must[*Session](t)(w.IssueSession(as, hour))
	p := must[*cloud.Principal](t)(w.inSession(s))
	if p.UserID != owner.UserID || p.ProjectID != owner.ProjectID || !p.Has(RoleMember) || !p.Has(RoleReader) || p.Has(RoleAdmin) ||
		*p.Session != (cloud.SessionName{Role: RoleMember, Name: "run"}) || p.SecretID != AccessKeyID(key.Access) {
		t.Fatalf("admitted as %+v", p)
	}
	for name, wrong := range map[string]Session{
		"another access key": {Access: "S2", Secret: s.Secret, Token: s.Token}, "another secret": {Access: s.Access, Secret: "x", Token: s.Token},
		"another token": {Access: s.Access, Secret: s.Secret, Token: s.Token[:len(s.Token)-2] + "AA"}, "a token of the API": {Token: w.signIn("admin", onProject(owner.ProjectID)).Value},
	} {
		if _, err := w.inSession(&wrong); !cloud.Is(err, cloud.Unauthenticated) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.Verify(context.Background(), s.Token); !cloud.Is(err, cloud.Unauthenticated) {
		t.Error("a session's token is one of the API")
	}

	// Of a session no more can be made than it has.
	inner := cloud.WithPrincipal(context.Background(), p)
	_, err := w.IssueSession(inner, SessionRequest{Role: RoleAdmin, Lifetime: time.Hour})
	w.wants(cloud.Forbidden, err)
	if s := must[*Session](t)(w.IssueSession(inner, SessionRequest{Lifetime: time.Hour})); s.Principal.Has(RoleAdmin) {
		t.Error("a session has more roles than the one it was made by")
	}
	_, err = w.IssueSession(as, SessionRequest{Project: w.made.DemoProjectID, Lifetime: time.Hour})
	w.wants(cloud.Forbidden, err)
	for _, life := range []time.Duration{0, SessionMin - 1, SessionMax + 1} {
		_, err = w.IssueSession(as, SessionRequest{Lifetime: life})
		w.wants(cloud.Invalid, err)
	}

	long := must[*Session](t)(w.IssueSession(as, SessionRequest{Lifetime: SessionMax}))
	w.clock.pass(time.Hour)
	_, err = w.inSession(s)
	w.wants(cloud.Unauthenticated, err)
	w.clock.pass(30 * time.Hour)
	w.ok(w.rotateDueKeys(w.admin))
	must[*cloud.Principal](t)(w.inSession(long))
	w.ok(w.DeleteSecret(w.admin, AccessKeyID(key.Access)))
	w.clock.pass(5 * time.Hour)
	w.ok(w.sweepRevocations(w.admin))
	_, err = w.inSession(long)
	w.wants(cloud.Unauthenticated, err)
}

func BenchmarkAdmitSession(b *testing.B) {
	w := newWorld(b, Options{})
	owner := must[*cloud.Principal](b)(w.signed(w.accessKey(w.made.AdminUserID, w.made.AdminProjectID)))
	s := must[*Session](b)(w.IssueSession(cloud.WithPrincipal(context.Background(), owner), SessionRequest{Lifetime: SessionMax}))
	for b.Loop() {
		must[*cloud.Principal](b)(w.inSession(s))
	}
}

// TestSessionsByProvider: a provider's token opens its owner's projects, in one of its owner's roles, for as long as the provider's word holds.
func TestSessionsByProvider(t *testing.T) {
	a := newAsked(t)
	var project cloud.ProjectID
	for _, p := range must[[]*cloud.Project](t)(a.Projects.List(a.admin, cloud.Query{})) {
		if len(must[[]*cloud.Role](t)(a.rolesNow(a.admin, a.brings().User.ID, Scope{ProjectID: p.ID}))) > 0 {
			project = p.ID
		}
	}
	token := a.op.Grant("cloud", "ann", "openid", "email", "eduperson_entitlement")
	want := SessionRequest{Prefix: "S", Project: project, Role: RoleMember, Name: "run", Lifetime: 12 * time.Hour}
	s := must[*Session](t)(a.IssueSessionBearer(context.Background(), token, want))
	p := must[*cloud.Principal](t)(a.inSession(s))
	if p.ProjectID != project || !p.Has(RoleMember) || p.ProviderID != "home" {
		t.Errorf("admitted as %+v until %s", p, s.Expires)
	}
	want.Role = RoleAdmin
	_, err := a.IssueSessionBearer(context.Background(), token, want)
	a.wants(cloud.Forbidden, err)
	want.Role, want.Project = RoleMember, a.made.AdminProjectID
	_, err = a.IssueSessionBearer(context.Background(), token, want)
	a.wants(cloud.Forbidden, err)
	want.Project = project
	for _, bad := range []string{"", "opaque", token + "x"} {
		_, err = a.IssueSessionBearer(context.Background(), bad, want)
		a.wants(cloud.Unauthenticated, err)
	}
	a.clock.pass(24 * time.Hour)
	_, err = a.IssueSessionBearer(context.Background(), token, want)
	if e, _ := cloud.AsError(err); e == nil || e.Resource != "expired token" {
		t.Errorf("a token that has ended: %v", err)
	}
	_, err = a.inSession(s)
	a.wants(cloud.Unauthenticated, err)
}
