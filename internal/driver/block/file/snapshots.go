package file

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// EnsureSnapshot implements agent.Block.
func (d *Driver) EnsureSnapshot(ctx context.Context, s spec.Snapshot) error {
	unlock, done, err := d.beginSnapshot(s)
	if err != nil {
		return err
	}
	defer unlock()
	if done {
		return nil
	}
	from, err := d.load(volumesDir, string(s.Volume))
	if err != nil {
		return fmt.Errorf("snapshot %s: %w", s.ID, err)
	}
	tmp, err := d.newTmp()
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := d.copyObject(ctx, from, tmp); err != nil {
		return fmt.Errorf("snapshot %s: %w", s.ID, diskError(err))
	}
	return d.publish(tmp, snapshotsDir, string(s.ID))
}

// beginSnapshot checks the ids, locks the snapshot and tells whether it is there already.
func (d *Driver) beginSnapshot(s spec.Snapshot) (unlock func(), done bool, err error) {
	if err := errors.Join(checkID(s.ID), checkID(s.Volume)); err != nil {
		return nil, false, err
	}
	if err := d.checkPool(s.Pool); err != nil {
		return nil, false, fmt.Errorf("snapshot %s: %w", s.ID, err)
	}
	unlock = d.locks.lock(snapshotsDir, string(s.ID))
	_, err = d.load(snapshotsDir, string(s.ID))
	return unlock, err == nil, nil
}

// PrepareSnapshot implements agent.Block. An unfinished target of the same id is
// begun again, empty. If the snapshot itself is there already it is
// spec.ErrExists: whoever repeats the call has finished.
func (d *Driver) PrepareSnapshot(ctx context.Context, s spec.Snapshot) (spec.BlockSource, error) {
	unlock, done, err := d.beginSnapshot(s)
	if err != nil {
		return spec.BlockSource{}, err
	}
	defer unlock()
	if done {
		return spec.BlockSource{}, fmt.Errorf("snapshot %s: %w", s.ID, spec.ErrExists)
	}
	if err := d.discard(preparedDir, string(s.ID)); err != nil {
		return spec.BlockSource{}, err
	}
	if err := d.prepare(s); err != nil {
		return spec.BlockSource{}, fmt.Errorf("snapshot %s: %w", s.ID, diskError(err))
	}
	o, err := d.load(preparedDir, string(s.ID))
	return o.source(), err
}

func (d *Driver) prepare(s spec.Snapshot) error {
	from, err := d.load(volumesDir, string(s.Volume))
	if err != nil {
		return err
	}
	virtual, _, err := from.sizes()
	if err != nil {
		return missingIfGone(err)
	}
	tmp, err := d.newTmp()
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := d.fillLike(from, tmp, virtual); err != nil {
		return err
	}
	return d.publish(tmp, preparedDir, string(s.ID))
}

// fillLike makes an empty disk with the format and base of another. A qcow2 disk without a
// base becomes raw: it reads the same.
func (d *Driver) fillLike(from object, dir string, sizeBytes int64) error {
	if from.baseFormat != "" {
		return d.fillOverlay(from, dir, sizeBytes)
	}
	format := spec.FormatRaw
	if from.diskFormat == spec.FormatLUKS {
		format = from.diskFormat
	}
	to := object{dir: dir, diskFormat: format}
	return makeDisk(to.disk(), func(f *os.File) error { return f.Truncate(fileBytes(format, sizeBytes)) })
}

// CommitSnapshot implements agent.Block. It takes the file back from the user that the hypervisor gave it to.
func (d *Driver) CommitSnapshot(_ context.Context, id spec.SnapshotID) error {
	if err := checkID(id); err != nil {
		return err
	}
	defer d.locks.lock(snapshotsDir, string(id))()
	if _, err := d.load(snapshotsDir, string(id)); err == nil {
		return nil
	}
	o, err := d.load(preparedDir, string(id))
	if err != nil {
		return fmt.Errorf("snapshot %s was not prepared: %w", id, spec.ErrMissing)
	}
	if err := own(o.disk(), 0o400); err != nil {
		return err
	}
	return d.publish(o.dir, snapshotsDir, string(id))
}

// RemoveSnapshot implements agent.Block, for prepared ones too.
func (d *Driver) RemoveSnapshot(_ context.Context, id spec.SnapshotID) error {
	if err := checkID(id); err != nil {
		return err
	}
	defer d.locks.lock(snapshotsDir, string(id))()
	return errors.Join(d.discard(preparedDir, string(id)), d.discard(snapshotsDir, string(id)))
}
