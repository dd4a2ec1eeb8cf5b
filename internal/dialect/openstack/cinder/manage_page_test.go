package cinder_test

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"testing"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// What may be managed pages by both keys, in both directions, while more of it comes to lie there.
func TestManageablePages(t *testing.T) {
	s := newSite(t)
	rows := 2500
	if testing.Short() {
		rows = 300
	}
	for n := range rows {
		s.host.PutLoose(spec.DiskVolume, fmt.Sprintf("lying-%04d", n*7919%10007), int64(1+n%5)<<30)
	}
	late := 0
	for _, key := range []string{"reference", "size"} {
		for _, dir := range []string{"asc", "desc"} {
			seen, marker, sizes := map[any]int{}, "", []float64{}
			for {
				q := url.Values{"host": {"one@default"}, "limit": {"700"}, "sort": {key + ":" + dir}}
				if marker != "" {
					q.Set("marker", fmt.Sprintf(`{"source-name":%q}`, marker))
				}
				page := s.want(200, s.do("a+admin", "GET", "/v3/manageable_volumes/detail?"+q.Encode(), "", "OpenStack-API-Version", "volume 3.60")).body["manageable-volumes"].([]any)
				if len(page) == 0 {
					break
				}
				for _, d := range page {
					marker = d.(map[string]any)["reference"].(map[string]any)["source-name"].(string)
					seen[marker]++
					sizes = append(sizes, d.(map[string]any)["size"].(float64))
				}
				late++
				s.host.PutLoose(spec.DiskVolume, fmt.Sprintf("lying-%04d-late", late*37), 3<<30)
			}
			if most := slices.Max(slices.Collect(maps.Values(seen))); len(seen) < rows || most > 1 {
				t.Errorf("by %s, %s: %d of %d, one of them %d times", key, dir, len(seen), rows, most)
			}
			if dir == "desc" {
				slices.Reverse(sizes)
			}
			if key == "size" && !slices.IsSorted(sizes) {
				t.Errorf("by size, %s: not in order", dir)
			}
		}
	}
}
