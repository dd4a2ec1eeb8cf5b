package network

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// planVPN makes a VPN service's document.
func planVPN(r *vpnRows, generation int64) spec.VPN {
	doc := spec.VPN{ID: spec.VPNID(r.service.ID), Generation: generation, Inside: r.behindRouter()}
	for _, p := range slices.SortedFunc(slices.Values(r.ports), comparePorts) {
		side := spec.RouterInterface{Port: spec.PortID(p.ID), Network: spec.NetworkID(p.NetworkID), MAC: p.MAC, Addresses: r.prefixes(p), MTU: r.mtu(p)}
		if p.NetworkID == r.service.NetworkID {
			doc.Link, doc.Via = side, r.gateways(p)
		} else {
			doc.Outside = append(doc.Outside, spec.VPNOutside{RouterInterface: side, NextHops: r.gateways(p)})
		}
	}
	for _, c := range r.connections {
		if r.service.AdminUp && c.AdminUp {
			doc.Tunnels = append(doc.Tunnels, r.planTunnels(c)...)
		}
	}
	slices.SortFunc(doc.Tunnels, func(a, b spec.VPNTunnel) int { return cmp.Compare(a.ID, b.ID) })
	return doc
}

// gateways are those of a port's subnets, one per family.
func (r routerRows) gateways(p *cloud.Port) (hops []netip.Addr) {
	for _, a := range p.Addresses {
		sub := r.subnets[a.SubnetID]
		if sub == nil || !sub.Gateway.IsValid() {
			continue
		}
		if !slices.ContainsFunc(hops, func(h netip.Addr) bool { return h.Is4() == sub.Gateway.Is4() }) {
			hops = append(hops, sub.Gateway)
		}
	}
	return hops
}

// behindRouter are the prefixes that the service's router leads to.
func (r *vpnRows) behindRouter() (inside []netip.Prefix) {
	if d := r.router.Domain; d != nil {
		for _, b := range d.Blocks {
			inside = append(inside, b.Prefix)
		}
		return inside
	}
	for _, sub := range r.inside {
		inside = append(inside, sub.Prefix)
	}
	slices.SortFunc(inside, comparePrefixes)
	return inside
}

// tunnelID names a tunnel of a connection on hosts, and to what seals its secret.
func tunnelID(c *cloud.VPNConnection, i int) string { return fmt.Sprintf("%s-%d", c.ID, i) }

func (r *vpnRows) planTunnels(c *cloud.VPNConnection) (planned []spec.VPNTunnel) {
	ports := byID(r.ports, func(p *cloud.Port) cloud.PortID { return p.ID })
	for i, t := range c.Tunnels {
		p := ports[t.PortID]
		if p == nil {
			continue
		}
		tunnel := spec.VPNTunnel{ID: tunnelID(c, i), Local: localAddress(p, c.PeerAddress), Peer: c.PeerAddress, PeerIdentity: c.PeerIdentity,
			Secret: t.Secret, MTU: c.MTU, LocalPrefixes: r.localSelectors(c), PeerPrefixes: behindPeer(c, r.groups)}
		tunnel.Routes = tunnel.PeerPrefixes
		tunnel.LocalIdentity = cmp.Or(c.LocalIdentity, tunnel.Local.String())
		if t.Inside.IsValid() {
			tunnel.Inside = t.Inside.Masked().Addr().Next()
		}
		if t.Terms != nil {
			tunnel.LocalPrefixes, tunnel.PeerPrefixes = []netip.Prefix{c.LocalSelector}, []netip.Prefix{c.PeerSelector}
			planTerms(&tunnel, t.Terms)
		} else {
			r.planProposals(&tunnel, c)
		}
		planned = append(planned, tunnel)
	}
	return planned
}

// localAddress is the port's address of the peer's family; of any, if the peer has a name.
func localAddress(p *cloud.Port, peer string) netip.Addr {
	addresses := addressesOf(p)
	if a, err := netip.ParseAddr(peer); err == nil {
		return hops(addresses).of(netip.PrefixFrom(a, 0))
	}
	if len(addresses) == 0 {
		return netip.Addr{}
	}
	return addresses[0]
}

// localSelectors are what of ours a connection carries.
func (r *vpnRows) localSelectors(c *cloud.VPNConnection) (prefixes []netip.Prefix) {
	ids := []string{string(r.service.SubnetID)}
	if g := r.groups[c.LocalEndpoints]; g != nil {
		ids = g.Endpoints
	}
	for _, id := range ids {
		if sub := r.inside[cloud.SubnetID(id)]; sub != nil {
			prefixes = append(prefixes, sub.Prefix)
		}
	}
	return prefixes
}

// behindPeer is what lies behind a connection's peer.
func behindPeer(c *cloud.VPNConnection, groups map[cloud.EndpointGroupID]*cloud.EndpointGroup) []netip.Prefix {
	if g := groups[c.PeerEndpoints]; g != nil {
		return prefixesOf(g.Endpoints)
	}
	return c.PeerPrefixes
}

// planProposals takes a tunnel's terms from what its connection names.
func (r *vpnRows) planProposals(t *spec.VPNTunnel, c *cloud.VPNConnection) {
	ike, esp := r.proposals[c.IKE], r.proposals[c.ESP]
	if ike == nil || esp == nil {
		return
	}
	t.Versions = []int{ikeVersion(ike.IKEVersion)}
	t.Aggressive, t.Transport, t.Protocol = ike.Phase1 == "aggressive", esp.Encapsulation == "transport", esp.Transform
	t.IKE, t.ESP = suiteOf(ike), suiteOf(esp)
	t.Start = startOf(c.Initiator == cloud.InitiatorBoth)
	t.DPD = planDPD(c.DPDAction, c.DPDInterval, c.DPDTimeout)
}

func suiteOf(p *cloud.VPNProposal) spec.VPNSuite {
	return spec.VPNSuite{Encryption: []string{p.Encryption}, Authentication: []string{p.Authentication}, Groups: []string{p.Group}, Lifetime: p.Lifetime}
}

func ikeVersion(word string) int {
	if word == "v1" {
		return 1
	}
	return 2
}

func startOf(ours bool) spec.VPNStart {
	if ours {
		return spec.VPNStartNow
	}
	return spec.VPNStartPeer
}

// planDPD holds a tunnel by beginning it anew: what comes for it meanwhile is lost either way.
func planDPD(action string, interval, timeout time.Duration) spec.VPNDPD {
	if action == cloud.DPDDisabled {
		return spec.VPNDPD{}
	}
	return spec.VPNDPD{Interval: interval, Timeout: timeout, Restart: action != cloud.DPDClear}
}

// planTerms takes a tunnel's terms from itself.
func planTerms(t *spec.VPNTunnel, terms *cloud.VPNTerms) {
	for _, v := range terms.IKEVersions {
		t.Versions = append(t.Versions, ikeVersion(v))
	}
	slices.Sort(t.Versions)
	t.Protocol = "esp"
	t.IKE, t.ESP = spec.VPNSuite(terms.IKE), spec.VPNSuite(terms.ESP)
	t.Start = startOf(terms.Initiate)
	t.DPD = planDPD(terms.DPDAction, terms.DPDTimeout/dpdTries, terms.DPDTimeout)
}

// dpdTries is how often a peer is asked whether it is there before its time is over.
const dpdTries = 3
