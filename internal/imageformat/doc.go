// Package imageformat looks at disk image files from outside before any QEMU
// tool opens them: which format they really are, how large a disk they describe,
// and whether they could make a host open other files, fill its disk or
// eat its memory. Pure Go, reads metadata only, runs nothing.
//
// It does not convert and does not read guests' data. What it refuses comes back
// as a *Refusal with a sentence for the person who uploaded; it wraps
// spec.ErrInvalid.
//
//	bytes arriving -> Stream (says no early) -> stored file -> Check -> QEMU tools, always with an explicit format
//
// Called by the image use cases (uploads, imports) and by driver/block/file,
// which does not rely on others having looked.
//
// The rules follow what OpenStack learnt (CVE-2015-5162, CVE-2022-47951,
// CVE-2024-32498, CVE-2024-40767): one format per file, that format declared, one file per image.
package imageformat

import (
	"fmt"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// The formats of images that are kernels, initial ramdisks and bare partitions: any
// bytes, always used as they are.
const (
	FormatAKI spec.Format = "aki"
	FormatARI spec.Format = "ari"
	FormatAMI spec.Format = "ami"
)

// Refusal is why an image is not taken, in a sentence for its owner. It wraps spec.ErrInvalid.
type Refusal struct{ Sentence string }

func (r *Refusal) Error() string { return r.Sentence }

// Unwrap makes errors.Is(err, spec.ErrInvalid) true.
func (r *Refusal) Unwrap() error { return spec.ErrInvalid }

func refuse(format string, args ...any) error {
	return &Refusal{Sentence: fmt.Sprintf(format, args...)}
}

// Info is what a file says about itself.
type Info struct {
	Format spec.Format
	// VirtualBytes is the size of the disk a guest would see.
	VirtualBytes int64
}

// Limits bound what is accepted. The zero value of a field stands for DefaultLimits'.
type Limits struct {
	FileBytesMax    int64
	VirtualBytesMax int64
}

// DefaultLimits are far above any sane image; set narrower ones from configuration.
var DefaultLimits = Limits{FileBytesMax: 8 << 40, VirtualBytesMax: 16 << 40}

func (l Limits) orDefault() Limits {
	if l.FileBytesMax <= 0 {
		l.FileBytesMax = DefaultLimits.FileBytesMax
	}
	if l.VirtualBytesMax <= 0 {
		l.VirtualBytesMax = DefaultLimits.VirtualBytesMax
	}
	return l
}
