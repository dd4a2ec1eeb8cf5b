package testcloud_test

import (
	"context"
	"hash/fnv"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/config"
	"github.com/nubo-cloud/nubo/internal/image"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/operation/operationtest"
	"github.com/nubo-cloud/nubo/internal/testcloud"
	"github.com/nubo-cloud/nubo/internal/volume"
)

// stage is what an Operation of one kind runs on. It is an operationtest.World.
type stage struct {
	t  *testing.T
	c  *testcloud.Cloud
	n  *testcloud.Tenant
	in *cloud.Instance
	v  *cloud.Volume

	kind    string
	subject string
	ask     func(s *stage) error
}

// act is how a kind comes about: what must be there, and who asks for what.
type act struct {
	set func(s *stage)
	ask func(s *stage) error
}

func (s *stage) compute() *compute.Service { return s.c.Services().Compute }
func (s *stage) volume() *volume.Service   { return s.c.Services().Volume }

func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// done asks for something and waits for it.
func (s *stage) done(err error) {
	s.t.Helper()
	s.must(err)
	s.c.Settle(s.t)
}

// withInstance is a running instance with a volume and an empty volume beside it.
func withInstance(s *stage) {
	s.in = s.n.Create(s.n.Request("one"))
	v, err := s.volume().CreateVolume(s.n.Context(), cloud.VolumeRequest{SizeGiB: 1, HostID: s.in.HostID})
	s.must(err)
	s.must(s.volume().WaitVolume(s.n.Context(), v.ID))
	s.v = v
	s.subject = "instance/" + string(s.in.ID)
}

func withAttached(s *stage) {
	withInstance(s)
	_, err := s.compute().AttachVolume(s.n.Context(), s.in.ID, compute.AttachRequest{Volume: s.v.ID})
	s.done(err)
}

func withVolume(s *stage) {
	s.v = s.n.Volume(1)
	s.subject = "volume/" + string(s.v.ID)
}

func otherPool(v *cloud.Volume) string {
	if v.Pool == testcloud.SecondPool {
		return config.DefaultBackend
	}
	return testcloud.SecondPool
}

// withGroup is a group of two volumes.
func withGroup(s *stage) {
	kind, err := s.volume().CreateGroupType(s.c.Admin(), cloud.VolumeGroupType{Name: cloud.NewID(), Public: true})
	s.must(err)
	g, err := s.volume().CreateGroup(s.n.Context(), volume.GroupRequest{GroupType: string(kind.ID), VolumeTypes: []string{"default"}})
	s.must(err)
	for range 2 {
		v, err := s.volume().CreateVolume(s.n.Context(), cloud.VolumeRequest{SizeGiB: 1, GroupID: g.ID})
		s.must(err)
		s.must(s.volume().WaitVolume(s.n.Context(), v.ID))
	}
	s.subject = "group/" + string(g.ID)
}

func (s *stage) id() string { return s.subject[strings.Index(s.subject, "/")+1:] }

func snapshotGroup(s *stage) error {
	n, err := s.volume().CreateGroupSnapshot(s.n.Context(), volume.GroupSnapshotRequest{GroupID: cloud.VolumeGroupID(s.id())})
	if err == nil {
		s.subject = "group_snapshot/" + string(n.ID)
	}
	return err
}

func after(set func(*stage), ask func(s *stage) error) func(*stage) {
	return func(s *stage) { set(s); s.done(ask(s)) }
}

func migrate(s *stage) error { return s.compute().MigrateInstance(s.c.Admin(), s.in.ID, "") }

// evacuate is asked for after the host was declared dead. Its agent goes on answering, as one does that was cut off from some only.
func evacuate(s *stage) error {
	id := s.c.Instance(s.t, s.in.ID).HostID
	s.down(id, true)
	s.t.Cleanup(func() { s.down(id, false) })
	return s.compute().EvacuateInstance(s.c.Admin(), s.in.ID, compute.EvacuateRequest{})
}

func (s *stage) down(id cloud.HostID, down bool) {
	_, err := s.compute().ChangeHost(s.c.Admin(), id, func(h *cloud.Host) { h.ForcedDown = down })
	s.must(err)
}

func resize(s *stage) error { return s.compute().ResizeInstance(s.n.Context(), s.in.ID, "2", nil) }

func rescue(s *stage) error {
	_, err := s.compute().RescueInstance(s.n.Context(), s.in.ID, s.n.Image, "")
	return err
}

func snapshot(s *stage) error {
	n, err := s.volume().CreateSnapshot(s.n.Context(), volume.SnapshotRequest{VolumeID: s.v.ID})
	if err == nil {
		s.subject = "snapshot/" + string(n.ID)
	}
	return err
}

// operator is the tenant with an operator's rights.
func (s *stage) operator() context.Context {
	p := *cloud.PrincipalOf(s.n.Context())
	p.Roles = append([]string{"admin"}, p.Roles...)
	return cloud.WithPrincipal(context.Background(), &p)
}

func (s *stage) hostName() string {
	host, err := s.c.Store.Hosts.Get(context.Background(), s.v.HostID)
	s.must(err)
	return host.Name
}

func letGo(s *stage) error { return s.volume().LetGo(s.operator(), s.v.ID, "left-"+string(s.v.ID)) }

func takeIn(s *stage) error {
	v, err := s.volume().TakeIn(s.operator(), volume.TakeInRequest{HostName: s.hostName(), Pool: s.v.Pool, Disk: "left-" + string(s.v.ID)})
	if err == nil {
		s.subject = "volume/" + string(v.ID)
	}
	return err
}

func letGoSnapshot(s *stage) error {
	return s.volume().LetGoSnapshot(s.operator(), cloud.SnapshotID(s.id()), "left-"+s.id())
}

func takeInSnapshot(s *stage) error {
	n, err := s.volume().TakeInSnapshot(s.operator(), volume.SnapshotRequest{VolumeID: s.v.ID}, "left-"+s.id())
	if err == nil {
		s.subject = "snapshot/" + string(n.ID)
	}
	return err
}

func backup(s *stage) error {
	b, err := s.volume().CreateBackup(s.n.Context(), volume.BackupRequest{VolumeID: s.v.ID, Name: "kept"})
	if err == nil {
		s.subject = "backup/" + string(b.ID)
	}
	return err
}

// ofBackup asks for something about the backup that the stage was set with.
func ofBackup(f func(s *stage, id cloud.BackupID) error) func(*stage) error {
	return func(s *stage) error { return f(s, cloud.BackupID(strings.TrimPrefix(s.subject, "backup/"))) }
}

func byID(f func(s *compute.Service, ctx context.Context, id cloud.InstanceID) error) func(*stage) error {
	return func(s *stage) error { return f(s.compute(), s.n.Context(), s.in.ID) }
}

var (
	stop    = byID(func(s *compute.Service, c ctx, id cloud.InstanceID) error { return s.StopInstance(c, id) })
	pause   = byID(func(s *compute.Service, c ctx, id cloud.InstanceID) error { return s.PauseInstance(c, id) })
	suspend = byID(func(s *compute.Service, c ctx, id cloud.InstanceID) error { return s.SuspendInstance(c, id) })
	shelve  = byID(func(s *compute.Service, c ctx, id cloud.InstanceID) error { return s.ShelveInstance(c, id) })
)

// onSharedPool are the kinds that need hosts which reach each other's disks.
var onSharedPool = map[string]bool{"instance.migrate": true, "instance.evacuate": true}

// acts has an entry for every kind of Operation that there is.
var acts = map[string]act{
	"instance.create": {func(*stage) {}, func(s *stage) error {
		r := s.n.Request("new")
		r.Disks = []compute.DiskRequest{{Source: "blank", SizeGiB: 1, Volume: true, BootIndex: -1, DeleteWithInstance: true}}
		made, err := s.compute().CreateInstance(s.n.Context(), r)
		if err == nil {
			s.in, s.subject = made[0], "instance/"+string(made[0].ID)
		}
		return err
	}},
	"instance.migrate":  {withAttached, migrate},
	"instance.evacuate": {withAttached, evacuate},
	"instance.delete":   {withAttached, byID(func(s *compute.Service, c ctx, id cloud.InstanceID) error { return s.DeleteInstance(c, id) })},
	"instance.start":    {after(withInstance, stop), byID(func(s *compute.Service, c ctx, id cloud.InstanceID) error { return s.StartInstance(c, id) })},
	"instance.stop":     {withInstance, stop},
	"instance.reboot":   {withInstance, byID(func(s *compute.Service, c ctx, id cloud.InstanceID) error { return s.RebootInstance(c, id, true) })},
	"instance.pause":    {withInstance, pause},
	"instance.unpause":  {after(withInstance, pause), byID(func(s *compute.Service, c ctx, id cloud.InstanceID) error { return s.UnpauseInstance(c, id) })},
	"instance.suspend":  {withInstance, suspend},
	"instance.resume":   {after(withInstance, suspend), byID(func(s *compute.Service, c ctx, id cloud.InstanceID) error { return s.ResumeInstance(c, id) })},
	"instance.rebuild": {withAttached, func(s *stage) error {
		_, err := s.compute().RebuildInstance(s.n.Context(), s.in.ID, compute.RebuildRequest{Image: s.n.Image})
		return err
	}},
	"instance.rescue":         {withAttached, rescue},
	"instance.unrescue":       {after(withAttached, rescue), byID(func(s *compute.Service, c ctx, id cloud.InstanceID) error { return s.UnrescueInstance(c, id) })},
	"instance.resize":         {withAttached, resize},
	"instance.confirm_resize": {after(withAttached, resize), byID(func(s *compute.Service, c ctx, id cloud.InstanceID) error { return s.ConfirmResize(c, id) })},
	"instance.revert_resize":  {after(withAttached, resize), byID(func(s *compute.Service, c ctx, id cloud.InstanceID) error { return s.RevertResize(c, id) })},
	"instance.shelve":         {withAttached, shelve},
	"instance.offload":        {after(withInstance, shelve), func(s *stage) error { return s.compute().OffloadInstance(s.c.Admin(), s.in.ID) }},
	"instance.unshelve": {after(withAttached, shelve), byID(func(s *compute.Service, c ctx, id cloud.InstanceID) error {
		return s.UnshelveInstance(c, id, compute.UnshelveRequest{})
	})},
	"instance.create_image": {withInstance, func(s *stage) error {
		_, err := s.compute().CreateImage(s.n.Context(), s.in.ID, "snap", nil)
		return err
	}},
	"instance.attach_volume": {withInstance, func(s *stage) error {
		_, err := s.compute().AttachVolume(s.n.Context(), s.in.ID, compute.AttachRequest{Volume: s.v.ID})
		return err
	}},
	"instance.detach_volume": {withAttached, func(s *stage) error { return s.compute().DetachVolume(s.n.Context(), s.in.ID, s.v.ID) }},
	"instance.swap_volume": {withAttached, func(s *stage) error {
		v, err := s.volume().CreateVolume(s.n.Context(), cloud.VolumeRequest{SizeGiB: 2, HostID: s.in.HostID})
		s.must(err)
		s.must(s.volume().WaitVolume(s.n.Context(), v.ID))
		return s.compute().SwapVolume(s.c.Admin(), s.in.ID, s.v.ID, v.ID)
	}},
	"instance.attach_port": {withInstance, func(s *stage) error {
		_, err := s.compute().AttachPort(s.n.Context(), s.in.ID, cloud.NICRequest{NetworkID: s.n.Net})
		return err
	}},
	"instance.detach_port": {withInstance, func(s *stage) error {
		views, err := s.c.Services().Network.InstancePorts(s.n.Context(), []cloud.InstanceID{s.in.ID})
		s.must(err)
		return s.compute().DetachPort(s.n.Context(), s.in.ID, views[s.in.ID][0].Port.ID)
	}},
	"volume.create": {func(*stage) {}, func(s *stage) error {
		v, err := s.volume().CreateVolume(s.n.Context(), cloud.VolumeRequest{SizeGiB: 1, ImageID: s.n.Image})
		if err == nil {
			s.subject = "volume/" + string(v.ID)
		}
		return err
	}},
	"volume.grow": {withVolume, func(s *stage) error { return s.volume().Grow(s.n.Context(), s.v.ID, 2) }},
	"volume.migrate": {after(withAttached, func(s *stage) error { s.subject = "volume/" + string(s.v.ID); return nil }), func(s *stage) error {
		return s.volume().Migrate(s.c.Admin(), volume.MigrateRequest{ID: s.v.ID, Host: s.hostName(), Pool: otherPool(s.v)})
	}},
	"volume.retype": {withVolume, func(s *stage) error {
		t, err := s.volume().CreateType(s.c.Admin(), cloud.VolumeType{Name: cloud.NewID(), Public: true,
			ExtraSpecs: map[string]string{"volume_backend_name": otherPool(s.v)}})
		s.must(err)
		return s.volume().Retype(s.n.Context(), volume.RetypeRequest{ID: s.v.ID, Type: string(t.ID), MayMove: true})
	}},
	"volume.delete": {withVolume, func(s *stage) error { return s.volume().Delete(s.n.Context(), volume.DeleteRequest{ID: s.v.ID}) }},
	"volume.upload_image": {withVolume, func(s *stage) error {
		_, _, err := s.volume().UploadImage(s.n.Context(), volume.UploadRequest{VolumeID: s.v.ID, Name: "up", Format: "qcow2"})
		return err
	}},
	"volume.restore": {after(withVolume, backup), ofBackup(func(s *stage, id cloud.BackupID) error {
		s.subject = "volume/" + string(s.v.ID)
		_, err := s.volume().RestoreBackup(s.n.Context(), id, s.v.ID, "")
		return err
	})},
	"volume.revert": {after(withVolume, snapshot), func(s *stage) error {
		to := cloud.SnapshotID(strings.TrimPrefix(s.subject, "snapshot/"))
		s.subject = "volume/" + string(s.v.ID)
		return s.volume().Revert(s.n.Context(), s.v.ID, to)
	}},
	"backup.create": {withVolume, backup},
	"backup.delete": {after(withVolume, backup), ofBackup(func(s *stage, id cloud.BackupID) error {
		return s.volume().DeleteBackup(s.n.Context(), id, false)
	})},
	"image.import": {func(*stage) {}, func(s *stage) error {
		images := s.c.Services().Image
		i, err := images.Create(s.n.Context(), image.CreateRequest{Name: "import", Format: "raw", Container: "bare"})
		s.must(err)
		s.subject = "image/" + string(i.ID)
		s.must(images.Stage(s.n.Context(), i.ID, strings.NewReader("these bytes are no disk of a known format")))
		return images.Import(s.n.Context(), i.ID, image.ImportRequest{From: image.SourceStaged})
	}},
	"group.copy": {withGroup, func(s *stage) error {
		g, err := s.volume().CopyGroup(s.n.Context(), volume.GroupSource{GroupID: cloud.VolumeGroupID(s.id())})
		if err == nil {
			s.subject = "group/" + string(g.ID)
		}
		return err
	}},
	"group.delete":          {withGroup, func(s *stage) error { return s.volume().DeleteGroup(s.n.Context(), cloud.VolumeGroupID(s.id()), true) }},
	"group_snapshot.create": {withGroup, snapshotGroup},
	"group_snapshot.delete": {after(withGroup, snapshotGroup), func(s *stage) error {
		return s.volume().DeleteGroupSnapshot(s.n.Context(), cloud.GroupSnapshotID(s.id()))
	}},
	"image.prefetch": {func(*stage) {}, func(s *stage) error {
		images := s.c.Services().Image
		i, err := images.Create(s.n.Context(), image.CreateRequest{Name: "prefetch", Format: "raw", Container: "bare"})
		s.must(err)
		s.subject = "image/" + string(i.ID)
		s.must(images.Upload(s.n.Context(), i.ID, strings.NewReader("these bytes are no disk of a known format")))
		return images.Prefetch(s.c.Admin(), i.ID)
	}},
	"volume.let_go":    {withVolume, letGo},
	"volume.take_in":   {after(withVolume, letGo), takeIn},
	"snapshot.let_go":  {after(withVolume, snapshot), letGoSnapshot},
	"snapshot.take_in": {after(after(withVolume, snapshot), letGoSnapshot), takeInSnapshot},
	"snapshot.create":  {withVolume, snapshot},
	"snapshot.copy": {func(*stage) {}, func(s *stage) error {
		images := s.c.Services().Image
		i, err := images.Create(s.n.Context(), image.CreateRequest{Name: "import", Format: "raw", Container: "bare"})
		s.must(err)
		s.must(images.Upload(s.n.Context(), i.ID, strings.NewReader("these bytes are no disk of a known format")))
		n, err := s.volume().SnapshotImage(s.n.Context(), i.ID, volume.SnapshotRequest{Name: "imported"})
		if err == nil {
			s.subject = "snapshot/" + string(n.ID)
		}
		return err
	}},
	"snapshot.delete": {after(withVolume, snapshot), func(s *stage) error {
		return s.volume().DeleteSnapshot(s.n.Context(), cloud.SnapshotID(s.id()), false)
	}},
}

// Every step of every kind of Operation may fail once or for good, run twice, be cancelled, and be the last thing that
// the process does; so may every undo. Then everybody can read how it is, and delete it, and nothing is left.
func TestEveryKind(t *testing.T) {
	// One cloud of each sort serves until something went wrong in it: then it is another's no more.
	clouds, tenants := map[bool]*testcloud.Cloud{}, map[bool]*testcloud.Tenant{}
	cloudFor := func(shared bool) (*testcloud.Cloud, *testcloud.Tenant) {
		if clouds[shared] == nil {
			clouds[shared] = testcloud.New(t, testcloud.Options{Hosts: 2, SharedPool: shared})
			tenants[shared] = clouds[shared].Tenant(t)
		}
		return clouds[shared], tenants[shared]
	}
	first, _ := cloudFor(false)
	for name, k := range first.Services().Engine.Kinds() {
		a, there := acts[name]
		if !there {
			t.Errorf("operation %s has no act here", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			operationtest.Run(t, k, func(t *testing.T) operationtest.World {
				if testing.Short() && !quick(t.Name()) {
					t.Skip("the quick loop deals one blow of three")
				}
				shared := onSharedPool[name]
				c, n := cloudFor(shared)
				t.Cleanup(func() {
					if t.Failed() {
						clouds[shared] = nil
					}
				})
				s := &stage{t: t, c: c, n: n.For(t), kind: name, ask: a.ask}
				a.set(s)
				return s
			})
		})
	}
}

// quick tells whether a blow is dealt in the quick loop, too: one of three is, always the same. The test without -short deals all.
func quick(blow string) bool {
	h := fnv.New32a()
	_, _ = h.Write([]byte(blow)) // never fails
	return h.Sum32()%3 == 0
}

func (s *stage) Arm(f func(context.Context, operation.Point) error) { s.c.Fault(f) }

func (s *stage) Start() cloud.OperationID {
	s.t.Helper()
	s.must(s.ask(s))
	ops, err := s.c.Store.Operations.List(context.Background(), cloud.Where(cloud.Eq("subject", s.subject), cloud.Eq("kind", s.kind)))
	s.must(err)
	if len(ops) != 1 {
		s.t.Fatalf("%d operations %s on %s", len(ops), s.kind, s.subject)
	}
	return ops[0].ID
}

func (s *stage) Cancel(ctx context.Context, id cloud.OperationID) error {
	return s.c.Services().Engine.Cancel(ctx, id)
}

func (s *stage) Await(id cloud.OperationID) *cloud.Operation {
	s.t.Helper()
	s.c.Settle(s.t)
	op, err := s.c.Store.Operations.Get(context.Background(), id)
	s.must(err)
	return op
}

func (s *stage) Revive() { s.c.Restart() }

// Check lets the owner delete everything, and wants nothing left.
func (s *stage) Check(op *cloud.Operation) {
	s.t.Helper()
	s.c.Fault(nil)
	stuck := op.State == cloud.OperationStuck
	w := &world{t: s.t, c: s.c, n: s.n}
	w.lookAgain()
	if !stuck {
		w.report("after the operation", append(s.c.Leftovers(), s.c.Disagreements()...))
	}
	s.n.DeleteAll()
	w.lookAgain()
	for _, l := range s.c.Leftovers() {
		if !stuck || l != "" && l[:min(len(l), 10)] != "operation " {
			s.t.Errorf("when all was deleted: %s", l)
		}
	}
	w.empty()
	if stuck { // what a person does who has looked at it
		s.must(s.c.Store.Operations.Delete(context.Background(), op.ID))
	}
}
