package cinder

import (
	"encoding/base64"
	"encoding/json"
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/volume"
)

func (a *api) backupRoutes(s *openstack.Service) {
	s.Handle("GET /v3/backups", a.listBackups(backupSummary))
	s.Handle("GET /v3/backups/detail", a.listBackups(backupDetail))
	s.Handle("POST /v3/backups", a.createBackup)
	s.Handle("GET /v3/backups/{id}", a.showBackup)
	s.Handle("PUT /v3/backups/{id}", since(9, a.updateBackup))
	s.Handle("DELETE /v3/backups/{id}", a.deleteBackup)
	s.Handle("POST /v3/backups/{id}/action", a.backupAction)
	s.Handle("POST /v3/backups/{id}/restore", a.restoreBackup)
	s.Handle("GET /v3/backups/{id}/export_record", a.exportBackup)
	s.Handle("POST /v3/backups/import_record", a.importBackup)
}

func backupID(r *http.Request) cloud.BackupID { return cloud.BackupID(r.PathValue("id")) }

var backupStates = map[cloud.BackupState]string{cloud.BackupCreating: "creating", cloud.BackupAvailable: "available",
	cloud.BackupRestoring: "restoring", cloud.BackupDeleting: "deleting", cloud.BackupFailed: "error"}

type backupView func(r *http.Request, b *cloud.Backup, parents map[cloud.BackupID]bool) map[string]any

func backupSummary(r *http.Request, b *cloud.Backup, _ map[cloud.BackupID]bool) map[string]any {
	return map[string]any{"id": b.ID, "name": orNull(b.Name), "links": selfLinks(r, "backups", string(b.ID))}
}

func backupDetail(r *http.Request, b *cloud.Backup, parents map[cloud.BackupID]bool) map[string]any {
	m := backupSummary(r, b, nil)
	m["status"], m["size"], m["volume_id"], m["description"] = backupStates[b.State], b.SizeGiB, b.VolumeID, orNull(b.Description)
	m["object_count"], m["container"], m["availability_zone"] = b.Pieces, orNull(b.Container), orNull(b.Zone)
	m["is_incremental"], m["has_dependent_backups"], m["snapshot_id"] = b.ParentID != "", parents[b.ID], orNull(string(b.SnapshotID))
	m["created_at"], m["updated_at"], m["data_timestamp"], m["fail_reason"] = stamp(b.CreatedAt), stamp(b.UpdatedAt), stamp(b.DataAt), nil
	if b.Fault != nil {
		m["fail_reason"] = b.Fault.Message
	}
	v := openstack.VersionOf(r)
	if v.AtLeast(3, 18) {
		m["os-backup-project-attr:project_id"] = b.ProjectID
	}
	if v.AtLeast(3, 43) {
		m["metadata"] = notNil(b.Properties)
	}
	if v.AtLeast(3, 56) {
		m["user_id"] = b.UserID
	}
	return m
}

var backupColumns = openstack.SortColumns{"id": "id", "name": "name", "size": "size_gib", "status": "state", "created_at": "created_at",
	"updated_at": "updated_at", "volume_id": "volume_id", "container": "container", "data_timestamp": "data_at", "user_id": "user_id"}

var backupFilters = filters[cloud.Backup]{
	"id": column[cloud.Backup]("id"), "name": column[cloud.Backup]("name"), "name~": part[cloud.Backup]("name"),
	"volume_id": column[cloud.Backup]("volume_id"), "snapshot_id": column[cloud.Backup]("snapshot_id"), "user_id": column[cloud.Backup]("user_id"),
	"status":   kept(func(b *cloud.Backup, s string) bool { return backupStates[b.State] == s }),
	"metadata": pairs(func(b *cloud.Backup) map[string]string { return b.Properties }),
}

func (a *api) listBackups(view backupView) openstack.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		l, err := readListing[cloud.Backup](r, backupColumns)
		if err != nil {
			return err
		}
		if err := backupFilters.apply(l, r.URL.Query()); err != nil {
			return err
		}
		rows, count, err := l.run(func(f volume.Filter[cloud.Backup]) ([]*cloud.Backup, error) {
			return a.volumes.ListBackups(r.Context(), f)
		})
		if err != nil {
			return err
		}
		parents, err := a.parents(r, rows...)
		if err != nil {
			return err
		}
		views, last := make([]any, len(rows)), ""
		for n, b := range rows {
			views[n], last = view(r, b, parents), string(b.ID)
		}
		return openstack.WriteJSON(w, http.StatusOK, l.body(r, "backups", views, last, count))
	}
}

func (a *api) parents(r *http.Request, rows ...*cloud.Backup) (map[cloud.BackupID]bool, error) {
	ids := make([]cloud.BackupID, len(rows))
	for n, b := range rows {
		ids[n] = b.ID
	}
	return a.volumes.HaveChildren(r.Context(), ids)
}

func (a *api) createBackup(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Backup *struct {
			VolumeID    cloud.VolumeID    `json:"volume_id"`
			SnapshotID  cloud.SnapshotID  `json:"snapshot_id"`
			Name        string            `json:"name"`
			Description string            `json:"description"`
			Container   string            `json:"container"`
			Zone        string            `json:"availability_zone"`
			Metadata    map[string]string `json:"metadata"`
			Incremental json.RawMessage   `json:"incremental"`
			Force       json.RawMessage   `json:"force"`
		} `json:"backup"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	b := body.Backup
	if b == nil || b.VolumeID == "" {
		return missing("volume_id")
	}
	incremental, err := optionalTruth("incremental", b.Incremental)
	if err != nil {
		return err
	}
	force, err := optionalTruth("force", b.Force)
	if err != nil {
		return err
	}
	row, err := a.volumes.CreateBackup(r.Context(), volume.BackupRequest{VolumeID: b.VolumeID, SnapshotID: b.SnapshotID, Name: b.Name,
		Description: b.Description, Container: b.Container, Zone: b.Zone, Properties: b.Metadata, Incremental: incremental, Force: force})
	return writeBackup(w, r, http.StatusAccepted, row, err)
}

// writeBackup is the short answer of everything that changes a backup.
func writeBackup(w http.ResponseWriter, r *http.Request, code int, b *cloud.Backup, err error) error {
	if err != nil {
		return err
	}
	m := backupSummary(r, b, nil)
	if openstack.VersionOf(r).AtLeast(3, 43) && code != http.StatusCreated {
		m["metadata"] = notNil(b.Properties)
	}
	return openstack.WriteJSON(w, code, map[string]any{"backup": m})
}

func (a *api) showBackup(w http.ResponseWriter, r *http.Request) error {
	b, err := a.volumes.Backup(r.Context(), backupID(r))
	if err != nil {
		return err
	}
	parents, err := a.parents(r, b)
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"backup": backupDetail(r, b, parents)})
}

func (a *api) updateBackup(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Backup *updateFacts `json:"backup"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	if body.Backup == nil {
		return missing("backup")
	}
	b, err := a.volumes.UpdateBackup(r.Context(), backupID(r), body.Backup.apply)
	return writeBackup(w, r, http.StatusOK, b, err)
}

func (a *api) deleteBackup(w http.ResponseWriter, r *http.Request) error {
	return accepted(w, a.volumes.DeleteBackup(r.Context(), backupID(r), false))
}

var backupActions = map[string]action{
	"os-reset_status": (*api).resetBackup,
	"os-force_delete": func(a *api, w http.ResponseWriter, r *http.Request, _ json.RawMessage) error {
		return accepted(w, a.volumes.DeleteBackup(r.Context(), backupID(r), true))
	},
}

func (a *api) backupAction(w http.ResponseWriter, r *http.Request) error {
	return a.act(backupActions, w, r)
}

func (a *api) resetBackup(w http.ResponseWriter, r *http.Request, raw json.RawMessage) error {
	var body struct {
		Status string `json:"status"`
	}
	if err := openstack.DecodeBytes(raw, &body); err != nil {
		return err
	}
	state, ok := map[string]cloud.BackupState{"available": cloud.BackupAvailable, "error": cloud.BackupFailed}[body.Status]
	if !ok {
		return cloud.Invalidf("backup", "status", "A backup's status can be reset to available or error, not '%s'.", body.Status)
	}
	return accepted(w, a.volumes.ResetBackup(r.Context(), backupID(r), state))
}

func (a *api) restoreBackup(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Restore struct {
			VolumeID cloud.VolumeID `json:"volume_id"`
			Name     string         `json:"name"`
		} `json:"restore"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	v, err := a.volumes.RestoreBackup(r.Context(), backupID(r), body.Restore.VolumeID, body.Restore.Name)
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusAccepted, map[string]any{"restore": map[string]any{
		"backup_id": backupID(r), "volume_id": v.ID, "volume_name": v.Name}})
}

// backupService names what keeps the bytes that a record is about.
// Clients look for the beginning.
const backupService = "cinder.backup.drivers.nubo.directory"

type backupRecord struct {
	Service string `json:"backup_service"`
	URL     string `json:"backup_url"`
}

func (a *api) exportBackup(w http.ResponseWriter, r *http.Request) error {
	b, err := a.volumes.ExportBackup(r.Context(), backupID(r))
	if err != nil {
		return err
	}
	record, err := json.Marshal(b)
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"backup-record": backupRecord{backupService, base64.StdEncoding.EncodeToString(record)}})
}

func (a *api) importBackup(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Record *backupRecord `json:"backup-record"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	if body.Record == nil || body.Record.URL == "" {
		return missing("backup_url")
	}
	if body.Record.Service != backupService {
		return cloud.Invalidf("backup", "backup_service", "Records of %s cannot be imported, only those of %s.", body.Record.Service, backupService)
	}
	var b cloud.Backup
	raw, err := base64.StdEncoding.DecodeString(body.Record.URL)
	if err != nil || json.Unmarshal(raw, &b) != nil {
		return cloud.Invalidf("backup", "backup_url", "The record is not one that was exported.")
	}
	made, err := a.volumes.ImportBackup(r.Context(), b)
	return writeBackup(w, r, http.StatusCreated, made, err)
}
