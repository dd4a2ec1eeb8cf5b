package file

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/nubo-cloud/nubo/internal/imageformat/qcow2"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Export implements agent.Block. A raw snapshot is streamed from its file, as raw or as
// qcow2; an encrypted one as it is, header and all; an overlay is first flattened by qemu-img into a file without a name.
// The export goes on when the snapshot is removed meanwhile.
func (d *Driver) Export(ctx context.Context, id spec.SnapshotID, f spec.Format) (io.ReadCloser, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	if f != spec.FormatRaw && f != spec.FormatQCOW2 {
		return nil, fmt.Errorf("export as %s: %w", f, spec.ErrNotSupported)
	}
	o, err := d.load(snapshotsDir, string(id))
	if err != nil {
		return nil, fmt.Errorf("export of snapshot %s: %w", id, err)
	}
	r, err := d.read(ctx, o, f)
	if err != nil {
		return nil, fmt.Errorf("export of snapshot %s: %w", id, err)
	}
	return r, nil
}

// ReadVolume implements pools.Member.
func (d *Driver) ReadVolume(ctx context.Context, id spec.VolumeID) (io.ReadCloser, error) {
	return d.readPlain(ctx, volumesDir, string(id))
}

// ReadSnapshot implements pools.Member.
func (d *Driver) ReadSnapshot(ctx context.Context, id spec.SnapshotID) (io.ReadCloser, error) {
	return d.readPlain(ctx, snapshotsDir, string(id))
}

// ReadEncrypted implements pools.Member.
func (d *Driver) ReadEncrypted(_ context.Context, id spec.VolumeID) (io.ReadCloser, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	o, err := d.load(volumesDir, string(id))
	if err != nil {
		return nil, err
	}
	if o.diskFormat != spec.FormatLUKS {
		return nil, fmt.Errorf("volume %s is not encrypted: %w", id, spec.ErrInvalid)
	}
	f, err := os.Open(o.disk())
	return f, missingIfGone(err)
}

func (d *Driver) readPlain(ctx context.Context, kind, id string) (io.ReadCloser, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	o, err := d.load(kind, id)
	if err != nil {
		return nil, err
	}
	if o.diskFormat == spec.FormatLUKS {
		return nil, fmt.Errorf("%s %s is encrypted: %w", kind, id, spec.ErrNotSupported)
	}
	return d.read(ctx, o, spec.FormatRaw)
}

// read opens the bytes of a volume or snapshot as one file.
func (d *Driver) read(ctx context.Context, o object, f spec.Format) (r io.ReadCloser, err error) {
	switch {
	case o.diskFormat == spec.FormatLUKS && f != spec.FormatRaw:
		err = fmt.Errorf("an encrypted snapshot as %s: %w", f, spec.ErrNotSupported)
	case o.diskFormat != spec.FormatQCOW2 && f == spec.FormatRaw:
		r, err = os.Open(o.disk())
	case o.diskFormat == spec.FormatRaw:
		r, err = encodeQCOW2(ctx, o.disk())
	default:
		r, err = d.flatten(ctx, o, f)
	}
	if err != nil {
		return nil, missingIfGone(err)
	}
	return r, nil
}

// encodeQCOW2 streams a raw file as qcow2, without a copy on disk.
func encodeQCOW2(ctx context.Context, path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	extents, err := dataExtents(f, info.Size())
	if err != nil {
		f.Close()
		return nil, err
	}
	r, w := io.Pipe()
	go func() {
		defer f.Close()
		w.CloseWithError(qcow2.NewEncoder(info.Size(), extents).Encode(ctx, w, f))
	}()
	return r, nil
}

// flatten writes overlay and base into one file, opens it and removes its name.
func (d *Driver) flatten(ctx context.Context, o object, f spec.Format) (io.ReadCloser, error) {
	if err := o.checkOverlay(); err != nil {
		return nil, err
	}
	tmp, err := d.newTmp()
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	out := filepath.Join(tmp, diskPrefix+string(f))
	if err := d.convert(ctx, o.source(), out, f); err != nil {
		return nil, err
	}
	return os.Open(out)
}
