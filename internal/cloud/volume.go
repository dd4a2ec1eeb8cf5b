package cloud

import "time"

// VolumeState is where a volume is in its life.
//
//	creating --> available <--> attached (one or more attachments)
//	    |            |  \--> reserved (an attachment is being made)
//	    v            v
//	  failed      deleting --> (gone)
//
// Growing, copying and the like are Operations: Task says which holds the volume.
type VolumeState string

// The states of a volume, and of a snapshot (creating, available, failed, deleting).
const (
	VolumeCreating  VolumeState = "creating"
	VolumeAvailable VolumeState = "available"
	VolumeReserved  VolumeState = "reserved"
	VolumeAttached  VolumeState = "attached"
	VolumeDeleting  VolumeState = "deleting"
	VolumeFailed    VolumeState = "failed"
	// VolumeMaintenance keeps a volume from its owner while an operator works on it. Only operators give and take it.
	VolumeMaintenance VolumeState = "maintenance"
)

// VolumeMove is how a volume's move to another pool stands; empty if it never moved.
type VolumeMove string

// The outcomes of a move, and that there is none yet.
const (
	VolumeMoving   VolumeMove = "moving"
	VolumeMoved    VolumeMove = "moved"
	VolumeNotMoved VolumeMove = "not moved"
)

// Volume is a block device that outlives instances.
type Volume struct {
	ID        VolumeID  `json:"id"`
	ProjectID ProjectID `json:"project_id"`
	UserID    UserID    `json:"user_id"`
	Meta
	Name        string       `json:"name"`
	Description string       `json:"description,omitempty"`
	SizeGiB     int          `json:"size_gib"`
	State       VolumeState  `json:"state"`
	Fault       *Fault       `json:"fault,omitempty"`
	OperationID OperationID  `json:"operation_id,omitempty"`
	Task        string       `json:"task,omitempty"`
	FailedTask  string       `json:"failed_task,omitempty"` // which kind of Operation left it failed, if one did
	TypeID      VolumeTypeID `json:"type_id,omitempty"`
	// TypeAlias is what its owner calls its type, where that is not the type's name.
	TypeAlias string `json:"type_alias,omitempty"`
	VolumeLimits
	Zone       string            `json:"zone,omitempty"`
	HostID     HostID            `json:"host_id,omitempty"` // whose pool it is on
	Pool       string            `json:"pool,omitempty"`
	Properties map[string]string `json:"properties,omitempty"`
	// Move is what became of its last move to another pool; NextTypeID the type that it has when it gets there, if another.
	Move       VolumeMove   `json:"move,omitempty"`
	NextTypeID VolumeTypeID `json:"next_type_id,omitempty"`
	// LastChange is the last Modify of it; nil if there was none.
	LastChange *VolumeChange `json:"last_change,omitempty"`
	// Bootable with the facts of the image it was made from.
	Bootable        bool              `json:"bootable,omitempty"`
	ImageProperties map[string]string `json:"image_properties,omitempty"`
	ReadOnly        bool              `json:"read_only,omitempty"`
	ReadOnlySaid    bool              `json:"read_only_said,omitempty"` // its owner has said whether it is read-only
	MultiAttach     bool              `json:"multi_attach,omitempty"`
	// Sources it was made from.
	ImageID      ImageID    `json:"image_id,omitempty"`
	SnapshotID   SnapshotID `json:"snapshot_id,omitempty"`
	SourceVolume VolumeID   `json:"source_volume,omitempty"`
	BackupID     BackupID   `json:"backup_id,omitempty"`
	// GroupID is the group it belongs to, if any.
	GroupID VolumeGroupID `json:"group_id,omitempty"`
	// MadeFor may reserve it while it is being made.
	MadeFor InstanceID `json:"made_for,omitempty"`
	// Key opens an encrypted volume; nil if it is not.
	Key *VolumeKey `json:"key,omitempty"`
}

// VolumeLimits bound what a guest may do with a volume, beside what its type allows; 0: nothing more than that.
type VolumeLimits struct {
	IOPS         int `json:"iops,omitempty"`
	MiBPerSecond int `json:"mib_per_second,omitempty"`
}

// VolumeShape is what of a volume a Modify may change.
type VolumeShape struct {
	SizeGiB   int          `json:"size_gib"`
	TypeID    VolumeTypeID `json:"type_id,omitempty"`
	TypeAlias string       `json:"type_alias,omitempty"`
	VolumeLimits
	MultiAttach bool `json:"multi_attach,omitempty"`
}

// Shape is a volume's shape now.
func (v *Volume) Shape() VolumeShape {
	return VolumeShape{SizeGiB: v.SizeGiB, TypeID: v.TypeID, TypeAlias: v.TypeAlias, VolumeLimits: v.VolumeLimits, MultiAttach: v.MultiAttach}
}

// VolumeChange is a change of a volume's shape: under way until it has ended, and with a Fault if it failed.
type VolumeChange struct {
	From    VolumeShape `json:"from"`
	To      VolumeShape `json:"to"`
	BeganAt time.Time   `json:"began_at"`
	EndedAt *time.Time  `json:"ended_at,omitempty"`
	Fault   *Fault      `json:"fault,omitempty"`
}

// VolumeEncryption says how volumes are encrypted.
type VolumeEncryption struct {
	// Provider names the format, as the operator wrote it; Location who encrypts.
	Provider string `json:"provider"`
	Cipher   string `json:"cipher,omitempty"`
	KeyBits  int    `json:"key_bits,omitempty"`
	Location string `json:"location"`
}

// VolumeKey is the key of an encrypted volume, sealed, and how it is used. It lives in the row of what it opens: copies of
// an encrypted volume are opened by the same key, and the last row takes it away.
type VolumeKey struct {
	ID VolumeKeyID `json:"id"`
	VolumeEncryption
	Sealed []byte `json:"sealed"`
}

// Attachment joins a volume to an instance. Its row exists from the moment
// the volume is reserved until the guest has let go.
type Attachment struct {
	ID        AttachmentID `json:"id"`
	ProjectID ProjectID    `json:"project_id"`
	VolumeID  VolumeID     `json:"volume_id"`
	Meta
	InstanceID InstanceID `json:"instance_id,omitempty"` // empty: made by hand, nobody yet
	HostID     HostID     `json:"host_id,omitempty"`
	Device     string     `json:"device,omitempty"` // "/dev/vdb"
	// State is "reserved", "attaching", "attached" or "detaching".
	State      string         `json:"state"`
	ReadOnly   bool           `json:"read_only,omitempty"`
	Connector  map[string]any `json:"connector,omitempty"`
	AttachedAt *time.Time     `json:"attached_at,omitempty"`
	// Manual: a client of the volumes wrote it down; no instance of ours has the volume through it.
	Manual bool `json:"manual,omitempty"`
}

// Snapshot is a copy of a volume at one moment.
type Snapshot struct {
	ID        SnapshotID `json:"id"`
	ProjectID ProjectID  `json:"project_id"`
	UserID    UserID     `json:"user_id"`
	// VolumeID is the volume it was taken of; empty if it was made from another snapshot or from an image.
	VolumeID VolumeID   `json:"volume_id"`
	CopyOf   SnapshotID `json:"copy_of,omitempty"`
	Meta
	Name        string            `json:"name"`
	Description string            `json:"description,omitempty"`
	SizeGiB     int               `json:"size_gib"`
	State       VolumeState       `json:"state"`
	Fault       *Fault            `json:"fault,omitempty"`
	OperationID OperationID       `json:"operation_id,omitempty"`
	FailedTask  string            `json:"failed_task,omitempty"`
	Progress    int               `json:"progress,omitempty"`
	HostID      HostID            `json:"host_id,omitempty"`
	Pool        string            `json:"pool,omitempty"`
	Properties  map[string]string `json:"properties,omitempty"`
	// Bootable, ImageProperties and Key are the volume's, for volumes made from it.
	Bootable        bool              `json:"bootable,omitempty"`
	ImageProperties map[string]string `json:"image_properties,omitempty"`
	Key             *VolumeKey        `json:"key,omitempty"`
	// Public and SharedWith say which other projects may make volumes from it: all, or these.
	Public     bool        `json:"public,omitempty"`
	SharedWith []ProjectID `json:"shared_with,omitempty"`
	// GroupSnapshotID is the group snapshot it was taken in, if any.
	GroupSnapshotID GroupSnapshotID `json:"group_snapshot_id,omitempty"`
}

// VolumeType is a named kind of volume.
type VolumeType struct {
	ID VolumeTypeID `json:"id"`
	Meta
	Name        string            `json:"name"`
	Description string            `json:"description,omitempty"`
	Public      bool              `json:"public"`
	ExtraSpecs  map[string]string `json:"extra_specs,omitempty"`
	Projects    []ProjectID       `json:"projects,omitempty"`
	QOSID       VolumeQOSID       `json:"qos_id,omitempty"`
	Encryption  *TypeEncryption   `json:"encryption,omitempty"`
}

// TypeEncryption is how volumes of a type are encrypted.
type TypeEncryption struct {
	ID VolumeEncryptionID `json:"id"`
	VolumeEncryption
	CreatedAt time.Time  `json:"created_at"`
	UpdatedAt *time.Time `json:"updated_at,omitempty"`
}

// DefaultVolumeType is the type of a project's volumes for which none was asked. Its id is the project's.
type DefaultVolumeType struct {
	ProjectID ProjectID `json:"project_id"`
	Meta
	TypeID VolumeTypeID `json:"type_id"`
}

// VolumeQOS is a named set of limits; volumes have those of their type.
type VolumeQOS struct {
	ID VolumeQOSID `json:"id"`
	Meta
	Name string `json:"name"`
	// Consumer is who keeps the limits: "front-end" (the hypervisor), "back-end" (the pool) or "both".
	Consumer string            `json:"consumer"`
	Specs    map[string]string `json:"specs,omitempty"`
}

// Transfer offers a volume to whoever shows its key. The row lives until the offer is taken or taken back.
type Transfer struct {
	ID        TransferID `json:"id"`
	ProjectID ProjectID  `json:"project_id"` // the giver's
	UserID    UserID     `json:"user_id"`
	VolumeID  VolumeID   `json:"volume_id"`
	Meta
	Name string `json:"name"`
	// KeySalt and KeyHash check the key, which nobody keeps.
	KeySalt []byte `json:"key_salt"`
	KeyHash []byte `json:"key_hash"`
	// NoSnapshots: the volume's snapshots stay with the giver.
	NoSnapshots bool `json:"no_snapshots,omitempty"`
}
