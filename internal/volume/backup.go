package volume

import (
	"context"
	"fmt"
	"io"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/policy"
	"github.com/nubo-cloud/nubo/internal/spec"
)

const (
	kindBackupCreate = "backup.create"
	kindBackupDelete = "backup.delete"
)

// BackupBytes keeps the bytes of backups, apart from the pools of hosts. NotFound for those it does not have.
type BackupBytes interface {
	// Write keeps what r yields, in terms of a parent if there is one, and answers how many pieces were new.
	Write(ctx context.Context, id, parent cloud.BackupID, r io.Reader) (pieces int, err error)
	Stat(ctx context.Context, id cloud.BackupID) (sizeBytes int64, sha256 string, err error)
	Remove(ctx context.Context, id cloud.BackupID) error
}

// BackupRequest says what a new backup shall be.
type BackupRequest struct {
	VolumeID    cloud.VolumeID
	SnapshotID  cloud.SnapshotID // whose bytes, instead of the volume's now
	Name        string
	Description string
	Container   string
	Zone        string
	Properties  map[string]string
	Incremental bool // on the volume's newest backup
	Force       bool // also of a volume that is attached: as a power cut would leave it
}

// CreateBackup inserts a backup and starts making it. The volume stays free for other use: the bytes are read from
// a snapshot.
func (s *Service) CreateBackup(ctx context.Context, r BackupRequest) (*cloud.Backup, error) {
	if err := checkWords("backup", r.Name, r.Description, r.Properties); err != nil {
		return nil, err
	}
	var b *cloud.Backup
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		v, err := s.authorized(ctx, "volume.get", r.VolumeID)
		if err != nil {
			return err
		}
		if err := policy.Authorize(ctx, "backup.create", policy.Target{Resource: "backup", ProjectID: v.ProjectID}); err != nil {
			return err
		}
		if b, err = s.backupOf(ctx, v, r); err != nil {
			return err
		}
		if err := s.Quota.Reserve(ctx, b.ProjectID, map[string]int64{cloud.QuotaBackups: 1, cloud.QuotaBackupGigabytes: int64(b.SizeGiB)}); err != nil {
			return err
		}
		op, err := s.Operations.Start(ctx, operation.Request{Kind: kindBackupCreate, Subject: backupSubject(b.ID), ProjectID: b.ProjectID,
			Params: backupParams{HostID: v.HostID, Pool: v.Pool}})
		if err != nil {
			return err
		}
		b.OperationID = op.ID
		return s.Backups.Insert(ctx, b)
	})
	return b, err
}

type backupParams struct {
	HostID cloud.HostID `json:"host_id"`
	Pool   string       `json:"pool,omitempty"`
}

func backupSubject(id cloud.BackupID) string { return "backup/" + string(id) }

func (s *Service) backupOf(ctx context.Context, v *cloud.Volume, r BackupRequest) (*cloud.Backup, error) {
	b := &cloud.Backup{ID: cloud.BackupID(cloud.NewID()), ProjectID: v.ProjectID, UserID: cloud.PrincipalOf(ctx).UserID, VolumeID: v.ID,
		Name: r.Name, Description: r.Description, SizeGiB: v.SizeGiB, State: cloud.BackupCreating, Properties: r.Properties,
		Container: r.Container, Zone: r.Zone, SnapshotID: r.SnapshotID, DataAt: s.Now().UTC(), Bootable: v.Bootable, ImageProperties: v.ImageProperties, VolumeProperties: v.Properties}
	if v.Key != nil { // the others are restored to volumes of any type
		b.Key, b.TypeID = v.Key, v.TypeID
	}
	b.StoredAs = b.ID
	if err := s.backupSource(ctx, v, b, r.Force); err != nil || !r.Incremental {
		return b, err
	}
	newest, err := s.Backups.List(ctx, cloud.Query{Where: []cloud.Cond{cloud.Eq("volume_id", v.ID), cloud.Eq("state", cloud.BackupAvailable)},
		Order: []cloud.Order{{Column: "data_at", Desc: true}}, Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(newest) == 0 {
		return nil, cloud.Invalidf("backup", "incremental", "No backups available to do an incremental backup of volume %s.", v.ID)
	}
	b.ParentID = newest[0].ID
	return b, nil
}

// backupSource checks that the bytes can be read now.
func (s *Service) backupSource(ctx context.Context, v *cloud.Volume, b *cloud.Backup, force bool) error {
	if b.SnapshotID == "" {
		return snappable(v, force)
	}
	n, err := s.Snapshot(ctx, b.SnapshotID)
	if err != nil {
		return err
	}
	if n.VolumeID != v.ID {
		return cloud.Invalidf("backup", "snapshot_id", "Snapshot %s is not one of volume %s.", n.ID, v.ID)
	}
	if n.State != cloud.VolumeAvailable {
		return cloud.Errorf(cloud.WrongState, "snapshot", n.ID, "Snapshot %s is %s; it must be available.", n.ID, n.State)
	}
	b.SizeGiB, b.DataAt, b.Key = n.SizeGiB, n.CreatedAt, n.Key
	return nil
}

func (s *Service) backupCreateKind() operation.Kind {
	return operation.Kind{Name: kindBackupCreate, Settle: s.settleBackup, Steps: []operation.Step{
		{Name: "snapshot", Do: s.backupSnapshot, Undo: s.dropBackupSnapshot},
		{Name: "bytes", Do: s.keepBytes, Undo: s.removeBackupBytes},
		// No undo: the backup is whole, and what stays on the host is an orphan that its self-check removes.
		{Name: "clean", Do: s.dropBackupSnapshot},
	}}
}

// creatingBackup answers the backup while its Operation still holds it, and the snapshot that it is read from: one of the
// backup's own id, which the backup's row vouches for, unless its owner named one.
func (s *Service) creatingBackup(ctx context.Context, op *cloud.Operation) (*cloud.Backup, spec.SnapshotID, error) {
	b, err := s.Backups.Get(ctx, cloud.BackupID(operation.SubjectID(op)))
	if err != nil {
		return nil, "", err
	}
	if b.OperationID != op.ID {
		return nil, "", cloud.Errorf(cloud.WrongState, "backup", b.ID, "Backup %s was taken over while it was being made.", b.ID)
	}
	if b.SnapshotID != "" {
		return b, spec.SnapshotID(b.SnapshotID), nil
	}
	return b, spec.SnapshotID(b.ID), nil
}

func (s *Service) backupSnapshot(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[backupParams](op)
	if err != nil {
		return err
	}
	b, from, err := s.creatingBackup(ctx, op)
	if err != nil || b.SnapshotID != "" {
		return err
	}
	a, err := s.agent(ctx, p.HostID)
	if err != nil {
		return err
	}
	return permanent(a.EnsureSnapshot(ctx, spec.Snapshot{ID: from, Volume: spec.VolumeID(b.VolumeID), Pool: p.Pool}))
}

func (s *Service) keepBytes(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[backupParams](op)
	if err != nil {
		return err
	}
	b, from, err := s.creatingBackup(ctx, op)
	if err != nil {
		return err
	}
	parent, err := s.storedAs(ctx, b.ParentID)
	if err != nil {
		return err
	}
	a, err := s.agent(ctx, p.HostID)
	if err != nil {
		return err
	}
	r, err := a.Export(ctx, from, spec.FormatRaw)
	if err != nil {
		return fmt.Errorf("export: %w", permanent(err))
	}
	defer r.Close()
	pieces, err := s.BackupBytes.Write(ctx, b.StoredAs, parent, r)
	if err != nil {
		return err
	}
	return operation.SetData(op, backupData{Pieces: pieces})
}

type backupData struct {
	Pieces int `json:"pieces"`
}

func (s *Service) storedAs(ctx context.Context, id cloud.BackupID) (cloud.BackupID, error) {
	if id == "" {
		return "", nil
	}
	b, err := s.Backups.Get(ctx, id)
	if err != nil {
		return "", err
	}
	return b.StoredAs, nil
}

func (s *Service) removeBackupBytes(ctx context.Context, op *cloud.Operation) error {
	return s.BackupBytes.Remove(ctx, cloud.BackupID(operation.SubjectID(op)))
}

// dropBackupSnapshot tries once: the self-check of the host removes what stays.
func (s *Service) dropBackupSnapshot(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[backupParams](op)
	if err != nil {
		return err
	}
	if err := s.removeSnapshotBytes(ctx, p.HostID, spec.SnapshotID(operation.SubjectID(op))); err != nil {
		s.Log.Warn("snapshot of a backup stays until the host's self-check", "operation", op.ID, "host", p.HostID, "error", err)
	}
	return nil
}

func (s *Service) settleBackup(ctx context.Context, op *cloud.Operation) error {
	d, err := operation.Data[backupData](op)
	if err != nil {
		return err
	}
	return s.releaseBackup(ctx, op, cloud.BackupID(operation.SubjectID(op)), func(b *cloud.Backup) {
		b.State, b.Fault, b.Pieces = cloud.BackupAvailable, nil, d.Pieces
		if op.State != cloud.OperationSucceeded {
			b.State, b.Fault = cloud.BackupFailed, op.Fault
		}
	})
}

// releaseBackup gives a backup back at the end of an Operation, if that still holds it.
func (s *Service) releaseBackup(ctx context.Context, op *cloud.Operation, id cloud.BackupID, edit func(*cloud.Backup)) error {
	holder := func(b *cloud.Backup) *cloud.OperationID { return &b.OperationID }
	return release(ctx, s.Backups, id, op, holder, func(b *cloud.Backup) error { edit(b); return nil })
}
