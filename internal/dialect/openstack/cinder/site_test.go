package cinder_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/backupstore"
	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack/cinder"
	"github.com/nubo-cloud/nubo/internal/image"
	"github.com/nubo-cloud/nubo/internal/image/imagetest"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/quota"
	"github.com/nubo-cloud/nubo/internal/store"
	"github.com/nubo-cloud/nubo/internal/volume"
	"github.com/nubo-cloud/nubo/internal/volume/volumetest"
)

// tokens is an authenticator whose tokens say who the caller is: "project" or "project+admin".
type tokens struct{}

func (tokens) Verify(_ context.Context, token string) (*cloud.Principal, error) {
	project, admin, _ := strings.Cut(token, "+")
	if project == "" || project == "bad" {
		return nil, &cloud.Error{Kind: cloud.Unauthenticated, Message: "no"}
	}
	return principal(project, admin != ""), nil
}

func principal(project string, admin bool) *cloud.Principal {
	p := &cloud.Principal{UserID: cloud.UserID("user-" + project), ProjectID: cloud.ProjectID(project), Roles: []string{"member", "reader"}}
	if admin {
		p.Roles = append(p.Roles, "admin", "manager")
	}
	return p
}

// site is the service on a real store and engine with a host of maps, mounted as daemon mounts it.
type site struct {
	t       *testing.T
	url     string
	host    *volumetest.Host
	volumes *volume.Service
	images  *image.Service
	quota   *quota.Service
	db      *store.Store
}

func newSite(t *testing.T) *site {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite::memory:", store.Options{})
	ok(t, err)
	t.Cleanup(func() { db.Close() })
	ok(t, db.Hosts.Insert(t.Context(), &cloud.Host{ID: volumetest.HostID, Name: "one", Zone: "nova", Enabled: true, Up: true,
		Pools: []cloud.Pool{{Name: "default", Driver: "sim", TotalGiB: 100}, {Name: "second", Driver: "sim", TotalGiB: 50}, {Name: "local", LocalOnly: true}}}))
	log, host := slog.New(slog.DiscardHandler), volumetest.NewHost()
	quotas := quota.New(db.Quotas, db)
	engine := operation.New(operation.Options{Records: db.Operations, Tx: db, Exclusive: true})
	images := image.New(image.Deps{Images: db.Images, Tx: db, Quota: quotas, Bytes: &imagetest.Bytes{}, Staging: &imagetest.Bytes{}, Operations: engine, Log: log, Now: time.Now})
	backups, err := backupstore.Open(t.TempDir())
	ok(t, err)
	volumes := volume.New(volume.Deps{Volumes: db.Volumes, Snapshots: db.Snapshots, Attachments: db.Attachments, Types: db.VolumeTypes, QOSRows: db.VolumeQOS,
		DefaultTypes: db.DefaultVolumeTypes, Transfers: db.Transfers, Groups: db.VolumeGroups, GroupTypes: db.VolumeGroupTypes,
		GroupSnapshots: db.GroupSnapshots, Notices: db.Notices, Backups: db.Backups, BackupBytes: backups,
		HostRows: db.Hosts, Usage: db.UsageEvents, Tx: db, Quota: quotas, Operations: engine, Hosts: volumetest.Hosts{Host: host},
		Placer: volumetest.Hosts{Host: host}, Instances: noGuests{}, Images: images, Secrets: volumetest.Sealer{}, Log: log, Now: time.Now})
	ok(t, volumes.EnsureDefaults(t.Context()))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); engine.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	server := httptest.NewServer(http.StripPrefix("/volume", cinder.New(cinder.Deps{Volumes: volumes, Auth: tokens{}, Log: log})))
	t.Cleanup(server.Close)
	return &site{t: t, url: server.URL + "/volume", host: host, volumes: volumes, images: images, quota: quotas, db: db}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type answer struct {
	code   int
	header http.Header
	text   string
	body   map[string]any
}

// in finds an object below a key of the body.
func (a answer) in(key string) map[string]any {
	m, _ := a.body[key].(map[string]any)
	return m
}

func (s *site) do(token, method, path, body string, header ...string) answer {
	s.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = s.url + path
	}
	r, err := http.NewRequest(method, path, strings.NewReader(body))
	ok(s.t, err)
	if token != "" {
		r.Header.Set("X-Auth-Token", token)
	}
	for n := 0; n+1 < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
	}
	w, err := http.DefaultClient.Do(r)
	ok(s.t, err)
	defer w.Body.Close()
	b, err := io.ReadAll(w.Body)
	ok(s.t, err)
	a := answer{code: w.StatusCode, header: w.Header, text: string(b)}
	_ = json.Unmarshal(b, &a.body) // bodies that are no JSON are compared as text
	return a
}

func (s *site) want(code int, a answer) answer {
	s.t.Helper()
	if a.code != code {
		s.t.Fatalf("got %d %s, want %d", a.code, a.text, code)
	}
	return a
}

// made creates a volume and waits until it is available.
func (s *site) made(token, body string) string {
	s.t.Helper()
	id := s.want(202, s.do(token, "POST", "/v3/volumes", `{"volume":`+body+`}`)).in("volume")["id"].(string)
	s.reaches("volume", "/v3/volumes/"+id, "available")
	return id
}

func (s *site) snapped(token, volume string) string {
	s.t.Helper()
	id := s.want(202, s.do(token, "POST", "/v3/snapshots", `{"snapshot":{"name":"s","volume_id":"`+volume+`","force":"True"}}`)).in("snapshot")["id"].(string)
	s.reaches("snapshot", "/v3/snapshots/"+id, "available")
	return id
}

// reaches polls as clients do.
func (s *site) reaches(key, path, status string, header ...string) map[string]any {
	s.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		a := s.do("a+admin", "GET", path, "", header...)
		if got := a.in(key); a.code == 200 && got["status"] == status {
			return got
		}
		if status == "gone" && a.code == 404 {
			return nil
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s never is %s: %s", path, status, a.text)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func (s *site) activeImage() string {
	s.t.Helper()
	ctx := cloud.WithPrincipal(context.Background(), principal("a", false))
	i, err := s.images.Create(ctx, image.CreateRequest{Name: "debian", Format: "raw", Container: "bare"})
	ok(s.t, err)
	ok(s.t, s.images.Upload(ctx, i.ID, bytes.NewReader(append([]byte("a disk"), make([]byte, 4096)...))))
	return string(i.ID)
}

// attach does what compute does for an instance.
func (s *site) attach(id, instance string) {
	s.t.Helper()
	ctx := cloud.WithPrincipal(context.Background(), principal("a", false))
	a, err := s.volumes.ReserveVolume(ctx, cloud.VolumeID(id), &cloud.Instance{ID: cloud.InstanceID(instance), ProjectID: "a", HostID: volumetest.HostID}, "/dev/vdb", false)
	ok(s.t, err)
	ok(s.t, s.volumes.FinishAttach(ctx, a.ID))
}

// noGuests stands for instances that have no guests, and let anything be done with their volumes.
type noGuests struct{}

func (noGuests) DisksChanged(context.Context, cloud.InstanceID) error { return nil }

func (noGuests) HoldStill(context.Context, cloud.InstanceID, cloud.HostID) error { return nil }
