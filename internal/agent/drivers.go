package agent

import (
	"context"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// Hypervisor starts, watches and changes guests. Guests are not its children in
// any way that matters: they go on when the process that holds the Hypervisor
// ends, and a new Hypervisor over the same state directory finds them again.
//
// Every method may be repeated. Start of a running guest with the same BootSerial,
// Stop of a stopped one, Plug of what is plugged and Unplug of what is not all
// succeed and change nothing. A guest that is not there is spec.ErrMissing, except to Remove and Stop.
// Methods may be called from several goroutines, for one guest from one at a time.
type Hypervisor interface {
	// Describe tells what the software can do. The first call may take seconds: it
	// runs a guest to see whether acceleration works.
	Describe(ctx context.Context) (spec.Hypervisor, error)
	// List tells of every guest that has a process or files here.
	List(ctx context.Context) ([]spec.GuestStatus, error)
	Status(ctx context.Context, id spec.GuestID) (spec.GuestStatus, error)

	// Start makes the process, with the CPUs stopped, connects, and if paused is
	// false lets them run. If the guest is suspended its memory is restored.
	Start(ctx context.Context, l Launch, paused bool) error
	// Stop ends the process. With grace > 0 the guest is asked first (ACPI) and gets
	// that long. Nothing of the guest's disks is lost that it had flushed.
	Stop(ctx context.Context, id spec.GuestID, opts StopOptions) error
	Pause(ctx context.Context, id spec.GuestID) error
	Resume(ctx context.Context, id spec.GuestID) error
	// Suspend writes the guest's memory to disk and ends the process.
	Suspend(ctx context.Context, id spec.GuestID) error
	// Remove ends the process at once and removes every file of the guest
	// (log, sockets, memory), but not its volumes.
	Remove(ctx context.Context, id spec.GuestID) error

	// PlugDisk, UnplugDisk, PlugNIC and UnplugNIC change a running or paused guest.
	// Unplug returns when the guest has let go, or spec.ErrBusy when ctx ends first.
	PlugDisk(ctx context.Context, id spec.GuestID, d LaunchDisk) error
	UnplugDisk(ctx context.Context, id spec.GuestID, v spec.VolumeID) error
	PlugNIC(ctx context.Context, id spec.GuestID, n LaunchNIC) error
	UnplugNIC(ctx context.Context, id spec.GuestID, p spec.PortID) error
	// ResizeDisk grows a disk of a running guest, file and all.
	ResizeDisk(ctx context.Context, id spec.GuestID, v spec.VolumeID, sizeBytes int64) error
	// CopyDisk copies a disk of a running guest, as it is at one moment, into
	// target, which exists, is as large, and has the same Base.
	CopyDisk(ctx context.Context, id spec.GuestID, v spec.VolumeID, target spec.BlockSource) error
	// SwapDisk copies a disk of a running guest into next, which exists and is at least as large, and has the guest go on
	// with that; it notices nothing. Where next is what the guest has, or had when it ended, it succeeds. If
	// it fails the guest has the old disk.
	SwapDisk(ctx context.Context, id spec.GuestID, old spec.VolumeID, next LaunchDisk) error
	// MoveDisk is SwapDisk into other bytes of the same volume. When both are the same, and while the guest writes to both, it
	// has settle note which are the volume from then on; if the guest stays with what it had after all, once more. Where
	// this process ends in between, the guest goes on writing to both until MoveDisk is repeated, to either place. A guest that
	// does not run is spec.ErrMissing.
	MoveDisk(ctx context.Context, id spec.GuestID, v spec.VolumeID, to spec.BlockSource, settle Settle) error

	Stats(ctx context.Context, id spec.GuestID) (spec.GuestStats, error)
	// ConsoleLog is the end of what the guest wrote to its serial console, at most
	// tailBytes of it (0: all that is kept). It outlives reboots and the process.
	ConsoleLog(ctx context.Context, id spec.GuestID, tailBytes int64) ([]byte, error)
	// DialConsole connects to a console of a running guest. Bytes are RFB for VNC, raw for serial.
	DialConsole(ctx context.Context, id spec.GuestID, kind spec.ConsoleKind) (net.Conn, error)

	// Watch calls f for every change that nobody asked this Hypervisor for (guest powered itself
	// off, crashed, rebooted). It returns when ctx ends.
	Watch(ctx context.Context, f func(spec.GuestStatus)) error
}

// Settle notes that the bytes at a place are a volume, for whoever opens it next. It may be repeated.
type Settle func(ctx context.Context, at spec.BlockSource) error

// StopOptions says how a guest is stopped.
type StopOptions struct {
	// Grace is how long the guest may take to shut down by itself, 0 for none.
	Grace time.Duration
}

// Launch is a guest with everything the agent has looked up for it.
type Launch struct {
	Guest spec.Guest
	Disks []LaunchDisk
	NICs  []LaunchNIC
	// Kernel and Initramfs are files for direct boot, empty if none.
	Kernel, Initramfs string
	// ConfigDrive is an ISO 9660 file to show as a CD-ROM, empty if none.
	ConfigDrive string
}

// LaunchDisk is a disk with the place of its bytes.
type LaunchDisk struct {
	Disk   spec.Disk
	Source spec.BlockSource
}

// LaunchNIC is a NIC with the tap the fabric made for it. Namespace is a path
// such as /run/netns/x the tap lives in; empty: the host's own.
type LaunchNIC struct {
	NIC       spec.NIC
	Tap       string
	Namespace string
}

// Block keeps volumes, snapshots and images on a pool, or on several (package pools).
//
// Every method may be repeated: Ensure of what is there as asked and Remove of
// what is not succeed and change nothing. After a crash at any moment, repeating the call finishes the work:
// half-made files are never taken for whole ones.
type Block interface {
	// Pools tells of the pools. Disks of guests lie on the first.
	Pools(ctx context.Context) ([]spec.Pool, error)
	// EnsureImage takes an image in. open is called only if the image is not here;
	// its bytes are checked against SizeBytes and SHA256 (spec.ErrCorrupt).
	EnsureImage(ctx context.Context, i spec.Image, open func() (io.ReadCloser, error)) error
	// RemoveImage removes an image. Volumes made from it go on working (the bytes may stay until the last is gone).
	RemoveImage(ctx context.Context, id spec.ImageID) error
	// Images tells of the images that are here, in the order of their ids.
	Images(ctx context.Context) ([]spec.ImageStatus, error)
	// ImagePath is the file of an image that is here, for direct kernel boot.
	ImagePath(ctx context.Context, id spec.ImageID) (string, error)

	// EnsureVolume makes a volume, or grows it. A source that is not here is
	// spec.ErrMissing. It must not be called to grow one that a guest has open: that is Hypervisor.ResizeDisk.
	EnsureVolume(ctx context.Context, v spec.Volume) (spec.VolumeStatus, error)
	RemoveVolume(ctx context.Context, id spec.VolumeID) error
	VolumeStatus(ctx context.Context, id spec.VolumeID) (spec.VolumeStatus, error)
	// Source tells how to open a volume.
	Source(ctx context.Context, id spec.VolumeID) (spec.BlockSource, error)

	// EnsureSnapshot copies a volume that no guest is writing to.
	EnsureSnapshot(ctx context.Context, s spec.Snapshot) error
	// PrepareSnapshot makes an empty target that Hypervisor.CopyDisk fills;
	// CommitSnapshot makes it the snapshot. Between the two it is not listed.
	PrepareSnapshot(ctx context.Context, s spec.Snapshot) (spec.BlockSource, error)
	CommitSnapshot(ctx context.Context, id spec.SnapshotID) error
	RemoveSnapshot(ctx context.Context, id spec.SnapshotID) error

	// ListLoose tells of the disks on a pool that are nobody's, in the order of their names.
	ListLoose(ctx context.Context, pool string, kind spec.DiskKind) ([]spec.LooseDisk, error)
	// AdoptVolume makes a loose disk the volume of that id, as large as it is. If there is no such disk, and no such volume
	// either, it is spec.ErrMissing; an unfit one is spec.ErrInvalid.
	AdoptVolume(ctx context.Context, id spec.VolumeID, pool, name string) error
	// ReleaseVolume makes a volume that no guest has open a loose disk. spec.ErrMissing if there is no such volume (any more),
	// spec.ErrExists if there is another disk of that name, spec.ErrNotSupported for an encrypted one.
	ReleaseVolume(ctx context.Context, id spec.VolumeID, name string) error
	// AdoptSnapshot and ReleaseSnapshot are the same for snapshots.
	AdoptSnapshot(ctx context.Context, id spec.SnapshotID, pool, name string) error
	ReleaseSnapshot(ctx context.Context, s spec.Snapshot, name string) error

	// Export opens the bytes of a snapshot as one file without a base, in the given
	// format (raw, qcow2). The caller closes it.
	Export(ctx context.Context, id spec.SnapshotID, f spec.Format) (io.ReadCloser, error)

	// Inventory lists what is here, whole or half made.
	Inventory(ctx context.Context) (BlockInventory, error)
}

// Mover is a Block on several pools, between which volumes move under the guests that have them open.
//
// Of the bytes that there are of one volume, those with the newest generation are the volume, for every method of Block.
type Mover interface {
	// PrepareMove makes room for a volume on the pool that its document names, and tells how to open it. What is there is not
	// the volume yet, unless it was there already.
	PrepareMove(ctx context.Context, v spec.Volume) (spec.BlockSource, error)
	// SwitchVolume makes the bytes at a place the volume, at one stroke, and for good when it returns. The others stay where they
	// are until EnsureVolume is asked for the move that has happened.
	SwitchVolume(ctx context.Context, id spec.VolumeID, to spec.BlockSource) error
}

// BlockInventory lists ids on all pools.
type BlockInventory struct {
	Volumes   []spec.VolumeID
	Snapshots []spec.SnapshotID
	Images    []spec.ImageID
}

// Fabric makes networks out of what the host's kernel has.
//
// Every Ensure may be repeated, compares with what is there, and changes only
// the difference; an object already as wanted costs a comparison. An older
// Generation than the one held is ignored. Remove of what is not there succeeds. Objects may be
// ensured in any order: a port whose network or groups are not here yet is spec.ErrMissing; a router
// whose network is not here is spec.ErrMissing. Nothing is touched that the fabric did not make.
type Fabric interface {
	EnsureNetwork(ctx context.Context, n spec.Network) error
	RemoveNetwork(ctx context.Context, id spec.NetworkID) error
	EnsureGroup(ctx context.Context, g spec.SecurityGroup) error
	RemoveGroup(ctx context.Context, id spec.GroupID) error
	// EnsurePort makes the tap with its filters in place and says where it is. Once it returns, DHCP,
	// metadata and rules are ready for the guest's first packet.
	EnsurePort(ctx context.Context, p spec.Port) (Tap, error)
	RemovePort(ctx context.Context, id spec.PortID) error
	EnsureRouter(ctx context.Context, r spec.Router) error
	RemoveRouter(ctx context.Context, id spec.RouterID) error
	// EnsureVPN makes where tunnels end, with the tunnels, and does not wait for these to stand. A host that lacks the
	// software is spec.ErrNotSupported. Tunnels, like taps, outlive the process.
	EnsureVPN(ctx context.Context, v spec.VPN) error
	RemoveVPN(ctx context.Context, id spec.VPNID) error
	// VPNStatus tells of a VPN; one that was never ensured is spec.ErrMissing.
	VPNStatus(ctx context.Context, id spec.VPNID) (spec.VPNStatus, error)
	// WatchVPNs calls f for every VPN that there is, and for each that changes from then on, until ctx ends.
	WatchVPNs(ctx context.Context, f func(spec.VPNStatus)) error
	// Adopt finds what an earlier process left and serves it again (DHCP, DNS,
	// metadata) as far as the documents kept beside it allow. Call it once, first.
	Adopt(ctx context.Context) error
	Inventory(ctx context.Context) (FabricInventory, error)
	PortStats(ctx context.Context, id spec.PortID) (spec.NICStats, error)
	// MeterReadings answers what the meters of a router show; nothing for a router that is not here. Counters go on while the
	// router and the meter stay, whatever else about them changes and whichever process looks after them.
	MeterReadings(ctx context.Context, id spec.RouterID) ([]spec.MeterReading, error)
	// Close ends the helpers of this process (listeners), not the data plane.
	Close() error
}

// Tap is where a port's frames go in and out.
type Tap struct {
	Name      string
	Namespace string // path of the network namespace; empty: the host's own
}

// FabricInventory lists ids of what the fabric made.
type FabricInventory struct {
	Networks []spec.NetworkID
	Ports    []spec.PortID
	Routers  []spec.RouterID
	Groups   []spec.GroupID
	VPNs     []spec.VPNID
}

// MetadataHandler answers a guest's request to 169.254.169.254 (or fe80::a9fe:a9fe). The
// fabric has established which port it came from; what the request says about its sender is not believed.
type MetadataHandler interface {
	ServeMetadata(w http.ResponseWriter, r *http.Request, port spec.PortID)
}

// HopLimiter is a ResponseWriter of which a MetadataHandler may bound how many hops its answer goes.
type HopLimiter interface {
	SetHopLimit(hops int) error
}
