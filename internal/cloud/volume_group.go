package cloud

// VolumeGroup is volumes of one project that are snapshotted together.
type VolumeGroup struct {
	ID        VolumeGroupID `json:"id"`
	ProjectID ProjectID     `json:"project_id"`
	UserID    UserID        `json:"user_id"`
	Meta
	Name        string            `json:"name"`
	Description string            `json:"description,omitempty"`
	GroupTypeID VolumeGroupTypeID `json:"group_type_id"`
	// VolumeTypes are the types its volumes may have.
	VolumeTypes []VolumeTypeID `json:"volume_types,omitempty"`
	Zone        string         `json:"zone,omitempty"`
	// State is creating while the volumes of a copied group are being made; then available, or failed.
	State       VolumeState `json:"state"`
	Fault       *Fault      `json:"fault,omitempty"`
	OperationID OperationID `json:"operation_id,omitempty"`
	// Sources it was copied from.
	GroupSnapshotID GroupSnapshotID `json:"group_snapshot_id,omitempty"`
	SourceGroupID   VolumeGroupID   `json:"source_group_id,omitempty"`
}

// VolumeGroupType is a named kind of volume group.
type VolumeGroupType struct {
	ID VolumeGroupTypeID `json:"id"`
	Meta
	Name        string            `json:"name"`
	Description string            `json:"description,omitempty"`
	Public      bool              `json:"public"`
	Specs       map[string]string `json:"specs,omitempty"`
}

// GroupSnapshot is snapshots of all volumes of a group, taken together.
type GroupSnapshot struct {
	ID        GroupSnapshotID `json:"id"`
	ProjectID ProjectID       `json:"project_id"`
	UserID    UserID          `json:"user_id"`
	GroupID   VolumeGroupID   `json:"group_id"`
	Meta
	Name        string            `json:"name"`
	Description string            `json:"description,omitempty"`
	GroupTypeID VolumeGroupTypeID `json:"group_type_id"`
	State       VolumeState       `json:"state"`
	Fault       *Fault            `json:"fault,omitempty"`
	OperationID OperationID       `json:"operation_id,omitempty"`
}
