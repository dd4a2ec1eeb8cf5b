package network

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// A subnet uses one table at most, the main one if none, and one filter. Who uses what is kept with the tables and filters, whose
// router's lock keeps it so.

func withoutUse(uses []cloud.TableUse, match func(cloud.TableUse) bool) []cloud.TableUse {
	return slices.DeleteFunc(slices.Clone(uses), match)
}

func ofSubnet(id cloud.SubnetID) func(cloud.TableUse) bool {
	return func(u cloud.TableUse) bool { return u.SubnetID == id }
}

func useOf(id string) func(cloud.TableUse) bool {
	return func(u cloud.TableUse) bool { return u.ID == id }
}

// UseRouteTable makes a subnet use a table. If it does already, the use that there is is answered; AlreadyExists if it uses another.
func (s *Service) UseRouteTable(ctx context.Context, id cloud.RouteTableID, subnet cloud.SubnetID) (use cloud.TableUse, err error) {
	_, err = s.tables().change(ctx, s, id, "update", func(ctx context.Context, t *cloud.RouteTable) error {
		sub, err := s.Subnet(ctx, subnet)
		if err != nil {
			return err
		}
		if sub.RouterID != t.RouterID {
			return cloud.Invalidf("route table", "subnet_id", "Subnet %s and route table %s are not in the same routing domain.", subnet, id)
		}
		other, err := s.RouteTables.List(ctx, cloud.Where(cloud.Eq("subnets", string(subnet))))
		if err != nil {
			return err
		}
		if len(other) > 0 && other[0].ID != id {
			return cloud.Errorf(cloud.AlreadyExists, "route table use", subnet, "Subnet %s uses route table %s already.", subnet, other[0].ID)
		}
		if i := slices.IndexFunc(t.Uses, ofSubnet(subnet)); i >= 0 {
			use = t.Uses[i]
			return nil
		}
		use = newUse(subnet)
		t.Uses = append(slices.Clip(t.Uses), use)
		return nil
	})
	return use, err
}

// tableWithUse locks the router of the table that has a use, and answers the table and the use.
func (s *Service) tableWithUse(ctx context.Context, use string) (*cloud.RouteTable, cloud.TableUse, error) {
	for range 2 { // the second time with the lock held
		found, err := s.RouteTables.List(ctx, cloud.Where(cloud.Eq("use_short_ids", cloud.ShortID(use))))
		if err == nil && len(found) == 0 {
			err = cloud.NotFoundf("route table use", use)
		}
		if err != nil {
			return nil, cloud.TableUse{}, err
		}
		t, err := s.tables().held(ctx, s, found[0].ID, "update")
		if err != nil {
			return nil, cloud.TableUse{}, missing(err, "route table use", use)
		}
		if i := slices.IndexFunc(t.Uses, useOf(use)); i >= 0 {
			return t, t.Uses[i], nil
		}
	}
	return nil, cloud.TableUse{}, cloud.NotFoundf("route table use", use)
}

// DropTableUse makes a subnet use the main table. WrongState of the main table's own use.
func (s *Service) DropTableUse(ctx context.Context, use string) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		t, u, err := s.tableWithUse(ctx, use)
		if err != nil {
			return err
		}
		if u.SubnetID == "" {
			return cloud.Errorf(cloud.WrongState, "route table use", use, "Route table %s is the main one: make another the main one instead.", t.ID)
		}
		t.Uses = withoutUse(t.Uses, useOf(use))
		return s.tables().save(ctx, s, t)
	})
}

// ReplaceTableUse makes what uses one table use another, which for the main table's own use becomes the main one. It answers the new use.
func (s *Service) ReplaceTableUse(ctx context.Context, use string, id cloud.RouteTableID) (fresh cloud.TableUse, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		old, u, err := s.tableWithUse(ctx, use)
		if err != nil {
			return err
		}
		next, err := s.tables().own(ctx, id, "update")
		if err != nil {
			return err
		}
		switch {
		case next.RouterID != old.RouterID:
			return cloud.Invalidf("route table", "router_id", "Route tables %s and %s are not in the same routing domain.", old.ID, id)
		case next.ID == old.ID:
			fresh = u
			return nil
		}
		fresh = newUse(u.SubnetID)
		old.Uses = withoutUse(old.Uses, useOf(use))
		next.Uses = append(slices.Clip(next.Uses), fresh)
		if u.SubnetID == "" {
			return s.replaceMain(ctx, old, next)
		}
		return s.saveBoth(ctx, old, next)
	})
	return fresh, err
}

// replaceMain makes another table the main one: of two at a time the store would let in neither.
func (s *Service) replaceMain(ctx context.Context, old, next *cloud.RouteTable) error {
	old.Main, next.Main = false, true
	if err := s.saveBoth(ctx, old, next); err != nil {
		return err
	}
	r, err := s.Routers.Get(ctx, next.RouterID)
	if err != nil {
		return err
	}
	domain := *r.Domain
	domain.MainTable = next.ID
	r.Domain = &domain
	return s.saveRouter(ctx, r)
}

func (s *Service) saveBoth(ctx context.Context, first, second *cloud.RouteTable) error {
	if err := s.tables().save(ctx, s, first); err != nil {
		return err
	}
	return s.tables().save(ctx, s, second)
}

// filterNew makes a new subnet use the default filter.
func (s *Service) filterNew(ctx context.Context, r *cloud.Router, id cloud.SubnetID) error {
	f, err := s.Filters.Get(ctx, r.Domain.DefaultFilter)
	if err != nil {
		return err
	}
	f.Uses = append(slices.Clip(f.Uses), newUse(id))
	return s.filters().save(ctx, s, f)
}

// ReplaceFilterUse makes the subnet of a use use another filter. It answers the new use.
func (s *Service) ReplaceFilterUse(ctx context.Context, use string, id cloud.PacketFilterID) (fresh cloud.TableUse, err error) {
	_, err = s.filters().change(ctx, s, id, "update", func(ctx context.Context, next *cloud.PacketFilter) error {
		found, err := s.Filters.List(ctx, cloud.Where(cloud.Eq("router_id", string(next.RouterID)), cloud.Eq("use_short_ids", cloud.ShortID(use))))
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return cloud.NotFoundf("filter use", use)
		}
		old := found[0]
		u := old.Uses[slices.IndexFunc(old.Uses, useOf(use))]
		if old.ID == id {
			fresh = u
			return nil
		}
		fresh = newUse(u.SubnetID)
		old.Uses = withoutUse(old.Uses, useOf(use))
		next.Uses = append(slices.Clip(next.Uses), fresh)
		return s.filters().save(ctx, s, old)
	})
	return fresh, err
}

// dropUses forgets that a subnet used a table and a filter.
func (s *Service) dropUses(ctx context.Context, r *cloud.Router, id cloud.SubnetID) error {
	user := []cloud.Cond{cloud.Eq("router_id", string(r.ID)), cloud.Eq("subnets", string(id))}
	tables, err := s.RouteTables.List(ctx, cloud.Where(user...))
	if err != nil {
		return err
	}
	for _, t := range tables {
		t.Uses = withoutUse(t.Uses, ofSubnet(id))
		if err := s.tables().save(ctx, s, t); err != nil {
			return err
		}
	}
	filters, err := s.Filters.List(ctx, cloud.Where(user...))
	if err != nil {
		return err
	}
	for _, f := range filters {
		f.Uses = withoutUse(f.Uses, ofSubnet(id))
		if err := s.filters().save(ctx, s, f); err != nil {
			return err
		}
	}
	return nil
}
