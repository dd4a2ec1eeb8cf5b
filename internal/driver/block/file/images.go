package file

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/imageformat"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// LocalFile is what the reader of an image may offer besides Read, when the bytes are a
// whole regular file on this host that never changes, such as imagestore's. The driver then links or
// clones it instead of copying.
type LocalFile interface {
	// LocalPath is the file; empty if there is none.
	LocalPath() string
	// LocalSHA256 is the checksum, in hex, that the file's keeper found when it
	// wrote the file; empty if unknown. If it is the wanted one the bytes are not read again.
	LocalSHA256() string
}

// EnsureImage implements agent.Block. Formats other than raw and qcow2 become qcow2; ISO and kernels stay as they are.
func (d *Driver) EnsureImage(ctx context.Context, i spec.Image, open func() (io.ReadCloser, error)) error {
	if err := checkID(i.ID); err != nil {
		return err
	}
	defer d.locks.lock(imagesDir, string(i.ID))()
	if _, err := d.load(imagesDir, string(i.ID)); err == nil {
		return nil
	}
	if err := d.checkRoom(i.SizeBytes); err != nil {
		return fmt.Errorf("image %s: %w", i.ID, err)
	}
	tmp, err := d.newTmp()
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := d.fillImage(ctx, i, tmp, open); err != nil {
		return fmt.Errorf("image %s: %w", i.ID, err)
	}
	if err := os.WriteFile(filepath.Join(tmp, usesFile), nil, 0o600); err != nil {
		return diskError(err)
	}
	return d.publish(tmp, imagesDir, string(i.ID))
}

// checkRoom refuses early what cannot fit; the kernel refuses the rest.
func (d *Driver) checkRoom(bytes int64) error {
	p, err := d.pool()
	if err == nil && bytes > p.TotalBytes-p.UsedBytes {
		return fmt.Errorf("%w: needs %d bytes, %d are free", spec.ErrNoSpace, bytes, p.TotalBytes-p.UsedBytes)
	}
	return err
}

// fillImage leaves base.raw or base.qcow2 in dir, checked and synced.
func (d *Driver) fillImage(ctx context.Context, i spec.Image, dir string, open func() (io.ReadCloser, error)) error {
	r, err := open()
	if err != nil {
		return err
	}
	defer r.Close()
	upload := filepath.Join(dir, "upload")
	if err := d.takeIn(ctx, i, r, upload); err != nil {
		return diskError(err)
	}
	if err := d.checkUpload(upload, i.Format); err != nil {
		return err
	}
	return d.keep(ctx, upload, i.Format)
}

// takeIn makes the file path hold the image's bytes, with the promised length and checksum.
func (d *Driver) takeIn(ctx context.Context, i spec.Image, r io.Reader, path string) error {
	if local, ok := r.(LocalFile); ok && local.LocalPath() != "" && strings.EqualFold(local.LocalSHA256(), i.SHA256) {
		if linked, err := d.adopt(local.LocalPath(), i, path); linked || err != nil {
			return err
		}
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	hash, out := sha256.New(), &sparseWriter{f: f}
	look := imageformat.NewStream(i.Format, d.limits)
	limited := io.LimitReader(&contextReader{ctx, r}, i.SizeBytes+1)
	n, err := io.CopyBuffer(io.MultiWriter(look, out, hash), limited, make([]byte, 1<<20))
	if err != nil {
		return err
	}
	if err := out.finish(); err != nil {
		return err
	}
	if n != i.SizeBytes {
		return fmt.Errorf("%w: got %d bytes, want %d", spec.ErrCorrupt, n, i.SizeBytes)
	}
	if sum := hex.EncodeToString(hash.Sum(nil)); !strings.EqualFold(sum, i.SHA256) {
		return fmt.Errorf("%w: SHA-256 is %s, want %s", spec.ErrCorrupt, sum, i.SHA256)
	}
	return f.Sync()
}

// adopt links (or clones) a file whose checksum is known to be right. It
// answers false where the file system cannot, and the bytes are copied.
func (d *Driver) adopt(from string, i spec.Image, path string) (bool, error) {
	info, err := os.Stat(from)
	if err != nil || !info.Mode().IsRegular() {
		return false, nil
	}
	if info.Size() != i.SizeBytes {
		return false, fmt.Errorf("%w: the file has %d bytes, want %d", spec.ErrCorrupt, info.Size(), i.SizeBytes)
	}
	// A clone has its own mode and link count; a hard link shares both, which a read-only file bears.
	if d.reflink && reflinkFile(from, path) == nil {
		return true, syncPath(path)
	}
	os.Remove(path) // what a failed clone left
	return unix.Linkat(unix.AT_FDCWD, from, unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW) == nil, nil
}

func (d *Driver) checkUpload(path string, format spec.Format) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return imageformat.Check(f, info.Size(), format, d.limits)
}

// keep turns the checked upload into the base, beside it.
func (d *Driver) keep(ctx context.Context, upload string, format spec.Format) error {
	dir := filepath.Dir(upload)
	kept := baseFormat(format)
	base := filepath.Join(dir, basePrefix+string(kept))
	if kept == format || kept == spec.FormatRaw {
		if err := os.Rename(upload, base); err != nil {
			return err
		}
	} else {
		if err := d.convert(ctx, spec.BlockSource{Path: upload, Format: format}, base, kept); err != nil {
			return err
		}
		if err := os.Remove(upload); err != nil {
			return err
		}
	}
	// Everybody's QEMU reads it and nobody writes it.
	return os.Chmod(base, 0o444)
}

// baseFormat is what an image of a format is kept as.
func baseFormat(f spec.Format) spec.Format {
	switch f {
	case spec.FormatQCOW2, spec.FormatVMDK, spec.FormatVHD, spec.FormatVHDX, spec.FormatVDI:
		return spec.FormatQCOW2
	case spec.FormatLUKS:
		return spec.FormatLUKS
	default:
		return spec.FormatRaw
	}
}

// RemoveImage implements agent.Block. Volumes hold links of their own to the bytes.
func (d *Driver) RemoveImage(_ context.Context, id spec.ImageID) error {
	if err := checkID(id); err != nil {
		return err
	}
	defer d.locks.lock(imagesDir, string(id))()
	return d.discard(imagesDir, string(id))
}

// usesFile, beside the base of an image, has one byte for each volume that was made from it, and the time of the last.
const usesFile = "uses"

// countUse is no reason for a volume to fail: that the count is short by one harms nobody.
func (o object) countUse() {
	f, err := os.OpenFile(filepath.Join(o.dir, usesFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	_, _ = f.Write([]byte{'.'})
}

// Images implements agent.Block.
func (d *Driver) Images(ctx context.Context) ([]spec.ImageStatus, error) {
	have, err := d.Inventory(ctx)
	if err != nil {
		return nil, err
	}
	var all []spec.ImageStatus
	for _, id := range have.Images {
		s, err := d.imageStatus(id)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, spec.ErrMissing) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

func (d *Driver) imageStatus(id spec.ImageID) (spec.ImageStatus, error) {
	s := spec.ImageStatus{ID: id}
	o, err := d.load(imagesDir, string(id))
	if err != nil {
		return s, err
	}
	base, err := os.Stat(o.base())
	if err != nil {
		return s, err
	}
	// Nothing is put beside the base after it was taken in, and the base's own time may be that of the file it is a link of.
	dir, err := os.Stat(o.dir)
	if err != nil {
		return s, err
	}
	s.SizeBytes, s.TakenAt, s.UsedAt = base.Size(), dir.ModTime(), dir.ModTime()
	if uses, err := os.Stat(filepath.Join(o.dir, usesFile)); err == nil && uses.Size() > 0 {
		s.Uses, s.UsedAt = uses.Size(), uses.ModTime()
	}
	return s, nil
}

// ImagePath implements agent.Block.
func (d *Driver) ImagePath(_ context.Context, id spec.ImageID) (string, error) {
	if err := checkID(id); err != nil {
		return "", err
	}
	o, err := d.load(imagesDir, string(id))
	if err != nil {
		return "", err
	}
	return o.base(), nil
}
