package keystone

import (
	"net/http"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/identity"
)

func (a *api) userRoutes() {
	a.Handle("GET /v3/users", a.listUsers)
	a.Handle("POST /v3/users", a.createUser)
	a.Handle("GET /v3/users/{user}", a.showUser)
	a.Handle("PATCH /v3/users/{user}", a.updateUser)
	a.Handle("DELETE /v3/users/{user}", a.deleteUser)
	// The old password is the proof of who asks.
	a.Public("POST /v3/users/{user}/password", a.changePassword)
	a.Handle("GET /v3/users/{user}/projects", a.listUserProjects)
	a.Handle("GET /v3/users/{user}/groups", a.listUserGroups)
}

func userID(r *http.Request) cloud.UserID { return cloud.UserID(r.PathValue("user")) }

func (a *api) userObject(r *http.Request) func(*cloud.User) object {
	return func(u *cloud.User) object {
		o := with(u.Extra, object{"id": string(u.ID), "name": u.Name, "domain_id": u.DomainID, "enabled": u.Enabled,
			"options": optionsOf(u.Options), "password_expires_at": timeOrNull(identity.PasswordExpiry(u)), "links": a.self(r, "users", string(u.ID))})
		for key, value := range map[string]string{"description": u.Description, "email": u.Email, "default_project_id": string(u.DefaultProjectID)} {
			if value != "" {
				o[key] = value
			}
		}
		if len(u.Federated) > 0 {
			o["federated"] = federatedObjects(u.Federated)
		}
		return o
	}
}

func (a *api) listUsers(w http.ResponseWriter, r *http.Request) error {
	f, err := filter(r)
	if err != nil {
		return err
	}
	expiry, err := expiryTests(r)
	if err != nil {
		return err
	}
	f.Known = knownAs(r)
	list, err := a.identity.ListUsers(r.Context(), f, expiry...)
	if err != nil {
		return err
	}
	return a.list(w, r, "users", each(list, a.userObject(r)), f.Limit)
}

// expiryTests reads password_expires_at=lt:2026-01-01T00:00:00Z and the like.
func expiryTests(r *http.Request) ([]func(*time.Time) bool, error) {
	var tests []func(*time.Time) bool
	for _, text := range r.URL.Query()["password_expires_at"] {
		op, when, ok := strings.Cut(text, ":")
		if !ok {
			return nil, cloud.Invalidf("user", "password_expires_at", "Invalid input for field 'password_expires_at': it has the form operator:time.")
		}
		at, err := parseTime("user", "password_expires_at", when)
		if err != nil {
			return nil, err
		}
		holds := map[string]func(c int) bool{"lt": func(c int) bool { return c < 0 }, "lte": func(c int) bool { return c <= 0 },
			"gt": func(c int) bool { return c > 0 }, "gte": func(c int) bool { return c >= 0 }, "eq": func(c int) bool { return c == 0 },
			"neq": func(c int) bool { return c != 0 }}[op]
		if holds == nil {
			return nil, cloud.Invalidf("user", "password_expires_at", "Invalid input for field 'password_expires_at': unknown operator '%s'.", op)
		}
		tests = append(tests, func(t *time.Time) bool { return t != nil && holds(t.Compare(*at)) })
	}
	return tests, nil
}

func (a *api) createUser(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "user")
	if err != nil {
		return err
	}
	f.require("name")
	u := cloud.User{Name: takeOr(f, "name", ""), DomainID: takeOr[cloud.DomainID](f, "domain_id", ""), Description: takeOr(f, "description", ""),
		Email: takeOr(f, "email", ""), Enabled: takeOr(f, "enabled", true), DefaultProjectID: takeOr[cloud.ProjectID](f, "default_project_id", ""),
		Options: takeOr[map[string]any](f, "options", nil), Federated: federatedIDs(takeOr[[]federatedBody](f, "federated", nil))}
	password := takeOr(f, "password", "")
	u.Extra = f.extra()
	if f.err != nil {
		return f.err
	}
	made, err := a.identity.CreateUser(r.Context(), u, password)
	if err != nil {
		return err
	}
	return one(w, http.StatusCreated, "user", a.userObject(r)(made))
}

func (a *api) showUser(w http.ResponseWriter, r *http.Request) error {
	u, err := a.identity.User(r.Context(), userID(r))
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "user", a.userObject(r)(u))
}

func (a *api) updateUser(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "user")
	if err != nil {
		return err
	}
	if err := fixed(f, "domain_id", "password_expires_at"); err != nil {
		return err
	}
	c := identity.UserChange{Name: take[string](f, "name"), Description: take[string](f, "description"), Email: take[string](f, "email"),
		Enabled: take[bool](f, "enabled"), DefaultProjectID: take[cloud.ProjectID](f, "default_project_id"), Password: take[string](f, "password"),
		Options: takeOr[map[string]any](f, "options", nil)}
	if body := take[[]federatedBody](f, "federated"); body != nil {
		known := federatedIDs(*body)
		c.Federated = &known
	}
	c.Extra = f.extra()
	if f.err != nil {
		return f.err
	}
	u, err := a.identity.UpdateUser(r.Context(), userID(r), c)
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "user", a.userObject(r)(u))
}

func (a *api) deleteUser(w http.ResponseWriter, r *http.Request) error {
	if err := a.identity.DeleteUser(r.Context(), userID(r)); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}

func (a *api) changePassword(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "user")
	if err != nil {
		return err
	}
	f.require("password", "original_password")
	password, old := takeOr(f, "password", ""), takeOr(f, "original_password", "")
	if f.err != nil {
		return f.err
	}
	if err := a.identity.ChangePassword(r.Context(), userID(r), old, password); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}

func (a *api) listUserProjects(w http.ResponseWriter, r *http.Request) error {
	f, err := filter(r)
	if err != nil {
		return err
	}
	list, err := a.identity.ProjectsOf(r.Context(), userID(r), f)
	if err != nil {
		return err
	}
	return a.list(w, r, "projects", each(list, a.projectObject(r)), 0)
}

func (a *api) listUserGroups(w http.ResponseWriter, r *http.Request) error {
	f, err := filter(r)
	if err != nil {
		return err
	}
	list, err := a.identity.GroupsOf(r.Context(), userID(r), f)
	if err != nil {
		return err
	}
	return a.list(w, r, "groups", each(list, a.groupObject(r)), f.Limit)
}
