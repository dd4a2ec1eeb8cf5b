package imageformat

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"

	"github.com/nubo-cloud/nubo/internal/spec"
)

const (
	vmdkDescriptorBytesMax = 1 << 20
	// vmdkDescriptorBytesRead is what QEMU reads of an embedded descriptor, whatever its declared length.
	vmdkDescriptorBytesRead = 20 * sectorBytes
	vmdkGrainAtEnd          = 1<<64 - 1
)

// vmdkHeader is the SparseExtentHeader, little endian on disk, sizes in sectors.
type vmdkHeader struct {
	Magic            uint32
	Version          uint32
	Flags            uint32
	Capacity         uint64
	GrainSectors     uint64
	DescriptorOffset uint64
	DescriptorSize   uint64
	GTEsPerGT        uint32
	RGDOffset        uint64
	GDOffset         uint64
	OverheadSectors  uint64
}

// inspectVMDK takes sparse extents with their own description inside
// (monolithicSparse and streamOptimized). A descriptor in text form, or one that
// lists other extents, makes QEMU open any file it names.
func inspectVMDK(r io.ReaderAt, size int64, partial bool) (int64, error) {
	head, err := readUpTo(r, 0, sectorBytes)
	if err != nil {
		return 0, err
	}
	if !bytes.HasPrefix(head, []byte("KDMV")) {
		return 0, refuse("The file is only a VMDK descriptor that names other files; upload one sparse or stream-optimized file.")
	}
	h, err := parseVMDKHeader(head)
	if err != nil {
		return 0, err
	}
	virtual, err := checkVirtualSane(spec.FormatVMDK, h.Capacity*sectorBytes)
	if err != nil || partial {
		return virtual, err
	}
	if h.GDOffset == vmdkGrainAtEnd {
		if err := checkVMDKFooter(r, size, h); err != nil {
			return 0, err
		}
	} else if err := checkVMDKTables(h, size); err != nil {
		return 0, err
	}
	return virtual, checkVMDKDescriptor(r, size, h)
}

func parseVMDKHeader(b []byte) (*vmdkHeader, error) {
	h := &vmdkHeader{}
	if err := binary.Read(bytes.NewReader(b), binary.LittleEndian, h); err != nil {
		return nil, refuse("The VMDK image is cut short: it has no whole header.")
	}
	switch {
	case h.Version < 1 || h.Version > 3:
		return nil, refuse("The VMDK image has version %d, which is not known.", h.Version)
	case h.Capacity == 0:
		return nil, refuse("The VMDK image holds no disk of its own, only a description of other files.")
	case h.Capacity > 1<<51:
		return nil, refuse("The VMDK image describes an impossibly large disk.")
	case h.GrainSectors < 1 || h.GrainSectors > 1<<12 || h.GrainSectors&(h.GrainSectors-1) != 0:
		return nil, refuse("The VMDK image has grains of %d sectors, which is not allowed.", h.GrainSectors)
	case h.GTEsPerGT == 0 || h.GTEsPerGT > 512:
		return nil, refuse("The VMDK image has grain tables of %d entries, which is not allowed.", h.GTEsPerGT)
	case h.grainTables() > 1<<26:
		return nil, refuse("The VMDK image's grain directory is too large.")
	case h.DescriptorSize*sectorBytes > vmdkDescriptorBytesMax || h.DescriptorSize > 1<<40:
		return nil, refuse("The VMDK image's descriptor is too large.")
	}
	return h, nil
}

// grainTables is the number of entries in the grain directory.
func (h *vmdkHeader) grainTables() uint64 {
	per := uint64(h.GTEsPerGT) * h.GrainSectors
	return (h.Capacity + per - 1) / per
}

func checkVMDKTables(h *vmdkHeader, size int64) error {
	if h.GDOffset > 1<<50 || !within(h.GDOffset*sectorBytes, h.grainTables()*4, size) {
		return cutShort(spec.FormatVMDK, "grain directory")
	}
	return nil
}

// checkVMDKFooter: a stream-optimized file has a second header before its last sector, which QEMU uses instead of the first.
func checkVMDKFooter(r io.ReaderAt, size int64, h *vmdkHeader) error {
	if size < 4*sectorBytes {
		return cutShort(spec.FormatVMDK, "footer")
	}
	b, err := readUpTo(r, size-2*sectorBytes, sectorBytes)
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(b, []byte("KDMV")) {
		return cutShort(spec.FormatVMDK, "footer")
	}
	f, err := parseVMDKHeader(b)
	if err != nil {
		return err
	}
	if f.Capacity != h.Capacity || f.GrainSectors != h.GrainSectors || f.GTEsPerGT != h.GTEsPerGT || f.DescriptorOffset != h.DescriptorOffset {
		return refuse("The VMDK image's footer contradicts its header.")
	}
	return checkVMDKTables(f, size)
}

// checkVMDKDescriptor reads the embedded text: one sparse extent, nothing else.
func checkVMDKDescriptor(r io.ReaderAt, size int64, h *vmdkHeader) error {
	if h.DescriptorOffset == 0 || h.DescriptorSize == 0 {
		return refuse("The VMDK image has no descriptor inside; convert it to streamOptimized or monolithicSparse first.")
	}
	if h.DescriptorOffset > 1<<50 || !within(h.DescriptorOffset*sectorBytes, h.DescriptorSize*sectorBytes, size) {
		return cutShort(spec.FormatVMDK, "descriptor")
	}
	n := max(int64(h.DescriptorSize)*sectorBytes, vmdkDescriptorBytesRead)
	b, err := readUpTo(r, int64(h.DescriptorOffset)*sectorBytes, n)
	if err != nil {
		return err
	}
	// A hint behind the end of the text is found by tools that search the whole block.
	if hint := vmdkValue(string(b), "parentFileNameHint"); hint != "" {
		return refuse("The VMDK image depends on another file (%q); flatten it first.", truncate(hint))
	}
	text, _, _ := strings.Cut(string(b), "\x00")
	return checkVMDKText(text)
}

func checkVMDKText(text string) error {
	switch kind := vmdkValue(text, "createType"); kind {
	case "monolithicSparse", "streamOptimized":
	default:
		return refuse("The VMDK image is of type %q; only monolithicSparse and streamOptimized hold everything in one file.", truncate(kind))
	}
	if parent := vmdkValue(text, "parentCID"); parent != "" && !strings.EqualFold(parent, "ffffffff") {
		return refuse("The VMDK image depends on another file; flatten it first.")
	}
	extents := 0
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 3 || fields[0] != "RW" && fields[0] != "RDONLY" && fields[0] != "NOACCESS" {
			continue
		}
		extents++
		if fields[2] != "SPARSE" || strings.ContainsAny(line, `/\`) || len(fields) < 4 {
			return refuse("The VMDK image has an extent that is not in the file itself (%q).", truncate(strings.TrimSpace(line)))
		}
	}
	if extents != 1 {
		return refuse("The VMDK image lists %d extents; exactly one is allowed.", extents)
	}
	return nil
}

// vmdkValue finds key=value or key="value" on any line, as QEMU does (anywhere in the text).
func vmdkValue(text, key string) string {
	_, rest, ok := strings.Cut(text, key)
	if !ok {
		return ""
	}
	rest = strings.TrimLeft(rest, " \t")
	rest, ok = strings.CutPrefix(rest, "=")
	if !ok {
		return ""
	}
	rest, _, _ = strings.Cut(rest, "\n")
	return strings.Trim(strings.TrimSpace(rest), `"`)
}

// truncate keeps what strangers wrote short enough for a sentence.
func truncate(s string) string {
	if len(s) > 60 {
		return s[:60] + "..."
	}
	return s
}
