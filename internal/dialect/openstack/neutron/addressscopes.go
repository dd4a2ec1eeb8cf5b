package neutron

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

func (a *api) scopes() resource[cloud.AddressScope, cloud.AddressScopeID] {
	type scope = cloud.AddressScope
	return resource[scope, cloud.AddressScopeID]{one: "address_scope", many: "address_scopes", path: "/v2.0/address-scopes",
		filters: common(filters[scope]{"description": nil, "revision_number": nil, "changed_since": nil, "shared": byBool[scope]("shared"),
			"ip_version": byVersion[scope]}),
		sort: openstack.SortColumns{"id": "id", "name": "name", "project_id": "project_id", "tenant_id": "project_id", "ip_version": "ipv6",
			"shared": "shared"},
		list: a.net.ListAddressScopes, get: a.net.AddressScope, remove: a.net.DeleteAddressScope,
		id: func(s *scope) cloud.AddressScopeID { return s.ID }, show: a.showScopes}
}

func (a *api) scopeRoutes(s *openstack.Service) {
	r := a.scopes()
	routes(a, s, r)
	s.Handle("POST "+r.path, creates(a, r, a.createScope))
	s.Handle("PUT "+r.path+"/{id}", updates(a, r, a.updateScope))
}

func (a *api) showScopes(ctx context.Context, scopes []*cloud.AddressScope) ([]object, error) {
	with, err := a.net.SharedWithCaller(ctx, cloud.ShareAddressScope, cloud.UseShared)
	shown := make([]object, len(scopes))
	for i, s := range scopes {
		shown[i] = object{"id": s.ID, "name": s.Name, "tenant_id": s.ProjectID, "project_id": s.ProjectID,
			"ip_version": versionShown(s.IPv6), "shared": s.Shared || with[string(s.ID)]}
	}
	return shown, err
}

// scopeIn is an address scope in a request.
type scopeIn struct {
	owner
	Name    text    `json:"name"`
	Version integer `json:"ip_version"`
	Shared  boolean `json:"shared"`
}

func (a *api) createScope(ctx context.Context, in scopeIn) (*cloud.AddressScope, error) {
	v := int(in.Version.Value)
	if v != 4 && v != 6 {
		return nil, cloud.Invalidf("request", "body", "Invalid input for ip_version. Reason: '%d' is not in [4, 6].", v)
	}
	return a.net.CreateAddressScope(ctx, network.AddressScopeRequest{ProjectID: in.project(), Name: in.Name.Value, IPv6: v == 6, Shared: bool(in.Shared.Value)})
}

func (a *api) updateScope(ctx context.Context, id cloud.AddressScopeID, in scopeIn) (*cloud.AddressScope, error) {
	if in.Version.Set || in.project() != "" {
		return nil, readOnly("ip_version or project_id")
	}
	return a.net.UpdateAddressScope(ctx, id, network.AddressScopeChange{Name: textPtr(in.Name), Shared: boolPtr(in.Shared)})
}
