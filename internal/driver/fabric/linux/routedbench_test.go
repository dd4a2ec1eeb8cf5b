package linux

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// What a small packet costs on its way from one network through a router to another, or out: by an ordinary router and by domains.
// The sender does the work of the whole way, as nobody waits for the packet.
func BenchmarkRouted(b *testing.B) {
	open := spec.PacketFilter{ID: "open", Interfaces: []spec.PortID{"r1", "r2"}}
	long := spec.PacketFilter{ID: "long", Interfaces: open.Interfaces}
	for _, d := range []spec.Direction{spec.Egress, spec.Ingress} {
		open.Entries = append(open.Entries, allow(d, -1, 0, 0, "0.0.0.0/0"))
		for port := range 19 {
			long.Entries = append(long.Entries, allow(d, protoTCP, port+1, port+1, "0.0.0.0/0"))
		}
		long.Entries = append(long.Entries, allow(d, protoUDP, 9, 9, "0.0.0.0/0"))
	}
	domain := func(filters ...spec.PacketFilter) *spec.RoutingDomain {
		return &spec.RoutingDomain{Filters: filters, NATs: []spec.NAT{{ID: "nat", Interface: "r2", Internal: addr("10.0.1.50"), External: underNAT}},
			Tables: []spec.RouteTable{{ID: "t", Interfaces: []spec.PortID{"r1"}, Routes: []spec.TableRoute{{Destination: prefix("0.0.0.0/0"), NAT: "nat"}}}}}
	}
	for _, c := range []struct {
		name string
		d    *spec.RoutingDomain
	}{{"ordinary", nil}, {"domain", domain()}, {"open filters", domain(open)}, {"20 entries", domain(long)}, {"200 networks", crowded(domain())}} {
		b.Run(c.name, func(b *testing.B) {
			from := routedBench(b, c.d)
			b.Run("between networks", func(b *testing.B) { send(b, from, addr("10.0.1.10")) })
			b.Run("out", func(b *testing.B) { send(b, from, onPublic) })
		})
	}
}

// crowded has interfaces on many other networks, with tables of their own.
func crowded(d *spec.RoutingDomain) *spec.RoutingDomain {
	for i := range 200 {
		d.Tables = append([]spec.RouteTable{{ID: fmt.Sprint("t", i), Interfaces: []spec.PortID{spec.PortID(fmt.Sprint("elsewhere", i))}, Routes: d.Tables[len(d.Tables)-1].Routes}}, d.Tables...)
	}
	return d
}

// routedBench is two networks joined by a router with a way out, and stations on both; it gives the first.
func routedBench(b *testing.B, d *spec.RoutingDomain) *netns.Handle {
	f, _ := benchWorld(b, 0)
	ctx := context.Background()
	r := spec.Router{ID: "r", Generation: 1, AdminUp: true, Gateway: gateway(), Domain: d, Interfaces: []spec.RouterInterface{
		routerInterface("r1", "n1", "fa:16:3e:01:00:02", "10.0.0.1/24"), routerInterface("r2", "n2", "fa:16:3e:01:00:03", "10.0.1.1/24")}}
	r.Gateway.SNAT = d == nil
	err := f.EnsureNetwork(ctx, publicNetwork())
	for _, id := range []spec.NetworkID{"n1", "n2"} {
		if err == nil {
			err = f.EnsureNetwork(ctx, spec.Network{ID: id, Generation: 1, AdminUp: true})
		}
	}
	if err == nil {
		err = f.EnsureRouter(ctx, r)
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		f.RemoveRouter(ctx, "r")
		for _, id := range []spec.NetworkID{"n1", "n2", "public"} {
			f.RemoveNetwork(ctx, id)
		}
	})
	station(b, f, "n2", prefix("10.0.1.10/24"))
	return station(b, f, "n1", prefix("10.0.0.10/24"))
}

// station is somebody on a network who needs no port.
func station(b *testing.B, f *Fabric, id spec.NetworkID, a netip.Prefix) *netns.Handle {
	name := "nubotest-bench-" + string(id)
	var own, network *netns.Handle
	err := netns.Create(name, func() error { return nil })
	if err == nil {
		own, err = netns.Open(netns.Path(name))
	}
	if err == nil {
		network, err = netns.Open(netns.Path(f.names.network(id)))
	}
	if err == nil {
		err = own.Do(func() error {
			if err := addPair("eth0", "bench", 1500, nil, network); err != nil {
				return err
			}
			if err := addressed("eth0", a); err != nil {
				return err
			}
			return defaultVia(a.Masked().Addr().Next())
		})
	}
	if err == nil {
		err = network.Do(func() error { return plugPeer("bench", "", 1500, true) })
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		own.Do(func() error { return removeLink("eth0") })
		network.Close()
		own.Close()
		netns.Delete(name)
	})
	return own
}

// send sends datagrams that nobody reads.
func send(b *testing.B, from *netns.Handle, to netip.Addr) {
	var c net.Conn
	err := from.Do(func() (err error) {
		c, err = net.Dial("udp", fmt.Sprintf("%s:9", to))
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	packet := make([]byte, 64)
	began := processorTime()
	for b.Loop() {
		c.Write(packet) // refused now and then: nobody listens
	}
	b.ReportMetric(float64(processorTime()-began)/float64(b.N), "cpu-ns/op")
}

// processorTime is what this process has used so far, the kernel's work for it included: others on the machine do not count.
func processorTime() int64 {
	var used unix.Timespec
	unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &used)
	return used.Nano()
}
