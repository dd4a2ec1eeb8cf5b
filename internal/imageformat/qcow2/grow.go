package qcow2

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ErrNoRoom is Grow's answer when the L1 table would have to move: a job for qemu-img.
var ErrNoRoom = errors.New("the L1 table would have to move")

// File is what Grow needs of a file.
type File interface {
	io.ReaderAt
	io.WriterAt
	Sync() error
}

// Grow makes a qcow2 file that nobody has open larger, by one header write
// within a sector: after a crash the file has the old or the new size. Growing to
// the same size or less changes nothing. It syncs.
func Grow(f File, sizeBytes int64) error {
	h, err := Parse(f)
	if err != nil {
		return err
	}
	if uint64(sizeBytes) <= h.SizeBytes {
		return nil
	}
	if h.ClusterBits < 9 || h.ClusterBits > 21 || h.L1Offset == 0 || h.L1Offset%h.ClusterBytes() != 0 {
		return fmt.Errorf("%w: cluster bits %d, L1 table at %d", ErrFormat, h.ClusterBits, h.L1Offset)
	}
	entries := divideUp(uint64(sizeBytes), h.ClusterBytes()/h.L2EntryBytes()*h.ClusterBytes())
	room := divideUp(uint64(h.L1Entries)*8, h.ClusterBytes()) * h.ClusterBytes() / 8
	if entries > room || h.Snapshots > 0 {
		return ErrNoRoom
	}
	if err := growL1(f, h, uint32(entries)); err != nil {
		return err
	}
	// Size (at 24) and L1 entries (at 36) lie in one sector.
	b := make([]byte, 16)
	binary.BigEndian.PutUint64(b, uint64(sizeBytes))
	binary.BigEndian.PutUint32(b[8:], h.Encryption)
	binary.BigEndian.PutUint32(b[12:], max(h.L1Entries, uint32(entries)))
	if _, err := f.WriteAt(b, 24); err != nil {
		return err
	}
	return f.Sync()
}

// growL1 zeroes the entries about to be used: what follows the table in its
// last cluster is not promised to be zero.
func growL1(f File, h *Header, entries uint32) error {
	if entries <= h.L1Entries {
		return nil
	}
	zeros := make([]byte, 8*(entries-h.L1Entries))
	if _, err := f.WriteAt(zeros, int64(h.L1Offset+8*uint64(h.L1Entries))); err != nil {
		return err
	}
	return f.Sync()
}
