package neutron

import (
	"context"
	"maps"
	"net/netip"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

func (a *api) ports() resource[cloud.Port, cloud.PortID] {
	tags := func(p *cloud.Port) []string { return p.Tags }
	return resource[cloud.Port, cloud.PortID]{one: "port", many: "ports", path: "/v2.0/ports",
		filters: tagFilters(tags, common(filters[cloud.Port]{"network_id": byText[cloud.Port]("network_id"),
			"admin_state_up": byBool[cloud.Port]("admin_up"), "mac_address": macFilter, "device_id": deviceFilter, "device_owner": ownerFilter,
			"port_security_enabled": byBool[cloud.Port]("port_security"), "security_groups": byText[cloud.Port]("security_groups"),
			"dns_name": byText[cloud.Port]("dns_name"), "dns_domain": byText[cloud.Port]("dns_domain"), "qos_policy_id": byText[cloud.Port]("qos"), "binding:host_id": byText[cloud.Port]("host_id"),
			"binding:vnic_type": byShown(vnicType), "fixed_ips": fixedFilter, "status": byShown(portStatus)})),
		sort: namedSort(openstack.SortColumns{"network_id": "network_id", "mac_address": "mac", "admin_state_up": "admin_up",
			"device_id": "device", "device_owner": "owner", "status": "liveness", "ip_allocation": same}),
		list: a.net.ListPorts, get: a.net.Port, remove: a.net.DeletePort,
		id: func(p *cloud.Port) cloud.PortID { return p.ID }, show: a.showPorts, tags: tags,
		setTags: func(ctx context.Context, id cloud.PortID, tags []string) error {
			_, err := a.net.UpdatePort(ctx, id, network.PortChange{Tags: &tags})
			return err
		}}
}

func macFilter(values []string) ([][]cloud.Cond, func(*cloud.Port) bool, error) {
	macs := make([]string, len(values))
	for i, v := range values {
		macs[i] = strings.ReplaceAll(strings.ToLower(v), "-", ":")
	}
	return [][]cloud.Cond{{cloud.In("mac", macs)}}, nil, nil
}

// fixedFilter reads fixed_ips=ip_address=…, =subnet_id=… and =ip_address_substr=….
func fixedFilter(values []string) ([][]cloud.Cond, func(*cloud.Port) bool, error) {
	var addresses, subnets, parts []string
	for _, v := range values {
		name, value, _ := strings.Cut(v, "=")
		switch name {
		case "ip_address":
			if a, err := netip.ParseAddr(value); err == nil {
				value = a.String()
			}
			addresses = append(addresses, value)
		case "subnet_id", "subnet":
			subnets = append(subnets, value)
		case "ip_address_substr":
			parts = append(parts, value)
		default:
			return nil, nil, cloud.Invalidf("request", "filters", "'%s' is not a filter of fixed_ips", v)
		}
	}
	var where []cloud.Cond
	if len(addresses) > 0 {
		where = append(where, cloud.In("addresses", addresses))
	}
	if len(subnets) > 0 {
		where = append(where, cloud.In("subnets", subnets))
	}
	return [][]cloud.Cond{where}, func(p *cloud.Port) bool { return containsAll(p, parts) }, nil
}

// containsAll tells whether each part is within the text of one of the port's addresses.
func containsAll(p *cloud.Port, parts []string) bool {
	for _, part := range parts {
		found := false
		for _, a := range p.Addresses {
			found = found || strings.Contains(a.Address.String(), part)
		}
		if !found {
			return false
		}
	}
	return true
}

func (a *api) portRoutes(s *openstack.Service) {
	r := a.ports()
	routes(a, s, r)
	s.Handle("POST "+r.path, creates(a, r, a.createPort))
	s.Handle("PUT "+r.path+"/{id}", updates(a, r, a.updatePort))
}

func (a *api) showPorts(ctx context.Context, ports []*cloud.Port) ([]object, error) {
	domains, err := a.net.Domains(ctx, ports)
	if err != nil {
		return nil, err
	}
	networkQoS, err := a.net.NetworkQoS(ctx, ports)
	if err != nil {
		return nil, err
	}
	promises, err := a.net.PortPromises(ctx, ports)
	if err != nil {
		return nil, err
	}
	binding := a.net.SeesBinding(ctx)
	shown := make([]object, len(ports))
	for i, p := range ports {
		shown[i] = showPort(p, domains[p.NetworkID]).with(object{"qos_policy_id": orNull(p.QoS), "qos_network_policy_id": orNull(networkQoS[p.NetworkID])})
		if binding {
			shown[i].with(showBinding(p, promises[p.ID])).with(object{"resource_request": resourceRequest(promises[p.ID])})
		}
	}
	return shown, a.withTrunks(ctx, ports, shown)
}

func showPort(p *cloud.Port, domain string) object {
	groups := p.SecurityGroups
	if groups == nil {
		groups = []cloud.SecurityGroupID{}
	}
	return object{"id": p.ID, "name": p.Name, "description": p.Description, "tenant_id": p.ProjectID, "project_id": p.ProjectID,
		"network_id": p.NetworkID, "mac_address": p.MAC, "admin_state_up": p.AdminUp, "status": portStatus(p), "device_id": deviceID(p),
		"device_owner": deviceOwner(p), "fixed_ips": showFixed(p.Addresses), "security_groups": groups,
		"allowed_address_pairs": showPairs(p), "extra_dhcp_opts": showOptions(p.DHCPOptions), "port_security_enabled": p.PortSecurity,
		"dns_name": p.DNSName, "dns_domain": p.DNSDomain, "dns_assignment": showNames(p, domain), "binding:vnic_type": vnicType(p), "ip_allocation": allocation(p),
		"tags": tagsShown(p.Tags)}.with(stamps(&p.Meta, p.Revisions))
}

func vnicType(p *cloud.Port) string {
	if p.VNICType == "" {
		return "normal"
	}
	return p.VNICType
}

func allocation(p *cloud.Port) string {
	if len(p.Addresses) == 0 {
		return "none"
	}
	return "immediate"
}

// fixedIP is one address on the wire.
type fixedIP struct {
	SubnetID string `json:"subnet_id"`
	Address  string `json:"ip_address"`
}

func showFixed(addresses []cloud.PortAddress) []fixedIP {
	shown := make([]fixedIP, len(addresses))
	for i, a := range addresses {
		shown[i] = fixedIP{string(a.SubnetID), a.Address.String()}
	}
	return shown
}

func showPairs(p *cloud.Port) []object {
	shown := make([]object, len(p.AllowedPairs))
	for i, pair := range p.AllowedPairs {
		mac, address := pair.MAC, pair.Address.String()
		if mac == "" {
			mac = p.MAC
		}
		if pair.Address.IsSingleIP() {
			address = pair.Address.Addr().String()
		}
		shown[i] = object{"mac_address": mac, "ip_address": address}
	}
	return shown
}

func showOptions(options []cloud.DHCPOption) []object {
	shown := make([]object, len(options))
	for i, o := range options {
		shown[i] = object{"opt_name": o.Name, "opt_value": o.Value, "ip_version": o.Version}
	}
	return shown
}

// showNames are the names that our DNS answers for the port's addresses.
func showNames(p *cloud.Port, domain string) []object {
	shown := make([]object, len(p.Addresses))
	host := network.Hostname(p)
	for i, a := range p.Addresses {
		shown[i] = object{"ip_address": a.Address.String(), "hostname": host, "fqdn": host + "." + strings.TrimSuffix(domain, ".") + "."}
	}
	return shown
}

func showBinding(p *cloud.Port, promises []cloud.Promise) object {
	kind, details := "unbound", object{}
	if p.HostID != "" {
		kind, details = "tap", object{"port_filter": p.PortSecurity, "connectivity": "l2"}
	}
	profile := maps.Clone(p.Profile)
	if profile == nil {
		profile = map[string]any{}
	}
	if p.Owner == cloud.OwnerInstance && p.HostID != "" && len(promises) > 0 {
		profile["allocation"] = allocations(p.HostID, promises)
	}
	if p.Trusted != nil { // agents of the hosts read it there
		profile["trusted"] = *p.Trusted
	}
	return object{"binding:host_id": p.HostID, "binding:vif_type": kind, "binding:vif_details": details, "binding:profile": profile, "trusted": p.Trusted}
}
