package compute

import (
	"context"
	"fmt"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// verb is what all changes of an instance have in common: who may, from which states, and
// which Operation carries it out.
type verb struct {
	action policy.Action
	kind   string
	// operation is the id the Operation gets, if something names it before it starts; empty: a new one.
	operation cloud.OperationID
	// phases and powers from which it is allowed; empty: any.
	phases []cloud.Phase
	powers []cloud.Power
	// needsUnlocked refuses a locked instance (administrators may all the same).
	needsUnlocked bool
	// plug verbs may wait behind each other: two volumes can be attached at once.
	plug bool
	// stops verbs leave the guest without its CPUs: a protected instance refuses them.
	stops  bool
	params any
	// change alters the row in the transaction that starts the Operation; nil: nothing.
	change func(ctx context.Context, in *cloud.Instance) error
	// finish, if set, runs in the same transaction after the row was written.
	finish func(ctx context.Context, in *cloud.Instance) error
}

func subject(id cloud.InstanceID) string { return "instance/" + string(id) }

func instanceID(op *cloud.Operation) cloud.InstanceID {
	return cloud.InstanceID(operation.SubjectID(op))
}

// begin checks a verb against an instance and starts its Operation, in one transaction.
func (s *Service) begin(ctx context.Context, id cloud.InstanceID, v verb) (*cloud.Instance, error) {
	var in *cloud.Instance
	err := s.Tx.Update(ctx, func(ctx context.Context) (err error) {
		if in, err = s.permitted(ctx, id, v.action); err != nil {
			return err
		}
		if err := s.allowed(ctx, in, v); err != nil {
			return err
		}
		if v.change != nil {
			if err := v.change(ctx, in); err != nil {
				return err
			}
		}
		if err := s.holdAs(ctx, in, v.kind, v.params, v.operation); err != nil {
			return err
		}
		if v.finish != nil {
			return v.finish(ctx, in)
		}
		return nil
	})
	return in, err
}

// permitted answers the instance if the caller may do the action on it.
func (s *Service) permitted(ctx context.Context, id cloud.InstanceID, a policy.Action) (*cloud.Instance, error) {
	in, err := s.Instances.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return in, policy.Authorize(ctx, a, target(in))
}

func target(in *cloud.Instance) policy.Target {
	return policy.Target{Resource: resource, ID: string(in.ID), ProjectID: in.ProjectID, UserID: in.UserID}
}

func (s *Service) allowed(ctx context.Context, in *cloud.Instance, v verb) error {
	if in.Locked && v.needsUnlocked && !policy.May(ctx, "instance.unlock_any", target(in)) {
		return cloud.Errorf(cloud.WrongState, resource, in.ID, "Instance %s is locked", in.ID)
	}
	if v.stops {
		if err := checkStoppable(in); err != nil {
			return err
		}
	}
	if in.OperationID != "" && !(v.plug && PlugTasks[in.Task]) {
		return cloud.Errorf(cloud.WrongState, resource, in.ID, "Cannot '%s' instance %s while it is in task_state %s",
			v.kind, in.ID, in.Task)
	}
	if in.Phase == cloud.PhaseFailed && in.LaunchedAt == nil {
		// It has no disks, and its volumes may be others' by now.
		return cloud.Errorf(cloud.WrongState, resource, in.ID, "Cannot '%s' instance %s, which could not be created: it can only be deleted", v.kind, in.ID)
	}
	if len(v.phases) > 0 && !slices.Contains(v.phases, in.Phase) {
		return cloud.Errorf(cloud.WrongState, resource, in.ID, "Cannot '%s' instance %s while it is in vm_state %s", v.kind, in.ID, in.Phase)
	}
	if len(v.powers) > 0 && !slices.Contains(v.powers, in.Power) {
		return cloud.Errorf(cloud.WrongState, resource, in.ID, "Cannot '%s' instance %s while it is %s", v.kind, in.ID, powerWord(in.Power))
	}
	return s.Volume.Still(ctx, volumesOf(in))
}

func powerWord(p cloud.Power) string {
	switch p {
	case cloud.PowerOn:
		return "active"
	case cloud.PowerOff:
		return "stopped"
	}
	return string(p)
}

// hold starts an Operation on the instance and writes the row as held by it.
func (s *Service) hold(ctx context.Context, in *cloud.Instance, kind string, params any) error {
	return s.holdAs(ctx, in, kind, params, "")
}

func (s *Service) holdAs(ctx context.Context, in *cloud.Instance, kind string, params any, id cloud.OperationID) error {
	op, err := s.Engine.Start(ctx, operation.Request{ID: id, Kind: kind, Subject: subject(in.ID), Params: params, ProjectID: in.ProjectID})
	if err != nil {
		return err
	}
	if in.OperationID == "" {
		in.HeldPower = in.Observed.Power
	}
	in.OperationID, in.Task, in.Progress = op.ID, kind, 0
	return s.Instances.Update(ctx, in)
}

// update changes an instance's row in a transaction of its own. Steps use it; what
// f does must be right when repeated.
func (s *Service) update(ctx context.Context, id cloud.InstanceID, f func(in *cloud.Instance) error) (*cloud.Instance, error) {
	var in *cloud.Instance
	err := s.Tx.Update(ctx, func(ctx context.Context) (err error) {
		if in, err = s.Instances.Get(ctx, id); err != nil {
			return err
		}
		if err := f(in); err != nil {
			return err
		}
		return s.Instances.Update(ctx, in)
	})
	return in, err
}

// settle is the Settle of most kinds: it lets go of the instance and runs done or failed on
// the row. An instance that is gone, or was taken over by another Operation since (its deletion), is left alone; plugs
// follow one another without taking over.
func (s *Service) settle(done, failed func(ctx context.Context, in *cloud.Instance, op *cloud.Operation) error) operation.Func {
	return func(ctx context.Context, op *cloud.Operation) error {
		in, err := s.Instances.Get(ctx, instanceID(op))
		if cloud.Is(err, cloud.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if in.OperationID != op.ID && !PlugTasks[op.Kind] {
			return nil
		}
		f := failed
		if op.State == cloud.OperationSucceeded {
			f = done
		} else {
			in.Fault = op.Fault
		}
		if f != nil {
			if err := f(ctx, in, op); err != nil {
				return fmt.Errorf("settle %s: %w", op.Kind, err)
			}
		}
		if op.State == cloud.OperationSucceeded && in.Phase != cloud.PhaseFailed {
			in.Fault = nil
		}
		if in.OperationID == op.ID {
			in.OperationID, in.Task, in.Progress = "", "", 0
		}
		return s.Instances.Update(ctx, in)
	}
}

// fails is the usual second argument of settle: the instance is in error.
func fails(_ context.Context, in *cloud.Instance, op *cloud.Operation) error {
	in.Phase = cloud.PhaseFailed
	return nil
}

// PlugTasks are the kinds that plug or unplug something; they do not change what an instance can be asked.
var PlugTasks = map[string]bool{"instance.attach_volume": true, "instance.detach_volume": true,
	"instance.attach_port": true, "instance.detach_port": true}
