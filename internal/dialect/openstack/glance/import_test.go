package glance_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// imported asks until the image has the status, or fails the test when the test's time is over.
func (s *site) imported(id, status string) map[string]any {
	s.t.Helper()
	for {
		shown := s.want(200, s.do("a", "GET", "/v2/images/"+id, "")).body
		if shown["status"] == status {
			return shown
		}
		select {
		case <-s.t.Context().Done():
			s.t.Fatalf("still %v", shown["status"])
		case <-time.After(time.Millisecond): // the import has no other voice than the status
		}
	}
}

// The three ways to import, their refusals, and the tasks they leave behind.
func TestImport(t *testing.T) {
	s := newSite(t)
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("a page")) }))
	defer page.Close()
	const raw = `{"name": "i", "disk_format": "raw", "container_format": "bare"}`
	ask := func(id, body string) answer { return s.do("a", "POST", "/v2/images/"+id+"/import", body) }

	staged := s.create("a", raw)
	s.want(409, ask(staged, `{"method": {"name": "glance-direct"}}`))
	s.want(415, s.do("a", "PUT", "/v2/images/"+staged+"/stage", "x"))
	s.want(204, s.do("a", "PUT", "/v2/images/"+staged+"/stage", "bytes", "Content-Type", "application/octet-stream"))
	s.imported(staged, "uploading")
	s.want(202, ask(staged, `{"method": {"name": "glance-direct"}, "all_stores": true}`))
	if shown := s.imported(staged, "active"); shown["stores"] != "default" || shown["size"] != 5.0 {
		t.Errorf("staged: %v", shown)
	}

	fetched := s.create("a", raw)
	for body, code := range map[string]int{
		`{}`: 400, `{"method": {}}`: 400, `{"method": "x"}`: 400, `{"method": {"name": "copy-image"}}`: 400,
		`{"method": {"name": "web-download"}}`:                                                400,
		`{"method": {"name": "web-download", "uri": "file:///etc/passwd"}}`:                   400,
		`{"method": {"name": "web-download", "uri": "http://10.0.0.1/"}}`:                     400,
		`{"method": {"name": "glance-download", "glance_image_id": "foo"}}`:                   400,
		`{"method": {"name": "web-download", "uri": "http://x.org/"}, "stores": ["nowhere"]}`: 409,
	} {
		if a := ask(fetched, body); a.code != code {
			t.Errorf("%s: %d %s", body, a.code, a.text)
		}
	}
	s.want(404, s.do("b", "POST", "/v2/images/"+fetched+"/import", `{"method": {"name": "web-download", "uri": "`+page.URL+`"}}`))
	s.want(202, ask(fetched, `{"method": {"name": "web-download", "uri": "`+page.URL+`"}}`))
	s.imported(fetched, "active")

	tasks := s.want(200, s.do("a", "GET", "/v2/images/"+fetched+"/tasks", "")).body["tasks"].([]any)
	task := tasks[0].(map[string]any)
	if len(tasks) != 1 || task["type"] != "api_image_import" || task["image_id"] != fetched {
		t.Errorf("tasks of the image: %v", tasks)
	}
	s.want(200, s.do("a", "GET", "/v2/tasks/"+task["id"].(string), ""))
	s.want(404, s.do("b", "GET", "/v2/tasks/"+task["id"].(string), ""))
	first := s.want(200, s.do("a", "GET", "/v2/tasks?limit=1&sort_key=created_at&sort_dir=asc", "")).body
	if len(first["tasks"].([]any)) != 1 || first["next"] == nil {
		t.Errorf("a page of tasks: %v", first)
	}
	s.want(400, s.do("a", "GET", "/v2/tasks?status=wild", ""))
	s.want(403, s.do("a", "GET", "/v2/info/stores/detail", ""))
	s.want(200, s.do("a+admin", "GET", "/v2/info/stores/detail", ""))
}
