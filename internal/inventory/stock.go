package inventory

import (
	"context"
	"maps"
	"math"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

const stockResource = "inventory"

// SetStock replaces all that a provider has. A host's own classes may be left out, and are refused if they differ.
func (s *Service) SetStock(ctx context.Context, id cloud.ProviderID, generation int, stock map[string]cloud.Stock) (*View, error) {
	return s.changeProvider(ctx, id, &generation, func(ctx context.Context, v *View) error {
		return s.replaceStock(ctx, v, stock)
	})
}

func (s *Service) replaceStock(ctx context.Context, v *View, stock map[string]cloud.Stock) error {
	if err := s.known(ctx, cloud.WordClass, keys(stock)); err != nil {
		return err
	}
	for class := range v.Stock {
		if _, stays := stock[class]; !stays && !v.own(class) {
			if err := v.dropStock(class); err != nil {
				return err
			}
		}
	}
	for _, class := range keys(stock) {
		if err := v.putStock(class, stock[class]); err != nil {
			return err
		}
	}
	return nil
}

// PutStock sets one class of what a provider has; add refuses one that it has already, and only one that it lacks is
// refused otherwise.
func (s *Service) PutStock(ctx context.Context, id cloud.ProviderID, generation int, class string, stock cloud.Stock, add bool) (*View, error) {
	return s.changeProvider(ctx, id, &generation, func(ctx context.Context, v *View) error {
		if err := s.known(ctx, cloud.WordClass, []string{class}); err != nil {
			return err
		}
		_, has := v.Stock[class]
		if has && add {
			return cloud.Errorf(cloud.AlreadyExists, stockResource, class, "Update conflict: inventory of %s for %s already exists.", class, v.ID)
		}
		if !has && !add {
			return cloud.Invalidf(stockResource, "resource_class", "No inventory record with resource class %s for resource provider %s.", class, v.ID)
		}
		return v.putStock(class, stock)
	})
}

// DeleteStock takes one class, or with an empty class all, from a provider.
func (s *Service) DeleteStock(ctx context.Context, id cloud.ProviderID, class string) error {
	_, err := s.changeProvider(ctx, id, nil, func(_ context.Context, v *View) error {
		if class != "" {
			if _, has := v.Stock[class]; !has {
				return cloud.Errorf(cloud.NotFound, stockResource, class, "No inventory of class %s found for delete.", class)
			}
			return v.dropStock(class)
		}
		for _, class := range keys(v.Stock) {
			if err := v.dropStock(class); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

func (v *View) putStock(class string, st cloud.Stock) error {
	if v.own(class) {
		if st.Total == v.Stock[class].Total && st.Reserved == v.Stock[class].Reserved && st.Ratio == v.Stock[class].Ratio {
			return nil
		}
		return v.keepsOwn(class)
	}
	if err := checkStock(class, st); err != nil {
		return err
	}
	if v.Stock == nil {
		v.Stock = map[string]cloud.Stock{}
	}
	v.Stock[class] = st
	return nil
}

func (v *View) dropStock(class string) error {
	if v.own(class) {
		return v.keepsOwn(class)
	}
	if n := v.Used[class]; n > 0 {
		return cloud.Errorf(cloud.InUse, stockResource, class, "Inventory for %s on resource provider %s in use: %d are allocated.", class, v.ID, n)
	}
	delete(v.Stock, class)
	return nil
}

func (v *View) keepsOwn(class string) error {
	return cloud.Errorf(cloud.WrongState, stockResource, class, "The inventory of %s is what host %s reports, with the ratios of the cloud's configuration; it cannot be written.", class, v.Name)
}

func checkStock(class string, st cloud.Stock) error {
	switch {
	case st.Total < 1 || st.Total > math.MaxInt32:
		return cloud.Invalidf(stockResource, "total", "The total of %s must be from 1 to %d.", class, math.MaxInt32)
	case st.Reserved < 0 || st.Reserved > st.Total:
		return cloud.Invalidf(stockResource, "reserved", "The reserved amount of %s must be from 0 to its total of %d.", class, st.Total)
	case st.MinUnit < 1 || st.MaxUnit < 1 || st.StepSize < 1:
		return cloud.Invalidf(stockResource, "min_unit", "min_unit, max_unit and step_size of %s must be at least 1.", class)
	case st.MinUnit > math.MaxInt32 || st.MaxUnit > math.MaxInt32 || st.StepSize > math.MaxInt32:
		return cloud.Invalidf(stockResource, "max_unit", "min_unit, max_unit and step_size of %s must be at most %d.", class, math.MaxInt32)
	case st.Ratio <= 0 || st.Ratio > maxRatio:
		return cloud.Invalidf(stockResource, "allocation_ratio", "The allocation ratio of %s must be above 0.", class)
	}
	return nil
}

// maxRatio bounds a ratio so that capacities stay numbers.
const maxRatio = 1 << 20

// fits tells why an amount cannot be held, or "" if it can, when others hold used.
func (st cloudStock) fits(amount, used int) string {
	switch {
	case amount < st.MinUnit:
		return "less than its min_unit"
	case amount > st.MaxUnit:
		return "more than its max_unit"
	case amount%st.StepSize != 0:
		return "not a multiple of its step_size"
	case used+amount > cloud.Stock(st).Capacity():
		return "more than is left"
	}
	return ""
}

// cloudStock gives a Stock the question that only this package asks.
type cloudStock cloud.Stock

// gives tells whether a provider has each amount left.
func (v *View) gives(amounts map[string]int) bool {
	for class, n := range amounts {
		st, has := v.Stock[class]
		if !has || cloudStock(st).fits(n, v.Used[class]) != "" {
			return false
		}
	}
	return true
}

func keys[K ~string, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
