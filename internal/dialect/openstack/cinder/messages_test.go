package cinder_test

import (
	"testing"

	"github.com/nubo-cloud/nubo/internal/spec"
)

func TestMessagesAsDocumented(t *testing.T) {
	s := newSite(t)
	s.host.Fail("EnsureVolume", spec.ErrNoSpace)
	id := s.want(202, s.do("a", "POST", "/v3/volumes", `{"volume":{"size":1}}`)).in("volume")["id"].(string)
	s.reaches("volume", "/v3/volumes/"+id, "error")
	s.want(404, s.do("a", "GET", "/v3/messages", "", at("2")...))
	list := s.want(200, s.do("a", "GET", "/v3/messages?resource_type=VOLUME&message_level=ERROR&resource_uuid="+id, "", newest...)).body["messages"].([]any)
	if len(list) != 1 {
		t.Fatalf("messages: %v", list)
	}
	m := list[0].(map[string]any)
	if m["event_id"] != "VOLUME_VOLUME_001_003" || m["user_message"] != "schedule allocate volume: The storage pool has no room for it." {
		t.Errorf("message: %v", m)
	}
	if none := s.want(200, s.do("a", "GET", "/v3/messages?event_id=VOLUME_VOLUME_001_001", "", newest...)).body["messages"].([]any); len(none) != 0 {
		t.Errorf("of another event: %v", none)
	}
	path := "/v3/messages/" + m["id"].(string)
	s.want(200, s.do("a", "GET", path, "", newest...))
	s.want(404, s.do("b", "DELETE", path, "", newest...))
	s.want(204, s.do("a", "DELETE", path, "", newest...))
	s.want(404, s.do("a", "DELETE", path, "", newest...))
}
