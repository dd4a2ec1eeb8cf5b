package neutron

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

func (a *api) segmentRanges() resource[cloud.SegmentRange, cloud.SegmentRangeID] {
	type numbers = cloud.SegmentRange
	return resource[numbers, cloud.SegmentRangeID]{one: "network_segment_range", many: "network_segment_ranges", path: "/v2.0/network_segment_ranges",
		filters: common(filters[numbers]{"shared": byBool[numbers]("shared"), "default": byBool[numbers]("default"), "network_type": byText[numbers]("kind"),
			"physical_network": byText[numbers]("physical"), "minimum": byInt[numbers]("min"), "maximum": byInt[numbers]("max")}),
		sort: namedSort(openstack.SortColumns{"shared": "shared", "default": "default", "network_type": "kind", "physical_network": "physical", "minimum": "min", "maximum": "max"}),
		list: a.net.ListSegmentRanges, get: a.net.SegmentRange, remove: a.net.DeleteSegmentRange,
		id: func(r *numbers) cloud.SegmentRangeID { return r.ID }, show: a.showSegmentRanges}
}

func (a *api) segmentRangeRoutes(s *openstack.Service) {
	r := a.segmentRanges()
	routes(a, s, r)
	s.Handle("POST "+r.path, creates(a, r, a.createSegmentRange))
	s.Handle("PUT "+r.path+"/{id}", updates(a, r, a.updateSegmentRange))
}

func (a *api) showSegmentRanges(ctx context.Context, ranges []*cloud.SegmentRange) ([]object, error) {
	used, err := a.net.NumbersUsed(ctx, ranges)
	shown := make([]object, len(ranges))
	for i, r := range ranges {
		shown[i] = object{"id": r.ID, "name": r.Name, "description": r.Description, "default": r.Default, "shared": r.Shared, "project_id": orNull(r.ProjectID),
			"tenant_id": orNull(r.ProjectID), "network_type": r.Kind, "physical_network": orNull(r.Physical), "minimum": r.Min, "maximum": r.Max,
			"used": used[r.ID], "available": available(r, used[r.ID])}.with(stamps(&r.Meta, r.Revisions))
	}
	return shown, err
}

// available are the numbers of a range that no segment has.
func available(r *cloud.SegmentRange, used map[int]cloud.ProjectID) []int {
	free := make([]int, 0, r.Max-r.Min+1-len(used))
	for n := r.Min; n <= r.Max; n++ {
		if _, taken := used[n]; !taken {
			free = append(free, n)
		}
	}
	return free
}

// segmentRangeIn is a range in a request.
type segmentRangeIn struct {
	owner
	Name        text    `json:"name"`
	Description text    `json:"description"`
	Shared      boolean `json:"shared"`
	Kind        text    `json:"network_type"`
	Physical    text    `json:"physical_network"`
	Min         integer `json:"minimum"`
	Max         integer `json:"maximum"`
}

func (a *api) createSegmentRange(ctx context.Context, in segmentRangeIn) (*cloud.SegmentRange, error) {
	if in.Kind.Value == "" || !in.Min.Set || !in.Max.Set {
		return nil, cloud.Invalidf("request", "body", "Failed to parse request. Required attributes 'network_type', 'minimum' and 'maximum' not specified")
	}
	shared := !in.Shared.Set || bool(in.Shared.Value)
	return a.net.CreateSegmentRange(ctx, network.SegmentRangeRequest{ProjectID: in.project(), Name: in.Name.Value, Description: in.Description.Value, Shared: shared,
		Kind: in.Kind.Value, Physical: in.Physical.Value, Min: int(in.Min.Value), Max: int(in.Max.Value)})
}

func (a *api) updateSegmentRange(ctx context.Context, id cloud.SegmentRangeID, in segmentRangeIn) (*cloud.SegmentRange, error) {
	if in.Shared.Set || in.Kind.Set || in.Physical.Set {
		return nil, readOnly("shared, project_id, network_type or physical_network")
	}
	return a.net.UpdateSegmentRange(ctx, id, network.SegmentRangeChange{Name: textPtr(in.Name), Description: textPtr(in.Description), Min: intPtr(in.Min), Max: intPtr(in.Max)})
}
