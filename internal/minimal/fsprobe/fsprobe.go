// Package fsprobe tells what a block device holds by reading its first
// kilobytes: the filesystem's type, label and UUID.
//
// It knows only what the minimal guest meets (ext2/3/4, FAT, ISO 9660, swap,
// XFS, btrfs, LUKS) and never mounts or writes. The guest's init uses it to
// find its root and its config drive; the guest's lsblk and blkid print it.
package fsprobe

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// Info describes a filesystem. Type is in the words of blkid ("ext4", "vfat",
// "iso9660", "swap", ...). Label and UUID may be empty.
type Info struct {
	Type, Label, UUID string
}

// head is how many bytes are enough for every signature below; the deepest is
// the one of btrfs, at 64 KiB + 64.
const head = 0x10040 + 0x200

type probe func(b []byte) (Info, bool)

var probes = []probe{probeLUKS, probeXFS, probeExt, probeISO, probeBtrfs, probeSwap, probeFAT}

// Read reports what r holds; false when it holds nothing known. A device
// shorter than a signature's place simply has not that signature.
func Read(r io.ReaderAt) (Info, bool) {
	b := make([]byte, head)
	n, err := r.ReadAt(b, 0)
	if err != nil && err != io.EOF {
		return Info{}, false
	}
	clear(b[n:])
	for _, p := range probes {
		if info, ok := p(b); ok {
			return info, true
		}
	}
	return Info{}, false
}

const (
	extCompatJournal  = 0x4
	extIncompatExt4   = 0x40 | 0x80 | 0x200 // extents, 64bit, flex_bg
	extROCompatExt4   = 0x8 | 0x10 | 0x20 | 0x40 | 0x400
	extSuperblockBase = 1024
)

func probeExt(b []byte) (Info, bool) {
	sb := b[extSuperblockBase : extSuperblockBase+1024]
	if binary.LittleEndian.Uint16(sb[0x38:]) != 0xEF53 {
		return Info{}, false
	}
	compat := binary.LittleEndian.Uint32(sb[0x5C:])
	incompat := binary.LittleEndian.Uint32(sb[0x60:])
	roCompat := binary.LittleEndian.Uint32(sb[0x64:])
	kind := "ext2"
	if compat&extCompatJournal != 0 {
		kind = "ext3"
	}
	if incompat&extIncompatExt4 != 0 || roCompat&extROCompatExt4 != 0 {
		kind = "ext4"
	}
	return Info{kind, text(sb[0x78:0x88]), uuid(sb[0x68:0x78])}, true
}

func probeISO(b []byte) (Info, bool) {
	vd := b[32768 : 32768+2048]
	if string(vd[1:6]) != "CD001" {
		return Info{}, false
	}
	d := vd[813:829]
	id := ""
	if d[0] >= '0' && d[0] <= '9' {
		id = fmt.Sprintf("%s-%s-%s-%s-%s-%s-%s", d[0:4], d[4:6], d[6:8], d[8:10], d[10:12], d[12:14], d[14:16])
	}
	return Info{"iso9660", text(vd[40:72]), id}, true
}

// probeFAT comes last: its signature (a jump, 0x55AA and a name in the boot
// sector) is the weakest.
func probeFAT(b []byte) (Info, bool) {
	if b[510] != 0x55 || b[511] != 0xAA {
		return Info{}, false
	}
	at := 0
	switch {
	case string(b[82:87]) == "FAT32":
		at = 67
	case string(b[54:58]) == "FAT1":
		at = 39
	default:
		return Info{}, false
	}
	serial := binary.LittleEndian.Uint32(b[at:])
	label := text(b[at+4 : at+15])
	if label == "NO NAME" {
		label = ""
	}
	return Info{"vfat", label, fmt.Sprintf("%04X-%04X", serial>>16, serial&0xFFFF)}, true
}

func probeSwap(b []byte) (Info, bool) {
	if string(b[4086:4096]) != "SWAPSPACE2" {
		return Info{}, false
	}
	return Info{"swap", text(b[1052:1068]), uuid(b[1036:1052])}, true
}

func probeXFS(b []byte) (Info, bool) {
	if string(b[:4]) != "XFSB" {
		return Info{}, false
	}
	return Info{"xfs", text(b[108:120]), uuid(b[32:48])}, true
}

func probeBtrfs(b []byte) (Info, bool) {
	if string(b[0x10040:0x10048]) != "_BHRfS_M" {
		return Info{}, false
	}
	return Info{Type: "btrfs", Label: text(b[0x1012B:0x1022B]), UUID: uuid(b[0x10020:0x10030])}, true
}

func probeLUKS(b []byte) (Info, bool) {
	if string(b[:6]) != "LUKS\xba\xbe" {
		return Info{}, false
	}
	return Info{Type: "crypto_LUKS", UUID: text(b[168:208])}, true
}

func text(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return strings.TrimSpace(string(b))
}

func uuid(b []byte) string {
	if bytes.Equal(b[:16], make([]byte, 16)) {
		return ""
	}
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
