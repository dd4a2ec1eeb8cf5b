package volume

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/spec"
)

const (
	kindRestore = "volume.restore"
	kindRevert  = "volume.revert"
)

// restoreParams say whose bytes a volume gets in place of its own.
type restoreParams struct {
	HostID  cloud.HostID `json:"host_id"`
	Pool    string       `json:"pool,omitempty"`
	SizeGiB int          `json:"size_gib"`
	// Before is the state the volume goes back to while its old bytes are untouched.
	Before     cloud.VolumeState `json:"before"`
	BackupID   cloud.BackupID    `json:"backup_id,omitempty"`
	SnapshotID cloud.SnapshotID  `json:"snapshot_id,omitempty"`
	// Key opens the volume when it has them.
	Key *cloud.VolumeKey `json:"key,omitempty"`
}

// RestoreBackup starts to give a volume a backup's bytes in place of its own: a new volume of the name, or of one
// after the backup, if none is named.
func (s *Service) RestoreBackup(ctx context.Context, id cloud.BackupID, into cloud.VolumeID, name string) (*cloud.Volume, error) {
	var v *cloud.Volume
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		b, err := s.authorizedBackup(ctx, "backup.restore", id)
		if err != nil {
			return err
		}
		if b.State != cloud.BackupAvailable {
			return cloud.Errorf(cloud.WrongState, "backup", id, "Backup %s is %s; it must be available.", id, b.State)
		}
		if into == "" {
			if name == "" {
				name = "restore_backup_" + string(id)
			}
			v, err = s.CreateVolume(ctx, CreateRequest{Name: name, Description: b.Description, SizeGiB: b.SizeGiB, BackupID: id})
			return err
		}
		v, err = s.restoreInto(ctx, b, into)
		return err
	})
	return v, err
}

func (s *Service) restoreInto(ctx context.Context, b *cloud.Backup, into cloud.VolumeID) (*cloud.Volume, error) {
	return s.change(ctx, "volume.restore", into, func(ctx context.Context, v *cloud.Volume) error {
		if err := mustBe(v, cloud.VolumeAvailable, cloud.VolumeFailed); err != nil {
			return err
		}
		if v.SizeGiB < b.SizeGiB {
			return cloud.Invalidf("volume", "volume_id", "Volume %s has %d GiB, the backup needs %d.", v.ID, v.SizeGiB, b.SizeGiB)
		}
		if err := s.startReplacing(ctx, v, kindRestore, restoreParams{BackupID: b.ID, Key: b.Key}); err != nil {
			return err
		}
		b.State, b.OperationID = cloud.BackupRestoring, v.OperationID
		return s.Backups.Update(ctx, b)
	})
}

// Revert starts to give a volume the bytes of its newest snapshot in place of its own.
func (s *Service) Revert(ctx context.Context, id cloud.VolumeID, to cloud.SnapshotID) error {
	_, err := s.change(ctx, "volume.restore", id, func(ctx context.Context, v *cloud.Volume) error {
		if err := mustBe(v, cloud.VolumeAvailable); err != nil {
			return err
		}
		n, err := s.Snapshot(ctx, to)
		if err != nil {
			return err
		}
		newest, err := s.Snapshots.List(ctx, cloud.Query{Where: []cloud.Cond{cloud.Eq("volume_id", id)},
			Order: []cloud.Order{{Column: "created_at", Desc: true}}, Limit: 1})
		if err != nil {
			return err
		}
		if len(newest) == 0 || newest[0].ID != to {
			return cloud.Invalidf("volume", "snapshot_id", "Snapshot %s is not the newest one of volume %s.", to, id)
		}
		if n.State != cloud.VolumeAvailable || n.SizeGiB != v.SizeGiB {
			return cloud.Errorf(cloud.WrongState, "volume", id, "Snapshot %s is %s and of %d GiB; it must be available and as large as the volume.", to, n.State, n.SizeGiB)
		}
		return s.startReplacing(ctx, v, kindRevert, restoreParams{SnapshotID: to, Key: n.Key})
	})
	return err
}

func (s *Service) startReplacing(ctx context.Context, v *cloud.Volume, kind string, p restoreParams) error {
	if p.Key == nil {
		p.Key = v.Key
	} else if v.Key == nil || v.Key.VolumeEncryption != p.Key.VolumeEncryption {
		return cloud.Invalidf("volume", "volume_id", "The bytes are encrypted, and volume %s is not in the same way: restore them into a new volume.", v.ID)
	}
	p.HostID, p.Pool, p.SizeGiB, p.Before = v.HostID, v.Pool, v.SizeGiB, v.State
	op, err := s.Operations.Start(ctx, operation.Request{Kind: kind, Subject: subject(v.ID), ProjectID: v.ProjectID, Params: p})
	if err != nil {
		return err
	}
	v.OperationID, v.Task, v.Fault = op.ID, kind, nil
	return nil
}

func (s *Service) replaceKind(name string) operation.Kind {
	return operation.Kind{Name: name, Settle: s.settleReplace, Steps: []operation.Step{
		// No undo: the host drops what nobody needs. It comes first because it may fail, and the volume is still whole.
		{Name: "source", Do: s.bringReplacement},
		// No undo: the old bytes are gone with the first of it; a volume whose new ones cannot be made has failed.
		{Name: "bytes", Do: s.replaceBytes},
	}}
}

// backupImage is a backup as a host takes it in: bytes that are not interpreted.
func (s *Service) backupImage(ctx context.Context, id cloud.BackupID) (*spec.Image, error) {
	b, err := s.Backups.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	size, sum, err := s.BackupBytes.Stat(ctx, b.StoredAs)
	if err != nil {
		return nil, err
	}
	format := spec.FormatOpaque
	if b.Key != nil {
		format = spec.FormatLUKS
	}
	return &spec.Image{ID: spec.ImageID(b.StoredAs), Format: format, SizeBytes: size, SHA256: sum}, nil
}

func (s *Service) bringReplacement(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[restoreParams](op)
	if err != nil || p.BackupID == "" {
		return err
	}
	i, err := s.backupImage(ctx, p.BackupID)
	if err != nil {
		return err
	}
	i.Pool = p.Pool
	a, err := s.agent(ctx, p.HostID)
	if err != nil {
		return err
	}
	return permanent(a.EnsureImage(ctx, *i))
}

func (s *Service) replaceBytes(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[restoreParams](op)
	if err != nil {
		return err
	}
	want := spec.Volume{ID: spec.VolumeID(operation.SubjectID(op)), Generation: generation(op), SizeBytes: int64(p.SizeGiB) * gib, Pool: p.Pool,
		Snapshot: spec.SnapshotID(p.SnapshotID)}
	if p.BackupID != "" {
		if want.Image, err = s.backupImage(ctx, p.BackupID); err != nil {
			return err
		}
	}
	if want.Encryption, err = s.encryption(ctx, p.Key); err != nil {
		return err
	}
	a, err := s.agent(ctx, p.HostID)
	if err != nil {
		return err
	}
	if err := a.RemoveVolume(ctx, want.ID); err != nil {
		return permanent(err)
	}
	_, err = a.EnsureVolume(ctx, want)
	return permanent(err)
}

func (s *Service) settleReplace(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[restoreParams](op)
	if err != nil {
		return err
	}
	if p.BackupID != "" {
		if err := s.releaseBackup(ctx, op, p.BackupID, func(b *cloud.Backup) { b.State = cloud.BackupAvailable }); err != nil {
			return err
		}
	}
	return s.settle(ctx, op, func(v *cloud.Volume) error {
		if op.State == cloud.OperationSucceeded {
			v.State, v.Fault, v.Key = cloud.VolumeAvailable, nil, p.Key
			return s.takeFacts(ctx, v, p.BackupID)
		}
		v.State, v.Fault = p.Before, op.Fault
		if len(op.Steps) > 0 { // past the first step, the old bytes may be gone
			v.State = cloud.VolumeFailed
		}
		return nil
	})
}

// takeFacts gives a restored volume what its backup remembers of the one it was made of.
func (s *Service) takeFacts(ctx context.Context, v *cloud.Volume, id cloud.BackupID) error {
	if id == "" {
		return nil
	}
	b, err := s.Backups.Get(ctx, id)
	if cloud.Is(err, cloud.NotFound) { // force-deleted meanwhile
		return nil
	}
	if err == nil {
		v.Bootable, v.ImageProperties = b.Bootable, b.ImageProperties
	}
	return err
}
