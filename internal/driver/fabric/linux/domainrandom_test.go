package linux

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/nft"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Whatever domain is not refused, the kernel takes: as a whole, and as a change of the one before.
func TestKernelTakesAnyDomain(t *testing.T) {
	needRoot(t)
	w := &world{t: t}
	ns := newSpace(t, w.name("any"))
	random := rand.New(rand.NewPCG(3, 4))
	var rules nft.State
	taken := 0
	for range 120 {
		r := randomDomain(random)
		if checkRouter(r) != nil {
			continue
		}
		taken++
		must(t, nft.Check(context.Background(), ns, nft.Replace(routerTables(r))))
		must(t, rules.Apply(context.Background(), ns, routerTables(r)))
	}
	if taken < 30 {
		t.Errorf("only %d of the documents were tried", taken)
	}
}

// randomDomain has three interfaces, half of the time a gateway, and anything else.
func randomDomain(random *rand.Rand) spec.Router {
	r := spec.Router{ID: "r", Generation: 1, Domain: &spec.RoutingDomain{}}
	faces := []spec.PortID{"r0", "r1", "r2"}
	for i, face := range faces {
		r.Interfaces = append(r.Interfaces, routerInterface(face, "n", "fa:16:3e:01:00:01", fmt.Sprintf("10.0.%d.1/24", i)))
	}
	if random.IntN(2) == 0 {
		r.Gateway = gateway()
		r.Gateway.SNAT = false
	}
	for i := range random.IntN(3) {
		n := spec.NAT{ID: fmt.Sprint("nat", i), Interface: faces[random.IntN(3)], Internal: netip.AddrFrom4([4]byte{10, 0, 0, byte(50 + i)})}
		if random.IntN(2) == 0 {
			n.External = netip.AddrFrom4([4]byte{172, 24, 4, byte(50 + i)})
		}
		r.Domain.NATs = append(r.Domain.NATs, n)
	}
	for i := range random.IntN(4) {
		r.Floating = append(r.Floating, spec.FloatingIP{External: netip.AddrFrom4([4]byte{172, 24, 4, byte(100 + i)}), Internal: netip.AddrFrom4([4]byte{10, 0, 0, byte(10 + i/2)})})
	}
	for i, face := range faces[:1+random.IntN(3)] {
		r.Domain.Tables = append(r.Domain.Tables, spec.RouteTable{ID: fmt.Sprint("t", i), Interfaces: []spec.PortID{face}, Routes: randomRoutes(random)})
		f := spec.PacketFilter{ID: fmt.Sprint("f", i), Interfaces: []spec.PortID{face}}
		for range random.IntN(6) {
			f.Entries = append(f.Entries, randomEntry(random))
		}
		r.Domain.Filters = append(r.Domain.Filters, f)
	}
	return r
}

func randomRoutes(random *rand.Rand) []spec.TableRoute {
	var routes []spec.TableRoute
	for range random.IntN(5) {
		six := random.IntN(3) == 0
		to := spec.TableRoute{Destination: randomPrefix(random, six)}
		if random.IntN(3) == 0 {
			to.Destination = netip.PrefixFrom(to.Destination.Addr(), 0)
		}
		switch random.IntN(4) {
		case 0:
			to.Out, to.OneWay = true, random.IntN(2) == 0
		case 1:
			to.NAT = fmt.Sprint("nat", random.IntN(2))
		case 2:
			to.Via = netip.AddrFrom4([4]byte{10, 0, byte(random.IntN(4)), 9})
		}
		known := slices.ContainsFunc(routes, func(r spec.TableRoute) bool { return r.Destination.Masked() == to.Destination.Masked() })
		if !known && !(six && to.Via.IsValid()) {
			routes = append(routes, to)
		}
	}
	return routes
}

func randomEntry(random *rand.Rand) spec.FilterEntry {
	maybe := func(limit int) *int {
		if n := random.IntN(2 * limit); n < limit {
			return &n
		}
		return nil
	}
	e := spec.FilterEntry{Direction: spec.Ingress, Allow: random.IntN(2) == 0, Prefix: randomPrefix(random, random.IntN(2) == 0),
		Protocol: []int{-1, 0, 1, 6, 17, 41, 58, 132, 255}[random.IntN(9)], ICMPType: maybe(256), ICMPCode: maybe(256)}
	if random.IntN(2) == 0 {
		e.Direction = spec.Egress
	}
	if first := maybe(65536); first != nil {
		e.Ports = &spec.PortRange{First: *first, Last: *first + random.IntN(65536-*first)}
	}
	return e
}
