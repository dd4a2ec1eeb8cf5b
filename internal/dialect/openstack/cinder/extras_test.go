package cinder_test

import "testing"

// newest asks for the newest microversion.
var newest = []string{"OpenStack-API-Version", "volume 3.60"}

func TestTransfersAsDocumented(t *testing.T) {
	s := newSite(t)
	id := s.made("a", `{"size":1}`)
	made := s.want(202, s.do("a", "POST", "/v3/os-volume-transfer", `{"transfer":{"volume_id":"`+id+`","name":"gift"}}`)).in("transfer")
	key, offer := made["auth_key"].(string), made["id"].(string)
	if v := s.do("a", "GET", "/v3/volumes/"+id, "").in("volume"); v["status"] != "awaiting-transfer" {
		t.Errorf("status %v", v["status"])
	}
	if list := s.want(200, s.do("a", "GET", "/v3/volume-transfers/detail", "", newest...)).body["transfers"].([]any); len(list) != 1 ||
		list[0].(map[string]any)["source_project_id"] != "a" || list[0].(map[string]any)["auth_key"] != nil {
		t.Errorf("list: %v", list)
	}
	s.want(404, s.do("a", "GET", "/v3/volume-transfers", ""))
	s.want(404, s.do("b", "GET", "/v3/os-volume-transfer/"+offer, ""))
	s.want(400, s.do("b", "POST", "/v3/os-volume-transfer/"+offer+"/accept", `{"accept":{"auth_key":"no"}}`))
	s.want(202, s.do("b", "POST", "/v3/os-volume-transfer/"+offer+"/accept", `{"accept":{"auth_key":"`+key+`"}}`))
	s.want(200, s.do("b", "GET", "/v3/volumes/"+id, ""))
	s.want(404, s.do("a", "GET", "/v3/volumes/"+id, ""))
}

func TestQOSAsDocumented(t *testing.T) {
	s := newSite(t)
	q := s.want(200, s.do("a+admin", "POST", "/v3/qos-specs", `{"qos_specs":{"name":"q","consumer":"front-end","read_iops_sec":2000}}`)).in("qos_specs")
	at := "/v3/qos-specs/" + q["id"].(string)
	if q["specs"].(map[string]any)["read_iops_sec"] != "2000" {
		t.Errorf("specs: %v", q)
	}
	s.want(200, s.do("a+admin", "PUT", at, `{"qos_specs":{"k":"v"}}`))
	s.want(202, s.do("a+admin", "PUT", at+"/delete_keys", `{"keys":["k"]}`))
	s.want(404, s.do("a+admin", "PUT", at+"/delete_keys", `{"keys":["k"]}`))
	made := s.want(200, s.do("a+admin", "POST", "/v3/types", `{"volume_type":{"name":"fast"}}`)).in("volume_type")
	s.want(202, s.do("a+admin", "GET", at+"/associate?vol_type_id="+made["id"].(string), ""))
	if list := s.want(200, s.do("a+admin", "GET", at+"/associations", "")).body["qos_associations"].([]any); len(list) != 1 {
		t.Errorf("associations: %v", list)
	}
	s.want(400, s.do("a+admin", "DELETE", at, ""))
	s.want(202, s.do("a+admin", "GET", at+"/disassociate_all", ""))
	s.want(202, s.do("a+admin", "DELETE", at, ""))
	s.want(403, s.do("a", "POST", "/v3/qos-specs", `{"qos_specs":{"name":"q"}}`))
	s.want(400, s.do("a+admin", "POST", "/v3/qos-specs", `{"qos_specs":{"name":"q","consumer":"nobody"}}`))
}

func TestGroupTypesAndDefaultTypes(t *testing.T) {
	s := newSite(t)
	s.want(404, s.do("a+admin", "GET", "/v3/group_types", ""))
	g := s.want(202, s.do("a+admin", "POST", "/v3/group_types", `{"group_type":{"name":"g","group_specs":{"a":"b"}}}`, newest...)).in("group_type")
	at := "/v3/group_types/" + g["id"].(string)
	s.want(202, s.do("a+admin", "POST", at+"/group_specs", `{"group_specs":{"c":"d"}}`, newest...))
	s.want(200, s.do("a+admin", "PUT", at+"/group_specs/c", `{"c":"e"}`, newest...))
	s.want(202, s.do("a+admin", "DELETE", at+"/group_specs/a", "", newest...))
	if specs := s.want(200, s.do("a+admin", "GET", at+"/group_specs", "", newest...)).in("group_specs"); len(specs) != 1 || specs["c"] != "e" {
		t.Errorf("specs: %v", specs)
	}
	if _, there := s.want(200, s.do("a", "GET", at, "", newest...)).in("group_type")["group_specs"]; there {
		t.Error("a member sees the specs")
	}
	s.want(202, s.do("a+admin", "DELETE", at, "", newest...))
	s.want(200, s.do("a+admin", "PUT", "/v3/default-types/p", `{"default_type":{"volume_type":"default"}}`))
	s.want(200, s.do("a+admin", "GET", "/v3/default-types/p", ""))
	s.want(204, s.do("a+admin", "DELETE", "/v3/default-types/p", ""))
	s.want(404, s.do("a+admin", "GET", "/v3/default-types/p", ""))
}

func TestServicesAndHosts(t *testing.T) {
	s := newSite(t)
	for body, code := range map[string]int{`{"host":"one@default","binary":"cinder-volume"}`: 200, `{"host":"two","binary":"cinder-volume"}`: 404,
		`{"host":"one","binary":"other"}`: 404, `{}`: 400} {
		s.want(code, s.do("a+admin", "PUT", "/v3/os-services/disable", body))
	}
	s.want(400, s.do("a+admin", "PUT", "/v3/os-services/disable-log-reason", `{"host":"one","binary":"cinder-volume"}`))
	s.want(200, s.do("a+admin", "PUT", "/v3/os-services/enable", `{"host":"one","binary":"cinder-volume"}`))
	s.made("a", `{"size":2}`)
	h := s.want(200, s.do("a+admin", "GET", "/v3/os-hosts/one@default", "")).body["host"].([]any)
	if total := h[0].(map[string]any)["resource"].(map[string]any); len(h) != 2 || total["total_volume_gb"] != "2" || total["project"] != "(total)" {
		t.Errorf("host: %v", h)
	}
	if f := s.want(200, s.do("a", "GET", "/v3/resource_filters?resource=volume", "", newest...)).body["resource_filters"].([]any); len(f) != 1 {
		t.Errorf("filters: %v", f)
	}
}

// An administrator may say that a snapshot which is being made is ready, and nothing else of it.
func TestUpdateSnapshotStatus(t *testing.T) {
	s := newSite(t)
	id := s.snapped("a", s.made("a", `{"size":1}`))
	act := func(token, body string) answer { return s.do(token, "POST", "/v3/snapshots/"+id+"/action", body) }
	s.want(400, act("a+admin", `{"os-update_snapshot_status":{"status":"error"}}`))
	s.want(202, act("a+admin", `{"os-reset_status":{"status":"creating"}}`))
	s.want(400, act("a+admin", `{"os-update_snapshot_status":{"status":"deleting"}}`))
	s.want(403, act("a", `{"os-update_snapshot_status":{"status":"available"}}`))
	s.want(202, act("a+admin", `{"os-update_snapshot_status":{"status":"available","progress":"100%"}}`))
	s.reaches("snapshot", "/v3/snapshots/"+id, "available")
}
