package volume_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/volume"
)

type ctxT = context.Context

// scenario does one Operation of a kind on a rig that has a volume with a snapshot, and says what must
// hold when it succeeded and when it failed.
type scenario struct {
	run       func(r *rig, ctx ctxT, v *cloud.Volume, n *cloud.Snapshot) error
	succeeded func(r *rig, v *cloud.Volume, n *cloud.Snapshot) error
	failed    func(r *rig, v *cloud.Volume, n *cloud.Snapshot) error
}

var scenarios = map[string]scenario{
	"volume.create": {
		run: func(r *rig, ctx ctxT, _ *cloud.Volume, _ *cloud.Snapshot) error {
			_, err := r.CreateVolume(ctx, volume.CreateRequest{Name: "new", SizeGiB: 1, ImageID: r.image})
			return err
		},
		succeeded: func(r *rig, _ *cloud.Volume, _ *cloud.Snapshot) error {
			return r.check(r.named("new"), cloud.VolumeAvailable, true)
		},
		failed: func(r *rig, _ *cloud.Volume, _ *cloud.Snapshot) error {
			return r.check(r.named("new"), cloud.VolumeFailed, false)
		},
	},
	"volume.grow": {
		run:       func(r *rig, ctx ctxT, v *cloud.Volume, _ *cloud.Snapshot) error { return r.Grow(ctx, v.ID, 5) },
		succeeded: func(r *rig, v *cloud.Volume, _ *cloud.Snapshot) error { return r.sized(v.ID, 5) },
		// A growth that the host had done before the failure stays: row and host must agree.
		failed: func(r *rig, v *cloud.Volume, _ *cloud.Snapshot) error { return r.sized(v.ID, r.row(v.ID).SizeGiB) },
	},
	"volume.migrate": {
		run: func(r *rig, _ ctxT, v *cloud.Volume, _ *cloud.Snapshot) error {
			return r.Migrate(admin(), volume.MigrateRequest{ID: v.ID, Host: "one", Pool: "second", Lock: true})
		},
		succeeded: func(r *rig, v *cloud.Volume, _ *cloud.Snapshot) error {
			return r.lies(v.ID, "second", cloud.VolumeMoved)
		},
		failed: func(r *rig, v *cloud.Volume, _ *cloud.Snapshot) error {
			return r.lies(v.ID, "default", cloud.VolumeNotMoved)
		},
	},
	"volume.retype": {
		run: func(r *rig, ctx ctxT, v *cloud.Volume, _ *cloud.Snapshot) error {
			r.typed("other", "second")
			return r.Retype(ctx, volume.RetypeRequest{ID: v.ID, Type: "other", MayMove: true})
		},
		succeeded: func(r *rig, v *cloud.Volume, _ *cloud.Snapshot) error {
			if r.row(v.ID).TypeID == v.TypeID {
				return fmt.Errorf("a retyped volume has its old type")
			}
			return r.lies(v.ID, "second", cloud.VolumeMoved)
		},
		failed: func(r *rig, v *cloud.Volume, _ *cloud.Snapshot) error {
			if got := r.row(v.ID).TypeID; got != v.TypeID {
				return fmt.Errorf("a volume that was not retyped has type %q", got)
			}
			return r.lies(v.ID, "default", cloud.VolumeNotMoved)
		},
	},
	"volume.delete": {
		run: func(r *rig, ctx ctxT, v *cloud.Volume, _ *cloud.Snapshot) error {
			return r.Delete(ctx, volume.DeleteRequest{ID: v.ID})
		},
		succeeded: func(r *rig, v *cloud.Volume, _ *cloud.Snapshot) error {
			if _, there := r.host.Volume(v.ID); there || !r.gone(v.ID) {
				return fmt.Errorf("volume is still there")
			}
			return nil
		},
		failed: func(r *rig, v *cloud.Volume, _ *cloud.Snapshot) error {
			if s := r.row(v.ID).State; s != cloud.VolumeFailed {
				return fmt.Errorf("state %s", s)
			}
			if err := r.Delete(as("a"), volume.DeleteRequest{ID: v.ID}); err != nil { // and again
				return err
			}
			r.settled()
			if !r.gone(v.ID) {
				return fmt.Errorf("second delete did not work")
			}
			return nil
		},
	},
	"volume.upload_image": {
		run: func(r *rig, ctx ctxT, v *cloud.Volume, _ *cloud.Snapshot) error {
			_, i, err := r.UploadImage(ctx, volume.UploadRequest{VolumeID: v.ID, Name: "up"})
			if err == nil {
				r.uploaded = i.ID
			}
			return err
		},
		succeeded: func(r *rig, v *cloud.Volume, _ *cloud.Snapshot) error {
			i, err := r.db.Images.Get(context.Background(), r.uploaded)
			if err != nil || i.State != cloud.ImageActive {
				return fmt.Errorf("image %+v, %v", i, err)
			}
			return r.cleanUpload(v)
		},
		failed: func(r *rig, v *cloud.Volume, _ *cloud.Snapshot) error {
			if _, err := r.db.Images.Get(context.Background(), r.uploaded); !cloud.Is(err, cloud.NotFound) {
				return fmt.Errorf("the image of a failed upload is left: %v", err)
			}
			return r.cleanUpload(v)
		},
	},
	"snapshot.create": {
		run: func(r *rig, ctx ctxT, v *cloud.Volume, _ *cloud.Snapshot) error {
			_, err := r.CreateSnapshot(ctx, volume.SnapshotRequest{VolumeID: v.ID, Name: "new"})
			return err
		},
		succeeded: func(r *rig, _ *cloud.Volume, _ *cloud.Snapshot) error {
			return r.checkSnapshot(cloud.VolumeAvailable, true)
		},
		failed: func(r *rig, _ *cloud.Volume, _ *cloud.Snapshot) error {
			return r.checkSnapshot(cloud.VolumeFailed, false)
		},
	},
	"snapshot.copy": {
		run: func(r *rig, ctx ctxT, _ *cloud.Volume, n *cloud.Snapshot) error {
			_, err := r.CopySnapshot(ctx, n.ID, volume.SnapshotRequest{Name: "new"})
			return err
		},
		succeeded: func(r *rig, _ *cloud.Volume, _ *cloud.Snapshot) error {
			return r.checkSnapshot(cloud.VolumeAvailable, true)
		},
		failed: func(r *rig, _ *cloud.Volume, _ *cloud.Snapshot) error {
			return r.checkSnapshot(cloud.VolumeFailed, false)
		},
	},
	"snapshot.delete": {
		run: func(r *rig, ctx ctxT, _ *cloud.Volume, n *cloud.Snapshot) error {
			return r.DeleteSnapshot(ctx, n.ID, false)
		},
		succeeded: func(r *rig, _ *cloud.Volume, n *cloud.Snapshot) error {
			_, err := r.db.Snapshots.Get(context.Background(), n.ID)
			if _, there := r.host.Snapshot(string(n.ID)); there || !cloud.Is(err, cloud.NotFound) {
				return fmt.Errorf("snapshot is still there: %v", err)
			}
			return nil
		},
		failed: func(r *rig, _ *cloud.Volume, n *cloud.Snapshot) error {
			got, err := r.db.Snapshots.Get(context.Background(), n.ID)
			if err != nil || got.State != cloud.VolumeFailed {
				return fmt.Errorf("snapshot %+v, %v", got, err)
			}
			return nil
		},
	},
}

func (r *rig) named(name string) *cloud.Volume {
	v, err := r.db.Volumes.One(context.Background(), cloud.Eq("name", name))
	ok(r.t, err)
	return v
}

func (r *rig) check(v *cloud.Volume, state cloud.VolumeState, bytes bool) error {
	_, there := r.host.Volume(v.ID)
	if v.State != state || v.OperationID != "" || v.Task != "" || there != bytes {
		return fmt.Errorf("volume is %+v, bytes on the host: %t", v, there)
	}
	return nil
}

func (r *rig) sized(id cloud.VolumeID, gibs int) error {
	v := r.row(id)
	d, _ := r.host.Volume(id)
	if v.SizeGiB != gibs || d.SizeBytes != int64(gibs)*gib || v.Task != "" {
		return fmt.Errorf("volume has %d GiB (task %q), %d bytes on the host, want %d GiB", v.SizeGiB, v.Task, d.SizeBytes, gibs)
	}
	return nil
}

// typed makes a type whose volumes are on one pool.
func (r *rig) typed(name, pool string) *cloud.VolumeType {
	r.t.Helper()
	t, err := r.CreateType(admin(), cloud.VolumeType{Name: name, Public: true, ExtraSpecs: map[string]string{"volume_backend_name": pool}})
	ok(r.t, err)
	return t
}

// lies wants a volume at rest on a pool, in the row and on the host.
func (r *rig) lies(id cloud.VolumeID, pool string, move cloud.VolumeMove) error {
	v := r.row(id)
	if d, _ := r.host.Volume(id); d.Pool != pool || v.Pool != pool || v.Move != move || v.NextTypeID != "" {
		return fmt.Errorf("volume is %+v, its bytes on %s", v, d.Pool)
	}
	return r.check(v, cloud.VolumeAvailable, true)
}

func (r *rig) cleanUpload(v *cloud.Volume) error {
	if _, there := r.host.Snapshot(string(r.uploaded)); there || r.row(v.ID).Task != "" {
		return fmt.Errorf("left over: snapshot %t, task %q", there, r.row(v.ID).Task)
	}
	return nil
}

func (r *rig) checkSnapshot(state cloud.VolumeState, bytes bool) error {
	n, err := r.db.Snapshots.One(context.Background(), cloud.Eq("name", "new"))
	if err != nil {
		return err
	}
	_, there := r.host.Snapshot(string(n.ID))
	if n.State != state || n.OperationID != "" || there != bytes {
		return fmt.Errorf("snapshot is %+v, bytes on the host: %t", n, there)
	}
	return nil
}

// striker fails one point of one kind, once, and remembers that it did.
type striker struct {
	kind, step string
	forward    bool // there is no way back from it: it is tried again until it works
	after      bool
	err        error
	armed      atomic.Bool
	struck     atomic.Int32
}

func (s *striker) fault(_ context.Context, at operation.Point) error {
	if !s.armed.Load() || at.Undo || at.Kind != s.kind || at.Step != s.step || at.After != s.after || !s.struck.CompareAndSwap(0, 1) {
		return nil
	}
	return s.err
}

// prepared is a rig with a volume, its snapshot and an image.
func prepared(t *testing.T, s *striker) (*rig, *cloud.Volume, *cloud.Snapshot) {
	r, ctx := newRig(t, s.fault), as("a")
	r.image = r.activeImage(ctx).ID
	v := r.made(ctx, volume.CreateRequest{Name: "old", SizeGiB: 1})
	w := r.made(ctx, volume.CreateRequest{Name: "snapped", SizeGiB: 1})
	return r, v, r.snapped(ctx, w.ID)
}

// eachPoint runs f for every step of every kind of this package's, struck before and after it was done.
func eachPoint(t *testing.T, err error, f func(t *testing.T, s *striker, c scenario)) {
	probe := newRig(t)
	for name, k := range probe.engine.Kinds() {
		c, there := scenarios[name]
		if strings.HasPrefix(name, "image.") {
			continue // package image's, on the same engine
		}
		if !there {
			t.Errorf("operation %s has no scenario here", name)
			continue
		}
		for _, step := range k.Steps {
			for _, after := range []bool{false, true} {
				s := &striker{kind: name, step: step.Name, forward: step.Forward, after: after, err: err}
				t.Run(fmt.Sprintf("%s/%s/after=%t", name, step.Name, after), func(t *testing.T) {
					f(t, s, c)
					if s.struck.Load() != 1 {
						t.Fatal("the step this test is about was never struck")
					}
				})
			}
		}
	}
}

func TestEveryStepMayFailForGood(t *testing.T) {
	eachPoint(t, &cloud.Error{Kind: cloud.Internal, Message: "struck"}, func(t *testing.T, s *striker, c scenario) {
		r, v, n := prepared(t, s)
		s.armed.Store(true)
		ok(t, c.run(r, as("a"), v, n))
		r.settled()
		if s.forward {
			ok(t, c.succeeded(r, v, n))
			return
		}
		ok(t, c.failed(r, v, n))
	})
}

func TestEveryStepMayRunTwice(t *testing.T) {
	eachPoint(t, fmt.Errorf("a failure of the host"), func(t *testing.T, s *striker, c scenario) {
		r, v, n := prepared(t, s)
		s.armed.Store(true)
		ok(t, c.run(r, as("a"), v, n))
		r.settled()
		ok(t, c.succeeded(r, v, n))
	})
}

func TestTheProcessMayDieAtEveryStep(t *testing.T) {
	eachPoint(t, operation.ErrDead, func(t *testing.T, s *striker, c scenario) {
		r, v, n := prepared(t, s)
		s.armed.Store(true)
		ok(t, c.run(r, as("a"), v, n))
		eventually(t, "the process dies", func() bool { return s.struck.Load() == 1 })
		r.stop()
		r.start(nil, r.bytes) // another process, same rows, same host
		ok(t, r.images.Recover(t.Context()))
		r.engine.Nudge()
		r.settled()
		ok(t, c.succeeded(r, v, n))
	})
}
