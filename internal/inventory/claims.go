package inventory

import (
	"context"
	"maps"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

const claimResource = "allocation"

// ListClaims answers what a consumer holds: nothing if nobody knows it.
func (s *Service) ListClaims(ctx context.Context, consumer cloud.ConsumerID) (out []*cloud.Claim, err error) {
	err = s.read(ctx, func(b *books) error {
		out = b.of(consumer)
		return nil
	})
	return out, err
}

// ClaimsOn answers what consumers hold of a provider.
func (s *Service) ClaimsOn(ctx context.Context, id cloud.ProviderID) (v *View, out []*cloud.Claim, err error) {
	err = s.read(ctx, func(b *books) (err error) {
		v, err = b.get(id)
		out = b.on(id)
		return err
	})
	return v, out, err
}

// Holding is all that a consumer should hold.
type Holding struct {
	Consumer  cloud.ConsumerID
	ProjectID cloud.ProjectID
	UserID    cloud.UserID
	Type      string
	// Generation is what the caller saw the consumer at, nil for a new one; it is left out of account unless Checked.
	Generation *int
	Checked    bool
	// Held is how much of each class of each provider; empty: nothing, and the consumer is no more.
	Held map[cloud.ProviderID]map[string]int
}

// Hold replaces what consumers hold: all of them or none.
func (s *Service) Hold(ctx context.Context, holdings []Holding) error {
	return s.change(ctx, func(ctx context.Context, b *books) error { return s.hold(ctx, b, holdings) })
}

func (s *Service) hold(ctx context.Context, b *books, holdings []Holding) error {
	old := map[cloud.ConsumerID][]*cloud.Claim{}
	for _, h := range holdings {
		old[h.Consumer] = b.of(h.Consumer)
		if err := b.mayHold(h, old[h.Consumer]); err != nil {
			return err
		}
		b.release(old[h.Consumer])
	}
	for _, h := range holdings {
		if err := b.take(h); err != nil {
			return err
		}
		if err := s.rewrite(ctx, h, old[h.Consumer]); err != nil {
			return err
		}
		if err := s.touched(ctx, b, h, old[h.Consumer]); err != nil {
			return err
		}
	}
	return nil
}

// mayHold refuses a generation that the consumer is not at, and to speak for instances.
func (b *books) mayHold(h Holding, old []*cloud.Claim) error {
	if b.instances[h.Consumer] {
		return cloud.Errorf(cloud.WrongState, claimResource, h.Consumer, "Consumer %s is an instance: what it holds follows from where it is and its flavor, and cannot be written.", h.Consumer)
	}
	if !h.Checked {
		return nil
	}
	if len(old) == 0 && h.Generation != nil {
		return generationConflict(h.Consumer, "null", *h.Generation)
	}
	if len(old) > 0 && h.Generation == nil {
		return generationConflict(h.Consumer, old[0].Generation, "null")
	}
	if len(old) > 0 && *h.Generation != old[0].Generation {
		return generationConflict(h.Consumer, old[0].Generation, *h.Generation)
	}
	return nil
}

func generationConflict(c cloud.ConsumerID, is, said any) error {
	return cloud.Errorf(cloud.Conflict, claimResource, c, "Consumer generation conflict: expected %v but got %v.", is, said)
}

func (b *books) release(claims []*cloud.Claim) { b.count(claims, -1) }

// count adds what claims hold to what is used, sign times.
func (b *books) count(claims []*cloud.Claim, sign int) {
	for _, c := range claims {
		if v := b.views[c.Provider]; v != nil {
			for class, n := range c.Held {
				v.Used[class] += sign * n
			}
		}
	}
}

// take adds a holding to the books if every provider has it left.
func (b *books) take(h Holding) error {
	for id, held := range h.Held {
		v := b.views[id]
		if v == nil {
			return cloud.Invalidf(claimResource, "resource_provider", "Allocation for resource provider '%s' that does not exist.", id)
		}
		for class, n := range held {
			st, has := v.Stock[class]
			if !has {
				return cloud.Errorf(cloud.WrongState, claimResource, h.Consumer, "Resource provider %s has no inventory of %s.", id, class)
			}
			if why := cloudStock(st).fits(n, v.Used[class]); why != "" {
				return cloud.Errorf(cloud.NoCapacity, claimResource, h.Consumer, "Unable to allocate %d of %s on resource provider %s: that is %s.", n, class, id, why)
			}
			v.Used[class] += n
		}
	}
	return nil
}

// rewrite makes the rows of a consumer what it should hold.
func (s *Service) rewrite(ctx context.Context, h Holding, old []*cloud.Claim) error {
	generation := 1
	for _, c := range old {
		generation = c.Generation + 1
		if err := s.Claims.Delete(ctx, c.ID); err != nil {
			return err
		}
	}
	for id, held := range h.Held {
		c := &cloud.Claim{ID: cloud.ClaimID(h.Consumer, id), Consumer: h.Consumer, Provider: id, ProjectID: h.ProjectID, UserID: h.UserID,
			Type: h.Type, Generation: generation, Held: maps.Clone(held)}
		if err := s.Claims.Insert(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// touched counts on the generation of each provider whose claims changed, and says so of hosts.
func (s *Service) touched(ctx context.Context, b *books, h Holding, old []*cloud.Claim) error {
	ids := map[cloud.ProviderID]bool{}
	for id := range h.Held {
		ids[id] = true
	}
	for _, c := range old {
		ids[c.Provider] = true
	}
	for _, id := range keys(ids) {
		v := b.views[id]
		if v == nil {
			continue
		}
		if v.Host != nil {
			if err := s.Tx.Lock(ctx, "host/"+string(v.Host.ID)); err != nil {
				return err
			}
			s.HostChanged(ctx, v.Host.ID)
		}
		if err := s.write(ctx, v); err != nil {
			return err
		}
	}
	return nil
}

// Release takes everything from a consumer; NotFound if it holds nothing.
func (s *Service) Release(ctx context.Context, consumer cloud.ConsumerID) error {
	return s.change(ctx, func(ctx context.Context, b *books) error {
		if len(b.of(consumer)) == 0 {
			return cloud.Errorf(cloud.NotFound, claimResource, consumer, "No allocations for consumer '%s'.", consumer)
		}
		return s.hold(ctx, b, []Holding{{Consumer: consumer}})
	})
}

// Restock is the whole stock a provider should have.
type Restock struct {
	Provider   cloud.ProviderID
	Generation int
	Stock      map[string]cloud.Stock
}

// Reshape changes stocks and holdings together: what is held may move from one provider to another that gets it in the same step.
func (s *Service) Reshape(ctx context.Context, stocks []Restock, holdings []Holding) error {
	return s.change(ctx, func(ctx context.Context, b *books) error {
		for _, h := range holdings {
			old := b.of(h.Consumer)
			if err := b.mayHold(h, old); err != nil {
				return err
			}
			b.release(old)
		}
		for _, r := range stocks {
			v := b.views[r.Provider]
			if v == nil {
				return cloud.Invalidf(resource, "inventories", "Resource provider %s in inventories does not exist.", r.Provider)
			}
			if err := v.at(&r.Generation); err != nil {
				return err
			}
			if err := s.replaceStock(ctx, v, r.Stock); err != nil {
				return err
			}
			if err := s.write(ctx, v); err != nil {
				return err
			}
		}
		for _, h := range holdings {
			b.count(b.of(h.Consumer), 1) // hold releases it again
		}
		return s.hold(ctx, b, holdings)
	})
}
