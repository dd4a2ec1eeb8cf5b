package glance_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/dialect/openstack/openstacktest"
)

// No request makes the service fail, and none that it cannot read changes anything.
func TestAttack(t *testing.T) {
	s := newSite(t)
	id := s.create("a", `{"name": "i", "visibility": "shared", "disk_format": "raw", "container_format": "bare"}`)
	s.want(200, s.do("a", "POST", "/v2/images/"+id+"/members", `{"member": "b"}`))
	const patch = "application/openstack-images-v2.1-json-patch"
	openstacktest.Attack(t, openstacktest.Target{
		Handler: s.service, Routes: s.service.Routes(), Header: http.Header{"X-Auth-Token": {"a"}},
		Fill:  map[string]string{"id": id, "member": "b", "tag": "t"},
		Media: map[string]string{"PATCH /v2/images/{id}": patch},
		NoBody: map[string]bool{"PUT /v2/images/{id}/file": true, "PUT /v2/images/{id}/stage": true, "PUT /v2/images/{id}/tags/{tag}": true,
			"POST /v2/images/{id}/actions/deactivate": true, "POST /v2/images/{id}/actions/reactivate": true},
		Keys: []string{"id", "name", "visibility", "protected", "os_hidden", "min_disk", "min_ram", "owner", "tags", "disk_format", "container_format",
			"free", "member", "status", "method", "stores", "all_stores", "op", "path", "value", "add", "replace", "remove"},
		Fault: func(code int, media string, body []byte) error {
			if title := fmt.Sprintf("<h1>%d ", code); !strings.HasPrefix(media, "text/html") || !strings.Contains(string(body), title) {
				return fmt.Errorf("%d as %s: %.200s", code, media, body)
			}
			return nil
		},
		State: func() string {
			return s.do("a", "GET", "/v2/images", "").text + s.do("a", "GET", "/v2/images/"+id+"/members", "").text
		},
	})
}
