package cloud

import "time"

// Host is a machine that runs guests.
type Host struct {
	ID HostID `json:"id"`
	Meta
	Name string `json:"name"`
	Zone string `json:"zone"`
	// HomeZone is where it goes back to when it leaves the zone of an aggregate; empty: it never was in one.
	HomeZone string `json:"home_zone,omitempty"`
	// Enabled is the operator's word, with the reason; Up is ours.
	Enabled        bool      `json:"enabled"`
	DisabledReason string    `json:"disabled_reason,omitempty"`
	ForcedDown     bool      `json:"forced_down,omitempty"`
	Up             bool      `json:"up"`
	SeenAt         time.Time `json:"seen_at"`

	VCPUs             int      `json:"vcpus"`
	MemoryMiB         int      `json:"memory_mib"`
	DiskGiB           int      `json:"disk_gib"`
	ReservedMiB       int      `json:"reserved_mib"` // memory kept for the host itself
	VCPURatio         float64  `json:"vcpu_ratio"`   // how many vCPUs one CPU carries
	MemoryRatio       float64  `json:"memory_ratio"`
	DiskRatio         float64  `json:"disk_ratio"`
	Address           string   `json:"address,omitempty"`
	Hypervisor        string   `json:"hypervisor"`
	HypervisorVersion string   `json:"hypervisor_version"`
	Acceleration      string   `json:"acceleration,omitempty"`
	Architecture      string   `json:"architecture,omitempty"`
	CPUModel          string   `json:"cpu_model,omitempty"`
	Machines          []string `json:"machines,omitempty"`
	SharedPool        bool     `json:"shared_pool,omitempty"` // its volumes are reachable from every host
	Pools             []Pool   `json:"pools,omitempty"`       // the first has the disks of instances
	Number            int      `json:"number"`                // small and unique, for APIs that count hosts
	// Physical are the physical networks it is on. PacketRate is how many thousand packets/s it can promise.
	Physical   []PhysicalNetwork `json:"physical,omitempty"`
	PacketRate int               `json:"packet_rate,omitempty"`
	// Duties are what operators said of what it does for networks.
	Duties map[Duty]DutyNote `json:"duties,omitempty"`
}

// Aggregate is an operator's set of hosts.
type Aggregate struct {
	ID AggregateID `json:"id"` // a decimal number: APIs that count aggregates show it as one
	Meta
	UniqueID   string            `json:"unique_id"` // for APIs that name them so
	Name       string            `json:"name"`
	Zone       string            `json:"zone,omitempty"`
	Hosts      []HostID          `json:"hosts,omitempty"`
	Properties map[string]string `json:"properties,omitempty"`
}
