package imageformat

import (
	"encoding/binary"
	"io"

	"github.com/nubo-cloud/nubo/internal/spec"
)

const (
	vhdMagic            = "conectix"
	vhdDynamicMagic     = "cxsparse"
	vhdFixed            = 2
	vhdDynamic          = 3
	vhdDifferencing     = 4
	vhdSizeBytesMax     = 2040 << 30 // of the specification
	vhdDynamicHeadBytes = 1024
)

// isVHDFooter checks magic and checksum: raw disks may end in anything.
func isVHDFooter(b []byte) bool {
	return len(b) >= sectorBytes && string(b[:8]) == vhdMagic && vhdChecksum(b[:sectorBytes], 64) == binary.BigEndian.Uint32(b[64:])
}

// vhdChecksum is the complement of the sum of all bytes but the checksum's own four.
func vhdChecksum(b []byte, at int) uint32 {
	var sum uint32
	for i, c := range b {
		if i < at || i >= at+4 {
			sum += uint32(c)
		}
	}
	return ^sum
}

func inspectVHD(r io.ReaderAt, size int64, partial bool) (int64, error) {
	b, err := readUpTo(r, 0, sectorBytes)
	if err != nil {
		return 0, err
	}
	atHead := len(b) == sectorBytes && string(b[:8]) == vhdMagic
	if !atHead && !partial && size >= sectorBytes {
		if b, err = readUpTo(r, size-sectorBytes, sectorBytes); err != nil {
			return 0, err
		}
	}
	if !isVHDFooter(b) {
		return 0, refuse("The VHD image is damaged: the checksum of its footer is wrong.")
	}
	be := binary.BigEndian
	virtual, err := checkVirtualSane(spec.FormatVHD, be.Uint64(b[48:]))
	if err != nil {
		return 0, err
	}
	switch kind := be.Uint32(b[60:]); {
	case kind == vhdDifferencing:
		return 0, refuse("The VHD image is a differencing disk that depends on another file; merge it first.")
	case kind == vhdFixed && atHead:
		return 0, refuse("The VHD image begins with the footer of a fixed disk.")
	case kind == vhdFixed && virtual > size-sectorBytes:
		return 0, cutShort(spec.FormatVHD, "data")
	case kind == vhdFixed:
		return virtual, nil
	case kind != vhdDynamic || !atHead:
		return 0, refuse("The VHD image is of type %d, which is not supported.", kind)
	case virtual > vhdSizeBytesMax:
		return 0, refuse("The VHD image describes a disk of %d bytes; the format allows %d.", virtual, int64(vhdSizeBytesMax))
	case partial:
		return virtual, nil
	}
	return virtual, checkVHDDynamic(r, size, virtual, be.Uint64(b[16:]))
}

func checkVHDDynamic(r io.ReaderAt, size, virtual int64, at uint64) error {
	if !within(at, vhdDynamicHeadBytes, size) {
		return cutShort(spec.FormatVHD, "dynamic header")
	}
	b, err := readUpTo(r, int64(at), vhdDynamicHeadBytes)
	if err != nil {
		return err
	}
	be := binary.BigEndian
	if string(b[:8]) != vhdDynamicMagic || vhdChecksum(b, 36) != be.Uint32(b[36:]) {
		return refuse("The VHD image is damaged: the checksum of its dynamic header is wrong.")
	}
	entries, block := uint64(be.Uint32(b[28:])), uint64(be.Uint32(b[32:]))
	if block < 512 || block > 256<<20 || block&(block-1) != 0 {
		return refuse("The VHD image has blocks of %d bytes, which is not allowed.", block)
	}
	if entries*block < uint64(virtual) || entries > 1<<24 {
		return refuse("The VHD image's block table has %d entries, which does not fit its size.", entries)
	}
	if !within(be.Uint64(b[16:]), entries*4, size) {
		return cutShort(spec.FormatVHD, "block table")
	}
	return nil
}
