package imageformat

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/nubo-cloud/nubo/internal/spec"
)

const (
	vhdxMagic          = "vhdxfile"
	vhdxHeaderAt       = 64 << 10
	vhdxRegionsAt      = 192 << 10
	vhdxSectionBytes   = 64 << 10
	vhdxEntriesMax     = 2047
	vhdxSizeBytesMax   = 64 << 40
	vhdxParametersID   = "\x37\x67\xa1\xca\x36\xfa\x43\x4d\xb3\xb6\x33\xf0\xaa\x44\xe7\x6b"
	vhdxDiskSizeID     = "\x24\x42\xa5\x2f\x1b\xcd\x76\x48\xb2\x11\x5d\xbe\xd8\x3b\xf4\xb8"
	vhdxParentID       = "\x2d\x5f\xd3\xa8\x0b\xb3\x4d\x45\xab\xf7\xd3\xd8\x48\x34\xab\x0c"
	vhdxMetadataRegion = "\x06\xa2\x7c\x8b\x90\x47\x9a\x4b\xb8\xfe\x57\x5f\x05\x0f\x88\x6e"
	vhdxBATRegion      = "\x66\x77\xc2\x2d\x23\xf6\x00\x42\x9d\x64\x11\x5e\x9b\xfd\x4a\x08"
)

// vhdxRegion is one entry of the region table.
type vhdxRegion struct{ offset, length uint64 }

func inspectVHDX(r io.ReaderAt, size int64, partial bool) (int64, error) {
	if partial {
		return 0, nil // everything of interest lies further on
	}
	if err := checkVHDXLog(r, size); err != nil {
		return 0, err
	}
	regions, err := readVHDXRegions(r, size)
	if err != nil {
		return 0, err
	}
	if _, ok := regions[vhdxBATRegion]; !ok {
		return 0, refuse("The VHDX image is damaged: it has no block table.")
	}
	metadata, ok := regions[vhdxMetadataRegion]
	if !ok {
		return 0, refuse("The VHDX image is damaged: it has no metadata.")
	}
	return inspectVHDXMetadata(r, metadata, regions[vhdxBATRegion])
}

// checkVHDXLog: a log with entries means that the file was not closed, and opening it would rewrite it.
func checkVHDXLog(r io.ReaderAt, size int64) error {
	if size < 1<<20 {
		return cutShort(spec.FormatVHDX, "header")
	}
	var newest uint64
	var log []byte
	for i := range int64(2) {
		b, err := readUpTo(r, vhdxHeaderAt*(1+i), 80)
		if err != nil {
			return err
		}
		if number := binary.LittleEndian.Uint64(b[8:]); string(b[:4]) == "head" && (log == nil || number > newest) {
			newest, log = number, b[48:64]
		}
	}
	if log == nil {
		return refuse("The VHDX image is damaged: it has no valid header.")
	}
	if !bytes.Equal(log, make([]byte, 16)) {
		return refuse("The VHDX image was not closed cleanly; open and close it with its own tools, or convert it first.")
	}
	return nil
}

// readVHDXRegions reads both copies of the region table, which must agree:
// readers differ in which they believe.
func readVHDXRegions(r io.ReaderAt, size int64) (map[string]vhdxRegion, error) {
	first, err := readUpTo(r, vhdxRegionsAt, vhdxSectionBytes)
	if err != nil {
		return nil, err
	}
	second, err := readUpTo(r, vhdxRegionsAt+vhdxSectionBytes, vhdxSectionBytes)
	if err != nil {
		return nil, err
	}
	if string(first[:4]) != "regi" || string(second[:4]) == "regi" && !bytes.Equal(first, second) {
		return nil, refuse("The VHDX image is damaged: its region tables are missing or differ.")
	}
	count := binary.LittleEndian.Uint32(first[8:])
	if count > vhdxEntriesMax {
		return nil, refuse("The VHDX image's region table has %d entries, which is too many.", count)
	}
	regions := map[string]vhdxRegion{}
	for i := range count {
		b := first[16+32*i:][:32]
		region := vhdxRegion{binary.LittleEndian.Uint64(b[16:]), uint64(binary.LittleEndian.Uint32(b[24:]))}
		if !within(region.offset, region.length, size) {
			return nil, cutShort(spec.FormatVHDX, "region")
		}
		if _, twice := regions[string(b[:16])]; twice {
			return nil, refuse("The VHDX image is damaged: a region is listed twice.")
		}
		regions[string(b[:16])] = region
	}
	return regions, nil
}

func inspectVHDXMetadata(r io.ReaderAt, region, bat vhdxRegion) (int64, error) {
	b, err := readUpTo(r, int64(region.offset), int64(min(region.length, 2<<20)))
	if err != nil {
		return 0, err
	}
	if len(b) < 32 || string(b[:8]) != "metadata" {
		return 0, refuse("The VHDX image is damaged: its metadata is missing.")
	}
	count := int(binary.LittleEndian.Uint16(b[10:]))
	if count > vhdxEntriesMax || 32+32*count > len(b) {
		return 0, refuse("The VHDX image has %d pieces of metadata, which is too many.", count)
	}
	items := map[string][]byte{}
	for i := range count {
		entry := b[32+32*i:][:32]
		id, offset, length := string(entry[:16]), binary.LittleEndian.Uint32(entry[16:]), binary.LittleEndian.Uint32(entry[20:])
		if !within(uint64(offset), uint64(length), int64(len(b))) {
			return 0, cutShort(spec.FormatVHDX, "metadata")
		}
		if _, twice := items[id]; twice {
			return 0, refuse("The VHDX image is damaged: a piece of metadata is listed twice.")
		}
		items[id] = b[offset:][:length]
	}
	return checkVHDXItems(items, bat)
}

func checkVHDXItems(items map[string][]byte, bat vhdxRegion) (int64, error) {
	parameters, size := items[vhdxParametersID], items[vhdxDiskSizeID]
	if len(parameters) < 8 || len(size) < 8 {
		return 0, refuse("The VHDX image is damaged: it does not say how large its disk is.")
	}
	const hasParent = 1 << 1
	if _, ok := items[vhdxParentID]; ok || binary.LittleEndian.Uint32(parameters[4:])&hasParent != 0 {
		return 0, refuse("The VHDX image is a differencing disk that depends on another file; merge it first.")
	}
	block := uint64(binary.LittleEndian.Uint32(parameters))
	if block < 1<<20 || block > 256<<20 || block&(block-1) != 0 {
		return 0, refuse("The VHDX image has blocks of %d bytes, which is not allowed.", block)
	}
	virtual, err := checkVirtualSane(spec.FormatVHDX, binary.LittleEndian.Uint64(size))
	if err != nil {
		return 0, err
	}
	if virtual > vhdxSizeBytesMax {
		return 0, refuse("The VHDX image describes a disk of %d bytes; the format allows %d.", virtual, int64(vhdxSizeBytesMax))
	}
	if blocks := (uint64(virtual) + block - 1) / block; blocks*8 > bat.length {
		return 0, refuse("The VHDX image's block table is too short for its size.")
	}
	return virtual, nil
}
