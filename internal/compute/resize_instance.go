package compute

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/placement"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// ResizeInstance gives an instance another flavor. It then waits to be confirmed or reverted; until
// then the old root disk is kept. growRoot, if not nil, changes the instance's GrowRoot.
func (s *Service) ResizeInstance(ctx context.Context, id cloud.InstanceID, flavor cloud.FlavorID, growRoot *bool) error {
	_, err := s.begin(ctx, id, verb{action: "instance.resize", kind: "instance.resize", needsUnlocked: true,
		phases: []cloud.Phase{cloud.PhaseReady}, powers: []cloud.Power{cloud.PowerOn, cloud.PowerOff},
		change: func(ctx context.Context, in *cloud.Instance) error {
			if growRoot != nil {
				in.GrowRoot = *growRoot
			}
			return s.planResize(ctx, in, flavor)
		},
		finish: func(ctx context.Context, in *cloud.Instance) error {
			return s.openMigration(ctx, in, cloud.MigrationResize)
		}})
	return err
}

func (s *Service) planResize(ctx context.Context, in *cloud.Instance, flavor cloud.FlavorID) error {
	f, err := s.usableFlavor(ctx, flavor)
	if err != nil {
		return err
	}
	if f.ID == in.Flavor.FlavorID {
		return cloud.Invalidf(resource, "flavorRef", "When resizing, instances must change flavor!")
	}
	if in.Disks[0].Local && f.DiskGiB != 0 && int64(f.DiskGiB)*gib < in.Disks[0].SizeBytes {
		return cloud.Invalidf(resource, "flavorRef", "Resize to a flavor with a smaller disk is not possible.")
	}
	old := in.Flavor
	if err := s.Quota.Reserve(ctx, in.ProjectID, growth(old.FlavorSize, f.FlavorSize)); err != nil {
		return err
	}
	if err := s.claimGrowth(ctx, in, f.FlavorSize); err != nil {
		return err
	}
	in.OldFlavor = &old
	in.Flavor = cloud.FlavorSnapshot{FlavorID: f.ID, Name: f.Name, FlavorSize: f.FlavorSize}
	s.planResizedRoot(in)
	if in.Power == cloud.PowerOn {
		in.BootSerial++
	}
	return nil
}

func growth(old, now cloud.FlavorSize) map[string]int64 {
	return map[string]int64{
		cloud.QuotaVCPUs:     int64(now.VCPUs - old.VCPUs),
		cloud.QuotaMemoryMiB: int64(now.MemoryMiB - old.MemoryMiB),
	}
}

// claimGrowth makes sure that the host has room for what the new flavor has more.
func (s *Service) claimGrowth(ctx context.Context, in *cloud.Instance, now cloud.FlavorSize) error {
	old := in.Flavor.FlavorSize
	req := placement.Request{VCPUs: max(0, now.VCPUs-old.VCPUs), MemoryMiB: max(0, now.MemoryMiB-old.MemoryMiB)}
	if in.Disks[0].Local {
		req.DiskGiB = now.DiskGiB // the old root disk is kept until the resize is confirmed
	}
	fits, c, err := s.claim(ctx, req, in.HostID, counted{})
	if err != nil {
		return err
	}
	if !fits || now.VCPUs > c.VCPUsMax {
		return cloud.Errorf(cloud.NoCapacity, resource, in.ID, "No valid host found for resize: the instance's host has %s.", placement.Reject(req, c))
	}
	return nil
}

// planResizedRoot gives the instance a new root disk, a copy of the old one, if it has to grow.
func (s *Service) planResizedRoot(in *cloud.Instance) {
	in.OldDisks = append([]cloud.InstanceDisk(nil), in.Disks...)
	root := in.Disks[0]
	if !root.Local || int64(in.Flavor.DiskGiB)*gib <= root.SizeBytes {
		return
	}
	root.VolumeID, root.SizeBytes = cloud.VolumeID(cloud.NewID()), int64(in.Flavor.DiskGiB)*gib
	in.Disks = append([]cloud.InstanceDisk{root}, in.Disks[1:]...)
}

func (s *Service) resizeKind() operation.Kind {
	return operation.Kind{
		Name: "instance.resize",
		Steps: []operation.Step{
			{Name: "stop guest", Do: s.stopForCopy, Undo: s.backToOldFlavor},
			{Name: "disks", Do: s.copyRoot},                        // no undo: backToOldFlavor removes the copy
			{Name: "network", Do: s.plugPorts},                     // no undo: ports stay plugged
			{Name: "guest", Do: s.startGuest, Undo: s.removeGuest}, // with the new size
		},
		Settle: s.settle(func(ctx context.Context, in *cloud.Instance, _ *cloud.Operation) error {
			in.Phase = cloud.PhaseResized
			if err := s.setMigration(ctx, in.ID, cloud.MigrationWaiting); err != nil {
				return err
			}
			return s.bill(ctx, in, cloud.UsageInstanceResized)
		}, s.migrationFailed),
	}
}

// stopForCopy stops the guest as its owner would, so that its disk can be copied, and takes its process
// away so that it starts with the new size.
func (s *Service) stopForCopy(ctx context.Context, op *cloud.Operation) error {
	in, g, err := s.guest(ctx, instanceID(op))
	if err != nil {
		return err
	}
	agent, err := s.Hosts.Agent(ctx, in.HostID)
	if err != nil {
		return err
	}
	g.Power = spec.PowerOff
	if _, err := agent.EnsureGuest(ctx, g); err != nil {
		return hostError(err, resource, string(in.ID))
	}
	return agent.RemoveGuest(ctx, g.ID, g.Generation)
}

// copyRoot makes the larger root disk from the old one.
func (s *Service) copyRoot(ctx context.Context, op *cloud.Operation) error {
	in, err := s.Instances.Get(ctx, instanceID(op))
	if err != nil {
		return err
	}
	if len(in.OldDisks) == 0 || in.OldDisks[0].VolumeID == in.Disks[0].VolumeID {
		return nil
	}
	agent, err := s.Hosts.Agent(ctx, in.HostID)
	if err != nil {
		return err
	}
	v := spec.Volume{ID: spec.VolumeID(in.Disks[0].VolumeID), Generation: 1, SizeBytes: in.Disks[0].SizeBytes, Volume: spec.VolumeID(in.OldDisks[0].VolumeID)}
	if _, err := agent.EnsureVolume(ctx, v); err != nil {
		return hostError(err, "volume", string(in.Disks[0].VolumeID))
	}
	return nil
}

// backToOldFlavor undoes a resize in row and host and starts the guest as it was.
func (s *Service) backToOldFlavor(ctx context.Context, op *cloud.Operation) error {
	if err := s.removeGuest(ctx, op); err != nil {
		return err
	}
	if err := s.restoreOld(ctx, instanceID(op)); err != nil {
		return err
	}
	return s.startAgain(ctx, op)
}

// restoreOld removes the larger root disk and puts flavor and disks of before the resize back. No guest must have the disk.
func (s *Service) restoreOld(ctx context.Context, id cloud.InstanceID) error {
	in, err := s.Instances.Get(ctx, id)
	if gone(err) || err == nil && in.OldFlavor == nil {
		return nil
	}
	if err != nil {
		return err
	}
	if newRoot(in) {
		if err := s.removeLocal(ctx, in, []cloud.VolumeID{in.Disks[0].VolumeID}); err != nil {
			return err
		}
	}
	_, err = s.update(ctx, id, func(in *cloud.Instance) error {
		if in.OldFlavor == nil {
			return nil
		}
		in.Flavor, in.OldFlavor = *in.OldFlavor, nil
		if newRoot(in) {
			// Only the root disk is taken back: volumes may have been attached or detached since.
			in.Disks = append([]cloud.InstanceDisk{in.OldDisks[0]}, in.Disks[1:]...)
		}
		in.OldDisks = nil
		return nil
	})
	return unlessGone(err)
}

// newRoot tells whether a resize gave the instance another root disk than it had.
func newRoot(in *cloud.Instance) bool {
	return len(in.OldDisks) > 0 && in.Disks[0].VolumeID != in.OldDisks[0].VolumeID
}

// ConfirmResize keeps the new flavor and removes the old root disk.
func (s *Service) ConfirmResize(ctx context.Context, id cloud.InstanceID) error {
	_, err := s.begin(ctx, id, verb{action: "instance.resize", kind: "instance.confirm_resize", needsUnlocked: true,
		phases: []cloud.Phase{cloud.PhaseResized}})
	return err
}

func (s *Service) confirmResizeKind() operation.Kind {
	return operation.Kind{
		Name:  "instance.confirm_resize",
		Steps: []operation.Step{{Name: "old disk", Do: s.removeOldDisks, Forward: true}}, // it was agreed to
		Settle: s.settle(func(ctx context.Context, in *cloud.Instance, _ *cloud.Operation) error {
			s.freed(ctx, in.OldHostID)
			in.Phase, in.OldFlavor, in.OldDisks, in.OldHostID = cloud.PhaseReady, nil, nil, ""
			return s.setMigration(ctx, in.ID, cloud.MigrationCompleted)
		}, nil),
	}
}

// RevertResize goes back to the old flavor and the disk as it was before the resize.
func (s *Service) RevertResize(ctx context.Context, id cloud.InstanceID) error {
	_, err := s.begin(ctx, id, verb{action: "instance.resize", kind: "instance.revert_resize", needsUnlocked: true,
		phases: []cloud.Phase{cloud.PhaseResized},
		change: func(ctx context.Context, in *cloud.Instance) error {
			if in.Power == cloud.PowerOn {
				in.BootSerial++
			}
			if err := s.setMigration(ctx, in.ID, cloud.MigrationReverting); err != nil {
				return err
			}
			return s.Quota.Reserve(ctx, in.ProjectID, growth(in.Flavor.FlavorSize, in.OldFlavor.FlavorSize))
		}})
	return err
}

// goBack returns an instance that a migration moved to the host that it left.
func (s *Service) goBack(ctx context.Context, op *cloud.Operation) error {
	in, err := s.Instances.Get(ctx, instanceID(op))
	if gone(err) || err == nil && in.OldHostID == "" {
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.unplugPorts(ctx, op); err != nil {
		return err
	}
	return s.returnRow(ctx, in.ID)
}

// revertResizeKind has no undos: going back is itself the undo, and what fails is tried again.
func (s *Service) revertResizeKind() operation.Kind {
	return operation.Kind{
		Name: "instance.revert_resize",
		Steps: []operation.Step{
			{Name: "remove guest", Do: s.removeGuest},
			{Name: "old flavor", Do: func(ctx context.Context, op *cloud.Operation) error { return s.restoreOld(ctx, instanceID(op)) }},
			{Name: "old host", Do: s.goBack},
			{Name: "network", Do: s.plugPorts},
			{Name: "guest", Do: s.startGuest},
		},
		Settle: s.settle(func(ctx context.Context, in *cloud.Instance, _ *cloud.Operation) error {
			in.Phase = cloud.PhaseReady
			if err := s.setMigration(ctx, in.ID, cloud.MigrationReverted); err != nil {
				return err
			}
			return s.bill(ctx, in, cloud.UsageInstanceResized)
		}, fails),
	}
}
