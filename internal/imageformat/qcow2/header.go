package qcow2

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Magic begins every qcow (and qcow2) file.
const Magic = 0x514649fb

// The incompatible feature bits.
const (
	IncompatDirty        = 1 << 0
	IncompatCorrupt      = 1 << 1
	IncompatExternalData = 1 << 2
	IncompatCompression  = 1 << 3
	IncompatExtendedL2   = 1 << 4
	// IncompatKnown are all those that this package understands.
	IncompatKnown = IncompatDirty | IncompatCorrupt | IncompatExternalData | IncompatCompression | IncompatExtendedL2
)

// The header extensions that matter to us.
const (
	ExtensionEnd           = 0
	ExtensionBackingFormat = 0xe2792aca
	ExtensionExternalData  = 0x44415441
	ExtensionEncryption    = 0x0537be77
)

// ErrFormat wraps everything that Parse and Grow find wrong with a file.
var ErrFormat = errors.New("not a well-formed qcow2 file")

const (
	headerBytesV2 = 72
	headerBytesV3 = 104
	// extensionsBytesMax bounds what is read for header extensions and backing name.
	extensionsBytesMax = 64 << 10
)

// Header is the first cluster of a qcow2 file, in host byte order.
type Header struct {
	Version           uint32
	BackingOffset     uint64
	BackingBytes      uint32
	ClusterBits       uint32
	SizeBytes         uint64
	Encryption        uint32
	L1Entries         uint32
	L1Offset          uint64
	RefTableOffset    uint64
	RefTableClusters  uint32
	Snapshots         uint32
	SnapshotsOffset   uint64
	Incompatible      uint64
	Compatible        uint64
	Autoclear         uint64
	RefcountOrder     uint32
	HeaderBytes       uint32
	Compression       uint8
	Extensions        map[uint32][]byte
	BackingFile       string
	ExtensionsInvalid bool // the list of extensions does not end or leaves the first cluster
}

// ClusterBytes is the size of a cluster; only meaningful if ClusterBits is sane.
func (h *Header) ClusterBytes() uint64 { return 1 << h.ClusterBits }

// L2EntryBytes is 16 with extended L2 entries, otherwise 8.
func (h *Header) L2EntryBytes() uint64 {
	if h.Incompatible&IncompatExtendedL2 != 0 {
		return 16
	}
	return 8
}

// Parse reads a header. It judges only what it must to go on reading: the
// caller decides about sizes and features. Errors wrap ErrFormat or are those of r.
func Parse(r io.ReaderAt) (*Header, error) {
	b := make([]byte, 112)
	n, err := r.ReadAt(b, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	be := binary.BigEndian
	if n < headerBytesV2 || be.Uint32(b) != Magic {
		return nil, fmt.Errorf("%w: no header", ErrFormat)
	}
	h := &Header{
		Version:          be.Uint32(b[4:]),
		BackingOffset:    be.Uint64(b[8:]),
		BackingBytes:     be.Uint32(b[16:]),
		ClusterBits:      be.Uint32(b[20:]),
		SizeBytes:        be.Uint64(b[24:]),
		Encryption:       be.Uint32(b[32:]),
		L1Entries:        be.Uint32(b[36:]),
		L1Offset:         be.Uint64(b[40:]),
		RefTableOffset:   be.Uint64(b[48:]),
		RefTableClusters: be.Uint32(b[56:]),
		Snapshots:        be.Uint32(b[60:]),
		SnapshotsOffset:  be.Uint64(b[64:]),
		RefcountOrder:    4,
		HeaderBytes:      headerBytesV2,
		Extensions:       map[uint32][]byte{},
	}
	switch {
	case h.Version == 2:
	case h.Version == 3 && n >= headerBytesV3:
		h.parseV3(b[:n])
	default:
		return nil, fmt.Errorf("%w: version %d", ErrFormat, h.Version)
	}
	return h, h.parseTail(r)
}

func (h *Header) parseV3(b []byte) {
	be := binary.BigEndian
	h.Incompatible = be.Uint64(b[72:])
	h.Compatible = be.Uint64(b[80:])
	h.Autoclear = be.Uint64(b[88:])
	h.RefcountOrder = be.Uint32(b[96:])
	h.HeaderBytes = be.Uint32(b[100:])
	if h.HeaderBytes > headerBytesV3 && len(b) > headerBytesV3 {
		h.Compression = b[headerBytesV3]
	}
}

// parseTail reads the extensions and the backing file's name, which lie in the first cluster.
func (h *Header) parseTail(r io.ReaderAt) error {
	if h.ClusterBits < 9 || h.ClusterBits > 21 {
		return nil // the caller refuses it by ClusterBits; there is no place to look
	}
	limit := min(h.ClusterBytes(), extensionsBytesMax)
	b := make([]byte, limit)
	n, err := r.ReadAt(b, 0)
	if err != nil && err != io.EOF {
		return err
	}
	b = b[:n]
	h.ExtensionsInvalid = !h.parseExtensions(b)
	end := h.BackingOffset + uint64(h.BackingBytes)
	if h.BackingOffset != 0 && h.BackingBytes <= 1023 && end >= h.BackingOffset && end <= uint64(len(b)) {
		h.BackingFile = string(b[h.BackingOffset:end])
	}
	return nil
}

func (h *Header) parseExtensions(b []byte) bool {
	at := uint64(h.HeaderBytes)
	for at+8 <= uint64(len(b)) {
		kind, length := binary.BigEndian.Uint32(b[at:]), uint64(binary.BigEndian.Uint32(b[at+4:]))
		at += 8
		if kind == ExtensionEnd {
			return true
		}
		if length > uint64(len(b))-at {
			return false
		}
		h.Extensions[kind] = b[at : at+length]
		at += (length + 7) &^ 7
	}
	// A version 2 file may end its header cluster without an end mark.
	return at >= uint64(len(b)) && h.Version == 2
}
