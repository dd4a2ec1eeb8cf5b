package network

import (
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Networks that are older than segments get theirs, once; the default ranges follow the configuration.
func TestEnsureSegments(t *testing.T) {
	w := newWorld(t)
	n, _ := w.network(w.admin)
	made := get(w.segmentsOf(w.admin, n.ID))(t)
	w.must(w.Segments.Delete(w.admin, made[0].ID))
	for range 2 {
		w.must(w.EnsureSegments(w.admin))
		if again := get(w.segmentsOf(w.admin, n.ID))(t); len(again) != 1 || again[0].ID != made[0].ID || again[0].Kind != KindLocal {
			t.Fatalf("segments are %v", again)
		}
	}
	for _, physical := range [][]string{{"a", "b"}, {"b"}, nil} {
		w.Config.Physical = physical
		w.must(w.EnsureSegmentRanges(w.admin))
		if got := get(w.SegmentRanges.Count(w.admin, cloud.Eq("default", true)))(t); int(got) != len(tunnelKinds)+len(physical) {
			t.Errorf("with physical networks %q there are %d ranges", physical, got)
		}
	}
}

// No number is left when a project may have none of those that are free.
func TestFreeNumber(t *testing.T) {
	ranges := []*cloud.SegmentRange{{Shared: true, Min: 1, Max: 3}, {ProjectID: "p", Min: 2, Max: 4}}
	taken := map[int]bool{1: true, 2: true}
	for project, want := range map[cloud.ProjectID]int{"p": 3, "q": 0} {
		if got := freeNumber(ranges, project, taken); got != want {
			t.Errorf("project %s got %d, want %d", project, got, want)
		}
	}
}
