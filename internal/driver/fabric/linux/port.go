package linux

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// port is one port as held here, guarded by Fabric.mu.
type port struct {
	doc     spec.Port
	ifindex int  // of its tap, 0 while there is none
	made    bool // the kernel is as doc says
}

// EnsurePort is agent.Fabric.
func (f *Fabric) EnsurePort(ctx context.Context, doc spec.Port) (agent.Tap, error) {
	if err := checkPort(doc); err != nil {
		return agent.Tap{}, wrap(err, kindPort, string(doc.ID))
	}
	if err := f.leaveOldNetwork(ctx, doc); err != nil {
		return agent.Tap{}, wrap(err, kindPort, string(doc.ID))
	}
	n, tap, err := f.wantPort(doc)
	if n == nil || err != nil {
		return tap, wrap(err, kindPort, string(doc.ID))
	}
	n.lock.Lock()
	defer n.lock.Unlock()
	return tap, wrap(f.makePort(ctx, n, doc.ID), kindPort, string(doc.ID))
}

func checkPort(p spec.Port) error {
	if err := checkID(kindPort, string(p.ID)); err != nil {
		return err
	}
	if _, err := parseMAC(p.MAC); err != nil {
		return err
	}
	if err := checkAddresses(p.Addresses); err != nil {
		return err
	}
	if err := checkQoS(p.QoS); err != nil {
		return err
	}
	if err := checkBranch(p); err != nil {
		return err
	}
	for _, pair := range p.AllowedPairs {
		if !pair.Address.IsValid() {
			return fmt.Errorf("allowed pair without address: %w", spec.ErrInvalid)
		}
		if pair.MAC == "" {
			continue
		}
		if _, err := parseMAC(pair.MAC); err != nil {
			return err
		}
	}
	return nil
}

// leaveOldNetwork removes the tap of a port that moved to another network.
func (f *Fabric) leaveOldNetwork(ctx context.Context, doc spec.Port) error {
	f.mu.Lock()
	held := f.ports[doc.ID]
	moved := held != nil && held.doc.Network != doc.Network && held.doc.Generation <= doc.Generation
	f.mu.Unlock()
	if !moved {
		return nil
	}
	return f.RemovePort(ctx, doc.ID)
}

// wantPort keeps the document. The network is nil if there is nothing to do.
func (f *Fabric) wantPort(doc spec.Port) (*network, agent.Tap, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	held := f.ports[doc.ID]
	if held != nil && held.doc.Generation > doc.Generation {
		return nil, f.tap(held.doc), nil
	}
	n := f.networks[doc.Network]
	if n == nil || !netns.Exists(f.names.network(doc.Network)) {
		return nil, agent.Tap{}, fmt.Errorf("network %s: %w", doc.Network, spec.ErrMissing)
	}
	if b := doc.Branch; b != nil && f.ports[b.Parent] == nil {
		return nil, agent.Tap{}, fmt.Errorf("port %s, which carries its frames: %w", b.Parent, spec.ErrMissing)
	}
	for _, g := range doc.Groups {
		if _, here := f.groups[g]; !here {
			return nil, agent.Tap{}, fmt.Errorf("security group %s: %w", g, spec.ErrMissing)
		}
	}
	if held != nil && held.made && reflect.DeepEqual(held.doc, doc) {
		return nil, f.tap(doc), nil
	}
	if err := f.docs.keep(kindPort, string(doc.ID), doc); err != nil {
		return nil, agent.Tap{}, err
	}
	if held == nil {
		held = &port{}
		f.ports[doc.ID] = held
	}
	held.doc, held.made = doc, false
	return n, f.tap(doc), nil
}

func (f *Fabric) tap(doc spec.Port) agent.Tap {
	return agent.Tap{Name: tapName(doc.ID), Namespace: netns.Path(f.names.network(doc.Network))}
}

// makePort makes the tap while it is down, then its filters, and only then lets
// frames pass.
func (f *Fabric) makePort(ctx context.Context, n *network, id spec.PortID) error {
	doc, up, ok := f.wantedPort(n, id)
	if !ok {
		return fmt.Errorf("removed meanwhile: %w", spec.ErrBusy)
	}
	if err := f.openNetwork(n); err != nil {
		return err
	}
	if err := f.trackConnections(ctx, n); err != nil {
		return err
	}
	size := f.sizeOf(n)
	index, err := f.ensureLink(n, doc, size)
	if err != nil {
		return err
	}
	known := f.bindTap(n, id, index)
	if err := f.applyRules(ctx, n, known); err != nil {
		return err
	}
	if err := n.ns.Do(func() error { return plugTap(tapName(id), size, up) }); err != nil {
		return err
	}
	if err := f.wireTrunk(trunkOf(doc)); err != nil {
		return err
	}
	if err := f.serve(n); err != nil {
		return err
	}
	f.mu.Lock()
	if p := f.ports[id]; p != nil {
		p.made = reflect.DeepEqual(p.doc, doc)
	}
	f.mu.Unlock()
	return nil
}

func (f *Fabric) wantedPort(n *network, id spec.PortID) (doc spec.Port, up, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.ports[id]
	if p == nil || p.doc.Network != n.id {
		return spec.Port{}, false, false
	}
	return p.doc, p.doc.AdminUp && n.doc.AdminUp, true
}

func (f *Fabric) sizeOf(n *network) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return mtu(n.doc)
}

// ensureLink makes what stands for the port in its network's bridge.
func (f *Fabric) ensureLink(n *network, doc spec.Port, size int) (index int, err error) {
	if doc.Branch != nil {
		return f.ensureBranch(n, doc, size)
	}
	err = n.ns.Do(func() error {
		index, err = ensureTap(tapName(doc.ID), f.names.mark(kindPort, string(doc.ID)), size)
		return err
	})
	return index, err
}

// bindTap remembers which tap is the port's, and tells whether it was so before:
// a new tap has no connections yet.
func (f *Fabric) bindTap(n *network, id spec.PortID, index int) (known bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n.indexes == nil {
		n.indexes = map[int]spec.PortID{}
	}
	n.indexes[index] = id
	p := f.ports[id]
	if p == nil || p.ifindex == index {
		return true
	}
	delete(n.indexes, p.ifindex)
	p.ifindex = index
	return false
}

// tunePorts brings the taps of a network to its state and MTU. One that is lost comes back with its port.
func (f *Fabric) tunePorts(n *network) error {
	up := map[string]bool{} // by tap
	f.mu.Lock()
	size := mtu(n.doc)
	for _, p := range f.ports {
		if p.doc.Network == n.id && p.ifindex != 0 {
			up[tapName(p.doc.ID)] = p.doc.AdminUp && n.doc.AdminUp
		}
	}
	f.mu.Unlock()
	return n.ns.Do(func() error { return tuneTaps(up, size) })
}

// RemovePort is agent.Fabric.
func (f *Fabric) RemovePort(ctx context.Context, id spec.PortID) error {
	if checkID(kindPort, string(id)) != nil {
		return nil // such a port cannot be here
	}
	f.mu.Lock()
	var n *network
	if p := f.ports[id]; p != nil {
		n = f.networks[p.doc.Network]
	}
	f.mu.Unlock()
	if n == nil {
		return wrap(f.removeStray(id), kindPort, string(id))
	}
	n.lock.Lock()
	defer n.lock.Unlock()
	return wrap(f.destroyPort(ctx, n, id), kindPort, string(id))
}

func (f *Fabric) destroyPort(ctx context.Context, n *network, id spec.PortID) error {
	if netns.Exists(f.names.network(n.id)) {
		if err := f.openNetwork(n); err != nil {
			return err
		}
		if err := f.unplug(ctx, n, id); err != nil {
			return err
		}
	}
	if err := f.docs.forget(kindPort, string(id)); err != nil {
		return err
	}
	trunk := id
	f.mu.Lock()
	if p := f.ports[id]; p != nil {
		trunk = trunkOf(p.doc)
	}
	delete(f.ports, id)
	f.mu.Unlock()
	f.configureServices(n)
	return f.wireTrunk(trunk)
}

// unplug removes the tap first, so that nothing passes without filters, then the
// filters and what connection tracking knows of the port's addresses.
func (f *Fabric) unplug(ctx context.Context, n *network, id spec.PortID) error {
	if err := n.ns.Do(func() error { return removeLink(tapName(id)) }); err != nil {
		return err
	}
	f.mu.Lock()
	p := f.ports[id]
	if p == nil {
		f.mu.Unlock()
		return nil
	}
	doc := p.doc
	delete(n.indexes, p.ifindex)
	p.ifindex, p.made = 0, false
	f.mu.Unlock()
	if err := f.applyRules(ctx, n, false); err != nil {
		return err
	}
	return n.ns.Do(func() error {
		return cut(func(k flow) bool {
			return slices.Contains(doc.Addresses, k.source) || slices.Contains(doc.Addresses, k.destination)
		})
	})
}

// removeStray looks for the tap of a port whose document is lost.
func (f *Fabric) removeStray(id spec.PortID) error {
	spaces, err := netns.List(f.names.prefix() + "net-")
	if err != nil {
		return err
	}
	for _, name := range spaces {
		if !netns.Exists(name) {
			continue
		}
		ns, err := netns.Open(netns.Path(name))
		if err != nil {
			return err
		}
		err = ns.Do(func() error { return removeLink(tapName(id)) })
		ns.Close()
		if err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.ports, id)
	return f.docs.forget(kindPort, string(id))
}

// PortStats is agent.Fabric. What the tap sent the guest has received.
func (f *Fabric) PortStats(ctx context.Context, id spec.PortID) (spec.NICStats, error) {
	f.mu.Lock()
	p := f.ports[id]
	var doc spec.Port
	if p != nil {
		doc = p.doc
	}
	f.mu.Unlock()
	if p == nil {
		return spec.NICStats{}, wrap(spec.ErrMissing, kindPort, string(id))
	}
	ns, err := netns.Open(netns.Path(f.names.network(doc.Network)))
	if err != nil {
		return spec.NICStats{}, wrap(spec.ErrMissing, kindPort, string(id))
	}
	defer ns.Close()
	stats := spec.NICStats{Port: id, MAC: doc.MAC}
	err = ns.Do(func() error { return tapStats(tapName(id), &stats) })
	return stats, wrap(err, kindPort, string(id))
}
