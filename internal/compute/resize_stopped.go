package compute

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// ResizeStopped gives a stopped instance another flavor, which it starts with. Nothing is copied and nothing waits to be confirmed:
// the disks stay as they are. called is the owner's name for the flavor, empty for its own. The flavor that it has succeeds.
func (s *Service) ResizeStopped(ctx context.Context, id cloud.InstanceID, flavor cloud.FlavorID, called string) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		in, err := s.permitted(ctx, id, "instance.resize")
		if err != nil {
			return err
		}
		if err := s.allowed(ctx, in, verb{kind: "instance.resize", needsUnlocked: true, phases: []cloud.Phase{cloud.PhaseReady}, powers: []cloud.Power{cloud.PowerOff}}); err != nil {
			return err
		}
		if err := s.takeFlavor(ctx, in, flavor, called); err != nil {
			return err
		}
		return s.Instances.Update(ctx, in)
	})
}

// takeFlavor counts what the flavor has more, against quota and the instance's host, and bills it.
func (s *Service) takeFlavor(ctx context.Context, in *cloud.Instance, flavor cloud.FlavorID, called string) error {
	f, err := s.usableFlavor(ctx, flavor)
	if err != nil {
		return err
	}
	if f.ID == in.Flavor.FlavorID {
		in.Flavor.Called = called
		return nil
	}
	if err := s.Quota.Reserve(ctx, in.ProjectID, growth(in.Flavor.FlavorSize, f.FlavorSize)); err != nil {
		return err
	}
	now := f.FlavorSize
	now.DiskGiB = 0 // no disk changes
	if err := s.claimGrowth(ctx, in, now); err != nil {
		return err
	}
	in.Flavor = cloud.FlavorSnapshot{FlavorID: f.ID, Name: f.Name, Called: called, FlavorSize: f.FlavorSize}
	return s.bill(ctx, in, cloud.UsageInstanceResized)
}
