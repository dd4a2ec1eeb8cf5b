package compute

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/nubo-cloud/nubo/internal/agentapi"
	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/quota"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Networks is what compute needs of package network.
type Networks interface {
	CreateInstancePorts(ctx context.Context, in *cloud.Instance, reqs []cloud.NICRequest, groups []string, without cloud.NICDefault) ([]*cloud.Port, error)
	BindInstancePorts(ctx context.Context, id cloud.InstanceID, host cloud.HostID) error
	PlugInstance(ctx context.Context, id cloud.InstanceID, host cloud.HostID) error
	UnplugInstance(ctx context.Context, id cloud.InstanceID, host cloud.HostID) error
	ReleaseInstancePorts(ctx context.Context, id cloud.InstanceID) error
	GivePublic(ctx context.Context, id cloud.InstanceID) error
	TakePublic(ctx context.Context, id cloud.InstanceID) error
	AttachPort(ctx context.Context, in *cloud.Instance, req cloud.NICRequest) (*cloud.Port, error)
	PlugPort(ctx context.Context, id cloud.PortID, host cloud.HostID) error
	UnplugPort(ctx context.Context, id cloud.PortID, host cloud.HostID) error
	DetachPort(ctx context.Context, in *cloud.Instance, id cloud.PortID) error
	Promises(ctx context.Context, ports []*cloud.Port) ([]cloud.Promise, error)
	InstancePorts(ctx context.Context, ids []cloud.InstanceID) (map[cloud.InstanceID][]cloud.PortView, error)
	AddSecurityGroup(ctx context.Context, in *cloud.Instance, nameOrID string) error
	RemoveSecurityGroup(ctx context.Context, in *cloud.Instance, nameOrID string) error
}

// Volumes is what compute needs of package volume.
type Volumes interface {
	Volume(ctx context.Context, id cloud.VolumeID) (*cloud.Volume, error)
	CreateVolume(ctx context.Context, r cloud.VolumeRequest) (*cloud.Volume, error)
	WaitVolume(ctx context.Context, id cloud.VolumeID) error
	ReserveVolume(ctx context.Context, id cloud.VolumeID, in *cloud.Instance, device string, readOnly bool) (*cloud.Attachment, error)
	FinishAttach(ctx context.Context, a cloud.AttachmentID) error
	BeginDetach(ctx context.Context, v cloud.VolumeID, in cloud.InstanceID) (*cloud.Attachment, error)
	FinishDetach(ctx context.Context, a cloud.AttachmentID) error
	AbortDetach(ctx context.Context, a cloud.AttachmentID) error
	DeleteInstanceVolume(ctx context.Context, id cloud.VolumeID) error
	InstanceVolumes(ctx context.Context, ids []cloud.InstanceID) (map[cloud.InstanceID][]*cloud.Attachment, error)
	CreateSnapshot(ctx context.Context, r cloud.SnapshotRequest) (*cloud.Snapshot, error)
	// AttachmentsOf answers the attachments of volumes, whoever has them.
	AttachmentsOf(ctx context.Context, ids []cloud.VolumeID) (map[cloud.VolumeID][]*cloud.Attachment, error)
	DiskLimits(ctx context.Context, ids []cloud.VolumeID) (map[cloud.VolumeID]spec.DiskLimits, error)
	DiskKeys(ctx context.Context, ids []cloud.VolumeID) (map[cloud.VolumeID]spec.Key, error)
	// Still is WrongState if one of the volumes is on its way to another pool.
	Still(ctx context.Context, ids []cloud.VolumeID) error
	// PromisedGiB is how much volumes have been promised of a pool.
	PromisedGiB(ctx context.Context, h cloud.HostID, p cloud.Pool) (int64, error)
}

// Images is what compute needs of package image.
type Images interface {
	Usable(ctx context.Context, id cloud.ImageID) (*cloud.Image, error)
	Spec(i *cloud.Image) spec.Image
	CreateFor(ctx context.Context, r cloud.ImageRequest) (*cloud.Image, error)
	WriteBytes(ctx context.Context, id cloud.ImageID, r io.Reader) error
	Discard(ctx context.Context, id cloud.ImageID) error
	WithProperties(ctx context.Context, p cloud.ProjectID, properties map[string]string) ([]*cloud.Image, error)
}

// Accounts knows the account numbers of projects.
type Accounts interface {
	AccountNumber(ctx context.Context, id cloud.ProjectID) (string, error)
}

// Hosts reaches the agents of hosts.
type Hosts interface {
	Agent(ctx context.Context, id cloud.HostID) (agentapi.Agent, error)
}

// Deps is all a Service stands on. Every field is needed but Log and Now.
type Deps struct {
	Instances cloud.Records[cloud.Instance, cloud.InstanceID]
	// Deleted are instances that were; AllInstances lists them and those that are as one.
	Deleted      cloud.Records[cloud.Instance, cloud.InstanceID]
	AllInstances cloud.Lister[cloud.Instance]
	Migrations   cloud.Records[cloud.Migration, cloud.MigrationID]
	Groups       cloud.Records[cloud.InstanceGroup, cloud.InstanceGroupID]
	Flavors      cloud.Records[cloud.Flavor, cloud.FlavorID]
	KeyPairs     cloud.Records[cloud.KeyPair, cloud.KeyPairID]
	Templates    cloud.Records[cloud.InstanceTemplate, cloud.InstanceTemplateID]
	HostRows     cloud.Records[cloud.Host, cloud.HostID]
	Aggregates   cloud.Records[cloud.Aggregate, cloud.AggregateID]
	// Claims are what others than instances hold of hosts.
	Claims     cloud.Records[cloud.Claim, string]
	Operations cloud.Records[cloud.Operation, cloud.OperationID]
	Usage      cloud.Records[cloud.UsageEvent, cloud.UsageID]
	Tx         cloud.Transactor
	// Generation answers a number that grows with every change of the store.
	Generation func(ctx context.Context) (int64, error)
	Quota      *quota.Service
	Engine     *operation.Engine
	Hosts      Hosts
	Network    Networks
	Volume     Volumes
	Image      Images
	// ZoneNames are further names of availability zones.
	ZoneNames cloud.ZoneNames
	Accounts  Accounts
	// ResumeGuests starts what should run after its host was restarted.
	ResumeGuests bool
	// Grace is how long a guest may take to shut down when asked.
	Grace time.Duration
	Log   *slog.Logger
	Now   func() time.Time
}

// Service is the use cases. It is safe for use from several goroutines.
type Service struct {
	Deps
	room room
}

// New makes a Service and registers its Operations and quota counters.
func New(d Deps) *Service {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Now == nil {
		d.Now = func() time.Time { return time.Now().UTC() }
	}
	if d.Grace == 0 {
		d.Grace = time.Minute
	}
	s := &Service{Deps: d}
	s.room.service = s
	s.registerQuotas()
	for _, k := range []operation.Kind{
		s.createKind(), s.deleteKind(), s.startKind(), s.stopKind(), s.rebootKind(), s.pauseKind(), s.unpauseKind(),
		s.suspendKind(), s.resumeKind(), s.rebuildKind(), s.rescueKind(), s.unrescueKind(), s.resizeKind(),
		s.confirmResizeKind(), s.revertResizeKind(), s.shelveKind(), s.offloadKind(), s.unshelveKind(), s.imageKind(),
		s.attachVolumeKind(), s.detachVolumeKind(), s.swapVolumeKind(), s.attachPortKind(), s.detachPortKind(), s.migrateKind(), s.evacuateKind(),
	} {
		d.Engine.Register(k)
	}
	return s
}

func (s *Service) registerQuotas() {
	s.Quota.Register(cloud.QuotaInstances, func(ctx context.Context, p cloud.ProjectID) (int64, error) {
		return s.Instances.Count(ctx, cloud.Eq("project_id", p))
	})
	s.Quota.Register(cloud.QuotaVCPUs, func(ctx context.Context, p cloud.ProjectID) (int64, error) {
		return s.Instances.Sum(ctx, "vcpus", cloud.Eq("project_id", p))
	})
	s.Quota.Register(cloud.QuotaMemoryMiB, func(ctx context.Context, p cloud.ProjectID) (int64, error) {
		return s.Instances.Sum(ctx, "memory_mib", cloud.Eq("project_id", p))
	})
	s.Quota.Register(cloud.QuotaInstanceGroups, func(ctx context.Context, p cloud.ProjectID) (int64, error) {
		return s.Groups.Count(ctx, cloud.Eq("project_id", p))
	})
}

// resource is the noun in errors about instances.
const resource = "instance"
