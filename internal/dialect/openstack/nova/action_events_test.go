package nova_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// The events of an action say by a hash on which host they were, from version 2.62 on: the one that the server shows.
func TestActionEventsNameTheirHost(t *testing.T) {
	c := newClient(t)
	var made struct{ Server struct{ ID, HostID string } }
	read := func(version, path string, v any) string {
		w := c.send(version, http.MethodGet, "/compute/v2.1/servers/"+made.Server.ID+path, "")
		ok(t, json.Unmarshal(w.Body.Bytes(), v))
		return w.Body.String()
	}
	body := c.expand(`{"server": {"name": "one", "flavorRef": "1", "imageRef": "IMAGE", "networks": [{"uuid": "NET"}]}}`)
	ok(t, json.Unmarshal(c.send("2.62", http.MethodPost, "/compute/v2.1/servers", body).Body.Bytes(), &made))
	c.until(strings.Fields("2.62 GET /compute/v2.1/servers/"+made.Server.ID), "ACTIVE")
	read("2.62", "", &made)
	var list struct {
		InstanceActions []struct {
			RequestID string `json:"request_id"`
		}
	}
	read("2.62", "/os-instance-actions", &list)
	var shown struct {
		InstanceAction struct{ Events []struct{ HostID string } }
	}
	path := "/os-instance-actions/" + list.InstanceActions[0].RequestID
	if text := read("2.61", path, &shown); strings.Contains(text, "hostId") {
		t.Errorf("an old version shows the host: %s", text)
	}
	read("2.62", path, &shown)
	for _, e := range shown.InstanceAction.Events {
		if e.HostID == "" || e.HostID != made.Server.HostID {
			t.Errorf("an event was on %q, the server is on %q", e.HostID, made.Server.HostID)
		}
	}
}
