package cinder

import (
	"encoding/json"
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/volume"
)

// moves are the outcomes of a volume's last move in this service's words.
var moves = map[cloud.VolumeMove]string{
	cloud.VolumeMoving:   "migrating",
	cloud.VolumeMoved:    "success",
	cloud.VolumeNotMoved: "error",
}

// migrationPolicies say whether a retyped volume may move.
var migrationPolicies = map[string]bool{"": false, "never": false, "on-demand": true}

func (a *api) retype(w http.ResponseWriter, r *http.Request, raw json.RawMessage) error {
	var body struct {
		NewType string `json:"new_type"`
		Policy  string `json:"migration_policy"`
	}
	if err := openstack.DecodeBytes(raw, &body); err != nil {
		return err
	}
	if body.NewType == "" {
		return missing("new_type")
	}
	mayMove, known := migrationPolicies[body.Policy]
	if !known {
		return cloud.Invalidf("request", "migration_policy", "migration_policy must be 'on-demand' or 'never', passed: %s", body.Policy)
	}
	return accepted(w, a.volumes.Retype(r.Context(), volume.RetypeRequest{ID: volumeID(r), Type: body.NewType, MayMove: mayMove}))
}

// migrate always copies through the host: no back end here has a shorter way, so force_host_copy says nothing new.
func (a *api) migrate(w http.ResponseWriter, r *http.Request, raw json.RawMessage) error {
	var body struct {
		Host    string          `json:"host"`
		Cluster string          `json:"cluster"`
		Force   json.RawMessage `json:"force_host_copy"`
		Lock    json.RawMessage `json:"lock_volume"`
	}
	if err := openstack.DecodeBytes(raw, &body); err != nil {
		return err
	}
	if body.Cluster != "" && openstack.VersionOf(r).AtLeast(3, 16) {
		return cloud.Invalidf("request", "cluster", "There are no clusters of back ends here: name a host.")
	}
	if body.Host == "" {
		return missing("host")
	}
	if _, err := optionalTruth("force_host_copy", body.Force); err != nil {
		return err
	}
	lock, err := optionalTruth("lock_volume", body.Lock)
	if err != nil {
		return err
	}
	host, pool := backendOf(body.Host)
	return accepted(w, a.volumes.Migrate(r.Context(), volume.MigrateRequest{ID: volumeID(r), Host: host, Pool: pool, Lock: lock}))
}

func (a *api) completeMigration(_ http.ResponseWriter, r *http.Request, raw json.RawMessage) error {
	var body struct {
		NewVolume cloud.VolumeID  `json:"new_volume"`
		Error     json.RawMessage `json:"error"`
	}
	if err := openstack.DecodeBytes(raw, &body); err != nil {
		return err
	}
	if body.NewVolume == "" {
		return missing("new_volume")
	}
	if _, err := optionalTruth("error", body.Error); err != nil {
		return err
	}
	return a.volumes.CompleteMigration(r.Context(), volumeID(r), body.NewVolume)
}
