package network

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// SegmentRequest asks for one more segment of a network.
type SegmentRequest struct {
	NetworkID         cloud.NetworkID
	Name, Description string
	Provider          Provider
}

// SegmentChange changes what is not nil. Its place is for life.
type SegmentChange struct{ Name, Description *string }

func authorizeSegments(ctx context.Context, a policy.Action, id cloud.SegmentID) error {
	return policy.Authorize(ctx, a, policy.Target{Resource: "segment", ID: string(id)})
}

// CreateSegment gives a network one more segment.
func (s *Service) CreateSegment(ctx context.Context, r SegmentRequest) (g *cloud.Segment, err error) {
	if err := authorizeSegments(ctx, "segment.create", ""); err != nil {
		return nil, err
	}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		n, err := s.lockedNetwork(ctx, r.NetworkID)
		if err != nil {
			return err
		}
		if n.External {
			return badProvider("External network %s has one segment: its way out.", n.ID)
		}
		if err := s.checkInternalProvider(&r.Provider); err != nil {
			return err
		}
		others, err := s.segmentsOf(ctx, n.ID)
		if err != nil {
			return err
		}
		g = newSegment(n, r.Provider, nextOrder(others))
		g.Name, g.Description = r.Name, r.Description
		return s.addSegment(ctx, g)
	})
	return g, err
}

func newSegment(n *cloud.Network, p Provider, order int) *cloud.Segment {
	return &cloud.Segment{ID: cloud.SegmentID(cloud.NewID()), NetworkID: n.ID, ProjectID: n.ProjectID, Kind: p.Kind, Physical: p.Physical, Number: p.Segment, Order: order}
}

// carryingSegment is the segment that carries a network. Its id follows from the network's, so it is made once.
func carryingSegment(n *cloud.Network) *cloud.Segment {
	g := newSegment(n, Provider{Kind: n.Kind, Physical: n.Physical, Segment: n.Segment}, 0)
	g.ID = cloud.SegmentID(cloud.DerivedID("segment", string(n.ID)))
	return g
}

func nextOrder(segments []*cloud.Segment) int {
	if len(segments) == 0 {
		return 1
	}
	return segments[len(segments)-1].Order + 1
}

// addSegment finds a segment's place and keeps it.
func (s *Service) addSegment(ctx context.Context, g *cloud.Segment) error {
	if err := s.takePlace(ctx, g); err != nil {
		return err
	}
	return s.Segments.Insert(ctx, g)
}

// firstSegments makes the segments of a new network: the one that carries it, and more if they were asked for.
func (s *Service) firstSegments(ctx context.Context, n *cloud.Network, more []Provider) error {
	first := carryingSegment(n)
	if err := s.addSegment(ctx, first); err != nil {
		return err
	}
	n.Segment = first.Number
	for i, p := range more {
		if err := s.addSegment(ctx, newSegment(n, p, i+1)); err != nil {
			return err
		}
	}
	return nil
}

// EnsureSegments makes the segments that carry networks made before there were any.
func (s *Service) EnsureSegments(ctx context.Context) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		networks, err := s.Networks.List(ctx, cloud.Query{})
		if err != nil {
			return err
		}
		carried, err := s.Segments.List(ctx, cloud.Where(cloud.Eq("order", 0)))
		if err != nil {
			return err
		}
		there := map[cloud.NetworkID]bool{}
		for _, g := range carried {
			there[g.NetworkID] = true
		}
		for _, n := range networks {
			if there[n.ID] {
				continue
			}
			if err := s.Segments.Insert(ctx, carryingSegment(n)); err != nil {
				return err
			}
		}
		return nil
	})
}

// segmentsOf are a network's segments, the one that carries it first.
func (s *Service) segmentsOf(ctx context.Context, id cloud.NetworkID) ([]*cloud.Segment, error) {
	return s.Segments.List(ctx, cloud.Query{Where: []cloud.Cond{cloud.Eq("network_id", string(id))}, Order: []cloud.Order{{Column: "order"}}})
}

// SegmentsByNetwork answers the segments of several networks, each network's in their order.
func (s *Service) SegmentsByNetwork(ctx context.Context, networks []*cloud.Network) (map[cloud.NetworkID][]*cloud.Segment, error) {
	rows, err := s.Segments.List(ctx, cloud.Query{Where: []cloud.Cond{cloud.In("network_id", networkIDs(networks))}, Order: []cloud.Order{{Column: "order"}}})
	return allBy(rows, func(g *cloud.Segment) cloud.NetworkID { return g.NetworkID }), err
}

// Segment answers one segment, to operators.
func (s *Service) Segment(ctx context.Context, id cloud.SegmentID) (*cloud.Segment, error) {
	g, err := s.Segments.Get(ctx, id)
	if err != nil {
		return nil, missing(err, "segment", id)
	}
	return g, authorizeSegments(ctx, "segment.get", id)
}

// ListSegments lists all segments, to operators; nobody else sees any.
func (s *Service) ListSegments(ctx context.Context, q cloud.Query, keep ...func(*cloud.Segment) bool) ([]*cloud.Segment, error) {
	if err := authorizeSegments(ctx, "segment.get", ""); err != nil {
		return nil, nil //nolint:nilerr // a list shows what the caller may see
	}
	return s.Segments.List(ctx, q, keep...)
}

// ownSegment locks a segment's network and answers the segment, for a change that the caller may make.
func (s *Service) ownSegment(ctx context.Context, id cloud.SegmentID, action policy.Action) (*cloud.Segment, error) {
	g, err := s.Segment(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := authorizeSegments(ctx, action, id); err != nil {
		return nil, err
	}
	if err := s.lockNetwork(ctx, g.NetworkID); err != nil {
		return nil, err
	}
	return s.Segment(ctx, id) // again: it may have changed while we waited
}

// UpdateSegment changes a segment.
func (s *Service) UpdateSegment(ctx context.Context, id cloud.SegmentID, c SegmentChange) (g *cloud.Segment, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if g, err = s.ownSegment(ctx, id, "segment.update"); err != nil {
			return err
		}
		apply(&g.Name, c.Name)
		apply(&g.Description, c.Description)
		g.Revisions++
		return s.Segments.Update(ctx, g)
	})
	return g, err
}

// DeleteSegment removes a segment that neither carries its network nor has subnets.
func (s *Service) DeleteSegment(ctx context.Context, id cloud.SegmentID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		g, err := s.ownSegment(ctx, id, "segment.delete")
		if err != nil {
			return err
		}
		if g.Order == 0 {
			return cloud.Errorf(cloud.InUse, "segment", id, "Segment %s cannot be deleted: it carries network %s and goes with it.", id, g.NetworkID)
		}
		n, err := s.Subnets.Count(ctx, cloud.Eq("segment_id", string(id)))
		if err != nil {
			return err
		}
		if n > 0 {
			return cloud.Errorf(cloud.InUse, "segment", id, "Segment %s cannot be deleted: %d subnet(s) are associated with it.", id, n)
		}
		return s.Segments.Delete(ctx, id)
	})
}

// dropSegments removes the segments of a network that goes.
func (s *Service) dropSegments(ctx context.Context, id cloud.NetworkID) error {
	return deleteWhere(ctx, s.Segments, func(g *cloud.Segment) cloud.SegmentID { return g.ID }, cloud.Eq("network_id", string(id)))
}
