package testcloud

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	fabricsim "github.com/nubo-cloud/nubo/internal/driver/fabric/sim"
	hypervisorsim "github.com/nubo-cloud/nubo/internal/driver/hypervisor/sim"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Leftovers lists everything on hosts that no row stands for, and every row that stands for nothing or is held by an
// Operation that is no more. Nothing must be under way. An empty answer is what every test wants to end with.
func (c *Cloud) Leftovers() []string {
	r, err := c.readRows()
	if err != nil {
		return []string{err.Error()}
	}
	l := &leftovers{rows: r}
	l.instances()
	l.volumes()
	l.volumeGroups()
	l.network()
	l.tunnels()
	l.domains(c)
	for _, op := range r.operations {
		if !op.State.Ended() || op.State == cloud.OperationStuck {
			l.add("operation %s %s on %s is %s: %+v", op.ID, op.Kind, op.Subject, op.State, op.Fault)
		}
	}
	for _, h := range c.hosts {
		l.host(h, r)
	}
	return l.found
}

// rows are all that Leftovers compares.
type rows struct {
	hosts       map[string]cloud.HostID
	instances   map[cloud.InstanceID]*cloud.Instance
	volumes     map[cloud.VolumeID]*cloud.Volume
	snapshots   map[cloud.SnapshotID]*cloud.Snapshot
	attachments []*cloud.Attachment
	images      map[cloud.ImageID]*cloud.Image
	ports       map[cloud.PortID]*cloud.Port
	addresses   []*cloud.AddressUse
	groups      map[cloud.SecurityGroupID]*cloud.SecurityGroup
	routers     map[cloud.RouterID]*cloud.Router
	vpns        map[cloud.VPNServiceID]*cloud.VPNService
	connections []*cloud.VPNConnection
	collections []*cloud.VolumeGroup
	together    []*cloud.GroupSnapshot
	operations  []*cloud.Operation // open and stuck ones
}

func index[T any, ID ~string](r cloud.Records[T, ID], id func(*T) ID, err *error) map[ID]*T {
	list := all(r, err)
	m := make(map[ID]*T, len(list))
	for _, x := range list {
		m[id(x)] = x
	}
	return m
}

func all[T any, ID ~string](r cloud.Records[T, ID], err *error) []*T {
	list, failed := r.List(context.Background(), cloud.Query{})
	if failed != nil {
		*err = failed
	}
	return list
}

func (c *Cloud) readRows() (r rows, err error) {
	s := c.Store
	r.hosts = map[string]cloud.HostID{}
	for _, h := range all(s.Hosts, &err) {
		r.hosts[h.Name] = h.ID
	}
	r.instances = index(s.Instances, func(x *cloud.Instance) cloud.InstanceID { return x.ID }, &err)
	r.volumes = index(s.Volumes, func(x *cloud.Volume) cloud.VolumeID { return x.ID }, &err)
	r.snapshots = index(s.Snapshots, func(x *cloud.Snapshot) cloud.SnapshotID { return x.ID }, &err)
	r.images = index(s.Images, func(x *cloud.Image) cloud.ImageID { return x.ID }, &err)
	r.ports = index(s.Ports, func(x *cloud.Port) cloud.PortID { return x.ID }, &err)
	r.groups = index(s.SecurityGroups, func(x *cloud.SecurityGroup) cloud.SecurityGroupID { return x.ID }, &err)
	r.routers = index(s.Routers, func(x *cloud.Router) cloud.RouterID { return x.ID }, &err)
	r.vpns = index(s.VPNServices, func(x *cloud.VPNService) cloud.VPNServiceID { return x.ID }, &err)
	r.connections = all(s.VPNConnections, &err)
	r.collections, r.together = all(s.VolumeGroups, &err), all(s.GroupSnapshots, &err)
	r.attachments, r.addresses = all(s.Attachments, &err), all(s.AddressUses, &err)
	ops, failed := s.Operations.List(context.Background(), cloud.Where(cloud.In("state", []string{"pending", "running", "unwinding", "stuck"})))
	if failed != nil {
		err = failed
	}
	r.operations = ops
	return r, err
}

type leftovers struct {
	rows
	found []string
}

func (l *leftovers) add(format string, args ...any) {
	l.found = append(l.found, fmt.Sprintf(format, args...))
}

func (l *leftovers) instances() {
	for _, in := range l.rows.instances {
		if in.OperationID != "" || in.Task != "" {
			l.add("instance %s is held by ended operation %s (%s)", in.ID, in.OperationID, in.Task)
		}
		if in.Phase == cloud.PhaseBuilding {
			l.add("instance %s is still building", in.ID)
		}
		if in.Phase == cloud.PhaseFailed && in.Fault == nil {
			l.add("instance %s failed without a reason", in.ID)
		}
		for _, d := range in.Disks {
			if !d.Local && !slices.ContainsFunc(l.attachments, func(a *cloud.Attachment) bool { return a.ID == d.AttachmentID }) && in.Phase != cloud.PhaseFailed {
				l.add("instance %s has volume %s without an attachment", in.ID, d.VolumeID)
			}
		}
	}
}

func (l *leftovers) volumes() {
	for _, v := range l.rows.volumes {
		if v.OperationID != "" || v.Task != "" || v.State == cloud.VolumeCreating || v.State == cloud.VolumeDeleting {
			l.add("volume %s is %s, held by ended operation %q (%s)", v.ID, v.State, v.OperationID, v.Task)
		}
		held := slices.ContainsFunc(l.attachments, func(a *cloud.Attachment) bool { return a.VolumeID == v.ID })
		if (v.State == cloud.VolumeReserved || v.State == cloud.VolumeAttached) && !held {
			l.add("volume %s is %s by nobody", v.ID, v.State)
		}
	}
	for _, s := range l.rows.snapshots {
		if s.OperationID != "" || s.State == cloud.VolumeCreating || s.State == cloud.VolumeDeleting {
			l.add("snapshot %s is %s, held by ended operation %q", s.ID, s.State, s.OperationID)
		}
	}
	for _, a := range l.attachments {
		in, there := l.rows.instances[a.InstanceID]
		if !there && !a.Manual {
			l.add("attachment %s of volume %s to instance %s, which is gone", a.ID, a.VolumeID, a.InstanceID)
		}
		if there && !slices.ContainsFunc(in.Disks, func(d cloud.InstanceDisk) bool { return d.VolumeID == a.VolumeID }) {
			l.add("attachment %s of volume %s (%s), which instance %s does not have", a.ID, a.VolumeID, a.State, a.InstanceID)
		}
		if a.State != "attached" && !a.Manual && (!there || in.Phase != cloud.PhaseFailed) {
			l.add("attachment %s of volume %s is still %s", a.ID, a.VolumeID, a.State)
		}
		if _, there := l.rows.volumes[a.VolumeID]; !there {
			l.add("attachment %s of volume %s, which is gone", a.ID, a.VolumeID)
		}
	}
	for _, i := range l.rows.images {
		if i.State == cloud.ImageSaving || i.State == cloud.ImageImporting {
			l.add("image %s (%s) is still %s", i.ID, i.Name, i.State)
		}
	}
}

func (l *leftovers) volumeGroups() {
	busy := func(noun string, id any, op cloud.OperationID, state cloud.VolumeState) {
		if op != "" || state == cloud.VolumeCreating || state == cloud.VolumeDeleting {
			l.add("%s %s is %s, held by ended operation %q", noun, id, state, op)
		}
	}
	for _, g := range l.collections {
		busy("group", g.ID, g.OperationID, g.State)
	}
	for _, n := range l.together {
		busy("group snapshot", n.ID, n.OperationID, n.State)
	}
}

func (l *leftovers) network() {
	for _, p := range l.ports {
		if p.Owner == cloud.OwnerInstance && l.rows.instances[p.InstanceID] == nil {
			l.add("port %s of instance %s, which is gone", p.ID, p.InstanceID)
		}
	}
	taken := map[string]cloud.PortID{}
	for _, a := range l.addresses {
		at := string(a.SubnetID) + " " + a.Address.String()
		if other, twice := taken[at]; twice {
			l.add("address %s is used by ports %s and %s", at, other, a.PortID)
		}
		taken[at] = a.PortID
		if l.ports[a.PortID] == nil {
			l.add("address %s is used by port %s, which is gone", at, a.PortID)
		}
	}
}

// host compares what is on a host with the rows.
func (l *leftovers) host(h *simulated, r rows) {
	id, ctx := r.hosts[h.name], context.Background()
	guests, err := hypervisorsim.New(hypervisorsim.Options{State: h.guests}).List(ctx)
	if err != nil {
		l.add("host %s: %v", h.name, err)
	}
	for _, g := range guests {
		if in := r.instances[cloud.InstanceID(g.ID)]; in == nil || in.HostID != id {
			l.add("guest %s (%s) on %s has no instance", g.ID, g.State, h.name)
		}
	}
	l.pool(ctx, h, r, id)
	f, err := fabricsim.New(h.fabric, fabricsim.Options{}).Inventory(ctx)
	if err != nil {
		l.add("host %s: %v", h.name, err)
	}
	for _, p := range f.Ports {
		if row := r.ports[cloud.PortID(p)]; row == nil || row.HostID != id {
			l.add("port %s on %s has no row there", p, h.name)
		}
	}
	l.standing(h, r, id, f.Networks, f.Groups, f.Routers)
	l.vpnsOn(h, id, f.VPNs)
}

// standing are the objects that must be on a host only while something there needs them.
func (l *leftovers) standing(h *simulated, r rows, id cloud.HostID, networks []spec.NetworkID, groups []spec.GroupID, routers []spec.RouterID) {
	for _, n := range networks {
		needed := false
		for _, p := range r.ports {
			needed = needed || p.NetworkID == cloud.NetworkID(n) && (p.HostID == id || p.RouterID != "")
		}
		if !needed {
			l.add("network %s on %s is needed by nobody", n, h.name)
		}
	}
	for _, g := range groups {
		if r.groups[cloud.SecurityGroupID(g)] == nil {
			l.add("security group %s on %s has no row", g, h.name)
		}
	}
	for _, x := range routers {
		if row := r.routers[cloud.RouterID(x)]; row == nil || row.HostID != id && !r.copied(row, id) {
			l.add("router %s on %s has no row there", x, h.name)
		}
	}
}

// copied tells whether a host has a port on a network of a distributed router, and so a copy of it.
func (r rows) copied(router *cloud.Router, id cloud.HostID) bool {
	inside := map[cloud.NetworkID]bool{}
	for _, p := range r.ports {
		if p.RouterID == router.ID && p.Owner == cloud.OwnerRouterCopy {
			inside[p.NetworkID] = true
		}
	}
	for _, p := range r.ports {
		if p.HostID == id && inside[p.NetworkID] {
			return true
		}
	}
	return false
}

func (l *leftovers) pool(ctx context.Context, h *simulated, r rows, id cloud.HostID) {
	inv, err := h.pool.Inventory(ctx)
	if err != nil {
		l.add("host %s: %v", h.name, err)
	}
	known := map[spec.VolumeID]bool{}
	here := func(host cloud.HostID) bool { return h.shared || host == id }
	for _, v := range r.volumes {
		known[spec.VolumeID(v.ID)] = here(v.HostID)
	}
	for _, in := range r.instances {
		for _, d := range append(slices.Clone(in.Disks), in.OldDisks...) {
			if d.Local {
				known[spec.VolumeID(d.VolumeID)] = here(in.HostID)
			}
		}
		known[spec.VolumeID(in.RescueDisk)] = here(in.HostID)
	}
	for _, v := range inv.Volumes {
		if !known[v] {
			l.add("volume %s on %s has no row there", v, h.name)
		}
	}
	for _, s := range inv.Snapshots {
		if row := r.snapshots[cloud.SnapshotID(s)]; row == nil || !here(row.HostID) {
			l.add("snapshot %s on %s has no row there", s, h.name)
		}
	}
	for _, i := range inv.Images {
		if r.images[cloud.ImageID(i)] == nil {
			l.add("image %s on %s has no row", i, h.name)
		}
	}
}

// Disagreements lists where the hosts are not as the rows of instances say, for a cloud on which nothing is under way.
func (c *Cloud) Disagreements() []string {
	r, err := c.readRows()
	if err != nil {
		return []string{err.Error()}
	}
	l := &leftovers{rows: r}
	guests := map[spec.GuestID]spec.GuestStatus{}
	volumes := map[string]bool{}
	for _, h := range c.hosts {
		list, err := hypervisorsim.New(hypervisorsim.Options{State: h.guests}).List(context.Background())
		if err != nil {
			l.add("%v", err)
		}
		for _, g := range list {
			guests[g.ID] = g
		}
		inv, err := h.pool.Inventory(context.Background())
		if err != nil {
			l.add("%v", err)
		}
		for _, v := range inv.Volumes {
			volumes[string(v)] = true
		}
	}
	for _, in := range r.instances {
		l.agrees(in, guests[spec.GuestID(in.ID)], volumes)
	}
	for _, v := range r.volumes {
		if !volumes[string(v.ID)] && v.State != cloud.VolumeFailed {
			l.add("volume %s is %s but its bytes are nowhere", v.ID, v.State)
		}
	}
	return l.found
}

func (l *leftovers) agrees(in *cloud.Instance, g spec.GuestStatus, volumes map[string]bool) {
	if in.Phase == cloud.PhaseFailed {
		return // it may be as it can, and says why
	}
	running := g.State == spec.GuestRunning
	if running != (in.Power == cloud.PowerOn) {
		l.add("instance %s is %s, wants power %s, has a guest that is %q", in.ID, in.Phase, in.Power, g.State)
	}
	if in.HostID == "" {
		return
	}
	for _, d := range in.Disks {
		if !volumes[string(d.VolumeID)] {
			l.add("instance %s (%s): the bytes of disk %s are nowhere", in.ID, in.Phase, d.VolumeID)
		}
		if running && !slices.Contains(g.Disks, spec.VolumeID(d.VolumeID)) {
			l.add("instance %s: its guest lacks disk %s", in.ID, d.VolumeID)
		}
	}
	if want := len(in.Disks) + len(strings.Fields(string(in.RescueDisk))); running && len(g.Disks) != want {
		l.add("instance %s: its guest has disks %v, wants %d", in.ID, g.Disks, want)
	}
	if !running {
		return
	}
	for _, p := range l.ports {
		if p.InstanceID == in.ID && !slices.Contains(g.NICs, spec.PortID(p.ID)) {
			l.add("instance %s: its guest lacks port %s", in.ID, p.ID)
		}
		if p.InstanceID == in.ID && !p.Up {
			l.add("instance %s: port %s is down", in.ID, p.ID)
		}
	}
}
