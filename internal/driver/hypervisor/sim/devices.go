package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/spec"
)

func find(disks []agent.LaunchDisk, v spec.VolumeID) int {
	return slices.IndexFunc(disks, func(d agent.LaunchDisk) bool { return d.Disk.Volume == v })
}

func findNIC(nics []agent.LaunchNIC, p spec.PortID) int {
	return slices.IndexFunc(nics, func(n agent.LaunchNIC) bool { return n.NIC.Port == p })
}

// pluggable runs f on a guest that devices can be plugged into.
func (d *Driver) pluggable(id spec.GuestID, f func(*guest) error) error {
	return d.lookAlive(id, func(g *guest) error {
		if g.launch.Guest.Machine == spec.MachineMicroVM {
			return fmt.Errorf("plugging into microvm: %w", spec.ErrNotSupported)
		}
		return f(g)
	})
}

// PlugDisk implements agent.Hypervisor.
func (d *Driver) PlugDisk(ctx context.Context, id spec.GuestID, disk agent.LaunchDisk) error {
	if err := disk.Source.CheckKey(); err != nil {
		return err
	}
	return d.change(ctx, id, "plug disk", d.opts.ChangeDelay, func() error {
		return d.pluggable(id, func(g *guest) error {
			if find(g.launch.Disks, disk.Disk.Volume) < 0 {
				g.launch.Disks = append(g.launch.Disks, disk)
			}
			return nil
		})
	})
}

// UnplugDisk implements agent.Hypervisor. A paused guest lets nothing go.
func (d *Driver) UnplugDisk(ctx context.Context, id spec.GuestID, v spec.VolumeID) error {
	return d.unplug(ctx, id, "unplug disk", func(g *guest) (bool, func()) {
		i := find(g.launch.Disks, v)
		return i >= 0, func() { g.launch.Disks = slices.Delete(slices.Clone(g.launch.Disks), i, i+1) }
	})
}

// PlugNIC implements agent.Hypervisor.
func (d *Driver) PlugNIC(ctx context.Context, id spec.GuestID, n agent.LaunchNIC) error {
	return d.change(ctx, id, "plug NIC", d.opts.ChangeDelay, func() error {
		return d.pluggable(id, func(g *guest) error {
			if findNIC(g.launch.NICs, n.NIC.Port) < 0 {
				g.launch.NICs = append(g.launch.NICs, n)
			}
			return nil
		})
	})
}

// UnplugNIC implements agent.Hypervisor. A paused guest lets nothing go.
func (d *Driver) UnplugNIC(ctx context.Context, id spec.GuestID, p spec.PortID) error {
	return d.unplug(ctx, id, "unplug NIC", func(g *guest) (bool, func()) {
		i := findNIC(g.launch.NICs, p)
		return i >= 0, func() { g.launch.NICs = slices.Delete(slices.Clone(g.launch.NICs), i, i+1) }
	})
}

// unplug removes what device finds, if it finds it.
func (d *Driver) unplug(ctx context.Context, id spec.GuestID, name string, device func(*guest) (bool, func())) error {
	deaf := false
	err := d.change(ctx, id, name, d.opts.ChangeDelay, func() error {
		return d.pluggable(id, func(g *guest) error {
			there, remove := device(g)
			if deaf = there && g.state == spec.GuestPaused; there && !deaf {
				remove()
			}
			return nil
		})
	})
	if err == nil && deaf {
		<-ctx.Done()
		return fmt.Errorf("the guest has not let go: %w", spec.ErrBusy)
	}
	return err
}

// ResizeDisk implements agent.Hypervisor.
func (d *Driver) ResizeDisk(ctx context.Context, id spec.GuestID, v spec.VolumeID, sizeBytes int64) error {
	return d.change(ctx, id, "resize disk", d.opts.ChangeDelay, func() error {
		return d.withDisk(id, v, func(g *guest) error {
			if g.sizes == nil {
				g.sizes = map[spec.VolumeID]int64{}
			}
			if sizeBytes < g.sizes[v] {
				return fmt.Errorf("shrink volume %s: %w", v, spec.ErrNotSupported)
			}
			g.sizes[v] = sizeBytes
			return nil
		})
	})
}

// CopyDisk implements agent.Hypervisor. There are no bytes to copy.
func (d *Driver) CopyDisk(ctx context.Context, id spec.GuestID, v spec.VolumeID, target spec.BlockSource) error {
	return d.change(ctx, id, "copy disk", d.opts.ChangeDelay, func() error {
		return d.withDisk(id, v, func(*guest) error { return nil })
	})
}

// SwapDisk implements agent.Hypervisor. There are no bytes to copy.
func (d *Driver) SwapDisk(ctx context.Context, id spec.GuestID, old spec.VolumeID, next agent.LaunchDisk) error {
	if err := next.Source.CheckKey(); err != nil {
		return err
	}
	return d.change(ctx, id, "swap disk", d.opts.ChangeDelay, func() error {
		return d.look(id, func(g *guest) error {
			if find(g.launch.Disks, next.Disk.Volume) >= 0 {
				return nil
			}
			i := find(g.launch.Disks, old)
			if i < 0 || !g.alive() {
				return fmt.Errorf("guest %s: volume %s: %w", id, old, spec.ErrMissing)
			}
			g.launch.Disks = slices.Clone(g.launch.Disks)
			g.launch.Disks[i] = next
			return nil
		})
	})
}

// MoveDisk implements agent.Hypervisor. There are no bytes to copy.
func (d *Driver) MoveDisk(ctx context.Context, id spec.GuestID, v spec.VolumeID, to spec.BlockSource, settle agent.Settle) error {
	if err := to.CheckKey(); err != nil {
		return err
	}
	return d.change(ctx, id, "move disk", d.opts.ChangeDelay, func() error {
		return d.withDisk(id, v, func(g *guest) error {
			i := find(g.launch.Disks, v)
			has := g.launch.Disks[i].Source
			if err := settle(ctx, to); err != nil {
				return errors.Join(err, settle(ctx, has))
			}
			g.launch.Disks = slices.Clone(g.launch.Disks)
			g.launch.Disks[i].Source = to
			return nil
		})
	})
}

func (d *Driver) withDisk(id spec.GuestID, v spec.VolumeID, f func(*guest) error) error {
	return d.lookAlive(id, func(g *guest) error {
		if find(g.launch.Disks, v) < 0 {
			return fmt.Errorf("guest %s: volume %s: %w", id, v, spec.ErrMissing)
		}
		return f(g)
	})
}

// Stats implements agent.Hypervisor. The guest uses a tenth of its CPUs, writes 4 KiB and
// sends a packet each second.
func (d *Driver) Stats(ctx context.Context, id spec.GuestID) (s spec.GuestStats, err error) {
	err = d.lookAlive(id, func(g *guest) error {
		s = g.stats(d.clock.Now().Sub(g.startedAt))
		return ctx.Err()
	})
	return s, err
}

func (g *guest) stats(up time.Duration) spec.GuestStats {
	memory := g.launch.Guest.MemoryBytes
	s := spec.GuestStats{MemoryBytes: memory, ResidentBytes: memory / 2, Uptime: up}
	for range g.launch.Guest.CPUs {
		s.CPUs = append(s.CPUs, up/10)
		s.CPUTime += up / 10
	}
	seconds := int64(up / time.Second)
	for _, d := range g.launch.Disks {
		n := seconds + g.writes
		s.Disks = append(s.Disks, spec.DiskStats{Volume: d.Disk.Volume, ReadBytes: 64 << 20, ReadCount: 2000,
			WriteBytes: n << 12, WriteCount: n, FlushCount: n / 10})
	}
	for _, n := range g.launch.NICs {
		s.NICs = append(s.NICs, spec.NICStats{Port: n.NIC.Port, MAC: n.NIC.MAC, ReceivedBytes: seconds * 120,
			SentBytes: seconds * 80, ReceivedPackets: seconds, SentPackets: seconds})
	}
	return s
}
