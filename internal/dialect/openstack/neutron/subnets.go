package neutron

import (
	"context"
	"net/netip"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

func (a *api) subnets() resource[cloud.Subnet, cloud.SubnetID] {
	tags := func(n *cloud.Subnet) []string { return n.Tags }
	return resource[cloud.Subnet, cloud.SubnetID]{one: "subnet", many: "subnets", path: "/v2.0/subnets",
		filters: tagFilters(tags, common(filters[cloud.Subnet]{"network_id": byText[cloud.Subnet]("network_id"),
			"cidr": byText[cloud.Subnet]("prefix"), "gateway_ip": byText[cloud.Subnet]("gateway"), "enable_dhcp": byBool[cloud.Subnet]("dhcp"),
			"ipv6_ra_mode": byText[cloud.Subnet]("ra_mode"), "ipv6_address_mode": byText[cloud.Subnet]("address_mode"),
			"subnetpool_id": byText[cloud.Subnet]("subnet_pool_id"), "service_types": byServiceType, "segment_id": byText[cloud.Subnet]("segment_id"),
			"ip_version": byVersion[cloud.Subnet]})),
		lookups: lookups[cloud.Subnet]{"shared": a.subnetsShared},
		sort: namedSort(openstack.SortColumns{"network_id": "network_id", "cidr": "prefix", "enable_dhcp": "dhcp", "gateway_ip": "gateway", "ip_version": "ipv6",
			"ipv6_ra_mode": "ra_mode", "ipv6_address_mode": "address_mode", "segment_id": "segment_id", "subnetpool_id": "subnet_pool_id"}),
		list: a.net.ListSubnets, get: a.net.Subnet, remove: a.net.DeleteSubnet,
		id: func(n *cloud.Subnet) cloud.SubnetID { return n.ID }, show: a.showSubnets, tags: tags,
		setTags: func(ctx context.Context, id cloud.SubnetID, tags []string) error {
			_, err := a.net.UpdateSubnet(ctx, id, network.SubnetChange{Tags: &tags})
			return err
		}}
}

func byServiceType(values []string) ([][]cloud.Cond, func(*cloud.Subnet) bool, error) {
	return nil, func(sub *cloud.Subnet) bool {
		return slices.ContainsFunc(sub.ServiceTypes, func(t string) bool { return slices.Contains(values, serviceTypeShown(t)) })
	}, nil
}

// subnetsShared filters on whether the subnet's network is shared.
func (a *api) subnetsShared(ctx context.Context, values []string) (func(*cloud.Subnet) bool, error) {
	wanted := map[bool]bool{}
	for _, v := range values {
		b, err := openstack.ParseBool("shared", v)
		if err != nil {
			return nil, err
		}
		wanted[b] = true
	}
	shared, err := a.net.SharedNetworks(ctx)
	return func(sub *cloud.Subnet) bool { return wanted[shared[sub.NetworkID]] }, err
}

func version(sub *cloud.Subnet) int { return versionShown(sub.Prefix.Addr().Is6()) }

func (a *api) subnetRoutes(s *openstack.Service) {
	r := a.subnets()
	routes(a, s, r)
	s.Handle("POST "+r.path, creates(a, r, a.createSubnet))
	s.Handle("PUT "+r.path+"/{id}", updates(a, r, a.updateSubnet))
}

func (a *api) showSubnets(ctx context.Context, subnets []*cloud.Subnet) ([]object, error) {
	segments := a.net.SeesProvider(ctx)
	shown := make([]object, len(subnets))
	for i, sub := range subnets {
		shown[i] = showSubnet(sub)
		if segments {
			shown[i]["segment_id"] = orNull(sub.SegmentID)
		}
	}
	return shown, nil
}

func showSubnet(sub *cloud.Subnet) object {
	pools := make([]pool, len(sub.Pools))
	for i, p := range sub.Pools {
		pools[i] = pool{p.Start.String(), p.End.String()}
	}
	dns := make([]string, len(sub.DNS))
	for i, d := range sub.DNS {
		dns[i] = d.String()
	}
	types := make([]string, len(sub.ServiceTypes))
	for i, t := range sub.ServiceTypes {
		types[i] = serviceTypeShown(t)
	}
	return object{"id": sub.ID, "name": sub.Name, "description": sub.Description, "tenant_id": sub.ProjectID, "project_id": sub.ProjectID,
		"network_id": sub.NetworkID, "ip_version": version(sub), "cidr": sub.Prefix.String(), "gateway_ip": showAddr(sub.Gateway),
		"enable_dhcp": sub.DHCP, "allocation_pools": pools, "dns_nameservers": dns, "host_routes": showRoutes(sub.Routes),
		"ipv6_ra_mode": orNull(sub.RAMode), "ipv6_address_mode": orNull(sub.AddressMode), "subnetpool_id": orNull(sub.SubnetPoolID),
		"service_types": types, "tags": tagsShown(sub.Tags)}.with(stamps(&sub.Meta, sub.Revisions))
}

type pool struct {
	Start string `json:"start"`
	End   string `json:"end"`
}

// subnetIn is a subnet in a request.
type subnetIn struct {
	owner
	tagsIn
	Name         text                         `json:"name"`
	Description  text                         `json:"description"`
	NetworkID    text                         `json:"network_id"`
	Version      integer                      `json:"ip_version"`
	CIDR         text                         `json:"cidr"`
	Gateway      text                         `json:"gateway_ip"`
	DHCP         boolean                      `json:"enable_dhcp"`
	Pools        openstack.Optional[[]pool]   `json:"allocation_pools"`
	DNS          openstack.Optional[[]string] `json:"dns_nameservers"`
	Routes       openstack.Optional[[]route]  `json:"host_routes"`
	RAMode       text                         `json:"ipv6_ra_mode"`
	AddressMode  text                         `json:"ipv6_address_mode"`
	ServiceTypes openstack.Optional[[]string] `json:"service_types"`
	SubnetPoolID text                         `json:"subnetpool_id"`
	DefaultPool  boolean                      `json:"use_default_subnetpool"`
	PrefixLength integer                      `json:"prefixlen"`
	SegmentID    text                         `json:"segment_id"`
}

// subnetParts are a request's values that need reading.
type subnetParts struct {
	gateway  *netip.Addr
	pools    []cloud.AddressRange
	dns      []netip.Addr
	routes   []cloud.Route
	services []string
}

func (in subnetIn) parts() (p subnetParts, err error) {
	if p.gateway, err = in.gateway(); err != nil {
		return p, err
	}
	for _, r := range in.Pools.Value {
		start, err := parseAddr("allocation_pools", r.Start)
		if err != nil {
			return p, err
		}
		end, err := parseAddr("allocation_pools", r.End)
		if err != nil {
			return p, err
		}
		p.pools = append(p.pools, cloud.AddressRange{Start: start, End: end})
	}
	for _, d := range in.DNS.Value {
		server, err := parseAddr("dns_nameservers", d)
		if err != nil {
			return p, err
		}
		p.dns = append(p.dns, server)
	}
	for _, t := range in.ServiceTypes.Value {
		p.services = append(p.services, serviceTypeRead(t))
	}
	p.routes, err = parseRoutes("host_routes", in.Routes.Value)
	return p, err
}

// gateway is nil if the request does not speak of it, and invalid for none.
func (in subnetIn) gateway() (*netip.Addr, error) {
	if !in.Gateway.Set {
		return nil, nil
	}
	if in.Gateway.Null || in.Gateway.Value == "" {
		return &netip.Addr{}, nil
	}
	g, err := parseAddr("gateway_ip", in.Gateway.Value)
	return &g, err
}

func (a *api) createSubnet(ctx context.Context, in subnetIn) (*cloud.Subnet, error) {
	p, err := in.parts()
	if err != nil {
		return nil, err
	}
	prefix, err := in.prefix()
	if err != nil {
		return nil, err
	}
	return a.net.CreateSubnet(ctx, network.SubnetRequest{ProjectID: in.project(), NetworkID: cloud.NetworkID(in.NetworkID.Value), Name: in.Name.Value,
		Description: in.Description.Value, Prefix: prefix, PoolID: cloud.SubnetPoolID(in.SubnetPoolID.Value), DefaultPool: bool(in.DefaultPool.Value),
		IPv6: in.Version.Value == 6 || prefix.Addr().Is6(), Bits: int(in.PrefixLength.Value), Gateway: p.gateway, DHCP: boolPtr(in.DHCP), Pools: p.pools, DNS: p.dns, Routes: p.routes,
		RAMode: in.RAMode.Value, AddressMode: in.AddressMode.Value, ServiceTypes: p.services, SegmentID: cloud.SegmentID(in.SegmentID.Value)})
}

// prefix is the one the request names, or an invalid one.
func (in subnetIn) prefix() (netip.Prefix, error) {
	v := in.Version.Value
	if v != 0 && v != 4 && v != 6 {
		return netip.Prefix{}, cloud.Invalidf("subnet", "ip_version", "Invalid input for ip_version. Reason: '%d' is not in [4, 6].", v)
	}
	if in.CIDR.Value == "" {
		return netip.Prefix{}, nil
	}
	prefix, err := parsePrefix("cidr", in.CIDR.Value)
	if err == nil && v != 0 && (v == 4) != prefix.Addr().Is4() {
		err = cloud.Invalidf("subnet", "cidr", "Invalid input for operation: cidr '%s' does not match the ip_version '%d'.", prefix, v)
	}
	return prefix, err
}

func (a *api) updateSubnet(ctx context.Context, id cloud.SubnetID, in subnetIn) (*cloud.Subnet, error) {
	if in.CIDR.Set || in.SubnetPoolID.Set || in.PrefixLength.Set || in.DefaultPool.Set || in.NetworkID.Set || in.Version.Set || in.RAMode.Set || in.AddressMode.Set {
		return nil, cloud.Invalidf("subnet", "body", "Cannot update read-only attribute cidr, network_id, ip_version, ipv6_ra_mode or ipv6_address_mode")
	}
	p, err := in.parts()
	if err != nil {
		return nil, err
	}
	c := network.SubnetChange{Name: textPtr(in.Name), Description: textPtr(in.Description), Gateway: p.gateway, DHCP: boolPtr(in.DHCP)}
	if in.Pools.Set {
		c.Pools = &p.pools
	}
	if in.DNS.Set {
		c.DNS = &p.dns
	}
	if in.Routes.Set {
		c.Routes = &p.routes
	}
	if in.ServiceTypes.Set {
		c.ServiceTypes = &p.services
	}
	if in.SegmentID.Set {
		segment := cloud.SegmentID(in.SegmentID.Value)
		c.SegmentID = &segment
	}
	return a.net.UpdateSubnet(ctx, id, c)
}
