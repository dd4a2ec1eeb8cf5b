package imageformat

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/imageformat/qcow2"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// memoryFile is a file that qcow2.WriteOverlay can fill.
type memoryFile struct{ b []byte }

func (m *memoryFile) Truncate(n int64) error { m.b = append(m.b, make([]byte, n)...)[:n]; return nil }

func (m *memoryFile) WriteAt(p []byte, at int64) (int, error) {
	if end := at + int64(len(p)); end > int64(len(m.b)) {
		m.Truncate(end)
	}
	return copy(m.b[at:], p), nil
}

// goodQCOW2 is a sound file of 4 MiB with some data.
func goodQCOW2(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	e := qcow2.NewEncoder(4<<20, []qcow2.Extent{{Offset: 1 << 20, Length: 200 << 10}})
	if err := e.Encode(context.Background(), &b, bytes.NewReader(bytes.Repeat([]byte{7}, 4<<20))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// emptyQCOW2 is a sound file without data.
func emptyQCOW2(t testing.TB, sizeBytes int64) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := qcow2.NewEncoder(sizeBytes, nil).Encode(context.Background(), &b, bytes.NewReader(nil)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tinyQCOW2 has clusters of 512 bytes and one of each table (refcounts left out): small enough to fuzz.
func tinyQCOW2() []byte {
	b := make([]byte, 6*512)
	for at, n := range map[int]uint64{0: qcow2.Magic<<32 | 3, 24: 32 << 10, 40: 3 * 512, 48: 512, 512: 2 * 512, 3 * 512: 4*512 | 1<<63, 4 * 512: 5*512 | 1<<63} {
		copy(b[at:], be64(n))
	}
	for at, n := range map[int]uint32{20: 9, 36: 1, 56: 1, 96: 4, 100: 104} {
		copy(b[at:], be32(n))
	}
	return b
}

func overlay(t testing.TB, backing string) []byte {
	t.Helper()
	var m memoryFile
	if err := qcow2.WriteOverlay(&m, qcow2.Overlay{SizeBytes: 1 << 20, BackingFile: backing, BackingFormat: "raw"}); err != nil {
		t.Fatal(err)
	}
	return m.b
}

// patch changes a copy.
func patch(b []byte, at int, p []byte) []byte {
	b = bytes.Clone(b)
	copy(b[at:], p)
	return b
}

func be32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }
func be64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
func le32(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }
func le64(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }

const goodDescriptor = "# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType=\"monolithicSparse\"\n\nRW 8192 SPARSE \"disk.vmdk\"\n"

// vmdk is a sparse extent of 4 MiB with a descriptor.
func vmdk(descriptor string) []byte {
	b := make([]byte, 128<<10)
	le := binary.LittleEndian
	copy(b, "KDMV")
	le.PutUint32(b[4:], 1)
	le.PutUint32(b[8:], 3)
	le.PutUint64(b[12:], 8192)
	le.PutUint64(b[20:], 128)
	le.PutUint64(b[28:], 1)
	le.PutUint64(b[36:], 20)
	le.PutUint32(b[44:], 512)
	le.PutUint64(b[48:], 21)
	le.PutUint64(b[56:], 26)
	le.PutUint64(b[64:], 128)
	copy(b[512:], descriptor)
	return b
}

// vhd is a dynamic or differencing disk of 4 MiB.
func vhd(kind uint32) []byte {
	footer := make([]byte, 512)
	copy(footer, "conectix")
	copy(footer[8:], be32(2))
	copy(footer[12:], be32(0x10000))
	copy(footer[16:], be64(512))
	copy(footer[40:], be64(4<<20))
	copy(footer[48:], be64(4<<20))
	copy(footer[60:], be32(kind))
	copy(footer[64:], be32(vhdChecksum(footer, 64)))
	head := make([]byte, 1024)
	copy(head, "cxsparse")
	copy(head[16:], be64(1536))
	copy(head[28:], be32(2))
	copy(head[32:], be32(2<<20))
	copy(head[36:], be32(vhdChecksum(head, 36)))
	return append(append(append(bytes.Clone(footer), head...), bytes.Repeat([]byte{0xff}, 512)...), footer...)
}

func fixedVHD() []byte {
	dynamic := vhd(vhdFixed)
	return append(make([]byte, 4<<20), dynamic[:512]...)
}

// vdi is a dynamic disk of 4 MiB without data.
func vdi() []byte {
	b := make([]byte, 4096)
	copy(b, "<<< QEMU VM Virtual Disk Image >>>\n")
	for at, n := range map[int]uint32{0x40: vdiMagic, 0x44: 0x10001, 0x48: 0x180, 0x4c: vdiDynamic, 0x154: 512, 0x158: 1024, 0x168: 512, 0x178: 1 << 20, 0x180: 4} {
		copy(b[at:], le32(n))
	}
	copy(b[0x170:], le64(4<<20))
	return b
}

// vhdx is a disk of 4 MiB; flags are those of its file parameters.
func vhdx(flags uint32) []byte {
	b := make([]byte, 3<<20)
	copy(b, "vhdxfile")
	copy(b[vhdxHeaderAt:], "head")
	copy(b[2*vhdxHeaderAt:], "head")
	for _, at := range []int{vhdxRegionsAt, vhdxRegionsAt + vhdxSectionBytes} {
		copy(b[at:], "regi")
		copy(b[at+8:], le32(2))
		copy(b[at+16:], vhdxBATRegion)
		copy(b[at+32:], le64(2<<20))
		copy(b[at+40:], le32(1<<20))
		copy(b[at+48:], vhdxMetadataRegion)
		copy(b[at+64:], le64(1<<20))
		copy(b[at+72:], le32(1<<20))
	}
	m := b[1<<20:]
	copy(m, "metadata")
	m[10] = 2
	copy(m[32:], vhdxParametersID+string(le32(64<<10))+string(le32(8)))
	copy(m[64:], vhdxDiskSizeID+string(le32(64<<10+8))+string(le32(8)))
	copy(m[64<<10:], append(append(le32(1<<20), le32(flags)...), le64(4<<20)...))
	return b
}

func iso() []byte {
	b := make([]byte, 64<<10)
	copy(b[isoMagicAt-1:], "\x01CD001")
	return b
}

// raw is a partitioned disk.
func raw() []byte {
	b := make([]byte, 128<<10)
	b[510], b[511] = 0x55, 0xaa
	copy(b[512:], "EFI PART")
	return b
}

// sample is one file with what should be said about it: words of the refusal, none if it is accepted.
type imageSample struct {
	name     string
	declared spec.Format
	b        []byte
	refusal  string
	virtual  int64
}

func samples(t testing.TB) []imageSample {
	q := goodQCOW2(t)
	l1 := int(binary.BigEndian.Uint64(q[40:]))
	l2 := int(binary.BigEndian.Uint64(q[l1:]) & qcow2OffsetMask)
	stream := vmdk(strings.ReplaceAll(goodDescriptor, "monolithicSparse", "streamOptimized"))
	footed := append(patch(stream, 56, le64(vmdkGrainAtEnd)), append(bytes.Clone(stream[:512]), make([]byte, 512)...)...)
	edit := func(from, to string) []byte { return vmdk(strings.ReplaceAll(goodDescriptor, from, to)) }
	hybrid := iso()
	hybrid[510], hybrid[511] = 0x55, 0xaa
	return []imageSample{
		{"raw", "raw", raw(), "", 128 << 10},
		{"raw, odd length", "raw", make([]byte, 1000), "", 1024},
		{"iso", "iso", iso(), "", 64 << 10},
		{"hybrid iso as iso", "iso", hybrid, "", 64 << 10},
		{"hybrid iso as raw", "raw", hybrid, "", 64 << 10},
		{"qcow2", "qcow2", q, "", 4 << 20},
		{"tiny qcow2", "qcow2", tinyQCOW2(), "", 32 << 10},
		{"vmdk", "vmdk", vmdk(goodDescriptor), "", 4 << 20},
		{"vmdk stream", "vmdk", stream, "", 4 << 20},
		{"vmdk stream with footer", "vmdk", footed, "", 4 << 20},
		{"vhd dynamic", "vhd", vhd(vhdDynamic), "", 4 << 20},
		{"vhd fixed", "vhd", fixedVHD(), "", 4 << 20},
		{"vhdx", "vhdx", vhdx(0), "", 4 << 20},
		{"vdi", "vdi", vdi(), "", 4 << 20},
		{"nothing", "raw", nil, "", 0},
		{"kernel", "aki", []byte("MZ anything"), "", 0},
		{"kernel that is a qcow2", "aki", q, "", 0},

		{"empty as qcow2", "qcow2", nil, "does not begin like one", 0},
		{"unknown format", "floppy", raw(), "not supported", 0},
		{"qcow2 as raw", "raw", q, "declare it as qcow2", 0},
		{"vmdk as raw", "raw", vmdk(goodDescriptor), "declare it as vmdk", 0},
		{"descriptor as raw", "raw", append([]byte(goodDescriptor), make([]byte, 8192)...), "declare it as vmdk", 0},
		{"hidden descriptor as raw", "raw", append([]byte("#x\n  \nversion=1\nRW 1 FLAT \"/etc/passwd\"\n"), make([]byte, 8192)...), "declare it as vmdk", 0},
		{"fixed vhd as raw", "raw", fixedVHD(), "declare it as vhd", 0},
		{"qed as raw", "raw", append([]byte("QED\x00"), make([]byte, 8192)...), "qed image, which is not supported", 0},
		{"raw as qcow2", "qcow2", raw(), "does not begin like one", 0},
		{"vmdk as qcow2", "qcow2", vmdk(goodDescriptor), "but is vmdk", 0},
		{"raw as iso", "iso", raw(), "does not begin like one", 0},
		{"qcow2 that is also an iso", "iso", patch(append(q, make([]byte, 64<<10)...), isoMagicAt, []byte("CD001")), "one format only", 0},
		{"qcow version 1", "qcow2", patch(q, 4, be32(1)), "not supported", 0},

		{"backing file", "qcow2", overlay(t, "/etc/passwd"), "backing file", 0},
		{"backing file without a name", "qcow2", patch(q, 8, be64(1<<40)), "backing file", 0},
		{"external data", "qcow2", patch(q, 72, be64(qcow2.IncompatExternalData)), "another file", 0},
		{"external data name only", "qcow2", patch(q, 112, append(be32(qcow2.ExtensionExternalData), be32(8)...)), "another file", 0},
		{"unknown feature", "qcow2", patch(q, 72, be64(1<<5)), "not known here", 0},
		{"corrupt", "qcow2", patch(q, 72, be64(qcow2.IncompatCorrupt)), "repair", 0},
		{"aes", "qcow2", patch(q, 32, be32(1)), "encrypted", 0},
		{"luks", "qcow2", patch(q, 32, be32(2)), "encrypted", 0},
		{"luks header only", "qcow2", patch(q, 112, append(be32(qcow2.ExtensionEncryption), be32(16)...)), "encrypted", 0},
		{"extension without end", "qcow2", patch(q, 112, append(be32(77), be32(0xffffffff)...)), "extensions", 0},
		{"version 4", "qcow2", patch(q, 4, be32(4)), "unknown version", 0},
		{"cluster bits 8", "qcow2", patch(q, 20, be32(8)), "clusters of 2^8", 0},
		{"cluster bits 63", "qcow2", patch(q, 20, be32(63)), "clusters of 2^63", 0},
		{"refcount order", "qcow2", patch(q, 96, be32(7)), "refcounts", 0},
		{"no size", "qcow2", patch(q, 24, be64(0)), "no bytes", 0},
		{"huge size", "qcow2", patch(q, 24, be64(1<<63)), "impossibly large", 0},
		{"size above the limit", "qcow2", emptyQCOW2(t, 17<<40), "at most", 0},
		{"L1 too short", "qcow2", patch(q, 24, be64(1<<40)), "needs", 0},
		{"L1 too long", "qcow2", patch(q, 36, be32(5<<20)), "too many", 0},
		{"L1 outside", "qcow2", patch(q, 40, be64(1<<40)), "cut short", 0},
		{"L1 at the end of the numbers", "qcow2", patch(q, 40, be64(1<<64-1<<16)), "cut short", 0},
		{"L1 not aligned", "qcow2", patch(q, 40, be64(100)), "damaged", 0},
		{"refcount table outside", "qcow2", patch(q, 48, be64(1<<40)), "cut short", 0},
		{"refcount table too long", "qcow2", patch(q, 56, be32(1<<30)), "too many", 0},
		{"too many snapshots", "qcow2", patch(q, 60, be32(100000)), "snapshots", 0},
		{"snapshots outside", "qcow2", patch(patch(q, 60, be32(1)), 64, be64(1<<40)), "cut short", 0},
		{"L2 outside", "qcow2", patch(q, l1, be64(1<<40)), "cut short", 0},
		{"data outside", "qcow2", patch(q, l2, be64(1<<40)), "cut short", 0},
		{"compressed data outside", "qcow2", patch(q, l2, be64(1<<62|1<<40)), "cut short", 0},
		{"shared L2", "qcow2", patch(patch(q, 36, be32(2)), l1+8, q[l1:l1+8]), "overlap", 0},
		{"cut off", "qcow2", q[:len(q)-200<<10], "cut short", 0},
		{"header only", "qcow2", q[:104], "damaged", 0},

		{"vmdk descriptor", "vmdk", append([]byte(goodDescriptor), make([]byte, 8192)...), "only a VMDK descriptor", 0},
		{"vmdk without capacity", "vmdk", patch(vmdk(goodDescriptor), 12, le64(0)), "no disk of its own", 0},
		{"vmdk flat", "vmdk", edit("SPARSE", "FLAT"), "not in the file itself", 0},
		{"vmdk flat type", "vmdk", edit("monolithicSparse", "monolithicFlat"), "monolithicFlat", 0},
		{"vmdk vmfs", "vmdk", edit("monolithicSparse", "vmfs"), "vmfs", 0},
		{"vmdk no type", "vmdk", edit("createType", "x"), "type", 0},
		{"vmdk path", "vmdk", edit("disk.vmdk", "/dev/sda"), "not in the file itself", 0},
		{"vmdk two extents", "vmdk", vmdk(goodDescriptor + "RW 1 SPARSE \"other.vmdk\"\n"), "2 extents", 0},
		{"vmdk parent", "vmdk", edit("ffffffff", "12345678"), "depends on another", 0},
		{"vmdk parent hint", "vmdk", vmdk(goodDescriptor + "parentFileNameHint=\"/etc/passwd\"\n"), "/etc/passwd", 0},
		{"vmdk parent hint behind the text", "vmdk", vmdk(goodDescriptor + "\x00\x00parentFileNameHint=\"/etc/passwd\"\n"), "/etc/passwd", 0},
		{"vmdk no descriptor", "vmdk", patch(vmdk(goodDescriptor), 28, le64(0)), "no descriptor", 0},
		{"vmdk descriptor outside", "vmdk", patch(vmdk(goodDescriptor), 28, le64(1<<40)), "cut short", 0},
		{"vmdk huge descriptor", "vmdk", patch(vmdk(goodDescriptor), 36, le64(1<<55)), "too large", 0},
		{"vmdk huge", "vmdk", patch(vmdk(goodDescriptor), 12, le64(1<<60)), "impossibly large", 0},
		{"vmdk overflow", "vmdk", patch(vmdk(goodDescriptor), 12, le64(1<<55+1)), "impossibly large", 0},
		{"vmdk grains", "vmdk", patch(vmdk(goodDescriptor), 20, le64(3)), "grains", 0},
		{"vmdk tables", "vmdk", patch(vmdk(goodDescriptor), 44, le32(0)), "grain tables", 0},
		{"vmdk directory outside", "vmdk", patch(vmdk(goodDescriptor), 56, le64(1<<40)), "cut short", 0},
		{"vmdk footer missing", "vmdk", patch(stream, 56, le64(vmdkGrainAtEnd)), "footer", 0},
		{"vmdk footer differs", "vmdk", patch(footed, len(footed)-1024+12, le64(1<<30)), "contradicts", 0},
		{"vmdk ESX", "vmdk", append([]byte("COWD"), make([]byte, 8192)...), "not supported", 0},

		{"vhd differencing", "vhd", vhd(vhdDifferencing), "depends on another", 0},
		{"vhd checksum", "vhd", patch(vhd(vhdDynamic), 48, be64(8<<20)), "checksum", 0},
		{"vhd dynamic checksum", "vhd", patch(vhd(vhdDynamic), 512+28, be32(9)), "checksum", 0},
		{"vhd cut off", "vhd", vhd(vhdDynamic)[:600], "cut short", 0},
		{"vhdx parent", "vhdx", vhdx(2), "depends on another", 0},
		{"vhdx log", "vhdx", patch(vhdx(0), vhdxHeaderAt+48, []byte{1}), "closed", 0},
		{"vhdx two truths", "vhdx", patch(vhdx(0), vhdxRegionsAt+vhdxSectionBytes+32, le64(1<<20)), "differ", 0},
		{"vhdx region outside", "vhdx", patch(patch(vhdx(0), vhdxRegionsAt+64, le64(1<<50)), vhdxRegionsAt+vhdxSectionBytes+64, le64(1<<50)), "cut short", 0},
		{"vhdx huge", "vhdx", patch(vhdx(0), 1<<20+64<<10+8, le64(1<<50)), "allows", 0},
		{"vhdx cut off", "vhdx", vhdx(0)[:1000], "cut short", 0},
		{"vdi differencing", "vdi", patch(vdi(), 0x4c, le32(4)), "type 4", 0},
		{"vdi parent", "vdi", patch(vdi(), 0x1b8, []byte{1}), "depends on another", 0},
		{"vdi huge", "vdi", patch(vdi(), 0x170, le64(1<<62)), "impossibly large", 0},
		{"vdi table", "vdi", patch(vdi(), 0x180, le32(1<<30)), "block table", 0},
		{"vdi table outside", "vdi", patch(vdi(), 0x154, le32(1<<30)), "cut short", 0},
		{"vdi data outside", "vdi", patch(vdi(), 0x184, le32(4)), "cut short", 0},
		{"vdi cut off", "vdi", vdi()[:100], "cut short", 0},
	}
}

// real makes files with QEMU's own tool, in every way it has that we accept or refuse.
func real(t *testing.T) []imageSample {
	t.Helper()
	if _, err := exec.LookPath("qemu-img"); err != nil {
		t.Skip("needs qemu-img (Debian package qemu-utils)")
	}
	dir := t.TempDir()
	source := filepath.Join(dir, "raw")
	if err := os.WriteFile(source, bytes.Repeat([]byte{0, 0, 0, 1, 2, 3}, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	var list []imageSample
	for _, c := range []struct {
		format  spec.Format
		tool    string
		options []string
		refusal string
	}{
		{"qcow2", "qcow2", nil, ""},
		{"qcow2", "qcow2", []string{"-o", "compat=0.10"}, ""},
		{"qcow2", "qcow2", []string{"-c"}, ""},
		{"qcow2", "qcow2", []string{"-c", "-o", "compression_type=zstd"}, ""},
		{"qcow2", "qcow2", []string{"-o", "cluster_size=512"}, ""},
		{"qcow2", "qcow2", []string{"-o", "cluster_size=2M,refcount_bits=1"}, ""},
		{"qcow2", "qcow2", []string{"-o", "extended_l2=on"}, ""},
		{"qcow2", "qcow2", []string{"-o", "preallocation=metadata"}, ""},
		{"qcow2", "qcow2", []string{"-o", "data_file=" + filepath.Join(dir, "data")}, "another file"},
		{"qcow2", "qcow2", []string{"-o", "encrypt.format=luks,encrypt.iter-time=10,encrypt.key-secret=s", "--object", "secret,id=s,data=x"}, "encrypted"},
		{"vmdk", "vmdk", []string{"-o", "subformat=monolithicSparse"}, ""},
		{"vmdk", "vmdk", []string{"-o", "subformat=streamOptimized"}, ""},
		{"vmdk", "vmdk", []string{"-o", "subformat=monolithicFlat"}, "descriptor"},
		{"vmdk", "vmdk", []string{"-o", "subformat=twoGbMaxExtentSparse"}, "descriptor"},
		{"vhd", "vpc", []string{"-o", "subformat=dynamic"}, ""},
		{"vhd", "vpc", []string{"-o", "subformat=fixed,force_size=on"}, ""},
		{"vhdx", "vhdx", nil, ""},
		{"vhdx", "vhdx", []string{"-o", "subformat=fixed"}, ""},
		{"vdi", "vdi", nil, ""},
		{"vdi", "vdi", []string{"-o", "static=on"}, ""},
	} {
		path := filepath.Join(dir, "image")
		os.Remove(path)
		args := append(append([]string{"convert", "-f", "raw", "-O", c.tool}, c.options...), source, path)
		if out, err := exec.Command("qemu-img", args...).CombinedOutput(); err != nil {
			t.Logf("this qemu-img cannot: %s: %s", strings.Join(args, " "), out)
			continue
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		virtual := int64(6 << 20)
		if c.format == "vhd" && c.refusal == "" {
			virtual = 0 // rounded to the geometry by the tool
		}
		list = append(list, imageSample{strings.Join(args[4:len(args)-2], " "), c.format, b, c.refusal, virtual})
	}
	return list
}
