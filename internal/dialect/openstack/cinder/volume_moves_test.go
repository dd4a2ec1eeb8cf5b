package cinder_test

import "testing"

// TestRetypeWithMigration proves that a volume goes where its new type wants it if the policy allows that, and how it shows.
func TestRetypeWithMigration(t *testing.T) {
	s := newSite(t)
	s.want(200, s.do("a+admin", "POST", "/v3/types", `{"volume_type":{"name":"fast","extra_specs":{"volume_backend_name":"second"}}}`))
	id := s.made("a", `{"size":1}`)
	path := "/v3/volumes/" + id
	for body, code := range map[string]int{`{"new_type":"fast"}`: 400, `{"new_type":"fast","migration_policy":"never"}`: 400,
		`{"new_type":"fast","migration_policy":"always"}`: 400, `{"migration_policy":"on-demand"}`: 400, `{"new_type":"none"}`: 404} {
		s.want(code, s.do("a", "POST", path+"/action", `{"os-retype":`+body+`}`))
	}
	s.want(202, s.do("a", "POST", path+"/action", `{"os-retype":{"new_type":"fast","migration_policy":"on-demand"}}`))
	v := s.reaches("volume", path, "available")
	for key, want := range map[string]any{"id": id, "volume_type": "fast", "os-vol-host-attr:host": "one@second#second",
		"migration_status": "success", "os-vol-mig-status-attr:migstat": "success", "os-vol-mig-status-attr:name_id": nil} {
		if v[key] != want {
			t.Errorf("%s is %v, want %v", key, v[key], want)
		}
	}
	if own := s.want(200, s.do("a", "GET", path, "")).in("volume"); own["migration_status"] != nil {
		t.Errorf("its owner sees the migration: %v", own)
	}
	if list := s.want(200, s.do("a+admin", "GET", "/v3/volumes?migration_status=success", "")).body["volumes"].([]any); len(list) != 1 {
		t.Errorf("migrated volumes are %v", list)
	}
}

// TestMigrateVolume proves what os-migrate_volume takes and refuses.
func TestMigrateVolume(t *testing.T) {
	s := newSite(t)
	id := s.made("a", `{"size":1}`)
	act := func(token, body string, header ...string) answer {
		return s.do(token, "POST", "/v3/volumes/"+id+"/action", body, header...)
	}
	s.want(403, act("a", `{"os-migrate_volume":{"host":"one@second#second"}}`))
	for _, body := range []string{`{}`, `{"host":""}`, `{"host":7}`, `{"host":"two@second#second"}`, `{"host":"one@third#third"}`, `{"host":"one@default#default"}`,
		`{"host":"one@second#second","lock_volume":"perhaps"}`, `{"host":"one@second#second","force_host_copy":[]}`} {
		s.want(400, act("a+admin", `{"os-migrate_volume":`+body+`}`))
	}
	s.want(400, act("a+admin", `{"os-migrate_volume":{"cluster":"c"}}`, "OpenStack-API-Version", "volume 3.16"))
	s.want(202, act("a+admin", `{"os-migrate_volume":{"host":"one@second#second","force_host_copy":false,"lock_volume":"True"}}`))
	v := s.reaches("volume", "/v3/volumes/"+id, "available")
	if v["os-vol-host-attr:host"] != "one@second#second" || v["migration_status"] != "success" {
		t.Errorf("volume is %v", v)
	}
	s.want(400, act("a+admin", `{"os-migrate_volume_completion":{}}`))
	s.want(404, act("a+admin", `{"os-migrate_volume_completion":{"new_volume":"none"}}`))
	s.want(400, act("a+admin", `{"os-migrate_volume_completion":{"new_volume":"`+id+`","error":false}}`))
}
