package keystone

import (
	"context"
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/identity"
)

// OS-ENDPOINT-POLICY: which policy is for which endpoints.

func (a *api) endpointPolicyRoutes() {
	const policy = " /v3/policies/{policy}/OS-ENDPOINT-POLICY/"
	for _, place := range []string{"endpoints/{endpoint}", "services/{service}", "services/{service}/regions/{region}"} {
		a.Handle("GET"+policy+place, a.empty(binding(a.identity.HasPolicy)))
		a.Handle("PUT"+policy+place, a.empty(binding(a.identity.BindPolicy)))
		a.Handle("DELETE"+policy+place, a.empty(binding(a.identity.UnbindPolicy)))
	}
	a.Handle("GET"+policy+"endpoints", a.listPolicyEndpoints)
	a.Handle("GET /v3/endpoints/{endpoint}/OS-ENDPOINT-POLICY/policy", a.showEffectivePolicy)
}

// binding makes an act of a verb on the policy and the place that a path names.
func binding(do func(context.Context, cloud.PolicyDocumentID, identity.PolicyPlace) error) func(*http.Request) error {
	return func(r *http.Request) error {
		return do(r.Context(), policyID(r), identity.PolicyPlace{EndpointID: r.PathValue("endpoint"), ServiceID: r.PathValue("service"), RegionID: r.PathValue("region")})
	}
}

func (a *api) listPolicyEndpoints(w http.ResponseWriter, r *http.Request) error {
	list, err := a.identity.EndpointsWithPolicy(r.Context(), a.base(r), policyID(r))
	if err != nil {
		return err
	}
	return a.list(w, r, "endpoints", each(list, a.endpointObject(r)), 0)
}

func (a *api) showEffectivePolicy(w http.ResponseWriter, r *http.Request) error {
	d, err := a.identity.EffectivePolicy(r.Context(), r.PathValue("endpoint"))
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "policy", a.policyObject(r)(d))
}
