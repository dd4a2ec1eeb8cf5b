package neutron_test

import (
	"context"
	"testing"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/common/extensions"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/apiversions"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/agents"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/attributestags"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/external"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/extradhcpopts"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/extraroutes"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/floatingips"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/routers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/mtu"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/portsbinding"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/portsecurity"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/provider"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/quotas"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/groups"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/rules"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/subnets"
	"github.com/gophercloud/gophercloud/v2/pagination"
)

// fullNetwork is a network with every extension that gophercloud knows and we have.
type fullNetwork struct {
	networks.Network
	external.NetworkExternalExt
	mtu.NetworkMTUExt
	portsecurity.PortSecurityExt
	provider.NetworkProviderExt
}

// made is what a client's call must answer.
func made[V any](v V, err error) func(*testing.T) V {
	return func(t *testing.T) V {
		t.Helper()
		ok(t, err)
		return v
	}
}

// topology is what people build first: a network with a way out, by the library that Terraform uses.
type topology struct {
	public string
	net    *networks.Network
	subnet *subnets.Subnet
	router *routers.Router
}

func build(t *testing.T, c *gophercloud.ServiceClient) topology {
	t.Helper()
	ctx, yes := context.Background(), true
	var list []fullNetwork
	pages := made(networks.List(c, external.ListOptsExt{ListOptsBuilder: networks.ListOpts{}, External: &yes}).AllPages(ctx))(t)
	ok(t, networks.ExtractNetworksInto(pages, &list))
	if len(list) != 1 || !list[0].External || list[0].MTU != 1500 {
		t.Fatalf("external networks %+v", list)
	}
	top := topology{public: list[0].ID}
	top.net = made(networks.Create(ctx, c, networks.CreateOpts{Name: "net", AdminStateUp: &yes, Description: "d"}).Extract())(t)
	gateway := "10.0.0.1"
	top.subnet = made(subnets.Create(ctx, c, subnets.CreateOpts{NetworkID: top.net.ID, Name: "sub", CIDR: "10.0.0.0/24", IPVersion: gophercloud.IPv4,
		GatewayIP: &gateway, EnableDHCP: &yes, AllocationPools: []subnets.AllocationPool{{Start: "10.0.0.10", End: "10.0.0.99"}},
		DNSNameservers: []string{"9.9.9.9"}, HostRoutes: []subnets.HostRoute{{DestinationCIDR: "10.8.0.0/16", NextHop: "10.0.0.5"}}}).Extract())(t)
	top.router = made(routers.Create(ctx, c, routers.CreateOpts{Name: "r", AdminStateUp: &yes, GatewayInfo: &routers.GatewayInfo{NetworkID: top.public}}).Extract())(t)
	side := made(routers.AddInterface(ctx, c, top.router.ID, routers.AddInterfaceOpts{SubnetID: top.subnet.ID}).Extract())(t)
	if side.SubnetID != top.subnet.ID || side.PortID == "" {
		t.Fatalf("interface %+v", side)
	}
	return top
}

func TestGophercloudTopology(t *testing.T) {
	s, ctx := newSite(t), context.Background()
	c := s.client(member)
	top := build(t, c)
	if top.subnet.GatewayIP != "10.0.0.1" || len(top.subnet.HostRoutes) != 1 || top.subnet.DNSNameservers[0] != "9.9.9.9" || top.subnet.AllocationPools[0].Start != "10.0.0.10" {
		t.Errorf("subnet %+v", top.subnet)
	}
	if top.router.GatewayInfo.NetworkID != top.public || len(top.router.GatewayInfo.ExternalFixedIPs) != 1 || !*top.router.GatewayInfo.EnableSNAT {
		t.Errorf("router %+v", top.router)
	}
	p := made(ports.Create(ctx, c, ports.CreateOpts{NetworkID: top.net.ID, Name: "p", FixedIPs: []ports.IP{{SubnetID: top.subnet.ID}},
		AllowedAddressPairs: []ports.AddressPair{{IPAddress: "10.0.0.200"}}}).Extract())(t)
	if len(p.FixedIPs) != 1 || len(p.SecurityGroups) != 1 || p.AllowedAddressPairs[0].IPAddress != "10.0.0.200" || p.Status != "DOWN" {
		t.Errorf("port %+v", p)
	}
	f := made(floatingips.Create(ctx, c, floatingips.CreateOpts{FloatingNetworkID: top.public, PortID: p.ID}).Extract())(t)
	if f.FixedIP != p.FixedIPs[0].IPAddress || f.RouterID != top.router.ID || f.Status != "ACTIVE" {
		t.Errorf("floating IP %+v", f)
	}
	f = made(floatingips.Update(ctx, c, f.ID, floatingips.UpdateOpts{PortID: new(string)}).Extract())(t)
	if f.PortID != "" || f.Status != "DOWN" {
		t.Errorf("floating IP %+v", f)
	}
	ok(t, floatingips.Delete(ctx, c, f.ID).ExtractErr())
	dismantle(t, c, top, p)
}

func dismantle(t *testing.T, c *gophercloud.ServiceClient, top topology, p *ports.Port) {
	t.Helper()
	ctx := context.Background()
	if err := networks.Delete(ctx, c, top.net.ID).ExtractErr(); !gophercloud.ResponseCodeIs(err, 409) {
		t.Errorf("deleting a network in use: %v", err)
	}
	r := made(routers.Update(ctx, c, top.router.ID, routers.UpdateOpts{Routes: &[]routers.Route{{DestinationCIDR: "10.5.0.0/16", NextHop: "10.0.0.9"}}}).Extract())(t)
	if len(r.Routes) != 1 {
		t.Errorf("routes %+v", r.Routes)
	}
	r = made(extraroutes.Remove(ctx, c, top.router.ID, extraroutes.Opts{Routes: &r.Routes}).Extract())(t)
	if len(r.Routes) != 0 {
		t.Errorf("routes %+v", r.Routes)
	}
	made(routers.RemoveInterface(ctx, c, top.router.ID, routers.RemoveInterfaceOpts{SubnetID: top.subnet.ID}).Extract())(t)
	r = made(routers.Update(ctx, c, top.router.ID, routers.UpdateOpts{GatewayInfo: &routers.GatewayInfo{}}).Extract())(t)
	if r.GatewayInfo.NetworkID != "" {
		t.Errorf("gateway %+v", r.GatewayInfo)
	}
	ok(t, routers.Delete(ctx, c, top.router.ID).ExtractErr())
	ok(t, ports.Delete(ctx, c, p.ID).ExtractErr())
	ok(t, subnets.Delete(ctx, c, top.subnet.ID).ExtractErr())
	ok(t, networks.Delete(ctx, c, top.net.ID).ExtractErr())
}

func TestGophercloudUpdates(t *testing.T) {
	s, ctx := newSite(t), context.Background()
	c := s.client(member)
	top := build(t, c)
	name, none := "other", ""
	n := made(networks.Update(ctx, c, top.net.ID, networks.UpdateOpts{Name: &name}).Extract())(t)
	if n.Name != "other" || n.RevisionNumber != top.net.RevisionNumber+2 || n.Subnets[0] != top.subnet.ID {
		t.Errorf("network %+v", n)
	}
	free := made(subnets.Create(ctx, c, subnets.CreateOpts{NetworkID: n.ID, CIDR: "fd00::/64", IPVersion: gophercloud.IPv6, IPv6AddressMode: "slaac", IPv6RAMode: "slaac"}).Extract())(t)
	sub := made(subnets.Update(ctx, c, free.ID, subnets.UpdateOpts{GatewayIP: &none, DNSNameservers: &[]string{"2620:fe::fe"}}).Extract())(t)
	if sub.GatewayIP != "" || sub.DNSNameservers[0] != "2620:fe::fe" || sub.IPv6RAMode != "slaac" {
		t.Errorf("subnet %+v", sub)
	}
	off := false
	p := made(ports.Create(ctx, c, extradhcpopts.CreateOptsExt{CreateOptsBuilder: portsecurity.PortCreateOptsExt{
		CreateOptsBuilder: ports.CreateOpts{NetworkID: n.ID, SecurityGroups: &[]string{}}, PortSecurityEnabled: &off},
		ExtraDHCPOpts: []extradhcpopts.CreateExtraDHCPOpt{{OptName: "bootfile-name", OptValue: "pxe"}}}).Extract())(t)
	if len(p.FixedIPs) != 2 || len(p.SecurityGroups) != 0 {
		t.Errorf("port %+v", p)
	}
	p = made(ports.Update(ctx, c, p.ID, ports.UpdateOpts{Name: &name, FixedIPs: []ports.IP{{SubnetID: top.subnet.ID, IPAddress: "10.0.0.50"}}}).Extract())(t)
	if p.Name != "other" || len(p.FixedIPs) != 1 || p.FixedIPs[0].IPAddress != "10.0.0.50" {
		t.Errorf("port %+v", p)
	}
	if _, err := ports.Create(ctx, c, portsbinding.CreateOptsExt{CreateOptsBuilder: ports.CreateOpts{NetworkID: n.ID}, HostID: "h1"}).Extract(); !gophercloud.ResponseCodeIs(err, 403) {
		t.Errorf("binding by a member: %v", err)
	}
	bound := made(ports.Create(ctx, s.client(admin), portsbinding.CreateOptsExt{CreateOptsBuilder: ports.CreateOpts{NetworkID: n.ID}, HostID: "h1"}).Extract())(t)
	ok(t, ports.Delete(ctx, s.client(admin), bound.ID).ExtractErr())
}

func TestGophercloudSecurity(t *testing.T) {
	s, ctx := newSite(t), context.Background()
	c := s.client(member)
	g := made(groups.Create(ctx, c, groups.CreateOpts{Name: "web", Description: "d"}).Extract())(t)
	if len(g.Rules) != 2 {
		t.Errorf("a new group has rules %+v", g.Rules)
	}
	r := made(rules.Create(ctx, c, rules.CreateOpts{SecGroupID: g.ID, Direction: rules.DirIngress, EtherType: rules.EtherType4, Protocol: rules.ProtocolTCP,
		PortRangeMin: 80, PortRangeMax: 443, RemoteIPPrefix: "10.0.0.0/8"}).Extract())(t)
	if r.PortRangeMax != 443 || r.RemoteIPPrefix != "10.0.0.0/8" || r.Protocol != "tcp" {
		t.Errorf("rule %+v", r)
	}
	batch := made(rules.CreateBulk(ctx, c, []rules.CreateOpts{
		{SecGroupID: g.ID, Direction: rules.DirIngress, EtherType: rules.EtherType4, Protocol: "icmp"},
		{SecGroupID: g.ID, Direction: rules.DirIngress, EtherType: rules.EtherType6, RemoteGroupID: g.ID}}).Extract())(t)
	if len(batch) != 2 {
		t.Errorf("rules %+v", batch)
	}
	pages := made(rules.List(c, rules.ListOpts{SecGroupID: g.ID, EtherType: "IPv6"}).AllPages(ctx))(t)
	if list := made(rules.ExtractRules(pages))(t); len(list) != 2 {
		t.Errorf("IPv6 rules %+v", list)
	}
	g = made(groups.Update(ctx, c, g.ID, groups.UpdateOpts{Name: "www"}).Extract())(t)
	if g.Name != "www" || len(g.Rules) != 5 {
		t.Errorf("group %+v", g)
	}
	ok(t, rules.Delete(ctx, c, r.ID).ExtractErr())
	ok(t, groups.Delete(ctx, c, g.ID).ExtractErr())
}

func TestGophercloudOperators(t *testing.T) {
	s, ctx := newSite(t), context.Background()
	c, yes := s.client(admin), true
	var n fullNetwork
	ok(t, networks.Create(ctx, c, external.CreateOptsExt{CreateOptsBuilder: networks.CreateOpts{Name: "ext", AdminStateUp: &yes}, External: &yes}).ExtractInto(&n))
	if !n.External || n.NetworkType != "flat" || n.PhysicalNetwork != "public" {
		t.Errorf("network %+v", n)
	}
	pages := made(agents.List(c, agents.ListOpts{AgentType: "L3 agent"}).AllPages(ctx))(t)
	if list := made(agents.ExtractAgents(pages))(t); len(list) != 1 || !list[0].Alive {
		t.Errorf("agents %+v", list)
	}
	ten := 10
	q := made(quotas.Update(ctx, c, "p", quotas.UpdateOpts{Network: &ten}).Extract())(t)
	if q.Network != 10 || q.Port != 500 {
		t.Errorf("quota %+v", q)
	}
	d := made(quotas.GetDetail(ctx, s.client(member), "p").Extract())(t)
	if d.Network.Limit != 10 || d.Network.Used != 0 {
		t.Errorf("details %+v", d)
	}
	if _, err := quotas.Update(ctx, s.client(member), "p", quotas.UpdateOpts{Network: &ten}).Extract(); !gophercloud.ResponseCodeIs(err, 403) {
		t.Errorf("a member sets quota: %v", err)
	}
	versions := made(apiversions.ListVersions(c).AllPages(ctx))(t)
	if list := made(apiversions.ExtractAPIVersions(versions))(t); len(list) != 1 || list[0].ID != "v2.0" {
		t.Errorf("versions %+v", list)
	}
	if e := made(extensions.Get(ctx, c, "security-group").Extract())(t); e.Alias != "security-group" {
		t.Errorf("extension %+v", e)
	}
}

func TestGophercloudTagsAndPages(t *testing.T) {
	s, ctx := newSite(t), context.Background()
	c := s.client(member)
	first := ""
	for range 5 {
		first = made(networks.Create(ctx, c, networks.CreateOpts{Name: "x"}).Extract())(t).ID
	}
	made(attributestags.ReplaceAll(ctx, c, "networks", first, attributestags.ReplaceAllOpts{Tags: []string{"a", "b"}}).Extract())(t)
	ok(t, attributestags.Add(ctx, c, "networks", first, "c").ExtractErr())
	ok(t, attributestags.Delete(ctx, c, "networks", first, "a").ExtractErr())
	if there := made(attributestags.Confirm(ctx, c, "networks", first, "b").Extract())(t); !there {
		t.Error("tag b is not there")
	}
	if tags := made(attributestags.List(ctx, c, "networks", first).Extract())(t); len(tags) != 2 {
		t.Errorf("tags %v", tags)
	}
	seen := map[string]bool{}
	pages := 0
	ok(t, networks.List(c, networks.ListOpts{Name: "x", Limit: 2}).EachPage(ctx, func(_ context.Context, p pagination.Page) (bool, error) {
		list, err := networks.ExtractNetworks(p)
		for _, n := range list {
			seen[n.ID] = true
		}
		pages++
		return true, err
	}))
	if len(seen) != 5 || pages != 3 {
		t.Errorf("%d networks on %d pages", len(seen), pages)
	}
}
