package linux

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/nft"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Marks of what stands in the host's namespace.
const (
	kindUplink     = "uplink"
	kindHostBridge = "bridge"
)

// ensureUplink joins an external network to the host.
func (f *Fabric) ensureUplink(ctx context.Context, n *network, doc spec.Network) error {
	f.hostLock.Lock()
	defer f.hostLock.Unlock()
	if err := f.joinHost(n, doc); err != nil {
		return err
	}
	if f.options.External.Interface != "" {
		return f.host.Do(func() error { return f.bridgeUplink(doc) })
	}
	if err := f.host.Do(func() error { return f.routeUplink(doc) }); err != nil {
		return err
	}
	return f.applyHostRules(ctx)
}

// joinHost makes the veth pair whole: one end in a bridge inside, one on the host.
func (f *Fabric) joinHost(n *network, doc spec.Network) error {
	outer := f.names.hostUplink(doc.ID)
	inside := func() (l netlink.Link, err error) {
		err = n.ns.Do(func() error {
			l, err = findLink(uplinkName)
			return err
		})
		return l, err
	}
	inner, err := inside()
	if err != nil {
		return err
	}
	err = f.host.Do(func() error {
		l, err := f.ownLink(outer, kindUplink, string(doc.ID))
		if err != nil || (l != nil && inner != nil) {
			return err
		}
		if err := removeLink(outer); err != nil {
			return err
		}
		return addPair(outer, uplinkName, mtu(doc), nil, n.ns)
	})
	if err != nil {
		return err
	}
	return n.ns.Do(func() error { return plugPeer(uplinkName, f.names.mark(kindUplink, string(doc.ID)), mtu(doc), true) })
}

// ownLink finds a link by a name of ours; one that somebody else made is an
// error. A veth without any mark is ours, half made.
func (f *Fabric) ownLink(name, kind, id string) (netlink.Link, error) {
	l, err := findLink(name)
	if l == nil || err != nil || l.Attrs().Alias == f.names.mark(kind, id) {
		return l, err
	}
	if l.Attrs().Alias == "" && (l.Type() == "veth" || l.Type() == "bridge") {
		return l, nil
	}
	return nil, fmt.Errorf("link %s was not made by us, rename it: %w", name, spec.ErrExists)
}

// plugPeer puts our end of a veth pair into the network's bridge.
func plugPeer(name, mark string, mtu int, up bool) error {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	br, err := netlink.LinkByName(bridgeName)
	if err != nil {
		return err
	}
	if err := quiet(name); err != nil {
		return err
	}
	if err := enslave(l, br); err != nil {
		return err
	}
	return tuneLink(l, mark, mtu, up)
}

// routeUplink makes the host the gateway of the external subnets.
func (f *Fabric) routeUplink(doc spec.Network) error {
	l, err := netlink.LinkByName(f.names.hostUplink(doc.ID))
	if err != nil {
		return err
	}
	if err := tuneLink(l, f.names.mark(kindUplink, string(doc.ID)), mtu(doc), true); err != nil {
		return err
	}
	var gateways []netip.Prefix
	v6 := false
	for _, s := range doc.Subnets {
		if s.Gateway.IsValid() {
			gateways = append(gateways, netip.PrefixFrom(s.Gateway, s.Prefix.Bits()))
			v6 = v6 || s.Gateway.Is6()
		}
	}
	changed, err := setAddresses(l, gateways)
	if err != nil {
		return err
	}
	if changed {
		f.warnOfClashes(doc, gateways)
	}
	if err := configure(setting{"ipv4/ip_forward", "1", false}); err != nil || !v6 {
		return err
	}
	return forwardIPv6()
}

// forwardIPv6 switches forwarding on without losing the default route the host
// may have from router advertisements: those are heard by a forwarding host only with accept_ra 2.
func forwardIPv6() error {
	links, err := listLinks()
	if err != nil {
		return err
	}
	for _, l := range links {
		path := "ipv6/conf/" + l.Attrs().Name + "/accept_ra"
		if readSetting(path) == "1" {
			if err := configure(setting{path, "2", true}); err != nil {
				return err
			}
		}
	}
	return configure(setting{"ipv6/conf/all/forwarding", "1", true})
}

// bridgeUplink puts the outer end into a bridge of the host, or one made around a NIC.
func (f *Fabric) bridgeUplink(doc spec.Network) error {
	target, err := findLink(f.options.External.Interface)
	if err != nil {
		return err
	}
	if target == nil {
		return fmt.Errorf("host has no interface %s: %w", f.options.External.Interface, spec.ErrMissing)
	}
	if target.Type() != "bridge" {
		if target, err = f.bridgeAround(target, doc); err != nil {
			return err
		}
	}
	l, err := netlink.LinkByName(f.names.hostUplink(doc.ID))
	if err != nil {
		return err
	}
	if err := quiet(l.Attrs().Name); err != nil {
		return err
	}
	if err := enslave(l, target); err != nil {
		return err
	}
	return tuneLink(l, f.names.mark(kindUplink, string(doc.ID)), mtu(doc), true)
}

// bridgeAround refuses a NIC with addresses: in a bridge they would no longer
// work, and the host might be cut off.
func (f *Fabric) bridgeAround(nic netlink.Link, doc spec.Network) (netlink.Link, error) {
	name := f.names.hostBridge(doc.ID)
	if nic.Attrs().MasterIndex != 0 {
		master, err := netlink.LinkByIndex(nic.Attrs().MasterIndex)
		if err == nil && master.Type() == "bridge" {
			return master, nil
		}
	}
	addresses, err := netlink.AddrList(nic, netlink.FAMILY_V4)
	if err != nil {
		return nil, err
	}
	if len(addresses) > 0 {
		return nil, fmt.Errorf("%s has addresses of the host; put it into a bridge and name that: %w", nic.Attrs().Name, spec.ErrInvalid)
	}
	br, err := f.ownLink(name, kindHostBridge, string(doc.ID))
	if err != nil {
		return nil, err
	}
	if br == nil {
		if err := addBridge(name, doc); err != nil {
			return nil, err
		}
		if br, err = netlink.LinkByName(name); err != nil {
			return nil, err
		}
	}
	if err := tuneLink(br, f.names.mark(kindHostBridge, string(doc.ID)), mtu(doc), true); err != nil {
		return nil, err
	}
	if err := enslave(nic, br); err != nil {
		return nil, err
	}
	return br, netlink.LinkSetUp(nic)
}

// removeUplink takes everything of the network off the host.
func (f *Fabric) removeUplink(ctx context.Context, id spec.NetworkID) error {
	f.hostLock.Lock()
	defer f.hostLock.Unlock()
	f.mu.Lock()
	nic := ""
	if n := f.networks[id]; n != nil {
		nic = f.nicOf(n.doc)
		n.doc.External, n.doc.Physical = false, "" // what follows is made of what is left
		n.made = false
	}
	f.mu.Unlock()
	err := f.host.Do(func() error {
		for name, kind := range map[string]string{f.names.hostUplink(id): kindUplink, f.names.hostBridge(id): kindHostBridge} {
			l, err := f.ownLink(name, kind, string(id))
			if err != nil {
				f.log.Warn("left alone", "error", err)
				continue
			}
			if l != nil {
				if err := removeLink(name); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err == nil && nic != "" {
		err = f.host.Do(func() error { return f.wireNIC(nic) })
	}
	if err != nil && !errors.Is(err, spec.ErrMissing) { // a NIC that is gone carries nothing
		return err
	}
	return f.applyHostRules(ctx)
}

// applyHostRules hides external subnets behind the host's own addresses.
func (f *Fabric) applyHostRules(ctx context.Context) error {
	uplinks, v4, v6 := f.natted()
	table := nft.Table{Family: "inet", Name: f.names.hostTable()}
	if len(uplinks) == 0 {
		if f.probed == "" && !f.hostRules.Known() {
			return nil // nothing was ever applied here, or nft is not even there
		}
		f.hostRules.Forget()
		return nft.Run(ctx, f.host, nft.Delete([]nft.Table{table}))
	}
	chain := nft.Chain{Name: "out", Hook: "type nat hook postrouting priority 100; policy accept;"}
	outside := " oifname != { " + strings.Join(uplinks, ", ") + " } masquerade"
	if len(v4) > 0 {
		chain.Rules = append(chain.Rules, match("ip saddr", v4)+outside)
	}
	if len(v6) > 0 {
		chain.Rules = append(chain.Rules, match("ip6 saddr", v6)+outside)
	}
	table.Chains = []nft.Chain{chain}
	fresh := !f.hostRules.Known()
	if err := f.hostRules.Apply(ctx, f.host, []nft.Table{table}); err != nil {
		return fmt.Errorf("NAT on the host: %w", err)
	}
	if fresh {
		f.warnOfFirewall(ctx)
	}
	return nil
}

// natted lists the uplinks that leave through the host's routes, and their prefixes.
func (f *Fabric) natted() (uplinks []string, v4, v6 []netip.Prefix) {
	if f.options.External.Interface != "" {
		return nil, nil, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var prefixes []netip.Prefix
	for _, n := range f.networks {
		if !n.doc.External || f.nicOf(n.doc) != "" {
			continue
		}
		uplinks = append(uplinks, fmt.Sprintf("%q", f.names.hostUplink(n.id)))
		for _, s := range n.doc.Subnets {
			prefixes = append(prefixes, s.Prefix.Masked())
		}
	}
	slices.Sort(uplinks)
	v4, v6 = split(reduce(prefixes))
	return uplinks, v4, v6
}

// warnOfFirewall looks for the one thing our table cannot overrule: another
// firewall (Docker's, ufw's) that drops what it does not know.
func (f *Fabric) warnOfFirewall(ctx context.Context) {
	if out, err := nft.List(ctx, f.host, "chain", "ip", "filter", "FORWARD"); err == nil && strings.Contains(out, "policy drop") {
		f.log.Warn("the host's firewall drops forwarded packets; guests will not reach the outside",
			"do", "iptables -I FORWARD -i nbu+ -j ACCEPT; iptables -I FORWARD -o nbu+ -j ACCEPT")
	}
}
