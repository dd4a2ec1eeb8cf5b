package identity

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

func TestPasswordsHaveTheFormThatIsWanted(t *testing.T) {
	w := newWorld(t, Options{PasswordPatterns: []*regexp.Regexp{regexp.MustCompile(`[0-9]`), regexp.MustCompile(`^.{6,}$`)}, PasswordAdvice: "Six characters, one of them a digit."})
	for _, password := range []string{"short1", "longer"} {
		_, err := w.CreateUser(w.admin, cloud.User{Name: password, DomainID: DefaultDomain, Enabled: true}, password)
		if fits := password == "short1"; fits != (err == nil) || !fits && !strings.Contains(err.Error(), "one of them a digit") {
			t.Errorf("%s: %v", password, err)
		}
	}
	ann := must[*cloud.User](t)(w.CreateUser(w.admin, cloud.User{Name: "ann", DomainID: DefaultDomain, Enabled: true}, "ann-pw-1"))
	plain := "plain-password"
	_, err := w.UpdateUser(w.admin, ann.ID, UserChange{Password: &plain})
	w.wants(cloud.Invalid, err)
	w.wants(cloud.Invalid, w.ChangePassword(context.Background(), ann.ID, "ann-pw-1", plain))
	w.ok(w.ChangePassword(context.Background(), ann.ID, "ann-pw-1", "second-2"))
}

func TestAChosenPasswordIsKeptForAWhile(t *testing.T) {
	w := newWorld(t, Options{PasswordMinAge: time.Hour})
	ann := w.user("ann")
	change := func(old, password string) error { return w.ChangePassword(context.Background(), ann.ID, old, password) }
	w.ok(change("ann-pw", "second")) // an administrator's
	w.wants(cloud.Invalid, change("second", "third"))
	w.wants(cloud.Unauthenticated, change("wrong", "third"))
	w.clock.pass(time.Hour)
	w.ok(change("second", "third"))
}

func TestAPasswordFromAnAdministratorIsChangedFirst(t *testing.T) {
	w := newWorld(t, Options{ChangeOnFirstUse: true})
	try := func(password string) error {
		_, err := w.Issue(context.Background(), passwordOf("ann", password), ScopeRequest{None: true})
		return err
	}
	ann := w.user("ann")
	w.wants(cloud.Unauthenticated, try("ann-pw"))
	w.ok(w.ChangePassword(context.Background(), ann.ID, "ann-pw", "own"))
	w.ok(try("own"))
	reset := "reset"
	must[*cloud.User](t)(w.UpdateUser(w.admin, ann.ID, UserChange{Password: &reset}))
	w.wants(cloud.Unauthenticated, try("reset"))
	must[*cloud.User](t)(w.UpdateUser(w.admin, ann.ID, UserChange{Password: &reset, Options: map[string]any{optionIgnoreFirstUse: true}}))
	w.ok(try("reset"))
}

func TestOptionsThatDoNotExist(t *testing.T) {
	w := newWorld(t, Options{})
	ann := w.user("ann")
	for name, v := range map[string]any{"none": true, optionLockPassword: "yes", optionFactorRules: []any{"password"}, optionImmutable: true} {
		_, err := w.UpdateUser(w.admin, ann.ID, UserChange{Options: map[string]any{name: v}})
		w.wants(cloud.Invalid, err)
	}
	changed := must[*cloud.User](t)(w.UpdateUser(w.admin, ann.ID, UserChange{Options: map[string]any{optionFactorRules: []any{[]any{"password"}}, optionLockPassword: nil}}))
	if len(changed.Options) != 1 {
		t.Errorf("the options are %v", changed.Options)
	}
	_, err := w.CreateRole(w.admin, cloud.Role{Name: "r", Options: map[string]any{optionLockPassword: true}})
	w.wants(cloud.Invalid, err)
}

// TestWhatIsImmutable can be made mutable, and nothing else.
func TestWhatIsImmutable(t *testing.T) {
	w := newWorld(t, Options{})
	name, off := "other", false
	stays, goes := map[string]any{optionImmutable: true}, map[string]any{optionImmutable: false}
	p := must[*cloud.Project](t)(w.CreateProject(w.admin, cloud.Project{Name: "p", DomainID: DefaultDomain, Enabled: true, Options: stays}))
	_, err := w.UpdateProject(w.admin, p.ID, ProjectChange{Name: &name})
	w.wants(cloud.Forbidden, err)
	_, err = w.UpdateProject(w.admin, p.ID, ProjectChange{Name: &name, Options: goes})
	w.wants(cloud.Forbidden, err)
	w.wants(cloud.Forbidden, w.DeleteProject(w.admin, p.ID))
	must[*cloud.Project](t)(w.UpdateProject(w.admin, p.ID, ProjectChange{Options: goes}))
	w.ok(w.DeleteProject(w.admin, p.ID))

	r := must[*cloud.Role](t)(w.CreateRole(w.admin, cloud.Role{Name: "r", Options: stays}))
	_, err = w.UpdateRole(w.admin, r.ID, RoleChange{Description: &name})
	w.wants(cloud.Forbidden, err)
	w.wants(cloud.Forbidden, w.DeleteRole(w.admin, r.ID))
	must[*cloud.Role](t)(w.UpdateRole(w.admin, r.ID, RoleChange{Options: map[string]any{optionImmutable: nil}}))
	w.ok(w.DeleteRole(w.admin, r.ID))

	d := must[*cloud.Domain](t)(w.CreateDomain(w.admin, cloud.Domain{Name: "d", Options: stays}))
	_, err = w.UpdateDomain(w.admin, d.ID, DomainChange{Enabled: &off})
	w.wants(cloud.Forbidden, err)
	w.wants(cloud.Forbidden, w.DeleteDomain(w.admin, d.ID))
	must[*cloud.Domain](t)(w.UpdateDomain(w.admin, d.ID, DomainChange{Options: goes}))
	w.ok(w.DeleteDomain(w.admin, d.ID))
}
