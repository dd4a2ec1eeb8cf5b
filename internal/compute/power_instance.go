package compute

import (
	"context"
	"errors"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Phases in which a guest may be running.
var living = []cloud.Phase{cloud.PhaseReady, cloud.PhaseResized, cloud.PhaseRescued}

// powerKind is a kind whose only work is to make the host follow the row. If that fails, the row
// follows the host: the instance is shown as it is, with the reason.
func (s *Service) powerKind(name string) operation.Kind {
	return operation.Kind{
		Name: name,
		// No undo: Settle takes the wanted power back to what was observed.
		Steps: []operation.Step{{Name: "guest", Do: s.startGuest}},
		Settle: s.settle(s.billPower, func(ctx context.Context, in *cloud.Instance, op *cloud.Operation) error {
			in.Power = settledPower(in.Observed.Power)
			return s.billPower(ctx, in, op)
		}),
	}
}

// settledPower is the wanted power that agrees with an observed one.
func settledPower(seen cloud.Power) cloud.Power {
	if slices.Contains([]cloud.Power{cloud.PowerOn, cloud.PowerPaused, cloud.PowerSuspended}, seen) {
		return seen
	}
	return cloud.PowerOff
}

// billPower also gives back the public addresses that a stopped instance does not keep.
func (s *Service) billPower(ctx context.Context, in *cloud.Instance, _ *cloud.Operation) error {
	if in.Power == cloud.PowerOff {
		return errors.Join(s.Network.TakePublic(ctx, in.ID), s.bill(ctx, in, cloud.UsageInstanceStopped))
	}
	return errors.Join(s.Network.GivePublic(ctx, in.ID), s.bill(ctx, in, cloud.UsageInstanceStarted))
}

func (s *Service) startKind() operation.Kind   { return s.restartKind("instance.start") }
func (s *Service) stopKind() operation.Kind    { return s.powerKind("instance.stop") }
func (s *Service) pauseKind() operation.Kind   { return s.powerKind("instance.pause") }
func (s *Service) unpauseKind() operation.Kind { return s.powerKind("instance.unpause") }
func (s *Service) suspendKind() operation.Kind { return s.powerKind("instance.suspend") }
func (s *Service) resumeKind() operation.Kind  { return s.restartKind("instance.resume") }

// rebootKind pulls the plug at once when the reboot is hard.
func (s *Service) rebootKind() operation.Kind {
	k := s.restartKind("instance.reboot")
	k.Steps[1].Do = func(ctx context.Context, op *cloud.Operation) error {
		p, err := operation.Params[rebootParams](op)
		if err != nil {
			return err
		}
		return s.ensureGuest(ctx, instanceID(op), func(g *spec.Guest) {
			if p.Hard {
				g.GraceDuration = 0
			}
		})
	}
	return k
}

// restartKind also makes sure of the ports: the host may have been restarted since they were plugged.
func (s *Service) restartKind(name string) operation.Kind {
	k := s.powerKind(name)
	k.Steps = append([]operation.Step{{Name: "network", Do: s.plugPorts}}, k.Steps...) // no undo: ports stay plugged while stopped
	return k
}

// StartInstance starts a stopped instance. Starting a running one is WrongState.
func (s *Service) StartInstance(ctx context.Context, id cloud.InstanceID) error {
	_, err := s.begin(ctx, id, verb{action: "instance.power", kind: "instance.start", needsUnlocked: true,
		phases: living, powers: []cloud.Power{cloud.PowerOff},
		change: func(ctx context.Context, in *cloud.Instance) error {
			in.Power = cloud.PowerOn
			in.BootSerial++
			return s.Network.GivePublic(ctx, in.ID)
		}})
	return err
}

// StopInstance asks the guest to shut down and, after its grace, pulls the plug.
func (s *Service) StopInstance(ctx context.Context, id cloud.InstanceID) error {
	_, err := s.begin(ctx, id, verb{action: "instance.power", kind: "instance.stop", needsUnlocked: true, stops: true,
		phases: append([]cloud.Phase{cloud.PhaseFailed}, living...), powers: []cloud.Power{cloud.PowerOn},
		change: wantPower(cloud.PowerOff)})
	return err
}

func wantPower(p cloud.Power) func(context.Context, *cloud.Instance) error {
	return func(_ context.Context, in *cloud.Instance) error {
		in.Power = p
		return nil
	}
}

// RebootInstance restarts the guest: softly (asked first, then the plug) or hard (the plug at once). A hard
// reboot is also the way out of a failure.
func (s *Service) RebootInstance(ctx context.Context, id cloud.InstanceID, hard bool) error {
	v := verb{action: "instance.power", kind: "instance.reboot", needsUnlocked: true, phases: pluggable, powers: []cloud.Power{cloud.PowerOn},
		params: rebootParams{Hard: hard},
		change: func(_ context.Context, in *cloud.Instance) error {
			if in.Phase == cloud.PhaseFailed {
				in.Phase = cloud.PhaseReady
			}
			in.Power = cloud.PowerOn
			in.BootSerial++
			return nil
		}}
	if hard {
		v.phases = append([]cloud.Phase{cloud.PhaseFailed}, pluggable...)
		v.powers = nil
	}
	_, err := s.begin(ctx, id, v)
	return err
}

type rebootParams struct {
	Hard bool `json:"hard"`
}

// PauseInstance stops the guest's CPUs; its memory stays.
func (s *Service) PauseInstance(ctx context.Context, id cloud.InstanceID) error {
	return s.power(ctx, id, "instance.pause", cloud.PowerOn, cloud.PowerPaused)
}

// UnpauseInstance lets the CPUs of a paused guest run again.
func (s *Service) UnpauseInstance(ctx context.Context, id cloud.InstanceID) error {
	return s.power(ctx, id, "instance.unpause", cloud.PowerPaused, cloud.PowerOn)
}

// SuspendInstance writes the guest's memory to disk and frees the host's.
func (s *Service) SuspendInstance(ctx context.Context, id cloud.InstanceID) error {
	return s.power(ctx, id, "instance.suspend", cloud.PowerOn, cloud.PowerSuspended)
}

// ResumeInstance brings a suspended guest back where it stopped.
func (s *Service) ResumeInstance(ctx context.Context, id cloud.InstanceID) error {
	return s.power(ctx, id, "instance.resume", cloud.PowerSuspended, cloud.PowerOn)
}

func (s *Service) power(ctx context.Context, id cloud.InstanceID, kind string, from, to cloud.Power) error {
	_, err := s.begin(ctx, id, verb{action: "instance.power", kind: kind, needsUnlocked: true, stops: to == cloud.PowerSuspended, phases: living,
		powers: []cloud.Power{from}, change: wantPower(to)})
	return err
}

// LockInstance keeps everybody but administrators from changing the instance. It may be repeated.
func (s *Service) LockInstance(ctx context.Context, id cloud.InstanceID, reason string) error {
	return s.setLock(ctx, id, func(in *cloud.Instance, by string) { in.Locked, in.LockedReason, in.LockedBy = true, reason, by })
}

// UnlockInstance ends a lock. What an administrator locked, only one unlocks.
func (s *Service) UnlockInstance(ctx context.Context, id cloud.InstanceID) error {
	return s.setLock(ctx, id, func(in *cloud.Instance, _ string) { in.Locked, in.LockedReason, in.LockedBy = false, "", "" })
}

func (s *Service) setLock(ctx context.Context, id cloud.InstanceID, change func(in *cloud.Instance, by string)) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		in, err := s.permitted(ctx, id, "instance.lock")
		if err != nil {
			return err
		}
		by := "owner"
		if cloud.PrincipalOf(ctx).ProjectID != in.ProjectID {
			by = "admin"
		}
		if in.Locked && in.LockedBy == "admin" && by == "owner" {
			if _, err := s.permitted(ctx, id, "instance.unlock_any"); err != nil {
				return err
			}
		}
		change(in, by)
		return s.Instances.Update(ctx, in)
	})
}

// ChangePassword refuses to set a password in a guest: ours have no channel to an agent in them. What else is wrong it says first.
func (s *Service) ChangePassword(ctx context.Context, id cloud.InstanceID) error {
	in, err := s.permitted(ctx, id, "instance.update")
	if err != nil {
		return err
	}
	if err := s.allowed(ctx, in, verb{kind: "instance.change_password", needsUnlocked: true,
		phases: []cloud.Phase{cloud.PhaseReady}, powers: []cloud.Power{cloud.PowerOn}}); err != nil {
		return err
	}
	return cloud.Errorf(cloud.WrongState, resource, id, "Failed to set a password on instance %s: the guest has no agent that could set it.", id)
}

// MayInterrupt answers an error if the caller may not interrupt an instance's guest, or it does not run.
func (s *Service) MayInterrupt(ctx context.Context, id cloud.InstanceID) error {
	in, err := s.permitted(ctx, id, "instance.power")
	if err != nil {
		return err
	}
	return s.allowed(ctx, in, verb{kind: "instance.interrupt", needsUnlocked: true,
		phases: []cloud.Phase{cloud.PhaseReady, cloud.PhaseRescued, cloud.PhaseResized, cloud.PhaseFailed}, powers: []cloud.Power{cloud.PowerOn, cloud.PowerPaused}})
}
