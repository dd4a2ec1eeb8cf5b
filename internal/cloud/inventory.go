package cloud

// Provider is something that has resources to give: a host, or what an operator registers beside the hosts (a pool of
// licences, a shared file server, a part of a host). A host's row holds only what was added to it by hand; what the host
// has by itself stands in Host.
type Provider struct {
	ID ProviderID `json:"id"`
	Meta
	Name string `json:"name"`
	// Generation counts changes; whoever changes something says which generation it saw.
	Generation int        `json:"generation"`
	Parent     ProviderID `json:"parent,omitempty"`
	// Groups are names that providers share; what they mean is the operator's business.
	Groups []string `json:"groups,omitempty"`
	Traits []string `json:"traits,omitempty"`
	// Stock is what it has, by class of resource.
	Stock map[string]Stock `json:"stock,omitempty"`
}

// Stock is how much of one class a provider has, and how it may be cut.
type Stock struct {
	Total    int     `json:"total"`
	Reserved int     `json:"reserved"`
	MinUnit  int     `json:"min_unit"`
	MaxUnit  int     `json:"max_unit"`
	StepSize int     `json:"step_size"`
	Ratio    float64 `json:"ratio"` // how often each unit may be given
}

// Capacity is how much can be given altogether.
func (s Stock) Capacity() int { return int(float64(s.Total-s.Reserved) * s.Ratio) }

// Claim is what one consumer holds of one provider. A consumer without claims does not exist; what is said of it stands in
// each of its claims.
type Claim struct {
	ID string `json:"id"` // ClaimID
	Meta
	Consumer   ConsumerID `json:"consumer"`
	Provider   ProviderID `json:"provider"`
	ProjectID  ProjectID  `json:"project_id"`
	UserID     UserID     `json:"user_id"`
	Type       string     `json:"type,omitempty"` // of consumer
	Generation int        `json:"generation"`     // of the consumer
	// Held is how much of each class.
	Held map[string]int `json:"held"`
}

// ClaimID is the id of what a consumer holds of a provider.
func ClaimID(c ConsumerID, p ProviderID) string { return string(c) + "/" + string(p) }

// The classes of resources that hosts have by themselves.
const (
	ClassVCPU      = "VCPU"
	ClassMemoryMiB = "MEMORY_MB"
	ClassDiskGiB   = "DISK_GB"
)

// Word is a word of an operator's own for a class or a trait.
type Word struct {
	ID string `json:"id"` // WordID
	Meta
	Kind WordKind `json:"kind"`
	Name string   `json:"name"`
}

// WordKind says what a Word is for.
type WordKind string

// The kinds of words.
const (
	WordClass WordKind = "class"
	WordTrait WordKind = "trait"
)

// WordID is the id of a word.
func WordID(k WordKind, name string) string { return string(k) + "/" + name }
