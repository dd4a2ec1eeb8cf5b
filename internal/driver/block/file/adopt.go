package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// AdoptVolume implements agent.Block.
func (d *Driver) AdoptVolume(_ context.Context, id spec.VolumeID, pool, name string) error {
	return d.adoptLoose(volumesDir, string(id), pool, name)
}

// AdoptSnapshot implements agent.Block.
func (d *Driver) AdoptSnapshot(_ context.Context, id spec.SnapshotID, pool, name string) error {
	return d.adoptLoose(snapshotsDir, string(id), pool, name)
}

func (d *Driver) adoptLoose(kind, id, pool, name string) error {
	if err := errors.Join(checkID(id), spec.CheckLooseName(name), d.checkPool(pool)); err != nil {
		return err
	}
	dir := filepath.Join(looseDir, kind)
	defer d.locks.lock(kind, id)()
	defer d.locks.lock(dir, name)()
	if o, err := d.load(kind, id); err == nil {
		return d.dropLooseName(dir, name, o)
	}
	l, err := d.inspectLoose(dir, name)
	if err != nil {
		return fmt.Errorf("adopt %s: %w", name, err)
	}
	if l.isFile {
		return d.adoptLooseFile(dir, name, kind, id, l)
	}
	return d.move(dir, name, kind, id)
}

// adoptLooseFile gives a file its second name in a whole object before it takes the first away: so it is never without one.
func (d *Driver) adoptLooseFile(dir, name, kind, id string, l loose) error {
	tmp, err := d.newTmp()
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	o := object{dir: tmp, diskFormat: l.diskFormat}
	if err := os.Link(d.path(dir, name), o.disk()); err != nil {
		return missingIfGone(diskError(err))
	}
	if err := own(o.disk(), 0o600); err != nil {
		return err
	}
	if err := d.publish(tmp, kind, id); err != nil {
		return err
	}
	o.dir = d.path(kind, id)
	return d.dropLooseName(dir, name, o)
}

// own makes a file that was another's ours alone, for good.
func own(path string, mode os.FileMode) error {
	if os.Geteuid() == 0 {
		if err := os.Chown(path, 0, 0); err != nil {
			return err
		}
	}
	if err := os.Chmod(path, mode); err != nil {
		return err
	}
	return syncPath(path)
}

// dropLooseName takes the loose name away from a file that is an object's disk now; another file of that name stays.
func (d *Driver) dropLooseName(dir, name string, o object) error {
	old, err := os.Lstat(d.path(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if disk, err := os.Lstat(o.disk()); err != nil || !os.SameFile(old, disk) {
		return err
	}
	if err := os.Remove(d.path(dir, name)); err != nil {
		return err
	}
	return syncPath(d.path(dir))
}

// move gives a directory another kind and name, durably, by one rename.
func (d *Driver) move(kind, id, toKind, toID string) error {
	if err := os.Rename(d.path(kind, id), d.path(toKind, toID)); err != nil {
		return diskError(err)
	}
	return errors.Join(syncPath(d.path(toKind)), syncPath(d.path(kind)))
}

// ReleaseVolume implements agent.Block.
func (d *Driver) ReleaseVolume(_ context.Context, id spec.VolumeID, name string) error {
	return d.release(volumesDir, string(id), name, "")
}

// ReleaseSnapshot implements agent.Block.
func (d *Driver) ReleaseSnapshot(_ context.Context, s spec.Snapshot, name string) error {
	return d.release(snapshotsDir, string(s.ID), name, s.Volume)
}

func (d *Driver) release(kind, id, name string, of spec.VolumeID) error {
	if err := errors.Join(checkID(id), spec.CheckLooseName(name)); err != nil {
		return err
	}
	dir := filepath.Join(looseDir, kind)
	defer d.locks.lock(kind, id)()
	defer d.locks.lock(dir, name)()
	o, err := d.load(kind, id)
	if err != nil {
		return err
	}
	if o.diskFormat == spec.FormatLUKS {
		return fmt.Errorf("release %s: encrypted, and its key would be lost: %w", id, spec.ErrNotSupported)
	}
	if _, err := os.Lstat(d.path(dir, name)); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("loose disk %s: %w", name, spec.ErrExists), err)
	}
	if err := noteForOthers(o, of); err != nil {
		return diskError(err)
	}
	return d.move(kind, id, dir, name)
}

// noteForOthers leaves in a directory what helps whoever adopts it, and takes out what only meant something here.
func noteForOthers(o object, of spec.VolumeID) error {
	if err := os.Remove(filepath.Join(o.dir, generationFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if of == "" {
		return nil
	}
	return os.WriteFile(filepath.Join(o.dir, ofFile), []byte(of), 0o600)
}
