package compute

import (
	"context"
	"errors"
	"fmt"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Observe takes in what a guest did by itself: it powered off, crashed, came back. What an Operation is
// changing is left to the Operation.
func (s *Service) Observe(ctx context.Context, host cloud.HostID, status spec.GuestStatus) {
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		in, err := s.Instances.Get(ctx, cloud.InstanceID(status.ID))
		if gone(err) || err == nil && in.HostID != host {
			return nil // an orphan: the self-check removes it
		}
		if err != nil {
			return err
		}
		return s.applyObserved(ctx, in, status)
	})
	if err != nil {
		s.Log.Error("cannot record what a guest did", "guest", status.ID, "error", err)
	}
}

func (s *Service) applyObserved(ctx context.Context, in *cloud.Instance, status spec.GuestStatus) error {
	if status.HostRestarted && s.ResumeGuests && in.OperationID == "" && in.Phase != cloud.PhaseFailed && in.Power == cloud.PowerOn {
		return s.resumeAfterRestart(ctx, in, status)
	}
	was := in.Power
	in.Observed = cloud.Observed{Power: observedPower(status.State), Generation: in.Observed.Generation, At: s.Now(), Reason: status.Reason}
	if in.OperationID == "" {
		in.Power = settledPower(in.Observed.Power)
		if status.State == spec.GuestCrashed {
			in.Fault = &cloud.Fault{Kind: cloud.Unavailable, Message: "The guest's process ended unexpectedly.", Details: status.Reason, At: s.Now()}
		}
		if was != in.Power {
			if err := s.billPower(ctx, in, nil); err != nil {
				return err
			}
		}
		if endsWith(in, was, status) {
			return s.hold(ctx, in, "instance.delete", nil)
		}
	}
	return s.Instances.Update(ctx, in)
}

// endsWith tells whether the guest has powered itself off and takes its instance along.
func endsWith(in *cloud.Instance, was cloud.Power, status spec.GuestStatus) bool {
	return in.Options.DeleteOnShutdown && was == cloud.PowerOn && status.State == spec.GuestStopped &&
		status.BootSerial == in.BootSerial && !status.HostRestarted
}

// resumeAfterRestart starts a guest that ran when its host went down, as its owner wants it to run.
func (s *Service) resumeAfterRestart(ctx context.Context, in *cloud.Instance, status spec.GuestStatus) error {
	in.Observed = cloud.Observed{Power: cloud.PowerOff, Generation: in.Observed.Generation, At: s.Now(), Reason: status.Reason}
	in.BootSerial++
	return s.hold(ctx, in, "instance.start", nil)
}

// SyncHost sends a host all its guests, after its agent started. What an Operation holds is sent by it.
func (s *Service) SyncHost(ctx context.Context, host cloud.HostID) error {
	instances, err := s.Instances.List(ctx, cloud.Where(cloud.Eq("host_id", host)))
	if err != nil {
		return err
	}
	var failed []error
	for _, in := range instances {
		if in.OperationID != "" || in.Phase == cloud.PhaseFailed && in.Observed.Power == cloud.PowerUnknown {
			continue
		}
		if err := s.syncGuest(ctx, host, in.ID); err != nil {
			failed = append(failed, fmt.Errorf("instance %s: %w", in.ID, err))
		}
	}
	if err := errors.Join(failed...); err != nil {
		s.Log.Warn("some guests are not as wanted", "host", host, "error", err)
	}
	return nil
}

// syncGuest sends one document. A guest that ended while nobody watched is recorded as such, and started again only
// if it was its host that went down.
func (s *Service) syncGuest(ctx context.Context, host cloud.HostID, id cloud.InstanceID) error {
	in, g, err := s.guest(ctx, id)
	if gone(err) || err == nil && (in.OperationID != "" || in.HostID != host) {
		return nil // deleted, moved, or taken by an Operation since it was listed
	}
	if err != nil {
		return err
	}
	agent, err := s.Hosts.Agent(ctx, host)
	if err != nil {
		return err
	}
	status, err := agent.EnsureGuest(ctx, g)
	if err != nil {
		return err
	}
	if observedPower(status.State) != in.Observed.Power || !reached(g.Power, status.State) {
		s.Observe(ctx, host, status)
	}
	return s.told(ctx, in)
}

// Collect removes guests from a host that no instance stands for. inv was taken before the store is asked, and
// an instance's row is there before its guest, so what has no row now is an orphan.
func (s *Service) Collect(ctx context.Context, host cloud.HostID, inv spec.Inventory) error {
	for _, g := range inv.Guests {
		in, err := s.Instances.Get(ctx, cloud.InstanceID(g.ID))
		if err != nil && !gone(err) {
			return err
		}
		if err == nil && (in.HostID == host || in.OperationID != "") {
			continue
		}
		agent, err := s.Hosts.Agent(ctx, host)
		if err != nil {
			return err
		}
		s.Log.Warn("removing a guest that belongs to no instance", "guest", g.ID, "host", host)
		generation, err := s.Generation(ctx)
		if err == nil {
			err = agent.RemoveGuest(ctx, g.ID, generation)
		}
		if err != nil {
			return fmt.Errorf("remove orphan guest %s: %w", g.ID, err)
		}
	}
	return nil
}
