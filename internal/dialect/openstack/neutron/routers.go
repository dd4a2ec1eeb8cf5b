package neutron

import (
	"context"
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

func (a *api) routers() resource[cloud.Router, cloud.RouterID] {
	tags := func(r *cloud.Router) []string { return r.Tags }
	return resource[cloud.Router, cloud.RouterID]{one: "router", many: "routers", path: "/v2.0/routers",
		filters: tagFilters(tags, common(filters[cloud.Router]{"admin_state_up": byBool[cloud.Router]("admin_up"), "flavor_id": byText[cloud.Router]("flavor"),
			"distributed": byBool[cloud.Router]("distributed"),
			"status":      byShown(func(*cloud.Router) string { return "ACTIVE" })})),
		sort: namedSort(openstack.SortColumns{"admin_state_up": "admin_up", "status": same, "flavor_id": "flavor"}),
		list: a.net.ListRouters, get: a.net.Router, remove: a.net.DeleteRouter,
		id: func(r *cloud.Router) cloud.RouterID { return r.ID }, show: a.showRouters, tags: tags,
		setTags: func(ctx context.Context, id cloud.RouterID, tags []string) error {
			_, err := a.net.UpdateRouter(ctx, id, network.RouterChange{Tags: &tags})
			return err
		}}
}

func (a *api) routerRoutes(s *openstack.Service) {
	r := a.routers()
	routes(a, s, r)
	s.Handle("POST "+r.path, creates(a, r, a.createRouter))
	s.Handle("PUT "+r.path+"/{id}", updates(a, r, a.updateRouter))
	s.Handle("PUT "+r.path+"/{id}/add_router_interface", a.changeInterface(a.net.AddInterface))
	s.Handle("PUT "+r.path+"/{id}/remove_router_interface", a.changeInterface(a.net.RemoveInterface))
	s.Handle("PUT "+r.path+"/{id}/add_extraroutes", updates(a, r, a.extraRoutes(a.net.AddRoutes)))
	s.Handle("PUT "+r.path+"/{id}/remove_extraroutes", updates(a, r, a.extraRoutes(a.net.RemoveRoutes)))
}

func (a *api) showRouters(ctx context.Context, routers []*cloud.Router) ([]object, error) {
	addresses, err := a.net.GatewayAddresses(ctx, routers)
	if err != nil {
		return nil, err
	}
	zones, err := a.net.Zones(ctx)
	if err != nil {
		return nil, err
	}
	distributed := a.net.SeesDistributed(ctx)
	shown := make([]object, len(routers))
	for i, r := range routers {
		shown[i] = object{"id": r.ID, "name": r.Name, "description": r.Description, "tenant_id": r.ProjectID, "project_id": r.ProjectID,
			"admin_state_up": r.AdminUp, "status": "ACTIVE", "external_gateway_info": showGateway(r.Gateway, addresses[r.ID]),
			"routes": showRoutes(r.Routes), "availability_zone_hints": tagsShown(r.Zones), "availability_zones": tagsShown(zones),
			"flavor_id": orNull(r.Flavor), "tags": tagsShown(r.Tags)}.with(stamps(&r.Meta, r.Revisions))
		if distributed {
			shown[i]["distributed"] = r.Distributed
		}
	}
	return shown, nil
}

func showGateway(g *cloud.RouterGateway, addresses []cloud.PortAddress) any {
	if g == nil {
		return nil
	}
	return object{"network_id": g.NetworkID, "enable_snat": g.SNAT, "qos_policy_id": orNull(g.QoS), "external_fixed_ips": showFixed(addresses)}
}

// routerIn is a router in a request.
type routerIn struct {
	owner
	tagsIn
	Name        text                          `json:"name"`
	Description text                          `json:"description"`
	AdminUp     boolean                       `json:"admin_state_up"`
	Gateway     openstack.Optional[gatewayIn] `json:"external_gateway_info"`
	Routes      openstack.Optional[[]route]   `json:"routes"`
	ZoneHints   []string                      `json:"availability_zone_hints"`
	FlavorID    text                          `json:"flavor_id"` // of a new router
	Distributed boolean                       `json:"distributed"`
	HA          boolean                       `json:"ha"`
}

type gatewayIn struct {
	NetworkID string    `json:"network_id"`
	SNAT      boolean   `json:"enable_snat"`
	Fixed     []fixedIP `json:"external_fixed_ips"`
	QoS       text      `json:"qos_policy_id"`
}

// gateway is nil for none.
func (in routerIn) gateway() (*network.GatewayRequest, error) {
	if in.Gateway.Value.NetworkID == "" {
		return nil, nil
	}
	g := in.Gateway.Value
	fixed, err := parseFixed("external_fixed_ips", g.Fixed)
	return &network.GatewayRequest{NetworkID: cloud.NetworkID(g.NetworkID), SNAT: boolPtr(g.SNAT), Fixed: fixed, QoS: qosPtr(g.QoS)}, err
}

// checkHA refuses what no router is here. That it is not may be said.
func (in routerIn) checkHA() error {
	if in.HA.Value {
		return cloud.Invalidf("router", "ha", "Invalid input for ha. Reason: This cloud has no highly available routers.")
	}
	return nil
}

func (a *api) createRouter(ctx context.Context, in routerIn) (*cloud.Router, error) {
	if err := in.checkHA(); err != nil {
		return nil, err
	}
	gateway, err := in.gateway()
	if err != nil {
		return nil, err
	}
	return a.net.CreateRouter(ctx, network.RouterRequest{ProjectID: in.project(), Name: in.Name.Value, Description: in.Description.Value,
		AdminUp: boolPtr(in.AdminUp), Gateway: gateway, Zones: in.ZoneHints, Flavor: cloud.RouterFlavorID(in.FlavorID.Value), Distributed: boolPtr(in.Distributed)})
}

func (a *api) updateRouter(ctx context.Context, id cloud.RouterID, in routerIn) (*cloud.Router, error) {
	if in.FlavorID.Set {
		return nil, readOnly("flavor_id")
	}
	if err := in.checkHA(); err != nil {
		return nil, err
	}
	c := network.RouterChange{Name: textPtr(in.Name), Description: textPtr(in.Description), AdminUp: boolPtr(in.AdminUp), Distributed: boolPtr(in.Distributed)}
	if in.Gateway.Set {
		gateway, err := in.gateway()
		if err != nil {
			return nil, err
		}
		c.Gateway = &gateway
	}
	if in.Routes.Set {
		routes, err := parseRoutes("routes", in.Routes.Value)
		if err != nil {
			return nil, err
		}
		c.Routes = &routes
	}
	return a.net.UpdateRouter(ctx, id, c)
}

func (a *api) extraRoutes(change func(context.Context, cloud.RouterID, []cloud.Route) (*cloud.Router, error)) func(context.Context, cloud.RouterID, routerIn) (*cloud.Router, error) {
	return func(ctx context.Context, id cloud.RouterID, in routerIn) (*cloud.Router, error) {
		routes, err := parseRoutes("routes", in.Routes.Value)
		if err != nil {
			return nil, err
		}
		return change(ctx, id, routes)
	}
}

// changeInterface answers the two verbs on a router's interfaces.
func (a *api) changeInterface(change func(context.Context, cloud.RouterID, network.InterfaceRequest) (*cloud.Port, error)) openstack.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		var in struct {
			SubnetID cloud.SubnetID `json:"subnet_id"`
			PortID   cloud.PortID   `json:"port_id"`
		}
		if err := openstack.Decode(r, &in); err != nil {
			return err
		}
		if err := checkBody(&in); err != nil {
			return err
		}
		id := cloud.RouterID(r.PathValue("id"))
		p, err := change(r.Context(), id, network.InterfaceRequest{SubnetID: in.SubnetID, PortID: in.PortID})
		if err != nil {
			return err
		}
		subnets := make([]cloud.SubnetID, len(p.Addresses))
		for i, a := range p.Addresses {
			subnets[i] = a.SubnetID
		}
		return openstack.WriteJSON(w, http.StatusOK, object{"id": id, "tenant_id": p.ProjectID, "project_id": p.ProjectID, "port_id": p.ID,
			"network_id": p.NetworkID, "subnet_id": subnets[0], "subnet_ids": subnets, "tags": []string{}})
	}
}
