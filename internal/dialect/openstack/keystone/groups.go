package keystone

import (
	"context"
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/identity"
)

func (a *api) groupRoutes() {
	a.Handle("GET /v3/groups", a.listGroups)
	a.Handle("POST /v3/groups", a.createGroup)
	a.Handle("GET /v3/groups/{group}", a.showGroup)
	a.Handle("PATCH /v3/groups/{group}", a.updateGroup)
	a.Handle("DELETE /v3/groups/{group}", a.deleteGroup)
	a.Handle("GET /v3/groups/{group}/users", a.listMembers)
	a.Handle("GET /v3/groups/{group}/users/{user}", a.member(a.identity.IsMember))
	a.Handle("PUT /v3/groups/{group}/users/{user}", a.member(a.identity.AddMember))
	a.Handle("DELETE /v3/groups/{group}/users/{user}", a.member(a.identity.RemoveMember))
}

func groupID(r *http.Request) cloud.GroupID { return cloud.GroupID(r.PathValue("group")) }

func (a *api) groupObject(r *http.Request) func(*cloud.Group) object {
	return func(g *cloud.Group) object {
		return with(g.Extra, object{"id": string(g.ID), "name": g.Name, "domain_id": g.DomainID, "description": g.Description,
			"links": a.self(r, "groups", string(g.ID))})
	}
}

func (a *api) listGroups(w http.ResponseWriter, r *http.Request) error {
	f, err := filter(r)
	if err != nil {
		return err
	}
	list, err := a.identity.ListGroups(r.Context(), f)
	if err != nil {
		return err
	}
	return a.list(w, r, "groups", each(list, a.groupObject(r)), f.Limit)
}

func (a *api) createGroup(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "group")
	if err != nil {
		return err
	}
	f.require("name")
	g := cloud.Group{Name: takeOr(f, "name", ""), DomainID: takeOr[cloud.DomainID](f, "domain_id", ""), Description: takeOr(f, "description", "")}
	g.Extra = f.extra()
	if f.err != nil {
		return f.err
	}
	made, err := a.identity.CreateGroup(r.Context(), g)
	if err != nil {
		return err
	}
	return one(w, http.StatusCreated, "group", a.groupObject(r)(made))
}

func (a *api) showGroup(w http.ResponseWriter, r *http.Request) error {
	g, err := a.identity.Group(r.Context(), groupID(r))
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "group", a.groupObject(r)(g))
}

func (a *api) updateGroup(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "group")
	if err != nil {
		return err
	}
	if err := fixed(f, "domain_id"); err != nil {
		return err
	}
	c := identity.GroupChange{Name: take[string](f, "name"), Description: take[string](f, "description")}
	c.Extra = f.extra()
	if f.err != nil {
		return f.err
	}
	g, err := a.identity.UpdateGroup(r.Context(), groupID(r), c)
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "group", a.groupObject(r)(g))
}

func (a *api) deleteGroup(w http.ResponseWriter, r *http.Request) error {
	if err := a.identity.DeleteGroup(r.Context(), groupID(r)); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}

func (a *api) listMembers(w http.ResponseWriter, r *http.Request) error {
	f, err := filter(r)
	if err != nil {
		return err
	}
	list, err := a.identity.Members(r.Context(), groupID(r), f)
	if err != nil {
		return err
	}
	return a.list(w, r, "users", each(list, a.userObject(r)), f.Limit)
}

// member answers the three verbs on one membership.
func (a *api) member(do func(context.Context, cloud.GroupID, cloud.UserID) error) openstack.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := do(r.Context(), groupID(r), userID(r)); err != nil {
			return err
		}
		return openstack.WriteEmpty(w, http.StatusNoContent)
	}
}
