package sim

import (
	"fmt"
	"io"
	"strings"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// find looks a Source's or PrepareSnapshot's path up; p.mu is held.
func (p *Pool) find(s spec.BlockSource) (*disk, error) {
	var d *disk
	if id, ok := strings.CutPrefix(s.Path, p.volumePrefix()); ok {
		d = p.volumes[spec.VolumeID(id)]
	} else if id, ok := strings.CutPrefix(s.Path, preparedPath); ok {
		d = p.prepared[spec.SnapshotID(id)]
	}
	if d == nil {
		return nil, fmt.Errorf("%s: %w", s.Path, spec.ErrMissing)
	}
	return d, nil
}

// WriteAt writes as a guest with the source open would.
func (p *Pool) WriteAt(s spec.BlockSource, b []byte, at int64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	d, err := p.find(s)
	if err != nil {
		return err
	}
	if at < 0 || at+int64(len(b)) > d.sizeBytes {
		return io.ErrShortWrite
	}
	if p.used+int64(len(b)) > p.options.TotalBytes {
		return spec.ErrNoSpace
	}
	before := d.usedBytes()
	d.writeAt(b, at)
	if d.of == nil { // what is prepared counts when it is committed
		p.used += d.usedBytes() - before
	}
	return nil
}

// ReadAt reads as a guest with the source open would. It answers io.EOF behind the end.
func (p *Pool) ReadAt(s spec.BlockSource, b []byte, at int64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	d, err := p.find(s)
	if err != nil {
		return err
	}
	_, err = d.ReadAt(b, at)
	return err
}

// ResizeAt grows a volume as a simulated hypervisor's ResizeDisk would.
func (p *Pool) ResizeAt(s spec.BlockSource, sizeBytes int64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	d, err := p.find(s)
	if err != nil {
		return err
	}
	d.sizeBytes = max(d.sizeBytes, (sizeBytes+511)&^511)
	return nil
}
