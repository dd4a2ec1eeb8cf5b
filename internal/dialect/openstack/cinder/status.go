package cinder

import (
	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/volume"
)

// states are our states in this service's words.
var states = map[cloud.VolumeState]string{
	cloud.VolumeCreating:    "creating",
	cloud.VolumeAvailable:   "available",
	cloud.VolumeReserved:    "reserved",
	cloud.VolumeAttached:    "in-use",
	cloud.VolumeDeleting:    "deleting",
	cloud.VolumeFailed:      "error",
	cloud.VolumeMaintenance: "maintenance",
}

// tasks are what is going on with a volume that has bytes. This service shows it in place of the state.
var tasks = map[string]string{
	"volume.grow":         "extending",
	"volume.upload_image": "uploading",
	"volume.detach":       "detaching",
	"volume.restore":      "restoring-backup",
	"volume.revert":       "reverting",
	"volume.transfer":     "awaiting-transfer",
	"volume.retype":       "retyping",
}

// phases are the states that this service splits by what is going on.
var phases = map[string]string{"volume.take_in": "managing", "volume.let_go": "unmanaging"}

func volumeStatus(v *cloud.Volume) string {
	if phase, ok := phases[v.Task]; ok {
		return phase
	}
	if task, ok := tasks[v.Task]; ok && v.State != cloud.VolumeDeleting && v.State != cloud.VolumeFailed {
		return task
	}
	return statusOf(v.State, v.FailedTask)
}

func snapshotStatus(s *cloud.Snapshot) string { return statusOf(s.State, s.FailedTask) }

// failures tell what failed, where this service has a word of its own for it.
var failures = map[string]string{"volume.delete": "error_deleting", "snapshot.delete": "error_deleting", "volume.grow": "error_extending",
	"volume.restore": "error_restoring", "volume.take_in": "error_managing"}

func statusOf(state cloud.VolumeState, failed string) string {
	if word, ok := failures[failed]; ok && state == cloud.VolumeFailed {
		return word
	}
	return states[state]
}

// resets are the statuses that an administrator may give a volume or snapshot. What only says that something
// is going on cannot be given: nothing would be.
var resets = map[string]volume.Reset{
	"creating":        {State: cloud.VolumeCreating},
	"available":       {State: cloud.VolumeAvailable},
	"reserved":        {State: cloud.VolumeReserved},
	"attaching":       {State: cloud.VolumeReserved}, // as which it shows while it has no attachment
	"in-use":          {State: cloud.VolumeAttached},
	"deleting":        {State: cloud.VolumeDeleting},
	"maintenance":     {State: cloud.VolumeMaintenance},
	"error":           {State: cloud.VolumeFailed},
	"error_deleting":  {State: cloud.VolumeFailed, FailedTask: "volume.delete"},
	"error_extending": {State: cloud.VolumeFailed, FailedTask: "volume.grow"},
	"error_restoring": {State: cloud.VolumeFailed, FailedTask: "volume.restore"},
	"error_managing":  {State: cloud.VolumeFailed, FailedTask: "volume.take_in"},
}

func resetOf(status string) (volume.Reset, error) {
	reset, ok := resets[status]
	if !ok {
		return reset, cloud.Invalidf("volume", "status", "A status cannot be reset to '%s' here.", status)
	}
	return reset, nil
}

// attachmentStatus is the state of an attachment: this service's words are ours.
func attachmentStatus(a *cloud.Attachment) string { return a.State }
