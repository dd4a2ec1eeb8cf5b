package network

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// 64 ports made at the same time get 64 different addresses and MACs, and every address is
// recorded as taken by its port.
func TestConcurrentPortsNeverShareAnAddress(t *testing.T) {
	w := newWorld(t)
	ctx := as("p")
	n, subnets := w.network(ctx, "10.0.0.0/24", "fd00::/64")
	ports := make([]*cloud.Port, 64)
	var wg sync.WaitGroup
	for i := range ports {
		wg.Go(func() { ports[i], _ = w.CreatePort(ctx, PortRequest{NetworkID: n.ID}) })
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, p := range ports {
		if p == nil || len(p.Addresses) != len(subnets) {
			t.Fatalf("port %+v: want one address per subnet", p)
		}
		for _, key := range []string{p.MAC, p.Addresses[0].Address.String(), p.Addresses[1].Address.String()} {
			if seen[key] {
				t.Fatalf("%s was given twice", key)
			}
			seen[key] = true
		}
		u := get(w.Addresses.Get(ctx, addressID(p.Addresses[0].SubnetID, p.Addresses[0].Address)))(t)
		if u.PortID != p.ID {
			t.Fatalf("address %s is recorded for %s, not %s", u.Address, u.PortID, p.ID)
		}
	}
}

// A subnet gives out all of its addresses, then says that there are none, and gives a returned one again.
func TestSubnetRunsOutAndRecovers(t *testing.T) {
	w := newWorld(t)
	ctx := as("p")
	n, _ := w.network(ctx, "10.0.0.0/29") // .1 gateway, .2 ours
	var ports []*cloud.Port
	for range 4 {
		ports = append(ports, get(w.CreatePort(ctx, PortRequest{NetworkID: n.ID}))(t))
	}
	_, err := w.CreatePort(ctx, PortRequest{NetworkID: n.ID})
	wantKind(t, err, cloud.NoCapacity)
	freed := ports[1].Addresses[0].Address
	w.must(w.DeletePort(ctx, ports[1].ID))
	p := get(w.CreatePort(ctx, PortRequest{NetworkID: n.ID}))(t)
	if p.Addresses[0].Address != freed {
		t.Errorf("got %s, want the freed %s", p.Addresses[0].Address, freed)
	}
}

// In a pool of any size, with its last address taken, another free one is found.
func TestFreeAddressIsFoundBehindTheLast(t *testing.T) {
	for _, cidr := range []string{"10.0.0.0/8", "10.0.0.0/24", "10.0.0.0/28", "fd00::/64", "fd00::/120"} {
		w := newWorld(t)
		ctx := as("p")
		n, subnets := w.network(ctx, cidr)
		last := subnets[0].Pools[len(subnets[0].Pools)-1].End
		get(w.CreatePort(ctx, PortRequest{NetworkID: n.ID, Fixed: &[]AddressRequest{{Address: last}}}))(t)
		p := get(w.CreatePort(ctx, PortRequest{NetworkID: n.ID}))(t)
		if a := p.Addresses[0].Address; a == last || !isHost(subnets[0].Prefix, a) {
			t.Errorf("%s: got %s", cidr, a)
		}
	}
}

// Walking to a gap works across pages of taken addresses.
func TestGapIsFoundAcrossPages(t *testing.T) {
	w := newWorld(t)
	sub := &cloud.Subnet{ID: "s", NetworkID: "n", Prefix: netip.MustParsePrefix("10.0.0.0/20")}
	pool := cloud.AddressRange{Start: netip.MustParseAddr("10.0.0.1"), End: netip.MustParseAddr("10.0.15.254")}
	hole := netip.MustParseAddr("10.0.5.77")
	for a := pool.Start; a.Less(netip.MustParseAddr("10.0.6.0")); a = a.Next() {
		if a != hole {
			w.must(w.take(w.admin, sub, "x", a))
		}
	}
	if got := get(w.findGap(w.admin, sub, pool))(t); got != hole {
		t.Errorf("got %s, want %s", got, hole)
	}
}

func TestDefaultPools(t *testing.T) {
	for _, c := range []struct{ prefix, gateway, want string }{
		{"10.0.0.0/24", "10.0.0.1", "[{10.0.0.2 10.0.0.254}]"},
		{"10.0.0.0/24", "10.0.0.254", "[{10.0.0.1 10.0.0.253}]"},
		{"10.0.0.0/24", "10.0.0.100", "[{10.0.0.1 10.0.0.99} {10.0.0.101 10.0.0.254}]"},
		{"10.0.0.0/24", "", "[{10.0.0.1 10.0.0.254}]"},
		{"10.0.0.0/31", "10.0.0.0", "[{10.0.0.1 10.0.0.1}]"},
		{"10.0.0.7/32", "", "[{10.0.0.7 10.0.0.7}]"},
		{"fd00::/64", "fd00::1", "[{fd00::2 fd00::ffff:ffff:ffff:ffff}]"},
	} {
		gateway, _ := netip.ParseAddr(c.gateway)
		if got := fmt.Sprint(defaultPools(netip.MustParsePrefix(c.prefix), gateway)); got != c.want {
			t.Errorf("%s gateway %s: %s, want %s", c.prefix, c.gateway, got, c.want)
		}
	}
}

func TestEUI64(t *testing.T) {
	got := eui64(netip.MustParsePrefix("2001:db8::/64"), "fa:16:3e:00:01:02")
	if want := netip.MustParseAddr("2001:db8::f816:3eff:fe00:102"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// NICs on automatic subnets hold the address that they will make for themselves: those made
// before the subnet too.
func TestAutomaticAddresses(t *testing.T) {
	w := newWorld(t)
	ctx := as("p")
	n, _ := w.network(ctx, "10.0.0.0/24")
	before := get(w.CreatePort(ctx, PortRequest{NetworkID: n.ID}))(t)
	sub := get(w.CreateSubnet(ctx, SubnetRequest{NetworkID: n.ID, Prefix: netip.MustParsePrefix("fd00::/64"), RAMode: ModeSLAAC, AddressMode: ModeSLAAC}))(t)
	after := get(w.CreatePort(ctx, PortRequest{NetworkID: n.ID}))(t)
	for _, p := range []*cloud.Port{get(w.Port(ctx, before.ID))(t), after} {
		if !holds(p, eui64(sub.Prefix, p.MAC)) {
			t.Errorf("port with MAC %s has %v", p.MAC, p.Addresses)
		}
	}
	_, err := w.CreatePort(ctx, PortRequest{NetworkID: n.ID, Fixed: &[]AddressRequest{{Address: netip.MustParseAddr("fd00::9")}}})
	wantKind(t, err, cloud.Invalid)
	w.must(w.DeleteSubnet(ctx, sub.ID))
	if p := get(w.Port(ctx, after.ID))(t); len(p.Addresses) != 1 {
		t.Errorf("addresses after the subnet is gone: %v", p.Addresses)
	}
}
