package compute

import (
	"context"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// deletePatience is how long a delete goes on trying before it tells its owner that it could not.
const deletePatience = 30 * time.Minute

// DeleteInstance removes an instance from any state, on any host, also one that is down. What is
// being done to it is cancelled. It may be repeated.
func (s *Service) DeleteInstance(ctx context.Context, id cloud.InstanceID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		in, err := s.permitted(ctx, id, "instance.delete")
		if err != nil {
			return err
		}
		if in.Locked && !policy.May(ctx, "instance.unlock_any", target(in)) {
			return cloud.Errorf(cloud.WrongState, resource, id, "Instance %s is locked", id)
		}
		if in.Task == "instance.delete" {
			return nil
		}
		if err := checkDeletable(in); err != nil {
			return err
		}
		if err := s.cancelAll(ctx, id); err != nil {
			return err
		}
		return s.hold(ctx, in, "instance.delete", nil)
	})
}

// beingDeleted tells whether an instance is gone or its deletion waits.
func (s *Service) beingDeleted(ctx context.Context, id cloud.InstanceID) (bool, error) {
	in, err := s.Instances.Get(ctx, id)
	if gone(err) {
		return true, nil
	}
	return err == nil && in.Task == "instance.delete", err
}

// cancelAll ends whatever is being done, or waits to be done, to an instance.
func (s *Service) cancelAll(ctx context.Context, id cloud.InstanceID) error {
	ops, err := s.Operations.List(ctx, cloud.Where(cloud.Eq("subject", subject(id)), cloud.Eq("ended", false)))
	if err != nil {
		return err
	}
	for _, op := range ops {
		if err := s.Engine.Cancel(ctx, op.ID); err != nil {
			return err
		}
	}
	return nil
}

// deleteKind only goes forward: a step that fails is tried again until the deadline, after which the instance
// is failed, with the reason, and can be deleted again.
func (s *Service) deleteKind() operation.Kind {
	return operation.Kind{
		Name:     "instance.delete",
		Deadline: deletePatience,
		Steps: []operation.Step{
			{Name: "guest", Do: s.removeGuest, Forward: true},
			{Name: "network", Do: s.unplugForDelete},
			{Name: "disks", Do: s.removeDisks},
			{Name: "images", Do: s.removeShelvedImage},
		},
		Settle: s.settleDelete,
	}
}

// unplugForDelete leaves taps on a host that is not reachable to the self-check.
func (s *Service) unplugForDelete(ctx context.Context, op *cloud.Operation) error {
	in, err := s.Instances.Get(ctx, instanceID(op))
	if gone(err) || in != nil && in.HostID == "" {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := s.Hosts.Agent(ctx, in.HostID); cloud.Is(err, cloud.Unavailable) {
		return nil
	}
	return s.Network.UnplugInstance(ctx, in.ID, in.HostID)
}

func (s *Service) removeShelvedImage(ctx context.Context, op *cloud.Operation) error {
	in, err := s.Instances.Get(ctx, instanceID(op))
	if gone(err) || in != nil && in.ShelvedImage == "" {
		return nil
	}
	if err != nil {
		return err
	}
	return s.Image.Discard(ctx, in.ShelvedImage)
}

// settleDelete removes the row with everything that was the instance's alone.
func (s *Service) settleDelete(ctx context.Context, op *cloud.Operation) error {
	in, err := s.Instances.Get(ctx, instanceID(op))
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if op.State != cloud.OperationSucceeded {
		in.Phase, in.Fault, in.OperationID, in.Task = cloud.PhaseFailed, op.Fault, "", ""
		return s.Instances.Update(ctx, in)
	}
	if err := s.Network.ReleaseInstancePorts(ctx, in.ID); err != nil {
		return err
	}
	if err := s.bill(ctx, in, cloud.UsageInstanceRemoved); err != nil {
		return err
	}
	s.freed(ctx, in.HostID)
	s.freed(ctx, in.OldHostID)
	if err := s.setMigration(ctx, in.ID, cloud.MigrationFailed); err != nil {
		return err
	}
	if err := s.bury(ctx, in); err != nil {
		return err
	}
	return s.Instances.Delete(ctx, in.ID)
}
