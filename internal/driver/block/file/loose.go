package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/nubo-cloud/nubo/internal/imageformat"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// looseDir holds what is nobody's, by kind and name: a directory that was an object of ours, or a file that an operator put there.
const looseDir = "loose"

// kindDirs are where objects lie; below looseDir the same names are used.
var kindDirs = map[spec.DiskKind]string{spec.DiskVolume: volumesDir, spec.DiskSnapshot: snapshotsDir}

// ofFile notes, in a loose snapshot, the volume it was taken of. It is a hint: losing it harms nothing.
const ofFile = "of"

// loose is what was found under a name in looseDir.
type loose struct {
	object    // of a directory; of a file only the format
	isFile    bool
	sizeBytes int64
}

// ListLoose implements agent.Block.
func (d *Driver) ListLoose(_ context.Context, pool string, kind spec.DiskKind) ([]spec.LooseDisk, error) {
	if err := d.checkPool(pool); err != nil {
		return nil, err
	}
	dir := filepath.Join(looseDir, kindDirs[kind])
	entries, err := os.ReadDir(d.path(dir))
	if err != nil {
		return nil, err
	}
	var disks []spec.LooseDisk
	for _, e := range entries {
		if spec.CheckLooseName(e.Name()) != nil {
			continue
		}
		l, err := d.inspectLoose(dir, e.Name())
		if errors.Is(err, spec.ErrMissing) {
			continue // adopted or removed since
		}
		disks = append(disks, spec.LooseDisk{Name: e.Name(), Format: l.diskFormat, SizeBytes: l.sizeBytes,
			Of: readOf(d.path(dir, e.Name())), Unfit: unfit(err)})
	}
	return disks, nil
}

func (d *Driver) checkPool(name string) error {
	if name != "" && name != d.name {
		return fmt.Errorf("%w: pool %q is not %q", spec.ErrInvalid, name, d.name)
	}
	return nil
}

// unfit is why a disk cannot be adopted, without the paths that other errors name.
func unfit(err error) string {
	var refused *imageformat.Refusal
	switch {
	case err == nil:
		return ""
	case errors.As(err, &refused):
		return refused.Sentence
	default:
		return "It cannot be read, or is damaged."
	}
}

func refuse(format string, args ...any) error {
	return &imageformat.Refusal{Sentence: fmt.Sprintf(format, args...)}
}

func readOf(path string) spec.VolumeID {
	b, err := os.ReadFile(filepath.Join(path, ofFile))
	if id := spec.VolumeID(b); err == nil && checkID(id) == nil {
		return id
	}
	return ""
}

// inspectLoose judges a loose disk before anything of ours, or a guest, opens it.
func (d *Driver) inspectLoose(dir, name string) (loose, error) {
	info, err := os.Lstat(d.path(dir, name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return loose{}, fmt.Errorf("loose disk %s: %w", name, spec.ErrMissing)
	case err != nil:
		return loose{}, err
	case info.IsDir():
		return d.inspectLooseDir(dir, name)
	case info.Mode().IsRegular():
		return inspectLooseFile(d.path(dir, name))
	default:
		return loose{}, refuse("It is neither a file nor a volume that was let go of.")
	}
}

// inspectLooseFile finds out what a file is. One with a second name could be written to by that name.
func inspectLooseFile(path string) (loose, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return loose{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return loose{}, err
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok && s.Nlink != 1 {
		return loose{}, refuse("The file has other names (hard links); copy it instead.")
	}
	if info.Size() == 0 {
		return loose{}, refuse("The file is empty.")
	}
	found, err := imageformat.Inspect(f, info.Size())
	if err != nil {
		return loose{}, err
	}
	l := loose{isFile: true, sizeBytes: found.VirtualBytes, object: object{diskFormat: found.Format}}
	switch found.Format {
	case spec.FormatISO:
		l.diskFormat = spec.FormatRaw
	case spec.FormatRaw, spec.FormatQCOW2:
	default:
		return l, refuse("The file is a %s image; convert it to raw or qcow2 first.", found.Format)
	}
	return l, nil
}

// inspectLooseDir judges a directory as strictly as if we had never seen it: an operator may have been there.
func (d *Driver) inspectLooseDir(dir, name string) (loose, error) {
	if err := checkLooseEntries(d.path(dir, name)); err != nil {
		return loose{}, err
	}
	o, err := d.load(dir, name)
	if err != nil {
		return loose{}, err
	}
	if err := checkLooseFormats(o); err != nil {
		return loose{object: o}, err
	}
	if err := errors.Join(o.checkOverlay(), checkLooseBase(o)); err != nil {
		return loose{object: o}, err
	}
	virtual, _, err := o.sizes()
	return loose{object: o, sizeBytes: virtual}, err
}

// checkLooseEntries wants one disk, at most one base, and nothing but files.
func checkLooseEntries(path string) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	var disks, bases int
	for _, e := range entries {
		switch {
		case !e.Type().IsRegular():
			return refuse("There is something else than files in it.")
		case strings.HasPrefix(e.Name(), diskPrefix):
			disks++
		case strings.HasPrefix(e.Name(), basePrefix):
			bases++
		}
	}
	if disks != 1 || bases > 1 {
		return refuse("It does not hold exactly one disk.")
	}
	return nil
}

func checkLooseFormats(o object) error {
	plain := []spec.Format{spec.FormatRaw, spec.FormatQCOW2}
	switch {
	case !slices.Contains(plain, o.diskFormat):
		return refuse("Its disk is %s; only raw and qcow2 can be adopted.", o.diskFormat)
	case o.baseFormat == "":
		return nil
	case o.diskFormat != spec.FormatQCOW2 || !slices.Contains(plain, o.baseFormat):
		return refuse("Its disk cannot lie over another file.")
	}
	return nil
}

// checkLooseBase refuses a base that would make a tool or guest open a third file.
func checkLooseBase(o object) error {
	if o.baseFormat != spec.FormatQCOW2 {
		return nil
	}
	return checkQCOW2(o.base(), "")
}
