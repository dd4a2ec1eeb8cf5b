package ec2

import (
	"context"
	"encoding/base64"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

func (a *api) powerActions() []*action {
	return []*action{
		serve("StartInstances", a.startInstances, "InstanceIds"),
		serve("StopInstances", a.stopInstances, "InstanceIds -Force Hibernate -SkipOsShutdown"),
		done("RebootInstances", a.rebootInstances, "InstanceIds"),
		serve("TerminateInstances", a.terminateInstances, "InstanceIds -Force -SkipOsShutdown"),
		serve("GetConsoleOutput", a.getConsoleOutput, "InstanceId -Latest"),
		serve("GetPasswordData", a.getPasswordData, "InstanceId"),
	}
}

// instancesOf are the instances of ids, also ended ones; without ids, all that live.
func (a *api) instancesOf(ctx context.Context, ids []string) ([]*cloud.Instance, error) {
	if len(ids) == 0 {
		return a.instances(ctx)
	}
	views, err := find(ctx, instanceIDs, ids, a.allInstances, viewID)
	instances := make([]*cloud.Instance, len(views))
	for i, v := range views {
		instances[i] = v.Instance
	}
	return instances, err
}

// changeStates does something to instances, to all or to none, and tells their states before and after.
func (a *api) changeStates(ctx context.Context, ids []string, change func(ctx context.Context, in *cloud.Instance) error) ([]shape.InstanceStateChange, error) {
	var changes []shape.InstanceStateChange
	err := a.Network.Together(ctx, func(ctx context.Context) error {
		before, err := a.instancesOf(ctx, ids)
		if err != nil {
			return err
		}
		for _, in := range before {
			if err := change(ctx, in); err != nil {
				return err
			}
		}
		after, err := a.instancesOf(ctx, ids)
		if err != nil {
			return err
		}
		changes = make([]shape.InstanceStateChange, len(before))
		for i, in := range before {
			was, is := stateOf(in), stateOf(after[i])
			changes[i] = shape.InstanceStateChange{InstanceId: id(instanceIDs, in.ID), PreviousState: &was, CurrentState: &is}
		}
		return nil
	})
	return changes, err
}

// startInstances leaves alone what runs already, or is about to.
func (a *api) startInstances(ctx context.Context, in *shape.StartInstancesRequest) (*shape.StartInstancesResult, error) {
	changes, err := a.changeStates(ctx, in.InstanceIds, func(ctx context.Context, i *cloud.Instance) error {
		switch stateOf(i).Name {
		case running.Name, pending.Name:
			return nil
		case stopped.Name:
			return a.start(ctx, i)
		}
		return wrongState(i, "started")
	})
	return &shape.StartInstancesResult{StartingInstances: changes}, err
}

// start is the way from each kind of being stopped.
func (a *api) start(ctx context.Context, in *cloud.Instance) error {
	switch {
	case in.Phase == cloud.PhaseShelved, in.Phase == cloud.PhaseOffloaded:
		return a.Compute.UnshelveInstance(ctx, in.ID, compute.UnshelveRequest{})
	case in.Power == cloud.PowerSuspended:
		return a.Compute.ResumeInstance(ctx, in.ID)
	}
	return a.Compute.StartInstance(ctx, in.ID)
}

func wrongState(in *cloud.Instance, verb string) error {
	return bad("IncorrectInstanceState", "The instance '%s' is not in a state from which it can be %s: it is %s.", id(instanceIDs, in.ID), verb, stateOf(in).Name)
}

// stopInstances leaves alone what is stopped already, or is about to be. Every stop here ends with the plug, once the guest has had its
// time: there is nothing more to force.
func (a *api) stopInstances(ctx context.Context, in *shape.StopInstancesRequest) (*shape.StopInstancesResult, error) {
	if in.Hibernate != nil && *in.Hibernate {
		return nil, unsupported("Hibernation is not supported by this cloud: stop without it.")
	}
	changes, err := a.changeStates(ctx, in.InstanceIds, func(ctx context.Context, i *cloud.Instance) error {
		switch stateOf(i).Name {
		case stopped.Name, stopping.Name:
			return nil
		case running.Name:
			return a.Compute.StopInstance(ctx, i.ID)
		}
		return wrongState(i, "stopped")
	})
	return &shape.StopInstancesResult{StoppingInstances: changes}, err
}

func (a *api) rebootInstances(ctx context.Context, in *shape.RebootInstancesRequest) error {
	_, err := a.changeStates(ctx, in.InstanceIds, func(ctx context.Context, i *cloud.Instance) error {
		if stateOf(i).Name != running.Name {
			return wrongState(i, "rebooted")
		}
		return a.Compute.RebootInstance(ctx, i.ID, false)
	})
	return err
}

// terminateInstances may be repeated: what has ended stays ended.
func (a *api) terminateInstances(ctx context.Context, in *shape.TerminateInstancesRequest) (*shape.TerminateInstancesResult, error) {
	changes, err := a.changeStates(ctx, in.InstanceIds, func(ctx context.Context, i *cloud.Instance) error {
		if i.Phase == cloud.PhaseDeleted {
			return nil
		}
		return a.Compute.DeleteInstance(ctx, i.ID)
	})
	return &shape.TerminateInstancesResult{TerminatingInstances: changes}, err
}

// consoleBytes is as much of a console's end as is answered.
const consoleBytes = 64 << 10

func (a *api) getConsoleOutput(ctx context.Context, in *shape.GetConsoleOutputRequest) (*shape.GetConsoleOutputResult, error) {
	i, err := a.oneInstance(ctx, in.InstanceId)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	out := &shape.GetConsoleOutputResult{InstanceId: id(instanceIDs, i.ID), Timestamp: &now}
	if i.HostID == "" || i.Phase == cloud.PhaseDeleted || i.Phase == cloud.PhaseBuilding {
		return out, nil // it has said nothing yet, or says nothing any more
	}
	text, err := a.Compute.ConsoleLog(ctx, i.ID, consoleBytes)
	out.Output = base64.StdEncoding.EncodeToString(text)
	return out, err
}

func (a *api) oneInstance(ctx context.Context, text string) (*cloud.Instance, error) {
	v, err := findOne(ctx, instanceIDs, text, a.allInstances, viewID)
	if err != nil {
		return nil, err
	}
	return v.Instance, nil
}

// getPasswordData is what the guest posted, encrypted for the key pair that it was made with; empty if it has not.
func (a *api) getPasswordData(ctx context.Context, in *shape.GetPasswordDataRequest) (*shape.GetPasswordDataResult, error) {
	i, err := a.oneInstance(ctx, in.InstanceId)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	return &shape.GetPasswordDataResult{InstanceId: id(instanceIDs, i.ID), PasswordData: strings.TrimSpace(i.PostedPassword), Timestamp: &now}, nil
}
