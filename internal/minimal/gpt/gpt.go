// Package gpt writes a GUID partition table and later moves it to the end of a
// disk that has grown, stretching the last partition over the new room.
//
// It is not a partitioning library: sectors are 512 bytes, the table has 128
// entries, and what it did not write it only stretches. The image builder
// writes the table; the guest's init calls Grow on its own disk at each boot.
package gpt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"unicode/utf16"
)

// SectorSize is the only sector size that is understood, in bytes.
const SectorSize = 512

const (
	headerBytes  = 92
	entryBytes   = 128
	entryCount   = 128
	tableSectors = entryBytes * entryCount / SectorSize
	// alignSectors keeps a grown partition's end on a 1 MiB boundary.
	alignSectors = 2048
)

// GUID is in the mixed-endian byte order of the disk.
type GUID [16]byte

// Types of partitions in the order of bytes on the disk.
var (
	TypeEFISystem = GUID{0x28, 0x73, 0x2A, 0xC1, 0x1F, 0xF8, 0xD2, 0x11, 0xBA, 0x4B, 0x00, 0xA0, 0xC9, 0x3E, 0xC9, 0x3B}
	TypeLinux     = GUID{0xAF, 0x3D, 0xC6, 0x0F, 0x83, 0x84, 0x72, 0x47, 0x8E, 0x79, 0x3D, 0x69, 0xD8, 0x47, 0x7D, 0xE4}
)

// AttrLegacyBoot marks the partition that BIOS boot code starts from.
const AttrLegacyBoot = 1 << 2

// Partition is one entry. First and Last are sectors, both included.
type Partition struct {
	Number      int // 1 to 128
	Type, ID    GUID
	First, Last uint64
	Attributes  uint64
	Name        string
}

// Disk is what a partition table is written to and read from.
type Disk interface {
	io.ReaderAt
	io.WriterAt
}

// ErrNoTable says that the disk has no valid GUID partition table.
var ErrNoTable = errors.New("no valid GUID partition table")

// header is the part of the on-disk header that changes.
type header struct {
	current, backup, firstUsable, lastUsable uint64
	diskID                                   GUID
	entriesAt                                uint64
	entriesCRC                               uint32
}

// Write makes a new table for a disk of size bytes: protective MBR (its first
// 440 bytes of boot code are left alone), primary and backup.
func Write(d Disk, size int64, diskID GUID, parts []Partition) error {
	sectors := uint64(size) / SectorSize
	entries := make([]byte, entryBytes*entryCount)
	for _, p := range parts {
		if p.Number < 1 || p.Number > entryCount {
			return fmt.Errorf("partition number %d is not between 1 and %d", p.Number, entryCount)
		}
		encodeEntry(entries[(p.Number-1)*entryBytes:], p)
	}
	return writeAll(d, sectors, diskID, entries)
}

// Grow makes the table cover a disk of size bytes and stretches partition
// number over the free room behind it. It returns the partition as it is now
// and whether anything was written. Repeatable. The partition must be the last
// on the disk.
func Grow(d Disk, size int64, number int) (Partition, bool, error) {
	h, entries, err := read(d)
	if err != nil {
		return Partition{}, false, err
	}
	if number < 1 || number > entryCount {
		return Partition{}, false, fmt.Errorf("partition number %d is not between 1 and %d", number, entryCount)
	}
	sectors := uint64(size) / SectorSize
	p := decodeEntry(entries, number)
	if p.Type == (GUID{}) {
		return p, false, fmt.Errorf("partition %d does not exist", number)
	}
	for n := 1; n <= entryCount; n++ {
		if o := decodeEntry(entries, n); o.Type != (GUID{}) && o.First > p.First {
			return p, false, fmt.Errorf("partition %d lies behind partition %d", n, number)
		}
	}
	last := (lastUsable(sectors)+1)/alignSectors*alignSectors - 1
	if last <= p.Last {
		return p, false, nil
	}
	p.Last = last
	encodeEntry(entries[(number-1)*entryBytes:], p)
	return p, true, writeAll(d, sectors, h.diskID, entries)
}

func lastUsable(sectors uint64) uint64 { return sectors - tableSectors - 2 }

// writeAll writes the backup before the primary, so that a loss of power
// leaves one valid table at any instant.
func writeAll(d Disk, sectors uint64, diskID GUID, entries []byte) error {
	h := header{
		firstUsable: tableSectors + 2, lastUsable: lastUsable(sectors),
		diskID: diskID, entriesCRC: crc32.ChecksumIEEE(entries),
	}
	h.current, h.backup, h.entriesAt = sectors-1, 1, sectors-1-tableSectors
	if err := writeTable(d, h, entries); err != nil {
		return fmt.Errorf("write backup partition table: %w", err)
	}
	h.current, h.backup, h.entriesAt = 1, sectors-1, 2
	if err := writeTable(d, h, entries); err != nil {
		return fmt.Errorf("write primary partition table: %w", err)
	}
	return writeProtectiveMBR(d, sectors)
}

func writeTable(d Disk, h header, entries []byte) error {
	if _, err := d.WriteAt(entries, int64(h.entriesAt)*SectorSize); err != nil {
		return err
	}
	_, err := d.WriteAt(encodeHeader(h), int64(h.current)*SectorSize)
	return err
}

func encodeHeader(h header) []byte {
	b := make([]byte, SectorSize)
	copy(b, "EFI PART")
	le := binary.LittleEndian
	le.PutUint32(b[8:], 0x00010000)
	le.PutUint32(b[12:], headerBytes)
	le.PutUint64(b[24:], h.current)
	le.PutUint64(b[32:], h.backup)
	le.PutUint64(b[40:], h.firstUsable)
	le.PutUint64(b[48:], h.lastUsable)
	copy(b[56:], h.diskID[:])
	le.PutUint64(b[72:], h.entriesAt)
	le.PutUint32(b[80:], entryCount)
	le.PutUint32(b[84:], entryBytes)
	le.PutUint32(b[88:], h.entriesCRC)
	le.PutUint32(b[16:], crc32.ChecksumIEEE(b[:headerBytes]))
	return b
}

func writeProtectiveMBR(d Disk, sectors uint64) error {
	b := make([]byte, 72)
	e := b[6:22]
	copy(e, []byte{0x00, 0x00, 0x02, 0x00, 0xEE, 0xFF, 0xFF, 0xFF})
	binary.LittleEndian.PutUint32(e[8:], 1)
	binary.LittleEndian.PutUint32(e[12:], uint32(min(sectors-1, 0xFFFFFFFF)))
	b[70], b[71] = 0x55, 0xAA
	if _, err := d.WriteAt(b, 440); err != nil {
		return fmt.Errorf("write protective MBR: %w", err)
	}
	return nil
}

func read(d Disk) (header, []byte, error) {
	b := make([]byte, SectorSize)
	if _, err := d.ReadAt(b, SectorSize); err != nil {
		return header{}, nil, fmt.Errorf("read partition table: %w", err)
	}
	h, err := decodeHeader(b)
	if err != nil {
		return h, nil, err
	}
	entries := make([]byte, entryBytes*entryCount)
	if _, err := d.ReadAt(entries, int64(h.entriesAt)*SectorSize); err != nil {
		return h, nil, fmt.Errorf("read partition entries: %w", err)
	}
	if crc32.ChecksumIEEE(entries) != h.entriesCRC {
		return h, nil, fmt.Errorf("%w: checksum of the entries differs", ErrNoTable)
	}
	return h, entries, nil
}

func decodeHeader(b []byte) (header, error) {
	le := binary.LittleEndian
	if !bytes.HasPrefix(b, []byte("EFI PART")) {
		return header{}, ErrNoTable
	}
	sum := le.Uint32(b[16:])
	c := bytes.Clone(b[:headerBytes])
	le.PutUint32(c[16:], 0)
	if le.Uint32(b[12:]) != headerBytes || crc32.ChecksumIEEE(c) != sum {
		return header{}, fmt.Errorf("%w: checksum of the header differs", ErrNoTable)
	}
	if le.Uint32(b[80:]) != entryCount || le.Uint32(b[84:]) != entryBytes {
		return header{}, fmt.Errorf("%w: not %d entries of %d bytes", ErrNoTable, entryCount, entryBytes)
	}
	return header{
		current: le.Uint64(b[24:]), backup: le.Uint64(b[32:]),
		firstUsable: le.Uint64(b[40:]), lastUsable: le.Uint64(b[48:]),
		diskID: GUID(b[56:72]), entriesAt: le.Uint64(b[72:]), entriesCRC: le.Uint32(b[88:]),
	}, nil
}

func encodeEntry(b []byte, p Partition) {
	clear(b[:entryBytes])
	copy(b, p.Type[:])
	copy(b[16:], p.ID[:])
	le := binary.LittleEndian
	le.PutUint64(b[32:], p.First)
	le.PutUint64(b[40:], p.Last)
	le.PutUint64(b[48:], p.Attributes)
	for i, u := range utf16.Encode([]rune(p.Name)) {
		if i == 36 {
			break
		}
		le.PutUint16(b[56+2*i:], u)
	}
}

func decodeEntry(entries []byte, number int) Partition {
	b := entries[(number-1)*entryBytes : number*entryBytes]
	le := binary.LittleEndian
	name := make([]uint16, 0, 36)
	for i := 56; i < entryBytes && le.Uint16(b[i:]) != 0; i += 2 {
		name = append(name, le.Uint16(b[i:]))
	}
	return Partition{
		Number: number, Type: GUID(b[0:16]), ID: GUID(b[16:32]),
		First: le.Uint64(b[32:]), Last: le.Uint64(b[40:]), Attributes: le.Uint64(b[48:]),
		Name: string(utf16.Decode(name)),
	}
}
