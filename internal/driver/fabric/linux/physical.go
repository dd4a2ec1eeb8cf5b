package linux

import (
	"fmt"

	"github.com/vishvananda/netlink"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/vlan"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// A network on a physical network is joined to the host by a veth pair, as external ones are; on the host its end
// is in no bridge: frames pass between it and the NIC by their tag, so many networks share a NIC with each other and the host.

// nicOf is the NIC of the host that reaches the physical network of a network, empty for none.
func (f *Fabric) nicOf(doc spec.Network) string { return f.options.NICs[doc.Physical] }

// ensurePhysical joins a network to its NIC.
func (f *Fabric) ensurePhysical(n *network, doc spec.Network, nic string) error {
	f.hostLock.Lock()
	defer f.hostLock.Unlock()
	if err := f.joinHost(n, doc); err != nil {
		return err
	}
	return f.host.Do(func() error {
		if _, err := carryFrames(f.names.hostUplink(doc.ID), f.names.mark(kindUplink, string(doc.ID)), mtu(doc), true); err != nil {
			return err
		}
		return f.wireNIC(nic)
	})
}

// wireNIC makes frames pass between a NIC and the networks on it, on the host. hostLock is held.
func (f *Fabric) wireNIC(nic string) error {
	trunk, err := findLink(nic)
	if err != nil {
		return err
	}
	if trunk == nil {
		return fmt.Errorf("its interface %s is not on this host: %w", nic, spec.ErrMissing)
	}
	branches, err := joinAll(trunk, f.uplinksOn(nic))
	if err != nil {
		return err
	}
	if len(branches) == 0 {
		return vlan.Unsplit(trunk)
	}
	if err := netlink.SetPromiscOn(trunk); err != nil { // guests' MACs are not the NIC's
		return err
	}
	if err := netlink.LinkSetUp(trunk); err != nil {
		return err
	}
	return vlan.Split(trunk, branches, vlan.PassStrays)
}

// uplinksOn are the tags of the networks on a NIC, by their links on the host.
func (f *Fabric) uplinksOn(nic string) map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	tags := map[string]int{}
	for id, n := range f.networks {
		if f.nicOf(n.doc) == nic {
			tags[f.names.hostUplink(id)] = n.doc.Tag
		}
	}
	return tags
}
