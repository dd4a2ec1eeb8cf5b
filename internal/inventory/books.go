package inventory

import (
	"context"
	"maps"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// View is a provider as it is seen: a host's own stock and traits are in it.
type View struct {
	*cloud.Provider
	Root cloud.ProviderID
	// Used is how much of each class consumers hold.
	Used map[string]int
	// Host, if not nil, is the host that this provider stands for, or is a part of.
	Host *cloud.Host
	// fixed is what the host reports of it, which nobody can write.
	fixed *cloud.Provider
}

// own tells whether a class of stock is the host's own.
func (v *View) own(class string) bool {
	if v.fixed == nil {
		return false
	}
	_, own := v.fixed.Stock[class]
	return own
}

// books are all providers and who holds what, at one moment.
type books struct {
	views    map[cloud.ProviderID]*View
	order    []cloud.ProviderID
	children map[cloud.ProviderID][]cloud.ProviderID
	claims   []*cloud.Claim
	// instances are the consumers that are instances on hosts.
	instances map[cloud.ConsumerID]bool
}

func (s *Service) open(ctx context.Context) (*books, error) {
	b := &books{views: map[cloud.ProviderID]*View{}, children: map[cloud.ProviderID][]cloud.ProviderID{}, instances: map[cloud.ConsumerID]bool{}}
	rows, err := s.Providers.List(ctx, cloud.Query{})
	if err != nil {
		return nil, err
	}
	hosts, err := s.Hosts.List(ctx, cloud.Query{Order: []cloud.Order{{Column: "number"}}})
	if err != nil {
		return nil, err
	}
	b.enter(hosts, rows)
	b.findRoots()
	if err := s.readClaims(ctx, b); err != nil {
		return nil, err
	}
	b.count(b.claims, 1)
	return b, nil
}

// enter lists hosts first, each with the row of what was added to it.
func (b *books) enter(hosts []*cloud.Host, rows []*cloud.Provider) {
	added := make(map[cloud.ProviderID]*cloud.Provider, len(rows))
	for _, p := range rows {
		added[p.ID] = p
	}
	for _, h := range hosts {
		for _, fixed := range hostProviders(h) {
			b.add(&View{Provider: withAdded(fixed, added[fixed.ID]), Host: h, fixed: fixed})
			delete(added, fixed.ID)
		}
	}
	for _, p := range rows {
		if added[p.ID] != nil {
			b.add(&View{Provider: p})
		}
	}
}

func (b *books) add(v *View) {
	v.Used = map[string]int{}
	b.views[v.ID] = v
	b.order = append(b.order, v.ID)
	if v.Parent != "" {
		b.children[v.Parent] = append(b.children[v.Parent], v.ID)
	}
}

func (b *books) findRoots() {
	for _, v := range b.views {
		root := v
		for range len(b.views) {
			parent := b.views[root.Parent]
			if parent == nil {
				break
			}
			root = parent
		}
		v.Root = root.ID
	}
}

// withAdded is what a host has by itself and what was added to it.
func withAdded(fixed, added *cloud.Provider) *cloud.Provider {
	p := *fixed
	if added != nil {
		p = *added
	}
	p.Name = fixed.Name
	if fixed.Parent != "" { // a part of a host stays where it is; an operator may put a host below something
		p.Parent = fixed.Parent
	}
	p.Stock = maps.Clone(p.Stock)
	if p.Stock == nil {
		p.Stock = map[string]cloud.Stock{}
	}
	maps.Copy(p.Stock, fixed.Stock)
	p.Traits = mergeTraits(fixed.Traits, p.Traits)
	return &p
}

func mergeTraits(lists ...[]string) []string {
	all := slices.Concat(lists...)
	slices.Sort(all)
	return slices.Compact(all)
}

// readClaims enters the written claims and those that instances stand for.
func (s *Service) readClaims(ctx context.Context, b *books) (err error) {
	if b.claims, err = s.Claims.List(ctx, cloud.Query{}); err != nil {
		return err
	}
	instances, err := s.Instances.List(ctx, cloud.Query{Where: []cloud.Cond{{Column: "host_id", Op: cloud.OpNe, Value: ""}}})
	for _, in := range instances {
		b.claims, b.instances[cloud.ConsumerID(in.ID)] = append(b.claims, instanceClaims(in)...), true
	}
	return err
}

// get answers a provider; NotFound if there is none.
func (b *books) get(id cloud.ProviderID) (*View, error) {
	if v := b.views[id]; v != nil {
		return v, nil
	}
	return nil, cloud.Errorf(cloud.NotFound, resource, id, "No resource provider with uuid %s found.", id)
}

// of are the claims of one consumer.
func (b *books) of(c cloud.ConsumerID) []*cloud.Claim {
	return slices.DeleteFunc(slices.Clone(b.claims), func(x *cloud.Claim) bool { return x.Consumer != c })
}

// on are the claims on one provider.
func (b *books) on(p cloud.ProviderID) []*cloud.Claim {
	return slices.DeleteFunc(slices.Clone(b.claims), func(x *cloud.Claim) bool { return x.Provider != p })
}

// all are the providers in order, hosts first.
func (b *books) all() []*View {
	out := make([]*View, len(b.order))
	for i, id := range b.order {
		out[i] = b.views[id]
	}
	return out
}
