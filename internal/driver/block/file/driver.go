package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/imageformat"
	"github.com/nubo-cloud/nubo/internal/spec"
)

var _ agent.Block = (*Driver)(nil)

// Options say where a Driver keeps its files.
type Options struct {
	// Dir is made if it is not there. One Driver at a time may use it.
	Dir string
	// Name is the pool's; empty means "default".
	Name string
	// Limits bound the images that are taken in; zero values mean imageformat's defaults.
	Limits imageformat.Limits
	// ToolUID is who the tools run as when we are root; 0 means 65534 (nobody).
	ToolUID int
	Logger  *slog.Logger
}

// Driver implements agent.Block on a directory. It is safe for use from several goroutines.
type Driver struct {
	dir     string
	name    string
	limits  imageformat.Limits
	toolUID int
	log     *slog.Logger
	reflink bool
	locks   locks
	counter atomic.Int64 // makes names in tmp unique
}

// The directories below Dir.
const (
	imagesDir    = "images"
	volumesDir   = "volumes"
	snapshotsDir = "snapshots"
	preparedDir  = "prepared"
	tmpDir       = "tmp"
)

// New opens a directory, and sweeps what an earlier Driver left half made. It
// must not be called while another Driver works on the same directory.
func New(o Options) (*Driver, error) {
	d := &Driver{dir: o.Dir, name: o.Name, limits: o.Limits, toolUID: o.ToolUID, log: o.Logger}
	if d.name == "" {
		d.name = "default"
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	if d.toolUID == 0 {
		d.toolUID = 65534
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	d.dir = dir
	if err := d.layOut(); err != nil {
		return nil, fmt.Errorf("block pool %s: %w", d.name, err)
	}
	d.reflink = d.probeReflink()
	return d, nil
}

// layOut makes the directories and empties those that hold only unfinished work.
// A prepared snapshot does not survive: its copy is begun again from PrepareSnapshot.
func (d *Driver) layOut() error {
	for _, name := range []string{tmpDir, preparedDir} {
		if err := os.RemoveAll(filepath.Join(d.dir, name)); err != nil {
			return err
		}
	}
	for _, name := range []string{"", imagesDir, volumesDir, snapshotsDir, preparedDir, tmpDir,
		looseDir, filepath.Join(looseDir, volumesDir), filepath.Join(looseDir, snapshotsDir)} {
		path := filepath.Join(d.dir, name)
		if err := os.MkdirAll(path, 0o711); err != nil {
			return err
		}
		// QEMU runs as other users: they may pass through, not look around.
		if err := os.Chmod(path, 0o711); err != nil {
			return err
		}
	}
	return syncPath(d.dir)
}

// Pools implements agent.Block.
func (d *Driver) Pools(context.Context) ([]spec.Pool, error) {
	p, err := d.pool()
	return []spec.Pool{p}, err
}

// pool tells the size of the file system. What others keep on it counts as used.
func (d *Driver) pool() (spec.Pool, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(d.dir, &s); err != nil {
		return spec.Pool{}, fmt.Errorf("size of %s: %w", d.dir, err)
	}
	total := int64(s.Blocks) * s.Bsize
	return spec.Pool{Name: d.name, Driver: "file", TotalBytes: total, UsedBytes: total - int64(s.Bavail)*s.Bsize}, nil
}

// Inventory lists what is whole; what is half made is in tmp, and no longer there after a restart.
func (d *Driver) Inventory(context.Context) (agent.BlockInventory, error) {
	var i agent.BlockInventory
	images, err1 := os.ReadDir(d.path(imagesDir))
	volumes, err2 := os.ReadDir(d.path(volumesDir))
	snapshots, err3 := os.ReadDir(d.path(snapshotsDir))
	for _, e := range images {
		i.Images = append(i.Images, spec.ImageID(e.Name()))
	}
	for _, e := range volumes {
		i.Volumes = append(i.Volumes, spec.VolumeID(e.Name()))
	}
	for _, e := range snapshots {
		i.Snapshots = append(i.Snapshots, spec.SnapshotID(e.Name()))
	}
	return i, errors.Join(err1, err2, err3)
}

func (d *Driver) path(parts ...string) string {
	return filepath.Join(append([]string{d.dir}, parts...)...)
}

// safeID are the ids that may become names of directories.
var safeID = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127}$`)

func checkID[T ~string](id T) error {
	if !safeID.MatchString(string(id)) {
		return fmt.Errorf("%w: id %q", spec.ErrInvalid, string(id))
	}
	return nil
}

// newTmp makes an empty directory in tmp.
func (d *Driver) newTmp() (string, error) {
	path := d.path(tmpDir, strconv.FormatInt(d.counter.Add(1), 10))
	if err := os.Mkdir(path, 0o711); err != nil {
		return "", diskError(err)
	}
	return path, os.Chmod(path, 0o711)
}

// publish makes a directory in tmp the object of that kind and id, durably.
// Files in it have been synced.
func (d *Driver) publish(tmp, kind, id string) error {
	if err := syncPath(tmp); err != nil {
		return err
	}
	if err := os.Rename(tmp, d.path(kind, id)); err != nil {
		return diskError(err)
	}
	return syncPath(d.path(kind))
}

// discard makes an object vanish by one rename and then frees its bytes. It
// succeeds if there is none.
func (d *Driver) discard(kind, id string) error {
	tmp := d.path(tmpDir, strconv.FormatInt(d.counter.Add(1), 10))
	err := os.Rename(d.path(kind, id), tmp)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return diskError(err)
	}
	if err := syncPath(d.path(kind)); err != nil {
		return err
	}
	return os.RemoveAll(tmp)
}

// syncPath makes a directory's or file's content durable.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return diskError(f.Sync())
}

// diskError gives the kernel's word for a full disk the agent's meaning.
func diskError(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EMLINK) || errors.Is(err, syscall.EFBIG) {
		return fmt.Errorf("%w: %w", spec.ErrNoSpace, err)
	}
	return err
}
