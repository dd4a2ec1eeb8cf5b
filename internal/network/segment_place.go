package network

import (
	"context"
	"fmt"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// takePlace makes sure that a segment shares its place with no other, and finds it a free number if none is named.
func (s *Service) takePlace(ctx context.Context, g *cloud.Segment) (err error) {
	if g.Kind == KindLocal || g.Physical == publicPhysical {
		return nil
	}
	if err := s.lockPlaces(ctx, g.Kind, g.Physical); err != nil {
		return err
	}
	if numberMax[g.Kind] != 0 && g.Number == 0 {
		g.Number, err = s.chooseNumber(ctx, g)
		return err
	}
	taken, err := s.Segments.Count(ctx, cloud.Eq("kind", g.Kind), cloud.Eq("physical", g.Physical), cloud.Eq("number", g.Number))
	if err != nil || taken == 0 {
		return err
	}
	return cloud.Errorf(cloud.InUse, "segment", g.Physical, "Unable to create the network. Segment %d of %s is in use.", g.Number, placeText(g))
}

// lockPlaces makes whoever takes a place of a kind on a physical network, or changes who may, wait for each other.
func (s *Service) lockPlaces(ctx context.Context, kind, physical string) error {
	return s.Tx.Lock(ctx, "segments/"+kind+"/"+physical)
}

// chooseNumber finds a free number for a segment. Its kind and physical network are locked.
func (s *Service) chooseNumber(ctx context.Context, g *cloud.Segment) (int, error) {
	on := []cloud.Cond{cloud.Eq("kind", g.Kind), cloud.Eq("physical", g.Physical)}
	ranges, err := s.SegmentRanges.List(ctx, cloud.Query{Where: on, Order: []cloud.Order{{Column: "min"}}})
	if err != nil {
		return 0, err
	}
	segments, err := s.Segments.List(ctx, cloud.Where(on...))
	if err != nil {
		return 0, err
	}
	if n := freeNumber(ranges, g.ProjectID, numbersOf(segments)); n != 0 {
		return n, nil
	}
	return 0, cloud.Errorf(cloud.NoCapacity, "network", "", "Unable to create the network. No segment number of %s is free for project %s.", placeText(g), g.ProjectID)
}

// placeText says where a segment is, but for its number.
func placeText(g *cloud.Segment) string {
	if g.Physical == "" {
		return fmt.Sprintf("kind '%s'", g.Kind)
	}
	return fmt.Sprintf("kind '%s' on physical network '%s'", g.Kind, g.Physical)
}

func numbersOf(segments []*cloud.Segment) map[int]bool {
	numbers := make(map[int]bool, len(segments))
	for _, g := range segments {
		numbers[g.Number] = true
	}
	return numbers
}

// freeNumber is the least free number of the ranges that are a project's alone, or else of those for all; never one that is another
// project's. 0: there is none.
func freeNumber(ranges []*cloud.SegmentRange, project cloud.ProjectID, taken map[int]bool) int {
	var own, shared, foreign []*cloud.SegmentRange
	for _, r := range ranges {
		switch {
		case r.Shared:
			shared = append(shared, r)
		case r.ProjectID == project:
			own = append(own, r)
		default:
			foreign = append(foreign, r)
		}
	}
	for _, r := range append(own, shared...) {
		for n := r.Min; n <= r.Max; n++ {
			if !taken[n] && rangeOf(foreign, n) == nil {
				return n
			}
		}
	}
	return 0
}

// rangeOf is the first of some ranges that has a number.
func rangeOf(ranges []*cloud.SegmentRange, number int) *cloud.SegmentRange {
	for _, r := range ranges {
		if r.Has(number) {
			return r
		}
	}
	return nil
}
