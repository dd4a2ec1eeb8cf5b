package cloud

import "net/netip"

// The requests and views below pass between use-case packages, which do not
// import each other.

// NICRequest asks for one network card of an instance: a port that exists, or a new one on a network.
type NICRequest struct {
	NetworkID NetworkID
	PortID    PortID
	FixedIP   netip.Addr // invalid: any
	Tag       string
	// More are addresses besides the first, of a new port; an invalid one is any of the same subnet. AnyIPv6 is how many it gets
	// of IPv6, besides those that are named.
	More    []netip.Addr
	AnyIPv6 int
	// Groups of a new port; nil: those asked for the whole instance.
	Groups      []SecurityGroupID
	Description string
	// Keep: a new port outlives the instance. Delete: one that exists does not.
	Keep, Delete bool
	// Order is its place among the instance's NICs; nil: behind all.
	Order *int
	// Public: it has a public address that passes with it. Nil: as its subnet says.
	Public *bool
}

// NICDefault says which network an instance goes on when no card was asked for.
type NICDefault string

const (
	NoNetwork   NICDefault = ""     // on none
	OnlyNetwork NICDefault = "only" // on the one its project sees, on none if it sees none
	AutoNetwork NICDefault = "auto" // on the one its project sees; if it sees none, on one made for it
)

// PortView is a port with all that is shown beside it.
type PortView struct {
	Port        *Port
	NetworkName string
	MTU         int
	Domain      string    // DNS suffix
	Subnets     []*Subnet // of its addresses, in their order, each once
	Router      *Router   // the routing domain that they were cut from, if any
	Floating    []*FloatingIP
	Groups      []*SecurityGroup
	DNS         []netip.Addr // servers that the guest should ask
	Routes      []Route
}

// VolumeRequest says what a new volume shall be. At most one source is set; without a size it is as large as its source.
type VolumeRequest struct {
	Name           string
	Description    string
	SizeGiB        int
	Properties     map[string]string
	ImageID        ImageID
	SnapshotID     SnapshotID
	SourceVolumeID VolumeID
	BackupID       BackupID
	// TypeID or TypeName; neither: the type of the source, or the default one.
	TypeID   VolumeTypeID
	TypeName string
	Zone     string
	HostID   HostID // where it should be if it can; empty: anywhere
	// TypeAlias is kept beside the type, Limits bound the volume beside it.
	TypeAlias string
	Limits    VolumeLimits
	// Encrypted asks for a type that encrypts: the one asked for must; if none was, one that does is taken.
	Encrypted   bool
	MultiAttach bool
	GroupID     VolumeGroupID // the group it joins, if any
	// KeepUnplaced makes a volume that has failed, and says why, where no pool will do; else that is NoCapacity.
	KeepUnplaced bool
	// MadeFor is the instance being made that it is a disk of, which has it before it is ready; empty: nobody has.
	MadeFor InstanceID
}

// SnapshotRequest says what a new snapshot shall be.
type SnapshotRequest struct {
	VolumeID    VolumeID
	Name        string
	Description string
	Properties  map[string]string
	// Force takes it also of a volume that is attached; it is then what a power cut would leave.
	Force bool
}

// ImageRequest says what a new image shall be.
type ImageRequest struct {
	ID           ImageID   // empty: made here; another's is AlreadyExists
	ProjectID    ProjectID // empty: the caller's
	Name         string
	Visibility   Visibility // empty: shared, with nobody yet
	Protected    bool
	Hidden       bool
	Container    string
	Format       string
	MinDiskGiB   int
	MinMemoryMiB int
	Properties   map[string]string
	Labels       map[string]string
	Tags         []string
	// UniqueName refuses a name that another image of the project has.
	UniqueName bool
	// Disks makes an image that stands for snapshots of volumes; it is active at once.
	Disks []ImageDisk
	// OperationID is what will write the bytes.
	OperationID OperationID
}

// Sharing changes who else may use something. What is nil or empty stays as it is.
type Sharing struct {
	Public      *bool // everybody
	Add, Remove []ProjectID
}
