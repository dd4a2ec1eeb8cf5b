package keystone

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/identity"
)

// A policy document is called a policy here, its text a blob.

func (a *api) policyRoutes() {
	a.Handle("GET /v3/policies", a.listPolicies)
	a.Handle("POST /v3/policies", a.createPolicy)
	a.Handle("GET /v3/policies/{policy}", a.showPolicy)
	a.Handle("PATCH /v3/policies/{policy}", a.updatePolicy)
	a.Handle("DELETE /v3/policies/{policy}", a.deletePolicy)
}

func policyID(r *http.Request) cloud.PolicyDocumentID {
	return cloud.PolicyDocumentID(r.PathValue("policy"))
}

func (a *api) policyObject(r *http.Request) func(*cloud.PolicyDocument) object {
	return func(d *cloud.PolicyDocument) object {
		return with(d.Extra, object{"id": string(d.ID), "type": d.Type, "blob": d.Text, "links": a.self(r, "policies", string(d.ID))})
	}
}

func (a *api) listPolicies(w http.ResponseWriter, r *http.Request) error {
	f, err := filter(r)
	if err != nil {
		return err
	}
	list, err := a.identity.ListPolicyDocuments(r.Context(), r.URL.Query().Get("type"), f)
	if err != nil {
		return err
	}
	return a.list(w, r, "policies", each(list, a.policyObject(r)), f.Limit)
}

func (a *api) createPolicy(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "policy")
	if err != nil {
		return err
	}
	f.require("type", "blob")
	d := cloud.PolicyDocument{Type: takeOr(f, "type", ""), Text: takeOr(f, "blob", "")}
	d.Extra = f.extra()
	if f.err != nil {
		return f.err
	}
	made, err := a.identity.CreatePolicyDocument(r.Context(), d)
	if err != nil {
		return err
	}
	return one(w, http.StatusCreated, "policy", a.policyObject(r)(made))
}

func (a *api) showPolicy(w http.ResponseWriter, r *http.Request) error {
	d, err := a.identity.PolicyDocument(r.Context(), policyID(r))
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "policy", a.policyObject(r)(d))
}

func (a *api) updatePolicy(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "policy")
	if err != nil {
		return err
	}
	c := identity.PolicyDocumentChange{Type: take[string](f, "type"), Text: take[string](f, "blob")}
	c.Extra = f.extra()
	if f.err != nil {
		return f.err
	}
	d, err := a.identity.UpdatePolicyDocument(r.Context(), policyID(r), c)
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "policy", a.policyObject(r)(d))
}

func (a *api) deletePolicy(w http.ResponseWriter, r *http.Request) error {
	if err := a.identity.DeletePolicyDocument(r.Context(), policyID(r)); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}
