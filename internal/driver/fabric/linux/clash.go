package linux

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// Clashes lists links of the host, of others than the Nubo with this state directory, that have an address in a range:
// what is sent there may come out at them.
func Clashes(stateDir string, ranges ...netip.Prefix) ([]string, error) {
	return newNames("", stateDir).clashes(ranges)
}

func (n names) clashes(ranges []netip.Prefix) ([]string, error) {
	addresses, err := netlink.AddrList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return nil, fmt.Errorf("addresses of the host: %w", err)
	}
	var found []string
	for _, a := range addresses {
		p := prefixOf(a.IPNet)
		if p.Addr().IsLinkLocalUnicast() || !slices.ContainsFunc(ranges, p.Overlaps) {
			continue
		}
		l, err := netlink.LinkByIndex(a.LinkIndex)
		if err != nil {
			continue // gone meanwhile
		}
		alias := l.Attrs().Alias
		if kind, _ := n.marked(alias); kind != "" {
			continue
		}
		whose := ""
		if strings.HasPrefix(alias, "nubo ") {
			whose = ", of another Nubo on this machine"
		}
		found = append(found, fmt.Sprintf("%s (%s%s)", l.Attrs().Name, p, whose))
	}
	return found, nil
}

// warnOfClashes says which links of the host are in the way of an external network.
func (f *Fabric) warnOfClashes(doc spec.Network, gateways []netip.Prefix) {
	found, err := f.names.clashes(gateways)
	if err == nil && len(found) > 0 {
		f.log.Warn("addresses of an external network are in use on this host; what is sent to them may not arrive", "network", doc.ID,
			"links", strings.Join(found, ", "), "do", "choose another public_network, or remove the other cloud")
	}
}
