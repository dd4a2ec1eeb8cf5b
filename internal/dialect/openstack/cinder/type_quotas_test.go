package cinder_test

import (
	"strings"
	"testing"
)

// A type's part of the quotas is shown under its name, limits creating and retyping, and is forgotten with the rest.
func TestQuotasOfTypes(t *testing.T) {
	s := newSite(t)
	s.want(200, s.do("a+admin", "POST", "/v3/types", `{"volume_type":{"name":"fast"}}`))
	s.want(200, s.do("a+admin", "PUT", "/v3/os-quota-sets/a", `{"quota_set":{"volumes_fast":1,"gigabytes_fast":3}}`))
	s.want(400, s.do("a+admin", "PUT", "/v3/os-quota-sets/a", `{"quota_set":{"volumes_slow":1}}`))
	shown := s.want(200, s.do("a", "GET", "/v3/os-quota-sets/a", "")).text
	for _, part := range []string{`"volumes_fast":1`, `"gigabytes_fast":3`, `"snapshots_fast":-1`} {
		if !strings.Contains(shown, part) {
			t.Errorf("%s is not in %s", part, shown)
		}
	}
	s.want(413, s.do("a", "POST", "/v3/volumes", `{"volume":{"size":4,"volume_type":"fast"}}`))
	s.want(202, s.do("a", "POST", "/v3/volumes", `{"volume":{"size":2,"volume_type":"fast"}}`))
	s.want(413, s.do("a", "POST", "/v3/volumes", `{"volume":{"size":1,"volume_type":"fast"}}`))
	other := s.made("a", `{"size":1}`)
	s.want(413, s.do("a", "POST", "/v3/volumes/"+other+"/action", `{"os-retype":{"new_type":"fast"}}`))
	used := s.want(200, s.do("a", "GET", "/v3/os-quota-sets/a?usage=true", "")).text
	if !strings.Contains(used, `"volumes_fast":{"allocated":0,"in_use":1,"limit":1,"reserved":0}`) {
		t.Errorf("use is %s", used)
	}
	s.want(200, s.do("a+admin", "DELETE", "/v3/os-quota-sets/a", ""))
	s.want(202, s.do("a", "POST", "/v3/volumes/"+other+"/action", `{"os-retype":{"new_type":"fast"}}`))
}
