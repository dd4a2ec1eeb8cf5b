package nova_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestUsagePages: from 2.40 on the usage of a project comes in pages of servers, each of which leads to the next.
func TestUsagePages(t *testing.T) {
	c := newClient(t)
	const servers = 3
	for i := range servers {
		c.send("2.74", http.MethodPost, "/compute/v2.1/servers", fmt.Sprintf(`{"server": {"name": "s%d", "imageRef": "%s", "flavorRef": "1", "networks": "none"}}`, i, c.expand("IMAGE")))
	}
	seen := map[string]bool{}
	next := "/compute/v2.1/os-simple-tenant-usage?detailed=1&limit=2"
	for pages := 0; next != ""; pages++ {
		if pages > servers {
			t.Fatal("the pages do not end")
		}
		next = usagePage(t, c, next, seen)
	}
	if len(seen) != servers {
		t.Errorf("saw %d servers, not %d", len(seen), servers)
	}
	if w := c.send("2.40", http.MethodGet, "/compute/v2.1/os-simple-tenant-usage?marker=none", ""); w.Code != http.StatusBadRequest {
		t.Errorf("a marker that is no server: %d %s", w.Code, w.Body)
	}
}

// usagePage reads one page, notes its servers, and answers the path of the next.
func usagePage(t *testing.T, c *client, path string, seen map[string]bool) string {
	var body struct {
		Usages []struct {
			Servers []struct {
				ID string `json:"instance_id"`
			} `json:"server_usages"`
		} `json:"tenant_usages"`
		Links []struct{ Href string } `json:"tenant_usages_links"`
	}
	w := c.send("2.40", http.MethodGet, path, "")
	ok(t, json.Unmarshal(w.Body.Bytes(), &body))
	for _, u := range body.Usages {
		for _, s := range u.Servers {
			seen[s.ID] = true
		}
	}
	if len(body.Links) == 0 {
		return ""
	}
	return body.Links[0].Href[strings.Index(body.Links[0].Href, "/compute"):]
}
