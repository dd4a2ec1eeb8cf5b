package testcloud_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/store/pgtest"
	"github.com/nubo-cloud/nubo/internal/testcloud"
	"github.com/nubo-cloud/nubo/internal/volume"
)

var (
	seedFlag    = flag.Uint64("seed", 0, "run the chaos test with this seed alone")
	verboseFlag = flag.Bool("chaos-log", false, "show the daemon's log of chaos tests")
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// seeds is how many scenarios each chaos test runs: NUBO_SEEDS, or few for the quick loop.
func seeds(t *testing.T, share int) (first, n uint64) {
	if *seedFlag > 0 {
		return *seedFlag, 1
	}
	all := uint64(300)
	if s := os.Getenv("NUBO_SEEDS"); s != "" {
		var err error
		if all, err = strconv.ParseUint(s, 10, 32); err != nil {
			t.Fatalf("NUBO_SEEDS=%q is no number", s)
		}
	}
	return 1, max(1, all*uint64(share)/100)
}

// The daemon is killed at a random point of a random scenario on hosts that fail at random; the next one
// finishes what was begun: nothing hangs, nothing is lost, guests that nobody touched never stop, and when
// everything is deleted nothing is left. SQLite takes most of the seeds, as PostgreSQL is ten times slower.
func TestChaosSQLite(t *testing.T) {
	chaosTest(t, testcloud.Options{Hosts: 2}, 47)
}

func TestChaosSQLiteSharedPool(t *testing.T) {
	chaosTest(t, testcloud.Options{Hosts: 3, SharedPool: true}, 47)
}

func TestChaosPostgreSQL(t *testing.T) {
	chaosTest(t, testcloud.Options{Hosts: 2, SharedPool: true, Database: pgtest.Start(t)}, 6)
}

// worldSeeds is after how many seeds a new cloud is made: what has ended stays as history and slows the old one down.
const worldSeeds = 400

func chaosTest(t *testing.T, o testcloud.Options, share int) {
	t.Parallel()
	first, n := seeds(t, share)
	if *verboseFlag {
		o.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	began := time.Now()
	var w *world
	for seed := first; seed < first+n; seed++ {
		if (seed-first)%worldSeeds == 0 {
			w = w.next(t, o)
		}
		if !w.run(seed) {
			t.Fatalf("seed %d failed after %d that did not. To see it again: go test ./internal/testcloud -run '%s$' -seed %d -chaos-log", seed, seed-first, t.Name(), seed)
		}
	}
	t.Logf("%d seeds, %.0f a second; %d deaths at a step, %d at a commit, %d between", n, float64(n)/time.Since(began).Seconds(),
		w.deaths[0], w.deaths[1], w.deaths[2])
}

// world is a cloud with a tenant that things happen to and one to whom nothing may happen.
type world struct {
	t         *testing.T
	c         *testcloud.Cloud
	n         *testcloud.Tenant
	bystander cloud.InstanceID
	since     time.Time
	deaths    [3]int

	r       *rand.Rand
	rescue  cloud.ImageID
	history []string
}

// next is a new world in the place of w, whose deaths still count. A database of its own is a new one only in memory.
func (w *world) next(t *testing.T, o testcloud.Options) *world {
	if w == nil {
		return newWorld(t, o)
	}
	if o.Database != "" {
		return w
	}
	w.c.Close()
	fresh := newWorld(t, o)
	fresh.deaths = w.deaths
	return fresh
}

func newWorld(t *testing.T, o testcloud.Options) *world {
	w := &world{t: t, c: testcloud.New(t, o)}
	other := w.c.Tenant(t)
	w.bystander = other.Create(other.Request("bystander")).ID
	w.n = w.c.Tenant(t)
	status, _ := w.c.Guest(w.bystander)
	w.since = status.StartedAt
	return w
}

// run is one seed. It answers false when something was wrong.
func (w *world) run(seed uint64) (ok bool) {
	w.r, w.history = rand.New(rand.NewPCG(seed, 1)), nil
	defer func() {
		if ok = !w.t.Failed(); !ok {
			for _, h := range w.history {
				w.t.Log(h)
			}
		}
	}()
	w.c.Faults.Set(seed, []float64{0, 0.03, 0.1}[w.r.IntN(3)])
	at := w.arm()
	w.scenario()
	if struck := w.c.Strike.Never(); !struck {
		at = 2
	}
	w.deaths[at]++
	w.c.Restart()
	w.note("restarted")
	w.c.Settle(w.t)
	w.c.Faults.Set(0, 0)
	w.lookAgain()
	w.report("after the restart", append(w.c.Leftovers(), w.c.Disagreements()...))
	w.c.Faults.Set(seed, 0.03)
	w.n.DeleteAll()
	w.c.Faults.Set(0, 0)
	w.lookAgain()
	w.report("when all was deleted", append(w.c.Leftovers(), w.c.Disagreements()...))
	w.empty()
	status, running := w.c.Guest(w.bystander)
	if !running || !status.StartedAt.Equal(w.since) {
		w.t.Errorf("the guest that nobody touched was stopped: %+v", status)
	}
	return
}

// arm chooses where the daemon dies.
func (w *world) arm() (at int) {
	switch at = w.r.IntN(5) / 2; at {
	case 0:
		n := 1 + w.r.IntN(20)
		w.c.Strike.AtPoint(n)
		w.note("to die at point %d", n)
	case 1:
		n, after := 1+w.r.IntN(40), w.r.IntN(2) == 0
		w.c.Strike.AtCommit(n, after)
		w.note("to die at commit %d, after it: %t", n, after)
	}
	return at
}

// lookAgain does what time would: every host is compared with what is wanted.
func (w *world) lookAgain() {
	w.t.Helper()
	s := w.c.Services()
	for _, id := range s.Fleet.IDs() {
		if err := s.Network.SyncHost(w.c.Admin(), id); err != nil {
			w.t.Errorf("sync networks of host %s: %v", id, err)
		}
		if err := s.Compute.SyncHost(w.c.Admin(), id); err != nil {
			w.t.Errorf("sync guests of host %s: %v", id, err)
		}
	}
	testcloud.Eventually(w.t, "networks are at rest", s.Network.Idle)
	w.c.Check(w.t)
	testcloud.Eventually(w.t, "networks are at rest", s.Network.Idle)
}

func (w *world) note(format string, args ...any) {
	w.history = append(w.history, fmt.Sprintf(format, args...))
}

func (w *world) report(when string, wrong []string) {
	w.t.Helper()
	for _, s := range wrong {
		w.t.Errorf("%s: %s", when, s)
	}
}

// empty checks that the tenant has no row left.
func (w *world) empty() {
	w.t.Helper()
	mine := cloud.Eq("project_id", string(w.n.Project))
	for name, count := range map[string]func(context.Context, ...cloud.Cond) (int64, error){
		"instances": w.c.Store.Instances.Count, "volumes": w.c.Store.Volumes.Count, "snapshots": w.c.Store.Snapshots.Count,
		"attachments": w.c.Store.Attachments.Count, "groups": w.c.Store.VolumeGroups.Count, "group snapshots": w.c.Store.GroupSnapshots.Count,
	} {
		if n, err := count(context.Background(), mine); err != nil || n > 0 {
			w.t.Errorf("%d %s left, %v", n, name, err)
		}
	}
	if n, err := w.c.Store.Ports.Count(context.Background(), mine, cloud.Eq("owner", string(cloud.OwnerInstance))); err != nil || n > 0 {
		w.t.Errorf("%d ports left, %v", n, err)
	}
}

// scenario is a few random requests, some waited for.
func (w *world) scenario() {
	w.do("create instance", w.create)
	if w.r.IntN(2) == 0 {
		w.do("create volume", w.createVolume)
	}
	if w.r.IntN(4) > 0 {
		w.c.Settle(w.t)
	}
	for range 2 + w.r.IntN(6) {
		v := verbs[w.r.IntN(len(verbs))]
		w.do(v.name, func() error { return v.do(w) })
		if w.r.IntN(2) == 0 {
			w.c.Settle(w.t)
		}
		if w.c.Dead() {
			return
		}
	}
}

// do asks for something. It may be refused for a reason, but must not fail.
func (w *world) do(name string, f func() error) {
	w.t.Helper()
	err := f()
	w.note("%s: %v", name, err)
	if err == nil || w.c.Dead() {
		return
	}
	if !slices.Contains([]cloud.Kind{cloud.WrongState, cloud.InUse, cloud.Invalid, cloud.NotFound, cloud.NoCapacity, cloud.QuotaExceeded,
		cloud.AlreadyExists, cloud.Forbidden, cloud.Unsupported}, cloud.KindOf(err)) {
		w.t.Errorf("%s: %v (%s)", name, err, cloud.KindOf(err))
	}
}

func (w *world) create() error {
	r := w.n.Request("guest")
	switch w.r.IntN(4) {
	case 0: // from a volume
		r.Image = ""
		r.Disks = []compute.DiskRequest{{Source: "image", SourceID: string(w.n.Image), SizeGiB: 1, Volume: true, DeleteWithInstance: w.r.IntN(2) == 0}}
	case 1: // with a volume
		r.Disks = []compute.DiskRequest{{Source: "blank", SizeGiB: 1, Volume: true, BootIndex: -1, DeleteWithInstance: w.r.IntN(2) == 0}}
	}
	_, err := w.c.Services().Compute.CreateInstance(w.n.Context(), r)
	return err
}

func (w *world) createVolume() error {
	r := cloud.VolumeRequest{SizeGiB: 1}
	if w.r.IntN(3) == 0 {
		r.ImageID = w.n.Image
	}
	_, err := w.c.Services().Volume.CreateVolume(w.n.Context(), r)
	return err
}

// pick is a random row of the tenant's; nil if there is none.
func pick[T any, ID ~string](w *world, r cloud.Records[T, ID]) *T {
	list, err := r.List(context.Background(), cloud.Where(cloud.Eq("project_id", string(w.n.Project))))
	if err != nil || len(list) == 0 {
		return nil
	}
	return list[w.r.IntN(len(list))]
}

var errNothing = cloud.Errorf(cloud.NotFound, "test", "", "there is nothing to do it to")

func onInstance(f func(w *world, s *compute.Service, ctx context.Context, in *cloud.Instance) error) func(*world) error {
	return func(w *world) error {
		in := pick(w, w.c.Store.Instances)
		if in == nil {
			return errNothing
		}
		w.note("on instance %s (%s, %s, task %q)", in.ID, in.Phase, in.Power, in.Task)
		return f(w, w.c.Services().Compute, w.n.Context(), in)
	}
}

func onVolume(f func(w *world, s *volume.Service, ctx context.Context, v *cloud.Volume) error) func(*world) error {
	return func(w *world) error {
		v := pick(w, w.c.Store.Volumes)
		if v == nil {
			return errNothing
		}
		w.note("on volume %s (%s)", v.ID, v.State)
		return f(w, w.c.Services().Volume, w.n.Context(), v)
	}
}

type (
	svc = *compute.Service
	ctx = context.Context
	ins = *cloud.Instance
)

// verbs are what a scenario is made of.
var verbs = []struct {
	name string
	do   func(w *world) error
}{
	{"create instance", (*world).create},
	{"create volume", (*world).createVolume},
	{"stop", onInstance(func(_ *world, s svc, c ctx, in ins) error { return s.StopInstance(c, in.ID) })},
	{"start", onInstance(func(_ *world, s svc, c ctx, in ins) error { return s.StartInstance(c, in.ID) })},
	{"reboot", onInstance(func(w *world, s svc, c ctx, in ins) error { return s.RebootInstance(c, in.ID, w.r.IntN(2) == 0) })},
	{"suspend", onInstance(func(_ *world, s svc, c ctx, in ins) error { return s.SuspendInstance(c, in.ID) })},
	{"resume", onInstance(func(_ *world, s svc, c ctx, in ins) error { return s.ResumeInstance(c, in.ID) })},
	{"resize", onInstance(func(w *world, s svc, c ctx, in ins) error {
		return s.ResizeInstance(c, in.ID, []cloud.FlavorID{"1", "2", "3"}[w.r.IntN(3)], nil)
	})},
	{"resize", onInstance(func(w *world, s svc, c ctx, in ins) error { return s.ResizeInstance(c, in.ID, "2", nil) })},
	{"confirm or revert", onInstance(confirmOrRevert)},
	{"confirm or revert", onInstance(confirmOrRevert)},
	{"shelve", onInstance(func(_ *world, s svc, c ctx, in ins) error { return s.ShelveInstance(c, in.ID) })},
	{"unshelve", onInstance(func(_ *world, s svc, c ctx, in ins) error {
		return s.UnshelveInstance(c, in.ID, compute.UnshelveRequest{})
	})},
	{"rebuild", onInstance(func(w *world, s svc, c ctx, in ins) error {
		_, err := s.RebuildInstance(c, in.ID, compute.RebuildRequest{Image: w.n.Image})
		return err
	})},
	{"rescue", onInstance(func(w *world, s svc, c ctx, in ins) error {
		_, err := s.RescueInstance(c, in.ID, w.n.Image, "")
		return err
	})},
	{"unrescue", onInstance(func(_ *world, s svc, c ctx, in ins) error { return s.UnrescueInstance(c, in.ID) })},
	{"create image", onInstance(func(_ *world, s svc, c ctx, in ins) error {
		_, err := s.CreateImage(c, in.ID, "snap", nil)
		return err
	})},
	{"delete instance", onInstance(func(_ *world, s svc, c ctx, in ins) error { return s.DeleteInstance(c, in.ID) })},
	{"attach volume", onInstance(attachVolume)},
	{"attach volume", onInstance(attachVolume)},
	{"detach volume", onInstance(detachVolume)},
	{"attach port", onInstance(func(w *world, s svc, c ctx, in ins) error {
		_, err := s.AttachPort(c, in.ID, cloud.NICRequest{NetworkID: w.n.Net})
		return err
	})},
	{"detach port", onInstance(detachPort)},
	{"grow volume", onVolume(func(_ *world, s *volume.Service, c ctx, v *cloud.Volume) error { return s.Grow(c, v.ID, v.SizeGiB+1) })},
	{"snapshot volume", onVolume(func(_ *world, s *volume.Service, c ctx, v *cloud.Volume) error {
		_, err := s.CreateSnapshot(c, volume.SnapshotRequest{VolumeID: v.ID, Force: true})
		return err
	})},
	{"copy volume", onVolume(func(_ *world, s *volume.Service, c ctx, v *cloud.Volume) error {
		_, err := s.CreateVolume(c, cloud.VolumeRequest{SourceVolumeID: v.ID})
		return err
	})},
	{"image of volume", onVolume(func(_ *world, s *volume.Service, c ctx, v *cloud.Volume) error {
		_, _, err := s.UploadImage(c, volume.UploadRequest{VolumeID: v.ID, Name: "up", Format: "qcow2", Force: true})
		return err
	})},
	{"delete volume", onVolume(func(_ *world, s *volume.Service, c ctx, v *cloud.Volume) error {
		return s.Delete(c, volume.DeleteRequest{ID: v.ID})
	})},
	{"delete snapshot", func(w *world) error {
		n := pick(w, w.c.Store.Snapshots)
		if n == nil {
			return errNothing
		}
		return w.c.Services().Volume.DeleteSnapshot(w.n.Context(), n.ID, false)
	}},
}

func confirmOrRevert(w *world, s svc, c ctx, in ins) error {
	if w.r.IntN(2) == 0 {
		return s.ConfirmResize(c, in.ID)
	}
	return s.RevertResize(c, in.ID)
}

func attachVolume(w *world, s svc, c ctx, in ins) error {
	v := pick(w, w.c.Store.Volumes)
	if v == nil {
		return errNothing
	}
	w.note("volume %s (%s)", v.ID, v.State)
	_, err := s.AttachVolume(c, in.ID, compute.AttachRequest{Volume: v.ID})
	return err
}

func detachVolume(w *world, s svc, c ctx, in ins) error {
	if len(in.Disks) < 2 {
		return errNothing
	}
	return s.DetachVolume(c, in.ID, in.Disks[1+w.r.IntN(len(in.Disks)-1)].VolumeID)
}

func detachPort(w *world, s svc, c ctx, in ins) error {
	views, err := w.c.Services().Network.InstancePorts(c, []cloud.InstanceID{in.ID})
	if err != nil || len(views[in.ID]) == 0 {
		return errNothing
	}
	return s.DetachPort(c, in.ID, views[in.ID][w.r.IntN(len(views[in.ID]))].Port.ID)
}
