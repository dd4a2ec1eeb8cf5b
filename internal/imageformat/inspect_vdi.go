package imageformat

import (
	"encoding/binary"
	"io"

	"github.com/nubo-cloud/nubo/internal/spec"
)

const (
	vdiMagic      = 0xbeda107f
	vdiDynamic    = 1
	vdiStatic     = 2
	vdiBlockBytes = 1 << 20 // the only size QEMU takes
)

func inspectVDI(r io.ReaderAt, size int64, partial bool) (int64, error) {
	b, err := readUpTo(r, 0, sectorBytes)
	if err != nil {
		return 0, err
	}
	if len(b) < sectorBytes {
		return 0, cutShort(spec.FormatVDI, "header")
	}
	le := binary.LittleEndian
	kind, version := le.Uint32(b[0x4c:]), le.Uint32(b[0x44:])
	block, blocks, allocated := le.Uint32(b[0x178:]), uint64(le.Uint32(b[0x180:])), uint64(le.Uint32(b[0x184:]))
	virtual, err := checkVirtualSane(spec.FormatVDI, le.Uint64(b[0x170:]))
	if err != nil {
		return 0, err
	}
	switch {
	case version != 0x10001:
		return 0, refuse("The VDI image has version %d.%d, which is not known.", version>>16, version&0xffff)
	case string(b[0x1a8:0x1c8]) != string(make([]byte, 32)):
		return 0, refuse("The VDI image depends on another file; clone it first.")
	case kind != vdiDynamic && kind != vdiStatic:
		return 0, refuse("The VDI image is of type %d; only dynamic and static disks hold everything in one file.", kind)
	case block != vdiBlockBytes:
		return 0, refuse("The VDI image has blocks of %d bytes, which is not allowed.", block)
	case blocks > 1<<29 || blocks*vdiBlockBytes < uint64(virtual) || allocated > blocks:
		return 0, refuse("The VDI image's block table has %d entries, which does not fit its size.", blocks)
	case partial:
		return virtual, nil
	case !within(uint64(le.Uint32(b[0x154:])), blocks*4, size):
		return 0, cutShort(spec.FormatVDI, "block table")
	case !within(uint64(le.Uint32(b[0x158:])), allocated*vdiBlockBytes, size):
		return 0, cutShort(spec.FormatVDI, "data")
	}
	return virtual, nil
}
