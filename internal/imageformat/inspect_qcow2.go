package imageformat

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/nubo-cloud/nubo/internal/imageformat/qcow2"
	"github.com/nubo-cloud/nubo/internal/spec"
)

const (
	qcow2L1BytesMax       = 32 << 20 // QEMU's own limits
	qcow2RefTableBytesMax = 8 << 20
	qcow2SnapshotsMax     = 256
	qcow2OffsetMask       = 0x00fffffffffffe00
	qcow2CompressedFlag   = 1 << 62
)

func inspectQCOW2(r io.ReaderAt, size int64, partial bool) (int64, error) {
	return inspectQCOW2Backed(r, size, partial, "")
}

// CheckOverlay is Check for a qcow2 file that we made over a base and that a
// guest's QEMU could write since: it may name backing and no other file.
func CheckOverlay(r io.ReaderAt, size int64, backing string) (Info, error) {
	virtual, err := inspectQCOW2Backed(r, size, false, backing)
	return Info{Format: spec.FormatQCOW2, VirtualBytes: virtual}, err
}

func inspectQCOW2Backed(r io.ReaderAt, size int64, partial bool, backing string) (int64, error) {
	h, err := qcow2.Parse(r)
	if errors.Is(err, qcow2.ErrFormat) {
		return 0, refuse("The file begins like a qcow2 image but its header is damaged or of an unknown version.")
	}
	if err != nil {
		return 0, err
	}
	if err := checkQCOW2Files(h, backing); err != nil {
		return 0, err
	}
	if err := checkQCOW2Shape(h); err != nil {
		return 0, err
	}
	virtual, err := checkVirtualSane(spec.FormatQCOW2, h.SizeBytes)
	if err != nil || partial {
		return virtual, err
	}
	if err := checkQCOW2Tables(h, size); err != nil {
		return 0, err
	}
	return virtual, walkQCOW2(r, h, size)
}

// checkQCOW2Files refuses everything that makes QEMU open another file or ask for a secret.
func checkQCOW2Files(h *qcow2.Header, backing string) error {
	_, dataName := h.Extensions[qcow2.ExtensionExternalData]
	_, encryption := h.Extensions[qcow2.ExtensionEncryption]
	switch {
	case (h.BackingOffset != 0 || h.BackingBytes != 0) && (backing == "" || h.BackingFile != backing):
		return refuse("The qcow2 image has a backing file; flatten it first (qemu-img convert -O qcow2).")
	case h.Incompatible&qcow2.IncompatExternalData != 0 || dataName:
		return refuse("The qcow2 image keeps its data in another file; convert it into one file first.")
	case h.Encryption != 0 || encryption:
		return refuse("The qcow2 image is encrypted; upload it decrypted.")
	case h.Incompatible&qcow2.IncompatCorrupt != 0:
		return refuse("The qcow2 image is marked as corrupt; repair it first (qemu-img check -r all).")
	case h.Incompatible&^qcow2.IncompatKnown != 0:
		return refuse("The qcow2 image needs features that are not known here (bits %#x).", h.Incompatible&^qcow2.IncompatKnown)
	case h.ExtensionsInvalid:
		return refuse("The qcow2 image's header extensions are damaged.")
	}
	return nil
}

// checkQCOW2Shape refuses numbers no tool writes.
func checkQCOW2Shape(h *qcow2.Header) error {
	extended := h.Incompatible&qcow2.IncompatExtendedL2 != 0
	switch {
	case h.ClusterBits < 9 || h.ClusterBits > 21 || extended && h.ClusterBits < 14:
		return refuse("The qcow2 image has clusters of 2^%d bytes, which is not allowed.", h.ClusterBits)
	case h.RefcountOrder > 6:
		return refuse("The qcow2 image has refcounts of 2^%d bits, which is not allowed.", h.RefcountOrder)
	case h.HeaderBytes%8 != 0 || uint64(h.HeaderBytes) > h.ClusterBytes():
		return refuse("The qcow2 image's header length (%d) is not allowed.", h.HeaderBytes)
	case h.Compression > 1 || h.Compression == 1 && h.Incompatible&qcow2.IncompatCompression == 0:
		return refuse("The qcow2 image is compressed in an unknown way.")
	case uint64(h.L1Entries)*8 > qcow2L1BytesMax:
		return refuse("The qcow2 image's L1 table has %d entries, which is too many.", h.L1Entries)
	case uint64(h.RefTableClusters) > qcow2RefTableBytesMax>>h.ClusterBits:
		return refuse("The qcow2 image's refcount table has %d clusters, which is too many.", h.RefTableClusters)
	case h.Snapshots > qcow2SnapshotsMax:
		return refuse("The qcow2 image holds %d internal snapshots; remove them first.", h.Snapshots)
	case h.SizeBytes > 1<<60:
		return refuse("The qcow2 image describes an impossibly large disk (%d bytes).", h.SizeBytes)
	}
	perL1 := h.ClusterBytes() / h.L2EntryBytes() * h.ClusterBytes()
	if needed := (h.SizeBytes + perL1 - 1) / perL1; uint64(h.L1Entries) < needed {
		return refuse("The qcow2 image's L1 table has %d entries but its disk needs %d.", h.L1Entries, needed)
	}
	return nil
}

// checkQCOW2Tables refuses tables that are not aligned or not in the file.
func checkQCOW2Tables(h *qcow2.Header, size int64) error {
	mask := h.ClusterBytes() - 1
	tables := []struct {
		what           string
		offset, length uint64
		needed         bool
	}{
		{"L1 table", h.L1Offset, uint64(h.L1Entries) * 8, h.L1Entries > 0},
		{"refcount table", h.RefTableOffset, uint64(h.RefTableClusters) << h.ClusterBits, true},
		{"snapshot table", h.SnapshotsOffset, 40 * uint64(h.Snapshots), h.Snapshots > 0},
	}
	for _, t := range tables {
		if !t.needed {
			continue
		}
		if t.offset == 0 || t.offset&mask != 0 {
			return refuse("The qcow2 image is damaged: its %s is at %#x.", t.what, t.offset)
		}
		if !within(t.offset, t.length, size) {
			return cutShort(spec.FormatQCOW2, t.what)
		}
	}
	return nil
}

// walkQCOW2 follows L1 and L2 tables and refuses what points outside of the
// file. No table is read twice (a sound image never shares one), so the work is
// bounded by the length of the file, whatever it claims.
func walkQCOW2(r io.ReaderAt, h *qcow2.Header, size int64) error {
	l1, err := readUpTo(r, int64(h.L1Offset), int64(h.L1Entries)*8)
	if err != nil {
		return err
	}
	seen := map[uint64]bool{}
	l2 := make([]byte, h.ClusterBytes())
	for ; len(l1) >= 8; l1 = l1[8:] {
		at := binary.BigEndian.Uint64(l1) & qcow2OffsetMask
		if at == 0 {
			continue
		}
		if at&(h.ClusterBytes()-1) != 0 || seen[at] {
			return refuse("The qcow2 image is damaged: its L2 tables overlap.")
		}
		if !within(at, h.ClusterBytes(), size) {
			return cutShort(spec.FormatQCOW2, "L2 table")
		}
		seen[at] = true
		if _, err := r.ReadAt(l2, int64(at)); err != nil && err != io.EOF {
			return err
		}
		if err := walkQCOW2L2(h, l2, size); err != nil {
			return err
		}
	}
	return nil
}

func walkQCOW2L2(h *qcow2.Header, l2 []byte, size int64) error {
	compressedMask := uint64(1)<<(62-(h.ClusterBits-8)) - 1
	step := h.L2EntryBytes()
	for ; uint64(len(l2)) >= step; l2 = l2[step:] {
		entry := binary.BigEndian.Uint64(l2)
		at := entry & qcow2OffsetMask
		if entry&qcow2CompressedFlag != 0 {
			at = entry & compressedMask
		} else if at&(h.ClusterBytes()-1) != 0 {
			return refuse("The qcow2 image is damaged: a data cluster is at %#x.", at)
		}
		if at >= uint64(size) {
			return cutShort(spec.FormatQCOW2, "data")
		}
	}
	return nil
}
