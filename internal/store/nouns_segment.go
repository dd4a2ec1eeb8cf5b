package store

import "github.com/nubo-cloud/nubo/internal/cloud"

var segments = definition[cloud.Segment, cloud.SegmentID]{
	table: "segments", resource: "segment",
	id: func(g *cloud.Segment) cloud.SegmentID { return g.ID },
	columns: []column[cloud.Segment]{
		text("network_id", func(g *cloud.Segment) any { return g.NetworkID }),
		text("name", func(g *cloud.Segment) any { return g.Name }),
		text("description", func(g *cloud.Segment) any { return g.Description }),
		number("revisions", func(g *cloud.Segment) any { return g.Revisions }),
		text("kind", func(g *cloud.Segment) any { return g.Kind }),
		text("physical", func(g *cloud.Segment) any { return g.Physical }),
		number("number", func(g *cloud.Segment) any { return g.Number }),
		number("order", func(g *cloud.Segment) any { return g.Order }),
	},
	indexes: []index{
		by("network_id", "order"),
		by("kind", "physical", "number"),
		unique("number", "kind", "physical", "number").only("number <> 0"),
		by("name"),
	},
}

var segmentRanges = definition[cloud.SegmentRange, cloud.SegmentRangeID]{
	table: "segment_ranges", resource: "segment range",
	id: func(r *cloud.SegmentRange) cloud.SegmentRangeID { return r.ID },
	columns: []column[cloud.SegmentRange]{
		text("project_id", func(r *cloud.SegmentRange) any { return r.ProjectID }),
		text("name", func(r *cloud.SegmentRange) any { return r.Name }),
		text("description", func(r *cloud.SegmentRange) any { return r.Description }),
		number("revisions", func(r *cloud.SegmentRange) any { return r.Revisions }),
		flag("shared", func(r *cloud.SegmentRange) any { return r.Shared }),
		flag("default", func(r *cloud.SegmentRange) any { return r.Default }),
		text("kind", func(r *cloud.SegmentRange) any { return r.Kind }),
		text("physical", func(r *cloud.SegmentRange) any { return r.Physical }),
		number("min", func(r *cloud.SegmentRange) any { return r.Min }),
		number("max", func(r *cloud.SegmentRange) any { return r.Max }),
	},
	indexes: []index{by("kind", "physical", "min"), by("name")},
}
