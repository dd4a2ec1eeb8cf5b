package glance_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack/glance"
	"github.com/nubo-cloud/nubo/internal/image"
	"github.com/nubo-cloud/nubo/internal/imagestore"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/quota"
	"github.com/nubo-cloud/nubo/internal/spec"
	"github.com/nubo-cloud/nubo/internal/store"
	"github.com/nubo-cloud/nubo/internal/vocabulary"
	"github.com/nubo-cloud/nubo/internal/webfetch"
)

// tokens is an authenticator whose tokens say who the caller is: "project" or "project+admin".
type tokens struct{}

func (tokens) Verify(_ context.Context, token string) (*cloud.Principal, error) {
	project, admin, _ := strings.Cut(token, "+")
	if project == "" || project == "bad" {
		return nil, &cloud.Error{Kind: cloud.Unauthenticated, Message: "no"}
	}
	p := &cloud.Principal{UserID: cloud.UserID("user-" + project), ProjectID: cloud.ProjectID(project), Roles: []string{"member", "reader"}}
	if admin != "" {
		p.Roles = append(p.Roles, "admin", "manager")
	}
	return p, nil
}

// site is the service on a real store and real files, mounted as daemon mounts it.
type site struct {
	t   *testing.T
	url string
	// service is what is behind url.
	service *openstack.Service
}

func newSite(t *testing.T) *site {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite::memory:", store.Options{})
	ok(t, err)
	t.Cleanup(func() { db.Close() })
	files, err := imagestore.Open(t.TempDir())
	ok(t, err)
	files.FreeBytesMin = 0
	log := slog.New(slog.DiscardHandler)
	staging, err := imagestore.Open(t.TempDir())
	ok(t, err)
	staging.FreeBytesMin = 0
	engine := operation.New(operation.Options{Records: db.Operations, Tx: db, Log: log, Exclusive: true})
	images := image.New(image.Deps{Images: db.Images, Tx: db, Quota: quota.New(db.Quotas, db), Bytes: files, Staging: staging,
		Web: webfetch.New([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}), Operations: engine, Records: db.Operations,
		Hosts: hosts{&host{kept: map[spec.ImageID]bool{}}}, Log: log, Now: time.Now})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- engine.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	words := vocabulary.New(vocabulary.Deps{Vocabularies: db.Vocabularies, Definitions: db.Definitions, Kinds: db.TargetKinds, Tx: db, Now: time.Now})
	ok(t, words.EnsureKinds(t.Context(), glance.ResourceTypes))
	h := glance.New(glance.Deps{Images: images, Vocabularies: words, Auth: tokens{}, Log: log})
	server := httptest.NewServer(http.StripPrefix("/image", h))
	t.Cleanup(server.Close)
	return &site{t: t, url: server.URL + "/image", service: h}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// answer is what came back.
type answer struct {
	code   int
	header http.Header
	text   string
	body   map[string]any
}

func (s *site) do(token, method, path, body string, header ...string) answer {
	s.t.Helper()
	r, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
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

func (s *site) create(token, body string) string {
	s.t.Helper()
	return s.want(201, s.do(token, "POST", "/v2/images", body)).body["id"].(string)
}

func (s *site) upload(token, id string, data []byte) answer {
	s.t.Helper()
	return s.do(token, "PUT", "/v2/images/"+id+"/file", string(data), "Content-Type", "application/octet-stream")
}

var raw = append([]byte("plain bytes of a disk"), make([]byte, 4096)...)

const patchType = "application/openstack-images-v2.1-json-patch"

func TestVersionsNeedNoToken(t *testing.T) {
	s := newSite(t)
	for path, code := range map[string]int{"/": 300, "/versions": 200, "/v2/": 300} {
		a := s.want(code, s.do("", "GET", path, ""))
		first := a.body["versions"].([]any)[0].(map[string]any)
		if first["status"] != "CURRENT" || !strings.HasSuffix(first["links"].([]any)[0].(map[string]any)["href"].(string), "/image/v2/") {
			t.Errorf("%s answered %s", path, a.text)
		}
	}
	s.want(401, s.do("", "GET", "/v2/images", ""))
	s.want(401, s.do("bad", "GET", "/v2/images", ""))
}

func TestImageAsDocumented(t *testing.T) {
	s := newSite(t)
	a := s.want(201, s.do("a", "POST", "/v2/images", `{"name":"cirros","disk_format":"raw","container_format":"bare","tags":["x","y","x"],
		"id":"0b1a2c3d-1111-4222-8333-444455556666","APPLIANCE_ATTRIBUTES":"{\"a\": 1}","ad:appid":"7"}`))
	if !strings.HasSuffix(a.header.Get("Location"), "/image/v2/images/0b1a2c3d-1111-4222-8333-444455556666") {
		t.Errorf("Location is %q", a.header.Get("Location"))
	}
	for key, want := range map[string]any{"status": "queued", "visibility": "shared", "size": nil, "virtual_size": nil, "checksum": nil,
		"os_hash_algo": nil, "os_hash_value": nil, "min_disk": 0.0, "min_ram": 0.0, "protected": false, "os_hidden": false, "owner": "a",
		"file": "/v2/images/0b1a2c3d-1111-4222-8333-444455556666/file", "schema": "/v2/schemas/image", "APPLIANCE_ATTRIBUTES": `{"a": 1}`, "ad:appid": "7"} {
		if got, there := a.body[key]; !there || got != want {
			t.Errorf("%s is %v (there: %t), want %v", key, got, there, want)
		}
	}
	if tags := a.body["tags"].([]any); len(tags) != 2 {
		t.Errorf("tags are %v", tags)
	}
	if _, err := time.Parse("2006-01-02T15:04:05Z", a.body["created_at"].(string)); err != nil {
		t.Error(err)
	}
	for what, body := range map[string]string{"read-only": `{"status":"active"}`, "reserved": `{"location":"x"}`, "locations": `{"locations":[]}`, "public": `{"visibility":"public"}`} {
		if a := s.do("a", "POST", "/v2/images", body); a.code != 403 {
			t.Errorf("%s: got %d %s", what, a.code, a.text)
		}
	}
	for what, body := range map[string]string{"number as property": `{"x":1}`, "null property": `{"x":null}`, "format": `{"disk_format":"tape"}`,
		"type": `{"min_disk":"8"}`, "no JSON": `{`, "id": `{"id":"1"}`} {
		if a := s.do("a", "POST", "/v2/images", body); a.code != 400 {
			t.Errorf("%s: got %d %s", what, a.code, a.text)
		}
	}
	s.want(409, s.do("a", "POST", "/v2/images", `{"id":"0b1a2c3d-1111-4222-8333-444455556666"}`))
}

func TestDataGoesInAndComesOut(t *testing.T) {
	s := newSite(t)
	id := s.create("a", `{"name":"i","disk_format":"raw","container_format":"bare"}`)
	file := "/v2/images/" + id + "/file"
	s.want(204, s.do("a", "GET", file, ""))
	s.want(415, s.do("a", "PUT", file, "x", "Content-Type", "application/json"))
	s.want(204, s.upload("a", id, raw))
	s.want(409, s.upload("a", id, raw))
	a := s.want(200, s.do("a", "GET", file, ""))
	shown := s.do("a", "GET", "/v2/images/"+id, "").body
	if a.text != string(raw) || a.header.Get("Content-MD5") != shown["checksum"] || a.header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("data came back with %v", a.header)
	}
	if shown["status"] != "active" || shown["size"] != float64(len(raw)) || shown["os_hash_algo"] != "sha512" {
		t.Errorf("uploaded image is %v", shown)
	}
	if a := s.want(206, s.do("a", "GET", file, "", "Range", "bytes=6-10")); a.text != "bytes" {
		t.Errorf("range is %q", a.text)
	}
	s.want(404, s.do("b", "GET", file, ""))
	s.want(204, s.do("a", "POST", "/v2/images/"+id+"/actions/deactivate", ""))
	a = s.want(403, s.do("a", "GET", file, ""))
	if !strings.HasPrefix(a.text, "<html>") || !strings.Contains(a.text, "deactivated") {
		t.Errorf("fault is %q", a.text)
	}
	s.want(204, s.do("a", "POST", "/v2/images/"+id+"/actions/reactivate", ""))
	s.want(204, s.do("a", "DELETE", "/v2/images/"+id, ""))
	s.want(404, s.do("a", "DELETE", "/v2/images/"+id, ""))
}

func TestAnUploadCutOffOnTheWireIsQueuedAgain(t *testing.T) {
	s := newSite(t)
	id := s.create("a", `{"disk_format":"raw","container_format":"bare"}`)
	body, client := io.Pipe()
	r, err := http.NewRequest("PUT", s.url+"/v2/images/"+id+"/file", body)
	ok(t, err)
	r.Header.Set("X-Auth-Token", "a")
	r.Header.Set("Content-Type", "application/octet-stream")
	answered := make(chan error)
	go func() {
		_, err := http.DefaultClient.Do(r)
		answered <- err
	}()
	if _, err := client.Write(raw); err != nil {
		t.Fatal(err)
	}
	s.reaches(id, "saving")
	client.CloseWithError(io.ErrClosedPipe)
	if err := <-answered; err == nil {
		t.Fatal("a broken upload was answered")
	}
	s.reaches(id, "queued")
	s.want(204, s.do("a", "GET", "/v2/images/"+id+"/file", ""))
	hostile := append([]byte("QFI\xfb\x00\x00\x00\x03"), make([]byte, 4096)...)
	s.want(400, s.upload("a", id, hostile))
	s.want(204, s.upload("a", id, raw))
}

func (s *site) reaches(id, status string) {
	s.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for s.do("a", "GET", "/v2/images/"+id, "").body["status"] != status {
		if time.Now().After(deadline) {
			s.t.Fatalf("the image is never %s", status)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func TestPatch(t *testing.T) {
	s := newSite(t)
	id := s.create("a", `{"name":"old","a/b~c":"1","gone":"1"}`)
	patch := func(body string) answer { return s.do("a", "PATCH", "/v2/images/"+id, body, "Content-Type", patchType) }
	a := s.want(200, patch(`[{"op":"replace","path":"/name","value":"new"},{"op":"add","path":"/fresh","value":"x"},{"op":"remove","path":"/gone"},
		{"op":"replace","path":"/a~1b~0c","value":"2"},{"op":"replace","path":"/tags","value":["t"]},{"op":"replace","path":"/min_ram","value":512},
		{"op":"replace","path":"/visibility","value":"private"},{"op":"add","path":"/protected","value":true}]`))
	for key, want := range map[string]any{"name": "new", "fresh": "x", "a/b~c": "2", "min_ram": 512.0, "visibility": "private", "protected": true} {
		if a.body[key] != want {
			t.Errorf("%s is %v, want %v", key, a.body[key], want)
		}
	}
	if _, there := a.body["gone"]; there {
		t.Error("a removed property is there")
	}
	for body, code := range map[string]int{
		`[{"op":"replace","path":"/none","value":"x"}]`:                                          409,
		`[{"op":"remove","path":"/none"}]`:                                                       409,
		`[{"op":"remove","path":"/name"}]`:                                                       403,
		`[{"op":"replace","path":"/status","value":"active"}]`:                                   403,
		`[{"op":"add","path":"/locations/-","value":{}}]`:                                        403,
		`[{"op":"replace","path":"/visibility","value":"public"}]`:                               403,
		`[{"op":"add","path":"/a/b","value":"x"}]`:                                               400,
		`[{"op":"add","path":"x","value":"x"}]`:                                                  400,
		`[{"op":"add","path":"/a~2","value":"x"}]`:                                               400,
		`[{"op":"test","path":"/name","value":"x"}]`:                                             400,
		`[{"op":"add","path":"/x"}]`:                                                             400,
		`[{"op":"add","path":"/x","value":7}]`:                                                   400,
		`[{"op":"replace","path":"/name","value":"y"},{"op":"replace","path":"/no","value":""}]`: 409,
		`{"op":"add"}`: 400,
	} {
		if a := patch(body); a.code != code {
			t.Errorf("%s: got %d %s, want %d", body, a.code, a.text, code)
		}
	}
	if got := s.do("a", "GET", "/v2/images/"+id, "").body["name"]; got != "new" {
		t.Errorf("half of a refused patch was applied: name is %v", got)
	}
	s.want(415, s.do("a", "PATCH", "/v2/images/"+id, `[]`, "Content-Type", "application/json"))
	s.want(200, s.do("a", "PATCH", "/v2/images/"+id, `[{"replace":"/name","value":"v20"}]`, "Content-Type", "application/openstack-images-v2.0-json-patch"))
	s.want(403, s.do("a", "DELETE", "/v2/images/"+id, ""))
	s.want(403, s.do("b", "PATCH", "/v2/images/"+s.create("a", `{"visibility":"community"}`), `[]`, "Content-Type", patchType))
}

func (s *site) names(token, query string) string {
	s.t.Helper()
	a := s.want(200, s.do(token, "GET", "/v2/images"+query, ""))
	var names []string
	for _, i := range a.body["images"].([]any) {
		names = append(names, i.(map[string]any)["name"].(string))
	}
	return strings.Join(names, " ")
}

func TestListFiltersSortsAndPages(t *testing.T) {
	s := newSite(t)
	s.want(204, s.upload("a", s.create("a", `{"name":"one","disk_format":"raw","container_format":"bare","os_distro":"debian","tags":["x","y"]}`), raw))
	s.create("a", `{"name":"two","disk_format":"qcow2","container_format":"bare","tags":["x"],"protected":true}`)
	s.create("a", `{"name":"three, four","os_hidden":true}`)
	s.create("a", `{"name":"five","min_disk":4}`)
	for query, want := range map[string]string{
		"?sort=name:asc":                         "five one two",
		"?sort_key=name&sort_dir=asc":            "five one two",
		"?sort_key=name":                         "two one five",
		"":                                       "five two one",
		"?status=active":                         "one",
		"?status=in:active,queued&sort=name:asc": "five one two",
		"?name=in:one,two&sort=name:asc":         "one two",
		`?name=in:%22three,%20four%22&os_hidden=on`: "three, four",
		"?os_hidden=true":                     "three, four",
		"?disk_format=qcow2":                  "two",
		"?protected=True":                     "two",
		"?tag=x&tag=y":                        "one",
		"?os_distro=debian":                   "one",
		"?os_distro=none":                     "",
		"?size_min=1":                         "one",
		"?size_max=0&sort=name:asc":           "five two",
		"?min_disk=4":                         "five",
		"?created_at=gt:2100-01-01T00:00:00Z": "",
		"?created_at=lt:2100-01-01T00:00:00Z&sort=name:asc": "five one two",
		"?updated_at=neq:2000-01-01&sort=name:asc":          "five one two",
		"?owner=b":                      "",
		"?visibility=private":           "",
		"?limit=0":                      "",
		"?status=deleted":               "",
		"?visibility=all&sort=name:asc": "five one two",
	} {
		if got := s.names("a", query); got != want {
			t.Errorf("%s listed %q, want %q", query, got, want)
		}
	}
	for _, query := range []string{"?limit=-1", "?limit=x", "?sort_key=size2", "?sort=name:up", "?visibility=secret", "?created_at=gt:soon",
		"?size_min=x", "?protected=maybe", "?marker=none", "?name=in:%22a", "?member_status=x"} {
		if a := s.do("a", "GET", "/v2/images"+query, ""); a.code != 400 {
			t.Errorf("%s: got %d %s", query, a.code, a.text)
		}
	}
	a := s.want(200, s.do("a", "GET", "/v2/images?limit=2&sort=name:asc", ""))
	next, _ := a.body["next"].(string)
	if !strings.HasPrefix(next, "/v2/images?") || a.body["first"] != "/v2/images?limit=2&sort=name%3Aasc" || a.body["schema"] != "/v2/schemas/images" {
		t.Fatalf("page is %s", a.text)
	}
	if got := s.names("a", strings.TrimPrefix(next, "/v2/images")); got != "two" {
		t.Errorf("second page lists %q", got)
	}
	if a := s.do("a", "GET", strings.Replace(next, "limit=2", "limit=9", 1), ""); a.body["next"] != nil {
		t.Error("the last page has a next one")
	}
}

func TestMembersOnTheWire(t *testing.T) {
	s := newSite(t)
	id := s.create("a", `{"name":"shared"}`)
	members := "/v2/images/" + id + "/members"
	a := s.want(200, s.do("a", "POST", members, `{"member":"b"}`))
	if a.body["status"] != "pending" || a.body["member_id"] != "b" || a.body["image_id"] != id || a.body["schema"] != "/v2/schemas/member" {
		t.Errorf("member is %s", a.text)
	}
	s.want(409, s.do("a", "POST", members, `{"member":"b"}`))
	s.want(404, s.do("c", "GET", members, ""))
	if got := s.names("b", ""); got != "" {
		t.Errorf("a pending member lists %q", got)
	}
	s.want(403, s.do("a", "PUT", members+"/b", `{"status":"accepted"}`))
	s.want(400, s.do("b", "PUT", members+"/b", `{"status":"maybe"}`))
	s.want(200, s.do("b", "PUT", members+"/b", `{"status":"accepted"}`))
	if got := s.names("b", ""); got != "shared" {
		t.Errorf("a member lists %q", got)
	}
	if a := s.want(200, s.do("a", "GET", members, "")); len(a.body["members"].([]any)) != 1 {
		t.Errorf("members are %s", a.text)
	}
	s.want(403, s.do("b", "DELETE", members+"/b", ""))
	s.want(204, s.do("a", "DELETE", members+"/b", ""))
	s.want(404, s.do("a", "DELETE", members+"/b", ""))
	s.want(404, s.do("b", "GET", "/v2/images/"+id, ""))
}

func TestTagsAndInfo(t *testing.T) {
	s := newSite(t)
	id := s.create("a", `{"name":"i"}`)
	s.want(204, s.do("a", "PUT", "/v2/images/"+id+"/tags/blue%20sky", ""))
	if tags := s.do("a", "GET", "/v2/images/"+id, "").body["tags"].([]any); len(tags) != 1 || tags[0] != "blue sky" {
		t.Errorf("tags are %v", tags)
	}
	s.want(204, s.do("a", "DELETE", "/v2/images/"+id+"/tags/blue%20sky", ""))
	s.want(404, s.do("a", "DELETE", "/v2/images/"+id+"/tags/blue%20sky", ""))
	for _, path := range []string{"/v2/info/import", "/v2/info/stores", "/v2/info/usage", "/v2/tasks", "/v2/images/" + id + "/tasks",
		"/v2/schemas/image", "/v2/schemas/images", "/v2/schemas/member", "/v2/schemas/members"} {
		s.want(200, s.do("a", "GET", path, ""))
	}
	s.want(404, s.do("a", "GET", "/v2/nothing", ""))
}
