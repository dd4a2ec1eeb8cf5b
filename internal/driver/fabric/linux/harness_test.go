package linux

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// world is a host in a namespace of its own, with an outside it is connected to,
// and a Fabric on it. Everything is gone at the end of the test, and the test fails if not.
type world struct {
	t       *testing.T
	fabric  *Fabric
	options Options
	host    *netns.Handle
	outside *netns.Handle
	asked   chan spec.PortID // ports that asked for metadata
	guests  int
}

// Addresses of the world outside the host.
var (
	hostOutside = netip.MustParseAddr("198.51.100.1")
	outsideAddr = netip.MustParseAddr("198.51.100.2")
)

// patience bounds waiting for something that should happen; refusal is how long to
// wait for something that should not.
const (
	patience = 5 * time.Second
	refusal  = 700 * time.Millisecond
)

func newWorld(t *testing.T) *world {
	t.Helper()
	needRoot(t)
	t.Parallel() // worlds know nothing of each other, and mostly wait
	return anotherWorld(t)
}

// anotherWorld is a further host for a test that has one.
func anotherWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, asked: make(chan spec.PortID, 100)}
	hostName := w.name("host")
	w.host, w.outside = newSpace(t, hostName), newSpace(t, w.name("outside"))
	w.wire()
	w.options = Options{StateDir: t.TempDir(), HostNamespace: netns.Path(hostName), Metadata: w, Upstream: []string{outsideAddr.String()},
		VerifyInterval: -1, Log: slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	w.open()
	t.Cleanup(w.end)
	return w
}

func needRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make network namespaces")
	}
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skip("needs the program nft (package nftables)")
	}
}

// name is unique to the test and short enough to read.
func (w *world) name(what string) string {
	return "nubotest-" + digest(w.t.Name() + w.t.TempDir())[:8] + "-" + what
}

func newSpace(t *testing.T, name string) *netns.Handle {
	t.Helper()
	must(t, netns.Create(name, func() error {
		lo, err := netlink.LinkByName("lo")
		if err != nil {
			return err
		}
		return netlink.LinkSetUp(lo)
	}))
	h, err := netns.Open(netns.Path(name))
	must(t, err)
	t.Cleanup(func() {
		h.Close()
		must(t, netns.Delete(name))
	})
	return h
}

// wire joins host and outside; the host's default route is the outside.
func (w *world) wire() {
	must(w.t, w.host.Do(func() error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = "eth0"
		if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "eth0", PeerNamespace: netlink.NsFd(w.outside.FD())}); err != nil {
			return err
		}
		if err := addressed("eth0", netip.PrefixFrom(hostOutside, 24)); err != nil {
			return err
		}
		return defaultVia(outsideAddr)
	}))
	must(w.t, w.outside.Do(func() error { return addressed("eth0", netip.PrefixFrom(outsideAddr, 24)) }))
}

func addressed(link string, addresses ...netip.Prefix) error {
	l, err := netlink.LinkByName(link)
	if err != nil {
		return err
	}
	for _, p := range addresses {
		if err := netlink.AddrReplace(l, newAddress(p)); err != nil {
			return err
		}
	}
	return netlink.LinkSetUp(l)
}

func defaultVia(a netip.Addr) error {
	everything := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	if a.Is6() {
		everything = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	return netlink.RouteReplace(&netlink.Route{Dst: ipNet(everything), Gw: a.AsSlice()})
}

func (w *world) open() {
	w.t.Helper()
	f, err := New(w.options)
	must(w.t, err)
	w.fabric = f
}

// restart is what a killed and restarted process does; nothing is told to the old one first.
func (w *world) restart() {
	w.t.Helper()
	must(w.t, w.fabric.Close())
	w.open()
	must(w.t, w.fabric.Adopt(context.Background()))
}

// end removes everything and looks for leftovers.
func (w *world) end() {
	ctx := context.Background()
	inv, err := w.fabric.Inventory(ctx)
	check(w.t, err)
	for _, id := range inv.VPNs {
		check(w.t, w.fabric.RemoveVPN(ctx, id))
	}
	for _, id := range inv.Routers {
		check(w.t, w.fabric.RemoveRouter(ctx, id))
	}
	for _, id := range inv.Ports {
		check(w.t, w.fabric.RemovePort(ctx, id))
	}
	for _, id := range inv.Networks {
		check(w.t, w.fabric.RemoveNetwork(ctx, id))
	}
	for _, id := range inv.Groups {
		check(w.t, w.fabric.RemoveGroup(ctx, id))
	}
	w.nothingLeft()
	check(w.t, w.fabric.Close())
}

func (w *world) nothingLeft() {
	spaces, err := netns.List(w.fabric.names.prefix())
	check(w.t, err)
	if len(spaces) > 0 {
		w.t.Errorf("namespaces left over: %v", spaces)
	}
	check(w.t, w.host.Do(func() error {
		links, err := listLinks()
		for _, l := range links {
			if n := l.Attrs().Name; n != "lo" && n != "eth0" {
				w.t.Errorf("link left over on the host: %s", n)
			}
		}
		return err
	}))
	if out := w.run(w.host, "nft", "list", "tables"); strings.Contains(out, "nubo") {
		w.t.Errorf("tables left over on the host: %s", out)
	}
	filepath.WalkDir(w.options.StateDir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			w.t.Errorf("file left over: %s", path)
		}
		return nil
	})
}

// ServeMetadata is agent.MetadataHandler.
func (w *world) ServeMetadata(rw http.ResponseWriter, r *http.Request, port spec.PortID) {
	w.asked <- port
	fmt.Fprintf(rw, "%s %s", port, r.URL.Path)
}

func (w *world) run(ns *netns.Handle, name string, args ...string) string {
	var out []byte
	ns.Do(func() (err error) {
		out, err = exec.Command(name, args...).CombinedOutput()
		return err
	})
	return string(out)
}

func (w *world) network(n spec.Network) {
	w.t.Helper()
	must(w.t, w.fabric.EnsureNetwork(context.Background(), n))
}

func (w *world) group(g spec.SecurityGroup) {
	w.t.Helper()
	must(w.t, w.fabric.EnsureGroup(context.Background(), g))
}

func (w *world) router(r spec.Router) {
	w.t.Helper()
	must(w.t, w.fabric.EnsureRouter(context.Background(), r))
}

// answer serves TCP and UDP on a port: each connection and datagram is echoed.
func answer(t *testing.T, ns *netns.Handle, port int) {
	t.Helper()
	must(t, ns.Do(func() error {
		l, err := net.Listen("tcp", fmt.Sprintf("[::]:%d", port))
		if err != nil {
			return err
		}
		u, err := net.ListenPacket("udp", fmt.Sprintf("[::]:%d", port))
		if err != nil {
			return err
		}
		t.Cleanup(func() { l.Close(); u.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					// The first line says who is seen asking.
					fmt.Fprintln(c, c.RemoteAddr())
					io.Copy(c, c)
					c.Close()
				}()
			}
		}()
		go func() {
			buf := make([]byte, 2000)
			for {
				n, from, err := u.ReadFrom(buf)
				if err != nil {
					return
				}
				u.WriteTo(buf[:n], from)
			}
		}()
		return nil
	}))
}

// dial connects from a namespace.
func dial(ns *netns.Handle, to netip.Addr, port int, timeout time.Duration) (c net.Conn, err error) {
	err = ns.Do(func() error {
		c, err = net.DialTimeout("tcp", net.JoinHostPort(to.String(), fmt.Sprint(port)), timeout)
		return err
	})
	return c, err
}

// reaches connects and gives the address the other side sees.
func (w *world) reaches(ns *netns.Handle, to netip.Addr, port int) (net.Conn, netip.Addr) {
	w.t.Helper()
	c, err := dial(ns, to, port, patience)
	must(w.t, err)
	w.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	var line []byte
	for b := make([]byte, 1); ; line = append(line, b[0]) {
		if _, err := c.Read(b); err != nil {
			w.t.Fatalf("read from %s: %v", to, err)
		}
		if b[0] == '\n' {
			break
		}
	}
	seen, err := netip.ParseAddrPort(string(line))
	must(w.t, err)
	return c, seen.Addr().Unmap()
}

func (w *world) blocked(ns *netns.Handle, to netip.Addr, port int) {
	w.t.Helper()
	if c, err := dial(ns, to, port, refusal); err == nil {
		c.Close()
		w.t.Errorf("reached %s port %d, which should be blocked", to, port)
	}
}

// alive tells whether an echo comes back on an open connection in time.
func alive(c net.Conn, wait time.Duration) bool {
	c.SetDeadline(time.Now().Add(wait))
	if _, err := c.Write([]byte("x")); err != nil {
		return false
	}
	_, err := c.Read(make([]byte, 1))
	return err == nil
}

// ping sends one echo request, again until patience ends if it should arrive.
func ping(ns *netns.Handle, to netip.Addr, args ...string) error {
	return ns.Do(func() error {
		args = append([]string{"-n", "-c", "1", "-W", "1"}, append(args, to.String())...)
		out, err := exec.Command("ping", args...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("ping %s: %w: %s", to, err, out)
		}
		return nil
	})
}

// soon repeats until it works or patience ends.
func soon(t *testing.T, what string, try func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", what, err)
		}
		time.Sleep(20 * time.Millisecond) // between two looks, not in place of one
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

// Documents most tests begin with.

func privateNetwork(id spec.NetworkID) spec.Network {
	return spec.Network{ID: id, Generation: 1, MTU: 1500, AdminUp: true, Domain: "nubo.test", Subnets: []spec.Subnet{{
		ID: string(id) + "-4", Prefix: netip.MustParsePrefix("10.0.0.0/24"), Gateway: netip.MustParseAddr("10.0.0.1"),
		DHCP: true, Service: netip.MustParseAddr("10.0.0.2"),
	}}}
}

func portOn(network spec.NetworkID, id spec.PortID, host byte, groups ...spec.GroupID) spec.Port {
	return spec.Port{ID: id, Generation: 1, Network: network, MAC: fmt.Sprintf("fa:16:3e:00:00:%02x", host),
		Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, host})}, AdminUp: true, Security: true, Groups: groups}
}

// openGroup allows everything out and in, both families.
func openGroup(id spec.GroupID) spec.SecurityGroup {
	return spec.SecurityGroup{ID: id, Generation: 1, Rules: []spec.Rule{
		anyRule(spec.Egress, false), anyRule(spec.Egress, true), anyRule(spec.Ingress, false), anyRule(spec.Ingress, true)}}
}

func anyRule(d spec.Direction, v6 bool) spec.Rule {
	return spec.Rule{ID: string(d), Direction: d, IPv6: v6, Protocol: -1, PortMin: -1, PortMax: -1}
}

func tcpRule(port int, v6 bool) spec.Rule {
	return spec.Rule{ID: fmt.Sprint(port), Direction: spec.Ingress, IPv6: v6, Protocol: protoTCP, PortMin: port, PortMax: port}
}
