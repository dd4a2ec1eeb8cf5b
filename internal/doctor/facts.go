package doctor

import "github.com/nubo-cloud/nubo/internal/spec"

// Facts are what was seen on a host. An error is kept as its words, "" if none.
type Facts struct {
	Root bool

	// Hypervisor is what the driver found by running a guest; its zero value if HypervisorError says why not.
	Hypervisor      spec.Hypervisor
	HypervisorError string
	// KVMError is what opening /dev/kvm said; "" although no guest may boot there.
	KVMError string
	// KVMForRoot is why no guest booted when run as root, asked where only root may open the device; "" if one did
	// or nobody asked.
	KVMForRoot string
	QemuImg    string // its version; "" if it is not installed
	Nft        string // the same

	// Features are the parts of the kernel that networks need, in the order they were tried.
	Features []Feature
	// Firewalls are chains of others that drop forwarded packets without letting guests' through.
	Firewalls []string
	// Clashes are links of others with an address in PublicNetwork.
	Clashes       []string
	PublicNetwork string

	// Cgroups is "v1" or "v2", "" without; CgroupsError why guests cannot be limited.
	Cgroups, CgroupsError string

	StateDir      string
	StateDirError string
	FileSystem    string // "ext4"
	FreeBytes     int64
	Reflink       bool

	CPUs                         int
	MemoryBytes, MemoryFreeBytes int64
	NeighboursMax                int64 // net.ipv4.neigh.default.gc_thresh3, 0: unknown
	ConnectionsMax               int64 // net.netfilter.nf_conntrack_max, 0: unknown

	Listen      string
	ListenError string
	// Running says that a daemon holds the state directory.
	Running bool
	NoVNC   bool
}

// Feature is one ability of the kernel, tried in a throw-away namespace.
type Feature struct {
	Name string
	Use  string // what it is for
	// Optional features make something smaller; without the others there are no networks.
	Optional bool
	Error    string
	Do       string // what to do when it is missing
}
