package cloud

// AddressScope is a realm in which an address means one place: the prefixes of the subnet pools in it
// do not overlap.
type AddressScope struct {
	ID        AddressScopeID `json:"id"`
	ProjectID ProjectID      `json:"project_id"`
	Meta
	Name   string `json:"name"`
	IPv6   bool   `json:"ipv6,omitempty"`
	Shared bool   `json:"shared,omitempty"` // usable by every project
}

// Share lets a project, or every project, use a noun that another project owns.
type Share struct {
	ID        ShareID   `json:"id"`
	ProjectID ProjectID `json:"project_id"` // who shares
	Meta
	Noun   ShareNoun `json:"noun"`
	NounID string    `json:"noun_id"`
	Use    ShareUse  `json:"use"`
	To     ProjectID `json:"to"` // AllProjects, or one
}

// ShareNoun is a kind of noun that can be shared.
type ShareNoun string

// The kinds.
const (
	ShareNetwork       ShareNoun = "network"
	ShareSubnetPool    ShareNoun = "subnet pool"
	ShareAddressScope  ShareNoun = "address scope"
	ShareSecurityGroup ShareNoun = "security group"
	ShareQoSPolicy     ShareNoun = "QoS policy"
	ShareAddressGroup  ShareNoun = "address group"
)

// ShareUse is what a share allows.
type ShareUse string

// The uses. Only networks lead out.
const (
	UseShared   ShareUse = "shared"
	UseExternal ShareUse = "external"
)

// AllProjects as a share's receiver is every project.
const AllProjects ProjectID = "*"
