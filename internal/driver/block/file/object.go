package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/nubo-cloud/nubo/internal/imageformat"
	"github.com/nubo-cloud/nubo/internal/imageformat/luks"
	"github.com/nubo-cloud/nubo/internal/imageformat/qcow2"
	"github.com/nubo-cloud/nubo/internal/spec"
)

const (
	diskPrefix = "disk."
	basePrefix = "base."
)

// object is a volume, snapshot or image on disk, as its file names tell.
type object struct {
	dir        string
	diskFormat spec.Format // empty for an image
	baseFormat spec.Format // empty if there is no base
}

func (o object) disk() string { return filepath.Join(o.dir, diskPrefix+string(o.diskFormat)) }
func (o object) base() string { return filepath.Join(o.dir, basePrefix+string(o.baseFormat)) }

// load reads the names in an object's directory. ErrMissing if there is none.
func (d *Driver) load(kind, id string) (object, error) {
	o := object{dir: d.path(kind, id)}
	entries, err := os.ReadDir(o.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return o, fmt.Errorf("%s %s: %w", strings.TrimSuffix(kind, "s"), id, spec.ErrMissing)
	}
	if err != nil {
		return o, err
	}
	for _, e := range entries {
		if f, ok := strings.CutPrefix(e.Name(), diskPrefix); ok {
			o.diskFormat = spec.Format(f)
		} else if f, ok := strings.CutPrefix(e.Name(), basePrefix); ok {
			o.baseFormat = spec.Format(f)
		}
	}
	if o.diskFormat == "" && (kind != imagesDir || o.baseFormat == "") {
		return o, fmt.Errorf("%s %s has no disk in it: %w", kind, id, spec.ErrCorrupt)
	}
	return o, nil
}

// source tells a hypervisor or tool how to open the object.
func (o object) source() spec.BlockSource {
	s := spec.BlockSource{Driver: "file", Path: o.disk(), Format: o.diskFormat}
	if o.baseFormat != "" {
		s.Base = &spec.BlockSource{Driver: "file", Path: o.base(), Format: o.baseFormat}
	}
	return s
}

// sizes are what a guest sees, and what the pool holds for it.
func (o object) sizes() (virtual, used int64, err error) {
	info, err := os.Stat(o.disk())
	if err != nil {
		return 0, 0, err
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		used = s.Blocks * 512
	}
	virtual, err = virtualBytes(o.disk(), o.diskFormat)
	return virtual, used, err
}

// virtualBytes reads how large a disk one of our files holds, without judging the file.
func virtualBytes(path string, format spec.Format) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if format == spec.FormatQCOW2 {
		h, err := qcow2.Parse(f)
		if err != nil {
			return 0, fmt.Errorf("%s: %w: %w", path, spec.ErrCorrupt, err)
		}
		if h.SizeBytes > 1<<60 { // a guest's QEMU may have written anything
			return 0, fmt.Errorf("%s: %w: size %d", path, spec.ErrCorrupt, h.SizeBytes)
		}
		return int64(h.SizeBytes), nil
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if format == spec.FormatLUKS {
		return info.Size() - luks.HeaderBytes, nil
	}
	return roundUp(info.Size()), nil
}

// checkOverlay refuses to let a tool open a disk whose header names files we did not.
func (o object) checkOverlay() error {
	if o.diskFormat != spec.FormatQCOW2 {
		return nil
	}
	backing := ""
	if o.baseFormat != "" {
		backing = filepath.Base(o.base())
	}
	return checkQCOW2(o.disk(), backing)
}

// checkQCOW2 refuses a qcow2 file that names another file than the backing one that it should.
func checkQCOW2(path, backing string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if _, err := imageformat.CheckOverlay(f, info.Size(), backing); err != nil {
		return fmt.Errorf("%s: %w: %w", path, spec.ErrCorrupt, err)
	}
	return nil
}

// fileBytes is how long the file of a disk is that a guest sees so many bytes of; not for qcow2.
func fileBytes(format spec.Format, sizeBytes int64) int64 {
	if format == spec.FormatLUKS {
		return luks.HeaderBytes + sizeBytes
	}
	return sizeBytes
}

// roundUp makes whole sectors of bytes.
func roundUp(n int64) int64 { return (n + 511) &^ 511 }
