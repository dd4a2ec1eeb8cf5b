package linux

import (
	"net"
	"testing"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// Forwarded ports lead inside, from the host and from other guests, alone, as a range, and moved; the guest sees who asks, and
// a connection ends with its forwarding.
func TestPortForwarding(t *testing.T) {
	w, r, a, b := outsideWorld(t)
	for _, port := range []int{8080, 8081, 9001} {
		answer(t, a.ns, port)
	}
	external, inside := addr("172.24.4.100"), a.port.Addresses[0]
	one := func(n int) spec.PortRange { return spec.PortRange{First: n, Last: n} }
	forward := func(outer, inner spec.PortRange) spec.PortForward {
		return spec.PortForward{External: external, Internal: inside, Protocol: protoTCP, ExternalPorts: outer, InternalPorts: inner}
	}
	r.Forwards = []spec.PortForward{forward(one(2222), one(80)), forward(spec.PortRange{First: 8080, Last: 8089}, spec.PortRange{First: 8080, Last: 8089}),
		forward(spec.PortRange{First: 100, Last: 109}, spec.PortRange{First: 9000, Last: 9009})}
	w.router(r)
	var running net.Conn
	for _, port := range []int{2222, 8080, 8081, 101} {
		c, seen := w.reaches(w.host, external, port)
		if running = c; seen != addr("172.24.4.1") {
			t.Errorf("at port %d the host is seen as %s", port, seen)
		}
	}
	w.reaches(b.ns, external, 2222)
	w.blocked(w.host, external, 80)
	r.Generation, r.Forwards = 2, r.Forwards[:2]
	w.router(r)
	if alive(running, refusal) {
		t.Error("a connection goes on after its forwarding is gone")
	}
	w.blocked(w.host, external, 101)
	w.reaches(w.host, external, 2222)
}
