package compute

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// CreateRequest asks for one or more equal instances.
type CreateRequest struct {
	Name string
	// SameName: all of several have the name; else they are numbered.
	SameName bool
	// NameOf, if set, names each instance when there is no Name.
	NameOf      func(cloud.InstanceID) string
	Description *string
	Hostname    string // empty: made from the name
	Flavor      cloud.FlavorID
	// FlavorName is what the caller calls the flavor; empty: as it is called.
	FlavorName     string
	Image          cloud.ImageID // empty when the root disk comes from Disks
	KeyName        string
	UserData       string // base64
	ConfigDrive    bool
	Properties     map[string]string
	Tags           []string
	AdminPassword  string
	AccessV4       string
	AccessV6       string
	GrowRoot       bool
	NICs           []cloud.NICRequest
	NICDefault     cloud.NICDefault // when NICs is empty
	SecurityGroups []string
	Options        cloud.InstanceOptions
	Template       cloud.TemplateUse // that the request was filled in from
	Disks          []DiskRequest
	Zone           string
	Hints          cloud.Hints
	CountMin       int // 0 means 1
	CountMax       int // 0 means CountMin
	// KeepUnplaced makes the lack of a host a failed instance in place of an error.
	KeepUnplaced bool
}

// DiskRequest asks for one disk.
type DiskRequest struct {
	// Source is "image", "volume", "snapshot" or "blank"; SourceID names it.
	Source   string
	SourceID string
	SizeGiB  int
	// Volume makes the disk a volume that can outlive the instance; else it is local.
	Volume             bool
	BootIndex          int // 0 is first, negative: not bootable
	DeleteWithInstance bool
	Device             string
	Alias              string // what the owner calls the device, where that is not what the guest sees
	Bus                string
	Tag                string
	Type               string // volume type
	// TypeAlias, Limits and Encrypted of a new volume are as in cloud.VolumeRequest.
	TypeAlias string
	Limits    cloud.VolumeLimits
	Encrypted bool
	CDROM     bool
	Swap      bool
}

// Limits of what a caller may send, from the Compute API.
const (
	nameMax      = 255
	userDataMax  = 65535 // bytes of base64
	keyValueMax  = 255
	instancesMax = 1000 // of one request
)

// CreateInstance makes instances: their rows, ports and volumes exist when it returns, their guests soon
// after.
func (s *Service) CreateInstance(ctx context.Context, r CreateRequest) ([]*cloud.Instance, error) {
	if err := s.normalise(&r); err != nil {
		return nil, err
	}
	var made []*cloud.Instance
	err := s.Tx.Update(ctx, func(ctx context.Context) (err error) {
		made, err = s.createAll(ctx, r)
		return err
	})
	return made, err
}

func (s *Service) normalise(r *CreateRequest) error {
	if err := checkOptions(r.Options); err != nil {
		return err
	}
	r.Name = strings.TrimSpace(r.Name)
	r.CountMin = max(r.CountMin, 1)
	r.CountMax = max(r.CountMax, r.CountMin)
	switch {
	case r.Name == "" && r.NameOf == nil:
		return cloud.Invalidf(resource, "name", "Invalid input for field/attribute name. The name must not be empty.")
	case len(r.Name) > nameMax:
		return cloud.Invalidf(resource, "name", "Invalid input for field/attribute name. The name is longer than %d characters.", nameMax)
	case len(r.UserData) > userDataMax:
		return cloud.Invalidf(resource, "user_data", "Invalid input for field/attribute user_data. It is longer than %d bytes.", userDataMax)
	case r.CountMax > instancesMax:
		return cloud.Invalidf(resource, "max_count", "At most %d instances can be made by one request.", instancesMax)
	}
	return checkProperties(r.Properties)
}

func checkProperties(p map[string]string) error {
	for k, v := range p {
		if k == "" || len(k) > keyValueMax || len(v) > keyValueMax {
			return cloud.Invalidf(resource, "metadata", "Invalid metadata: keys must have 1 to %d characters and values at most %d.", keyValueMax, keyValueMax)
		}
	}
	return nil
}

// plan is a request with everything looked up that is the same for all its instances.
type plan struct {
	CreateRequest
	flavor   *cloud.Flavor
	image    *cloud.Image // nil: booted from a volume
	key      *cloud.KeyPair
	userData []byte
	placed   counted // by the instances before
}

func (s *Service) createAll(ctx context.Context, r CreateRequest) ([]*cloud.Instance, error) {
	p := cloud.PrincipalOf(ctx)
	if err := policy.Authorize(ctx, "instance.create", policy.Target{Resource: resource, ProjectID: p.ProjectID}); err != nil {
		return nil, err
	}
	if r.Hints.Host != "" {
		if err := policy.Authorize(ctx, "instance.create_on", policy.Target{Resource: resource}); err != nil {
			return nil, err
		}
	}
	pl, err := s.lookUp(ctx, r)
	if err != nil {
		return nil, err
	}
	n, err := s.reserve(ctx, p.ProjectID, pl)
	if err != nil {
		return nil, err
	}
	reservation := "r-" + cloud.NewHexID()[:8]
	made := make([]*cloud.Instance, 0, n)
	for i := range n {
		in := s.newInstance(ctx, pl, reservation, i, n)
		if err := s.create(ctx, in, pl); err != nil {
			return nil, err
		}
		made = append(made, in)
	}
	return made, nil
}

// reserve counts quota for as many instances as fit, at least CountMin.
func (s *Service) reserve(ctx context.Context, p cloud.ProjectID, pl *plan) (int, error) {
	if err := s.checkPropertyQuota(ctx, p, pl.Properties); err != nil {
		return 0, err
	}
	var err error
	for n := pl.CountMax; n >= pl.CountMin; n-- {
		if err = s.Quota.Reserve(ctx, p, sizeOf(pl.flavor.FlavorSize, n)); err == nil {
			return n, nil
		}
		if !cloud.Is(err, cloud.QuotaExceeded) {
			return 0, err
		}
	}
	return 0, err
}

func sizeOf(f cloud.FlavorSize, n int) map[string]int64 {
	return map[string]int64{cloud.QuotaInstances: int64(n), cloud.QuotaVCPUs: int64(n * f.VCPUs), cloud.QuotaMemoryMiB: int64(n * f.MemoryMiB)}
}

func (s *Service) checkPropertyQuota(ctx context.Context, p cloud.ProjectID, properties map[string]string) error {
	limits, err := s.Quota.Limits(ctx, p)
	if err != nil {
		return err
	}
	if limit := limits[cloud.QuotaProperties]; limit != cloud.Unlimited && int64(len(properties)) > limit {
		return &cloud.Error{Kind: cloud.QuotaExceeded, Resource: "quota", Field: cloud.QuotaProperties,
			Message: fmt.Sprintf("Maximum number of metadata items exceeds %d", limit)}
	}
	return nil
}

func (s *Service) lookUp(ctx context.Context, r CreateRequest) (*plan, error) {
	pl := &plan{CreateRequest: r, placed: counted{}}
	var err error
	if pl.flavor, err = s.usableFlavor(ctx, r.Flavor); err != nil {
		return nil, err
	}
	if r.Image != "" {
		if pl.image, err = s.Image.Usable(ctx, r.Image); err != nil {
			return nil, badReference(err, "imageRef", fmt.Sprintf("Image %s could not be found.", r.Image))
		}
		if !bootable(r.Disks) { // else it is no disk of the flavor's
			if err := checkImageFits(pl.image, pl.flavor.FlavorSize); err != nil {
				return nil, err
			}
		}
	}
	if r.Image == "" && !bootable(r.Disks) {
		return nil, cloud.Invalidf(resource, "imageRef", "Invalid imageRef provided: an image or a bootable disk is needed.")
	}
	if r.Hostname != "" {
		if err := checkHostname(r.Hostname); err != nil {
			return nil, err
		}
	}
	if pl.userData, err = base64.StdEncoding.DecodeString(r.UserData); err != nil {
		return nil, cloud.Invalidf(resource, "user_data", "Userdata content must be base64 encoded.")
	}
	if r.KeyName != "" {
		pl.key, err = s.KeyPairs.Get(ctx, cloud.NewKeyPairID(cloud.PrincipalOf(ctx).UserID, r.KeyName))
		if err != nil {
			return nil, badReference(err, "key_name", "Invalid key_name provided.")
		}
	}
	return pl, s.checkHints(ctx, r.Hints)
}

func bootable(disks []DiskRequest) bool {
	for _, d := range disks {
		if d.BootIndex == 0 && d.Source != "blank" {
			return true
		}
	}
	return false
}

// badReference makes what a request names but does not exist a mistake in the request.
func badReference(err error, field, message string) error {
	if cloud.Is(err, cloud.NotFound) {
		return cloud.Invalidf(resource, field, "%s", message)
	}
	return err
}

// badNetwork is badReference for what network has its own words for.
func badNetwork(err error) error {
	if e, ok := cloud.AsError(err); ok {
		return badReference(err, "networks", e.Message)
	}
	return err
}

func checkImageFits(i *cloud.Image, f cloud.FlavorSize) error {
	if i.MinMemoryMiB > f.MemoryMiB {
		return cloud.Invalidf(resource, "flavorRef", "Flavor's memory is too small for requested image.")
	}
	if f.DiskGiB == 0 {
		return nil
	}
	if i.MinDiskGiB > f.DiskGiB || i.VirtualBytes > int64(f.DiskGiB)<<30 {
		return cloud.Invalidf(resource, "flavorRef", "Flavor's disk is too small for requested image. Flavor disk is %d bytes, image is %d bytes.",
			int64(f.DiskGiB)<<30, max(i.VirtualBytes, int64(i.MinDiskGiB)<<30))
	}
	return nil
}

func (s *Service) newInstance(ctx context.Context, pl *plan, reservation string, i, n int) *cloud.Instance {
	p := cloud.PrincipalOf(ctx)
	in := &cloud.Instance{
		ID: cloud.InstanceID(cloud.NewID()), ProjectID: p.ProjectID, UserID: p.UserID,
		Name: pl.name(i, n), Description: pl.Description, Properties: pl.Properties, Tags: pl.Tags,
		Phase: cloud.PhaseBuilding, Power: cloud.PowerOn, BootSerial: 1,
		Flavor:   cloud.FlavorSnapshot{FlavorID: pl.flavor.ID, Name: pl.flavor.Name, Called: pl.FlavorName, FlavorSize: pl.flavor.FlavorSize},
		UserData: pl.userData, ConfigDrive: pl.ConfigDrive, AdminPassword: pl.AdminPassword,
		AccessV4: pl.AccessV4, AccessV6: pl.AccessV6, GrowRoot: pl.GrowRoot,
		Options: pl.Options, Template: pl.Template, Zone: pl.Zone, Hints: pl.Hints, ReservationID: reservation, LaunchIndex: i,
	}
	if in.Name == "" {
		in.Name = pl.NameOf(in.ID)
	}
	in.Hostname = hostname(pl.Hostname, in.Name, in.ID, n)
	if pl.image != nil {
		in.ImageID, in.ImageProperties = pl.image.ID, pl.image.Properties
		if in.ImageProperties["img_config_drive"] == "mandatory" {
			in.ConfigDrive = true
		}
	}
	if pl.key != nil {
		in.KeyName, in.KeyData = pl.key.Name, pl.key.PublicKey
	}
	mark(in, "accepted", s.Now())
	return in
}

// name is the name of the i-th of n instances; empty where NameOf has to tell, or where all have the same on purpose.
func (pl *plan) name(i, n int) string {
	if n == 1 || pl.Name == "" || pl.SameName {
		return pl.Name
	}
	return fmt.Sprintf("%s-%d", pl.Name, i+1)
}

// create writes one instance with its ports and disks and starts its Operation.
func (s *Service) create(ctx context.Context, in *cloud.Instance, pl *plan) error {
	if err := s.Instances.Insert(ctx, in); err != nil {
		return err
	}
	if err := s.planDisks(ctx, in, pl); err != nil {
		return err
	}
	ports, err := s.Network.CreateInstancePorts(ctx, in, pl.NICs, pl.SecurityGroups, pl.NICDefault)
	if err != nil {
		return badNetwork(err)
	}
	if in.Promises, err = s.Network.Promises(ctx, ports); err != nil {
		return err
	}
	host, err := s.place(ctx, in, pl.placed)
	if cloud.Is(err, cloud.NoCapacity) && pl.KeepUnplaced {
		return s.keepUnplaced(ctx, in, err)
	}
	if err != nil {
		return err
	}
	in.HostID = host
	mark(in, "placed", s.Now())
	if err := s.Network.BindInstancePorts(ctx, in.ID, host); err != nil {
		return err
	}
	if err := s.reserveDisks(ctx, in); err != nil {
		return err
	}
	if err := s.bill(ctx, in, cloud.UsageInstanceStarted); err != nil {
		return err
	}
	return s.hold(ctx, in, "instance.create", nil)
}

// keepUnplaced leaves a failed instance for its owner to read and delete.
func (s *Service) keepUnplaced(ctx context.Context, in *cloud.Instance, cause error) error {
	if err := s.Network.ReleaseInstancePorts(ctx, in.ID); err != nil {
		return err
	}
	e, _ := cloud.AsError(cause)
	in.Phase, in.Power, in.Promises = cloud.PhaseFailed, cloud.PowerOff, nil
	in.Fault = &cloud.Fault{Kind: e.Kind, Message: e.Message, At: s.Now()}
	if e.Cause != nil {
		in.Fault.Details = e.Cause.Error()
	}
	return s.Instances.Update(ctx, in)
}

// createKind lists what happens after the request was answered.
func (s *Service) createKind() operation.Kind {
	return operation.Kind{
		Name: "instance.create",
		Steps: []operation.Step{
			{Name: "disks", Do: s.makeDisks, Undo: s.unmakeDisks},
			{Name: "network", Do: s.plugPorts, Undo: s.unplugPorts},
			{Name: "guest", Do: s.startGuest, Undo: s.removeGuest},
		},
		Settle: s.settle(func(ctx context.Context, in *cloud.Instance, op *cloud.Operation) error {
			now := s.Now()
			in.Phase, in.LaunchedAt = cloud.PhaseReady, &now
			return nil
		}, func(ctx context.Context, in *cloud.Instance, op *cloud.Operation) error {
			in.Phase, in.Power = cloud.PhaseFailed, cloud.PowerOff
			return s.bill(ctx, in, cloud.UsageInstanceRemoved)
		}),
	}
}

func (s *Service) plugPorts(ctx context.Context, op *cloud.Operation) error {
	return s.plugAll(ctx, instanceID(op))
}

func (s *Service) unplugPorts(ctx context.Context, op *cloud.Operation) error {
	in, err := s.Instances.Get(ctx, instanceID(op))
	if gone(err) || in != nil && in.HostID == "" {
		return nil
	}
	if err != nil {
		return err
	}
	return s.Network.UnplugInstance(ctx, in.ID, in.HostID)
}

func gone(err error) bool { return cloud.Is(err, cloud.NotFound) }

// unlessGone is for the last thing that is done to what may be gone, which is as good.
func unlessGone(err error) error {
	if gone(err) {
		return nil
	}
	return err
}

// startGuest makes the guest as the row says, whatever verb changed the row.
func (s *Service) startGuest(ctx context.Context, op *cloud.Operation) error {
	return s.ensureGuest(ctx, instanceID(op))
}

// removeGuest takes the guest off its host. A host that is not reachable is cleaned by
// the self-check when it is back.
func (s *Service) removeGuest(ctx context.Context, op *cloud.Operation) error {
	in, err := s.Instances.Get(ctx, instanceID(op))
	if gone(err) || in != nil && in.HostID == "" {
		return nil
	}
	if err != nil {
		return err
	}
	agent, err := s.Hosts.Agent(ctx, in.HostID)
	if cloud.Is(err, cloud.Unavailable) {
		return nil
	}
	if err != nil {
		return err
	}
	generation, err := s.Generation(ctx)
	if err != nil {
		return err
	}
	if err := agent.RemoveGuest(ctx, guestID(in.ID), generation); err != nil {
		return fmt.Errorf("host: %w", err)
	}
	return nil
}
