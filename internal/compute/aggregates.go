package compute

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// AggregateView is an aggregate with its hosts.
type AggregateView struct {
	*cloud.Aggregate
	Members []*cloud.Host
}

// AggregateChange changes what is not nil. A property that is nil is removed; an empty zone is none.
type AggregateChange struct {
	Name, Zone *string
	Properties map[string]*string
}

// ListAggregates answers all aggregates.
func (s *Service) ListAggregates(ctx context.Context) ([]*AggregateView, error) {
	if err := policy.Authorize(ctx, "host.get", policy.Target{Resource: "aggregate"}); err != nil {
		return nil, err
	}
	list, err := s.Aggregates.List(ctx, cloud.Query{})
	if err != nil {
		return nil, err
	}
	views := make([]*AggregateView, len(list))
	for i, a := range list {
		if views[i], err = s.aggregateView(ctx, a); err != nil {
			return nil, err
		}
	}
	return views, nil
}

// Aggregate answers one aggregate.
func (s *Service) Aggregate(ctx context.Context, id cloud.AggregateID) (*AggregateView, error) {
	if err := policy.Authorize(ctx, "host.get", policy.Target{Resource: "aggregate"}); err != nil {
		return nil, err
	}
	a, err := s.Aggregates.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.aggregateView(ctx, a)
}

func (s *Service) aggregateView(ctx context.Context, a *cloud.Aggregate) (*AggregateView, error) {
	v := &AggregateView{Aggregate: a}
	if len(a.Hosts) == 0 {
		return v, nil
	}
	var err error
	v.Members, err = s.HostRows.List(ctx, cloud.Query{Where: []cloud.Cond{cloud.In("id", a.Hosts)}, Order: []cloud.Order{{Column: "number"}}})
	return v, err
}

// CreateAggregate makes an aggregate without hosts.
func (s *Service) CreateAggregate(ctx context.Context, name, zone string) (*AggregateView, error) {
	if err := policy.Authorize(ctx, "host.manage", policy.Target{Resource: "aggregate"}); err != nil {
		return nil, err
	}
	a := &cloud.Aggregate{UniqueID: cloud.NewID(), Name: name, Zone: zone}
	err := s.Tx.Update(ctx, func(ctx context.Context) (err error) {
		if err := s.Tx.Lock(ctx, "aggregates"); err != nil {
			return err
		}
		if a.ID, err = s.nextAggregate(ctx); err != nil {
			return err
		}
		return aggregateTaken(s.Aggregates.Insert(ctx, a), name)
	})
	return &AggregateView{Aggregate: a}, err
}

func aggregateTaken(err error, name string) error {
	if cloud.Is(err, cloud.AlreadyExists) {
		return cloud.Errorf(cloud.AlreadyExists, "aggregate", name, "Aggregate %s already exists.", name)
	}
	return err
}

// nextAggregate counts on from the highest number in use.
func (s *Service) nextAggregate(ctx context.Context) (cloud.AggregateID, error) {
	list, err := s.Aggregates.List(ctx, cloud.Query{})
	if err != nil {
		return "", err
	}
	highest := 0
	for _, a := range list {
		n, err := strconv.Atoi(string(a.ID))
		if err != nil {
			return "", fmt.Errorf("aggregate id %q: %w", a.ID, err)
		}
		highest = max(highest, n)
	}
	return cloud.AggregateID(strconv.Itoa(highest + 1)), nil
}

// changeAggregate runs f on an aggregate's row in a transaction in which no other aggregate changes: a host is in one
// zone only, which is a rule about all of them.
func (s *Service) changeAggregate(ctx context.Context, id cloud.AggregateID, f func(ctx context.Context, a *cloud.Aggregate) error) (*AggregateView, error) {
	if err := policy.Authorize(ctx, "host.manage", policy.Target{Resource: "aggregate"}); err != nil {
		return nil, err
	}
	var v *AggregateView
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.Tx.Lock(ctx, "aggregates"); err != nil {
			return err
		}
		a, err := s.Aggregates.Get(ctx, id)
		if err != nil {
			return err
		}
		if err := f(ctx, a); err != nil {
			return err
		}
		if err := s.Aggregates.Update(ctx, a); err != nil {
			return aggregateTaken(err, a.Name)
		}
		s.Tx.After(ctx, s.room.forgetHosts)
		v, err = s.aggregateView(ctx, a)
		return err
	})
	return v, err
}

// UpdateAggregate changes an aggregate; its hosts follow it into another zone if no instance keeps them (moveZone).
func (s *Service) UpdateAggregate(ctx context.Context, id cloud.AggregateID, c AggregateChange) (*AggregateView, error) {
	return s.changeAggregate(ctx, id, func(ctx context.Context, a *cloud.Aggregate) error {
		if c.Name != nil {
			a.Name = *c.Name
		}
		a.Properties = maps.Clone(a.Properties)
		for k, v := range c.Properties {
			if v == nil {
				delete(a.Properties, k)
				continue
			}
			if a.Properties == nil {
				a.Properties = map[string]string{}
			}
			a.Properties[k] = *v
		}
		if c.Zone == nil || *c.Zone == a.Zone {
			return nil
		}
		a.Zone = *c.Zone
		for _, h := range a.Hosts {
			if err := s.moveZone(ctx, a, h); err != nil {
				return err
			}
		}
		return nil
	})
}

// moveZone puts a host into the aggregate's zone, or, for an aggregate without one, back where it was. Invalid while an
// instance is on it whose owner asked for another zone; the others, which may be anywhere, move with their host.
func (s *Service) moveZone(ctx context.Context, a *cloud.Aggregate, id cloud.HostID) error {
	h, err := s.HostRows.Get(ctx, id)
	if err != nil {
		return err
	}
	home := h.Zone
	if h.HomeZone != "" {
		home = h.HomeZone
	}
	zone := a.Zone
	if zone == "" {
		zone = home
	}
	if zone == h.Zone {
		return nil
	}
	bound, err := s.Instances.List(ctx, cloud.Where(cloud.Eq("host_id", id)), func(in *cloud.Instance) bool { return in.Zone != "" && s.ZoneNames.Own(in.Zone) != zone })
	if err != nil {
		return err
	}
	if len(bound) > 0 {
		return cloud.Invalidf("aggregate", "availability_zone",
			"Cannot move host %s to the availability zone %s: instances on it were asked to be in another (%d).", h.Name, zone, len(bound))
	}
	h.Zone, h.HomeZone = zone, home
	return s.HostRows.Update(ctx, h)
}

// DeleteAggregate removes an aggregate without hosts.
func (s *Service) DeleteAggregate(ctx context.Context, id cloud.AggregateID) error {
	if err := policy.Authorize(ctx, "host.manage", policy.Target{Resource: "aggregate"}); err != nil {
		return err
	}
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		a, err := s.Aggregates.Get(ctx, id)
		if err != nil {
			return err
		}
		if len(a.Hosts) > 0 {
			return cloud.Invalidf("aggregate", "hosts", "Cannot remove host aggregate %s: it is not empty.", id)
		}
		return s.Aggregates.Delete(ctx, id)
	})
}

// AddHost puts a host (by name) into an aggregate and its zone.
func (s *Service) AddHost(ctx context.Context, id cloud.AggregateID, host string) (*AggregateView, error) {
	return s.changeAggregate(ctx, id, func(ctx context.Context, a *cloud.Aggregate) error {
		h, err := s.Host(ctx, host)
		if err != nil {
			return err
		}
		if slices.Contains(a.Hosts, h.ID) {
			return cloud.Errorf(cloud.AlreadyExists, "aggregate", id, "Aggregate %s already has host %s.", id, host)
		}
		if err := s.oneZone(ctx, a, h.Host); err != nil {
			return err
		}
		a.Hosts = append(slices.Clone(a.Hosts), h.ID)
		if a.Zone == "" {
			return nil // it may be in another aggregate's zone
		}
		if err := s.moveZone(ctx, a, h.ID); cloud.Is(err, cloud.Invalid) {
			e, _ := cloud.AsError(err)
			return cloud.Errorf(cloud.WrongState, "aggregate", id, "%s", e.Message)
		} else if err != nil {
			return err
		}
		return nil
	})
}

// oneZone refuses a host that another aggregate has in another zone.
func (s *Service) oneZone(ctx context.Context, a *cloud.Aggregate, h *cloud.Host) error {
	if a.Zone == "" {
		return nil
	}
	others, err := s.Aggregates.List(ctx, cloud.Where(cloud.Eq("hosts", string(h.ID))))
	if err != nil {
		return err
	}
	for _, o := range others {
		if o.ID != a.ID && o.Zone != "" && o.Zone != a.Zone {
			return cloud.Errorf(cloud.WrongState, "aggregate", a.ID, "Cannot add host %s to aggregate %s: it is already in zone %s.", h.Name, a.ID, o.Zone)
		}
	}
	return nil
}

// RemoveHost takes a host out of an aggregate, and out of its zone unless another aggregate keeps it there.
func (s *Service) RemoveHost(ctx context.Context, id cloud.AggregateID, host string) (*AggregateView, error) {
	return s.changeAggregate(ctx, id, func(ctx context.Context, a *cloud.Aggregate) error {
		h, err := s.Host(ctx, host)
		if err != nil {
			return err
		}
		i := slices.Index(a.Hosts, h.ID)
		if i < 0 {
			return cloud.Errorf(cloud.NotFound, "aggregate", id, "Aggregate %s has no host %s.", id, host)
		}
		a.Hosts = slices.Delete(slices.Clone(a.Hosts), i, i+1)
		return s.leaveZone(ctx, a, h.Host)
	})
}

func (s *Service) leaveZone(ctx context.Context, a *cloud.Aggregate, h *cloud.Host) error {
	others, err := s.Aggregates.List(ctx, cloud.Where(cloud.Eq("hosts", string(h.ID))))
	if err != nil || a.Zone == "" {
		return err
	}
	for _, o := range others {
		if o.ID != a.ID && o.Zone == a.Zone {
			return nil
		}
	}
	err = s.moveZone(ctx, &cloud.Aggregate{}, h.ID)
	if e, ok := cloud.AsError(err); ok && e.Kind == cloud.Invalid {
		return cloud.Errorf(cloud.WrongState, "aggregate", a.ID, "%s", e.Message)
	}
	return err
}
