package cloud

import "time"

// Phase is where an instance is in its life, between Operations.
//
//	building --> ready <--> resized (a resize waits to be confirmed or taken back)
//	   |           |  \---> rescued (runs from another image for repair)
//	   |           |  \---> shelved --> offloaded (keeps an image of itself, no host)
//	   v           v
//	failed      deleted (only the record is left)
//
// Any phase may go to failed, with Fault saying why, and any to deleted.
type Phase string

// The phases.
const (
	PhaseBuilding  Phase = "building"
	PhaseReady     Phase = "ready"
	PhaseResized   Phase = "resized"
	PhaseRescued   Phase = "rescued"
	PhaseShelved   Phase = "shelved"
	PhaseOffloaded Phase = "offloaded"
	PhaseFailed    Phase = "failed"
	PhaseDeleted   Phase = "deleted"
)

// Power is what an instance's CPUs should be doing, or were seen doing.
type Power string

// The powers. PowerUnknown and PowerCrashed are only observed.
const (
	PowerOn        Power = "on"
	PowerOff       Power = "off"
	PowerPaused    Power = "paused"
	PowerSuspended Power = "suspended"
	PowerCrashed   Power = "crashed"
	PowerUnknown   Power = ""
)

// Instance is a project's virtual machine, running or not.
type Instance struct {
	ID        InstanceID `json:"id"`
	ProjectID ProjectID  `json:"project_id"`
	UserID    UserID     `json:"user_id"`
	Meta

	Name        string            `json:"name"`
	Description *string           `json:"description,omitempty"`
	Hostname    string            `json:"hostname"`
	Properties  map[string]string `json:"properties,omitempty"` // the owner's key-value pairs
	Tags        []string          `json:"tags,omitempty"`

	Phase Phase `json:"phase"`
	// Power is wanted. Observed is what the host said last.
	Power    Power    `json:"power"`
	Observed Observed `json:"observed"`
	// Fault says in words why the instance failed, or why the last change did.
	Fault *Fault `json:"fault,omitempty"`
	// OperationID holds the instance now; Task is that Operation's kind. Empty: nobody.
	OperationID OperationID `json:"operation_id,omitempty"`
	Task        string      `json:"task,omitempty"`
	// HeldPower is what the guest was doing when the Operation took the instance. It is what to show until the
	// Operation ends: whoever waits to see a change should then be able to ask for the next one.
	HeldPower Power `json:"held_power,omitempty"`
	// Progress of the Operation, in percent.
	Progress   int   `json:"progress,omitempty"`
	BootSerial int64 `json:"boot_serial"`

	// Flavor is a copy: the flavor may be deleted or changed later. It counts against quota.
	Flavor FlavorSnapshot `json:"flavor"`
	// OldFlavor is what a resize can go back to.
	OldFlavor *FlavorSnapshot `json:"old_flavor,omitempty"`
	// ImageID is what the root disk was made from; empty when booted from a volume.
	ImageID         ImageID           `json:"image_id,omitempty"`
	ImageProperties map[string]string `json:"image_properties,omitempty"`
	KeyName         string            `json:"key_name,omitempty"`
	KeyData         string            `json:"key_data,omitempty"`
	UserData        []byte            `json:"user_data,omitempty"`
	ConfigDrive     bool              `json:"config_drive,omitempty"`
	AdminPassword   string            `json:"-"`
	// AccessV4 and AccessV6 are where its owner says it is reached; nobody else uses them.
	AccessV4 string `json:"access_v4,omitempty"`
	AccessV6 string `json:"access_v6,omitempty"`
	// PostedPassword is what the guest posted to the metadata service, encrypted for its owner's key pair.
	PostedPassword string `json:"posted_password,omitempty"`
	// GrowRoot is the owner's word that the guest may grow its partition to the root disk.
	GrowRoot bool `json:"grow_root,omitempty"`

	HostID HostID `json:"host_id,omitempty"` // empty: not placed
	// OldHostID is the host that a migration can go back to. It keeps the room until then.
	OldHostID HostID `json:"old_host_id,omitempty"`
	Zone      string `json:"zone,omitempty"` // where the owner asked it to be; empty: anywhere
	// Hints are what the owner asked of placement.
	Hints         Hints  `json:"hints,omitzero"`
	ReservationID string `json:"reservation_id"`
	LaunchIndex   int    `json:"launch_index,omitempty"`

	// Promises are what its host keeps for its ports.
	Promises []Promise `json:"promises,omitempty"`
	// Disks in the order the guest sees them; the first is the root disk.
	Disks []InstanceDisk `json:"disks,omitempty"`
	// OldDisks are what a resize can go back to.
	OldDisks []InstanceDisk `json:"old_disks,omitempty"`
	// RescueDisk is the volume a rescued instance runs from.
	RescueDisk VolumeID `json:"rescue_disk,omitempty"`
	// ShelvedImage is the image a shelved instance comes back from.
	ShelvedImage ImageID `json:"shelved_image,omitempty"`

	Locked       bool            `json:"locked,omitempty"`
	LockedReason string          `json:"locked_reason,omitempty"`
	LockedBy     string          `json:"locked_by,omitempty"` // "owner" or "admin"
	Options      InstanceOptions `json:"options,omitzero"`
	Template     TemplateUse     `json:"template,omitzero"` // no id: it was made of none
	LaunchedAt   *time.Time      `json:"launched_at,omitempty"`
	TerminatedAt *time.Time      `json:"terminated_at,omitempty"`
	// Boot is when each stage of the last start was reached.
	Boot []BootMark `json:"boot,omitempty"`
}

// LocalGiB is the local disk an instance takes from its host, rounded up, disks kept for a
// revert included.
func (in *Instance) LocalGiB() int {
	const gib = int64(1) << 30
	var bytes int64
	seen := map[VolumeID]bool{}
	for _, list := range [][]InstanceDisk{in.Disks, in.OldDisks} {
		for _, d := range list {
			if d.Local && !seen[d.VolumeID] {
				seen[d.VolumeID] = true
				bytes += d.SizeBytes
			}
		}
	}
	return int((bytes + gib - 1) / gib)
}

// OldSize is what the host that a migration can go back to keeps for the instance.
func (in *Instance) OldSize() FlavorSize {
	switch {
	case in.OldHostID == "":
		return FlavorSize{}
	case in.OldFlavor != nil:
		return in.OldFlavor.FlavorSize
	}
	return in.Flavor.FlavorSize
}

// Observed is what a host said of a guest.
type Observed struct {
	Power      Power     `json:"power,omitempty"`
	Generation int64     `json:"generation,omitempty"`
	At         time.Time `json:"at,omitzero"`
	Reason     string    `json:"reason,omitempty"`
}

// Fault is a failure as the owner reads it.
type Fault struct {
	Kind    Kind      `json:"kind"`
	Message string    `json:"message"`
	Details string    `json:"details,omitempty"` // for operators only
	At      time.Time `json:"at"`
}

// BootMark is one stage of a start: "accepted", "placed", "disks", "network", "started".
type BootMark struct {
	Stage string    `json:"stage"`
	At    time.Time `json:"at"`
}

// InstanceDisk is a disk of an instance. Local disks live and die with the
// instance; volumes are nouns of their own.
type InstanceDisk struct {
	// VolumeID names the bytes on the host. For a local disk no Volume row exists.
	VolumeID VolumeID `json:"volume_id"`
	Local    bool     `json:"local,omitempty"`
	// Role is "root", "ephemeral", "swap" or "data".
	Role      string  `json:"role"`
	SizeBytes int64   `json:"size_bytes"`
	ImageID   ImageID `json:"image_id,omitempty"` // what a local disk was made from
	Device    string  `json:"device"`             // "vda"
	// Alias is what its owner calls the device, where that is not what the guest sees: "/dev/sdf".
	Alias string `json:"alias,omitempty"`
	Bus   string `json:"bus,omitempty"`
	Tag   string `json:"tag,omitempty"`
	// DeleteWithInstance removes a volume when the instance goes.
	DeleteWithInstance bool         `json:"delete_with_instance,omitempty"`
	AttachmentID       AttachmentID `json:"attachment_id,omitempty"`
	BootIndex          int          `json:"boot_index,omitempty"` // from 1; 0: not bootable
	CDROM              bool         `json:"cdrom,omitempty"`
	// Shared and ReadOnly are as the volume was when it was attached: a running guest keeps the device it got.
	Shared   bool `json:"shared,omitempty"` // other instances may write to it, too
	ReadOnly bool `json:"read_only,omitempty"`
	// Leaving: the guest is letting go of it.
	Leaving bool `json:"leaving,omitempty"`
}

// Hints are wishes about placement.
type Hints struct {
	Group         InstanceGroupID `json:"group,omitempty"`
	SameHost      []InstanceID    `json:"same_host,omitempty"`
	DifferentHost []InstanceID    `json:"different_host,omitempty"`
	// Host, if set, is the only host that will do (administrators).
	Host HostID `json:"host,omitempty"`
}

// InstanceGroup is a set of instances placed together or apart.
type InstanceGroup struct {
	ID        InstanceGroupID `json:"id"`
	ProjectID ProjectID       `json:"project_id"`
	UserID    UserID          `json:"user_id"`
	Meta
	Name string `json:"name"`
	// Policy is "affinity", "anti-affinity", "soft-affinity" or "soft-anti-affinity".
	Policy     string `json:"policy"`
	PerHostMax int    `json:"per_host_max,omitempty"` // anti-affinity only; 0 means 1
}
