package volume

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/policy"
	"github.com/nubo-cloud/nubo/internal/spec"
)

const kindSnapshotCopy = "snapshot.copy"

// copyParams say what a snapshot is made from: another one, or an image. The pool knows snapshots of volumes only, so a volume is made
// on the way, which has the snapshot's id and no row.
type copyParams struct {
	From  cloud.SnapshotID `json:"from,omitempty"`
	Image cloud.ImageID    `json:"image,omitempty"`
}

// CopySnapshot starts to make a snapshot that is the same as another, which the caller may make volumes from.
func (s *Service) CopySnapshot(ctx context.Context, from cloud.SnapshotID, r SnapshotRequest) (*cloud.Snapshot, error) {
	if err := checkWords("snapshot", r.Name, r.Description, r.Properties); err != nil {
		return nil, err
	}
	var n *cloud.Snapshot
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		source, err := s.lentSnapshot(ctx, from)
		if err != nil {
			return err
		}
		if source.State != cloud.VolumeAvailable {
			return cloud.Errorf(cloud.WrongState, "snapshot", from, "Snapshot %s is %s; it must be available to be copied.", from, source.State)
		}
		n = madeSnapshot(ctx, r)
		n.CopyOf, n.SizeGiB, n.HostID, n.Pool = from, source.SizeGiB, source.HostID, source.Pool
		n.Bootable, n.ImageProperties, n.Key = source.Bootable, source.ImageProperties, source.Key
		if err := s.reserve(ctx, n.ProjectID, "", cloud.QuotaSnapshots, n.SizeGiB, 0); err != nil {
			return err
		}
		return s.startSnapshotCopy(ctx, n, copyParams{From: from})
	})
	return n, err
}

// SnapshotImage starts to make a snapshot of an image's disk. The image may still be on its way into the cloud; it is discarded once
// the snapshot has been made, or cannot be.
func (s *Service) SnapshotImage(ctx context.Context, image cloud.ImageID, r SnapshotRequest) (*cloud.Snapshot, error) {
	if err := checkWords("snapshot", r.Name, r.Description, r.Properties); err != nil {
		return nil, err
	}
	var n *cloud.Snapshot
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		if _, err := s.Images.Image(ctx, image); err != nil {
			return err
		}
		n = madeSnapshot(ctx, r)
		// How large it is shows when the image is there, and is counted then.
		if err := s.reserve(ctx, n.ProjectID, "", cloud.QuotaSnapshots, 0, 0); err != nil {
			return err
		}
		return s.startSnapshotCopy(ctx, n, copyParams{Image: image})
	})
	return n, err
}

// madeSnapshot is a snapshot that is of no volume.
func madeSnapshot(ctx context.Context, r SnapshotRequest) *cloud.Snapshot {
	p := cloud.PrincipalOf(ctx)
	return &cloud.Snapshot{ID: cloud.SnapshotID(cloud.NewID()), ProjectID: p.ProjectID, UserID: p.UserID, Name: r.Name,
		Description: r.Description, Properties: r.Properties, State: cloud.VolumeCreating}
}

func (s *Service) startSnapshotCopy(ctx context.Context, n *cloud.Snapshot, p copyParams) error {
	if err := policy.Authorize(ctx, "snapshot.create", policy.Target{Resource: "snapshot", ProjectID: n.ProjectID}); err != nil {
		return err
	}
	op, err := s.Operations.Start(ctx, operation.Request{Kind: kindSnapshotCopy, Subject: snapshotSubject(n.ID), ProjectID: n.ProjectID, Params: p})
	if err != nil {
		return err
	}
	n.OperationID = op.ID
	return s.Snapshots.Insert(ctx, n)
}

// lentSnapshot is a snapshot that the caller may make volumes from: by itself, or because it may use an image that stands for it.
func (s *Service) lentSnapshot(ctx context.Context, id cloud.SnapshotID) (*cloud.Snapshot, error) {
	n, err := s.Snapshot(ctx, id)
	if !cloud.Is(err, cloud.NotFound) {
		return n, err
	}
	lent, lerr := s.Images.Lends(ctx, id)
	if lerr != nil || !lent {
		return nil, err
	}
	if n, err = s.Snapshots.Get(ctx, id); cloud.Is(err, cloud.NotFound) {
		err = cloud.NotFoundf("snapshot", id)
	}
	return n, err
}

func (s *Service) snapshotCopyKind() operation.Kind {
	return operation.Kind{Name: kindSnapshotCopy, Settle: s.settleSnapshotCreate, Steps: []operation.Step{
		{Name: "image", Do: s.awaitImage, Undo: s.dropImage},
		{Name: "volume", Do: s.makeStepping, Undo: s.dropStepping},
		{Name: "bytes", Do: s.copyStepping, Undo: s.uncopyBytes},
		{Name: "clean up", Do: s.cleanCopy, Forward: true},
	}}
}

// copying answers the snapshot while its Operation still holds it, and what that makes it from.
func (s *Service) copying(ctx context.Context, op *cloud.Operation) (*cloud.Snapshot, copyParams, error) {
	p, err := operation.Params[copyParams](op)
	if err != nil {
		return nil, p, err
	}
	n, err := s.Snapshots.Get(ctx, cloud.SnapshotID(operation.SubjectID(op)))
	if err == nil && n.OperationID != op.ID {
		err = cloud.Errorf(cloud.WrongState, "snapshot", n.ID, "Snapshot %s was taken over while it was being made.", n.ID)
	}
	return n, p, err
}

// awaitImage waits until the image has its bytes, and then finds room for the snapshot, which is as large.
func (s *Service) awaitImage(ctx context.Context, op *cloud.Operation) error {
	n, p, err := s.copying(ctx, op)
	if err != nil || p.Image == "" || n.HostID != "" {
		return err
	}
	i, err := s.arrived(ctx, p.Image)
	if err != nil {
		return err
	}
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		n, _, err := s.copying(ctx, op)
		if err != nil || n.HostID != "" {
			return err
		}
		n.SizeGiB = max(1, wholeGiB(i.VirtualBytes))
		if err := s.reserve(ctx, n.ProjectID, "", "", n.SizeGiB, 0); err != nil {
			return err
		}
		at, err := s.Placer.PlaceVolume(ctx, cloud.VolumePlacement{SizeGiB: n.SizeGiB})
		if err != nil {
			return err
		}
		n.HostID, n.Pool = at.HostID, at.Pool
		n.Bootable, n.ImageProperties = true, imageFacts(i)
		return s.Snapshots.Update(ctx, n)
	})
}

// arrived is the image once nothing fills it any more. One that could not be filled is Invalid, and says why.
func (s *Service) arrived(ctx context.Context, id cloud.ImageID) (*cloud.Image, error) {
	for {
		i, err := s.Images.Image(ctx, id)
		if err != nil {
			return nil, err
		}
		switch {
		case i.State == cloud.ImageActive:
			return s.Images.Usable(ctx, id)
		case i.State == cloud.ImageImporting && i.OperationID != "":
			if _, err := s.Operations.Await(ctx, i.OperationID); err != nil {
				return nil, err
			}
		case i.Fault != nil:
			return nil, cloud.Errorf(i.Fault.Kind, "snapshot", "", "%s", i.Fault.Message)
		default:
			return nil, cloud.Errorf(cloud.WrongState, "snapshot", "", "The image that the snapshot is made from has no data.")
		}
	}
}

// makeStepping makes the volume that the snapshot is taken of.
func (s *Service) makeStepping(ctx context.Context, op *cloud.Operation) error {
	n, p, err := s.copying(ctx, op)
	if err != nil {
		return err
	}
	a, err := s.agent(ctx, n.HostID)
	if err != nil {
		return err
	}
	want := spec.Volume{ID: spec.VolumeID(n.ID), Generation: generation(op), SizeBytes: int64(n.SizeGiB) * gib, Pool: n.Pool, Snapshot: spec.SnapshotID(p.From)}
	if p.Image != "" {
		i, err := s.Images.Usable(ctx, p.Image)
		if err != nil {
			return err
		}
		image := s.Images.Spec(i)
		image.Pool = n.Pool
		if err := a.EnsureImage(ctx, image); err != nil {
			return permanent(err)
		}
		want.Image = &image
	}
	if want.Encryption, err = s.encryption(ctx, n.Key); err != nil {
		return err
	}
	_, err = a.EnsureVolume(ctx, want)
	return permanent(err)
}

func (s *Service) copyStepping(ctx context.Context, op *cloud.Operation) error {
	n, _, err := s.copying(ctx, op)
	if err != nil {
		return err
	}
	a, err := s.agent(ctx, n.HostID)
	if err != nil {
		return err
	}
	return permanent(a.EnsureSnapshot(ctx, spec.Snapshot{ID: spec.SnapshotID(n.ID), Volume: spec.VolumeID(n.ID), Pool: n.Pool}))
}

func (s *Service) cleanCopy(ctx context.Context, op *cloud.Operation) error {
	if err := s.dropStepping(ctx, op); err != nil {
		return err
	}
	return s.dropImage(ctx, op)
}

// dropStepping tries once: what stays on a host that is down is collected as an orphan when it is back.
func (s *Service) dropStepping(ctx context.Context, op *cloud.Operation) error {
	n, err := s.Snapshots.Get(ctx, cloud.SnapshotID(operation.SubjectID(op)))
	if err != nil {
		return unlessGone(err)
	}
	if err := s.removeBytes(ctx, n.HostID, cloud.VolumeID(n.ID)); err != nil {
		s.Log.Warn("the volume that a snapshot was made from stays until its host is looked at", "snapshot", n.ID, "host", n.HostID, "error", err)
	}
	return nil
}

func (s *Service) dropImage(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[copyParams](op)
	if err != nil || p.Image == "" {
		return err
	}
	return s.Images.Discard(ctx, p.Image)
}
