package agent

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// start looks up everything a guest needs and starts it. Its volumes are locked meanwhile,
// so that nobody copies or grows one under the hypervisor's hands.
func (a *Agent) start(ctx context.Context, g spec.Guest) error {
	unlock, err := a.lockVolumes(ctx, g.Disks)
	if err != nil {
		return err
	}
	defer unlock()
	l, err := a.launch(ctx, g)
	if err != nil {
		return err
	}
	return a.Hypervisor.Start(ctx, l, g.Power == spec.PowerPaused)
}

// lockVolumes locks in the order of ids, so that two guests with common disks cannot wait for each other.
func (a *Agent) lockVolumes(ctx context.Context, disks []spec.Disk) (func(), error) {
	ids := make([]string, 0, len(disks))
	for _, d := range disks {
		ids = append(ids, string(d.Volume))
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	var held []func()
	release := func() {
		for _, f := range held {
			f()
		}
	}
	for _, id := range ids {
		unlock, err := a.volumeLocks.lock(ctx, id)
		if err != nil {
			release()
			return nil, err
		}
		held = append(held, unlock)
	}
	return release, nil
}

func (a *Agent) launch(ctx context.Context, g spec.Guest) (Launch, error) {
	l := Launch{Guest: g}
	for _, d := range g.Disks {
		disk, err := a.launchDisk(ctx, d)
		if err != nil {
			return l, err
		}
		l.Disks = append(l.Disks, disk)
	}
	for _, n := range g.NICs {
		nic, err := a.launchNIC(n)
		if err != nil {
			return l, err
		}
		l.NICs = append(l.NICs, nic)
	}
	if err := a.launchKernel(ctx, g, &l); err != nil {
		return l, err
	}
	if g.ConfigDrive {
		return l, a.launchConfigDrive(ctx, g, &l)
	}
	return l, nil
}

func (a *Agent) launchDisk(ctx context.Context, d spec.Disk) (LaunchDisk, error) {
	source, err := a.Block.Source(ctx, d.Volume)
	if err != nil {
		return LaunchDisk{}, fmt.Errorf("open volume %s: %w", d.Volume, err)
	}
	source.Key, d.Key = d.Key, "" // only the source has it, which hypervisors do not write down
	return LaunchDisk{Disk: d, Source: source}, nil
}

func (a *Agent) launchNIC(n spec.NIC) (LaunchNIC, error) {
	a.mu.Lock()
	tap, ok := a.taps[n.Port]
	a.mu.Unlock()
	if !ok {
		return LaunchNIC{}, fmt.Errorf("port %s is not plugged on this host: %w", n.Port, spec.ErrMissing)
	}
	return LaunchNIC{NIC: n, Tap: tap.Name, Namespace: tap.Namespace}, nil
}

func (a *Agent) launchKernel(ctx context.Context, g spec.Guest, l *Launch) (err error) {
	if g.Kernel == nil {
		return nil
	}
	if l.Kernel, err = a.Block.ImagePath(ctx, g.Kernel.Kernel); err != nil {
		return fmt.Errorf("find kernel: %w", err)
	}
	if g.Kernel.Initramfs == "" {
		return nil
	}
	if l.Initramfs, err = a.Block.ImagePath(ctx, g.Kernel.Initramfs); err != nil {
		return fmt.Errorf("find initramfs: %w", err)
	}
	return nil
}

func (a *Agent) launchConfigDrive(ctx context.Context, g spec.Guest, l *Launch) error {
	path := a.configDrivePath(g.ID)
	if err := os.MkdirAll(filepath.Dir(path), 0o711); err != nil {
		return fmt.Errorf("write config drive: %w", err)
	}
	if err := a.ConfigDrive(ctx, path, g.Metadata); err != nil {
		return fmt.Errorf("write config drive: %w", err)
	}
	l.ConfigDrive = path
	return nil
}
