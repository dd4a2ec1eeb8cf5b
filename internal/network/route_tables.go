package network

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// RouteTableRequest asks for a table of routes in a routing domain.
type RouteTableRequest struct {
	RouterID cloud.RouterID
	Words
}

// CreateRouteTable makes a table without routes that no subnet uses.
func (s *Service) CreateRouteTable(ctx context.Context, r RouteTableRequest) (t *cloud.RouteTable, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		router, err := s.ownDomain(ctx, r.RouterID, "routing domain.update")
		if err != nil {
			return err
		}
		if err := s.tables().may(ctx, router.ProjectID); err != nil {
			return err
		}
		t = &cloud.RouteTable{ID: cloud.RouteTableID(cloud.NewID()), ProjectID: router.ProjectID, RouterID: router.ID, Name: r.Name, Meta: cloud.Meta{Labels: r.Labels}}
		return s.tables().insert(ctx, s.Tx, t)
	})
	return t, err
}

// RouteTable answers one table that the caller may see.
func (s *Service) RouteTable(ctx context.Context, id cloud.RouteTableID) (*cloud.RouteTable, error) {
	return s.tables().get(ctx, id)
}

// ListRouteTables lists the tables of the caller's project, or all.
func (s *Service) ListRouteTables(ctx context.Context, q cloud.Query, keep ...func(*cloud.RouteTable) bool) ([]*cloud.RouteTable, error) {
	return s.tables().list(ctx, q, keep)
}

// DeleteRouteTable removes a table. WrongState while subnets use it, and of the main one, which goes with its domain.
func (s *Service) DeleteRouteTable(ctx context.Context, id cloud.RouteTableID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		t, err := s.tables().held(ctx, s, id, "delete")
		switch {
		case err != nil:
			return err
		case t.Main:
			return cloud.Errorf(cloud.WrongState, "route table", id, "Route table %s is the main one of routing domain %s and goes with it.", id, t.RouterID)
		case len(t.Uses) > 0:
			return cloud.Errorf(cloud.WrongState, "route table", id, "Route table %s is used by subnet %s.", id, t.Uses[0].SubnetID)
		}
		return s.RouteTables.Delete(ctx, id)
	})
}
