package glance_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/agentapi"
	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// host keeps the ids of images.
type host struct {
	agentapi.Agent
	mu   sync.Mutex
	kept map[spec.ImageID]bool
}

func (h *host) EnsureImage(_ context.Context, i spec.Image) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kept[i.ID] = true
	return nil
}

func (h *host) RemoveImage(_ context.Context, id spec.ImageID) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.kept, id)
	return nil
}

func (h *host) ListImages(context.Context) (all []spec.ImageStatus, _ error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id := range h.kept {
		all = append(all, spec.ImageStatus{ID: id, SizeBytes: 7, Uses: 3, TakenAt: time.Unix(1000, 0), UsedAt: time.UnixMilli(2000500)})
	}
	return all, nil
}

// hosts are one.
type hosts struct{ *host }

func (h hosts) IDs() []cloud.HostID { return []cloud.HostID{"one"} }

func (h hosts) Agent(context.Context, cloud.HostID) (agentapi.Agent, error) { return h.host, nil }

// The cache is for administrators: what is queued is cached a little later, and goes when it is told to.
func TestCache(t *testing.T) {
	s := newSite(t)
	id := s.create("a", `{"name": "i", "disk_format": "raw", "container_format": "bare"}`)
	s.want(400, s.do("a+admin", "PUT", "/v2/cache/"+id, ""))
	s.want(204, s.upload("a", id, raw))
	for _, q := range [][2]string{{"GET", "/v2/cache"}, {"DELETE", "/v2/cache"}, {"PUT", "/v2/cache/" + id}, {"DELETE", "/v2/cache/" + id}} {
		s.want(403, s.do("a", q[0], q[1], ""))
	}
	s.want(404, s.do("a+admin", "PUT", "/v2/cache/none", ""))
	s.want(404, s.do("a+admin", "DELETE", "/v2/cache/"+id, ""))
	if a := s.want(200, s.do("a+admin", "GET", "/v2/cache", "")); a.text != `{"cached_images":[],"queued_images":[]}` {
		t.Errorf("an empty cache is %s", a.text)
	}
	s.want(202, s.do("a+admin", "PUT", "/v2/cache/"+id, ""))
	cached := `{"cached_images":[{"image_id":"` + id + `","hits":3,"last_accessed":2000.5,"last_modified":1000,"size":7}],"queued_images":[]}`
	for a := s.do("a+admin", "GET", "/v2/cache", ""); a.text != cached; a = s.do("a+admin", "GET", "/v2/cache", "") {
		if !strings.Contains(a.text, `"queued_images":["`+id+`"]`) {
			t.Fatalf("neither queued nor cached: %s", a.text)
		}
		time.Sleep(time.Millisecond) // it is cached when the list says so
	}
	s.want(400, s.do("a+admin", "DELETE", "/v2/cache", "", "x-image-cache-clear-target", "all"))
	s.want(204, s.do("a+admin", "DELETE", "/v2/cache", "", "x-image-cache-clear-target", "queue"))
	s.want(204, s.do("a+admin", "DELETE", "/v2/cache/"+id, ""))
	s.want(404, s.do("a+admin", "DELETE", "/v2/cache/"+id, ""))
	s.want(204, s.do("a+admin", "DELETE", "/v2/cache", ""))
}
