package neutron

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

// same stands for the column of an attribute that all rows have alike: their ids decide.
const same = "id"

// namedSort are the sort keys of resources with a name.
func namedSort(more openstack.SortColumns) openstack.SortColumns {
	columns := openstack.SortColumns{"id": "id", "name": "name", "project_id": "project_id", "tenant_id": "project_id",
		"created_at": "created_at", "updated_at": "updated_at"}
	for k, v := range more {
		columns[k] = v
	}
	return columns
}

func (a *api) networks() resource[cloud.Network, cloud.NetworkID] {
	tags := func(n *cloud.Network) []string { return n.Tags }
	return resource[cloud.Network, cloud.NetworkID]{one: "network", many: "networks", path: "/v2.0/networks",
		filters: tagFilters(tags, common(filters[cloud.Network]{"admin_state_up": byBool[cloud.Network]("admin_up"),
			"shared": byBool[cloud.Network]("shared"), "router:external": byBool[cloud.Network]("external"),
			"is_default": byBool[cloud.Network]("default"), "mtu": byInt[cloud.Network]("mtu"),
			"port_security_enabled": byBool[cloud.Network]("port_security"), "dns_domain": byText[cloud.Network]("dns_domain"), "qos_policy_id": byText[cloud.Network]("qos"),
			"provider:network_type": byText[cloud.Network]("kind"), "provider:physical_network": byText[cloud.Network]("physical"),
			"provider:segmentation_id": byInt[cloud.Network]("segment"),
			"status":                   byShown(func(*cloud.Network) string { return "ACTIVE" })})),
		sort: namedSort(openstack.SortColumns{"admin_state_up": "admin_up", "mtu": "mtu", "status": same, "availability_zone_hints": same, "shared": "shared"}),
		list: a.net.ListNetworks, get: a.net.Network, remove: a.net.DeleteNetwork,
		id: func(n *cloud.Network) cloud.NetworkID { return n.ID }, show: a.showNetworks, tags: tags,
		setTags: func(ctx context.Context, id cloud.NetworkID, tags []string) error {
			_, err := a.net.UpdateNetwork(ctx, id, network.NetworkChange{Tags: &tags})
			return err
		}}
}

func (a *api) networkRoutes(s *openstack.Service) {
	r := a.networks()
	routes(a, s, r)
	s.Handle("POST "+r.path, creates(a, r, a.createNetwork))
	s.Handle("PUT "+r.path+"/{id}", updates(a, r, a.updateNetwork))
}

func (a *api) showNetworks(ctx context.Context, networks []*cloud.Network) ([]object, error) {
	subnets, err := a.net.SubnetsByNetwork(ctx, networks)
	if err != nil {
		return nil, err
	}
	zones, err := a.net.Zones(ctx)
	if err != nil {
		return nil, err
	}
	with, err := a.net.SharedWithCaller(ctx, cloud.ShareNetwork, cloud.UseShared)
	if err != nil {
		return nil, err
	}
	scopes, err := a.net.ScopesByNetwork(ctx, subnets)
	if err != nil {
		return nil, err
	}
	segments, err := a.segmentsShown(ctx, networks)
	if err != nil {
		return nil, err
	}
	shown := make([]object, len(networks))
	for i, n := range networks {
		shown[i] = showNetwork(n, subnets[n.ID], zones).with(segments[n.ID])
		shown[i]["shared"] = n.Shared || with[string(n.ID)]
		shown[i]["ipv4_address_scope"], shown[i]["ipv6_address_scope"] = orNull(scopes[n.ID].IPv4), orNull(scopes[n.ID].IPv6)
	}
	return shown, nil
}

func showNetwork(n *cloud.Network, subnets []*cloud.Subnet, zones []string) object {
	ids := make([]cloud.SubnetID, len(subnets))
	for i, sub := range subnets {
		ids[i] = sub.ID
	}
	o := object{"id": n.ID, "name": n.Name, "description": n.Description, "tenant_id": n.ProjectID, "project_id": n.ProjectID,
		"admin_state_up": n.AdminUp, "status": "ACTIVE", "subnets": ids, "router:external": n.External, "mtu": n.MTU,
		"port_security_enabled": n.PortSecurity, "dns_domain": n.DNSDomain, "qos_policy_id": orNull(n.QoS), "tags": tagsShown(n.Tags),
		"availability_zone_hints": tagsShown(n.Zones), "availability_zones": tagsShown(zones)}
	if n.External {
		o["is_default"] = n.Default
	}
	return o.with(stamps(&n.Meta, n.Revisions))
}

// networkIn is a network in a request.
type networkIn struct {
	owner
	tagsIn
	Name         text     `json:"name"`
	Description  text     `json:"description"`
	AdminUp      boolean  `json:"admin_state_up"`
	Shared       boolean  `json:"shared"`
	External     boolean  `json:"router:external"`
	Default      boolean  `json:"is_default"`
	MTU          integer  `json:"mtu"`
	PortSecurity boolean  `json:"port_security_enabled"`
	DNSDomain    text     `json:"dns_domain"`
	QoS          text     `json:"qos_policy_id"`
	ZoneHints    []string `json:"availability_zone_hints"`
	placeIn
	Segments openstack.Optional[[]placeIn] `json:"segments"`
}

func (a *api) createNetwork(ctx context.Context, in networkIn) (*cloud.Network, error) {
	provider, more, err := in.places()
	if err != nil {
		return nil, err
	}
	return a.net.CreateNetwork(ctx, network.NetworkRequest{ProjectID: in.project(), Name: in.Name.Value, Description: in.Description.Value,
		AdminUp: boolPtr(in.AdminUp), Shared: bool(in.Shared.Value), External: bool(in.External.Value), Default: bool(in.Default.Value),
		MTU: int(in.MTU.Value), PortSecurity: boolPtr(in.PortSecurity), DNSDomain: in.DNSDomain.Value, QoS: qosPtr(in.QoS), Zones: in.ZoneHints, Provider: provider, More: more})
}

func (a *api) updateNetwork(ctx context.Context, id cloud.NetworkID, in networkIn) (*cloud.Network, error) {
	c := network.NetworkChange{Name: textPtr(in.Name), Description: textPtr(in.Description), AdminUp: boolPtr(in.AdminUp),
		Shared: boolPtr(in.Shared), External: boolPtr(in.External), Default: boolPtr(in.Default), MTU: intPtr(in.MTU),
		PortSecurity: boolPtr(in.PortSecurity), DNSDomain: textPtr(in.DNSDomain), QoS: qosPtr(in.QoS)}
	if p, more, err := in.places(); err != nil {
		return nil, err
	} else if p != (network.Provider{}) || len(more) > 0 {
		c.Provider = &p
	}
	return a.net.UpdateNetwork(ctx, id, c)
}
