package network

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// FilterRequest asks for a packet filter in a routing domain.
type FilterRequest struct {
	RouterID cloud.RouterID
	Words
}

// CreateFilter makes a filter without entries, which lets nothing through, and which no subnet uses yet.
func (s *Service) CreateFilter(ctx context.Context, r FilterRequest) (f *cloud.PacketFilter, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		router, err := s.ownDomain(ctx, r.RouterID, "routing domain.update")
		if err != nil {
			return err
		}
		if err := s.filters().may(ctx, router.ProjectID); err != nil {
			return err
		}
		f = &cloud.PacketFilter{ID: cloud.PacketFilterID(cloud.NewID()), ProjectID: router.ProjectID, RouterID: router.ID, Name: r.Name, Meta: cloud.Meta{Labels: r.Labels}}
		return s.filters().insert(ctx, s.Tx, f)
	})
	return f, err
}

// Filter answers one filter that the caller may see.
func (s *Service) Filter(ctx context.Context, id cloud.PacketFilterID) (*cloud.PacketFilter, error) {
	return s.filters().get(ctx, id)
}

// ListFilters lists the filters of the caller's project, or all.
func (s *Service) ListFilters(ctx context.Context, q cloud.Query, keep ...func(*cloud.PacketFilter) bool) ([]*cloud.PacketFilter, error) {
	return s.filters().list(ctx, q, keep)
}

// DeleteFilter removes a filter. WrongState while subnets use it, and of the default one, which goes with its domain.
func (s *Service) DeleteFilter(ctx context.Context, id cloud.PacketFilterID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		f, err := s.filters().held(ctx, s, id, "delete")
		switch {
		case err != nil:
			return err
		case f.Default:
			return cloud.Errorf(cloud.WrongState, "packet filter", id, "Packet filter %s is the default one of routing domain %s and goes with it.", id, f.RouterID)
		case len(f.Uses) > 0:
			return cloud.Errorf(cloud.WrongState, "packet filter", id, "Packet filter %s is used by subnet %s.", id, f.Uses[0].SubnetID)
		}
		return s.Filters.Delete(ctx, id)
	})
}
