package neutron

import (
	"context"
	"fmt"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

func (a *api) endpointGroups() resource[cloud.EndpointGroup, cloud.EndpointGroupID] {
	type group = cloud.EndpointGroup
	return resource[group, cloud.EndpointGroupID]{one: "endpoint_group", many: "endpoint_groups", path: "/v2.0/vpn/endpoint-groups",
		filters: common(filters[group]{"type": byText[group]("kind"), "endpoints": byText[group]("endpoints"), "revision_number": nil}),
		sort:    namedSort(openstack.SortColumns{"type": "kind", "description": "description"}),
		list:    a.net.ListEndpointGroups, get: a.net.EndpointGroup, remove: a.net.DeleteEndpointGroup,
		id: func(g *group) cloud.EndpointGroupID { return g.ID }, show: showEndpointGroups}
}

func (a *api) endpointGroupRoutes(s *openstack.Service) {
	r := a.endpointGroups()
	routes(a, s, r)
	s.Handle("POST "+r.path, creates(a, r, a.createEndpointGroup))
	s.Handle("PUT "+r.path+"/{id}", updates(a, r, a.updateEndpointGroup))
}

func showEndpointGroups(_ context.Context, groups []*cloud.EndpointGroup) ([]object, error) {
	shown := make([]object, len(groups))
	for i, g := range groups {
		shown[i] = object{"id": g.ID, "name": g.Name, "description": g.Description, "tenant_id": g.ProjectID, "project_id": g.ProjectID,
			"type": g.Kind, "endpoints": tagsShown(g.Endpoints)}
	}
	return shown, nil
}

// endpointGroupIn is an endpoint group in a request. Tags of VLANs may be numbers.
type endpointGroupIn struct {
	owner
	Name        text                      `json:"name"`
	Description text                      `json:"description"`
	Kind        text                      `json:"type"`
	Endpoints   openstack.Optional[[]any] `json:"endpoints"`
}

func (a *api) createEndpointGroup(ctx context.Context, in endpointGroupIn) (*cloud.EndpointGroup, error) {
	if !in.Kind.Set {
		return nil, notSpecified("type")
	}
	r := network.EndpointGroupRequest{ProjectID: in.project(), Name: in.Name.Value, Description: in.Description.Value, Kind: in.Kind.Value}
	for _, e := range in.Endpoints.Value {
		r.Endpoints = append(r.Endpoints, fmt.Sprint(e))
	}
	return a.net.CreateEndpointGroup(ctx, r)
}

func (a *api) updateEndpointGroup(ctx context.Context, id cloud.EndpointGroupID, in endpointGroupIn) (*cloud.EndpointGroup, error) {
	switch {
	case in.Kind.Set:
		return nil, readOnly("type")
	case in.Endpoints.Set:
		return nil, readOnly("endpoints")
	}
	return a.net.UpdateEndpointGroup(ctx, id, textPtr(in.Name), textPtr(in.Description))
}
