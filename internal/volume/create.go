package volume

import (
	"context"
	"maps"
	"strconv"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/policy"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// CreateRequest says what a new volume shall be. At most one source is set; without a size it is as large as its source.
type CreateRequest = cloud.VolumeRequest

const kindCreate = "volume.create"

// CreateVolume inserts a volume and starts making it, in the caller's transaction if there is one. The volume is in state
// creating; WaitVolume waits for it.
func (s *Service) CreateVolume(ctx context.Context, r CreateRequest) (*cloud.Volume, error) {
	p := cloud.PrincipalOf(ctx)
	if err := policy.Authorize(ctx, "volume.create", policy.Target{Resource: "volume", ProjectID: p.ProjectID}); err != nil {
		return nil, err
	}
	if err := checkRequest(r); err != nil {
		return nil, err
	}
	var v *cloud.Volume
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		v = &cloud.Volume{ID: cloud.VolumeID(cloud.NewID()), ProjectID: p.ProjectID, UserID: p.UserID, Name: r.Name,
			Description: r.Description, SizeGiB: r.SizeGiB, State: cloud.VolumeCreating, Zone: r.Zone,
			Properties: r.Properties, TypeAlias: r.TypeAlias, VolumeLimits: r.Limits, MultiAttach: r.MultiAttach, MadeFor: r.MadeFor}
		near, err := s.takeSource(ctx, v, r)
		if err != nil {
			return err
		}
		if err := s.takeType(ctx, v, r); err != nil {
			return err
		}
		if err := s.takeGroup(ctx, v, r.GroupID); err != nil {
			return err
		}
		return s.insert(ctx, v, near, r.KeepUnplaced)
	})
	return v, err
}

func checkRequest(r CreateRequest) error {
	sources := 0
	for _, set := range []bool{r.ImageID != "", r.SnapshotID != "", r.SourceVolumeID != "", r.BackupID != ""} {
		if set {
			sources++
		}
	}
	if sources > 1 {
		return cloud.Invalidf("volume", "source", "A volume is made from an image, a snapshot, a backup or a volume: only one of them may be given.")
	}
	if r.SizeGiB < 0 || r.SizeGiB == 0 && r.SnapshotID == "" && r.SourceVolumeID == "" && r.BackupID == "" {
		return cloud.Invalidf("volume", "size", "Volume size '%d' must be an integer and greater than 0", r.SizeGiB)
	}
	if err := checkLimits(r.Limits); err != nil {
		return err
	}
	return checkWords("volume", r.Name, r.Description, r.Properties)
}

// insert places the volume, counts it, and starts its Operation.
func (s *Service) insert(ctx context.Context, v *cloud.Volume, near cloud.VolumePlace, keepUnplaced bool) error {
	if err := s.reserve(ctx, v.ProjectID, v.TypeID, cloud.QuotaVolumes, v.SizeGiB, v.SizeGiB); err != nil {
		return err
	}
	if err := s.place(ctx, v, near); err != nil {
		if keepUnplaced && cloud.Is(err, cloud.NoCapacity) {
			return s.insertFailed(ctx, v, err)
		}
		return err
	}
	if v.Zone == "" {
		if h, err := s.HostRows.Get(ctx, v.HostID); err == nil {
			v.Zone = h.Zone
		}
	}
	op, err := s.Operations.Start(ctx, operation.Request{Kind: kindCreate, Subject: subject(v.ID), ProjectID: v.ProjectID})
	if err != nil {
		return err
	}
	v.OperationID, v.Task = op.ID, kindCreate
	if err := s.Volumes.Insert(ctx, v); err != nil {
		return err
	}
	return s.bill(ctx, cloud.UsageVolumeCreated, v)
}

// place chooses the pool of a new volume.
func (s *Service) place(ctx context.Context, v *cloud.Volume, near cloud.VolumePlace) error {
	specs, err := s.specsOf(ctx, v.TypeID)
	if err != nil {
		return err
	}
	at, err := s.Placer.PlaceVolume(ctx, cloud.VolumePlacement{SizeGiB: v.SizeGiB, Zone: v.Zone, Near: near, Specs: specs})
	v.HostID, v.Pool = at.HostID, at.Pool
	return err
}

// specsOf are what a volume's type asks of its pool; nothing without a type.
func (s *Service) specsOf(ctx context.Context, id cloud.VolumeTypeID) (map[string]string, error) {
	if id == "" {
		return nil, nil
	}
	t, err := s.Types.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return t.ExtraSpecs, nil
}

// insertFailed keeps a volume that no pool will do for, with the reason, and gives notice of it. Nothing is billed: it never was.
func (s *Service) insertFailed(ctx context.Context, v *cloud.Volume, why error) error {
	v.State = cloud.VolumeFailed
	if e, ok := cloud.AsError(why); ok {
		v.Fault = &cloud.Fault{Kind: e.Kind, Message: e.Message, At: s.Now().UTC()}
	}
	if err := s.Volumes.Insert(ctx, v); err != nil || v.Fault == nil {
		return err
	}
	return s.Notices.Insert(ctx, &cloud.Notice{ID: cloud.NoticeID(cloud.NewID()), ProjectID: v.ProjectID, UserID: v.UserID,
		RequestID: cloud.PrincipalOf(ctx).RequestID, Noun: "volume", NounID: string(v.ID), Kind: kindCreate, Fault: *v.Fault})
}

// takeSource writes into v what it inherits, and answers where the source's bytes are.
func (s *Service) takeSource(ctx context.Context, v *cloud.Volume, r CreateRequest) (cloud.VolumePlace, error) {
	switch {
	case r.ImageID != "":
		return cloud.VolumePlace{HostID: r.HostID}, s.fromImage(ctx, v, r.ImageID)
	case r.SnapshotID != "":
		return s.fromSnapshot(ctx, v, r.SnapshotID)
	case r.SourceVolumeID != "":
		return s.fromVolume(ctx, v, r.SourceVolumeID)
	case r.BackupID != "":
		return cloud.VolumePlace{HostID: r.HostID}, s.fromBackup(ctx, v, r.BackupID)
	}
	return cloud.VolumePlace{HostID: r.HostID}, nil
}

func (s *Service) fromImage(ctx context.Context, v *cloud.Volume, id cloud.ImageID) error {
	i, err := s.Images.Usable(ctx, id)
	if err != nil {
		return err
	}
	if len(i.Disks) > 0 {
		return cloud.Invalidf("volume", "image_id", "Image %s stands for snapshots of volumes; make the volume from its snapshot.", id)
	}
	if need := max(i.MinDiskGiB, wholeGiB(i.VirtualBytes)); v.SizeGiB < need {
		return cloud.Invalidf("volume", "size", "Volume size %dGB cannot be smaller than the image's disk or minDisk size %dGB.", v.SizeGiB, need)
	}
	v.ImageID, v.Bootable, v.ImageProperties = id, true, imageFacts(i)
	return nil
}

// imageFacts are what a volume remembers of its image: its free properties, and the facts under the names
// that clients look for.
func imageFacts(i *cloud.Image) map[string]string {
	facts := make(map[string]string, len(i.Properties)+8)
	maps.Copy(facts, i.Properties)
	facts["image_id"], facts["image_name"] = string(i.ID), i.Name
	facts["container_format"], facts["disk_format"] = i.Container, i.Format
	facts["checksum"], facts["size"] = i.MD5, strconv.FormatInt(i.SizeBytes, 10)
	facts["min_disk"], facts["min_ram"] = strconv.Itoa(i.MinDiskGiB), strconv.Itoa(i.MinMemoryMiB)
	return facts
}

// imageFactNames are the keys of imageFacts that say what the image was, rather than how to run what is on it.
var imageFactNames = []string{"image_id", "image_name", "container_format", "disk_format", "checksum", "size", "min_disk", "min_ram"}

func (s *Service) fromSnapshot(ctx context.Context, v *cloud.Volume, id cloud.SnapshotID) (at cloud.VolumePlace, err error) {
	from, err := s.lentSnapshot(ctx, id)
	if err != nil {
		return at, err
	}
	if from.State != cloud.VolumeAvailable {
		return at, cloud.Invalidf("volume", "snapshot_id", "Snapshot %s is %s; it must be available.", id, from.State)
	}
	v.SnapshotID, v.Bootable, v.ImageProperties, v.Key = id, from.Bootable, from.ImageProperties, from.Key
	if source, err := s.Volumes.Get(ctx, from.VolumeID); err == nil && source.ProjectID == v.ProjectID {
		v.TypeID, v.ImageID = source.TypeID, source.ImageID
	}
	return cloud.VolumePlace{HostID: from.HostID, Pool: from.Pool}, fits(v, from.SizeGiB, "snapshot")
}

func (s *Service) fromBackup(ctx context.Context, v *cloud.Volume, id cloud.BackupID) error {
	from, err := s.Backup(ctx, id)
	if err != nil {
		return err
	}
	if from.State != cloud.BackupAvailable {
		return cloud.Invalidf("volume", "backup_id", "Backup %s is %s; it must be available.", id, from.State)
	}
	v.BackupID, v.Bootable, v.ImageProperties, v.Key, v.TypeID = id, from.Bootable, from.ImageProperties, from.Key, from.TypeID
	if v.Properties == nil {
		v.Properties = from.VolumeProperties
	}
	return fits(v, from.SizeGiB, "backup")
}

func (s *Service) fromVolume(ctx context.Context, v *cloud.Volume, id cloud.VolumeID) (at cloud.VolumePlace, err error) {
	from, err := s.Volume(ctx, id)
	if err != nil {
		return at, err
	}
	if from.State != cloud.VolumeAvailable && from.State != cloud.VolumeAttached {
		return at, cloud.Invalidf("volume", "source_volume", "Volume %s is %s; it must be available or attached to be copied.", id, from.State)
	}
	if err := still(from); err != nil {
		return at, err
	}
	v.SourceVolume, v.Bootable, v.ImageProperties, v.Key = id, from.Bootable, from.ImageProperties, from.Key
	v.TypeID, v.ImageID = from.TypeID, from.ImageID
	return cloud.VolumePlace{HostID: from.HostID, Pool: from.Pool}, fits(v, from.SizeGiB, "source volume")
}

func fits(v *cloud.Volume, sizeGiB int, source string) error {
	if v.SizeGiB == 0 {
		v.SizeGiB = sizeGiB
	}
	if v.SizeGiB < sizeGiB {
		return cloud.Invalidf("volume", "size", "Volume size '%d' GB cannot be smaller than the %s's size %d GB.", v.SizeGiB, source, sizeGiB)
	}
	return nil
}

func (s *Service) createKind() operation.Kind {
	return operation.Kind{Name: kindCreate, Settle: s.settleCreate, Steps: []operation.Step{
		// No undo: the host keeps the image for others, and its self-check drops it when nobody needs it.
		{Name: "image", Do: s.bringImage},
		{Name: "bytes", Do: s.makeBytes, Undo: s.unmakeBytes},
	}}
}

// creating answers the volume while its create Operation still holds it. Otherwise the
// Operation is over: Conflict would be tried again, so it is WrongState.
func (s *Service) creating(ctx context.Context, op *cloud.Operation) (*cloud.Volume, error) {
	v, err := s.Volumes.Get(ctx, cloud.VolumeID(operation.SubjectID(op)))
	if err == nil && v.OperationID != op.ID {
		err = cloud.Errorf(cloud.WrongState, "volume", v.ID, "Volume %s was taken over while it was being made.", v.ID)
	}
	return v, err
}

func (s *Service) bringImage(ctx context.Context, op *cloud.Operation) error {
	v, err := s.creating(ctx, op)
	if err != nil || v.SnapshotID != "" || v.SourceVolume != "" {
		return err
	}
	i, err := s.sourceImage(ctx, v)
	if err != nil || i == nil {
		return err
	}
	i.Pool = v.Pool
	a, err := s.agent(ctx, v.HostID)
	if err != nil {
		return err
	}
	return permanent(a.EnsureImage(ctx, *i))
}

// sourceImage is what the host takes in for a volume made from a backup or an image; nil if it is made from neither.
func (s *Service) sourceImage(ctx context.Context, v *cloud.Volume) (*spec.Image, error) {
	if v.BackupID != "" {
		return s.backupImage(ctx, v.BackupID)
	}
	if v.ImageID == "" {
		return nil, nil
	}
	i, err := s.Images.Image(ctx, v.ImageID)
	if err != nil {
		return nil, err
	}
	image := s.Images.Spec(i)
	return &image, nil
}

func (s *Service) makeBytes(ctx context.Context, op *cloud.Operation) error {
	v, err := s.creating(ctx, op)
	if err != nil {
		return err
	}
	want := spec.Volume{ID: spec.VolumeID(v.ID), Generation: generation(op), SizeBytes: int64(v.SizeGiB) * gib, Pool: v.Pool}
	switch {
	case v.SnapshotID != "":
		want.Snapshot = spec.SnapshotID(v.SnapshotID)
	case v.SourceVolume != "":
		want.Volume = spec.VolumeID(v.SourceVolume)
	default:
		if want.Image, err = s.sourceImage(ctx, v); err != nil {
			return err
		}
	}
	if want.Encryption, err = s.encryption(ctx, v.Key); err != nil {
		return err
	}
	a, err := s.agent(ctx, v.HostID)
	if err != nil {
		return err
	}
	_, err = a.EnsureVolume(ctx, want)
	return permanent(err)
}

// unmakeBytes tries once: a volume that failed keeps its row, and deleting that removes the bytes for
// certain. So a host that is down does not leave the Operation stuck.
func (s *Service) unmakeBytes(ctx context.Context, op *cloud.Operation) error {
	v, err := s.Volumes.Get(ctx, cloud.VolumeID(operation.SubjectID(op)))
	if cloud.Is(err, cloud.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.removeBytes(ctx, v.HostID, v.ID); err != nil {
		s.Log.Warn("half-made volume stays on its host until it is deleted", "volume", v.ID, "host", v.HostID, "error", err)
	}
	return nil
}

func (s *Service) settleCreate(ctx context.Context, op *cloud.Operation) error {
	return s.settle(ctx, op, func(v *cloud.Volume) error {
		if op.State == cloud.OperationSucceeded {
			held, err := s.Attachments.List(ctx, cloud.Where(cloud.Eq("volume_id", v.ID)))
			v.State, v.Fault = stateOf(held), nil
			return err
		}
		v.State, v.Fault = cloud.VolumeFailed, op.Fault
		return s.billEnd(ctx, v)
	})
}

// WaitVolume blocks until a volume has been made. Its error says why it was not.
func (s *Service) WaitVolume(ctx context.Context, id cloud.VolumeID) error {
	for {
		v, err := s.Volumes.Get(ctx, id)
		if err != nil {
			return err
		}
		switch v.State {
		case cloud.VolumeAvailable, cloud.VolumeReserved, cloud.VolumeAttached:
			return nil
		case cloud.VolumeFailed:
			return failure(v)
		case cloud.VolumeDeleting:
			return cloud.Errorf(cloud.WrongState, "volume", id, "Volume %s is being deleted.", id)
		}
		if _, err := s.Operations.Await(ctx, v.OperationID); err != nil {
			return err
		}
	}
}

func failure(v *cloud.Volume) error {
	if v.Fault == nil {
		return cloud.Errorf(cloud.WrongState, "volume", v.ID, "Volume %s has failed.", v.ID)
	}
	return cloud.Errorf(v.Fault.Kind, "volume", v.ID, "Volume %s could not be made: %s", v.ID, v.Fault.Message)
}
