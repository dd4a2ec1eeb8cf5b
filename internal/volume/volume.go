// Package volume holds the use cases on volumes, their snapshots, attachments
// and types.
//
// A row is the volume: it is inserted, with the Operation that makes it true on a host, in one
// transaction, and the bytes follow. The bytes of a volume lie on one pool of one host, which is
// chosen when the row is made, by what the volume's type asks of a pool.
//
//	Create -> row + Operation volume.create -> EnsureImage, EnsureVolume -> available
//	Delete -> Operation volume.delete       -> RemoveVolume, again until it works -> no row
//	TakeIn -> row + Operation volume.take_in -> AdoptVolume: a disk that lay on the pool -> available
//	LetGo  -> Operation volume.let_go       -> ReleaseVolume: the bytes stay, as nobody's -> no row
//
// A row names the Operation that holds it. An Operation that ends changes its row only if it is
// still the one named: so a delete takes the volume over from whatever was going on.
//
// It does not know guests: compute reserves, plugs and finishes attachments. The
// dialects and compute call it. CollectOrphans is called by the self-check of each host.
package volume

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/nubo-cloud/nubo/internal/agentapi"
	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/policy"
	"github.com/nubo-cloud/nubo/internal/quota"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Hosts reaches the agents. Unavailable when a host is down, NotFound when there is no such host any more.
type Hosts interface {
	Agent(ctx context.Context, id cloud.HostID) (agentapi.Agent, error)
}

// Placer chooses the pool that takes a new volume, within the caller's transaction. NoCapacity if none will do.
type Placer interface {
	PlaceVolume(ctx context.Context, r cloud.VolumePlacement) (cloud.VolumePlace, error)
}

// Images is what volumes need of package image.
type Images interface {
	Image(ctx context.Context, id cloud.ImageID) (*cloud.Image, error)
	Usable(ctx context.Context, id cloud.ImageID) (*cloud.Image, error)
	Spec(i *cloud.Image) spec.Image
	CreateFor(ctx context.Context, n NewImage) (*cloud.Image, error)
	WriteBytes(ctx context.Context, id cloud.ImageID, r io.Reader) error
	Discard(ctx context.Context, id cloud.ImageID) error
	// Lends tells whether the caller may use an image that stands for the snapshot, and with it the snapshot.
	Lends(ctx context.Context, id cloud.SnapshotID) (bool, error)
	// Standing is an image that stands for the snapshot; empty if none does.
	Standing(ctx context.Context, id cloud.SnapshotID) (cloud.ImageID, error)
}

// NewImage is an image that an Operation will fill from a volume.
type NewImage = cloud.ImageRequest

// Instances lets a guest know that its disks are others than before.
type Instances interface {
	// DisksChanged makes the guest of an instance, if there is one, have the disks that the rows say. Repeatable.
	DisksChanged(ctx context.Context, id cloud.InstanceID) error
	// HoldStill is WrongState if something is going on with an instance, or its guest is on another host. Whoever begins
	// something with the instance after the caller's transaction asks Still first.
	HoldStill(ctx context.Context, id cloud.InstanceID, host cloud.HostID) error
}

// Secrets seals what the store may not hold in clear. What is sealed under one id does not open under another.
type Secrets interface {
	Seal(ctx context.Context, id, text string) ([]byte, error)
	Open(ctx context.Context, id string, sealed []byte) (string, error)
}

// Deps is what a Service is made of.
type Deps struct {
	Volumes        cloud.Records[cloud.Volume, cloud.VolumeID]
	Snapshots      cloud.Records[cloud.Snapshot, cloud.SnapshotID]
	Attachments    cloud.Records[cloud.Attachment, cloud.AttachmentID]
	Types          cloud.Records[cloud.VolumeType, cloud.VolumeTypeID]
	QOSRows        cloud.Records[cloud.VolumeQOS, cloud.VolumeQOSID]
	DefaultTypes   cloud.Records[cloud.DefaultVolumeType, cloud.ProjectID]
	Transfers      cloud.Records[cloud.Transfer, cloud.TransferID]
	Groups         cloud.Records[cloud.VolumeGroup, cloud.VolumeGroupID]
	GroupTypes     cloud.Records[cloud.VolumeGroupType, cloud.VolumeGroupTypeID]
	GroupSnapshots cloud.Records[cloud.GroupSnapshot, cloud.GroupSnapshotID]
	Backups        cloud.Records[cloud.Backup, cloud.BackupID]
	Notices        cloud.Records[cloud.Notice, cloud.NoticeID]
	HostRows       cloud.Records[cloud.Host, cloud.HostID]
	Usage          cloud.Records[cloud.UsageEvent, cloud.UsageID]
	Tx             cloud.Transactor
	Quota          *quota.Service
	Operations     *operation.Engine
	Hosts          Hosts
	Placer         Placer
	Images         Images
	Instances      Instances
	BackupBytes    BackupBytes
	Secrets        Secrets
	// DefaultTypeName names the type of volumes for which none is asked; empty: DefaultTypeName, the constant.
	DefaultTypeName string
	// ZoneNames are further names of availability zones.
	ZoneNames cloud.ZoneNames
	Log       *slog.Logger
	Now       func() time.Time
}

// Service is the use cases on volumes. It is safe for concurrent use.
type Service struct{ Deps }

// New makes a Service and registers its quota counters and Operations.
func New(d Deps) *Service {
	d.DefaultTypeName = cmp.Or(d.DefaultTypeName, DefaultTypeName)
	s := &Service{Deps: d}
	s.registerCounters()
	for _, k := range []operation.Kind{s.createKind(), s.deleteKind(), s.growKind(), s.uploadKind(),
		s.snapshotCreateKind(), s.snapshotDeleteKind(), s.backupCreateKind(), s.backupDeleteKind(),
		s.replaceKind(kindRestore), s.replaceKind(kindRevert), s.moveKind(kindRetype), s.moveKind(kindMigrate),
		s.takeInKind(), s.letGoKind(), s.snapshotTakeInKind(), s.snapshotLetGoKind(),
		s.snapshotCopyKind(), s.groupCopyKind(), s.groupDeleteKind(), s.groupSnapshotCreateKind(), s.groupSnapshotDeleteKind()} {
		d.Operations.Register(s.noticed(k))
	}
	return s
}

// living holds for what counts against limits. What is being deleted counts no more: its owner cannot do anything about a
// host that is down.
var living = cloud.Cond{Column: "state", Op: cloud.OpNe, Value: cloud.VolumeDeleting}

// registerCounters counts rows.
func (s *Service) registerCounters() {
	s.Quota.Register(cloud.QuotaVolumes, func(ctx context.Context, p cloud.ProjectID) (int64, error) {
		return s.Volumes.Count(ctx, cloud.Eq("project_id", p), living)
	})
	s.Quota.Register(cloud.QuotaSnapshots, func(ctx context.Context, p cloud.ProjectID) (int64, error) {
		return s.Snapshots.Count(ctx, cloud.Eq("project_id", p), living)
	})
	s.Quota.Register(cloud.QuotaBackups, func(ctx context.Context, p cloud.ProjectID) (int64, error) {
		return s.Backups.Count(ctx, cloud.Eq("project_id", p), living)
	})
	s.Quota.Register(cloud.QuotaBackupGigabytes, func(ctx context.Context, p cloud.ProjectID) (int64, error) {
		return s.Backups.Sum(ctx, "size_gib", cloud.Eq("project_id", p), living)
	})
	s.Quota.Register(cloud.QuotaVolumeGroups, func(ctx context.Context, p cloud.ProjectID) (int64, error) {
		return s.Groups.Count(ctx, cloud.Eq("project_id", p), living)
	})
	s.registerTypeCounters()
	s.Quota.Register(cloud.QuotaGigabytes, func(ctx context.Context, p cloud.ProjectID) (int64, error) {
		volumes, err := s.Volumes.Sum(ctx, "size_gib", cloud.Eq("project_id", p), living)
		if err != nil {
			return 0, err
		}
		snapshots, err := s.Snapshots.Sum(ctx, "size_gib", cloud.Eq("project_id", p), living)
		return volumes + snapshots, err
	})
}

// reserve counts a new or growing volume, or a snapshot of one, of a type against its project's limits.
func (s *Service) reserve(ctx context.Context, p cloud.ProjectID, t cloud.VolumeTypeID, count string, addGiB, sizeGiB int) error {
	limits, err := s.Quota.Limits(ctx, p)
	if err != nil {
		return err
	}
	if most := limits[cloud.QuotaVolumeGigabytes]; most != cloud.Unlimited && int64(sizeGiB) > most {
		return &cloud.Error{Kind: cloud.QuotaExceeded, Resource: "quota", Field: cloud.QuotaVolumeGigabytes, ID: string(p),
			Message: fmt.Sprintf("The volume would have %d GiB; one volume may have %d.", sizeGiB, most)}
	}
	add := map[string]int64{cloud.QuotaGigabytes: int64(addGiB)}
	if count != "" {
		add[count] = 1
	}
	return s.Quota.Reserve(ctx, p, withType(add, t))
}

// Volume answers one volume that the caller may see.
func (s *Service) Volume(ctx context.Context, id cloud.VolumeID) (*cloud.Volume, error) {
	return s.authorized(ctx, "volume.get", id)
}

func (s *Service) authorized(ctx context.Context, a policy.Action, id cloud.VolumeID) (*cloud.Volume, error) {
	v, err := s.Volumes.Get(ctx, id)
	if cloud.Is(err, cloud.NotFound) {
		return nil, cloud.NotFoundf("volume", id)
	}
	if err != nil {
		return nil, err
	}
	return v, policy.Authorize(ctx, a, policy.Target{Resource: "volume", ID: string(id), ProjectID: v.ProjectID, UserID: v.UserID})
}

// change lets edit change a volume that the caller may do a to.
func (s *Service) change(ctx context.Context, a policy.Action, id cloud.VolumeID, edit func(ctx context.Context, v *cloud.Volume) error) (*cloud.Volume, error) {
	var v *cloud.Volume
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		var err error
		if v, err = s.authorized(ctx, a, id); err != nil {
			return err
		}
		if err = edit(ctx, v); err != nil {
			return err
		}
		return s.Volumes.Update(ctx, v)
	})
	return v, err
}

// settle gives a volume back at the end of an Operation, if that still holds it.
func (s *Service) settle(ctx context.Context, op *cloud.Operation, edit func(v *cloud.Volume) error) error {
	holder := func(v *cloud.Volume) *cloud.OperationID { return &v.OperationID }
	return release(ctx, s.Volumes, cloud.VolumeID(operation.SubjectID(op)), op, holder, func(v *cloud.Volume) error {
		v.Task = ""
		if err := edit(v); err != nil {
			return err
		}
		s.endChange(v, op)
		v.FailedTask = failedTask(v.State, op)
		return nil
	})
}

// release gives a row back at the end of an Operation, if that still holds it. holder is where the row says which does.
func release[T any, ID ~string](ctx context.Context, rows cloud.Records[T, ID], id ID, op *cloud.Operation,
	holder func(*T) *cloud.OperationID, edit func(*T) error) error {
	row, err := rows.Get(ctx, id)
	if err != nil {
		return unlessGone(err)
	}
	held := holder(row)
	if *held != op.ID {
		return nil
	}
	*held = ""
	if err := edit(row); err != nil {
		return err
	}
	return rows.Update(ctx, row)
}

// failedTask is what a row remembers of an Operation that left it failed.
func failedTask(state cloud.VolumeState, op *cloud.Operation) string {
	if state == cloud.VolumeFailed {
		return op.Kind
	}
	return ""
}

// agent reaches the host that has the bytes.
func (s *Service) agent(ctx context.Context, id cloud.HostID) (agentapi.Agent, error) {
	a, err := s.Hosts.Agent(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("reach host %s: %w", id, err)
	}
	return a, nil
}

// permanent turns the errors of hosts that repeating does not heal into ones that end an
// Operation, with words for the owner. ErrBusy and failures of the host stay as they are.
func permanent(err error) error {
	for _, known := range []struct {
		is      error
		kind    cloud.Kind
		message string
	}{
		{spec.ErrNoSpace, cloud.NoCapacity, "The storage pool has no room for it."},
		{spec.ErrNotSupported, cloud.Unsupported, "The storage pool cannot do this."},
		{spec.ErrInvalid, cloud.Invalid, "The storage pool refused it as contradictory."},
		{spec.ErrCorrupt, cloud.Internal, "The bytes it is made from are damaged."},
		{spec.ErrMissing, cloud.Internal, "The bytes it is made from are no longer there."},
		{spec.ErrExists, cloud.Internal, "The storage pool has another one of that id."},
	} {
		if errors.Is(err, known.is) {
			return &cloud.Error{Kind: known.kind, Resource: "volume", Message: known.message, Cause: err}
		}
	}
	return err
}

// generation orders what is asked of a host for one volume: Operations on it follow each other.
func generation(op *cloud.Operation) int64 { return op.CreatedAt.UnixNano() }

func subject(id cloud.VolumeID) string { return "volume/" + string(id) }

const gib = int64(1) << 30

// bill writes a line of the usage ledger, in the transaction of the change.
func (s *Service) bill(ctx context.Context, kind cloud.UsageKind, v *cloud.Volume) error {
	return s.Usage.Insert(ctx, &cloud.UsageEvent{ID: cloud.UsageID(cloud.NewID()), Kind: kind, At: s.Now().UTC(),
		ProjectID: v.ProjectID, UserID: v.UserID, Subject: string(v.ID), Name: v.Name, HostID: v.HostID,
		ImageID: v.ImageID, DiskGiB: v.SizeGiB})
}

// billEnd writes the last line for a volume's owner, once. A volume that changed hands began as often as it had owners.
func (s *Service) billEnd(ctx context.Context, v *cloud.Volume) error {
	began, err := s.Usage.Count(ctx, cloud.Eq("subject", v.ID), cloud.Eq("kind", cloud.UsageVolumeCreated))
	if err != nil {
		return err
	}
	ended, err := s.Usage.Count(ctx, cloud.Eq("subject", v.ID), cloud.Eq("kind", cloud.UsageVolumeRemoved))
	if err != nil || ended >= began {
		return err
	}
	return s.bill(ctx, cloud.UsageVolumeRemoved, v)
}
