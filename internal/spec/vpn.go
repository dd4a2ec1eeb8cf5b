package spec

import (
	"net/netip"
	"time"
)

// VPNID names a VPN.
type VPNID string

// VPN is the wanted state of where VPN tunnels end on a host: a place of its own, with links to the outside and one to a router.
// What comes out of a tunnel goes to the router, what the router sends goes into a tunnel; nothing passes in clear.
type VPN struct {
	ID         VPNID
	Generation int64
	// Link is its end of the network that it shares with its router. Via are the router's addresses there, one per family.
	Link RouterInterface
	Via  []netip.Addr
	// Inside is what lies behind the router.
	Inside  []netip.Prefix
	Outside []VPNOutside
	Tunnels []VPNTunnel
}

// VPNOutside joins a VPN to an external network.
type VPNOutside struct {
	RouterInterface
	// NextHops are the external subnets' gateways, one per family at most.
	NextHops []netip.Addr
}

// VPNStart says when a tunnel is brought up.
type VPNStart string

// The starts of tunnels.
const (
	VPNStartNow  VPNStart = "now"  // by us, again and again
	VPNStartPeer VPNStart = "peer" // by the peer
)

// VPNTunnel is one IPsec tunnel. The words of its proposals are those of the core.
type VPNTunnel struct {
	ID string // unique in its VPN
	// Local is one of the addresses outside, LocalIdentity what we call ourselves, Peer an address or a name.
	Local                       netip.Addr
	LocalIdentity               string
	Peer, PeerIdentity          string
	Secret                      string
	Versions                    []int // of IKE: 1, 2
	Aggressive                  bool
	IKE, ESP                    VPNSuite
	Transport                   bool   // else tunnel mode
	Protocol                    string // "esp", "ah" or "ah-esp"
	LocalPrefixes, PeerPrefixes []netip.Prefix
	// Inside is our own address in the tunnel; invalid: none.
	Inside netip.Addr
	// Routes are what is sent into it.
	Routes []netip.Prefix
	MTU    int
	Start  VPNStart
	DPD    VPNDPD
}

// VPNSuite is what one phase may use: any of each.
type VPNSuite struct {
	Encryption, Authentication, Groups []string
	Lifetime                           time.Duration
}

// VPNDPD says how a peer that is gone is noticed, and what then.
type VPNDPD struct {
	Interval, Timeout time.Duration // 0: it is not looked after
	Restart           bool          // we bring the tunnel up again
}

// VPNStatus is what a host says of a VPN.
type VPNStatus struct {
	ID      VPNID
	Up      bool   // it can carry tunnels
	Reason  string // why it cannot
	Tunnels []VPNTunnelStatus
}

// VPNTunnelStatus is what a host says of a tunnel.
type VPNTunnelStatus struct {
	ID     string
	Up     bool
	Reason string // why it is down, if anything is known
}
