package cloud

// MigrationKind is how an instance changes its place, or its size.
type MigrationKind string

// The kinds of migration.
const (
	MigrationCold       MigrationKind = "cold"       // stopped here, started there
	MigrationResize     MigrationKind = "resize"     // another size on the same host
	MigrationLive       MigrationKind = "live"       // goes on running
	MigrationEvacuation MigrationKind = "evacuation" // its host is dead
)

// MigrationState is how far a migration is.
//
//	running --> waiting --> reverting --> reverted
//	   |  \        \--> completed (agreed to, or nothing to agree to)
//	   \--> failed
type MigrationState string

// The states of a migration.
const (
	MigrationRunning   MigrationState = "running"
	MigrationWaiting   MigrationState = "waiting" // to be confirmed or taken back
	MigrationReverting MigrationState = "reverting"
	MigrationReverted  MigrationState = "reverted"
	MigrationCompleted MigrationState = "completed"
	MigrationFailed    MigrationState = "failed"
)

// Open tells whether something may still happen to it.
func (s MigrationState) Open() bool {
	return s == MigrationRunning || s == MigrationWaiting || s == MigrationReverting
}

// Migration is the record of one instance's move or resize. Hosts are kept by name: the record outlives them.
type Migration struct {
	ID MigrationID `json:"id"`
	Meta
	Number     int64          `json:"number"` // small and unique, for APIs that count them
	InstanceID InstanceID     `json:"instance_id"`
	ProjectID  ProjectID      `json:"project_id"` // of the instance
	UserID     UserID         `json:"user_id"`    // who asked
	Kind       MigrationKind  `json:"kind"`
	State      MigrationState `json:"state"`
	Source     string         `json:"source"`
	// Target is empty until a host has been chosen.
	Target        string      `json:"target,omitempty"`
	TargetAddress string      `json:"target_address,omitempty"`
	OldFlavor     FlavorID    `json:"old_flavor,omitempty"`
	NewFlavor     FlavorID    `json:"new_flavor,omitempty"`
	OperationID   OperationID `json:"operation_id,omitempty"`
}
