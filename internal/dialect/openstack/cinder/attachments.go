package cinder

import (
	"encoding/json"
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/volume"
)

// This file is attachments as clients of volumes write them down: by the actions of a volume and by the
// attachments API. What instances have is shown, and left to the Compute service.

func (a *api) reserve(w http.ResponseWriter, r *http.Request, _ json.RawMessage) error {
	return accepted(w, a.volumes.Reserve(r.Context(), volumeID(r)))
}

func (a *api) unreserve(w http.ResponseWriter, r *http.Request, _ json.RawMessage) error {
	return accepted(w, a.volumes.Unreserve(r.Context(), volumeID(r)))
}

func (a *api) attach(w http.ResponseWriter, r *http.Request, raw json.RawMessage) error {
	var body struct {
		Instance string `json:"instance_uuid"`
		Host     string `json:"host_name"`
		Device   string `json:"mountpoint"`
		Mode     string `json:"mode"`
	}
	if err := openstack.DecodeBytes(raw, &body); err != nil {
		return err
	}
	if body.Instance == "" && body.Host == "" {
		return cloud.Invalidf("request", "instance_uuid", "Invalid request to attach volume to an invalid target")
	}
	readOnly, err := readOnlyMode(body.Mode)
	if err != nil {
		return err
	}
	_, err = a.volumes.AttachByHand(r.Context(), volume.ByHand{VolumeID: volumeID(r), InstanceID: cloud.InstanceID(body.Instance),
		HostName: body.Host, Device: body.Device, ReadOnly: readOnly})
	return accepted(w, err)
}

func readOnlyMode(mode string) (bool, error) {
	switch mode {
	case "", "rw", "null":
		return false, nil
	case "ro":
		return true, nil
	}
	return false, cloud.Invalidf("request", "mode", "Invalid request to attach volume with an invalid mode. Attaching mode should be 'rw' or 'ro'")
}

func (a *api) detach(w http.ResponseWriter, r *http.Request, raw json.RawMessage) error {
	id, err := namedAttachment(raw)
	if err != nil {
		return err
	}
	return accepted(w, a.volumes.DetachByHand(r.Context(), volumeID(r), id))
}

func (a *api) forceDetach(w http.ResponseWriter, r *http.Request, raw json.RawMessage) error {
	id, err := namedAttachment(raw)
	if err != nil {
		return err
	}
	return accepted(w, a.volumes.ForceDetachByHand(r.Context(), volumeID(r), id))
}

// namedAttachment reads which attachment an action is about; empty: the only one.
func namedAttachment(raw json.RawMessage) (cloud.AttachmentID, error) {
	var body struct {
		ID cloud.AttachmentID `json:"attachment_id"`
	}
	if len(raw) == 0 || string(raw) == "null" {
		return "", nil
	}
	err := openstack.DecodeBytes(raw, &body)
	return body.ID, err
}

func (a *api) beginDetaching(w http.ResponseWriter, r *http.Request, _ json.RawMessage) error {
	return accepted(w, a.volumes.BeginDetachByHand(r.Context(), volumeID(r)))
}

func (a *api) rollDetaching(w http.ResponseWriter, r *http.Request, _ json.RawMessage) error {
	return accepted(w, a.volumes.RollBackDetachByHand(r.Context(), volumeID(r)))
}

// errConnector is the answer to whoever wants to reach a volume over a storage network.
var errConnector = &cloud.Error{Kind: cloud.Unsupported, Resource: "volume",
	Message: "This cloud does not export volumes to machines outside it. Attach the volume to an instance through the Compute service."}

func (a *api) refuseConnector(_ http.ResponseWriter, r *http.Request, _ json.RawMessage) error {
	if _, err := a.volumes.Volume(r.Context(), volumeID(r)); err != nil {
		return err
	}
	return errConnector
}

var attachmentColumns = openstack.SortColumns{"id": "id", "created_at": "created_at", "updated_at": "updated_at", "volume_id": "volume_id",
	"instance_id": "instance_id", "attach_status": "state", "attach_time": "attached_at"}

var attachmentFilters = filters[cloud.Attachment]{
	"volume_id": column[cloud.Attachment]("volume_id"), "instance_id": column[cloud.Attachment]("instance_id"),
	"status": column[cloud.Attachment]("state"), "attach_status": column[cloud.Attachment]("state"), "id": column[cloud.Attachment]("id"),
}

func attachmentSummary(a *cloud.Attachment) map[string]any {
	return map[string]any{"id": a.ID, "status": attachmentStatus(a), "instance": orNull(string(a.InstanceID)), "volume_id": a.VolumeID}
}

func attachmentDetail(a *cloud.Attachment) map[string]any {
	m := attachmentSummary(a)
	m["attach_mode"], m["attached_at"], m["detached_at"] = "rw", nil, nil
	if a.ReadOnly {
		m["attach_mode"] = "ro"
	}
	if a.AttachedAt != nil {
		m["attached_at"] = stamp(*a.AttachedAt)
	}
	m["connection_info"] = map[string]any{} // nothing to connect to: see errConnector
	return m
}

func (a *api) listAttachments(w http.ResponseWriter, r *http.Request) error {
	return a.writeAttachments(w, r, attachmentSummary)
}

func (a *api) listAttachmentsDetail(w http.ResponseWriter, r *http.Request) error {
	return a.writeAttachments(w, r, attachmentDetail)
}

func (a *api) writeAttachments(w http.ResponseWriter, r *http.Request, view func(*cloud.Attachment) map[string]any) error {
	l, err := readListing[cloud.Attachment](r, attachmentColumns)
	if err != nil {
		return err
	}
	if err := attachmentFilters.apply(l, r.URL.Query()); err != nil {
		return err
	}
	rows, count, err := l.run(func(f volume.Filter[cloud.Attachment]) ([]*cloud.Attachment, error) {
		return a.volumes.ListAttachments(r.Context(), f)
	})
	if err != nil {
		return err
	}
	views, last := make([]any, len(rows)), ""
	for n, row := range rows {
		views[n], last = view(row), string(row.ID)
	}
	return openstack.WriteJSON(w, http.StatusOK, l.body(r, "attachments", views, last, count))
}

func (a *api) createAttachment(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Attachment *struct {
			Volume    cloud.VolumeID   `json:"volume_uuid"`
			Instance  cloud.InstanceID `json:"instance_uuid"`
			Connector map[string]any   `json:"connector"`
			Mode      string           `json:"mode"`
		} `json:"attachment"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	if body.Attachment == nil || body.Attachment.Volume == "" {
		return missing("volume_uuid")
	}
	if len(body.Attachment.Connector) > 0 {
		return errConnector
	}
	readOnly, err := readOnlyMode(body.Attachment.Mode)
	if err != nil {
		return err
	}
	row, err := a.volumes.CreateAttachment(r.Context(), volume.ByHand{VolumeID: body.Attachment.Volume, InstanceID: body.Attachment.Instance, ReadOnly: readOnly})
	return writeAttachment(w, row, err)
}

func (a *api) showAttachment(w http.ResponseWriter, r *http.Request) error {
	row, err := a.volumes.Attachment(r.Context(), attachmentID(r))
	return writeAttachment(w, row, err)
}

func writeAttachment(w http.ResponseWriter, row *cloud.Attachment, err error) error {
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"attachment": attachmentDetail(row)})
}

func attachmentID(r *http.Request) cloud.AttachmentID { return cloud.AttachmentID(r.PathValue("id")) }

// updateAttachment would add a connector, and nothing else.
func (a *api) updateAttachment(_ http.ResponseWriter, r *http.Request) error {
	if _, err := a.volumes.Attachment(r.Context(), attachmentID(r)); err != nil {
		return err
	}
	return errConnector
}

// deleteAttachment answers with what the volume is still attached to.
func (a *api) deleteAttachment(w http.ResponseWriter, r *http.Request) error {
	row, err := a.volumes.Attachment(r.Context(), attachmentID(r))
	if err != nil {
		return err
	}
	if err := a.volumes.DeleteAttachment(r.Context(), row.ID); err != nil {
		return err
	}
	left, err := a.volumes.AttachmentsOf(r.Context(), []cloud.VolumeID{row.VolumeID})
	if err != nil {
		return err
	}
	views := []any{}
	for _, other := range left[row.VolumeID] {
		views = append(views, attachmentSummary(other))
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"attachments": views})
}

func (a *api) attachmentAction(w http.ResponseWriter, r *http.Request) error {
	return a.act(map[string]action{"os-complete": (*api).completeAttachment}, w, r)
}

func (a *api) completeAttachment(w http.ResponseWriter, r *http.Request, _ json.RawMessage) error {
	if err := a.volumes.CompleteAttachment(r.Context(), attachmentID(r)); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}
