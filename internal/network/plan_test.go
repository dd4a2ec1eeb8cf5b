package network

import (
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares a document with its file in testdata.
func golden(t *testing.T, name string, doc any) {
	t.Helper()
	got, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(path, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(append(got, '\n')) != string(want) {
		t.Errorf("%s differs from %s; run with -update and read the difference:\n%s", name, path, got)
	}
}

var planSubnets = []*cloud.Subnet{
	{ID: "s4", NetworkID: "n", Prefix: netip.MustParsePrefix("10.0.0.0/24"), Gateway: addr("10.0.0.1"), DHCP: true,
		Routes: []cloud.Route{{Destination: netip.MustParsePrefix("192.168.0.0/16"), NextHop: addr("10.0.0.9")}}},
	{ID: "s6", NetworkID: "n", Prefix: netip.MustParsePrefix("fd00::/64"), Gateway: addr("fd00::1"), DHCP: true, RAMode: ModeSLAAC,
		AddressMode: ModeSLAAC, DNS: []netip.Addr{addr("2001:4860:4860::8888")}},
	{ID: "s0", NetworkID: "n", Prefix: netip.MustParsePrefix("10.9.0.0/30"), DHCP: true}, // no room for our address
}

var planPorts = []*cloud.Port{
	{ID: "p1", NetworkID: "n", Owner: cloud.OwnerInstance, InstanceID: "i", MAC: "fa:16:3e:00:00:01", DNSName: "web", AdminUp: true, PortSecurity: true,
		SecurityGroups: []cloud.SecurityGroupID{"g"}, AllowedPairs: []cloud.AddressPair{{Address: netip.MustParsePrefix("10.0.0.200/32")}},
		DHCPOptions: []cloud.DHCPOption{{Name: "bootfile-name", Value: "pxe", Version: 4}},
		Addresses:   []cloud.PortAddress{{SubnetID: "s4", Address: addr("10.0.0.5")}, {SubnetID: "s6", Address: addr("fd00::f816:3eff:fe00:1")}}},
	{ID: "p0", NetworkID: "n", MAC: "fa:16:3e:00:00:02", Addresses: []cloud.PortAddress{{SubnetID: "s4", Address: addr("10.0.0.6")}}},
	{ID: "p2", NetworkID: "n", Owner: cloud.OwnerService, MAC: "fa:16:3e:00:00:03", Addresses: []cloud.PortAddress{
		{SubnetID: "s4", Address: addr("10.0.0.2")}, {SubnetID: "s6", Address: addr("fd00::2")}}},
	{ID: "p3", NetworkID: "n", Owner: cloud.OwnerRouterInterface, RouterID: "r", MAC: "fa:16:3e:00:00:04",
		Addresses: []cloud.PortAddress{{SubnetID: "s6", Address: addr("fd00::1")}}},
}

var planPolicy = &cloud.QoSPolicy{ID: "q", Rules: []cloud.QoSRule{{Kind: cloud.QoSBandwidthLimit, Direction: "egress", Rate: 1000, Burst: 100},
	{Kind: cloud.QoSPacketLimit, Direction: "ingress", Rate: 5}, {Kind: cloud.QoSMark, Mark: 46}, {Kind: cloud.QoSMinimumBandwidth, Direction: "egress", Rate: 500}}}

// The documents are those on file, and the order of the rows does not matter.
func TestPlanNetwork(t *testing.T) {
	rows := networkRows{network: &cloud.Network{ID: "n", MTU: 1450, AdminUp: true}, subnets: planSubnets, ports: planPorts, domain: "cloud.internal"}
	golden(t, "network", planNetwork(rows, 7))
	rows.subnets, rows.ports = slices.Clone(rows.subnets), slices.Clone(rows.ports)
	slices.Reverse(rows.subnets)
	slices.Reverse(rows.ports)
	golden(t, "network", planNetwork(rows, 7))
}

func TestPlanGroup(t *testing.T) {
	port := 443
	golden(t, "group", planGroup(groupRows{group: &cloud.SecurityGroup{ID: "g"}, members: planPorts[:2], rules: []*cloud.SecurityGroupRule{
		{ID: "b", Direction: "ingress", Protocol: "tcp", PortMin: &port, PortMax: &port, RemotePrefix: netip.MustParsePrefix("10.0.0.0/8")},
		{ID: "a", Direction: "ingress", IPv6: true, Protocol: "icmp", RemoteGroup: "g"},
		{ID: "c", Direction: "egress"},
	}}, 7))
}

func TestPlanPort(t *testing.T) { golden(t, "port", planPort(planPorts[0], planPolicy, 7)) }

func TestPlanRouter(t *testing.T) {
	gateway := &cloud.Port{ID: "gw", NetworkID: "ext", Owner: cloud.OwnerRouterGateway, RouterID: "r", MAC: "fa:16:3e:00:00:05",
		Addresses: []cloud.PortAddress{{SubnetID: "e4", Address: addr("172.24.4.10")}, {SubnetID: "e6", Address: addr("2001:db8::10")}}}
	subnets := append(slices.Clone(planSubnets), &cloud.Subnet{ID: "e4", Prefix: netip.MustParsePrefix("172.24.4.0/24"), Gateway: addr("172.24.4.1")},
		&cloud.Subnet{ID: "e6", Prefix: netip.MustParsePrefix("2001:db8::/64"), Gateway: addr("2001:db8::1")})
	rows := routerRows{
		router: &cloud.Router{ID: "r", AdminUp: true, Gateway: &cloud.RouterGateway{NetworkID: "ext", PortID: "gw", SNAT: true, QoS: "q"},
			Routes: []cloud.Route{{Destination: netip.MustParsePrefix("10.5.0.0/16"), NextHop: addr("172.24.4.9")}}},
		ports: []*cloud.Port{planPorts[3], gateway}, subnets: byID(subnets, func(s *cloud.Subnet) cloud.SubnetID { return s.ID }),
		networks: map[cloud.NetworkID]*cloud.Network{"n": {MTU: 1450}, "ext": {MTU: 1500}},
		qos:      map[cloud.QoSPolicyID]*cloud.QoSPolicy{"q": planPolicy},
		floating: []*cloud.FloatingIP{{Address: addr("172.24.4.20"), TargetPort: "p0", TargetAddress: addr("10.0.0.6"), QoS: "q"}, {Address: addr("172.24.4.13"), Forwardings: []cloud.PortForwarding{
			{Protocol: "udp", External: cloud.PortRange{First: 53, Last: 53}, Internal: cloud.PortRange{First: 5353, Last: 5353}, Address: addr("10.0.0.5")}}},
			{Address: addr("172.24.4.12"), TargetPort: "p1", TargetAddress: addr("10.0.0.5")}},
	}
	golden(t, "router", planRouter(rows, 7))
	rows.router.Gateway = nil
	if doc := planRouter(rows, 7); doc.Gateway != nil || len(doc.Floating) != 0 {
		t.Errorf("floating IPs without a gateway: %+v", doc)
	}
}
