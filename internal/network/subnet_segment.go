package network

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// checkSubnetSegment checks that a new subnet may lie on the segment that it names, or on none: of a network's subnets all do, or none.
func (s *Service) checkSubnetSegment(ctx context.Context, sub *cloud.Subnet) error {
	if err := s.segmentHere(ctx, sub, sub.SegmentID); err != nil {
		return err
	}
	others, err := s.subnetsOf(ctx, sub.NetworkID)
	if err != nil {
		return err
	}
	for _, o := range others {
		if (o.SegmentID == "") != (sub.SegmentID == "") {
			return cloud.Invalidf("subnet", "all segments", "All of the subnets on network %s must lie on segments, or none of them: subnet %s is otherwise.", sub.NetworkID, o.ID)
		}
	}
	return nil
}

// segmentHere checks that a segment, if one is named, is of a subnet's network.
func (s *Service) segmentHere(ctx context.Context, sub *cloud.Subnet, id cloud.SegmentID) error {
	if id == "" {
		return nil
	}
	if err := policy.Authorize(ctx, "subnet.segment", subnetTarget(sub, false)); err != nil {
		return err
	}
	g, err := s.Segment(ctx, id)
	if err == nil && g.NetworkID != sub.NetworkID {
		err = cloud.Invalidf("subnet", "segment network", "The subnet's network %s is not the one of segment %s: that is %s.", sub.NetworkID, id, g.NetworkID)
	}
	return err
}

// changeSubnetSegment puts a subnet that lies on no segment on its network's only one.
func (s *Service) changeSubnetSegment(ctx context.Context, sub *cloud.Subnet, to *cloud.SegmentID) error {
	if !changes(to, sub.SegmentID) {
		return nil
	}
	if sub.SegmentID != "" {
		return cloud.Invalidf("subnet", "other segment", "Subnet %s lies on segment %s and stays there.", sub.ID, sub.SegmentID)
	}
	if err := s.segmentHere(ctx, sub, *to); err != nil {
		return err
	}
	n, err := s.Segments.Count(ctx, cloud.Eq("network_id", string(sub.NetworkID)))
	if err != nil {
		return err
	}
	if n > 1 {
		return cloud.Invalidf("subnet", "one of segments", "Network %s has %d segments: which of them subnet %s is on can be said only when it is made.", sub.NetworkID, n, sub.ID)
	}
	sub.SegmentID = *to
	return nil
}
