package cloud

import "time"

// BackupState is where a backup is in its life.
//
//	creating --> available <--> restoring
//	    |            |
//	    v            v
//	  failed      deleting --> (gone)
type BackupState string

// The states of a backup.
const (
	BackupCreating  BackupState = "creating"
	BackupAvailable BackupState = "available"
	BackupRestoring BackupState = "restoring"
	BackupDeleting  BackupState = "deleting"
	BackupFailed    BackupState = "failed"
)

// Backup is a copy of a volume's bytes that is kept apart from all pools. An incremental one holds only what
// differs from its parent, so parents are deleted after their children.
type Backup struct {
	ID        BackupID  `json:"id"`
	ProjectID ProjectID `json:"project_id"`
	UserID    UserID    `json:"user_id"`
	VolumeID  VolumeID  `json:"volume_id"`
	Meta
	Name        string            `json:"name"`
	Description string            `json:"description,omitempty"`
	SizeGiB     int               `json:"size_gib"` // of the volume
	State       BackupState       `json:"state"`
	Fault       *Fault            `json:"fault,omitempty"`
	OperationID OperationID       `json:"operation_id,omitempty"`
	Properties  map[string]string `json:"properties,omitempty"`
	Container   string            `json:"container,omitempty"`
	Zone        string            `json:"zone,omitempty"`
	ParentID    BackupID          `json:"parent_id,omitempty"` // of an incremental one
	SnapshotID  SnapshotID        `json:"snapshot_id,omitempty"`
	// StoredAs names the bytes: its own id, or that of the backup whose record it was imported from.
	StoredAs BackupID `json:"stored_as"`
	// DataAt is the moment whose bytes it holds.
	DataAt time.Time `json:"data_at"`
	// Pieces is how many pieces of the volume it holds itself.
	Pieces int `json:"pieces,omitempty"`
	// Facts of the volume that a volume made from it gets back.
	Bootable        bool              `json:"bootable,omitempty"`
	ImageProperties map[string]string `json:"image_properties,omitempty"`
	// VolumeProperties are the volume's own; a volume that is made from the backup gets them.
	VolumeProperties map[string]string `json:"volume_properties,omitempty"`
	// Key opens the bytes of an encrypted volume's backup, and TypeID is that volume's type.
	Key    *VolumeKey   `json:"key,omitempty"`
	TypeID VolumeTypeID `json:"type_id,omitempty"`
}
