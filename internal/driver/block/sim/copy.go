package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// ReadVolume implements pools.Member.
func (p *Pool) ReadVolume(_ context.Context, id spec.VolumeID) (io.ReadCloser, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return plain(p.volumes[id], string(id))
}

// ReadSnapshot implements pools.Member.
func (p *Pool) ReadSnapshot(_ context.Context, id spec.SnapshotID) (io.ReadCloser, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return plain(p.snapshots[id], string(id))
}

// ReadEncrypted implements pools.Member.
func (p *Pool) ReadEncrypted(_ context.Context, id spec.VolumeID) (io.ReadCloser, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.volumes[id]
	switch {
	case d == nil:
		return nil, fmt.Errorf("%s: %w", id, spec.ErrMissing)
	case !d.encrypted:
		return nil, fmt.Errorf("%s is not encrypted: %w", id, spec.ErrInvalid)
	}
	return &reader{disk: d.copy()}, nil
}

func plain(d *disk, id string) (io.ReadCloser, error) {
	switch {
	case d == nil:
		return nil, fmt.Errorf("%s: %w", id, spec.ErrMissing)
	case d.encrypted:
		return nil, fmt.Errorf("%s is encrypted: %w", id, spec.ErrNotSupported)
	}
	return &reader{disk: d.copy()}, nil
}

// WriteVolume implements pools.Member.
func (p *Pool) WriteVolume(ctx context.Context, v spec.Volume, open func() (io.ReadCloser, error)) (spec.VolumeStatus, error) {
	if s, err := p.VolumeStatus(ctx, v.ID); err == nil && s.SizeBytes >= v.SizeBytes {
		return s, nil
	}
	r, err := open()
	if err != nil {
		return spec.VolumeStatus{}, err
	}
	defer r.Close()
	d, err := read(ctx, r)
	if err != nil {
		return spec.VolumeStatus{}, fmt.Errorf("volume %s: %w", v.ID, err)
	}
	return p.ensureVolume(ctx, v, d)
}

// reader is a disk's bytes, and the disk for those who need not look at each.
type reader struct {
	disk *disk
	at   int64
}

func (r *reader) Read(b []byte) (int, error) {
	n, err := r.disk.ReadAt(b, r.at)
	r.at += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

func (r *reader) Close() error { return nil }

// read makes a disk of bytes. Those of another simulated pool are shared: a simulated volume may be larger than memory.
func read(ctx context.Context, r io.Reader) (*disk, error) {
	if from, ok := r.(*reader); ok {
		return from.disk, nil
	}
	d, page := &disk{}, make([]byte, pageBytes)
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := io.ReadFull(r, page)
		if !bytes.Equal(page[:n], make([]byte, n)) {
			d.writeAt(page[:n], d.sizeBytes)
		}
		d.sizeBytes += int64(n)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return d, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
