package cloud

// TrunkStatus is what a trunk does now.
type TrunkStatus string

// The statuses. TrunkDown: its port is plugged nowhere. TrunkBuilding: some of its branches are not plugged yet.
const (
	TrunkDown     TrunkStatus = "down"
	TrunkBuilding TrunkStatus = "building"
	TrunkActive   TrunkStatus = "active"
)

// Trunk makes a port carry the frames of others, its branches, told apart by their tag. Branches are ports that name the
// trunk: a port is in one trunk at most.
type Trunk struct {
	ID        TrunkID   `json:"id"`
	ProjectID ProjectID `json:"project_id"`
	Meta
	Revisions   int    `json:"revisions"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	// AdminUp false locks the trunk: branches can be neither added nor taken away. Frames pass.
	AdminUp bool        `json:"admin_up"`
	PortID  PortID      `json:"port_id"` // the one that carries
	Status  TrunkStatus `json:"status"`
	Tags    []string    `json:"tags,omitempty"`
}
