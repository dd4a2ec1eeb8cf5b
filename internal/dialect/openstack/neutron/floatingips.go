package neutron

import (
	"context"
	"net/http"
	"net/netip"
	"reflect"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

func (a *api) floatingIPs() resource[cloud.FloatingIP, cloud.FloatingIPID] {
	tags := func(f *cloud.FloatingIP) []string { return f.Tags }
	return resource[cloud.FloatingIP, cloud.FloatingIPID]{one: "floatingip", many: "floatingips", path: "/v2.0/floatingips",
		filters: tagFilters(tags, common(filters[cloud.FloatingIP]{"name": nil, "floating_network_id": byText[cloud.FloatingIP]("network_id"),
			"floating_ip_address": byText[cloud.FloatingIP]("address"), "fixed_ip_address": byText[cloud.FloatingIP]("target_address"),
			"port_id": byText[cloud.FloatingIP]("target_port"), "router_id": byText[cloud.FloatingIP]("router_id"),
			"dns_name": byText[cloud.FloatingIP]("dns_name"), "dns_domain": byText[cloud.FloatingIP]("dns_domain"), "qos_policy_id": byText[cloud.FloatingIP]("qos"),
			"status": byShown(floatingStatus)})),
		sort: openstack.SortColumns{"id": "id", "project_id": "project_id", "tenant_id": "project_id", "created_at": "created_at",
			"updated_at": "updated_at", "floating_network_id": "network_id", "floating_ip_address": "address",
			"fixed_ip_address": "target_address", "router_id": "router_id", "status": "idle", "port_id": "target_port"},
		list: a.net.ListFloatingIPs, get: a.net.FloatingIP, remove: a.net.DeleteFloatingIP,
		id: func(f *cloud.FloatingIP) cloud.FloatingIPID { return f.ID }, show: a.showFloating, tags: tags,
		setTags: func(ctx context.Context, id cloud.FloatingIPID, tags []string) error {
			_, err := a.net.UpdateFloatingIP(ctx, id, network.FloatingIPChange{Tags: &tags})
			return err
		}}
}

func (a *api) floatingRoutes(s *openstack.Service) {
	r := a.floatingIPs()
	routes(a, s, r)
	s.Handle("GET /v2.0/floatingip_pools", a.floatingPools)
	s.Handle("GET /v2.0/floatingip-pools", a.floatingPools) // as some clients spell it
	s.Handle("POST "+r.path, creates(a, r, a.createFloating))
	s.Handle("PUT "+r.path+"/{id}", updates(a, r, a.updateFloating))
}

// floatingPools lists the subnets that floating IPs come from.
func (a *api) floatingPools(w http.ResponseWriter, r *http.Request) error {
	subnets, err := a.net.FloatingSubnets(r.Context())
	if err != nil {
		return err
	}
	q, p := r.URL.Query(), cloud.PrincipalOf(r.Context()).ProjectID
	shown := []object{}
	for _, sub := range subnets {
		o := object{"subnet_id": sub.ID, "subnet_name": sub.Name, "cidr": sub.Prefix.String(), "network_id": sub.NetworkID, "tenant_id": p, "project_id": p}
		if fitsAll(o, q, "subnet_id", "subnet_name", "cidr", "network_id") {
			shown = append(shown, o)
		}
	}
	return openstack.WriteJSON(w, http.StatusOK, object{"floatingip_pools": pick(shown, r)})
}

func (a *api) showFloating(ctx context.Context, floating []*cloud.FloatingIP) ([]object, error) {
	targets, err := a.net.TargetPorts(ctx, floating)
	if err != nil {
		return nil, err
	}
	shown := make([]object, len(floating))
	for i, f := range floating {
		shown[i] = object{"id": f.ID, "tenant_id": f.ProjectID, "project_id": f.ProjectID, "description": f.Description,
			"floating_network_id": f.NetworkID, "floating_ip_address": f.Address.String(), "fixed_ip_address": showAddr(f.TargetAddress),
			"port_id": orNull(f.TargetPort), "router_id": orNull(f.RouterID), "status": floatingStatus(f), "dns_name": f.DNSName,
			"dns_domain": f.DNSDomain, "qos_policy_id": orNull(f.QoS), "port_details": showTarget(targets[f.TargetPort]),
			"port_forwardings": forwardingsWithin(f.Forwardings), "tags": tagsShown(f.Tags)}.with(stamps(&f.Meta, f.Revisions))
	}
	return shown, nil
}

func showTarget(p *cloud.Port) any {
	if p == nil {
		return nil
	}
	return object{"name": p.Name, "network_id": p.NetworkID, "mac_address": p.MAC, "admin_state_up": p.AdminUp, "status": portStatus(p),
		"device_id": deviceID(p), "device_owner": deviceOwner(p)}
}

// floatingIn is a floating IP in a request.
type floatingIn struct {
	owner
	tagsIn
	NetworkID   text `json:"floating_network_id"`
	SubnetID    text `json:"subnet_id"`
	Address     text `json:"floating_ip_address"`
	PortID      text `json:"port_id"`
	Fixed       text `json:"fixed_ip_address"`
	Description text `json:"description"`
	DNSName     text `json:"dns_name"`
	DNSDomain   text `json:"dns_domain"`
	QoS         text `json:"qos_policy_id"`
}

func optionalAddr(field string, o text) (netip.Addr, error) {
	if o.Value == "" {
		return netip.Addr{}, nil
	}
	return parseAddr(field, o.Value)
}

func (in floatingIn) target() (network.TargetRequest, error) {
	fixed, err := optionalAddr("fixed_ip_address", in.Fixed)
	return network.TargetRequest{PortID: cloud.PortID(in.PortID.Value), Address: fixed}, err
}

func (a *api) createFloating(ctx context.Context, in floatingIn) (*cloud.FloatingIP, error) {
	if in.NetworkID.Value == "" {
		return nil, notSpecified("floating_network_id")
	}
	target, err := in.target()
	if err != nil {
		return nil, err
	}
	address, err := optionalAddr("floating_ip_address", in.Address)
	if err != nil {
		return nil, err
	}
	return a.net.CreateFloatingIP(ctx, network.FloatingIPRequest{ProjectID: in.project(), NetworkID: cloud.NetworkID(in.NetworkID.Value),
		SubnetID: cloud.SubnetID(in.SubnetID.Value), Address: address, Target: target, Description: in.Description.Value,
		DNSName: in.DNSName.Value, DNSDomain: in.DNSDomain.Value, QoS: cloud.QoSPolicyID(in.QoS.Value)})
}

func (a *api) updateFloating(ctx context.Context, id cloud.FloatingIPID, in floatingIn) (*cloud.FloatingIP, error) {
	c := network.FloatingIPChange{Description: textPtr(in.Description), QoS: qosPtr(in.QoS)}
	if in.PortID.Set || reflect.ValueOf(in).IsZero() { // a body that says nothing asks to lead nowhere
		target, err := in.target()
		if err != nil {
			return nil, err
		}
		c.Target = &target
	}
	return a.net.UpdateFloatingIP(ctx, id, c)
}
