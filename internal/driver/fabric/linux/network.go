package linux

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"sync"

	"github.com/vishvananda/netlink"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/nft"
	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/vlan"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// network is one network as held here.
type network struct {
	id spec.NetworkID

	// Guarded by Fabric.mu.
	doc     spec.Network
	made    bool // the kernel is as doc says
	indexes map[int]spec.PortID

	// Guarded by lock, as is everything in the namespace.
	lock     sync.Mutex
	ns       *netns.Handle
	rules    nft.State
	track    tracking
	services *services
}

// release ends what this process holds of the network.
func (n *network) release() {
	if n.services != nil {
		n.services.close()
		n.services = nil
	}
	if n.ns != nil {
		n.ns.Close()
		n.ns = nil
	}
	n.rules.Forget()
}

// EnsureNetwork is agent.Fabric.
func (f *Fabric) EnsureNetwork(ctx context.Context, doc spec.Network) error {
	if err := checkNetwork(doc); err != nil {
		return wrap(err, kindNetwork, string(doc.ID))
	}
	n, err := f.wantNetwork(doc)
	if n == nil || err != nil {
		return wrap(err, kindNetwork, string(doc.ID))
	}
	n.lock.Lock()
	err = f.makeNetwork(ctx, n)
	n.lock.Unlock() // routers wait for networks, not the other way round
	if err == nil {
		err = f.renewNeighbours(doc)
	}
	return wrap(err, kindNetwork, string(doc.ID))
}

func checkNetwork(n spec.Network) error {
	if err := checkID(kindNetwork, string(n.ID)); err != nil {
		return err
	}
	if n.MTU != 0 && (n.MTU < 576 || n.MTU > 65535) {
		return fmt.Errorf("MTU %d: %w", n.MTU, spec.ErrInvalid)
	}
	if n.Tag < vlan.Untagged || n.Tag > vlan.TagMax {
		return fmt.Errorf("tag %d: %w", n.Tag, spec.ErrInvalid)
	}
	for _, s := range n.Subnets {
		if !s.Prefix.IsValid() {
			return fmt.Errorf("subnet %s without prefix: %w", s.ID, spec.ErrInvalid)
		}
		if s.Service.IsValid() && !s.Prefix.Contains(s.Service) {
			return fmt.Errorf("service address %s outside subnet %s: %w", s.Service, s.Prefix, spec.ErrInvalid)
		}
	}
	return nil
}

// wantNetwork keeps the document; nil if there is nothing to do.
func (f *Fabric) wantNetwork(doc spec.Network) (*network, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.networks[doc.ID]
	if n == nil {
		n = &network{id: doc.ID, doc: doc}
	} else if n.doc.Generation > doc.Generation {
		return nil, nil
	} else if n.made && reflect.DeepEqual(n.doc, doc) && netns.Exists(f.names.network(doc.ID)) {
		return nil, nil
	}
	if err := f.docs.keep(kindNetwork, string(doc.ID), doc); err != nil {
		return nil, err
	}
	n.doc, n.made = doc, false
	f.networks[doc.ID] = n
	return n, nil
}

// makeNetwork makes the kernel as the document says, from whatever it is now.
func (f *Fabric) makeNetwork(ctx context.Context, n *network) error {
	f.mu.Lock()
	doc, current := n.doc, f.networks[n.id] == n
	f.mu.Unlock()
	if !current {
		return fmt.Errorf("removed meanwhile: %w", spec.ErrBusy)
	}
	if err := f.openNetwork(n); err != nil {
		return err
	}
	if err := f.trackConnections(ctx, n); err != nil {
		return err
	}
	if err := n.ns.Do(func() error { return makeBridge(doc) }); err != nil {
		return err
	}
	if nic := f.nicOf(doc); nic != "" {
		if err := f.ensurePhysical(n, doc, nic); err != nil {
			return fmt.Errorf("physical network %s: %w", doc.Physical, err)
		}
	} else if doc.External {
		if err := f.ensureUplink(ctx, n, doc); err != nil {
			return fmt.Errorf("way out: %w", err)
		}
	}
	if err := f.applyRules(ctx, n, false); err != nil {
		return err
	}
	if err := f.tunePorts(n); err != nil {
		return err
	}
	if err := f.serve(n); err != nil {
		return err
	}
	f.mu.Lock()
	n.made = reflect.DeepEqual(n.doc, doc)
	f.mu.Unlock()
	return nil
}

// openNetwork makes the namespace if it is not there and holds it open.
func (f *Fabric) openNetwork(n *network) error {
	name := f.names.network(n.id)
	if !netns.Exists(name) {
		n.release()
		if err := f.createNamespace(name, kindNetwork, string(n.id), networkSettings()...); err != nil {
			return err
		}
	}
	if n.ns != nil {
		return nil
	}
	ns, err := f.openNamespace(name, kindNetwork, string(n.id))
	if err != nil {
		return err
	}
	n.ns = ns
	return nil
}

// createNamespace makes a namespace of ours: its loopback carries our mark.
func (f *Fabric) createNamespace(name, kind, id string, settings ...setting) error {
	return netns.Create(name, func() error {
		if err := configure(settings...); err != nil {
			return err
		}
		lo, err := netlink.LinkByName("lo")
		if err != nil {
			return err
		}
		return tuneLink(lo, f.names.mark(kind, id), 0, true)
	})
}

// openNamespace opens a namespace of ours and refuses one that only has the name.
func (f *Fabric) openNamespace(name, kind, id string) (*netns.Handle, error) {
	ns, err := netns.Open(netns.Path(name))
	if err != nil {
		return nil, err
	}
	err = ns.Do(func() error {
		lo, err := netlink.LinkByName("lo")
		if err != nil {
			return err
		}
		if foundKind, foundID := f.names.marked(lo.Attrs().Alias); foundKind != kind || foundID != id {
			return fmt.Errorf("namespace %s was not made by us, remove or rename it: %w", name, spec.ErrExists)
		}
		return nil
	})
	if err != nil {
		ns.Close()
		return nil, err
	}
	return ns, nil
}

func networkSettings() []setting {
	return []setting{
		{"ipv4/ip_forward", "0", false},
		{"ipv6/conf/all/forwarding", "0", true},
		{"ipv6/conf/default/accept_ra", "0", true},
		{"ipv6/conf/default/autoconf", "0", true},
		{"ipv6/conf/default/accept_dad", "0", true},
		{"ipv4/conf/all/rp_filter", "0", false},
		{"ipv4/conf/default/rp_filter", "0", false},
		// The accepted connection then tells which tap its first packet came from.
		{"ipv4/tcp_fwmark_accept", "1", false},
	}
}

// trackConnections chooses how, and switches it on in the network's namespace only.
func (f *Fabric) trackConnections(ctx context.Context, n *network) error {
	track, err := f.probe(ctx, n.ns)
	if err != nil || n.track == track {
		return err
	}
	call := "0"
	if track == trackIP {
		call = "1"
	}
	err = n.ns.Do(func() error {
		return configure(
			setting{"bridge/bridge-nf-call-iptables", call, track != trackIP},
			setting{"bridge/bridge-nf-call-ip6tables", call, track != trackIP},
			setting{"bridge/bridge-nf-call-arptables", "0", true},
			// A packet in the middle of a connection that was cut must not begin it again.
			setting{"netfilter/nf_conntrack_tcp_loose", "0", true},
		)
	})
	if err == nil {
		n.track = track
	}
	return err
}

// makeBridge makes the bridge with our addresses, inside the namespace.
func makeBridge(doc spec.Network) error {
	br, err := findLink(bridgeName)
	if err != nil {
		return err
	}
	if br == nil {
		if err := addBridge(bridgeName, doc); err != nil {
			return err
		}
		if br, err = netlink.LinkByName(bridgeName); err != nil {
			return err
		}
	}
	if err := tuneLink(br, "", mtu(doc), true); err != nil {
		return err
	}
	if _, err := setAddresses(br, serviceAddresses(doc)); err != nil {
		return err
	}
	return setRoutes(serviceRoutes(doc, br.Attrs().Index))
}

func addBridge(name string, doc spec.Network) error {
	snooping := false // a querier would be needed; guests' multicast is flooded instead
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU, attrs.HardwareAddr = name, mtu(doc), bridgeMAC(doc.ID)
	if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrs, MulticastSnooping: &snooping}); err != nil {
		return fmt.Errorf("make bridge: %w", err)
	}
	return nil
}

func mtu(doc spec.Network) int {
	if doc.MTU == 0 {
		return 1500
	}
	return doc.MTU
}

// serviceAddresses are ours: metadata's, and one per subnet that wants one.
func serviceAddresses(doc spec.Network) []netip.Prefix {
	out := []netip.Prefix{netip.PrefixFrom(metadataV4, 32), netip.PrefixFrom(metadataV6, 64)}
	for _, s := range doc.Subnets {
		if s.Service.IsValid() {
			out = append(out, netip.PrefixFrom(s.Service, s.Prefix.Bits()))
		}
	}
	return out
}

// serviceRoutes reach guests of subnets where we have no address, for metadata.
func serviceRoutes(doc spec.Network, link int) []route {
	var out []route
	for _, s := range doc.Subnets {
		if s.Prefix.Addr().Is4() && !s.Service.IsValid() {
			out = append(out, route{destination: s.Prefix.Masked(), link: link, source: metadataV4})
		}
	}
	return out
}

// RemoveNetwork is agent.Fabric. A network with ports or routers on it is spec.ErrBusy.
func (f *Fabric) RemoveNetwork(ctx context.Context, id spec.NetworkID) error {
	if checkID(kindNetwork, string(id)) != nil {
		return nil // such a network cannot be here
	}
	f.mu.Lock()
	n := f.networks[id]
	if n == nil {
		n = &network{id: id} // perhaps half made, by another process
		f.networks[id] = n
	}
	f.mu.Unlock()
	n.lock.Lock()
	defer n.lock.Unlock()
	if user := f.userOf(id); user != "" {
		return wrap(fmt.Errorf("%s is on it: %w", user, spec.ErrBusy), kindNetwork, string(id))
	}
	return wrap(f.destroyNetwork(ctx, n), kindNetwork, string(id))
}

func (f *Fabric) userOf(id spec.NetworkID) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.ports {
		if p.doc.Network == id {
			return "port " + string(p.doc.ID)
		}
	}
	for _, r := range f.routers {
		if r.uses(id) {
			return "router " + string(r.id)
		}
	}
	for _, v := range f.vpns {
		if slices.Contains(networksOfVPN(v.doc), id) {
			return "VPN " + string(v.id)
		}
	}
	return ""
}

// destroyNetwork ends with the document: until then it can be done again.
func (f *Fabric) destroyNetwork(ctx context.Context, n *network) error {
	if err := f.removeUplink(ctx, n.id); err != nil {
		return err
	}
	n.release()
	if err := f.destroyNamespace(f.names.network(n.id), kindNetwork, string(n.id)); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.docs.forget(kindNetwork, string(n.id)); err != nil {
		return err
	}
	delete(f.networks, n.id)
	return nil
}

// destroyNamespace clears a namespace of ours before its name goes: a process that
// holds it open (a guest its tap) would keep the links alive.
func (f *Fabric) destroyNamespace(name, kind, id string) error {
	if netns.Exists(name) {
		ns, err := f.openNamespace(name, kind, id)
		if err != nil {
			return err
		}
		err = ns.Do(f.clearLinks)
		ns.Close()
		if err != nil {
			return err
		}
	}
	return netns.Delete(name)
}

// clearLinks removes virtual links. A link that somebody moved in goes back to
// the host with the namespace, if it is a device.
func (f *Fabric) clearLinks() error {
	links, err := listLinks()
	if err != nil {
		return err
	}
	var all error
	for _, l := range links {
		switch l.Type() {
		case "bridge", "tuntap", "veth", "tun":
			all = errors.Join(all, removeLink(l.Attrs().Name))
		}
	}
	return all
}
