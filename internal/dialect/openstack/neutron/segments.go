package neutron

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

func (a *api) segments() resource[cloud.Segment, cloud.SegmentID] {
	type segment = cloud.Segment
	return resource[segment, cloud.SegmentID]{one: "segment", many: "segments", path: "/v2.0/segments",
		filters: common(filters[segment]{"project_id": nil, "tenant_id": nil, "network_id": byText[segment]("network_id"), "network_type": byText[segment]("kind"),
			"physical_network": byText[segment]("physical"), "segmentation_id": byInt[segment]("number")}),
		sort: openstack.SortColumns{"id": "id", "name": "name", "network_id": "network_id", "network_type": "kind", "physical_network": "physical", "segmentation_id": "number",
			"created_at": "created_at", "updated_at": "updated_at"},
		list: a.net.ListSegments, get: a.net.Segment, remove: a.net.DeleteSegment,
		id: func(g *segment) cloud.SegmentID { return g.ID }, show: showSegments}
}

func (a *api) segmentRoutes(s *openstack.Service) {
	r := a.segments()
	routes(a, s, r)
	s.Handle("POST "+r.path, creates(a, r, a.createSegment))
	s.Handle("PUT "+r.path+"/{id}", updates(a, r, a.updateSegment))
}

func showSegments(_ context.Context, segments []*cloud.Segment) ([]object, error) {
	shown := make([]object, len(segments))
	for i, g := range segments {
		shown[i] = object{"id": g.ID, "network_id": g.NetworkID, "name": orNull(g.Name), "description": g.Description, "network_type": g.Kind,
			"physical_network": orNull(g.Physical), "segmentation_id": numberOrNull(g.Number)}.with(stamps(&g.Meta, g.Revisions))
	}
	return shown, nil
}

// numberOrNull shows a segment without a number as null.
func numberOrNull(n int) any {
	if n == 0 {
		return nil
	}
	return n
}

// segmentIn is a segment in a request.
type segmentIn struct {
	Name        text    `json:"name"`
	Description text    `json:"description"`
	NetworkID   text    `json:"network_id"`
	Kind        text    `json:"network_type"`
	Physical    text    `json:"physical_network"`
	Number      integer `json:"segmentation_id"`
}

func (a *api) createSegment(ctx context.Context, in segmentIn) (*cloud.Segment, error) {
	if in.NetworkID.Value == "" || in.Kind.Value == "" {
		return nil, cloud.Invalidf("request", "body", "Failed to parse request. Required attributes 'network_id' and 'network_type' not specified")
	}
	return a.net.CreateSegment(ctx, network.SegmentRequest{NetworkID: cloud.NetworkID(in.NetworkID.Value), Name: in.Name.Value, Description: in.Description.Value,
		Provider: network.Provider{Kind: in.Kind.Value, Physical: in.Physical.Value, Segment: int(in.Number.Value)}})
}

func (a *api) updateSegment(ctx context.Context, id cloud.SegmentID, in segmentIn) (*cloud.Segment, error) {
	if in.NetworkID.Set || in.Kind.Set || in.Physical.Set || in.Number.Set {
		return nil, readOnly("network_id, network_type, physical_network or segmentation_id")
	}
	return a.net.UpdateSegment(ctx, id, network.SegmentChange{Name: textPtr(in.Name), Description: textPtr(in.Description)})
}

// placeIn is the place of a network's segment in a request about the network.
type placeIn struct {
	Kind     text    `json:"provider:network_type"`
	Physical text    `json:"provider:physical_network"`
	Segment  integer `json:"provider:segmentation_id"`
}

func (in placeIn) provider() network.Provider {
	return network.Provider{Kind: in.Kind.Value, Physical: in.Physical.Value, Segment: int(in.Segment.Value)}
}

// places are the place of the segment that carries a network, and those of others.
func (in networkIn) places() (first network.Provider, more []network.Provider, err error) {
	first = in.provider()
	if len(in.Segments.Value) == 0 {
		return first, nil, nil
	}
	if first != (network.Provider{}) {
		return first, nil, cloud.Invalidf("network", "segments and provider", "Segments and provider values cannot both be set.")
	}
	for _, place := range in.Segments.Value[1:] {
		more = append(more, place.provider())
	}
	return in.Segments.Value[0].provider(), more, nil
}

// segmentsShown are the attributes that say where networks are carried, for those who may see them.
func (a *api) segmentsShown(ctx context.Context, networks []*cloud.Network) (map[cloud.NetworkID]object, error) {
	if !a.net.SeesProvider(ctx) {
		return nil, nil
	}
	segments, err := a.net.SegmentsByNetwork(ctx, networks)
	shown := make(map[cloud.NetworkID]object, len(networks))
	for _, n := range networks {
		shown[n.ID] = placesShown(n, segments[n.ID])
	}
	return shown, err
}

// placesShown is a network's one place, or the list of all.
func placesShown(n *cloud.Network, segments []*cloud.Segment) object {
	if len(segments) < 2 {
		return placeShown(n.Kind, n.Physical, n.Segment)
	}
	all := make([]object, len(segments))
	for i, g := range segments {
		all[i] = placeShown(g.Kind, g.Physical, g.Number)
	}
	return object{"segments": all}
}

func placeShown(kind, physical string, number int) object {
	return object{"provider:network_type": kind, "provider:physical_network": orNull(physical), "provider:segmentation_id": numberOrNull(number)}
}
