package fsprobe

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestReadKnowsSignatures(t *testing.T) {
	fat := make([]byte, 64<<10)
	copy(fat[54:], "FAT16   ")
	copy(fat[43:], "config-2   ")
	binary.LittleEndian.PutUint32(fat[39:], 0x1234ABCD)
	fat[510], fat[511] = 0x55, 0xAA
	iso := make([]byte, 40<<10)
	copy(iso[32769:], "CD001")
	copy(iso[32808:], "config-2                        ")
	copy(iso[32768+813:], "2026010203040506")
	swap := make([]byte, 8<<10)
	copy(swap[4086:], "SWAPSPACE2")
	for name, c := range map[string]struct {
		data []byte
		want Info
		ok   bool
	}{
		"FAT":            {fat, Info{"vfat", "config-2", "1234-ABCD"}, true},
		"ISO 9660":       {iso, Info{"iso9660", "config-2", "2026-01-02-03-04-05-06"}, true},
		"swap":           {swap, Info{Type: "swap"}, true},
		"nothing":        {make([]byte, 1<<20), Info{}, false},
		"a short device": {make([]byte, 512), Info{}, false},
	} {
		if got, ok := Read(bytes.NewReader(c.data)); got != c.want || ok != c.ok {
			t.Errorf("%s: %+v, %v", name, got, ok)
		}
	}
}

// The real mke2fs is the judge of what an ext4 filesystem looks like.
func TestReadKnowsWhatMke2fsMakes(t *testing.T) {
	mke2fs, err := exec.LookPath("mke2fs")
	if err != nil {
		t.Skip("needs mke2fs (package e2fsprogs) in the path")
	}
	const id = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
	for _, kind := range []string{"ext2", "ext3", "ext4"} {
		image := filepath.Join(t.TempDir(), kind)
		if out, err := exec.Command(mke2fs, "-q", "-F", "-t", kind, "-L", "data", "-U", id, image, "8M").CombinedOutput(); err != nil {
			t.Fatalf("mke2fs: %v: %s", err, out)
		}
		f, err := os.Open(image)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if got, ok := Read(f); !ok || got != (Info{kind, "data", id}) {
			t.Errorf("%s: %+v, %v", kind, got, ok)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("XFSB"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if info, ok := Read(bytes.NewReader(b)); ok && info.Type == "" {
			t.Error("known, but of no type")
		}
	})
}
