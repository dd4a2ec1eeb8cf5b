package cinder_test

import "testing"

// at asks with a microversion.
func at(minor string) []string { return []string{"OpenStack-API-Version", "volume 3." + minor} }

// grouped makes a group type and a group of the default volume type.
func (s *site) grouped(token string) string {
	kind := s.want(202, s.do("a+admin", "POST", "/v3/group_types", `{"group_type":{"name":"g"}}`, newest...)).in("group_type")["id"].(string)
	return s.want(202, s.do(token, "POST", "/v3/groups", `{"group":{"name":"g","group_type":"`+kind+`","volume_types":["default"]}}`, newest...)).in("group")["id"].(string)
}

func TestGroupsAsDocumented(t *testing.T) {
	s := newSite(t)
	id := s.grouped("a")
	path := "/v3/groups/" + id
	v := s.want(202, s.do("a", "POST", "/v3/volumes", `{"volume":{"size":1,"group_id":"`+id+`"}}`, newest...)).in("volume")
	volume := v["id"].(string)
	s.reaches("volume", "/v3/volumes/"+volume, "available")
	if v["group_id"] != id {
		t.Errorf("group of the volume: %v", v["group_id"])
	}
	g := s.want(200, s.do("a", "GET", path+"?list_volume=true", "", newest...)).in("group")
	if g["status"] != "available" || g["volumes"].([]any)[0] != volume || g["project_id"] != "a" || g["replication_status"] != "disabled" {
		t.Errorf("group: %v", g)
	}
	for _, key := range []string{"volumes", "group_snapshot_id", "replication_status", "project_id"} {
		if _, there := s.want(200, s.do("a", "GET", path+"?list_volume=true", "", at("13")...)).in("group")[key]; there {
			t.Errorf("3.13 shows %s", key)
		}
	}
	s.want(404, s.do("a", "GET", path, "", at("12")...))
	s.want(404, s.do("b", "GET", path, "", newest...))
	s.want(400, s.do("a", "PUT", path, `{"group":{}}`, newest...))
	s.want(202, s.do("a", "PUT", path, `{"group":{"name":"h","remove_volumes":"`+volume+`"}}`, newest...))
	s.want(202, s.do("a", "PUT", path, `{"group":{"add_volumes":"`+volume+`"}}`, newest...))
	s.want(400, s.do("a", "PUT", path, `{"group":{"add_volumes":"`+volume+`"}}`, newest...))
	if list := s.want(200, s.do("a", "GET", "/v3/volumes?group_id="+id, "", newest...)).body["volumes"].([]any); len(list) != 1 {
		t.Errorf("volumes of the group: %v", list)
	}
	s.want(400, s.do("a", "DELETE", "/v3/volumes/"+volume, ""))
	act := func(token, body, minor string) answer { return s.do(token, "POST", path+"/action", body, at(minor)...) }
	s.want(400, act("a", `{"delete":{"delete-volumes":false}}`, "13"))
	s.want(400, act("a", `{"failover_replication":{}}`, "38"))
	s.want(404, act("a+admin", `{"reset_status":{"status":"error"}}`, "19"))
	s.want(403, act("a", `{"reset_status":{"status":"error"}}`, "20"))
	s.want(400, act("a+admin", `{"reset_status":{"status":"in-use"}}`, "20"))
	s.want(202, act("a+admin", `{"reset_status":{"status":"available"}}`, "20"))
	s.want(202, act("a", `{"delete":{"delete-volumes":true}}`, "13"))
	s.reaches("group", path, "gone", newest...)
}

func TestGroupSnapshotsAsDocumented(t *testing.T) {
	s := newSite(t)
	id := s.grouped("a")
	s.want(400, s.do("a", "POST", "/v3/group_snapshots", `{"group_snapshot":{"group_id":"`+id+`"}}`, newest...))
	volume := s.want(202, s.do("a", "POST", "/v3/volumes", `{"volume":{"size":1,"group_id":"`+id+`"}}`, newest...)).in("volume")["id"].(string)
	s.reaches("volume", "/v3/volumes/"+volume, "available")
	made := s.want(202, s.do("a", "POST", "/v3/group_snapshots", `{"group_snapshot":{"group_id":"`+id+`","name":"s"}}`, newest...)).in("group_snapshot")
	path := "/v3/group_snapshots/" + made["id"].(string)
	n := s.reaches("group_snapshot", path, "available", newest...)
	if n["group_id"] != id || n["project_id"] != "a" {
		t.Errorf("group snapshot: %v", n)
	}
	list := s.want(200, s.do("a", "GET", "/v3/snapshots?group_snapshot_id="+made["id"].(string), "", newest...)).body["snapshots"].([]any)
	if len(list) != 1 || list[0].(map[string]any)["group_snapshot_id"] != made["id"] {
		t.Fatalf("snapshots: %v", list)
	}
	s.want(400, s.do("a", "DELETE", "/v3/snapshots/"+list[0].(map[string]any)["id"].(string), ""))
	copied := s.want(202, s.do("a", "POST", "/v3/groups/action", `{"create-from-src":{"name":"c","group_snapshot_id":"`+made["id"].(string)+`"}}`, newest...)).in("group")
	g := s.reaches("group", "/v3/groups/"+copied["id"].(string), "available", newest...)
	if g["group_snapshot_id"] != made["id"] {
		t.Errorf("copy: %v", g)
	}
	s.want(400, s.do("a", "POST", "/v3/groups/action", `{"create-from-src":{"name":"c"}}`, newest...))
	s.want(404, s.do("a+admin", "POST", path+"/action", `{"reset_status":{"status":"error"}}`, at("18")...))
	s.want(202, s.do("a+admin", "POST", path+"/action", `{"reset_status":{"status":"error"}}`, newest...))
	s.reaches("group_snapshot", path, "error", newest...)
	s.want(202, s.do("a", "DELETE", path, "", newest...))
	s.reaches("group", path, "gone", newest...)
	if rest := s.do("a", "GET", "/v3/snapshots", "", newest...).body["snapshots"].([]any); len(rest) != 0 {
		t.Errorf("left: %v", rest)
	}
}
