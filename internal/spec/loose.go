package spec

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// DiskKind tells volumes and snapshots apart where both are meant.
type DiskKind string

// The kinds of disk.
const (
	DiskVolume   DiskKind = "volume"
	DiskSnapshot DiskKind = "snapshot"
)

// LooseDisk is a disk that lies on a pool and is nobody's: an operator put it there, or a volume or snapshot was let go
// of. It has a name, no id, and is never listed in an Inventory. Adopting it makes it a volume or snapshot.
type LooseDisk struct {
	Name      string
	Format    Format
	SizeBytes int64 // what a guest would see
	// Of is the volume that a snapshot was taken of, if the pool knows.
	Of VolumeID
	// Unfit says in a sentence why it cannot be adopted; empty if it can. The format and size of what is unfit may be unknown.
	Unfit string
}

// looseNameBytes is how long a file system lets a name be.
const looseNameBytes = 255

// CheckLooseName is ErrInvalid for what is no name of a loose disk: a name is never a path, nor hidden.
func CheckLooseName(name string) error {
	if name == "" || len(name) > looseNameBytes || !utf8.ValidString(name) || strings.HasPrefix(name, ".") ||
		strings.ContainsRune(name, '/') || strings.ContainsFunc(name, unicode.IsControl) {
		return fmt.Errorf("%w: %q is no name of a disk in the pool", ErrInvalid, name)
	}
	return nil
}
