package cinder

import (
	"encoding/json"
	"maps"
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/volume"
)

// action does what the body under its name says.
type action func(a *api, w http.ResponseWriter, r *http.Request, body json.RawMessage) error

var volumeActions = map[string]action{
	"os-extend":                    (*api).extend,
	"os-reset_status":              (*api).resetVolume,
	"os-force_delete":              (*api).forceDelete,
	"os-set_bootable":              (*api).setBootable,
	"os-update_readonly_flag":      (*api).setReadOnly,
	"os-retype":                    (*api).retype,
	"os-migrate_volume":            (*api).migrate,
	"os-reserve":                   (*api).reserve,
	"os-unreserve":                 (*api).unreserve,
	"os-attach":                    (*api).attach,
	"os-detach":                    (*api).detach,
	"os-force_detach":              (*api).forceDetach,
	"os-begin_detaching":           (*api).beginDetaching,
	"os-roll_detaching":            (*api).rollDetaching,
	"os-initialize_connection":     (*api).refuseConnector,
	"os-terminate_connection":      (*api).refuseConnector,
	"os-volume_upload_image":       (*api).uploadImage,
	"os-set_image_metadata":        (*api).setImageMetadata,
	"os-unset_image_metadata":      (*api).unsetImageMetadata,
	"os-show_image_metadata":       (*api).showImageMetadata,
	"os-migrate_volume_completion": (*api).completeMigration,
	"os-unmanage":                  (*api).unmanageVolume,
	"os-reimage":                   unsupported("A volume cannot be given another image; make a new volume."),
	"revert":                       (*api).revert,
}

func unsupported(message string) action {
	return func(*api, http.ResponseWriter, *http.Request, json.RawMessage) error {
		return &cloud.Error{Kind: cloud.Unsupported, Resource: "volume", Message: message}
	}
}

func (a *api) volumeAction(w http.ResponseWriter, r *http.Request) error {
	return a.act(volumeActions, w, r)
}

// act finds the one action of a body and does it.
func (a *api) act(actions map[string]action, w http.ResponseWriter, r *http.Request) error {
	var body map[string]json.RawMessage
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	for name, raw := range body {
		if do, ok := actions[name]; ok {
			return do(a, w, r, raw)
		}
	}
	for name := range body {
		return cloud.Invalidf("request", "body", "There is no such action: %s", name)
	}
	return cloud.Invalidf("request", "body", "Malformed request body: no action was named.")
}

// revert came with 3.40.
func (a *api) revert(w http.ResponseWriter, r *http.Request, raw json.RawMessage) error {
	var body struct {
		SnapshotID cloud.SnapshotID `json:"snapshot_id"`
	}
	if err := openstack.DecodeBytes(raw, &body); err != nil {
		return err
	}
	if body.SnapshotID == "" {
		return missing("snapshot_id")
	}
	return accepted(w, a.volumes.Revert(r.Context(), volumeID(r), body.SnapshotID))
}

func (a *api) extend(w http.ResponseWriter, r *http.Request, raw json.RawMessage) error {
	var body struct {
		NewSize size `json:"new_size"`
	}
	if err := openstack.DecodeBytes(raw, &body); err != nil {
		return err
	}
	return accepted(w, a.volumes.Grow(r.Context(), volumeID(r), int(body.NewSize)))
}

func (a *api) resetVolume(w http.ResponseWriter, r *http.Request, raw json.RawMessage) error {
	var body struct {
		Status       string `json:"status"`
		AttachStatus string `json:"attach_status"`
	}
	if err := openstack.DecodeBytes(raw, &body); err != nil {
		return err
	}
	status := body.Status
	if status == "" {
		status = map[string]string{"attached": "in-use", "detached": "available"}[body.AttachStatus]
	}
	reset, err := resetOf(status)
	if err != nil {
		return err
	}
	return accepted(w, a.volumes.Reset(r.Context(), volumeID(r), reset))
}

func (a *api) forceDelete(w http.ResponseWriter, r *http.Request, _ json.RawMessage) error {
	return accepted(w, a.volumes.Delete(r.Context(), volume.DeleteRequest{ID: volumeID(r), Force: true}))
}

// truthOf reads a boolean that clients also write as text.
func truthOf(field string, raw json.RawMessage) (bool, error) {
	var v any
	if err := openstack.DecodeBytes(raw, &v); err != nil {
		return false, err
	}
	switch b := v.(type) {
	case bool:
		return b, nil
	case string:
		return openstack.ParseBool(field, b)
	}
	return false, cloud.Invalidf("request", field, "%s must be a boolean.", field)
}

func (a *api) setBootable(w http.ResponseWriter, r *http.Request, raw json.RawMessage) error {
	var body map[string]json.RawMessage
	if err := openstack.DecodeBytes(raw, &body); err != nil {
		return err
	}
	on, err := truthOf("bootable", body["bootable"])
	if err != nil {
		return err
	}
	if err := a.volumes.SetBootable(r.Context(), volumeID(r), on); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusOK)
}

func (a *api) setReadOnly(w http.ResponseWriter, r *http.Request, raw json.RawMessage) error {
	var body map[string]json.RawMessage
	if err := openstack.DecodeBytes(raw, &body); err != nil {
		return err
	}
	on, err := truthOf("readonly", body["readonly"])
	if err != nil {
		return err
	}
	return accepted(w, a.volumes.SetReadOnly(r.Context(), volumeID(r), on))
}

func (a *api) uploadImage(w http.ResponseWriter, r *http.Request, raw json.RawMessage) error {
	var body struct {
		Name       string           `json:"image_name"`
		Force      bool             `json:"force"`
		Container  string           `json:"container_format"`
		Format     string           `json:"disk_format"`
		Visibility cloud.Visibility `json:"visibility"`
		Protected  bool             `json:"protected"`
	}
	if err := openstack.DecodeBytes(raw, &body); err != nil {
		return err
	}
	if body.Name == "" {
		return missing("image_name")
	}
	if body.Visibility == "" || !openstack.VersionOf(r).AtLeast(3, 1) {
		body.Visibility = cloud.VisibilityPrivate
	}
	v, i, err := a.volumes.UploadImage(r.Context(), volume.UploadRequest{VolumeID: volumeID(r), Name: body.Name, Format: body.Format,
		Container: body.Container, Visibility: body.Visibility, Protected: body.Protected, Force: body.Force})
	if err != nil {
		return err
	}
	view := map[string]any{"id": v.ID, "status": volumeStatus(v), "updated_at": stamp(v.UpdatedAt), "display_description": orNull(v.Description),
		"size": v.SizeGiB, "volume_type": nil, "image_id": i.ID, "image_name": i.Name, "container_format": i.Container, "disk_format": i.Format}
	if openstack.VersionOf(r).AtLeast(3, 1) {
		view["visibility"], view["protected"] = i.Visibility, i.Protected
	}
	return openstack.WriteJSON(w, http.StatusAccepted, map[string]any{"os-volume_upload_image": view})
}

func (a *api) setImageMetadata(w http.ResponseWriter, r *http.Request, raw json.RawMessage) error {
	var body struct {
		Metadata map[string]string `json:"metadata"`
	}
	if err := openstack.DecodeBytes(raw, &body); err != nil {
		return err
	}
	v, err := a.volumes.UpdateImageProperties(r.Context(), volumeID(r), func(m map[string]string) error {
		maps.Copy(m, body.Metadata)
		return nil
	})
	return writeImageMetadata(w, v, err)
}

func (a *api) unsetImageMetadata(w http.ResponseWriter, r *http.Request, raw json.RawMessage) error {
	var body struct {
		Key string `json:"key"`
	}
	if err := openstack.DecodeBytes(raw, &body); err != nil {
		return err
	}
	_, err := a.volumes.UpdateImageProperties(r.Context(), volumeID(r), func(m map[string]string) error {
		if _, ok := m[body.Key]; !ok {
			return noKey(body.Key)
		}
		delete(m, body.Key)
		return nil
	})
	if err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusOK)
}

func (a *api) showImageMetadata(w http.ResponseWriter, r *http.Request, _ json.RawMessage) error {
	v, err := a.volumes.Volume(r.Context(), volumeID(r))
	return writeImageMetadata(w, v, err)
}

func writeImageMetadata(w http.ResponseWriter, v *cloud.Volume, err error) error {
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"metadata": notNil(v.ImageProperties)})
}

func notNil(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
