package linux

import (
	"fmt"

	"github.com/vishvananda/netlink"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/vlan"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// A port that is a branch of another has a veth pair where others have a tap. Its outer end is in its own network's bridge,
// under the name that the tap would have, so that filters, limits and metadata are those of any port. The inner
// end stands beside the parent's tap, and frames pass between the two by their tag:
//
//	+- network of the parent ------+      +- network of the branch -+
//	|  br --- tap… == vlan == brn… -------- tap… --- br             |
//	+-----------|------------------+      +-------------------------+
//	          guest

const kindBranch = "branch"

func checkBranch(p spec.Port) error {
	b := p.Branch
	if b == nil {
		return nil
	}
	if b.Tag < vlan.TagMin || b.Tag > vlan.TagMax {
		return fmt.Errorf("tag %d: %w", b.Tag, spec.ErrInvalid)
	}
	if b.Parent == p.ID {
		return fmt.Errorf("a branch of itself: %w", spec.ErrInvalid)
	}
	return checkID(kindPort, string(b.Parent))
}

// trunkOf is the port whose tap carries a port's frames.
func trunkOf(p spec.Port) spec.PortID {
	if p.Branch != nil {
		return p.Branch.Parent
	}
	return p.ID
}

// ensureBranch makes the pair, its outer end down, and gives that end's index. The network is locked.
func (f *Fabric) ensureBranch(n *network, doc spec.Port, size int) (index int, err error) {
	f.trunks.Lock()
	defer f.trunks.Unlock()
	inside, err := f.spaceOf(doc.Branch.Parent)
	if err != nil {
		return 0, err
	}
	defer inside.Close()
	var inner netlink.Link
	if err := inside.Do(func() (err error) {
		inner, err = findLink(branchName(doc.ID))
		return err
	}); err != nil {
		return 0, err
	}
	err = n.ns.Do(func() (err error) {
		index, err = outerEnd(doc.ID, f.names.mark(kindPort, string(doc.ID)), size, inner != nil, inside)
		return err
	})
	if err != nil {
		return 0, err
	}
	return index, inside.Do(func() error {
		_, err := carryFrames(branchName(doc.ID), f.names.mark(kindBranch, string(doc.ID)), size, true)
		return err
	})
}

// spaceOf opens the namespace that a port's tap is in.
func (f *Fabric) spaceOf(id spec.PortID) (*netns.Handle, error) {
	f.mu.Lock()
	var name string
	if p := f.ports[id]; p != nil {
		name = f.names.network(p.doc.Network)
	}
	f.mu.Unlock()
	if name == "" || !netns.Exists(name) {
		return nil, fmt.Errorf("port %s: %w", id, spec.ErrMissing)
	}
	return netns.Open(netns.Path(name))
}

// outerEnd makes the pair unless both ends are where they belong.
func outerEnd(id spec.PortID, mark string, size int, whole bool, inside *netns.Handle) (int, error) {
	name := tapName(id)
	l, err := findLink(name)
	if err != nil {
		return 0, err
	}
	if l != nil && whole {
		return l.Attrs().Index, nil
	}
	if err := removeLink(name); err != nil {
		return 0, err
	}
	if err := inside.Do(func() error { return removeLink(branchName(id)) }); err != nil {
		return 0, err
	}
	if err := addPair(name, branchName(id), size, nil, inside); err != nil {
		return 0, err
	}
	return carryFrames(name, mark, size, false)
}

// wireTrunk makes frames pass between a port's tap and its branches, and no others. It may be called for any port.
func (f *Fabric) wireTrunk(id spec.PortID) error {
	f.trunks.Lock()
	defer f.trunks.Unlock()
	tags := f.branchesOf(id)
	inside, err := f.spaceOf(id)
	if err != nil {
		return nil // it is wired when it is here
	}
	defer inside.Close()
	return inside.Do(func() error {
		tap, err := findLink(tapName(id))
		if tap == nil || err != nil {
			return err
		}
		if len(tags) == 0 {
			return vlan.Unsplit(tap)
		}
		branches, err := joinAll(tap, tags)
		if err != nil {
			return err
		}
		return vlan.Split(tap, branches, vlan.DropStrays)
	})
}

// branchesOf are the tags of a port's branches, by their inner ends.
func (f *Fabric) branchesOf(id spec.PortID) map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	tags := map[string]int{}
	for branch, p := range f.ports {
		if b := p.doc.Branch; b != nil && b.Parent == id {
			tags[branchName(branch)] = b.Tag
		}
	}
	return tags
}

// joinAll hands what comes in at branches to their trunk, and answers them by tag. It leaves out those that are not made
// yet: each has the trunk wired again when it is.
func joinAll(trunk netlink.Link, tags map[string]int) (map[int]netlink.Link, error) {
	branches := map[int]netlink.Link{}
	for name, tag := range tags {
		l, err := findLink(name)
		if err != nil {
			return nil, err
		}
		if l == nil {
			continue
		}
		if err := vlan.Join(l, trunk, tag); err != nil {
			return nil, err
		}
		branches[tag] = l
	}
	return branches, nil
}
