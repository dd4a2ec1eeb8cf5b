package fabrictest

import (
	"context"
	"net/netip"
	"testing"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// VPN has a link to its router on one network, and is outside on another.
func VPN(id spec.VPNID, link, outside spec.NetworkID) spec.VPN {
	side := func(port spec.PortID, network spec.NetworkID, mac, address string) spec.RouterInterface {
		return spec.RouterInterface{Port: port, Network: network, MAC: mac, Addresses: []netip.Prefix{netip.MustParsePrefix(address)}, MTU: 1500}
	}
	suite := spec.VPNSuite{Encryption: []string{"aes-128"}, Authentication: []string{"sha256"}, Groups: []string{"group14"}, Lifetime: 3600e9}
	return spec.VPN{ID: id, Generation: 5, Link: side("link-"+spec.PortID(id), link, "fa:16:3e:78:00:01", "169.254.192.2/30"),
		Via: []netip.Addr{netip.MustParseAddr("169.254.192.1")}, Inside: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")},
		Outside: []spec.VPNOutside{{RouterInterface: side("out-"+spec.PortID(id), outside, "fa:16:3e:78:00:02", "172.24.4.9/24")}},
		Tunnels: []spec.VPNTunnel{{ID: "t-0", Local: netip.MustParseAddr("172.24.4.9"), LocalIdentity: "here", Peer: "198.51.100.7", PeerIdentity: "there", Secret: "secret",
			Versions: []int{2}, IKE: suite, ESP: suite, Protocol: "esp", LocalPrefixes: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")},
			PeerPrefixes: []netip.Prefix{netip.MustParsePrefix("10.2.0.0/16")}, Routes: []netip.Prefix{netip.MustParsePrefix("10.2.0.0/16")}, Start: spec.VPNStartPeer}}}
}

// A VPN stands on its networks, is told of and listed, outlives the process, and leaves nothing.
func vpn(t *testing.T, s Subject) {
	if s.NoVPN != "" {
		t.Skip(s.NoVPN)
	}
	ok(t, s.Fabric.RemoveVPN(ctx, "v"))
	v := VPN("v", "link", "x")
	fails(t, s.Fabric.EnsureVPN(ctx, v), spec.ErrMissing)
	_, err := s.Fabric.VPNStatus(ctx, "v")
	fails(t, err, spec.ErrMissing)
	external := Network("x")
	external.External = true
	ok(t, s.Fabric.EnsureNetwork(ctx, external))
	ok(t, s.Fabric.EnsureNetwork(ctx, Network("link")))
	ok(t, s.Fabric.EnsureVPN(ctx, v))
	told(t, s.Fabric)
	bad := v
	bad.ID = "../v"
	fails(t, s.Fabric.EnsureVPN(ctx, bad), spec.ErrInvalid)
	fails(t, s.Fabric.RemoveNetwork(ctx, "link"), spec.ErrBusy)
	all := agent.FabricInventory{Networks: []spec.NetworkID{"link", "x"}, VPNs: []spec.VPNID{"v"}}
	holds(t, s.Fabric, all)
	f := s.Restart()
	ok(t, f.Adopt(ctx))
	told(t, f)
	old := VPN("v", "nowhere", "x")
	old.Generation = 4
	ok(t, f.EnsureVPN(ctx, old))
	holds(t, f, all)
	for range 2 {
		ok(t, f.RemoveVPN(ctx, "v"))
	}
	ok(t, f.RemoveNetwork(ctx, "link"))
	ok(t, f.RemoveNetwork(ctx, "x"))
	holds(t, f, agent.FabricInventory{})
}

// told waits until a watcher hears of the VPN with its tunnel.
func told(t *testing.T, f agent.Fabric) {
	t.Helper()
	ctx, heard := context.WithCancel(t.Context())
	defer heard()
	ok(t, f.WatchVPNs(ctx, func(s spec.VPNStatus) {
		if s.ID == "v" && s.Up && len(s.Tunnels) == 1 && s.Tunnels[0].ID == "t-0" {
			heard()
		}
	}))
}
