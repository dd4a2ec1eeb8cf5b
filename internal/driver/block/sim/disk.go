package sim

import (
	"io"
	"maps"
	"slices"

	"github.com/nubo-cloud/nubo/internal/imageformat/qcow2"
	"github.com/nubo-cloud/nubo/internal/spec"
)

const pageBytes = 4096

// disk is the content of a volume or snapshot: pages over an image that never
// changes. Pages are replaced, never written into, so copies share them.
type disk struct {
	generation int64
	sizeBytes  int64
	// encrypted disks only say so: a simulated host has nobody to hide bytes from.
	encrypted bool
	base      *image // nil: zeros
	pages     map[int64][]byte
	// of is set while a snapshot waits for its commit: the volume to copy if nothing was written.
	of *disk
}

func (d *disk) copy() *disk {
	return &disk{sizeBytes: d.sizeBytes, encrypted: d.encrypted, base: d.base, pages: maps.Clone(d.pages)}
}

func (d *disk) format() spec.Format {
	if d.encrypted {
		return spec.FormatLUKS
	}
	return spec.FormatRaw
}

func (d *disk) usedBytes() int64 { return int64(len(d.pages)) * pageBytes }

// remove forgets a disk and the space it took; p.mu is held.
func remove[K comparable](p *Pool, disks map[K]*disk, id K) {
	if d := disks[id]; d != nil {
		p.used -= d.usedBytes()
		delete(disks, id)
	}
}

// page answers one page's bytes; the caller does not change them.
func (d *disk) page(n int64) []byte {
	if p, ok := d.pages[n]; ok {
		return p
	}
	b := make([]byte, pageBytes)
	if d.base != nil && d.base.content != nil {
		// What is behind the image's end, or cannot be read, is zeros.
		_, _ = d.base.content.ReadAt(b, n*pageBytes)
	}
	return b
}

// ReadAt implements io.ReaderAt.
func (d *disk) ReadAt(b []byte, at int64) (int, error) {
	read := 0
	for read < len(b) && at < d.sizeBytes {
		page := d.page(at / pageBytes)[at%pageBytes:]
		n := copy(b[read:], page[:min(int64(len(page)), d.sizeBytes-at)])
		read, at = read+n, at+int64(n)
	}
	if read < len(b) {
		return read, io.EOF
	}
	return read, nil
}

func (d *disk) writeAt(b []byte, at int64) {
	if d.pages == nil {
		d.pages = map[int64][]byte{}
	}
	for len(b) > 0 {
		page := slices.Clone(d.page(at / pageBytes))
		n := copy(page[at%pageBytes:], b)
		d.pages[at/pageBytes] = page
		b, at = b[n:], at+int64(n)
	}
}

// extents are where the disk may hold something else than zeros.
func (d *disk) extents() []qcow2.Extent {
	var extents []qcow2.Extent
	end := int64(0)
	if d.base != nil && d.base.content != nil {
		end = (d.base.virtualBytes + pageBytes - 1) / pageBytes
		extents = append(extents, qcow2.Extent{Offset: 0, Length: end * pageBytes})
	}
	for _, n := range slices.Sorted(maps.Keys(d.pages)) {
		if n >= end {
			extents = append(extents, qcow2.Extent{Offset: n * pageBytes, Length: pageBytes})
		}
	}
	return extents
}
