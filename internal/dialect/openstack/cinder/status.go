package cinder

import "github.com/nubo-cloud/nubo/internal/cloud"

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

func volumeStatus(v *cloud.Volume) string {
	if task, ok := tasks[v.Task]; ok && v.State != cloud.VolumeDeleting && v.State != cloud.VolumeFailed {
		return task
	}
	return states[v.State]
}

func snapshotStatus(s *cloud.Snapshot) string { return states[s.State] }

// resets are the statuses that an administrator may give a volume or snapshot. What only says that something
// is going on cannot be given: nothing would be.
var resets = map[string]cloud.VolumeState{
	"creating":       cloud.VolumeCreating,
	"available":      cloud.VolumeAvailable,
	"reserved":       cloud.VolumeReserved,
	"attaching":      cloud.VolumeReserved, // as which it shows while it has no attachment
	"in-use":         cloud.VolumeAttached,
	"deleting":       cloud.VolumeDeleting,
	"maintenance":    cloud.VolumeMaintenance,
	"error":          cloud.VolumeFailed,
	"error_deleting": cloud.VolumeFailed, "error_extending": cloud.VolumeFailed, "error_restoring": cloud.VolumeFailed,
	"error_managing": cloud.VolumeFailed,
}

func resetState(status string) (cloud.VolumeState, error) {
	state, ok := resets[status]
	if !ok {
		return "", cloud.Invalidf("volume", "status", "A status cannot be reset to '%s' here.", status)
	}
	return state, nil
}

// attachmentStatus is the state of an attachment: this service's words are ours.
func attachmentStatus(a *cloud.Attachment) string { return a.State }
