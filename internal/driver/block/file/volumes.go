package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/nubo-cloud/nubo/internal/imageformat/qcow2"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// EnsureVolume implements agent.Block. Sizes are rounded up to whole sectors of 512 bytes.
func (d *Driver) EnsureVolume(ctx context.Context, v spec.Volume) (spec.VolumeStatus, error) {
	return d.ensureVolume(ctx, v, func(dir string, v spec.Volume) error { return d.fillVolume(ctx, v, dir) })
}

// WriteVolume implements pools.Member.
func (d *Driver) WriteVolume(ctx context.Context, v spec.Volume, open func() (io.ReadCloser, error)) (spec.VolumeStatus, error) {
	return d.ensureVolume(ctx, v, func(dir string, v spec.Volume) error { return fillFromBytes(ctx, v, dir, open) })
}

func (d *Driver) ensureVolume(ctx context.Context, v spec.Volume, fill func(dir string, v spec.Volume) error) (spec.VolumeStatus, error) {
	if err := d.checkVolume(v); err != nil {
		return spec.VolumeStatus{}, fmt.Errorf("volume %s: %w", v.ID, err)
	}
	v.SizeBytes = roundUp(v.SizeBytes)
	defer d.locks.lock(volumesDir, string(v.ID))()
	o, err := d.load(volumesDir, string(v.ID))
	switch {
	case errors.Is(err, spec.ErrMissing):
		err = d.makeVolume(v, fill)
	case err == nil:
		err = d.updateVolume(ctx, o, v)
	}
	if err != nil {
		return spec.VolumeStatus{}, fmt.Errorf("volume %s: %w", v.ID, err)
	}
	return d.VolumeStatus(ctx, v.ID)
}

func (d *Driver) checkVolume(v spec.Volume) error {
	if err := checkID(v.ID); err != nil {
		return err
	}
	if err := d.checkPool(v.Pool); err != nil {
		return err
	}
	sources := 0
	for _, set := range []bool{v.Image != nil, v.Snapshot != "", v.Volume != ""} {
		if set {
			sources++
		}
	}
	if sources > 1 {
		return fmt.Errorf("%w: more than one source", spec.ErrInvalid)
	}
	if v.SizeBytes <= 0 || v.SizeBytes > 1<<60 {
		return fmt.Errorf("%w: size of %d bytes", spec.ErrInvalid, v.SizeBytes)
	}
	return nil
}

// makeVolume fills a directory in tmp and renames it into place.
func (d *Driver) makeVolume(v spec.Volume, fill func(dir string, v spec.Volume) error) error {
	tmp, err := d.newTmp()
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := fill(tmp, v); err != nil {
		return diskError(err)
	}
	if err := writeGeneration(tmp, v.Generation); err != nil {
		return diskError(err)
	}
	return d.publish(tmp, volumesDir, string(v.ID))
}

func (d *Driver) fillVolume(ctx context.Context, v spec.Volume, dir string) error {
	switch {
	case v.Encryption != nil:
		return d.fillEncrypted(ctx, v, dir)
	case v.Image != nil:
		return d.fillFromImage(v, dir)
	case v.Snapshot != "":
		return d.fillFromCopy(ctx, snapshotsDir, string(v.Snapshot), dir, v.SizeBytes)
	case v.Volume != "":
		return d.fillFromCopy(ctx, volumesDir, string(v.Volume), dir, v.SizeBytes)
	default:
		return makeDisk(filepath.Join(dir, diskPrefix+"raw"), func(f *os.File) error { return f.Truncate(v.SizeBytes) })
	}
}

// fillFromBytes writes a raw disk, or an encrypted one as its bytes are, without holes' zeros, and grows it to the volume's size.
func fillFromBytes(ctx context.Context, v spec.Volume, dir string, open func() (io.ReadCloser, error)) error {
	r, err := open()
	if err != nil {
		return err
	}
	defer r.Close()
	to := object{dir: dir, diskFormat: spec.FormatRaw}
	if v.Encryption != nil {
		to.diskFormat = spec.FormatLUKS
	}
	return makeDisk(to.disk(), func(f *os.File) error {
		w := &sparseWriter{f: f}
		if _, err := io.CopyBuffer(struct{ io.Writer }{w}, &contextReader{ctx, r}, make([]byte, 1<<20)); err != nil {
			return err
		}
		length := fileBytes(to.diskFormat, v.SizeBytes)
		if w.at > length {
			return fmt.Errorf("%w: the source has %d bytes, the volume only %d", spec.ErrInvalid, w.at, length)
		}
		return f.Truncate(length)
	})
}

// fillFromImage makes a thin clone: the same time for any size.
func (d *Driver) fillFromImage(v spec.Volume, dir string) error {
	if err := checkID(v.Image.ID); err != nil {
		return err
	}
	image, err := d.load(imagesDir, string(v.Image.ID))
	if err != nil {
		return err
	}
	if err := fits(image.base(), image.baseFormat, v.SizeBytes); err != nil {
		return err
	}
	if image.baseFormat == spec.FormatLUKS {
		return fmt.Errorf("%w: the source is encrypted, the volume is not", spec.ErrInvalid)
	}
	image.countUse()
	if d.reflink && image.baseFormat == spec.FormatRaw {
		return d.fillRawClone(image.base(), dir, v.SizeBytes)
	}
	return d.fillOverlay(image, dir, v.SizeBytes)
}

// fits refuses a source that is larger than the volume.
func fits(path string, format spec.Format, sizeBytes int64) error {
	virtual, err := virtualBytes(path, format)
	if err != nil {
		return missingIfGone(err)
	}
	if virtual > sizeBytes {
		return fmt.Errorf("%w: the source has %d bytes, the volume only %d", spec.ErrInvalid, virtual, sizeBytes)
	}
	return nil
}

func (d *Driver) fillRawClone(base, dir string, sizeBytes int64) error {
	path := filepath.Join(dir, diskPrefix+"raw")
	if err := reflinkFile(base, path); err != nil {
		return missingIfGone(err)
	}
	return growFile(path, sizeBytes)
}

// fillOverlay links the base of an image (or of a volume) and lays an empty overlay over it.
func (d *Driver) fillOverlay(below object, dir string, sizeBytes int64) error {
	o := object{dir: dir, diskFormat: spec.FormatQCOW2, baseFormat: below.baseFormat}
	if err := os.Link(below.base(), o.base()); err != nil {
		return missingIfGone(err)
	}
	return makeDisk(o.disk(), func(f *os.File) error {
		return qcow2.WriteOverlay(f, qcow2.Overlay{
			SizeBytes: sizeBytes, BackingFile: filepath.Base(o.base()), BackingFormat: string(o.baseFormat),
		})
	})
}

// makeDisk makes a file, fills it and syncs it.
func makeDisk(path string, fill func(*os.File) error) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := fill(f); err != nil {
		return err
	}
	return f.Sync()
}

// fillFromCopy copies a volume or snapshot, and grows the copy if it shall be larger.
func (d *Driver) fillFromCopy(ctx context.Context, kind, id, dir string, sizeBytes int64) error {
	if err := checkID(id); err != nil {
		return err
	}
	from, err := d.load(kind, id)
	if err != nil {
		return err
	}
	if from.diskFormat == spec.FormatLUKS {
		return fmt.Errorf("%w: the source is encrypted, the volume is not", spec.ErrInvalid)
	}
	return d.fillFromObject(ctx, from, dir, sizeBytes)
}

func (d *Driver) fillFromObject(ctx context.Context, from object, dir string, sizeBytes int64) error {
	if err := fits(from.disk(), from.diskFormat, sizeBytes); err != nil {
		return err
	}
	if err := d.copyObject(ctx, from, dir); err != nil {
		return err
	}
	from.dir = dir
	return d.grow(ctx, from, sizeBytes)
}

// copyObject copies a disk into dir and links its base.
func (d *Driver) copyObject(ctx context.Context, from object, dir string) error {
	to := from
	to.dir = dir
	if from.baseFormat != "" {
		if err := os.Link(from.base(), to.base()); err != nil {
			return missingIfGone(err)
		}
	}
	return missingIfGone(d.copyDisk(ctx, from.disk(), to.disk()))
}

// missingIfGone: a source removed under our hands is a source that is not here.
func missingIfGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: the source was removed", spec.ErrMissing)
	}
	return err
}

// updateVolume grows a volume and notes the document's generation.
func (d *Driver) updateVolume(ctx context.Context, o object, v spec.Volume) error {
	held := readGeneration(o.dir)
	if v.Generation < held {
		return nil
	}
	virtual, _, err := o.sizes()
	if err != nil {
		return err
	}
	if v.SizeBytes < virtual {
		return fmt.Errorf("%w: it has %d bytes and cannot shrink to %d", spec.ErrNotSupported, virtual, v.SizeBytes)
	}
	if err := d.grow(ctx, o, v.SizeBytes); err != nil {
		return err
	}
	if v.Generation == held {
		return nil
	}
	if err := writeGeneration(o.dir, v.Generation); err != nil {
		return diskError(err)
	}
	return syncPath(o.dir)
}

// grow makes a disk nobody has open larger; to its own size it does nothing.
func (d *Driver) grow(ctx context.Context, o object, sizeBytes int64) error {
	if o.diskFormat != spec.FormatQCOW2 {
		return growFile(o.disk(), fileBytes(o.diskFormat, sizeBytes))
	}
	f, err := os.OpenFile(o.disk(), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = qcow2.Grow(f, sizeBytes)
	f.Close()
	if errors.Is(err, qcow2.ErrNoRoom) {
		return d.resize(ctx, o, sizeBytes)
	}
	return diskError(err)
}

func growFile(path string, bytes int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() < bytes {
		if err := f.Truncate(bytes); err != nil {
			return diskError(err)
		}
	}
	return f.Sync()
}

// RemoveVolume implements agent.Block.
func (d *Driver) RemoveVolume(_ context.Context, id spec.VolumeID) error {
	if err := checkID(id); err != nil {
		return err
	}
	defer d.locks.lock(volumesDir, string(id))()
	return d.discard(volumesDir, string(id))
}

// VolumeStatus implements agent.Block.
func (d *Driver) VolumeStatus(_ context.Context, id spec.VolumeID) (spec.VolumeStatus, error) {
	if err := checkID(id); err != nil {
		return spec.VolumeStatus{}, err
	}
	o, err := d.load(volumesDir, string(id))
	if err != nil {
		return spec.VolumeStatus{}, err
	}
	virtual, used, err := o.sizes()
	if err != nil {
		return spec.VolumeStatus{}, missingIfGone(err)
	}
	return spec.VolumeStatus{ID: id, Generation: readGeneration(o.dir), SizeBytes: virtual, UsedBytes: used, Pool: d.name}, nil
}

// Source implements agent.Block.
func (d *Driver) Source(_ context.Context, id spec.VolumeID) (spec.BlockSource, error) {
	if err := checkID(id); err != nil {
		return spec.BlockSource{}, err
	}
	o, err := d.load(volumesDir, string(id))
	if err != nil {
		return spec.BlockSource{}, err
	}
	return o.source(), nil
}

const generationFile = "generation"

// readGeneration answers 0 for what cannot be read: then every document counts as new, and all it can do is grow the volume.
func readGeneration(dir string) int64 {
	b, err := os.ReadFile(filepath.Join(dir, generationFile))
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	return n
}

// writeGeneration replaces the note, which tells which of two pools has a volume: it outlasts the host's power, if the
// caller syncs the directory.
func writeGeneration(dir string, generation int64) error {
	path := filepath.Join(dir, generationFile)
	if err := os.WriteFile(path+".new", strconv.AppendInt(nil, generation, 10), 0o600); err != nil {
		return err
	}
	if err := syncPath(path + ".new"); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
