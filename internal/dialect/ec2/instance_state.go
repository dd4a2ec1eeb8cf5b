package ec2

import (
	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

// The states of instances, each with its code.
//
//	pending --> running <--> stopping --> stopped
//	   \           |                        |
//	    \----------+--> shutting-down --> terminated
var (
	pending      = shape.InstanceState{Code: new(0), Name: "pending"}
	running      = shape.InstanceState{Code: new(16), Name: "running"}
	shuttingDown = shape.InstanceState{Code: new(32), Name: "shutting-down"}
	terminated   = shape.InstanceState{Code: new(48), Name: "terminated"}
	stopping     = shape.InstanceState{Code: new(64), Name: "stopping"}
	stopped      = shape.InstanceState{Code: new(80), Name: "stopped"}
)

// duringTask are the operations that have a state of their own while they last.
var duringTask = map[string]shape.InstanceState{
	"instance.delete": shuttingDown, "instance.stop": stopping, "instance.suspend": stopping, "instance.shelve": stopping, "instance.offload": stopped,
	"instance.start": pending, "instance.resume": pending, "instance.unshelve": pending, "instance.evacuate": pending, "instance.rebuild": pending,
}

// stateOf is an instance's state. One that could never be started is terminated, as the service does with such, although its owner
// has to delete it.
func stateOf(in *cloud.Instance) shape.InstanceState {
	busy := in.OperationID != "" && !compute.PlugTasks[in.Task]
	if s, ok := duringTask[in.Task]; ok && busy {
		return s
	}
	switch in.Phase {
	case cloud.PhaseDeleted:
		return terminated
	case cloud.PhaseBuilding:
		return pending
	case cloud.PhaseFailed:
		if in.LaunchedAt == nil {
			return terminated
		}
	case cloud.PhaseShelved, cloud.PhaseOffloaded:
		return stopped
	}
	power := in.Power
	if busy && in.HeldPower != cloud.PowerUnknown {
		power = in.HeldPower
	}
	switch power {
	case cloud.PowerOn, cloud.PowerPaused: // a paused guest keeps its memory and its place, as a running one does
		return running
	}
	return stopped
}

// stateReason says why an instance is as it is, where there is a word for it.
func stateReason(in *cloud.Instance) (*shape.StateReason, string) {
	switch {
	case in.Fault != nil && in.Phase == cloud.PhaseFailed:
		code := "Server.InternalError"
		if in.Fault.Kind == cloud.NoCapacity {
			code = "Server.InsufficientInstanceCapacity"
		}
		return &shape.StateReason{Code: code, Message: code + ": " + in.Fault.Message}, code
	case stateOf(in).Name == terminated.Name, stateOf(in).Name == shuttingDown.Name, stateOf(in).Name == stopped.Name && in.Power == cloud.PowerOff:
		const code = "Client.UserInitiatedShutdown"
		return &shape.StateReason{Code: code, Message: code + ": User initiated shutdown"}, "User initiated"
	}
	return nil, ""
}
