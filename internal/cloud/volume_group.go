package cloud

// VolumeGroupType is a named kind of volume group.
type VolumeGroupType struct {
	ID VolumeGroupTypeID `json:"id"`
	Meta
	Name        string            `json:"name"`
	Description string            `json:"description,omitempty"`
	Public      bool              `json:"public"`
	Specs       map[string]string `json:"specs,omitempty"`
}
