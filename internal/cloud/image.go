package cloud

import "time"

// ImageState is where an image is in its life.
//
//	queued --> saving --> active <--> deactivated
//	   | \          \-----> queued (the upload was cut off) or killed
//	   |  \--> importing -> active or queued
//	   \--> staged ---^
type ImageState string

// The states of an image.
const (
	ImageQueued      ImageState = "queued"
	ImageSaving      ImageState = "saving"
	ImageStaged      ImageState = "staged" // its bytes are on their way to, or in, the place they are imported from
	ImageImporting   ImageState = "importing"
	ImageActive      ImageState = "active"
	ImageDeactivated ImageState = "deactivated"
	ImageKilled      ImageState = "killed"
)

// Visibility says who sees an image.
type Visibility string

// The visibilities.
const (
	VisibilityPublic    Visibility = "public"
	VisibilityCommunity Visibility = "community" // usable by all, listed when asked for
	VisibilityShared    Visibility = "shared"    // with named projects
	VisibilityPrivate   Visibility = "private"
)

// Image is bootable bytes plus facts about them.
type Image struct {
	ID        ImageID   `json:"id"`
	ProjectID ProjectID `json:"project_id"` // owner; empty: the cloud
	Meta
	Name       string     `json:"name"`
	State      ImageState `json:"state"`
	Visibility Visibility `json:"visibility"`
	Protected  bool       `json:"protected,omitempty"`
	Hidden     bool       `json:"hidden,omitempty"`
	// OutdatedAt is from when on it is not offered to others any more; nil: it always is. Whoever names it may use it.
	OutdatedAt *time.Time `json:"outdated_at,omitempty"`
	// Container and Format as declared: "bare", "qcow2". Empty until set.
	Container string `json:"container,omitempty"`
	Format    string `json:"format,omitempty"`
	// SizeBytes of the file; VirtualBytes of the disk inside. 0 until uploaded.
	SizeBytes    int64 `json:"size_bytes"`
	VirtualBytes int64 `json:"virtual_bytes,omitempty"`
	// StagedBytes wait to be imported.
	StagedBytes int64 `json:"staged_bytes,omitempty"`
	// Fault is why the last import failed; nil once another has begun.
	Fault        *Fault `json:"fault,omitempty"`
	MD5          string `json:"md5,omitempty"`
	SHA256       string `json:"sha256,omitempty"`
	SHA512       string `json:"sha512,omitempty"`
	MinDiskGiB   int    `json:"min_disk_gib,omitempty"`
	MinMemoryMiB int    `json:"min_memory_mib,omitempty"`
	// Properties are free; some mean something to us (kernel_id, hw_machine_type).
	Properties map[string]string `json:"properties,omitempty"`
	Tags       []string          `json:"tags,omitempty"`
	Members    []ImageMember     `json:"members,omitempty"`
	// Volume is set on an image that stands for a volume's snapshot, not for bytes of its own.
	Disks []ImageDisk `json:"disks,omitempty"`
	// OperationID is writing the bytes now.
	OperationID OperationID `json:"operation_id,omitempty"`
	// UploadID names the upload that is writing the bytes; another cannot finish in its place.
	UploadID string `json:"upload_id,omitempty"`
}

// ImageMember is a project an image is shared with.
type ImageMember struct {
	ProjectID ProjectID `json:"project_id"`
	Status    string    `json:"status"` // "pending", "accepted", "rejected"
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// ImageDisk is one disk of an image of an instance that was booted from a volume.
type ImageDisk struct {
	SnapshotID         SnapshotID `json:"snapshot_id"`
	SizeGiB            int        `json:"size_gib"`
	Device             string     `json:"device"`
	Alias              string     `json:"alias,omitempty"` // as of an instance's disk
	Boot               bool       `json:"boot,omitempty"`
	DeleteWithInstance bool       `json:"delete_with_instance,omitempty"`
	// TypeID and TypeAlias of the volumes that are made of it; empty: of what the snapshot was taken of.
	TypeID    VolumeTypeID `json:"type_id,omitempty"`
	TypeAlias string       `json:"type_alias,omitempty"`
}
