package identity

import (
	"context"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// accessKey makes an access key for a user on a project.
func (w *world) accessKey(user cloud.UserID, project cloud.ProjectID) AccessKey {
	w.t.Helper()
	k := NewAccessKey()
	v := Secret{Text: k.Text()}
	v.ID, v.UserID, v.ProjectID, v.Type = AccessKeyID(k.Access), user, project, AccessKeyType
	must[*Secret](w.t)(w.CreateSecret(w.admin, v))
	return k
}

// signed admits with a key whose signature holds if the secret is this one.
func (w *world) signed(k AccessKey) (*cloud.Principal, error) {
	return w.AdmitSigned(context.Background(), k.Access, func(secret string) bool { return secret == k.Secret })
}

// TestSignedCallers: a key is good for its owner's roles on its project, and for no longer than a token would be.
func TestSignedCallers(t *testing.T) {
	type scene struct {
		*world
		user    *cloud.User
		project *cloud.Project
		key     AccessKey
	}
	set := func(t *testing.T) scene {
		w := newWorld(t, Options{})
		s := scene{world: w, user: w.user("u"), project: w.project("p", "")}
		w.ok(w.Assign(w.admin, Grant{Role: w.role(RoleMember), User: s.user.ID, Scope: Scope{ProjectID: s.project.ID}}))
		s.key = w.accessKey(s.user.ID, s.project.ID)
		p := must[*cloud.Principal](t)(w.signed(s.key))
		if p.UserID != s.user.ID || p.ProjectID != s.project.ID || !p.Has(RoleMember) || !p.Has(RoleReader) || p.Has(RoleAdmin) {
			t.Fatalf("admitted as %+v", p)
		}
		return s
	}
	disabled := false
	for name, end := range map[string]func(s scene) error{
		"key deleted": func(s scene) error { return s.DeleteSecret(s.admin, AccessKeyID(s.key.Access)) },
		"user disabled": func(s scene) error {
			_, err := s.UpdateUser(s.admin, s.user.ID, UserChange{Enabled: &disabled})
			return err
		},
		"user deleted": func(s scene) error { return s.DeleteUser(s.admin, s.user.ID) },
		"project disabled": func(s scene) error {
			_, err := s.UpdateProject(s.admin, s.project.ID, ProjectChange{Enabled: &disabled})
			return err
		},
		"project deleted": func(s scene) error { return s.DeleteProject(s.admin, s.project.ID) },
		"role taken away": func(s scene) error {
			return s.Unassign(s.admin, Grant{Role: s.role(RoleMember), User: s.user.ID, Scope: Scope{ProjectID: s.project.ID}})
		},
		"another secret": func(s scene) error {
			text := AccessKey{Access: s.key.Access, Secret: "another"}.Text()
			_, err := s.UpdateSecret(s.admin, AccessKeyID(s.key.Access), SecretChange{Text: &text})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := set(t)
			s.ok(end(s))
			_, err := s.signed(s.key)
			s.wants(cloud.Unauthenticated, err)
		})
	}
	s := set(t)
	_, err := s.signed(AccessKey{Access: s.key.Access, Secret: "wrong"})
	s.wants(cloud.Unauthenticated, err)
	_, err = s.signed(AccessKey{Access: "unknown"})
	s.wants(cloud.Unauthenticated, err)
	s.ok(s.Assign(s.admin, Grant{Role: s.role(RoleManager), User: s.user.ID, Scope: Scope{ProjectID: s.project.ID}}))
	s.clock.pass(keyRemembered)
	if p := must[*cloud.Principal](t)(s.signed(s.key)); !p.Has(RoleManager) {
		t.Error("a role that was given does not count")
	}
	if s.clock.pass(time.Hour); must[*cloud.Principal](t)(s.signed(s.key)) == nil {
		t.Error("a key ends by itself")
	}
}

// TestAccountNumbers: they are unique, stay, and are found both ways; projects from before there were any get theirs.
func TestAccountNumbers(t *testing.T) {
	w := newWorld(t, Options{})
	p := w.project("p", "")
	if len(p.AccountNumber) != 12 || p.AccountNumber != accountNumber(p.ID, 0) {
		t.Fatalf("the account number is %q", p.AccountNumber)
	}
	if id := must[cloud.ProjectID](t)(w.AccountProject(w.admin, p.AccountNumber)); id != p.ID {
		t.Errorf("the account is of %s", id)
	}
	_, err := w.AccountProject(w.admin, "")
	w.wants(cloud.NotFound, err)

	// Another project has the number that comes first.
	late := cloud.ProjectID(cloud.NewHexID())
	p.AccountNumber = accountNumber(late, 0)
	w.ok(w.Projects.Update(w.admin, p))
	made := must[*cloud.Project](t)(w.CreateProject(w.admin, cloud.Project{ID: late, Name: "late", DomainID: DefaultDomain, Enabled: true}))
	if made.AccountNumber != accountNumber(late, 1) {
		t.Errorf("the next number is %q", made.AccountNumber)
	}
	gone := cloud.ProjectID("gone")
	w.Service.accounts = newAccountBook()
	for range 2 {
		all := must[map[cloud.ProjectID]string](t)(w.Accounts(w.admin, p.ID, late, gone))
		if all[p.ID] != p.AccountNumber || all[late] != made.AccountNumber || all[gone] != accountNumber(gone, 0) {
			t.Errorf("the accounts are %v", all)
		}
	}

	made.AccountNumber = ""
	w.ok(w.Projects.Update(w.admin, made))
	w.ok(w.Load(context.Background()))
	if again := must[*cloud.Project](t)(w.Projects.Get(w.admin, late)); again.AccountNumber != accountNumber(late, 1) {
		t.Errorf("after the start it is %q", again.AccountNumber)
	}
}

func BenchmarkAdmitSigned(b *testing.B) {
	w := newWorld(b, Options{})
	k := w.accessKey(w.made.AdminUserID, w.made.AdminProjectID)
	b.ReportAllocs()
	for b.Loop() {
		must[*cloud.Principal](b)(w.signed(k))
	}
}

// BenchmarkAdmitSignedCold is the first request of a key, and one of those every few seconds that look again.
func BenchmarkAdmitSignedCold(b *testing.B) {
	w := newWorld(b, Options{})
	k := w.accessKey(w.made.AdminUserID, w.made.AdminProjectID)
	for b.Loop() {
		w.clock.pass(keyRemembered)
		must[*cloud.Principal](b)(w.signed(k))
	}
}
