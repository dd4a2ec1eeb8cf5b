package network

import (
	"context"
	"net/netip"
	"slices"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

func ptr[T any](v T) *T { return &v }

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// What a project owns, others do not see; what is shared they see and use but do not change.
func TestWhoSeesAndChangesNetworks(t *testing.T) {
	w := newWorld(t)
	mine, other := as("mine"), as("other")
	n, subnets := w.network(mine, "10.0.0.0/24")
	_, err := w.Network(other, n.ID)
	wantKind(t, err, cloud.NotFound)
	_, err = w.Subnet(other, subnets[0].ID)
	wantKind(t, err, cloud.NotFound)
	_, err = w.CreatePort(other, PortRequest{NetworkID: n.ID})
	wantKind(t, err, cloud.NotFound)
	_, err = w.CreateNetwork(mine, NetworkRequest{Shared: true})
	wantKind(t, err, cloud.Forbidden)
	_, err = w.CreateNetwork(as("mine", "reader"), NetworkRequest{})
	wantKind(t, err, cloud.Forbidden)

	shared, sharedSubnets := w.network(w.admin, "10.1.0.0/24")
	get(w.UpdateNetwork(w.admin, shared.ID, NetworkChange{Shared: ptr(true)}))(t)
	p := get(w.CreatePort(other, PortRequest{NetworkID: shared.ID}))(t)
	get(w.Subnet(other, sharedSubnets[0].ID))(t)
	_, err = w.UpdateNetwork(other, shared.ID, NetworkChange{Name: ptr("x")})
	wantKind(t, err, cloud.Forbidden)
	_, err = w.CreatePort(other, PortRequest{NetworkID: shared.ID, MAC: "fa:16:3e:00:00:01"})
	wantKind(t, err, cloud.Forbidden)
	_, err = w.Port(mine, p.ID)
	wantKind(t, err, cloud.NotFound)
	_, err = w.UpdateNetwork(w.admin, shared.ID, NetworkChange{Shared: ptr(false)})
	wantKind(t, err, cloud.Conflict)

	public := w.public()
	_, err = w.CreatePort(mine, PortRequest{NetworkID: public.ID})
	wantKind(t, err, cloud.Forbidden)
	names := map[cloud.NetworkID]bool{}
	for _, seen := range get(w.ListNetworks(mine, cloud.Query{}))(t) {
		names[seen.ID] = true
	}
	if !names[n.ID] || !names[shared.ID] || !names[public.ID] || len(names) != 3 {
		t.Errorf("project sees %v", names)
	}
	if seen := get(w.ListNetworks(other, cloud.Query{}))(t); len(seen) != 2 {
		t.Errorf("other project sees %d networks, want 2", len(seen))
	}
}

// Pages over the union of own and shared networks are those of one list.
func TestUnionPages(t *testing.T) {
	w := newWorld(t)
	ctx := as("p")
	for _, name := range []string{"d", "a", "c"} {
		get(w.CreateNetwork(ctx, NetworkRequest{Name: name}))(t)
	}
	get(w.CreateNetwork(w.admin, NetworkRequest{Name: "b", Shared: true}))(t)
	var names, marker string
	for {
		page := get(w.ListNetworks(ctx, cloud.Query{Order: []cloud.Order{{Column: "name"}}, Limit: 1, After: marker}))(t)
		if len(page) == 0 {
			break
		}
		names, marker = names+page[0].Name, string(page[0].ID)
	}
	if names != "abcd" {
		t.Errorf("pages give %q", names)
	}
}

// A network goes when only our own port is left on it, and takes its subnets along.
func TestNetworkDeletion(t *testing.T) {
	w := newWorld(t)
	ctx := as("p")
	n, subnets := w.network(ctx, "10.0.0.0/24")
	p := get(w.CreatePort(ctx, PortRequest{NetworkID: n.ID}))(t)
	wantKind(t, w.DeleteNetwork(ctx, n.ID), cloud.InUse)
	wantKind(t, w.DeleteSubnet(ctx, subnets[0].ID), cloud.InUse)
	w.must(w.DeletePort(ctx, p.ID))
	w.must(w.DeleteNetwork(ctx, n.ID))
	_, err := w.Subnet(ctx, subnets[0].ID)
	wantKind(t, err, cloud.NotFound)
	for table, count := range map[string]func(context.Context, ...cloud.Cond) (int64, error){"ports": w.Ports.Count, "addresses": w.Addresses.Count} {
		if n := get(count(ctx))(t); n != 0 {
			t.Errorf("%d %s are left", n, table)
		}
	}
}

// Turning DHCP off gives our address back; turning it on takes one.
func TestServicePortFollowsDHCP(t *testing.T) {
	w := newWorld(t)
	ctx := as("p")
	n, subnets := w.network(ctx, "10.0.0.0/24")
	ours := func() []*cloud.Port {
		return get(w.ListPorts(ctx, cloud.Where(cloud.Eq("network_id", n.ID), cloud.Eq("owner", cloud.OwnerService))))(t)
	}
	if p := ours(); len(p) != 1 || p[0].Addresses[0].Address != addr("10.0.0.2") {
		t.Fatalf("service ports %+v", p)
	}
	get(w.UpdateSubnet(ctx, subnets[0].ID, SubnetChange{DHCP: ptr(false)}))(t)
	if p := ours(); len(p) != 0 {
		t.Fatalf("service port is left: %+v", p[0])
	}
	get(w.UpdateSubnet(ctx, subnets[0].ID, SubnetChange{DHCP: ptr(true)}))(t)
	if len(ours()) != 1 {
		t.Fatal("no service port")
	}
}

func TestSubnetRefusals(t *testing.T) {
	w := newWorld(t)
	ctx := as("p")
	n, _ := w.network(ctx, "10.0.0.0/24")
	none := netip.Addr{}
	for name, c := range map[string]struct {
		r    SubnetRequest
		want cloud.Kind
	}{
		"overlap":           {SubnetRequest{Prefix: netip.MustParsePrefix("10.0.0.128/25")}, cloud.Invalid},
		"everything":        {SubnetRequest{Prefix: netip.MustParsePrefix("0.0.0.0/0")}, cloud.Invalid},
		"multicast":         {SubnetRequest{Prefix: netip.MustParsePrefix("224.0.0.0/24")}, cloud.Invalid},
		"gateway of IPv6":   {SubnetRequest{Prefix: netip.MustParsePrefix("10.1.0.0/24"), Gateway: ptr(addr("fd00::1"))}, cloud.Invalid},
		"gateway broadcast": {SubnetRequest{Prefix: netip.MustParsePrefix("10.1.0.0/24"), Gateway: ptr(addr("10.1.0.255"))}, cloud.Invalid},
		"gateway in pool": {SubnetRequest{Prefix: netip.MustParsePrefix("10.1.0.0/24"), Gateway: ptr(addr("10.1.0.5")),
			Pools: []cloud.AddressRange{{Start: addr("10.1.0.2"), End: addr("10.1.0.9")}}}, cloud.Conflict},
		"pool outside": {SubnetRequest{Prefix: netip.MustParsePrefix("10.1.0.0/24"), Gateway: &none,
			Pools: []cloud.AddressRange{{Start: addr("10.1.0.2"), End: addr("10.1.1.9")}}}, cloud.Invalid},
		"pools overlap": {SubnetRequest{Prefix: netip.MustParsePrefix("10.1.0.0/24"), Gateway: &none, Pools: []cloud.AddressRange{
			{Start: addr("10.1.0.2"), End: addr("10.1.0.9")}, {Start: addr("10.1.0.9"), End: addr("10.1.0.20")}}}, cloud.Conflict},
		"mode on IPv4":     {SubnetRequest{Prefix: netip.MustParsePrefix("10.1.0.0/24"), RAMode: ModeSLAAC}, cloud.Invalid},
		"slaac not a /64":  {SubnetRequest{Prefix: netip.MustParsePrefix("fd00::/80"), AddressMode: ModeSLAAC}, cloud.Invalid},
		"modes that fight": {SubnetRequest{Prefix: netip.MustParsePrefix("fd00::/64"), AddressMode: ModeSLAAC, RAMode: ModeStateful}, cloud.Invalid},
		"no such network":  {SubnetRequest{NetworkID: "none", Prefix: netip.MustParsePrefix("10.1.0.0/24")}, cloud.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			if c.r.NetworkID == "" {
				c.r.NetworkID = n.ID
			}
			_, err := w.CreateSubnet(ctx, c.r)
			wantKind(t, err, c.want)
		})
	}
}

func TestPortRules(t *testing.T) {
	w := newWorld(t)
	ctx := as("p")
	n, subnets := w.network(ctx, "10.0.0.0/24")
	p := get(w.CreatePort(ctx, PortRequest{NetworkID: n.ID, MAC: "FA-16-3E-00-00-01", Fixed: &[]AddressRequest{{Address: addr("10.0.0.50")}}}))(t)
	if p.MAC != "fa:16:3e:00:00:01" || p.Addresses[0].SubnetID != subnets[0].ID || len(p.SecurityGroups) != 1 {
		t.Fatalf("port %+v", p)
	}
	for name, c := range map[string]struct {
		r    PortRequest
		want cloud.Kind
	}{
		"MAC taken":          {PortRequest{MAC: "fa:16:3e:00:00:01"}, cloud.AlreadyExists},
		"address taken":      {PortRequest{Fixed: &[]AddressRequest{{Address: addr("10.0.0.50")}}}, cloud.AlreadyExists},
		"our address":        {PortRequest{Fixed: &[]AddressRequest{{Address: addr("10.0.0.2")}}}, cloud.AlreadyExists},
		"address elsewhere":  {PortRequest{Fixed: &[]AddressRequest{{Address: addr("10.9.0.1")}}}, cloud.Invalid},
		"broadcast":          {PortRequest{Fixed: &[]AddressRequest{{Address: addr("10.0.0.255")}}}, cloud.Invalid},
		"subnet elsewhere":   {PortRequest{Fixed: &[]AddressRequest{{SubnetID: "x"}}}, cloud.Invalid},
		"groups unprotected": {PortRequest{PortSecurity: ptr(false), Groups: &p.SecurityGroups}, cloud.Invalid},
		"pairs unprotected": {PortRequest{PortSecurity: ptr(false),
			AllowedPairs: []cloud.AddressPair{{Address: netip.MustParsePrefix("10.0.0.9/32")}}}, cloud.Conflict},
		"group of nobody": {PortRequest{Groups: &[]cloud.SecurityGroupID{"x"}}, cloud.NotFound},
		"bad name":        {PortRequest{DNSName: "a b"}, cloud.Invalid},
		"binding":         {PortRequest{HostID: ptr(cloud.HostID("h"))}, cloud.Forbidden},
	} {
		t.Run(name, func(t *testing.T) {
			c.r.NetworkID = n.ID
			_, err := w.CreatePort(ctx, c.r)
			wantKind(t, err, c.want)
		})
	}
	if left := get(w.Addresses.Count(ctx, cloud.Eq("subnet_id", subnets[0].ID)))(t); left != 2 {
		t.Errorf("%d addresses are taken after refusals, want ours and the port's", left)
	}
}

// Updating addresses keeps what is asked for again, and gives the rest back.
func TestPortAddressesChange(t *testing.T) {
	w := newWorld(t)
	ctx := as("p")
	n, subnets := w.network(ctx, "10.0.0.0/24")
	p := get(w.CreatePort(ctx, PortRequest{NetworkID: n.ID}))(t)
	first := p.Addresses[0].Address
	p = get(w.UpdatePort(ctx, p.ID, PortChange{Fixed: &[]AddressRequest{{SubnetID: subnets[0].ID}, {Address: addr("10.0.0.77")}}}))(t)
	if !holds(p, first) || !holds(p, addr("10.0.0.77")) || len(p.Addresses) != 2 {
		t.Fatalf("addresses %v", p.Addresses)
	}
	p = get(w.UpdatePort(ctx, p.ID, PortChange{Fixed: &[]AddressRequest{{Address: addr("10.0.0.77")}}}))(t)
	if holds(p, first) || len(p.Addresses) != 1 || p.Revisions != 2 {
		t.Fatalf("port %+v", p)
	}
	if free := get(w.isFree(ctx, subnets[0].ID, first))(t); !free {
		t.Error("the first address was not given back")
	}
}

func TestRouterLife(t *testing.T) {
	w := newWorld(t)
	ctx := as("p")
	public := w.public()
	n, subnets := w.network(ctx, "10.0.0.0/24")
	other, _ := w.network(ctx, "10.0.0.0/25")
	r := get(w.CreateRouter(ctx, RouterRequest{Gateway: &GatewayRequest{NetworkID: public.ID}}))(t)
	if r.Gateway == nil || !r.Gateway.SNAT {
		t.Fatalf("router %+v", r)
	}
	_, err := w.CreateRouter(ctx, RouterRequest{Gateway: &GatewayRequest{NetworkID: n.ID}})
	wantKind(t, err, cloud.Invalid)
	_, err = w.CreateRouter(ctx, RouterRequest{Gateway: &GatewayRequest{NetworkID: public.ID, SNAT: ptr(false)}})
	wantKind(t, err, cloud.Forbidden)

	side := get(w.AddInterface(ctx, r.ID, InterfaceRequest{SubnetID: subnets[0].ID}))(t)
	if !holds(side, addr("10.0.0.1")) {
		t.Fatalf("interface %+v", side)
	}
	_, err = w.AddInterface(ctx, r.ID, InterfaceRequest{SubnetID: subnets[0].ID})
	wantKind(t, err, cloud.Invalid)
	overlapping := get(w.CreatePort(ctx, PortRequest{NetworkID: other.ID}))(t)
	_, err = w.AddInterface(ctx, r.ID, InterfaceRequest{PortID: overlapping.ID})
	wantKind(t, err, cloud.Invalid)
	wantKind(t, w.DeletePort(ctx, side.ID), cloud.InUse)
	wantKind(t, w.DeleteRouter(ctx, r.ID), cloud.InUse)
	wantKind(t, w.DeleteSubnet(ctx, subnets[0].ID), cloud.InUse)

	_, err = w.UpdateRouter(ctx, r.ID, RouterChange{Routes: &[]cloud.Route{{Destination: netip.MustParsePrefix("10.5.0.0/16"), NextHop: addr("10.7.0.1")}}})
	wantKind(t, err, cloud.Invalid)
	get(w.AddRoutes(ctx, r.ID, []cloud.Route{{Destination: netip.MustParsePrefix("10.5.0.0/16"), NextHop: addr("10.0.0.9")}}))(t)
	_, err = w.RemoveInterface(ctx, r.ID, InterfaceRequest{SubnetID: subnets[0].ID})
	wantKind(t, err, cloud.InUse)
	get(w.UpdateRouter(ctx, r.ID, RouterChange{Routes: &[]cloud.Route{}}))(t)
	get(w.RemoveInterface(ctx, r.ID, InterfaceRequest{SubnetID: subnets[0].ID}))(t)
	_, err = w.RemoveInterface(ctx, r.ID, InterfaceRequest{SubnetID: subnets[0].ID})
	wantKind(t, err, cloud.NotFound)
	w.must(w.DeleteRouter(ctx, r.ID))
	if left := get(w.Ports.Count(ctx, cloud.Eq("network_id", public.ID)))(t); left != 0 {
		t.Errorf("%d ports are left on the external network", left)
	}
}

// An external network goes with the floating IPs that lead nowhere, but not under one that somebody uses.
func TestDeletingAnExternalNetworkWithFloatingIPs(t *testing.T) {
	w := newWorld(t)
	ctx := as("p")
	public := w.public()
	n, subnets := w.network(ctx, "10.0.0.0/24")
	p := get(w.CreatePort(ctx, PortRequest{NetworkID: n.ID}))(t)
	r := get(w.CreateRouter(ctx, RouterRequest{Gateway: &GatewayRequest{NetworkID: public.ID}}))(t)
	get(w.AddInterface(ctx, r.ID, InterfaceRequest{SubnetID: subnets[0].ID}))(t)
	used := get(w.CreateFloatingIP(ctx, FloatingIPRequest{NetworkID: public.ID, Target: TargetRequest{PortID: p.ID}}))(t)
	idle := get(w.CreateFloatingIP(ctx, FloatingIPRequest{NetworkID: public.ID}))(t)
	wantKind(t, w.DeleteNetwork(w.admin, public.ID), cloud.InUse)
	get(w.FloatingIP(ctx, idle.ID))(t) // a deletion that failed took nothing
	w.must(w.DeleteFloatingIP(ctx, used.ID))
	get(w.RemoveInterface(ctx, r.ID, InterfaceRequest{SubnetID: subnets[0].ID}))(t)
	w.must(w.DeleteRouter(ctx, r.ID))
	w.must(w.DeleteNetwork(w.admin, public.ID))
	_, err := w.FloatingIP(ctx, idle.ID)
	wantKind(t, err, cloud.NotFound)
	if released := get(w.Usage.Count(ctx, cloud.Eq("subject", string(idle.ID))))(t); released != 2 {
		t.Errorf("%d lines in the ledger, want held and released", released)
	}
}

// A router may stand on an external network before that has a subnet; its first subnet gives the router an address.
func TestGatewayBeforeSubnet(t *testing.T) {
	w := newWorld(t)
	n := get(w.CreateNetwork(w.admin, NetworkRequest{Name: "out", External: true}))(t)
	r := get(w.CreateRouter(w.admin, RouterRequest{Gateway: &GatewayRequest{NetworkID: n.ID}}))(t)
	side := func() *cloud.Port { return get(w.Ports.Get(w.admin, r.Gateway.PortID))(t) }
	if got := side().Addresses; len(got) != 0 {
		t.Fatalf("the gateway has %v without a subnet", got)
	}
	_, err := w.CreateFloatingIP(w.admin, FloatingIPRequest{NetworkID: n.ID})
	if err == nil {
		t.Error("a floating IP came from a network without a subnet")
	}
	for _, prefix := range []string{"192.0.2.0/24", "198.51.100.0/24"} {
		get(w.CreateSubnet(w.admin, SubnetRequest{NetworkID: n.ID, Prefix: netip.MustParsePrefix(prefix)}))(t)
	}
	if got := side().Addresses; len(got) != 1 || !netip.MustParsePrefix("192.0.2.0/24").Contains(got[0].Address) {
		t.Errorf("the gateway has %v, want one address of the first subnet", got)
	}
}

// The addresses of a router's interface may be named again as they are, but not changed.
func TestRouterInterfaceAddressesStay(t *testing.T) {
	w := newWorld(t)
	ctx := as("p")
	_, subnets := w.network(ctx, "10.0.0.0/24")
	r := get(w.CreateRouter(ctx, RouterRequest{}))(t)
	p := get(w.AddInterface(ctx, r.ID, InterfaceRequest{SubnetID: subnets[0].ID}))(t)
	same := get(w.UpdatePort(ctx, p.ID, PortChange{Fixed: &[]AddressRequest{{SubnetID: subnets[0].ID}}}))(t)
	if !slices.Equal(same.Addresses, p.Addresses) {
		t.Errorf("addresses became %v", same.Addresses)
	}
	_, err := w.UpdatePort(ctx, p.ID, PortChange{Fixed: &[]AddressRequest{{SubnetID: subnets[0].ID, Address: addr("10.0.0.9")}}})
	wantKind(t, err, cloud.WrongState)
}

func TestFloatingIPLife(t *testing.T) {
	w := newWorld(t)
	ctx := as("p")
	public := w.public()
	n, subnets := w.network(ctx, "10.0.0.0/24")
	p := get(w.CreatePort(ctx, PortRequest{NetworkID: n.ID}))(t)
	f := get(w.CreateFloatingIP(ctx, FloatingIPRequest{NetworkID: public.ID}))(t)
	if !f.Address.Is4() || f.TargetPort != "" {
		t.Fatalf("floating IP %+v", f)
	}
	_, err := w.UpdateFloatingIP(ctx, f.ID, FloatingIPChange{Target: &TargetRequest{PortID: p.ID}})
	wantKind(t, err, cloud.NotFound) // no router yet

	r := get(w.CreateRouter(ctx, RouterRequest{Gateway: &GatewayRequest{NetworkID: public.ID}}))(t)
	get(w.AddInterface(ctx, r.ID, InterfaceRequest{SubnetID: subnets[0].ID}))(t)
	f = get(w.UpdateFloatingIP(ctx, f.ID, FloatingIPChange{Target: &TargetRequest{PortID: p.ID}}))(t)
	if f.RouterID != r.ID || f.TargetAddress != p.Addresses[0].Address {
		t.Fatalf("floating IP %+v", f)
	}
	second := get(w.CreateFloatingIP(ctx, FloatingIPRequest{NetworkID: public.ID}))(t)
	_, err = w.UpdateFloatingIP(ctx, second.ID, FloatingIPChange{Target: &TargetRequest{PortID: p.ID}})
	wantKind(t, err, cloud.Conflict)
	_, err = w.RemoveInterface(ctx, r.ID, InterfaceRequest{SubnetID: subnets[0].ID})
	wantKind(t, err, cloud.InUse)
	var none *GatewayRequest
	_, err = w.UpdateRouter(ctx, r.ID, RouterChange{Gateway: &none})
	wantKind(t, err, cloud.InUse)
	_, err = w.FloatingIP(as("other"), f.ID)
	wantKind(t, err, cloud.NotFound)

	w.must(w.DeletePort(ctx, p.ID))
	if f = get(w.FloatingIP(ctx, f.ID))(t); f.TargetPort != "" || f.RouterID != "" {
		t.Errorf("leads to a port that is gone: %+v", f)
	}
	w.must(w.DeleteFloatingIP(ctx, f.ID))
	wantKind(t, w.DeleteFloatingIP(ctx, f.ID), cloud.NotFound)
	var ledger []cloud.UsageKind
	for _, e := range get(w.Usage.List(ctx, cloud.Where(cloud.Eq("subject", string(f.ID)))))(t) {
		ledger = append(ledger, e.Kind)
	}
	if !slices.Equal(ledger, []cloud.UsageKind{cloud.UsageAddressHeld, cloud.UsageAddressReleased}) {
		t.Errorf("ledger %v", ledger)
	}
}

func TestSecurityGroups(t *testing.T) {
	w := newWorld(t)
	ctx := as("p")
	w.must(w.EnsureDefaultGroup(ctx))
	w.must(w.EnsureDefaultGroup(ctx))
	groups := get(w.ListSecurityGroups(ctx, cloud.Query{}))(t)
	if len(groups) != 1 || len(get(w.ListRules(ctx, cloud.Query{}))(t)) != 4 {
		t.Fatalf("%d groups", len(groups))
	}
	wantKind(t, w.DeleteSecurityGroup(ctx, groups[0].ID), cloud.WrongState)
	_, err := w.CreateSecurityGroup(ctx, GroupRequest{Name: "default"})
	wantKind(t, err, cloud.AlreadyExists)

	g := get(w.CreateSecurityGroup(ctx, GroupRequest{Name: "web"}))(t)
	ssh := RuleRequest{GroupID: g.ID, Direction: "ingress", Protocol: "tcp", PortMin: ptr(22), PortMax: ptr(22)}
	get(w.CreateRule(ctx, ssh))(t)
	ssh.Protocol = "6"
	_, err = w.CreateRule(ctx, ssh)
	wantKind(t, err, cloud.AlreadyExists)
	_, err = w.CreateRule(as("other"), ssh)
	wantKind(t, err, cloud.NotFound)

	n, _ := w.network(ctx, "10.0.0.0/24")
	p := get(w.CreatePort(ctx, PortRequest{NetworkID: n.ID, Groups: &[]cloud.SecurityGroupID{g.ID}}))(t)
	wantKind(t, w.DeleteSecurityGroup(ctx, g.ID), cloud.InUse)
	w.must(w.DeletePort(ctx, p.ID))
	get(w.CreateRule(ctx, RuleRequest{GroupID: groups[0].ID, Direction: "ingress", RemoteGroup: g.ID}))(t)
	w.must(w.DeleteSecurityGroup(ctx, g.ID))
	if rules := get(w.ListRules(ctx, cloud.Query{}))(t); len(rules) != 4 {
		t.Errorf("%d rules are left, want the default group's own 4", len(rules))
	}
}

func TestRuleRefusals(t *testing.T) {
	w := newWorld(t)
	ctx := as("p")
	g := get(w.CreateSecurityGroup(ctx, GroupRequest{Name: "web"}))(t)
	for name, r := range map[string]RuleRequest{
		"direction":          {Direction: "sideways"},
		"protocol":           {Direction: "ingress", Protocol: "telepathy"},
		"number":             {Direction: "ingress", Protocol: "300"},
		"ports, no protocol": {Direction: "ingress", PortMin: ptr(1), PortMax: ptr(2)},
		"half a range":       {Direction: "ingress", Protocol: "tcp", PortMin: ptr(1)},
		"backwards":          {Direction: "ingress", Protocol: "udp", PortMin: ptr(9), PortMax: ptr(2)},
		"too large":          {Direction: "ingress", Protocol: "udp", PortMin: ptr(9), PortMax: ptr(70000)},
		"code, no type":      {Direction: "ingress", Protocol: "icmp", PortMax: ptr(2)},
		"ICMPv6 on IPv4":     {Direction: "ingress", Protocol: "ipv6-icmp"},
		"no ports in GRE":    {Direction: "ingress", Protocol: "gre", PortMin: ptr(1), PortMax: ptr(2)},
		"other family":       {Direction: "ingress", IPv6: true, RemotePrefix: netip.MustParsePrefix("10.0.0.0/8")},
		"two remotes":        {Direction: "ingress", RemoteGroup: g.ID, RemotePrefix: netip.MustParsePrefix("10.0.0.0/8")},
	} {
		t.Run(name, func(t *testing.T) {
			r.GroupID = g.ID
			_, err := w.CreateRule(ctx, r)
			wantKind(t, err, cloud.Invalid)
		})
	}
}

// Quota is counted from rows, in the transaction that adds to them.
func TestQuota(t *testing.T) {
	w := newWorld(t)
	ctx := as("p")
	w.must(w.Quota.Set(w.admin, "p", map[string]int64{cloud.QuotaNetworks: 1, cloud.QuotaPorts: 2}))
	n, _ := w.network(ctx, "10.0.0.0/24") // with our port
	_, err := w.CreateNetwork(ctx, NetworkRequest{})
	wantKind(t, err, cloud.QuotaExceeded)
	p := get(w.CreatePort(ctx, PortRequest{NetworkID: n.ID}))(t)
	_, err = w.CreatePort(ctx, PortRequest{NetworkID: n.ID})
	wantKind(t, err, cloud.QuotaExceeded)
	w.must(w.DeletePort(ctx, p.ID))
	get(w.CreatePort(ctx, PortRequest{NetworkID: n.ID}))(t)
}

// The first start's external network is made once, and gives out the addresses it was told.
func TestEnsurePublic(t *testing.T) {
	w := newWorld(t)
	n := w.public()
	w.public()
	if all := get(w.Networks.List(w.admin, cloud.Query{}))(t); len(all) != 1 || !all[0].Default {
		t.Fatalf("%d networks", len(all))
	}
	f := get(w.CreateFloatingIP(as("p"), FloatingIPRequest{NetworkID: n.ID}))(t)
	if f.Address != addr("172.24.4.10") {
		t.Errorf("first address %s", f.Address)
	}
}

// Whoever deletes an instance's port makes compute hear of it, after the fact.
func TestDeletedInstancePortIsTold(t *testing.T) {
	w := newWorld(t, "h1")
	ctx := as("p")
	n, _ := w.network(ctx, "10.0.0.0/24")
	in, ports := w.instance(ctx, "i1", "h1", n.ID)
	w.must(w.PlugInstance(ctx, in.ID, "h1"))
	var told []cloud.PortID
	w.PortGone = func(i cloud.InstanceID, p cloud.PortID) {
		if i == in.ID {
			told = append(told, p)
		}
	}
	w.must(w.DeletePort(ctx, ports[0].ID))
	if !slices.Equal(told, []cloud.PortID{ports[0].ID}) {
		t.Errorf("told of %v", told)
	}
	h := w.hosts["h1"]
	w.eventually("port off the host", func() (ok bool) { h.with(func() { ok = len(h.ports) == 0 }); return ok })
}

// A change of what routers know of a network reaches them.
func TestMTUReachesRouters(t *testing.T) {
	w := newWorld(t, "h1")
	ctx := as("p")
	n, subnets := w.network(ctx, "10.0.0.0/24")
	r := get(w.CreateRouter(ctx, RouterRequest{}))(t)
	get(w.AddInterface(ctx, r.ID, InterfaceRequest{SubnetID: subnets[0].ID}))(t)
	get(w.UpdateNetwork(ctx, n.ID, NetworkChange{MTU: ptr(1400)}))(t)
	h := w.hosts["h1"]
	w.eventually("MTU on the router", func() (ok bool) {
		h.with(func() {
			doc := h.routers[spec.RouterID(r.ID)]
			ok = len(doc.Interfaces) == 1 && doc.Interfaces[0].MTU == 1400
		})
		return ok
	})
}
