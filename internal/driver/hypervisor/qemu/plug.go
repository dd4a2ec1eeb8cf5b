package qemu

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/driver/hypervisor/qmp"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// PlugDisk implements agent.Hypervisor. Virtio and SCSI disks can be plugged.
func (d *Driver) PlugDisk(ctx context.Context, id spec.GuestID, disk agent.LaunchDisk) error {
	return d.withRunning(id, func(g *guest, r *run) error { return g.plugDisk(ctx, r, disk) })
}

// UnplugDisk implements agent.Hypervisor.
func (d *Driver) UnplugDisk(ctx context.Context, id spec.GuestID, v spec.VolumeID) error {
	return d.withRunning(id, func(g *guest, r *run) error {
		rec := g.record()
		s := rec.disk(v)
		if s == nil {
			return nil
		}
		if bus, _ := busOf(rec.Guest.Machine, s.Disk); rec.Guest.Machine == spec.MachineMicroVM ||
			bus == spec.BusIDE || bus == spec.BusSATA {
			return fmt.Errorf("unplug a disk on bus %s of %s: %w", bus, rec.Guest.Machine, spec.ErrNotSupported)
		}
		if err := r.unplug(ctx, diskID(s.Slot)); err != nil {
			return fmt.Errorf("guest %s: unplug volume %s: %w", id, v, err)
		}
		return g.dropDisk(ctx, r, *s)
	})
}

// PlugNIC implements agent.Hypervisor.
func (d *Driver) PlugNIC(ctx context.Context, id spec.GuestID, n agent.LaunchNIC) error {
	return d.withRunning(id, func(g *guest, r *run) error { return g.plugNIC(ctx, r, n) })
}

// UnplugNIC implements agent.Hypervisor.
func (d *Driver) UnplugNIC(ctx context.Context, id spec.GuestID, p spec.PortID) error {
	return d.withRunning(id, func(g *guest, r *run) error {
		rec := g.record()
		s := rec.nic(p)
		if s == nil {
			return nil
		}
		if rec.Guest.Machine == spec.MachineMicroVM {
			return fmt.Errorf("unplug a NIC of microvm: %w", spec.ErrNotSupported)
		}
		if err := r.unplug(ctx, nicID(s.Slot)); err != nil {
			return fmt.Errorf("guest %s: unplug port %s: %w", id, p, err)
		}
		return g.dropNIC(ctx, r, *s)
	})
}

func (g *guest) plugDisk(ctx context.Context, r *run, disk agent.LaunchDisk) error {
	rec := g.record()
	if rec.disk(disk.Disk.Volume) != nil {
		return nil
	}
	if rec.Guest.Machine == spec.MachineMicroVM {
		return fmt.Errorf("plug a disk into microvm: %w", spec.ErrNotSupported)
	}
	if disk.Disk.Bus == spec.BusSCSI && !rec.HasSCSI {
		return fmt.Errorf("plug a SCSI disk into a guest started without one: %w", spec.ErrNotSupported)
	}
	slot, err := rec.freeSlot()
	if err != nil {
		return err
	}
	s := diskSlot{Slot: slot, LaunchDisk: disk}
	device, err := g.d.diskDevice(rec.Guest.Machine, s, nil)
	if err != nil {
		return err
	}
	// The slot is recorded before the device exists: a successor that finds no
	// device in it frees it, while a device without a slot would be lost.
	if err := g.change(func(rec *record) { rec.Disks = append(rec.Disks, s) }); err != nil {
		return err
	}
	err = g.openNodes(ctx, r, s.node(), s.set(), disk.Source, disk.Disk.ReadOnly || disk.Disk.CDROM)
	if err == nil {
		err = r.mon.Execute(ctx, "device_add", device, nil)
	}
	if err == nil {
		err = limitDisks(ctx, r.mon, []diskSlot{s})
	}
	if err != nil {
		return errors.Join(fmt.Errorf("guest %s: plug volume %s: %w", g.id, disk.Disk.Volume, err),
			g.dropDisk(context.WithoutCancel(ctx), r, s))
	}
	return nil
}

// openNodes passes the files of a chain to QEMU and builds its nodes on them. On failure
// none of them stays.
func (g *guest) openNodes(ctx context.Context, r *run, name string, set int, src spec.BlockSource, readOnly bool) error {
	nodes, files, err := g.d.chain(name, set, src, readOnly)
	if err != nil {
		return err
	}
	open, err := openAll(files, src)
	if err != nil {
		return err
	}
	defer closeAll(open)
	for i, f := range open {
		if err = r.mon.ExecuteFile(ctx, "add-fd", object{"fdset-id": files[i].Set}, f, nil); err != nil {
			break
		}
	}
	if err == nil {
		err = r.lendKey(ctx, name, src)
	}
	for _, n := range nodes {
		if err == nil {
			err = r.mon.Execute(ctx, "blockdev-add", n, nil)
		}
	}
	r.dropKey(context.WithoutCancel(ctx), name, src)
	if err != nil {
		g.closeNodes(context.WithoutCancel(ctx), r, names(nodes), set)
	}
	return err
}

// closeNodes closes block nodes, top first, and the descriptors below them. Those that
// are not there are passed over.
func (g *guest) closeNodes(ctx context.Context, r *run, names []string, set int) error {
	var first error
	for _, n := range names {
		if err := g.closeNode(ctx, r, n); err != nil && first == nil {
			first = err
		}
	}
	for s := set; s <= set+1; s++ {
		r.mon.Execute(ctx, "remove-fd", object{"fdset-id": s}, nil) // not there if there is no base
	}
	return first
}

// releaseMax is how long QEMU may take to let go of a node after it said that its device is gone: it
// frees devices when no thread can see them any more, and tells nobody when that was.
const releaseMax = 3 * time.Second

func (g *guest) closeNode(ctx context.Context, r *run, name string) error {
	for end := time.Now().Add(releaseMax); ; {
		err := r.mon.Execute(ctx, "blockdev-del", object{"node-name": name}, nil)
		if err == nil || !g.hasNode(ctx, r, name) {
			return nil
		}
		if ctx.Err() != nil || time.Now().After(end) {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (g *guest) hasNode(ctx context.Context, r *run, name string) bool {
	_, err := nodeSize(ctx, r.mon, name)
	return err == nil
}

// dropDisk closes the bytes of a disk whose device is gone and frees its slot.
func (g *guest) dropDisk(ctx context.Context, r *run, s diskSlot) error {
	nodes, _, err := g.d.chain(s.node(), s.set(), s.Source, true)
	if err == nil {
		err = g.closeNodes(ctx, r, names(nodes), s.set())
	}
	return errors.Join(err, g.change(func(rec *record) { rec.dropDisk(s.Slot) }))
}

func (g *guest) plugNIC(ctx context.Context, r *run, n agent.LaunchNIC) error {
	rec := g.record()
	if rec.nic(n.NIC.Port) != nil {
		return nil
	}
	if rec.Guest.Machine == spec.MachineMicroVM {
		return fmt.Errorf("plug a NIC into microvm: %w", spec.ErrNotSupported)
	}
	slot, err := rec.freeSlot()
	if err != nil {
		return err
	}
	s := nicSlot{slot, n}
	device, err := g.d.nicDevice(rec.Guest.Machine, s, false)
	if err != nil {
		return err
	}
	if err := g.change(func(rec *record) { rec.NICs = append(rec.NICs, s) }); err != nil {
		return err
	}
	err = g.addNetdev(ctx, r, s, rec.Accel)
	if err == nil {
		err = r.mon.Execute(ctx, "device_add", device, nil)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("guest %s: plug port %s: %w", g.id, n.NIC.Port, err),
			g.dropNIC(context.WithoutCancel(ctx), r, s))
	}
	return nil
}

func (g *guest) addNetdev(ctx context.Context, r *run, s nicSlot, accel string) error {
	tap, err := openTap(s.Tap, s.Namespace)
	if err != nil {
		return err
	}
	defer tap.Close()
	name := netdevID(s.Slot)
	o := object{"type": "tap", "id": name, "fd": name}
	if err := getFD(ctx, r.mon, name, tap); err != nil {
		return err
	}
	if vhost := g.d.openVhost(accel); vhost != nil {
		defer vhost.Close()
		if err := getFD(ctx, r.mon, name+"-vhost", vhost); err != nil {
			return err
		}
		o["vhost"], o["vhostfd"] = true, name+"-vhost"
	}
	return r.mon.Execute(ctx, "netdev_add", o, nil)
}

func getFD(ctx context.Context, mon *qmp.Client, name string, f *os.File) error {
	return mon.ExecuteFile(ctx, "getfd", object{"fdname": name}, f, nil)
}

// dropNIC lets go of the tap of a NIC whose device is gone and frees its slot.
func (g *guest) dropNIC(ctx context.Context, r *run, s nicSlot) error {
	r.mon.Execute(ctx, "netdev_del", object{"id": netdevID(s.Slot)}, nil) // not there if plugging failed early
	return g.change(func(rec *record) { rec.dropNIC(s.Slot) })
}

// unplug asks the guest for a device until it has let go. A guest that is booting may miss
// the request, so it is repeated.
func (r *run) unplug(ctx context.Context, device string) error {
	events, cancel := r.mon.Listen("DEVICE_DELETED", "DEVICE_UNPLUG_GUEST_ERROR")
	defer cancel()
	for {
		err := r.mon.Execute(ctx, "device_del", object{"id": device}, nil)
		if qmp.IsClass(err, "DeviceNotFound") {
			return nil
		}
		// Any other refusal means that the last request is still under way.
		if err != nil && !qmp.IsClass(err, "GenericError") {
			return busyIfOver(ctx, err)
		}
		gone, err := r.awaitDeleted(ctx, events, device)
		if gone || err != nil {
			return err
		}
	}
}

// awaitDeleted waits a while for the guest to let go; neither gone nor an error means ask again.
func (r *run) awaitDeleted(ctx context.Context, events <-chan qmp.Event, device string) (gone bool, err error) {
	short, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	e, err := r.mon.Await(short, events, func(e qmp.Event) bool {
		var data struct{ Device string }
		json.Unmarshal(e.Data, &data)
		return data.Device == device
	})
	switch {
	case err == nil && e.Name == "DEVICE_DELETED":
		return true, nil
	case err == nil:
		return false, fmt.Errorf("the guest refused: %w", spec.ErrBusy)
	case ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded):
		return false, busyIfOver(ctx, err)
	}
	return false, nil
}

func busyIfOver(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("the guest has not let go: %w", spec.ErrBusy)
	}
	return err
}
