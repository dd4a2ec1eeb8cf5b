package imageformat

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/nubo-cloud/nubo/internal/imageformat/qcow2"
	"github.com/nubo-cloud/nubo/internal/spec"
)

const (
	sectorBytes = 512
	// isoMagicAt is where the first volume descriptor of an ISO 9660 says CD001.
	isoMagicAt   = 16*2048 + 1
	isoHeadBytes = isoMagicAt + 5
)

// container is a format that is recognised by how its file begins.
type container struct {
	format spec.Format
	match  func(head []byte) bool
}

func prefix(magic string) func([]byte) bool {
	return func(head []byte) bool { return bytes.HasPrefix(head, []byte(magic)) }
}

// containers are the formats that hold a disk in some structure. Those that we do not take at all are
// here because QEMU knows them: a raw disk must not look like one.
var containers = []container{
	{spec.FormatQCOW2, func(h []byte) bool { return qcowVersion(h) >= 2 }},
	{"qcow", func(h []byte) bool { return qcowVersion(h) == 1 }},
	{spec.FormatVMDK, prefix("KDMV")},
	{spec.FormatVMDK, isVMDKDescriptor},
	{"vmdk (ESX sparse)", prefix("COWD")},
	{"vmdk (SE sparse)", prefix("\xbe\xba\xfe\xca\x00\x00\x00\x00")},
	{spec.FormatVHD, prefix(vhdMagic)},
	{spec.FormatVHDX, prefix(vhdxMagic)},
	{spec.FormatVDI, func(h []byte) bool { return len(h) >= 0x44 && binary.LittleEndian.Uint32(h[0x40:]) == vdiMagic }},
	{"qed", prefix("QED\x00")},
	{"parallels", prefix("WithoutFreeSpace")},
	{"parallels", prefix("WithouFreSpacExt")},
	{"bochs", prefix("Bochs Virtual HD Image")},
	{"cloop", prefix("#!/bin/sh\n#V2.0 Format\nmodprobe cloop")},
	{spec.FormatISO, func(h []byte) bool { return len(h) >= isoHeadBytes && string(h[isoMagicAt:isoHeadBytes]) == "CD001" }},
}

func qcowVersion(head []byte) uint32 {
	if len(head) < 8 || binary.BigEndian.Uint32(head) != qcow2.Magic {
		return 0
	}
	return max(1, binary.BigEndian.Uint32(head[4:]))
}

// isVMDKDescriptor finds a text file the way QEMU's probe does: comments and
// empty lines, then a version.
func isVMDKDescriptor(head []byte) bool {
	if bytes.HasPrefix(head, []byte("# Disk DescriptorFile")) {
		return true
	}
	for line := range bytes.Lines(head[:min(len(head), 2048)]) {
		line = bytes.TrimRight(line, "\r\n")
		if len(bytes.TrimLeft(line, " ")) == 0 || line[0] == '#' {
			continue
		}
		return bytes.HasPrefix(line, []byte("version="))
	}
	return false
}

// detectHead names what a file that begins like this could be, besides raw.
func detectHead(head []byte) []spec.Format {
	var found []spec.Format
	for _, c := range containers {
		if c.match(head) {
			found = append(found, c.format)
		}
	}
	return found
}

// detect finds the one format of a file. More than one is a file made to be
// taken for something else by somebody later, so it is refused.
func detect(r io.ReaderAt, size int64) (spec.Format, error) {
	head, err := readUpTo(r, 0, min(size, isoHeadBytes))
	if err != nil {
		return "", err
	}
	found := detectHead(head)
	if len(found) == 0 && size >= 2*sectorBytes {
		tail, err := readUpTo(r, size-sectorBytes, sectorBytes)
		if err != nil {
			return "", err
		}
		if isVHDFooter(tail) {
			found = append(found, spec.FormatVHD)
		}
	}
	return single(found)
}

func single(found []spec.Format) (spec.Format, error) {
	switch len(found) {
	case 0:
		return spec.FormatRaw, nil
	case 1:
		return found[0], nil
	default:
		return "", refuse("The file can be read as %s and as %s; an image must be one format only.", found[0], found[1])
	}
}

// readUpTo reads n bytes, fewer at the end of r.
func readUpTo(r io.ReaderAt, offset, n int64) ([]byte, error) {
	b := make([]byte, n)
	got, err := r.ReadAt(b, offset)
	if err == io.EOF {
		err = nil
	}
	return b[:got], err
}
