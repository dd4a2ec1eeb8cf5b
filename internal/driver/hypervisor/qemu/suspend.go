package qemu

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/driver/hypervisor/qmp"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Suspend implements agent.Hypervisor. If it fails the guest goes on as it was.
func (d *Driver) Suspend(ctx context.Context, id spec.GuestID) error {
	g, err := d.find(id)
	if err != nil {
		return err
	}
	g.ops.Lock()
	defer g.ops.Unlock()
	if g.record().Phase == phaseSuspended {
		return nil
	}
	r, err := g.running()
	if err != nil {
		return err
	}
	r.ask(true)
	wasRunning := g.status().State == spec.GuestRunning
	if err := g.saveMemory(ctx, r); err != nil {
		r.ask(false)
		g.removeMemory()
		if wasRunning {
			err = errors.Join(err, r.mon.Execute(context.WithoutCancel(ctx), "cont", nil, nil))
		}
		return fmt.Errorf("suspend guest %s: %w", id, err)
	}
	d.quit(r)
	<-r.gone
	return nil
}

// saveMemory writes the memory file whole, then records that the guest is suspended.
func (g *guest) saveMemory(ctx context.Context, r *run) error {
	if err := r.mon.Execute(ctx, "stop", nil, nil); err != nil {
		return err
	}
	version, err := machineVersion(ctx, r.mon, g.record().Guest.Machine)
	if err != nil {
		return err
	}
	part := filepath.Join(g.dir, "memory.part")
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := migrateTo(ctx, r.mon, f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(part, filepath.Join(g.dir, "memory")); err != nil {
		return err
	}
	return g.change(func(rec *record) {
		rec.Phase, rec.Reason, rec.MachineVersion = phaseSuspended, "", version
	})
}

func (g *guest) removeMemory() error {
	os.Remove(filepath.Join(g.dir, "memory.part"))
	err := os.Remove(filepath.Join(g.dir, "memory"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// machineVersion is the versioned name of a board: "q35" means another board in another QEMU.
func machineVersion(ctx context.Context, mon *qmp.Client, m spec.Machine) (string, error) {
	var all []struct{ Name, Alias string }
	if err := mon.Execute(ctx, "query-machines", nil, &all); err != nil {
		return "", err
	}
	for _, v := range all {
		if v.Alias == string(m) {
			return v.Name, nil
		}
	}
	return string(m), nil // microvm has no versions
}

// migrateTo writes the state of a stopped guest into f.
func migrateTo(ctx context.Context, mon *qmp.Client, f *os.File) error {
	events, cancel := mon.Listen("MIGRATION")
	defer cancel()
	if err := mon.Execute(ctx, "migrate-set-capabilities", object{"capabilities": []object{
		{"capability": "events", "state": true}}}, nil); err != nil {
		return err
	}
	// Nothing else competes: the default of 128 MiB/s is made for networks.
	if err := mon.Execute(ctx, "migrate-set-parameters", object{"max-bandwidth": int64(16) << 30}, nil); err != nil {
		return err
	}
	if err := mon.ExecuteFile(ctx, "getfd", object{"fdname": "memory"}, f, nil); err != nil {
		return err
	}
	if err := mon.Execute(ctx, "migrate", object{"uri": "fd:memory"}, nil); err != nil {
		return err
	}
	e, err := mon.Await(ctx, events, func(e qmp.Event) bool {
		s := migrationStatus(e)
		return s == "completed" || s == "failed" || s == "cancelled"
	})
	if err != nil {
		mon.Execute(context.WithoutCancel(ctx), "migrate_cancel", nil, nil)
		return err
	}
	if s := migrationStatus(e); s != "completed" {
		return migrationError(ctx, mon, s)
	}
	return nil
}

func migrationError(ctx context.Context, mon *qmp.Client, status string) error {
	var info struct {
		Desc string `json:"error-desc"`
	}
	mon.Execute(ctx, "query-migrate", nil, &info)
	return fmt.Errorf("writing memory %s: %s", status, info.Desc)
}

// restore starts a suspended guest from its memory. The board is as it was then;
// where the bytes of disks and NICs are now is looked up in l. What l adds is plugged in afterwards.
func (g *guest) restore(ctx context.Context, before record, l agent.Launch, paused bool) error {
	next := before
	next.Guest.BootSerial, next.Guest.Generation = l.Guest.BootSerial, l.Guest.Generation
	next.Guest.GraceDuration, next.Guest.Name = l.Guest.GraceDuration, l.Guest.Name
	next.Kernel, next.Initramfs, next.Config = l.Kernel, l.Initramfs, l.ConfigDrive
	if (before.Config == "") != (l.ConfigDrive == "") {
		next.Config = before.Config
	}
	addedDisks, addedNICs, err := rewire(&next, l)
	if err != nil {
		return fmt.Errorf("guest %s: %w", g.id, err)
	}
	if err := g.launch(ctx, before, next, paused); err != nil {
		return err
	}
	r := g.current()
	for _, d := range addedDisks {
		if err := g.plugDisk(ctx, r, d); err != nil {
			return err
		}
	}
	for _, n := range addedNICs {
		if err := g.plugNIC(ctx, r, n); err != nil {
			return err
		}
	}
	return nil
}

// rewire points the slots of a record at today's files and taps, and tells what l has besides.
func rewire(r *record, l agent.Launch) (disks []agent.LaunchDisk, nics []agent.LaunchNIC, err error) {
	r.Disks = append([]diskSlot(nil), r.Disks...)
	r.NICs = append([]nicSlot(nil), r.NICs...)
	known := 0
	for _, d := range l.Disks {
		if s := r.disk(d.Disk.Volume); s != nil {
			s.Source, s.Was = d.Source, nil
			known++
		} else {
			disks = append(disks, d)
		}
	}
	for _, n := range l.NICs {
		if s := r.nic(n.NIC.Port); s != nil {
			s.Tap, s.Namespace = n.Tap, n.Namespace
			known++
		} else {
			nics = append(nics, n)
		}
	}
	if known != len(r.Disks)+len(r.NICs) {
		return nil, nil, fmt.Errorf("it was suspended with disks or NICs that are not there now: %w", spec.ErrInvalid)
	}
	return disks, nics, nil
}
