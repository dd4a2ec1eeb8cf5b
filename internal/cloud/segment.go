package cloud

// Segment is one place where a network's frames travel. Every network has one that carries it and goes with it; operators may give it
// more. No two segments share a place.
type Segment struct {
	ID        SegmentID `json:"id"`
	NetworkID NetworkID `json:"network_id"`
	ProjectID ProjectID `json:"project_id"` // the network's
	Meta
	Revisions   int    `json:"revisions"`
	Name        string `json:"name,omitempty"`
	Description string `json:"description,omitempty"`
	// Kind, Physical and Number are the place. A kind without numbers has 0.
	Kind     string `json:"kind"`
	Physical string `json:"physical,omitempty"`
	Number   int    `json:"number,omitempty"`
	// Order is the segment's place among its network's: 0 carries it.
	Order int `json:"order,omitempty"`
}

// SegmentRange is numbers that segments get when nobody names one. What is free is what no segment has: it is not kept.
type SegmentRange struct {
	ID SegmentRangeID `json:"id"`
	// ProjectID is who alone gets these numbers; empty for a shared range.
	ProjectID ProjectID `json:"project_id,omitempty"`
	Meta
	Revisions   int    `json:"revisions"`
	Name        string `json:"name,omitempty"`
	Description string `json:"description,omitempty"`
	Shared      bool   `json:"shared,omitempty"`
	// Default: the cloud's own, as its configuration says.
	Default  bool   `json:"default,omitempty"`
	Kind     string `json:"kind"`
	Physical string `json:"physical,omitempty"`
	Min      int    `json:"min"`
	Max      int    `json:"max"` // inclusive
}

// Has tells whether a number is of the range.
func (r *SegmentRange) Has(number int) bool { return r.Min <= number && number <= r.Max }
