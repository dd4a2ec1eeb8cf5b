package linux

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/charon"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// tunnelPatience bounds waiting for a tunnel: a peer that was not there is asked again after half a minute.
const tunnelPatience = 60 * time.Second

// peerBehind is what lies behind the peer, which is the outside itself.
var peerBehind = netip.MustParseAddr("10.9.0.1")

// tunnelled is outsideWorld with a VPN beside its router, and a peer in the outside.
type vpnWorld struct {
	*world
	router spec.Router
	guest  *guest
	doc    spec.VPN
	peer   *charon.Daemon
}

func newVPNWorld(t *testing.T) *vpnWorld {
	if _, err := charon.Program(); err != nil {
		t.Skip("needs strongSwan: ", err)
	}
	world, r, a, _ := outsideWorld(t)
	w := &vpnWorld{world: world, router: r, guest: a}
	link := spec.Network{ID: "link", Generation: 1, MTU: 1500, AdminUp: true, Subnets: []spec.Subnet{{ID: "link4", Prefix: prefix("169.254.192.0/30"), Gateway: addr("169.254.192.1")}}}
	w.network(link)
	w.router.Interfaces = append(w.router.Interfaces, routerInterface("r3", "link", "fa:16:3e:01:00:04", "169.254.192.1/30"))
	w.router.Routes = []spec.Route{{Destination: prefix("10.9.0.0/24"), NextHop: addr("169.254.192.2")}}
	w.world.router(w.router)
	w.doc = spec.VPN{ID: "v", Generation: 1, Link: routerInterface("v1", "link", "fa:16:3e:01:00:05", "169.254.192.2/30"), Via: []netip.Addr{addr("169.254.192.1")},
		Inside:  []netip.Prefix{prefix("10.0.0.0/24"), prefix("10.0.1.0/24")},
		Outside: []spec.VPNOutside{{RouterInterface: routerInterface("v2", "public", "fa:16:3e:01:00:06", "172.24.4.20/24"), NextHops: []netip.Addr{addr("172.24.4.1")}}},
		Tunnels: []spec.VPNTunnel{w.tunnel(spec.VPNStartPeer)}}
	must(t, w.outside.Do(func() error {
		if err := addressed("lo", netip.PrefixFrom(peerBehind, 32)); err != nil {
			return err
		}
		return setRoutes([]route{{destination: prefix("172.24.4.0/24"), via: hostOutside, link: linkIndex("eth0")}})
	}))
	w.peer = &charon.Daemon{Dir: filepath.Join(t.TempDir(), "peer"), Namespace: w.outside, InKernel: w.fabric.espInKernel(w.outside)}
	t.Cleanup(func() { check(t, w.peer.Remove()) })
	return w
}

func linkIndex(name string) int {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return 0
	}
	return l.Attrs().Index
}

func (w *vpnWorld) tunnel(start spec.VPNStart) spec.VPNTunnel {
	suite := spec.VPNSuite{Encryption: []string{"aes-128"}, Authentication: []string{"sha256"}, Groups: []string{"group14"}, Lifetime: time.Hour}
	return spec.VPNTunnel{ID: "t-0", Local: addr("172.24.4.20"), LocalIdentity: "172.24.4.20", Peer: outsideAddr.String(), PeerIdentity: "peer.example", Secret: "a secret\"}",
		Versions: []int{2}, IKE: suite, ESP: suite, Protocol: "esp", LocalPrefixes: []netip.Prefix{prefix("10.0.0.0/24")}, PeerPrefixes: []netip.Prefix{prefix("10.9.0.0/24")},
		Routes: []netip.Prefix{prefix("10.9.0.0/24")}, MTU: 1500, Start: start, DPD: spec.VPNDPD{Interval: 10 * time.Second, Timeout: 30 * time.Second, Restart: true}}
}

func (w *vpnWorld) ensure() {
	w.t.Helper()
	w.doc.Generation++
	must(w.t, w.fabric.EnsureVPN(context.Background(), w.doc))
}

// dial has the peer begin, with what is the other way round of the tunnel here.
func (w *vpnWorld) dial(change func(*spec.VPNTunnel)) {
	w.t.Helper()
	t := w.doc.Tunnels[0]
	t.Local, t.Peer = outsideAddr, t.Local.String()
	t.LocalIdentity, t.PeerIdentity = t.PeerIdentity, t.LocalIdentity
	t.LocalPrefixes, t.PeerPrefixes, t.Start = t.PeerPrefixes, t.LocalPrefixes, spec.VPNStartNow
	if change != nil {
		change(&t)
	}
	must(w.t, w.peer.Start(context.Background()))
	if !w.peer.InKernel {
		must(w.t, w.outside.Do(func() error {
			return netlink.RouteReplace(&netlink.Route{Dst: ipNet(prefix("10.0.0.0/24")), LinkIndex: linkIndex(tunnelLink), Src: peerBehind.AsSlice()})
		}))
	}
	refused, err := w.peer.Apply(context.Background(), []charon.Tunnel{{VPNTunnel: t, Peers: []netip.Addr{addr(t.Peer)}}})
	must(w.t, err)
	if len(refused) > 0 {
		w.t.Fatalf("the peer refuses: %v", refused)
	}
}

// says waits until a host's word of the tunnel is as wanted.
func (w *vpnWorld) says(what string, ok func(spec.VPNTunnelStatus) bool) {
	w.t.Helper()
	var last spec.VPNStatus
	for end := time.Now().Add(tunnelPatience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		s, err := w.fabric.VPNStatus(context.Background(), "v")
		must(w.t, err)
		if last = s; len(s.Tunnels) == 1 && ok(s.Tunnels[0]) {
			return
		}
	}
	w.t.Fatalf("never %s: %+v", what, last)
}

func isUp(s spec.VPNTunnelStatus) bool { return s.Up }

// A guest and what lies behind a peer reach each other through the tunnel, without NAT, and only through it; when all of it is
// removed nothing is left.
func TestVPN(t *testing.T) {
	w := newVPNWorld(t)
	w.ensure()
	w.blocked(w.guest.ns, peerBehind, 80)
	w.dial(nil)
	w.says("up", isUp)
	if _, seen := w.reaches(w.guest.ns, peerBehind, 80); seen != w.guest.port.Addresses[0] {
		t.Errorf("the guest is seen as %s", seen)
	}
	if _, seen := w.reaches(w.outside, w.guest.port.Addresses[0], 80); seen != peerBehind {
		t.Errorf("the peer is seen as %s", seen)
	}
	// What the tunnel does not carry stays inside: the other subnet, and the VPN's own way out.
	if err := ping(w.outside, addr("10.0.1.11")); err == nil {
		t.Error("what the tunnel does not carry is reached")
	}
	w.clearText(func() { w.reaches(w.guest.ns, peerBehind, 80) })
	must(t, w.peer.Stop())
	w.clearText(func() { w.blocked(w.guest.ns, peerBehind, 80) })
	must(t, w.fabric.Verify(context.Background()))
	must(t, w.fabric.RemoveVPN(context.Background(), "v"))
	w.withoutVPN()
}

// withoutVPN takes from the router what the VPN hung on, and looks for its daemon.
func (w *vpnWorld) withoutVPN() {
	w.t.Helper()
	w.router.Generation += 10
	w.router.Interfaces, w.router.Routes = w.router.Interfaces[:2], nil
	w.world.router(w.router)
	must(w.t, w.fabric.RemoveNetwork(context.Background(), "link"))
	if out, _ := exec.Command("pgrep", "-fa", w.fabric.names.prefix()+"vpn").Output(); len(out) > 0 {
		w.t.Errorf("processes left: %s", out)
	}
}

// clearText fails if a packet of the guest's or the peer's passes the external network as it is.
func (w *vpnWorld) clearText(during func()) {
	w.t.Helper()
	const table = "table inet leak { chain c { type filter hook prerouting priority -300; ip saddr { 10.0.0.0/8 } counter; ip daddr { 10.0.0.0/8 } counter; }; }"
	w.run(w.host, "nft", table)
	during()
	out := w.run(w.host, "nft", "list", "table", "inet", "leak")
	w.run(w.host, "nft", "delete", "table", "inet", "leak")
	if n := strings.Count(out, "packets 0 bytes 0"); n != 2 {
		w.t.Errorf("seen in clear on the host: %s", out)
	}
}

// New keys, a process that ends and another that adopts, and one that is told all again: no packet is lost.
func TestVPNKeepsPackets(t *testing.T) {
	w := newVPNWorld(t)
	short := &w.doc.Tunnels[0]
	short.ESP.Lifetime, short.IKE.Lifetime = 8*time.Second, 14*time.Second
	w.ensure()
	w.dial(nil)
	w.says("up", isUp)
	keys := w.installed()
	loss := w.pinging(func() {
		w.soonDiffers(keys)
		w.restart()
		w.says("up after a restart", isUp)
		w.ensure()
		w.soonDiffers(w.installed())
		must(t, w.fabric.Verify(context.Background()))
	})
	if loss != "0" {
		t.Errorf("%s packets lost", loss)
	}
}

// A peer that refuses, because its owner has not set it up yet, is dialled again, also by a process that adopted the tunnel; what
// is routed into a tunnel changes without touching it.
func TestVPNDialsAgain(t *testing.T) {
	w := newVPNWorld(t)
	w.doc.Tunnels[0].Start = spec.VPNStartNow
	w.dial(func(t *spec.VPNTunnel) { t.Local, t.Start = addr("198.51.100.1"), spec.VPNStartPeer }) // it runs, and knows nothing of us
	w.ensure()
	w.says("refused", func(s spec.VPNTunnelStatus) bool { return strings.Contains(s.Reason, "none of the proposals") })
	w.restart()
	w.dial(func(t *spec.VPNTunnel) { t.Peer, t.Start = hostOutside.String(), spec.VPNStartPeer }) // what we begin passes the host's NAT
	w.says("up", isUp)
	keys := w.installed()
	w.doc.Tunnels[0].Routes = append(w.doc.Tunnels[0].Routes, prefix("10.11.0.0/24"))
	w.ensure()
	if w.installed() != keys {
		t.Error("another route made the tunnel anew")
	}
}

// A tunnel that is up, and that both ends would begin, comes up again under other terms at once, and carries packets.
func TestVPNChangesTerms(t *testing.T) {
	w := newVPNWorld(t)
	w.doc.Tunnels[0].Start = spec.VPNStartNow
	w.ensure()
	w.dial(nil)
	w.says("up", isUp)
	for range 3 {
		keys := w.installed()
		w.doc.Tunnels[0].ESP.Lifetime += time.Minute
		w.ensure()
		w.soonDiffers(keys)
		w.says("up under other terms", isUp)
		w.reaches(w.guest.ns, peerBehind, 80)
	}
}

// installed names the keys in use.
func (w *vpnWorld) installed() string {
	daemon := charon.Daemon{Dir: w.fabric.daemonDir("v")}
	keys, err := daemon.Keys(context.Background())
	must(w.t, err)
	return fmt.Sprint(keys)
}

func (w *vpnWorld) soonDiffers(keys string) {
	w.t.Helper()
	for end := time.Now().Add(tunnelPatience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if w.installed() != keys {
			return
		}
	}
	w.t.Fatal("no new keys")
}

// pinging answers how many echo requests were lost while something was done.
func (w *vpnWorld) pinging(during func()) (lost string) {
	w.t.Helper()
	var out strings.Builder
	var cmd *exec.Cmd
	must(w.t, w.guest.ns.Do(func() error {
		cmd = exec.Command("ping", "-n", "-q", "-i", "0.1", "-W", "2", peerBehind.String())
		cmd.Stdout = &out
		return cmd.Start()
	}))
	during()
	must(w.t, cmd.Process.Signal(unix.SIGINT))
	cmd.Wait() // its exit status says what its words say
	m := regexp.MustCompile(`(\d+) packets transmitted, (\d+) received`).FindStringSubmatch(out.String())
	if m == nil {
		w.t.Fatalf("ping said %q", out.String())
	}
	sent, _ := strconv.Atoi(m[1])
	received, _ := strconv.Atoi(m[2])
	if received == 0 {
		w.t.Fatal("no echo came back at all")
	}
	return strconv.Itoa(max(0, sent-received-1)) // the last may be under way
}

// A daemon that is killed is started again with the same tunnels; one whose secret differs says so; a tunnel that is taken
// away, or changed, does not touch another.
func TestVPNRepairs(t *testing.T) {
	w := newVPNWorld(t)
	w.doc.Tunnels[0].Start = spec.VPNStartNow
	w.ensure()
	w.dial(func(t *spec.VPNTunnel) { t.Secret, t.Start = "another", spec.VPNStartNow })
	w.says("a reason", func(s spec.VPNTunnelStatus) bool { return strings.Contains(s.Reason, "secret or identity") })
	w.dial(nil)
	w.says("up", isUp)
	var told atomic.Int32
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go w.fabric.WatchVPNs(ctx, func(spec.VPNStatus) { told.Add(1) })
	pid, err := os.ReadFile(filepath.Join(w.fabric.daemonDir("v"), "run/charon.pid"))
	must(t, err)
	n, err := strconv.Atoi(strings.TrimSpace(string(pid)))
	must(t, err)
	must(t, unix.Kill(n, unix.SIGKILL))
	w.says("down", func(s spec.VPNTunnelStatus) bool { return !s.Up })
	w.says("up again", isUp)
	w.reaches(w.guest.ns, peerBehind, 80)
	if told.Load() < 3 {
		t.Errorf("a watcher was told %d times", told.Load())
	}
	keys := w.installed()
	second := w.doc.Tunnels[0]
	second.ID, second.Peer, second.PeerIdentity, second.Secret = "u-0", "198.51.100.77", "another", "x"
	second.PeerPrefixes, second.Routes = []netip.Prefix{prefix("10.8.0.0/24")}, []netip.Prefix{prefix("10.8.0.0/24")}
	w.doc.Tunnels = append(w.doc.Tunnels, second)
	w.ensure()
	w.doc.Tunnels = w.doc.Tunnels[:1]
	w.ensure()
	if w.installed() != keys {
		t.Error("another tunnel's change touched this one")
	}
	w.doc.Tunnels = nil
	w.ensure()
	w.blocked(w.guest.ns, peerBehind, 80)
	w.restart() // and who adopts can remove
	must(t, w.fabric.RemoveVPN(context.Background(), "v"))
	w.withoutVPN()
}
