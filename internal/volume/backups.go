package volume

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/imageformat/luks"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// Backup answers one backup that the caller may see.
func (s *Service) Backup(ctx context.Context, id cloud.BackupID) (*cloud.Backup, error) {
	return s.authorizedBackup(ctx, "backup.get", id)
}

func (s *Service) authorizedBackup(ctx context.Context, a policy.Action, id cloud.BackupID) (*cloud.Backup, error) {
	b, err := found(s.Backups.Get(ctx, id))("backup", string(id))
	if err != nil {
		return nil, err
	}
	return b, policy.Authorize(ctx, a, policy.Target{Resource: "backup", ID: string(id), ProjectID: b.ProjectID, UserID: b.UserID})
}

// ListBackups answers the backups that f selects among those the caller may see.
func (s *Service) ListBackups(ctx context.Context, f Filter[cloud.Backup]) ([]*cloud.Backup, error) {
	return s.Backups.List(ctx, f.where(ctx, "backup.get"), f.keep()...)
}

// HaveChildren tells which backups others are made on, with one question to the store.
func (s *Service) HaveChildren(ctx context.Context, ids []cloud.BackupID) (map[cloud.BackupID]bool, error) {
	children, err := s.Backups.List(ctx, cloud.Where(cloud.In("parent_id", ids)))
	have := map[cloud.BackupID]bool{}
	for _, b := range children {
		have[b.ParentID] = true
	}
	return have, err
}

func (s *Service) changeBackup(ctx context.Context, a policy.Action, id cloud.BackupID, edit func(context.Context, *cloud.Backup) error) (*cloud.Backup, error) {
	var b *cloud.Backup
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		var err error
		if b, err = s.authorizedBackup(ctx, a, id); err != nil {
			return err
		}
		if err = edit(ctx, b); err != nil {
			return err
		}
		return s.Backups.Update(ctx, b)
	})
	return b, err
}

// UpdateBackup lets edit change the facts of a backup, all or nothing. Same rules as Update.
func (s *Service) UpdateBackup(ctx context.Context, id cloud.BackupID, edit func(*Facts) error) (*cloud.Backup, error) {
	return s.changeBackup(ctx, "backup.update", id, func(_ context.Context, b *cloud.Backup) error {
		f := Facts{b.Name, b.Description, cloned(b.Properties)}
		if err := editFacts("backup", &f, edit); err != nil {
			return err
		}
		b.Name, b.Description, b.Properties = f.Name, f.Description, f.Properties
		return nil
	})
}

// ResetBackup is an administrator's word on a backup's state.
func (s *Service) ResetBackup(ctx context.Context, id cloud.BackupID, state cloud.BackupState) error {
	_, err := s.changeBackup(ctx, "backup.reset", id, func(_ context.Context, b *cloud.Backup) error {
		b.State, b.OperationID, b.Fault = state, "", nil
		return nil
	})
	return err
}

// DeleteBackup starts the deletion of a backup. It may be repeated. InUse while others are made on it; WrongState while
// it is being restored, unless forced.
func (s *Service) DeleteBackup(ctx context.Context, id cloud.BackupID, force bool) error {
	action := policy.Action("backup.delete")
	if force {
		action = "backup.force_delete"
	}
	_, err := s.changeBackup(ctx, action, id, func(ctx context.Context, b *cloud.Backup) error {
		if b.State == cloud.BackupDeleting && b.OperationID != "" {
			return nil
		}
		if b.State == cloud.BackupRestoring && !force {
			return cloud.Errorf(cloud.WrongState, "backup", id, "Backup %s is being restored.", id)
		}
		children, err := s.Backups.Count(ctx, cloud.Eq("parent_id", id))
		if err != nil {
			return err
		}
		if children > 0 {
			return cloud.Errorf(cloud.InUse, "backup", id, "Incremental backups exist for backup %s; delete them first.", id)
		}
		if b.OperationID != "" && b.State == cloud.BackupCreating {
			if err := s.Operations.Cancel(ctx, b.OperationID); err != nil {
				return err
			}
		}
		op, err := s.Operations.Start(ctx, operation.Request{Kind: kindBackupDelete, Subject: backupSubject(id), ProjectID: b.ProjectID})
		if err != nil {
			return err
		}
		b.State, b.OperationID = cloud.BackupDeleting, op.ID
		return nil
	})
	return err
}

func (s *Service) backupDeleteKind() operation.Kind {
	return operation.Kind{Name: kindBackupDelete, Deadline: deleteDeadline, Settle: s.settleBackupDelete, Steps: []operation.Step{
		// No undo: nobody wants a deleted backup back.
		{Name: "bytes", Do: s.deleteBackupBytes},
	}}
}

// deleteBackupBytes leaves bytes that another row stands for too: records of one backup may be imported twice.
func (s *Service) deleteBackupBytes(ctx context.Context, op *cloud.Operation) error {
	id := cloud.BackupID(operation.SubjectID(op))
	b, err := s.Backups.Get(ctx, id)
	if cloud.Is(err, cloud.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	needed, err := s.neededBy(ctx, cloud.Eq("backup_id", id))
	if err != nil {
		return err
	}
	if needed {
		return cloud.Errorf(cloud.Unavailable, "backup", id, "Backup %s waits for volumes that are being made from it.", id)
	}
	others, err := s.Backups.Count(ctx, cloud.Eq("stored_as", b.StoredAs))
	if err != nil || others > 1 {
		return err
	}
	return retryable(s.BackupBytes.Remove(ctx, b.StoredAs))
}

func (s *Service) settleBackupDelete(ctx context.Context, op *cloud.Operation) error {
	id := cloud.BackupID(operation.SubjectID(op))
	if op.State != cloud.OperationSucceeded {
		return s.releaseBackup(ctx, op, id, func(b *cloud.Backup) { b.State, b.Fault = cloud.BackupFailed, op.Fault })
	}
	return unlessGone(s.Backups.Delete(ctx, id))
}

// ExportBackup answers all that ImportBackup needs to make the row anew, here or in another cloud with the same bytes.
func (s *Service) ExportBackup(ctx context.Context, id cloud.BackupID) (*cloud.Backup, error) {
	b, err := s.authorizedBackup(ctx, "backup.export", id)
	if err == nil && b.State != cloud.BackupAvailable {
		err = cloud.Errorf(cloud.WrongState, "backup", id, "Backup %s is %s; it must be available.", id, b.State)
	}
	return b, err
}

// ImportBackup makes a row for bytes that are there, in the caller's project. AlreadyExists if the id has one.
func (s *Service) ImportBackup(ctx context.Context, b cloud.Backup) (*cloud.Backup, error) {
	p := cloud.PrincipalOf(ctx)
	if err := policy.Authorize(ctx, "backup.export", policy.Target{Resource: "backup", ProjectID: p.ProjectID}); err != nil {
		return nil, err
	}
	size, _, err := s.BackupBytes.Stat(ctx, b.StoredAs)
	if err != nil {
		return nil, err
	}
	if b.Key != nil {
		size -= luks.HeaderBytes
	}
	if b.ID == "" || b.SizeGiB <= 0 || size > int64(b.SizeGiB)*gib {
		return nil, cloud.Invalidf("backup", "backup_url", "The record does not describe the bytes that it names.")
	}
	if b.Key != nil {
		if _, err := s.Secrets.Open(ctx, string(b.Key.ID), b.Key.Sealed); err != nil {
			return nil, cloud.Invalidf("backup", "backup_url", "The backup is encrypted, and its key was sealed by another cloud.")
		}
	}
	b.Meta, b.ProjectID, b.UserID, b.State, b.OperationID, b.Fault = cloud.Meta{}, p.ProjectID, p.UserID, cloud.BackupAvailable, "", nil
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.Quota.Reserve(ctx, b.ProjectID, map[string]int64{cloud.QuotaBackups: 1, cloud.QuotaBackupGigabytes: int64(b.SizeGiB)}); err != nil {
			return err
		}
		return s.Backups.Insert(ctx, &b)
	})
	if cloud.Is(err, cloud.AlreadyExists) {
		return nil, cloud.Errorf(cloud.WrongState, "backup", b.ID, "Backup %s exists already.", b.ID)
	}
	return &b, err
}
