// Package agentapi is the contract between the control plane and the agent of
// one host: a Go interface. In one process it is the agent itself; over a
// network it will be a client with mutual TLS, so nothing here may need
// shared memory: arguments and results are plain documents and byte streams.
//
// It is not a place for logic. Both sides import it and package spec.
package agentapi

import (
	"context"
	"io"
	"net"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// Agent is one host as the control plane sees it.
//
// Ensure means: hold this document as wanted, make it so, and return when it
// is. If it cannot be made so the error says why; the agent goes on trying
// until the document is replaced or removed. A document older than the one held changes nothing and succeeds.
// Remove means: forget it, and undo it on the host; it succeeds when nothing is left, and on a thing
// that never was. Every call may be repeated, at any time, by anybody.
//
// Errors wrap those of spec. Any other error is a failure of the host or of the
// way to it, after which a call may or may not have had its effect: repeat it.
type Agent interface {
	Describe(ctx context.Context) (spec.Host, error)
	// Load tells how busy the host is now. One that cannot tell is spec.ErrNotSupported.
	Load(ctx context.Context) (spec.Load, error)
	// Inventory lists all of ours that is on the host, wanted or not.
	Inventory(ctx context.Context) (spec.Inventory, error)
	// Watch calls f for each event until ctx ends or the way to the host breaks.
	// The first event is always EventUp.
	Watch(ctx context.Context, f func(spec.Event)) error

	Guests
	Storage
	Fabric
}

// Guests is the part of Agent about guests.
type Guests interface {
	EnsureGuest(ctx context.Context, g spec.Guest) (spec.GuestStatus, error)
	// TellGuest takes over the metadata of a document, and nothing else of it, so that the guest reads it at once. A guest that
	// no document is held for learns nothing.
	TellGuest(ctx context.Context, g spec.Guest) error
	// RemoveGuest forgets documents up to the generation, also those that are still on their way: they change nothing
	// any more. If a newer one is held, the guest stays.
	RemoveGuest(ctx context.Context, id spec.GuestID, generation int64) error
	// SwapDisk copies a disk of a running guest into the volume of next while the guest goes on, and has it use that from
	// then on. The document held, if any, has next in the old one's place afterwards. A guest that does not run is
	// spec.ErrMissing, unless it had next when it ended.
	SwapDisk(ctx context.Context, id spec.GuestID, old spec.VolumeID, next spec.Disk) error
	GuestStats(ctx context.Context, id spec.GuestID) (spec.GuestStats, error)
	// ConsoleLog answers the end of the serial log, at most tailBytes (0: all kept).
	ConsoleLog(ctx context.Context, id spec.GuestID, tailBytes int64) ([]byte, error)
	DialConsole(ctx context.Context, id spec.GuestID, kind spec.ConsoleKind) (net.Conn, error)
}

// Storage is the part of Agent about bytes.
type Storage interface {
	// EnsureImage takes an image in. The agent fetches it from the control plane's
	// image store by itself if it is not here.
	EnsureImage(ctx context.Context, i spec.Image) error
	// RemoveImage lets go of an image, and of its bytes when no volume is made of them any more. One that a guest boots
	// from directly is spec.ErrBusy.
	RemoveImage(ctx context.Context, id spec.ImageID) error
	// ListImages tells of the images that are here.
	ListImages(ctx context.Context) ([]spec.ImageStatus, error)
	// EnsureVolume makes a volume, grows it or moves it, whether or not a guest has it open.
	EnsureVolume(ctx context.Context, v spec.Volume) (spec.VolumeStatus, error)
	RemoveVolume(ctx context.Context, id spec.VolumeID) error
	// EnsureSnapshot copies a volume at one moment, whether or not a guest has it open.
	EnsureSnapshot(ctx context.Context, s spec.Snapshot) error
	RemoveSnapshot(ctx context.Context, id spec.SnapshotID) error
	// ListLoose tells of the disks on a pool that are nobody's, in the order of their names.
	ListLoose(ctx context.Context, pool string, kind spec.DiskKind) ([]spec.LooseDisk, error)
	// AdoptVolume makes a loose disk a volume, as large as it is. An unfit one is spec.ErrInvalid.
	AdoptVolume(ctx context.Context, id spec.VolumeID, pool, name string) error
	// ReleaseVolume makes a volume a loose disk: as after RemoveVolume, it is no volume any more. One that a guest has open
	// is spec.ErrBusy; if there is another disk of that name it is spec.ErrExists.
	ReleaseVolume(ctx context.Context, id spec.VolumeID, name string) error
	AdoptSnapshot(ctx context.Context, id spec.SnapshotID, pool, name string) error
	ReleaseSnapshot(ctx context.Context, s spec.Snapshot, name string) error
	// Export streams a snapshot as one file. The caller closes it.
	Export(ctx context.Context, id spec.SnapshotID, f spec.Format) (io.ReadCloser, error)
}

// Fabric is the part of Agent about networks. EnsurePort needs its network and
// groups to have been ensured before (spec.ErrMissing).
type Fabric interface {
	EnsureNetwork(ctx context.Context, n spec.Network) error
	RemoveNetwork(ctx context.Context, id spec.NetworkID) error
	EnsureGroup(ctx context.Context, g spec.SecurityGroup) error
	RemoveGroup(ctx context.Context, id spec.GroupID) error
	EnsurePort(ctx context.Context, p spec.Port) error
	RemovePort(ctx context.Context, id spec.PortID) error
	EnsureRouter(ctx context.Context, r spec.Router) error
	RemoveRouter(ctx context.Context, id spec.RouterID) error
	// EnsureVPN makes where tunnels end. It does not wait for tunnels: EventVPN tells of them.
	EnsureVPN(ctx context.Context, v spec.VPN) error
	RemoveVPN(ctx context.Context, id spec.VPNID) error
	// VPNStatus tells of a VPN now. One that is not here is spec.ErrMissing.
	VPNStatus(ctx context.Context, id spec.VPNID) (spec.VPNStatus, error)
	// MeterReadings answers what the meters of a router show; nothing for a router that is not here.
	MeterReadings(ctx context.Context, id spec.RouterID) ([]spec.MeterReading, error)
}
