package spec

import (
	"fmt"
	"time"
)

// VolumeID, SnapshotID and ImageID name bytes on a host or pool. They are never
// used again for other bytes.
type (
	VolumeID   string
	SnapshotID string
	ImageID    string
)

// Format is how a disk's bytes lie in a file.
type Format string

// The formats a host keeps volumes and images in, and those that images may be uploaded in.
const (
	FormatRaw   Format = "raw"
	FormatQCOW2 Format = "qcow2"
	FormatVMDK  Format = "vmdk"
	FormatVHD   Format = "vhd"
	FormatVHDX  Format = "vhdx"
	FormatVDI   Format = "vdi"
	FormatISO   Format = "iso"
	// FormatOpaque is bytes that nobody interprets: what a disk held, whatever its guest wrote there.
	FormatOpaque Format = "opaque"
	// FormatLUKS is an encrypted disk. Hosts copy its bytes as they are, whoever may read them.
	FormatLUKS Format = "luks"
)

// Image is a set of bytes that never changes, from which volumes are made.
type Image struct {
	ID        ImageID
	Format    Format
	SizeBytes int64  // length of the file
	SHA256    string // hex, of the file; checked when a host takes the image in
	Pool      string // which takes it in; empty means the host's first
}

// ImageStatus is what a host observed of an image that it has taken in.
type ImageStatus struct {
	ID        ImageID
	SizeBytes int64 // of the file that is kept; another format than the image's may be
	TakenAt   time.Time
	// Uses counts the volumes made from it since then; the last one was made at UsedAt, TakenAt if there is none.
	Uses   int64
	UsedAt time.Time
}

// Volume is the wanted state of one block device. At most one of the sources
// is set, and matters only when the volume is made; it may be gone later.
type Volume struct {
	ID         VolumeID
	Generation int64
	// SizeBytes may grow. A smaller one than the volume has is ErrNotSupported.
	SizeBytes int64
	// Image is the source: the volume starts as a thin clone of it.
	Image *Image
	// Snapshot or Volume are other sources, on whichever pool of the host.
	Snapshot SnapshotID
	Volume   VolumeID
	// Pool names the back end on the host; empty means where the volume is, or the host's first pool.
	Pool string
	// Move brings a volume that is on another back end of the host to Pool, source or not, under a guest that has it open if
	// one has. What else is wanted of that guest goes before: then the move is cut short, to be repeated.
	Move bool
	// Encryption, if set, makes an encrypted volume, and moves one. A source that is encrypted has the same key; any other is
	// encrypted while it is copied.
	Encryption *Encryption
}

// Encryption says how a new volume is encrypted.
type Encryption struct {
	Cipher  string // "aes-xts-plain64"
	KeyBits int
	Key     Key
}

// Key opens an encrypted volume. It is text; nothing below the control plane writes it down or shows it.
type Key string

// String keeps a key out of what is printed.
func (k Key) String() string {
	if k == "" {
		return ""
	}
	return "(secret)"
}

// GoString keeps it out of %#v.
func (k Key) GoString() string { return k.String() }

// VolumeStatus is what a host observed of a volume.
type VolumeStatus struct {
	ID         VolumeID
	Generation int64
	SizeBytes  int64 // what a guest sees
	UsedBytes  int64 // what it takes from the pool, without shared bases
	Pool       string
}

// Snapshot is a copy of a volume at one moment, independent of it afterwards.
type Snapshot struct {
	ID     SnapshotID
	Volume VolumeID
	Pool   string
}

// BlockSource is how a hypervisor reaches a volume: what a block driver answers
// when a volume is opened.
type BlockSource struct {
	// Driver is QEMU's protocol name: "file", "rbd".
	Driver string
	Path   string
	Format Format
	// Base is the read-only file below a qcow2 overlay, nil if none. Its own
	// Base is always nil: chains are one deep.
	Base *BlockSource
	// Key opens a source of FormatLUKS. Block drivers leave it empty: the agent has it from the guest's document.
	Key Key `json:"-"`
}

// CheckKey is ErrInvalid for an encrypted source without the key that opens it.
func (s BlockSource) CheckKey() error {
	if s.Format == FormatLUKS && s.Key == "" {
		return fmt.Errorf("%s is encrypted and no key was given: %w", s.Path, ErrInvalid)
	}
	return nil
}

// Pool is a place where volumes live.
type Pool struct {
	Name       string
	Driver     string // "file", "sim", "ceph"
	Shared     bool   // every host reaches it
	TotalBytes int64
	UsedBytes  int64
	// LocalOnly: it takes disks of guests, and no new volumes.
	LocalOnly bool
	// Capabilities are what the operator says of it, for types of volumes to ask for.
	Capabilities map[string]string
}
