package network

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// SegmentRangeRequest asks for a range.
type SegmentRangeRequest struct {
	ProjectID         cloud.ProjectID // of a range that is not shared; empty: the caller's
	Name, Description string
	Shared            bool
	Kind, Physical    string
	Min, Max          int
}

// SegmentRangeChange changes what is not nil.
type SegmentRangeChange struct {
	Name, Description *string
	Min, Max          *int
}

// rangeMax bounds a range: whoever looks at one sees each number that is free.
const rangeMax = 1 << 16

// tunnelMax is the last number of the ranges that a cloud has for tunnels, until an operator adds others.
const tunnelMax = 1000

func authorizeRanges(ctx context.Context, a policy.Action, id cloud.SegmentRangeID) error {
	return policy.Authorize(ctx, a, policy.Target{Resource: "segment range", ID: string(id)})
}

// defaultRanges are the ranges of a cloud with these physical networks.
func defaultRanges(physical []string) []*cloud.SegmentRange {
	of := func(kind, physical string, last int) *cloud.SegmentRange {
		return &cloud.SegmentRange{ID: cloud.SegmentRangeID(cloud.DerivedID("segment range", kind, physical)), Shared: true, Default: true,
			Kind: kind, Physical: physical, Min: 1, Max: last}
	}
	var ranges []*cloud.SegmentRange
	for _, name := range physical {
		ranges = append(ranges, of(KindVLAN, name, vlanMax))
	}
	for _, kind := range tunnelKinds {
		ranges = append(ranges, of(kind, "", tunnelMax))
	}
	return ranges
}

// EnsureSegmentRanges makes the default ranges what the configuration says.
func (s *Service) EnsureSegmentRanges(ctx context.Context) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.Tx.Lock(ctx, "default segment ranges"); err != nil {
			return err
		}
		have, err := s.SegmentRanges.List(ctx, cloud.Where(cloud.Eq("default", true)))
		if err != nil {
			return err
		}
		wanted := defaultRanges(s.Config.Physical)
		for _, r := range rangesWithout(have, wanted) {
			if err := s.SegmentRanges.Delete(ctx, r.ID); err != nil {
				return err
			}
		}
		for _, r := range rangesWithout(wanted, have) {
			if err := s.SegmentRanges.Insert(ctx, r); err != nil {
				return err
			}
		}
		return nil
	})
}

// rangesWithout are those of some ranges that are not among others.
func rangesWithout(ranges, others []*cloud.SegmentRange) []*cloud.SegmentRange {
	return slices.DeleteFunc(slices.Clone(ranges), func(r *cloud.SegmentRange) bool {
		return slices.ContainsFunc(others, func(o *cloud.SegmentRange) bool { return o.ID == r.ID })
	})
}

// CreateSegmentRange makes a range of numbers for all projects or for one.
func (s *Service) CreateSegmentRange(ctx context.Context, req SegmentRangeRequest) (r *cloud.SegmentRange, err error) {
	if err := authorizeRanges(ctx, "segment range.create", ""); err != nil {
		return nil, err
	}
	r = &cloud.SegmentRange{ID: cloud.SegmentRangeID(cloud.NewID()), Name: req.Name, Description: req.Description, Shared: req.Shared,
		Kind: req.Kind, Physical: req.Physical, Min: req.Min, Max: req.Max}
	if !req.Shared {
		r.ProjectID = owner(ctx, req.ProjectID)
	}
	if err := s.checkRange(r); err != nil {
		return nil, err
	}
	return r, s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.lockPlaces(ctx, r.Kind, r.Physical); err != nil {
			return err
		}
		if err := s.checkRangeOverlap(ctx, r); err != nil {
			return err
		}
		return s.SegmentRanges.Insert(ctx, r)
	})
}

func (s *Service) checkRange(r *cloud.SegmentRange) error {
	last, numbered := numberMax[r.Kind]
	switch {
	case !numbered:
		return cloud.Invalidf("segment range", "network_type", "Segments of kind '%s' have no numbers: a range is of one of %q.", r.Kind, append([]string{KindVLAN}, tunnelKinds...))
	case r.Kind == KindVLAN && !slices.Contains(s.Config.Physical, r.Physical):
		return cloud.Invalidf("segment range", "physical_network", "Unknown physical network '%s': the cloud's are %q.", r.Physical, s.Config.Physical)
	case r.Kind != KindVLAN && r.Physical != "":
		return cloud.Invalidf("segment range", "physical_network", "Segments of kind '%s' are on no physical network.", r.Kind)
	case r.Min < 1 || r.Max > last || r.Min > r.Max:
		return cloud.Invalidf("segment range", "minimum", "Invalid network segment range %d to %d: numbers of kind '%s' lie between 1 and %d.", r.Min, r.Max, r.Kind, last)
	case r.Max-r.Min >= rangeMax:
		return cloud.Invalidf("segment range", "maximum", "Invalid network segment range %d to %d: a range has at most %d numbers.", r.Min, r.Max, rangeMax)
	case !r.Shared && r.ProjectID == "":
		return cloud.Invalidf("segment range", "project_id", "A network segment range that is not shared needs a project.")
	}
	return nil
}

// checkRangeOverlap keeps the ranges that operators make apart. The default ones they may overlap: their numbers are taken out of those.
func (s *Service) checkRangeOverlap(ctx context.Context, r *cloud.SegmentRange) error {
	others, err := s.SegmentRanges.List(ctx, cloud.Where(cloud.Eq("kind", r.Kind), cloud.Eq("physical", r.Physical), cloud.Eq("default", false)))
	if err != nil {
		return err
	}
	for _, o := range others {
		if o.ID != r.ID && o.Min <= r.Max && r.Min <= o.Max {
			return cloud.Errorf(cloud.Conflict, "segment range", o.ID, "Network segment range overlaps with range %s (%d to %d).", o.ID, o.Min, o.Max)
		}
	}
	return nil
}

// SegmentRange answers one range, to operators.
func (s *Service) SegmentRange(ctx context.Context, id cloud.SegmentRangeID) (*cloud.SegmentRange, error) {
	r, err := s.SegmentRanges.Get(ctx, id)
	if err != nil {
		return nil, missing(err, "segment range", id)
	}
	return r, authorizeRanges(ctx, "segment range.get", id)
}

// ListSegmentRanges lists all ranges, to operators; nobody else sees any.
func (s *Service) ListSegmentRanges(ctx context.Context, q cloud.Query, keep ...func(*cloud.SegmentRange) bool) ([]*cloud.SegmentRange, error) {
	if err := authorizeRanges(ctx, "segment range.get", ""); err != nil {
		return nil, nil //nolint:nilerr // a list shows what the caller may see
	}
	return s.SegmentRanges.List(ctx, q, keep...)
}

// ownRange locks and answers a range that operators made, for a change that the caller may make.
func (s *Service) ownRange(ctx context.Context, id cloud.SegmentRangeID, action policy.Action) (*cloud.SegmentRange, error) {
	r, err := s.SegmentRange(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := authorizeRanges(ctx, action, id); err != nil {
		return nil, err
	}
	if r.Default {
		return nil, cloud.Invalidf("segment range", "default", "Network segment range %s is a default one: it is as the cloud's configuration says.", id)
	}
	if err := s.lockPlaces(ctx, r.Kind, r.Physical); err != nil {
		return nil, err
	}
	return s.SegmentRange(ctx, id) // again: it may have changed while we waited
}

// UpdateSegmentRange changes a range. Numbers that are in use stay in it.
func (s *Service) UpdateSegmentRange(ctx context.Context, id cloud.SegmentRangeID, c SegmentRangeChange) (r *cloud.SegmentRange, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if r, err = s.ownRange(ctx, id, "segment range.update"); err != nil {
			return err
		}
		old := *r
		apply(&r.Name, c.Name)
		apply(&r.Description, c.Description)
		apply(&r.Min, c.Min)
		apply(&r.Max, c.Max)
		if err := s.checkRange(r); err != nil {
			return err
		}
		if err := s.checkRangeOverlap(ctx, r); err != nil {
			return err
		}
		if err := s.checkRangeUnused(ctx, &old, func(number int) bool { return !r.Has(number) }); err != nil {
			return err
		}
		r.Revisions++
		return s.SegmentRanges.Update(ctx, r)
	})
	return r, err
}

// DeleteSegmentRange removes a range that no segment has a number of.
func (s *Service) DeleteSegmentRange(ctx context.Context, id cloud.SegmentRangeID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		r, err := s.ownRange(ctx, id, "segment range.delete")
		if err != nil {
			return err
		}
		if err := s.checkRangeUnused(ctx, r, func(int) bool { return true }); err != nil {
			return err
		}
		return s.SegmentRanges.Delete(ctx, id)
	})
}

// checkRangeUnused refuses to take numbers out of a range that segments have of it.
func (s *Service) checkRangeUnused(ctx context.Context, r *cloud.SegmentRange, leaves func(number int) bool) error {
	used, err := s.NumbersUsed(ctx, []*cloud.SegmentRange{r})
	if err != nil {
		return err
	}
	for number, project := range used[r.ID] {
		if leaves(number) && (r.Shared || r.ProjectID == project) {
			return cloud.Errorf(cloud.InUse, "segment range", r.ID, "Network segment range %s is in use: project %s has segment %d.", r.ID, project, number)
		}
	}
	return nil
}

// NumbersUsed answers which numbers of each range segments have, and whose they are.
func (s *Service) NumbersUsed(ctx context.Context, ranges []*cloud.SegmentRange) (map[cloud.SegmentRangeID]map[int]cloud.ProjectID, error) {
	kinds, used := map[string]bool{}, map[cloud.SegmentRangeID]map[int]cloud.ProjectID{}
	for _, r := range ranges {
		kinds[r.Kind] = true
	}
	segments, err := s.Segments.List(ctx, cloud.Where(cloud.In("kind", keys(kinds))))
	if err != nil {
		return nil, err
	}
	on := allBy(segments, func(g *cloud.Segment) Provider { return Provider{Kind: g.Kind, Physical: g.Physical} })
	for _, r := range ranges {
		used[r.ID] = map[int]cloud.ProjectID{}
		for _, g := range on[Provider{Kind: r.Kind, Physical: r.Physical}] {
			if r.Has(g.Number) {
				used[r.ID][g.Number] = g.ProjectID
			}
		}
	}
	return used, nil
}
