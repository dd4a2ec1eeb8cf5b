package nova

import (
	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
)

// state is an instance's state in Nova's three words.
type state struct {
	Status string // "ACTIVE"
	VM     string // "active"
	Task   any    // "spawning", or nil
	Power  int    // 0 none, 1 running, 3 paused, 4 shut down, 6 crashed, 7 suspended
}

// tasks names what an Operation is doing.
var tasks = map[string]string{
	"instance.create": "spawning", "instance.delete": "deleting", "instance.start": "powering-on", "instance.stop": "powering-off",
	"instance.reboot": "rebooting", "instance.pause": "pausing", "instance.unpause": "unpausing", "instance.suspend": "suspending",
	"instance.resume": "resuming", "instance.rebuild": "rebuilding", "instance.rescue": "rescuing", "instance.unrescue": "unrescuing",
	"instance.resize": "resize_prep", "instance.revert_resize": "resize_reverting", "instance.confirm_resize": "",
	"instance.shelve": "shelving", "instance.offload": "shelving_offloading", "instance.unshelve": "unshelving",
	"instance.create_image": "image_snapshot", "instance.migrate": "resize_migrating", "instance.evacuate": "rebuilding",
}

// duringTask are tasks that show as a status of their own.
var duringTask = map[string]string{
	"instance.rebuild": "REBUILD", "instance.resize": "RESIZE", "instance.migrate": "RESIZE", "instance.evacuate": "REBUILD", "instance.revert_resize": "REVERT_RESIZE", "instance.reboot": "REBOOT",
}

var phases = map[cloud.Phase][2]string{
	cloud.PhaseBuilding:  {"BUILD", "building"},
	cloud.PhaseResized:   {"VERIFY_RESIZE", "resized"},
	cloud.PhaseRescued:   {"RESCUE", "rescued"},
	cloud.PhaseShelved:   {"SHELVED", "shelved"},
	cloud.PhaseOffloaded: {"SHELVED_OFFLOADED", "shelved_offloaded"},
	cloud.PhaseFailed:    {"ERROR", "error"},
	cloud.PhaseDeleted:   {"DELETED", "deleted"},
}

var powers = map[cloud.Power][2]string{
	cloud.PowerOn:        {"ACTIVE", "active"},
	cloud.PowerOff:       {"SHUTOFF", "stopped"},
	cloud.PowerPaused:    {"PAUSED", "paused"},
	cloud.PowerSuspended: {"SUSPENDED", "suspended"},
}

var powerStates = map[cloud.Power]int{cloud.PowerUnknown: 0, cloud.PowerOn: 1, cloud.PowerPaused: 3, cloud.PowerOff: 4, cloud.PowerCrashed: 6, cloud.PowerSuspended: 7}

// stateOf computes what Nova shows from wanted, observed and the Operation that holds the
// instance. While one holds it, what is wanted is not true yet: the power it was taken in counts.
func stateOf(in *cloud.Instance) state {
	s := state{Power: powerStates[in.Observed.Power]}
	busy := in.OperationID != "" && !compute.PlugTasks[in.Task]
	if words, ok := phases[in.Phase]; ok {
		s.Status, s.VM = words[0], words[1]
	} else {
		words := powers[shownPower(in, busy)]
		s.Status, s.VM = words[0], words[1]
	}
	if !busy {
		return s
	}
	if t := tasks[in.Task]; t != "" {
		s.Task = t
	}
	if words, ok := duringTask[in.Task]; ok && in.Phase != cloud.PhaseFailed {
		s.Status = words
	}
	return s
}

func shownPower(in *cloud.Instance, busy bool) cloud.Power {
	p := in.Power
	if busy && in.HeldPower != cloud.PowerUnknown {
		p = in.HeldPower
	}
	if _, ok := powers[p]; !ok {
		return cloud.PowerOff
	}
	return p
}

// statusMatches tells whether an instance has one of the statuses a filter names.
func statusMatches(in *cloud.Instance, wanted []string) bool {
	s := stateOf(in).Status
	for _, w := range wanted {
		if s == w {
			return true
		}
	}
	return false
}
