package volume_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/backupstore"
	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/image"
	"github.com/nubo-cloud/nubo/internal/image/imagetest"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/quota"
	"github.com/nubo-cloud/nubo/internal/store"
	"github.com/nubo-cloud/nubo/internal/volume"
	"github.com/nubo-cloud/nubo/internal/volume/volumetest"
)

// rig is the volume service on a real store and engine, with one host of maps.
type rig struct {
	*volume.Service
	t               *testing.T
	db              *store.Store
	host            *volumetest.Host
	images          *image.Service
	quota           *quota.Service
	guests          *guests
	engine          *operation.Engine
	stop            func()
	bytes           *imagetest.Bytes
	image, uploaded cloud.ImageID
	dir             string // of backups
}

// guests remembers which instances were told of other disks.
type guests struct {
	mu   sync.Mutex
	told []cloud.InstanceID
	// restless is why the instances may not have their volumes moved.
	restless error
}

func (g *guests) DisksChanged(_ context.Context, id cloud.InstanceID) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.told = append(g.told, id)
	return nil
}

func (g *guests) HoldStill(context.Context, cloud.InstanceID, cloud.HostID) error { return g.restless }

func newRig(t *testing.T, fault ...func(context.Context, operation.Point) error) *rig {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite::memory:", store.Options{})
	ok(t, err)
	t.Cleanup(func() { db.Close() })
	r := &rig{t: t, db: db, host: volumetest.NewHost(), dir: t.TempDir(), guests: &guests{}}
	ok(t, db.Hosts.Insert(t.Context(), &cloud.Host{ID: volumetest.HostID, Name: "one", Zone: "nova", Enabled: true, Up: true,
		Pools: []cloud.Pool{{Name: "default", Driver: "sim", TotalGiB: 100}, {Name: "second", Driver: "sim", TotalGiB: 100}}}))
	var f func(context.Context, operation.Point) error
	if len(fault) > 0 {
		f = fault[0]
	}
	r.bytes = &imagetest.Bytes{}
	r.start(f, r.bytes)
	t.Cleanup(func() { r.stop() })
	return r
}

// start wires the services anew on the same rows, as a process that starts does, and runs the engine.
func (r *rig) start(fault func(context.Context, operation.Point) error, b image.Bytes) {
	log := slog.New(slog.DiscardHandler)
	r.quota = quota.New(r.db.Quotas, r.db)
	r.engine = operation.New(operation.Options{Records: r.db.Operations, Tx: r.db, Exclusive: true, Fault: fault})
	r.images = image.New(image.Deps{Images: r.db.Images, Tx: r.db, Quota: r.quota, Bytes: b, Staging: &imagetest.Bytes{}, Operations: r.engine, Log: log, Now: time.Now})
	backups, err := backupstore.Open(r.dir)
	ok(r.t, err)
	r.Service = volume.New(volume.Deps{Volumes: r.db.Volumes, Snapshots: r.db.Snapshots, Attachments: r.db.Attachments, Types: r.db.VolumeTypes, QOSRows: r.db.VolumeQOS,
		DefaultTypes: r.db.DefaultVolumeTypes, Transfers: r.db.Transfers, Groups: r.db.VolumeGroups, GroupTypes: r.db.VolumeGroupTypes,
		GroupSnapshots: r.db.GroupSnapshots, Notices: r.db.Notices, Backups: r.db.Backups, BackupBytes: backups,
		HostRows: r.db.Hosts, Usage: r.db.UsageEvents, Tx: r.db, Quota: r.quota, Operations: r.engine,
		Hosts: volumetest.Hosts{Host: r.host}, Placer: volumetest.Hosts{Host: r.host}, Images: r.images, Instances: r.guests, Secrets: volumetest.Sealer{},
		Log: log, Now: time.Now})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); r.engine.Run(ctx) }()
	r.stop = func() { cancel(); <-done }
}

func as(project string, roles ...string) context.Context {
	if len(roles) == 0 {
		roles = []string{"member", "reader"}
	}
	return cloud.WithPrincipal(context.Background(), &cloud.Principal{UserID: cloud.UserID("user-" + project),
		ProjectID: cloud.ProjectID(project), Roles: roles})
}

func admin() context.Context { return as("ops", "admin", "manager", "member", "reader") }

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantKind(t *testing.T, err error, k cloud.Kind) {
	t.Helper()
	if !cloud.Is(err, k) {
		t.Fatalf("got error %v, want one of kind %q", err, k)
	}
}

// eventually waits for a condition, as a client that polls does.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("never came true: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// settled waits until no Operation is under way.
func (r *rig) settled() {
	r.t.Helper()
	eventually(r.t, "all operations have ended", func() bool {
		n, err := r.db.Operations.Count(context.Background(), cloud.In("state", []string{"pending", "running", "unwinding"}))
		return err == nil && n == 0
	})
}

func (r *rig) made(ctx context.Context, q volume.CreateRequest) *cloud.Volume {
	r.t.Helper()
	v, err := r.CreateVolume(ctx, q)
	ok(r.t, err)
	ok(r.t, r.WaitVolume(ctx, v.ID))
	return r.row(v.ID)
}

func (r *rig) row(id cloud.VolumeID) *cloud.Volume {
	r.t.Helper()
	v, err := r.db.Volumes.Get(context.Background(), id)
	ok(r.t, err)
	return v
}

func (r *rig) gone(id cloud.VolumeID) bool {
	_, err := r.db.Volumes.Get(context.Background(), id)
	return cloud.Is(err, cloud.NotFound)
}

func (r *rig) snapped(ctx context.Context, id cloud.VolumeID) *cloud.Snapshot {
	r.t.Helper()
	n, err := r.CreateSnapshot(ctx, volume.SnapshotRequest{VolumeID: id, Name: "s", Force: true})
	ok(r.t, err)
	r.settled()
	n, err = r.db.Snapshots.Get(ctx, n.ID)
	ok(r.t, err)
	return n
}

func (r *rig) activeImage(ctx context.Context) *cloud.Image {
	r.t.Helper()
	i, err := r.images.Create(ctx, image.CreateRequest{Name: "debian", Format: "raw", Container: "bare", Properties: map[string]string{"os_distro": "debian"}})
	ok(r.t, err)
	ok(r.t, r.images.Upload(ctx, i.ID, bytes.NewReader(append([]byte("a disk"), make([]byte, 4096)...))))
	return i
}

// ledger is the kinds of the usage events of one volume, in order.
func (r *rig) ledger(id cloud.VolumeID) (kinds []cloud.UsageKind) {
	r.t.Helper()
	events, err := r.db.UsageEvents.List(context.Background(), cloud.Where(cloud.Eq("subject", id)))
	ok(r.t, err)
	for _, e := range events {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}
