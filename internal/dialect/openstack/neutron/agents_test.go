package neutron_test

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Agents page by any of their keys, in both directions, by markers and by links, while hosts come and go.
func TestAgentsPage(t *testing.T) {
	s := newSite(t)
	hosts := 2500
	if testing.Short() {
		hosts = 100
	}
	add := func(ctx context.Context, n int) error {
		id := cloud.HostID(fmt.Sprintf("h%04d", n*7919%10007)) // in no order
		return s.store.Hosts.Insert(ctx, &cloud.Host{ID: id, Name: string(id), Number: n + 10, Zone: fmt.Sprintf("z%d", n%3), Enabled: true, Up: n%2 == 0})
	}
	ok(t, s.store.Update(context.Background(), func(ctx context.Context) error {
		for n := range hosts - 1 { // one is there
			if err := add(ctx, n); err != nil {
				return err
			}
		}
		return nil
	}))
	newest := hosts
	for _, key := range []string{"host", "id", "agent_type", "binary", "topic", "alive", "admin_state_up", "availability_zone"} {
		for _, dir := range []string{"asc", "desc"} {
			seen := map[any]int{}
			q := url.Values{"sort_key": {key}, "sort_dir": {dir}, "limit": {fmt.Sprint(3 * hosts / 2)}}
			for target := "/v2.0/agents?" + q.Encode(); target != ""; {
				body := s.call(admin, "GET", target, "", 200)
				for n := range length(at(body, "agents")) {
					seen[at(body, "agents", n, "id")]++
				}
				target = nextLink(body)
				newest++
				ok(t, add(context.Background(), newest))
			}
			if most := slices.Max(slices.Collect(maps.Values(seen))); len(seen) < 3*hosts || most > 1 {
				t.Errorf("by %s, %s: %d agents of %d hosts, one of them %d times", key, dir, len(seen), hosts, most)
			}
		}
	}
	s.call(admin, "GET", "/v2.0/agents?sort_key=none", "", 400)
	s.call(admin, "GET", "/v2.0/agents?limit=1&marker=none", "", 400)
}

// nextLink is where the next page is, below the API's own path.
func nextLink(body any) string {
	for n := range length(at(body, "agents_links")) {
		if at(body, "agents_links", n, "rel") == "next" {
			_, rest, _ := strings.Cut(fmt.Sprint(at(body, "agents_links", n, "href")), "/network")
			return rest
		}
	}
	return ""
}
