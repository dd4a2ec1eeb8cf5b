package glance

import "github.com/nubo-cloud/nubo/internal/cloud"

// statuses are our states in this service's words.
var statuses = map[cloud.ImageState]string{
	cloud.ImageQueued:      "queued",
	cloud.ImageSaving:      "saving",
	cloud.ImageStaged:      "uploading",
	cloud.ImageImporting:   "importing",
	cloud.ImageActive:      "active",
	cloud.ImageDeactivated: "deactivated",
	cloud.ImageKilled:      "killed",
}

func status(s cloud.ImageState) string { return statuses[s] }

// stateOf is the state that a status names; a status that nothing here ever has (deleted) names itself, and
// finds nothing.
func stateOf(text string) cloud.ImageState {
	for state, s := range statuses {
		if s == text {
			return state
		}
	}
	return cloud.ImageState(text)
}
