package cinder_test

import "testing"

// TestBackEnds proves that each back end is a service of its own, which can be taken out of service alone.
func TestBackEnds(t *testing.T) {
	s := newSite(t)
	service := func(host string) map[string]any {
		t.Helper()
		list := s.want(200, s.do("a+admin", "GET", "/v3/os-services?host="+host, "")).body["services"].([]any)
		if len(list) != 1 {
			t.Fatalf("services of %s are %v", host, list)
		}
		return list[0].(map[string]any)
	}
	put := func(verb, body string, code int) answer {
		t.Helper()
		return s.want(code, s.do("a+admin", "PUT", "/v3/os-services/"+verb, body))
	}
	second := `{"binary":"cinder-volume","host":"one@second"}`
	put("disable-log-reason", `{"binary":"cinder-volume","host":"one@second","disabled_reason":"repair"}`, 200)
	if v := service("one@second"); v["status"] != "disabled" || v["disabled_reason"] != "repair" || v["frozen"] != false {
		t.Errorf("disabled: %v", v)
	}
	if v := service("one@default"); v["status"] != "enabled" {
		t.Errorf("the other back end: %v", v)
	}
	put("freeze", second, 200)
	if v := service("one@second"); v["status"] != "disabled" || v["frozen"] != true {
		t.Errorf("frozen: %v", v)
	}
	put("thaw", second, 200)
	if v := service("one@second"); v["status"] != "enabled" || v["frozen"] != false {
		t.Errorf("thawed: %v", v)
	}
	put("enable", `{"binary":"cinder-volume","host":"one@none"}`, 404)
	put("freeze", `{"host":"one@none"}`, 400)
	put("enable", `{"binary":"cinder-volume","host":"one@second#second"}`, 200)
	s.want(404, s.do("a+admin", "GET", "/v3/os-hosts/one@none", ""))
	s.want(200, s.do("a+admin", "GET", "/v3/os-hosts/one@second", ""))
}

// TestPoolFilters proves that pools are found by their name, their capabilities and the type that they are for.
func TestPoolFilters(t *testing.T) {
	s := newSite(t)
	s.want(200, s.do("a+admin", "POST", "/v3/types", `{"volume_type":{"name":"fast","extra_specs":{"volume_backend_name":"second"}}}`))
	for query, want := range map[string]int{
		"": 2, "?name=one@second%23second": 1, "?name=one": 0, "?volume_backend_name=second": 1, "?multiattach=true": 2,
		"?vendor_name=other": 0, "?colour=red": 0, "?volume_type=fast": 1, "?volume_type=default&detail=true": 2,
	} {
		a := s.want(200, s.do("a+admin", "GET", "/v3/scheduler-stats/get_pools"+query, "", "OpenStack-API-Version", "volume 3.35"))
		if got := a.body["pools"].([]any); len(got) != want {
			t.Errorf("%q: %s", query, a.text)
		}
	}
	if a := s.want(200, s.do("a+admin", "GET", "/v3/scheduler-stats/get_pools?colour=red", "", "OpenStack-API-Version", "volume 3.27")); len(a.body["pools"].([]any)) != 2 {
		t.Errorf("filters before 3.28: %s", a.text)
	}
	if c := s.want(200, s.do("a+admin", "GET", "/v3/capabilities/one@second%23second", "")).body; c["volume_backend_name"] != "second" {
		t.Errorf("capabilities are %v", c)
	}
}
