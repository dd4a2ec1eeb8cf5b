package cinder_test

import (
	"net/url"
	"testing"
)

// TestManage proves the round: a volume and its snapshot leave the cloud, are listed as what may be managed, and come back as others.
func TestManage(t *testing.T) {
	s := newSite(t)
	v := s.made("a", `{"size":1,"name":"v"}`)
	host := s.want(200, s.do("a+admin", "GET", "/v3/volumes/"+v, "")).in("volume")["os-vol-host-attr:host"].(string)
	s.want(403, s.do("a", "POST", "/v3/volumes/"+v+"/action", `{"os-unmanage":{}}`))
	s.want(202, s.do("a+admin", "POST", "/v3/volumes/"+v+"/action", `{"os-unmanage":{}}`))
	s.reaches("volume", "/v3/volumes/"+v, "gone")

	list := func(query string) []any {
		t.Helper()
		return s.want(200, s.do("a+admin", "GET", "/v3/manageable_volumes/detail?host="+url.QueryEscape(host)+query, "", "OpenStack-API-Version", "volume 3.8")).
			body["manageable-volumes"].([]any)
	}
	first := list("")[0].(map[string]any)
	if first["safe_to_manage"] != true || first["cinder_id"] != nil || first["size"] != 1.0 ||
		first["reference"].(map[string]any)["source-name"] != "volume-"+v {
		t.Errorf("listed: %v", first)
	}
	if rest := list("&limit=1&marker=" + url.QueryEscape(`{"source-name":"volume-`+v+`"}`)); len(rest) != 0 {
		t.Errorf("behind the last one: %v", rest)
	}
	again := s.want(202, s.do("a+admin", "POST", "/v3/manageable_volumes", `{"volume":{"host":"`+host+`","name":"w","ref":{"source-name":"volume-`+v+`"},"metadata":{"a":"b"},"bootable":true}}`,
		"OpenStack-API-Version", "volume 3.8")).in("volume")["id"].(string)
	s.reaches("volume", "/v3/volumes/"+again, "available")
	if managed := list("&sort=size:asc")[0].(map[string]any); managed["safe_to_manage"] != false || managed["cinder_id"] != again ||
		managed["reason_not_safe"] != "already managed" {
		t.Errorf("managed: %v", managed)
	}
}

// TestManageRefused proves that what cannot be meant is said so.
func TestManageRefused(t *testing.T) {
	s := newSite(t)
	for body, code := range map[string]int{
		`{}`: 400, `{"volume":{}}`: 400, `{"volume":{"host":"one@default"}}`: 400, `{"volume":{"host":"one@default","ref":{}}}`: 400,
		`{"volume":{"host":"one@default","ref":{"source-name":5}}}`:                      400,
		`{"volume":{"host":"one@default","ref":{"source-name":"none"}}}`:                 400,
		`{"volume":{"host":"one@default","ref":{"source-name":"../../etc/passwd"}}}`:     400,
		`{"volume":{"host":"none@default","ref":{"source-name":"x"}}}`:                   400,
		`{"volume":{"host":"one@default","ref":{"source-name":"x"},"bootable":"maybe"}}`: 400,
		`{"volume":{"cluster":"c","ref":{"source-name":"x"}}}`:                           404,
		`{"volume":{"cluster":"c","host":"one@default","ref":{"source-name":"x"}}}`:      400,
	} {
		s.want(code, s.do("a+admin", "POST", "/v3/os-volume-manage", body, "OpenStack-API-Version", "volume 3.16"))
	}
	s.want(400, s.do("a+admin", "GET", "/v3/os-volume-manage", ""))
	s.want(400, s.do("a+admin", "GET", "/v3/os-snapshot-manage?host=one@none", ""))
	s.want(400, s.do("a+admin", "GET", "/v3/os-volume-manage?host=one@default&sort_key=name", ""))
	s.want(400, s.do("a+admin", "GET", "/v3/os-volume-manage?host=one@default&marker=none", ""))
	s.want(404, s.do("a+admin", "GET", "/v3/manageable_volumes?host=one@default", "", "OpenStack-API-Version", "volume 3.7"))
	s.want(403, s.do("a", "GET", "/v3/os-volume-manage?host=one@default", ""))
	s.want(400, s.do("a+admin", "POST", "/v3/os-snapshot-manage", `{"snapshot":{"ref":{"source-name":"x"}}}`))
}

// TestErrorDeleting proves that a snapshot shows that it was its deletion that failed, and goes all the same.
func TestErrorDeleting(t *testing.T) {
	s := newSite(t)
	v := s.made("a", `{"size":1,"name":"v"}`)
	n := s.snapped("a", v)
	s.want(202, s.do("a+admin", "POST", "/v3/snapshots/"+n+"/action", `{"os-reset_status":{"status":"error_deleting"}}`))
	s.reaches("snapshot", "/v3/snapshots/"+n, "error_deleting")
	s.want(202, s.do("a+admin", "POST", "/v3/snapshots/"+n+"/action", `{"os-force_delete":{}}`))
	s.reaches("snapshot", "/v3/snapshots/"+n, "gone")
}
