package testcloud_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/testcloud"
	"github.com/nubo-cloud/nubo/internal/volume"
)

// moveStage is an instance that boots from a volume and has another beside it.
func moveStage(t *testing.T) *stage {
	c := testcloud.New(t, testcloud.Options{Hosts: 1})
	s := &stage{t: t, c: c, n: c.Tenant(t)}
	r := s.n.Request("one")
	r.Disks = []compute.DiskRequest{{Source: "image", SourceID: string(r.Image), SizeGiB: 1, Volume: true}}
	s.in = s.n.Create(r)
	s.v = s.n.Volume(1)
	_, err := s.compute().AttachVolume(s.n.Context(), s.in.ID, compute.AttachRequest{Volume: s.v.ID})
	s.done(err)
	return s
}

func (s *stage) move(id cloud.VolumeID, pool string) error {
	return s.volume().Migrate(s.c.Admin(), volume.MigrateRequest{ID: id, Host: s.hostName(), Pool: pool})
}

// TestAttachedVolumesMove proves that the volumes of an instance, that of its root too, go to another pool and back whatever its guest is
// doing, and that neither the instance nor the attachment is another afterwards.
func TestAttachedVolumesMove(t *testing.T) {
	s := moveStage(t)
	root := s.in.Disks[0].VolumeID
	for name, set := range map[string]struct {
		begin func(*stage) error
		end   func(*stage) error
		power cloud.Power
	}{
		"running": {func(*stage) error { return nil }, func(*stage) error { return nil }, cloud.PowerOn},
		"paused":  {pause, byID(func(s *compute.Service, c ctx, id cloud.InstanceID) error { return s.UnpauseInstance(c, id) }), cloud.PowerPaused},
		"stopped": {stop, byID(func(s *compute.Service, c ctx, id cloud.InstanceID) error { return s.StartInstance(c, id) }), cloud.PowerOff},
		"suspended": {suspend, byID(func(s *compute.Service, c ctx, id cloud.InstanceID) error { return s.ResumeInstance(c, id) }),
			cloud.PowerSuspended},
	} {
		s.done(set.begin(s))
		for range 2 {
			for _, id := range []cloud.VolumeID{root, s.v.ID} {
				before, pool := s.attachment(id), otherPool(s.row(id))
				s.done(s.move(id, pool))
				v := s.row(id)
				if v.State != cloud.VolumeAttached || v.Pool != pool || v.Move != cloud.VolumeMoved || v.Task != "" {
					t.Errorf("%s: volume is %s on %s (%s), with task %q: %+v", name, v.State, v.Pool, v.Move, v.Task, v.Fault)
				}
				if after := s.attachment(id); after.ID != before.ID || after.State != before.State || after.Device != before.Device {
					t.Errorf("%s: attachment is %+v, was %+v", name, after, before)
				}
			}
		}
		if in := s.c.Instance(t, s.in.ID); in.Phase != cloud.PhaseReady || in.Power != set.power || in.OperationID != "" {
			t.Errorf("%s: instance is %s, %s", name, in.Phase, in.Power)
		}
		s.done(set.end(s))
	}
	sound(t, s.c, 1)
}

func (s *stage) row(id cloud.VolumeID) *cloud.Volume {
	s.t.Helper()
	v, err := s.volume().Volume(s.n.Context(), id)
	s.must(err)
	return v
}

func (s *stage) attachment(id cloud.VolumeID) *cloud.Attachment {
	s.t.Helper()
	all, err := s.volume().AttachmentsOf(s.n.Context(), []cloud.VolumeID{id})
	s.must(err)
	if len(all[id]) != 1 {
		s.t.Fatalf("attachments %+v", all)
	}
	return all[id][0]
}

// TestInstanceWaitsForItsVolume proves that while a volume moves what would disturb it is refused, with the reason, but for
// deleting the instance; and that a volume whose instance is busy does not move.
func TestInstanceWaitsForItsVolume(t *testing.T) {
	s := moveStage(t)
	var held atomic.Value
	held.Store("volume.migrate")
	s.c.Fault(func(_ context.Context, at operation.Point) error {
		if at.Kind == held.Load() && !at.Undo {
			return errors.New("not yet")
		}
		return nil
	})
	first, second := s.v.Pool, otherPool(s.v)
	s.must(s.move(s.v.ID, second))
	for what, do := range map[string]func(*stage) error{
		"stop": stop, "pause": pause, "suspend": suspend, "shelve": shelve, "migrate": migrate, "resize": resize, "rescue": rescue,
		"live migrate": func(s *stage) error { return s.compute().MigrateLive(s.c.Admin(), s.in.ID, "") },
		"image": func(s *stage) error {
			_, err := s.compute().CreateImage(s.n.Context(), s.in.ID, "snap", nil)
			return err
		},
		"detach": func(s *stage) error { return s.compute().DetachVolume(s.n.Context(), s.in.ID, s.v.ID) },
		"swap": func(s *stage) error {
			return s.compute().SwapVolume(s.c.Admin(), s.in.ID, s.v.ID, s.in.Disks[0].VolumeID)
		},
	} {
		if err := do(s); !cloud.Is(err, cloud.WrongState) || !strings.Contains(err.Error(), "is being moved to another pool") {
			t.Errorf("%s while a volume moves: %v", what, err)
		}
	}
	held.Store("")
	s.c.Settle(t)
	held.Store("instance.stop")
	s.must(stop(s))
	if err := s.move(s.v.ID, first); !cloud.Is(err, cloud.WrongState) || !strings.Contains(err.Error(), string(s.in.ID)) {
		t.Errorf("a move of a volume whose instance is busy: %v", err)
	}
	held.Store("")
	s.c.Settle(t)
	held.Store("volume.migrate")
	s.must(s.move(s.v.ID, first))
	s.must(s.compute().DeleteInstance(s.n.Context(), s.in.ID))
	held.Store("")
	s.c.Settle(t)
	if v := s.row(s.v.ID); v.State != cloud.VolumeAvailable || v.Pool != first {
		t.Errorf("volume is %+v", v)
	}
	w := &world{t: t, c: s.c, n: s.n}
	w.lookAgain()
	w.report("after it was deleted", append(s.c.Leftovers(), s.c.Disagreements()...))
}
