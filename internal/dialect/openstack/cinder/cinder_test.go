package cinder_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

func TestVersionsAndMicroversions(t *testing.T) {
	s := newSite(t)
	for path, code := range map[string]int{"/": 300, "/v3/": 200} {
		v := s.want(code, s.do("", "GET", path, "")).body["versions"].([]any)[0].(map[string]any)
		if v["id"] != "v3.0" || v["min_version"] != "3.0" || v["version"] != "3.60" || v["status"] != "CURRENT" {
			t.Errorf("%s: %v", path, v)
		}
	}
	s.want(401, s.do("", "GET", "/v3/volumes", ""))
	a := s.do("a", "GET", "/v3/volumes", "", "OpenStack-API-Version", "volume 3.27")
	if a.header.Get("OpenStack-API-Version") != "volume 3.27" {
		t.Errorf("version answered: %q", a.header.Get("OpenStack-API-Version"))
	}
	for _, path := range []string{"GET /v3/volumes/", "DELETE /v3/volumes/", "PUT /v3/a/volumes/"} { // the volume without an id
		method, path, _ := strings.Cut(path, " ")
		s.want(404, s.do("a", method, path, ""))
	}
	s.want(406, s.do("a", "GET", "/v3/volumes", "", "OpenStack-API-Version", "volume 3.99"))
	s.want(404, s.do("a", "GET", "/v3/attachments", ""))
	s.want(200, s.do("a", "GET", "/v3/attachments", "", "OpenStack-API-Version", "volume 3.27"))
}

func TestVolumeAsDocumented(t *testing.T) {
	s := newSite(t)
	id := s.made("a", `{"name":"v","size":"2","description":"d","metadata":{"k":"w"},"imageRef":"`+s.activeImage()+`"}`)
	for what, answer := range map[string]map[string]any{
		"create": s.want(202, s.do("a", "POST", "/v3/volumes", `{"volume":{"size":1}}`)).in("volume"),
		"update": s.want(200, s.do("a", "PUT", "/v3/volumes/"+id, `{"volume":{"name":"v"}}`)).in("volume")} {
		for _, key := range []string{"os-vol-tenant-attr:tenant_id", "volume_image_metadata", "os-vol-host-attr:host"} {
			if _, there := answer[key]; there {
				t.Errorf("%s shows %s, which belongs to reads", what, key)
			}
		}
	}
	v := s.want(200, s.do("a", "GET", "/v3/a/volumes/"+id, "")).in("volume")
	for key, want := range map[string]any{"id": id, "name": "v", "size": 2.0, "status": "available", "bootable": "true", "encrypted": false,
		"multiattach": false, "volume_type": "default", "snapshot_id": nil, "source_volid": nil, "availability_zone": "nova", "description": "d",
		"user_id": "user-a", "os-vol-tenant-attr:tenant_id": "a", "consistencygroup_id": nil, "replication_status": nil, "migration_status": nil} {
		if got, there := v[key]; !there || got != want {
			t.Errorf("%s is %v (there: %t), want %v", key, got, there, want)
		}
	}
	if v["metadata"].(map[string]any)["k"] != "w" || v["volume_image_metadata"].(map[string]any)["image_name"] != "debian" {
		t.Errorf("metadata: %v", v)
	}
	if _, err := time.Parse("2006-01-02T15:04:05.000000", v["created_at"].(string)); err != nil {
		t.Error(err)
	}
	if _, there := v["os-vol-host-attr:host"]; there {
		t.Error("a member sees the host")
	}
	if _, there := v["group_id"]; there {
		t.Error("a key of 3.13 is in 3.0")
	}
	v = s.do("a+admin", "GET", "/v3/volumes/"+id, "", "OpenStack-API-Version", "volume 3.60").in("volume")
	if v["os-vol-host-attr:host"] != "one@default#default" || v["shared_targets"] != false {
		t.Errorf("an administrator sees %v", v)
	}
	s.want(404, s.do("b", "GET", "/v3/volumes/"+id, ""))
	s.attach(id, "i-1")
	at := s.do("a", "GET", "/v3/volumes/"+id, "").in("volume")
	first := at["attachments"].([]any)[0].(map[string]any)
	if at["status"] != "in-use" || first["server_id"] != "i-1" || first["device"] != "/dev/vdb" || first["id"] != id || first["host_name"] != nil {
		t.Errorf("attached volume is %v", at)
	}
}

func TestCreateRefusals(t *testing.T) {
	s := newSite(t)
	for body, code := range map[string]int{
		`{"volume":{}}`:              400,
		`{}`:                         400,
		`{"volume":{"size":"many"}}`: 400,
		`{"volume":{"size":0}}`:      400,
		`{"volume":{"size":1,"snapshot_id":"none"}}`:                      404,
		`{"volume":{"size":1,"volume_type":"none"}}`:                      404,
		`{"volume":{"size":1,"metadata":{"k":1}}}`:                        400,
		`{"volume":{"size":1,"backup_id":"b"}}`:                           404,
		`{"volume":{"size":1,"name":"` + strings.Repeat("x", 256) + `"}}`: 400,
	} {
		if a := s.do("a", "POST", "/v3/volumes", body); a.code != code {
			t.Errorf("%s: got %d %s, want %d", body, a.code, a.text, code)
		}
	}
	ok(t, s.quota.Set(t.Context(), "a", map[string]int64{cloud.QuotaGigabytes: 3}))
	a := s.want(413, s.do("a", "POST", "/v3/volumes", `{"volume":{"size":4}}`))
	if a.in("overLimit")["code"] != 413.0 {
		t.Errorf("quota fault is %s", a.text)
	}
}

func TestActions(t *testing.T) {
	s := newSite(t)
	id := s.made("a", `{"size":1}`)
	act := func(token, body string) answer { return s.do(token, "POST", "/v3/volumes/"+id+"/action", body) }
	s.want(202, act("a", `{"os-extend":{"new_size":2}}`))
	if v := s.reaches("volume", "/v3/volumes/"+id, "available"); v["size"] != 2.0 {
		t.Errorf("extended to %v", v["size"])
	}
	s.want(400, act("a", `{"os-extend":{"new_size":1}}`))
	s.want(200, act("a", `{"os-set_bootable":{"bootable":true}}`))
	s.want(200, act("a", `{"os-set_bootable":{"bootable":"False"}}`))
	s.want(400, act("a", `{"os-set_bootable":{}}`))
	s.want(202, act("a", `{"os-update_readonly_flag":{"readonly":true}}`))
	if v := s.do("a", "GET", "/v3/volumes/"+id, "").in("volume"); v["metadata"].(map[string]any)["readonly"] != "True" {
		t.Errorf("read-only volume is %v", v)
	}
	s.want(202, act("a", `{"os-update_readonly_flag":{"readonly":false}}`))
	if v := s.do("a", "GET", "/v3/volumes/"+id, "").in("volume"); v["metadata"].(map[string]any)["readonly"] != "False" {
		t.Errorf("volume that is writable again is %v", v)
	}
	s.want(200, act("a", `{"os-set_image_metadata":{"metadata":{"os_distro":"x","y":"z"}}}`))
	s.want(200, act("a", `{"os-unset_image_metadata":{"key":"y"}}`))
	s.want(404, act("a", `{"os-unset_image_metadata":{"key":"y"}}`))
	if a := s.want(200, act("a", `{"os-show_image_metadata":null}`)); a.in("metadata")["os_distro"] != "x" {
		t.Errorf("image metadata is %s", a.text)
	}
	s.want(202, act("a", `{"os-reserve":null}`))
	if v := s.do("a", "GET", "/v3/volumes/"+id, "").in("volume"); v["status"] != "attaching" {
		t.Errorf("a volume reserved by hand is %v", v["status"])
	}
	s.want(400, act("a", `{"os-reserve":null}`))
	s.want(202, act("a", `{"os-unreserve":null}`))
	s.want(202, act("a", `{"os-attach":{"instance_uuid":"i-7","mountpoint":"/dev/vdc"}}`))
	s.want(400, s.do("a", "DELETE", "/v3/volumes/"+id, ""))
	s.want(202, act("a", `{"os-begin_detaching":null}`))
	s.reaches("volume", "/v3/volumes/"+id, "detaching")
	s.want(202, act("a", `{"os-roll_detaching":null}`))
	s.want(202, act("a", `{"os-detach":{}}`))
	s.reaches("volume", "/v3/volumes/"+id, "available")
	s.want(400, act("a", `{"os-initialize_connection":{"connector":{"host":"h"}}}`))
	s.want(403, act("a", `{"os-reset_status":{"status":"error"}}`))
	s.want(202, act("a+admin", `{"os-reset_status":{"status":"error"}}`))
	s.reaches("volume", "/v3/volumes/"+id, "error")
	s.want(400, act("a+admin", `{"os-reset_status":{"status":"dancing"}}`))
	s.want(202, act("a+admin", `{"os-reset_status":{"attach_status":"detached"}}`))
	s.want(400, act("a", `{"os-nothing":{}}`))
	s.want(400, act("a", `{}`))
	s.attach(id, "i-1")
	s.want(409, act("a", `{"os-detach":{}}`))
	s.want(403, act("a", `{"os-force_delete":{}}`))
	s.want(202, act("a+admin", `{"os-force_delete":{}}`))
	s.reaches("volume", "/v3/volumes/"+id, "gone")
}

func TestUploadToImage(t *testing.T) {
	s := newSite(t)
	id := s.made("a", `{"size":1}`)
	a := s.want(202, s.do("a", "POST", "/v3/volumes/"+id+"/action", `{"os-volume_upload_image":{"image_name":"i","disk_format":"raw","container_format":"bare","visibility":"private"}}`,
		"OpenStack-API-Version", "volume 3.1"))
	u := a.in("os-volume_upload_image")
	if u["status"] != "uploading" || u["image_name"] != "i" || u["visibility"] != "private" || u["id"] != id {
		t.Errorf("answer is %s", a.text)
	}
	s.reaches("volume", "/v3/volumes/"+id, "available")
	i, err := s.db.Images.Get(t.Context(), cloud.ImageID(u["image_id"].(string)))
	ok(t, err)
	if i.State != cloud.ImageActive || i.ProjectID != "a" {
		t.Errorf("image is %+v", i)
	}
}

func TestListsFilterSortAndPage(t *testing.T) {
	s := newSite(t)
	one := s.made("a", `{"name":"one","size":1,"metadata":{"k":"v"}}`)
	s.made("a", `{"name":"two","size":2}`)
	s.made("a", `{"name":"three","size":3}`)
	s.made("b", `{"name":"theirs","size":1}`)
	s.attach(one, "i-1")
	names := func(token, query string) string {
		t.Helper()
		var all []string
		for _, v := range s.want(200, s.do(token, "GET", "/v3/volumes/detail"+query, "")).body["volumes"].([]any) {
			all = append(all, v.(map[string]any)["name"].(string))
		}
		return strings.Join(all, " ")
	}
	for query, want := range map[string]string{
		"":                                "three two one",
		"?sort=name:asc":                  "one three two",
		"?sort_key=size&sort_dir=asc":     "one two three",
		"?name=two":                       "two",
		"?name~=t&sort=name:asc":          "three two",
		"?status=in-use":                  "one",
		"?status=available&sort=size:asc": "two three",
		"?metadata=" + url.QueryEscape(`{"k":"v"}`): "one",
		"?metadata=" + url.QueryEscape(`{'k':'v'}`): "one",
		"?bootable=true":                     "",
		"?all_tenants=1":                     "three two one",
		"?limit=1&offset=1":                  "two",
		"?limit=0":                           "",
		"?created_at=lt:2000-01-01T00:00:00": "",
	} {
		if got := names("a", query); got != want {
			t.Errorf("%s listed %q, want %q", query, got, want)
		}
	}
	if got := names("a+admin", "?all_tenants=True&sort=name:asc"); got != "one theirs three two" {
		t.Errorf("an administrator listed %q", got)
	}
	if got := names("a+admin", "?project_id=b"); got != "theirs" {
		t.Errorf("project_id=b listed %q", got)
	}
	for _, query := range []string{"?limit=-1", "?limit=x", "?sort_key=none", "?metadata=x", "?bootable=perhaps"} {
		s.want(400, s.do("a", "GET", "/v3/volumes"+query, ""))
	}
	s.want(404, s.do("a", "GET", "/v3/volumes?marker=none", ""))
	s.want(200, s.do("a", "GET", "/v3/volumes?sort=display_name:asc", ""))
	s.want(404, s.do("a", "GET", "/v3/snapshots?marker=none", ""))
	s.want(200, s.do("a", "GET", "/v3/snapshots?sort_key=display_name", ""))
	a := s.do("a", "GET", "/v3/a/volumes?limit=2&with_count=true", "", "OpenStack-API-Version", "volume 3.45")
	next := a.body["volumes_links"].([]any)[0].(map[string]any)
	if a.body["count"] != 3.0 || next["rel"] != "next" {
		t.Fatalf("page is %s", a.text)
	}
	if path := next["href"].(string); !strings.Contains(path, "/v3/a/volumes?") { // as the client asked
		t.Errorf("the next page is at %s", path)
	}
	a = s.want(200, s.do("a", "GET", next["href"].(string), ""))
	if len(a.body["volumes"].([]any)) != 1 || a.body["volumes_links"] != nil {
		t.Errorf("last page is %s", a.text)
	}
	a = s.do("a", "GET", "/v3/volumes/summary", "")
	if sum := a.in("volume-summary"); sum["total_count"] != 3.0 || sum["total_size"] != 6.0 {
		t.Errorf("summary is %s", a.text)
	}
}

func TestSnapshotsOnTheWire(t *testing.T) {
	s := newSite(t)
	v := s.made("a", `{"size":1}`)
	id := s.snapped("a", v)
	n := s.do("a", "GET", "/v3/snapshots/"+id, "").in("snapshot")
	if n["volume_id"] != v || n["size"] != 1.0 || n["os-extended-snapshot-attributes:progress"] != "100%" || n["os-extended-snapshot-attributes:project_id"] != "a" {
		t.Errorf("snapshot is %v", n)
	}
	s.want(404, s.do("a", "POST", "/v3/snapshots", `{"snapshot":{"volume_id":null}}`))
	s.want(400, s.do("a", "POST", "/v3/snapshots", `{"snapshot":{}}`))
	s.want(400, s.do("a", "DELETE", "/v3/volumes/"+v, ""))
	changed := s.want(200, s.do("a", "PUT", "/v3/snapshots/"+id, `{"snapshot":{"name":"renamed"}}`)).in("snapshot")
	if _, there := changed["os-extended-snapshot-attributes:progress"]; there || changed["name"] != "renamed" {
		t.Errorf("update answers %v", changed)
	}
	if a := s.do("a", "GET", "/v3/snapshots/detail?name=renamed&volume_id="+v+"&status=available", ""); len(a.body["snapshots"].([]any)) != 1 {
		t.Errorf("list is %s", a.text)
	}
	s.want(403, s.do("a", "POST", "/v3/snapshots/"+id+"/action", `{"os-reset_status":{"status":"error"}}`))
	s.want(202, s.do("a+admin", "POST", "/v3/snapshots/"+id+"/action", `{"os-reset_status":{"status":"error"}}`))
	s.want(202, s.do("a", "DELETE", "/v3/volumes/"+v+"?cascade=true", ""))
	s.reaches("volume", "/v3/volumes/"+v, "gone")
	s.reaches("snapshot", "/v3/snapshots/"+id, "gone")
	w := s.made("a", `{"size":1}`)
	s.attach(w, "i-1")
	s.want(400, s.do("a", "POST", "/v3/snapshots", `{"snapshot":{"volume_id":"`+w+`"}}`))
	s.want(202, s.do("a", "POST", "/v3/snapshots", `{"snapshot":{"volume_id":"`+w+`","force":true}}`))
}

func TestMetadataOfVolumesAndSnapshots(t *testing.T) {
	s := newSite(t)
	v := s.made("a", `{"size":1,"metadata":{"a":"1"}}`)
	for _, path := range []string{"/v3/volumes/" + v + "/metadata", "/v3/snapshots/" + s.snapped("a", v) + "/metadata"} {
		s.want(200, s.do("a", "PUT", path, `{"metadata":{"b":"2"}}`))
		if a := s.want(200, s.do("a", "POST", path, `{"metadata":{"c":"3"}}`)); a.in("metadata")["b"] != "2" || a.in("metadata")["c"] != "3" || a.in("metadata")["a"] != nil {
			t.Errorf("%s: %s", path, a.text)
		}
		s.want(200, s.do("a", "PUT", path+"/d", `{"meta":{"d":"4"}}`))
		s.want(400, s.do("a", "PUT", path+"/d", `{"meta":{"e":"4"}}`))
		if a := s.want(200, s.do("a", "GET", path+"/d", "")); a.in("meta")["d"] != "4" {
			t.Errorf("%s: %s", path, a.text)
		}
		s.want(200, s.do("a", "DELETE", path+"/d", ""))
		s.want(404, s.do("a", "DELETE", path+"/d", ""))
		s.want(404, s.do("b", "GET", path, ""))
	}
}

func TestTypesOnTheWire(t *testing.T) {
	s := newSite(t)
	if a := s.want(200, s.do("a", "GET", "/v3/types/default", "")); a.in("volume_type")["name"] != "default" {
		t.Errorf("default type is %s", a.text)
	}
	s.want(403, s.do("a", "POST", "/v3/types", `{"volume_type":{"name":"x"}}`))
	a := s.want(200, s.do("a+admin", "POST", "/v3/types", `{"volume_type":{"name":"fast","os-volume-type-access:is_public":false,"extra_specs":{"k":"v"}}}`))
	if _, there := a.in("volume_type")["qos_specs_id"]; there {
		t.Errorf("create answers %s", a.text)
	}
	path := "/v3/types/" + a.in("volume_type")["id"].(string)
	s.want(400, s.do("a+admin", "POST", path+"/encryption", `{"encryption":{}}`))
	s.want(404, s.do("a+admin", "POST", "/v3/types/none/encryption", `{"encryption":{}}`))
	s.want(409, s.do("a+admin", "POST", "/v3/types", `{"volume_type":{"name":"fast"}}`))
	s.want(404, s.do("b", "GET", path, ""))
	s.want(202, s.do("a+admin", "POST", path+"/action", `{"addProjectAccess":{"project":"b"}}`))
	s.want(409, s.do("a+admin", "POST", path+"/action", `{"addProjectAccess":{"project":"b"}}`))
	s.want(200, s.do("b", "GET", path, ""))
	if a := s.want(200, s.do("a+admin", "GET", path+"/os-volume-type-access", "")); len(a.body["volume_type_access"].([]any)) != 1 {
		t.Errorf("access is %s", a.text)
	}
	s.want(202, s.do("a+admin", "POST", path+"/action", `{"removeProjectAccess":{"project":"b"}}`))
	s.want(200, s.do("a+admin", "POST", path+"/extra_specs", `{"extra_specs":{"k2":"v2"}}`))
	s.want(200, s.do("a+admin", "PUT", path+"/extra_specs/k2", `{"k2":"v3"}`))
	if a := s.want(200, s.do("a+admin", "GET", path+"/extra_specs/k2", "")); a.body["k2"] != "v3" {
		t.Errorf("spec is %s", a.text)
	}
	s.want(202, s.do("a+admin", "DELETE", path+"/extra_specs/k2", ""))
	s.want(200, s.do("a+admin", "PUT", path, `{"volume_type":{"name":"slow","is_public":true}}`))
	if a := s.want(200, s.do("a", "GET", "/v3/types?sort=name:asc&is_public=None", "")); len(a.body["volume_types"].([]any)) != 2 {
		t.Errorf("types are %s", a.text)
	}
	s.want(202, s.do("a+admin", "DELETE", path, ""))
}

func TestOperatorsAndQuotas(t *testing.T) {
	s := newSite(t)
	s.made("a", `{"size":2}`)
	for _, path := range []string{"/v3/os-services", "/v3/os-hosts", "/v3/scheduler-stats/get_pools?detail=true"} {
		s.want(403, s.do("a", "GET", path, ""))
		s.want(200, s.do("a+admin", "GET", path, ""))
	}
	pool := s.do("a+admin", "GET", "/v3/scheduler-stats/get_pools?detail=true", "").body["pools"].([]any)[0].(map[string]any)
	if pool["name"] != "one@default#default" || pool["capabilities"].(map[string]any)["free_capacity_gb"] != 90.0 {
		t.Errorf("pool is %v", pool)
	}
	can := s.want(200, s.do("a+admin", "GET", "/v3/capabilities/one@default", "")).body
	if can["vendor_name"] != "Nubo" || can["namespace"] != "OS::Storage::Capabilities::one@default" {
		t.Errorf("capabilities are %v", can)
	}
	s.want(404, s.do("a+admin", "GET", "/v3/capabilities/two@default", ""))
	s.want(403, s.do("a", "GET", "/v3/capabilities/one@default", ""))
	for version, want := range map[string]bool{"3.6": false, "3.7": true} {
		list := s.do("a+admin", "GET", "/v3/os-services", "", "OpenStack-API-Version", "volume "+version).body["services"].([]any)
		if _, there := list[0].(map[string]any)["cluster"]; there != want {
			t.Errorf("cluster in %s: %t", version, there)
		}
	}
	zone := s.want(200, s.do("a", "GET", "/v3/os-availability-zone", "")).body["availabilityZoneInfo"].([]any)[0].(map[string]any)
	if zone["zoneName"] != "nova" || zone["zoneState"].(map[string]any)["available"] != true {
		t.Errorf("zone is %v", zone)
	}
	q := s.want(200, s.do("a", "GET", "/v3/a/os-quota-sets/a?usage=True", "")).in("quota_set")
	if g := q["gigabytes"].(map[string]any); g["in_use"] != 2.0 || g["limit"] != 2000.0 || q["id"] != "a" {
		t.Errorf("quotas are %v", q)
	}
	s.want(403, s.do("a", "PUT", "/v3/os-quota-sets/a", `{"quota_set":{"volumes":1}}`))
	if q := s.want(200, s.do("a+admin", "PUT", "/v3/os-quota-sets/a", `{"quota_set":{"volumes":"1","tenant_id":"a"}}`)).in("quota_set"); q["volumes"] != 1.0 {
		t.Errorf("quotas are %v", q)
	}
	s.want(413, s.do("a", "POST", "/v3/volumes", `{"volume":{"size":1}}`))
	s.want(400, s.do("a+admin", "PUT", "/v3/os-quota-sets/a", `{"quota_set":{"beer":1}}`))
	s.want(200, s.do("a+admin", "DELETE", "/v3/os-quota-sets/a", ""))
	s.want(202, s.do("a", "POST", "/v3/volumes", `{"volume":{"size":1}}`))
	s.want(200, s.do("a+admin", "PUT", "/v3/os-quota-class-sets/default", `{"quota_class_set":{"volumes":7}}`))
	if l := s.want(200, s.do("a", "GET", "/v3/limits", "")).in("limits")["absolute"].(map[string]any); l["totalVolumesUsed"] != 2.0 || l["totalGigabytesUsed"] != 3.0 {
		t.Errorf("limits are %v", l)
	}
	for _, path := range []string{"/v3/extensions", "/v3/backups/detail", "/v3/os-volume-transfer/detail"} {
		s.want(200, s.do("a", "GET", path, ""))
	}
}

func TestAttachmentsAPI(t *testing.T) {
	s := newSite(t)
	version := []string{"OpenStack-API-Version", "volume 3.44"}
	id := s.made("a", `{"size":1}`)
	a := s.want(200, s.do("a", "POST", "/v3/attachments", `{"attachment":{"volume_uuid":"`+id+`","instance_uuid":"i-5","mode":"ro"}}`, version...))
	at := a.in("attachment")
	if at["status"] != "reserved" || at["attach_mode"] != "ro" || at["instance"] != "i-5" {
		t.Errorf("attachment is %s", a.text)
	}
	path := "/v3/attachments/" + at["id"].(string)
	s.reaches("volume", "/v3/volumes/"+id, "reserved")
	s.want(400, s.do("a", "PUT", path, `{"attachment":{"connector":{"host":"h"}}}`, version...))
	s.want(204, s.do("a", "POST", path+"/action", `{"os-complete":null}`, version...))
	s.reaches("volume", "/v3/volumes/"+id, "in-use")
	if a := s.want(200, s.do("a", "GET", "/v3/attachments/detail?volume_id="+id, "", version...)); len(a.body["attachments"].([]any)) != 1 {
		t.Errorf("list is %s", a.text)
	}
	s.want(404, s.do("b", "GET", path, "", version...))
	s.want(200, s.do("a", "DELETE", path, "", version...))
	s.reaches("volume", "/v3/volumes/"+id, "available")
}
