package linux

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// A guest directly on the external network is reached from outside under its own address.
func TestPortOnExternalNetwork(t *testing.T) {
	w := newWorld(t)
	n := publicNetwork()
	n.Subnets[0].DHCP, n.Subnets[0].Service = true, addr("172.24.4.2")
	w.network(n)
	w.group(openGroup("g"))
	p := portOn("public", "pa", 10, "g")
	p.Addresses = []netip.Addr{addr("172.24.4.50")}
	a := w.plug(p)
	a.lease()
	answer(t, a.ns, 80)
	answer(t, w.outside, 80)
	if _, seen := w.reaches(w.host, p.Addresses[0], 80); seen != addr("172.24.4.1") {
		t.Errorf("seen as %s", seen)
	}
	if _, seen := w.reaches(a.ns, outsideAddr, 80); seen != hostOutside {
		t.Errorf("outside seen as %s", seen)
	}
	if got, err := get(a.ns, "http://169.254.169.254/"); err != nil || got != "pa /" {
		t.Errorf("metadata: %q, %v", got, err)
	}
}

// With a NIC of the host named, external networks stand on it without NAT; a NIC the host
// itself uses is refused.
func TestExternalOnNIC(t *testing.T) {
	w := newWorld(t)
	w.options.External.Interface = "eth0"
	must(t, w.fabric.Close())
	w.open()
	err := w.fabric.EnsureNetwork(context.Background(), publicNetwork())
	if !errors.Is(err, spec.ErrInvalid) || !strings.Contains(err.Error(), "addresses of the host") {
		t.Errorf("a NIC in use: %v", err)
	}
	must(t, w.host.Do(func() error {
		l, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		_, err = setAddresses(l, nil)
		return err
	}))
	must(t, w.outside.Do(func() error { return addressed("eth0", prefix("172.24.4.1/24")) }))
	answer(t, w.outside, 80)
	w.network(publicNetwork())
	w.network(privateNetwork("n1"))
	w.group(openGroup("g"))
	a := w.plug(portOn("n1", "pa", 10, "g"))
	a.lease()
	w.router(spec.Router{ID: "r", Generation: 1, AdminUp: true, Gateway: gateway(),
		Interfaces: []spec.RouterInterface{routerInterface("r1", "n1", "fa:16:3e:01:00:02", "10.0.0.1/24")}})
	if _, seen := w.reaches(a.ns, addr("172.24.4.1"), 80); seen != addr("172.24.4.10") {
		t.Errorf("seen as %s", seen)
	}
}

// Half-made things are listed and can be removed or finished.
func TestHalfMade(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	must(t, os.MkdirAll(netns.Dir, 0o755))
	must(t, os.WriteFile(netns.Path(w.fabric.names.network("half")), nil, 0o444))  // named, not mounted
	must(t, os.WriteFile(netns.Path(w.fabric.names.router("half-r")), nil, 0o444)) // likewise
	w.network(privateNetwork("n1"))
	w.group(openGroup("g"))
	_, err := w.fabric.EnsurePort(ctx, portOn("n1", "pa", 10, "g"))
	must(t, err)
	must(t, w.fabric.docs.forget(kindPort, "pa")) // a document that was lost
	must(t, w.fabric.Close())
	w.open()
	must(t, w.fabric.Adopt(ctx))
	inv, err := w.fabric.Inventory(ctx)
	must(t, err)
	if len(inv.Networks) != 2 || len(inv.Ports) != 1 || len(inv.Routers) != 1 {
		t.Errorf("inventory %+v", inv)
	}
	w.network(privateNetwork("half"))
	must(t, w.fabric.RemovePort(ctx, "pa"))
	inv, err = w.fabric.Inventory(ctx)
	must(t, err)
	if len(inv.Ports) != 0 {
		t.Errorf("ports %v after removal", inv.Ports)
	}
}

// Addresses of the external network that others have on the host are found, and our own are none of them.
func TestClashes(t *testing.T) {
	w := newWorld(t)
	w.network(publicNetwork())
	other := newNames("other", "")
	for _, c := range []struct {
		names  names
		within string
		want   string
	}{
		{w.fabric.names, "172.24.4.0/24", "[]"},
		{other, "172.24.0.0/16", "[" + w.fabric.names.hostUplink(publicNetwork().ID) + " (172.24.4.1/24, of another Nubo on this machine)]"},
		{other, "198.51.100.128/25", "[eth0 (198.51.100.1/24)]"},
		{other, "10.0.0.0/8", "[]"},
	} {
		must(t, w.host.Do(func() error {
			found, err := c.names.clashes([]netip.Prefix{prefix(c.within)})
			if got := fmt.Sprint(found); got != c.want {
				t.Errorf("in %s: %s, want %s", c.within, got, c.want)
			}
			return err
		}))
	}
}
