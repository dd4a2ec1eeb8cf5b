package network

import (
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// trunkOf makes a trunk on the first port that carries the others, with tags from 101.
func (w *world) trunkOf(parent cloud.PortID, branches ...cloud.PortID) *cloud.Trunk {
	w.t.Helper()
	r := TrunkRequest{Name: "t", PortID: parent}
	for i, id := range branches {
		r.Branches = append(r.Branches, BranchRequest{PortID: id, Tag: 101 + i})
	}
	return get(w.CreateTrunk(as("mine"), r))(w.t)
}

func (w *world) portOf(network cloud.NetworkID) *cloud.Port {
	w.t.Helper()
	return get(w.CreatePort(as("mine"), PortRequest{NetworkID: network}))(w.t)
}

// A port is in one trunk, once, with a tag of its own, and not deleted before it is out of it.
func TestTrunkRules(t *testing.T) {
	w := newWorld(t, "h1")
	mine := as("mine")
	n, _ := w.network(mine, "10.0.0.0/24")
	other, _ := w.network(mine, "10.0.1.0/24")
	a, b, c, d := w.portOf(n.ID), w.portOf(other.ID), w.portOf(other.ID), w.portOf(n.ID)
	trunk := w.trunkOf(a.ID, b.ID)
	refused := func(kind cloud.Kind, r BranchRequest) {
		t.Helper()
		_, err := w.AddBranches(mine, trunk.ID, []BranchRequest{r})
		wantKind(t, err, kind)
	}
	refused(cloud.InUse, BranchRequest{PortID: c.ID, Tag: 101})
	refused(cloud.InUse, BranchRequest{PortID: b.ID, Tag: 102})
	refused(cloud.InUse, BranchRequest{PortID: a.ID, Tag: 102})
	refused(cloud.NotFound, BranchRequest{PortID: "nobody", Tag: 102})
	refused(cloud.Invalid, BranchRequest{PortID: c.ID, Tag: 4095})
	refused(cloud.Invalid, BranchRequest{PortID: c.ID, Inherit: true})
	for _, taken := range []cloud.PortID{a.ID, b.ID} {
		_, err := w.CreateTrunk(mine, TrunkRequest{PortID: taken})
		wantKind(t, err, cloud.InUse)
		wantKind(t, w.DeletePort(mine, taken), cloud.InUse)
	}
	_, err := w.CreateTrunk(as("other"), TrunkRequest{PortID: d.ID})
	wantKind(t, err, cloud.NotFound)
	_, err = w.RemoveBranches(mine, trunk.ID, []cloud.PortID{c.ID})
	wantKind(t, err, cloud.NotFound)
	down := false
	get(w.UpdateTrunk(mine, trunk.ID, TrunkChange{AdminUp: &down}))(t)
	refused(cloud.WrongState, BranchRequest{PortID: c.ID, Tag: 102})
	wantKind(t, w.DeleteTrunk(mine, trunk.ID), cloud.WrongState)
	down = true
	get(w.UpdateTrunk(mine, trunk.ID, TrunkChange{AdminUp: &down}))(t)
	w.must(w.DeleteTrunk(mine, trunk.ID))
	w.must(w.DeletePort(mine, a.ID))
	w.must(w.DeletePort(mine, b.ID))
}

// Branches go where the port goes that carries them, are there while it is, and tell the trunk's status.
func TestBranchesFollowTheirTrunk(t *testing.T) {
	w := newWorld(t, "h1")
	mine := as("mine")
	n, _ := w.network(mine, "10.0.0.0/24")
	other, _ := w.network(mine, "10.0.1.0/24")
	_, ports := w.instance(mine, "i", "h1", n.ID)
	w.must(w.PlugInstance(mine, "i", "h1"))
	early, late := w.portOf(other.ID), w.portOf(other.ID)
	trunk := w.trunkOf(ports[0].ID, early.ID)
	w.branchIs("h1", early.ID, 101)
	get(w.AddBranches(mine, trunk.ID, []BranchRequest{{PortID: late.ID, Tag: 7}}))(t)
	w.branchIs("h1", late.ID, 7)
	w.trunkIs(trunk.ID, cloud.TrunkActive)
	get(w.RemoveBranches(mine, trunk.ID, []cloud.PortID{early.ID}))(t)
	w.portGone("h1", early.ID)
	w.must(w.UnplugInstance(as("mine"), "i", "h1"))
	w.portGone("h1", late.ID)
	w.trunkIs(trunk.ID, cloud.TrunkDown)
	w.must(w.PlugInstance(as("mine"), "i", "h1"))
	w.branchIs("h1", late.ID, 7)
	w.must(w.ReleaseInstancePorts(cloud.WithPrincipal(mine, cloud.System()), "i"))
	w.portGone("h1", late.ID)
	if p := get(w.Port(mine, ports[0].ID))(t); p.InstanceID != "" || p.HostID != "" {
		t.Errorf("the port that carries a trunk is kept as %+v, want it free", p)
	}
}

func (w *world) branchIs(host cloud.HostID, id cloud.PortID, tag int) {
	w.t.Helper()
	w.eventually("the branch on its host", func() (there bool) {
		w.hosts[host].with(func() {
			b := w.hosts[host].ports[spec.PortID(id)].Branch
			there = b != nil && b.Tag == tag
		})
		return there
	})
}

func (w *world) portGone(host cloud.HostID, id cloud.PortID) {
	w.t.Helper()
	w.eventually("the port off its host", func() (gone bool) {
		w.hosts[host].with(func() { _, there := w.hosts[host].ports[spec.PortID(id)]; gone = !there })
		return gone
	})
}

func (w *world) trunkIs(id cloud.TrunkID, want cloud.TrunkStatus) {
	w.t.Helper()
	w.eventually("the trunk "+string(want), func() bool { return get(w.Trunk(as("mine"), id))(w.t).Status == want })
}
