package gpt

import (
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"
)

func newDisk(t *testing.T, size int64) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "disk"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	return f
}

const mib = 1 << 20

func twoPartitions() []Partition {
	return []Partition{
		{Number: 1, Type: TypeLinux, ID: GUID{1}, First: 40960, Last: 106495, Name: "root"},
		{Number: 15, Type: TypeEFISystem, ID: GUID{2}, First: 2048, Last: 40959, Attributes: AttrLegacyBoot, Name: "boot"},
	}
}

func TestGrowStretchesTheLastPartitionAndMovesTheBackup(t *testing.T) {
	f := newDisk(t, 64*mib)
	if err := Write(f, 64*mib, GUID{9}, twoPartitions()); err != nil {
		t.Fatal(err)
	}
	const grown = 1 << 30
	if err := f.Truncate(grown); err != nil {
		t.Fatal(err)
	}
	p, changed, err := Grow(f, grown, 1)
	if err != nil || !changed {
		t.Fatalf("Grow: changed %v, %v", changed, err)
	}
	if p.First != 40960 || (p.Last+1)%2048 != 0 || p.Last > grown/512-34 || p.Last < grown/512-34-2048 {
		t.Errorf("partition is %d to %d on a disk of %d sectors", p.First, p.Last, grown/512)
	}
	h, entries, err := read(f)
	if err != nil {
		t.Fatalf("table after growing: %v", err)
	}
	if h.backup != grown/512-1 || h.diskID != (GUID{9}) {
		t.Errorf("header says backup at %d, disk %v", h.backup, h.diskID)
	}
	if boot := decodeEntry(entries, 15); boot != twoPartitions()[1] {
		t.Errorf("the other partition became %+v", boot)
	}
	backup := make([]byte, SectorSize)
	if _, err := f.ReadAt(backup, grown-SectorSize); err != nil {
		t.Fatal(err)
	}
	if b, err := decodeHeader(backup); err != nil || b.current != grown/512-1 || b.entriesCRC != crc32.ChecksumIEEE(entries) {
		t.Errorf("backup header: %+v, %v", b, err)
	}
	if _, changed, err := Grow(f, grown, 1); changed || err != nil {
		t.Errorf("growing again: changed %v, %v", changed, err)
	}
}

func TestGrowRefusesAPartitionThatIsNotLast(t *testing.T) {
	f := newDisk(t, 128*mib)
	if err := Write(f, 64*mib, GUID{9}, twoPartitions()); err != nil {
		t.Fatal(err)
	}
	if _, changed, err := Grow(f, 128*mib, 15); err == nil || changed {
		t.Errorf("the partition before another was grown: %v, %v", changed, err)
	}
	if _, _, err := Grow(f, 128*mib, 3); err == nil {
		t.Error("a partition that does not exist was grown")
	}
}

func TestGrowSeesADamagedTable(t *testing.T) {
	f := newDisk(t, 64*mib)
	if _, _, err := Grow(f, 64*mib, 1); !errors.Is(err, ErrNoTable) {
		t.Errorf("an empty disk: %v", err)
	}
	if err := Write(f, 64*mib, GUID{9}, twoPartitions()); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{0x11}, 2*SectorSize+40); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Grow(f, 64*mib, 1); !errors.Is(err, ErrNoTable) {
		t.Errorf("a damaged entry: %v", err)
	}
}

func TestWriteLeavesBootCodeAlone(t *testing.T) {
	f := newDisk(t, 64*mib)
	if _, err := f.WriteAt([]byte("bootcode"), 0); err != nil {
		t.Fatal(err)
	}
	if err := Write(f, 64*mib, GUID{9}, twoPartitions()); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 512)
	if _, err := f.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	if string(b[:8]) != "bootcode" || b[510] != 0x55 || b[511] != 0xAA || b[446+4] != 0xEE {
		t.Errorf("first sector: %q ... %x", b[:8], b[446:])
	}
}
