package linux

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// Names inside a namespace of ours.
const (
	bridgeName = "br"     // the bridge of a network
	uplinkName = "uplink" // the inner end of an external network's way to the host
)

// names derives every name the fabric uses on the host from ids, so that what is
// found there can be told from what others made, and of which Nubo it is.
type names struct {
	suffix string // says which Nubo on this host
}

func newNames(name, stateDir string) names {
	if name == "" {
		if abs, err := filepath.Abs(stateDir); err == nil {
			stateDir = abs
		}
		name = digest(stateDir)[:6]
	}
	return names{suffix: name}
}

func (n names) prefix() string                   { return "nubo-" + n.suffix + "-" }
func (n names) network(id spec.NetworkID) string { return n.prefix() + "net-" + string(id) }
func (n names) router(id spec.RouterID) string   { return n.prefix() + "rtr-" + string(id) }
func (n names) vpn(id spec.VPNID) string         { return n.prefix() + "vpn-" + string(id) }
func (n names) hostUplink(id spec.NetworkID) string {
	return "nbu" + digest(n.suffix + string(id))[:12]
}
func (n names) hostBridge(id spec.NetworkID) string {
	return "nbb" + digest(n.suffix + string(id))[:12]
}
func (n names) hostTable() string { return "nubo_" + digest(n.suffix)[:8] }

// mark is the alias of links we make: kind and id, readable in `ip link`.
func (n names) mark(kind, id string) string { return "nubo " + n.suffix + " " + kind + " " + id }

// marked takes a mark apart; kind is empty if it is not ours.
func (n names) marked(alias string) (kind, id string) {
	f := strings.Fields(alias)
	if len(f) != 4 || f[0] != "nubo" || f[1] != n.suffix {
		return "", ""
	}
	return f[2], f[3]
}

// Links live in namespaces of their own, so their names need only tell ids apart.
func tapName(id spec.PortID) string        { return "tap" + digest(string(id))[:11] }
func branchName(id spec.PortID) string     { return "brn" + digest(string(id))[:11] }
func routerLinkName(id spec.PortID) string { return "rif" + digest(string(id))[:11] }
func routerPeerName(id spec.PortID) string { return "rpe" + digest(string(id))[:11] }
func groupName(id spec.GroupID) string     { return "g" + digest(string(id))[:12] }

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

var idPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$`)

// checkID refuses ids that could leave a directory or do not fit a name.
func checkID(kind, id string) error {
	if !idPattern.MatchString(id) {
		return fmt.Errorf("%s id %q: %w", kind, id, spec.ErrInvalid)
	}
	return nil
}

// bridgeMAC is the same for a network on every start; locally administered.
func bridgeMAC(id spec.NetworkID) net.HardwareAddr {
	sum := sha256.Sum256([]byte(id))
	return append(net.HardwareAddr{0x0a}, sum[:5]...)
}

// parseMAC gives the MAC in the one form used in rules.
func parseMAC(s string) (net.HardwareAddr, error) {
	mac, err := net.ParseMAC(s)
	if err != nil || len(mac) != 6 {
		return nil, fmt.Errorf("MAC address %q: %w", s, spec.ErrInvalid)
	}
	return mac, nil
}

// linkLocal is the address a NIC gives itself by its MAC (RFC 4291, EUI-64).
func linkLocal(mac net.HardwareAddr) netip.Addr {
	return netip.AddrFrom16([16]byte{0xfe, 0x80, 8: mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]})
}
