package inventory

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Filter selects providers; empty fields select all.
type Filter struct {
	ID   cloud.ProviderID
	Name string
	// Tree names any provider of the tree they must be in.
	Tree cloud.ProviderID
	Want
}

// ListProviders answers the providers that fit, hosts first.
func (s *Service) ListProviders(ctx context.Context, f Filter) (out []*View, err error) {
	err = s.read(ctx, func(b *books) error {
		out = slices.DeleteFunc(b.all(), func(v *View) bool { return !b.matches(v, f) })
		return nil
	})
	return out, err
}

func (b *books) matches(v *View, f Filter) bool {
	if f.ID != "" && v.ID != f.ID || f.Name != "" && v.Name != f.Name {
		return false
	}
	if f.Tree != "" && !b.inTree(v, f.Tree) {
		return false
	}
	return f.Want.traitsFit(v.Traits) && b.inGroups(v, f.Want) && v.gives(f.Want.Resources)
}

func (b *books) inTree(v *View, tree cloud.ProviderID) bool {
	t := b.views[tree]
	return t != nil && t.Root == v.Root
}

// inGroups tells whether a provider, or the root above it, is in the groups that are wanted.
func (b *books) inGroups(v *View, w Want) bool {
	groups := append(slices.Clone(v.Groups), b.views[v.Root].Groups...)
	for _, oneOf := range w.Groups {
		if !slices.ContainsFunc(oneOf, func(g string) bool { return slices.Contains(groups, g) }) {
			return false
		}
	}
	return !slices.ContainsFunc(w.NotGroups, func(g string) bool { return slices.Contains(groups, g) })
}

// Provider answers one provider.
func (s *Service) Provider(ctx context.Context, id cloud.ProviderID) (v *View, err error) {
	err = s.read(ctx, func(b *books) (err error) {
		v, err = b.get(id)
		return err
	})
	return v, err
}

// CreateProvider registers a provider without stock. An empty id gets a new one.
func (s *Service) CreateProvider(ctx context.Context, p cloud.Provider) (v *View, err error) {
	if p.ID == "" {
		p.ID = cloud.ProviderID(cloud.NewID())
	}
	err = s.change(ctx, func(ctx context.Context, b *books) error {
		if b.views[p.ID] != nil {
			return cloud.Errorf(cloud.AlreadyExists, resource, p.ID, "Conflicting resource provider %s already exists.", p.ID)
		}
		if err := b.nameFree(p.ID, p.Name); err != nil {
			return err
		}
		if err := b.parentFits(p.ID, p.Parent); err != nil {
			return err
		}
		if err := s.Providers.Insert(ctx, &p); err != nil {
			return err
		}
		b.add(&View{Provider: &p})
		b.findRoots()
		v = b.views[p.ID]
		return nil
	})
	return v, err
}

func (b *books) nameFree(id cloud.ProviderID, name string) error {
	for _, v := range b.views {
		if v.Name == name && v.ID != id {
			return cloud.Errorf(cloud.AlreadyExists, resource, id, "Conflicting resource provider name: %s already exists.", name)
		}
	}
	return nil
}

// parentFits refuses a parent that is not there or lies below.
func (b *books) parentFits(id, parent cloud.ProviderID) error {
	if parent == "" {
		return nil
	}
	if b.views[parent] == nil {
		return cloud.Invalidf(resource, "parent_provider_uuid", "The parent provider %s does not exist.", parent)
	}
	for at := parent; at != ""; {
		if at == id {
			return cloud.Invalidf(resource, "parent_provider_uuid", "Provider %s cannot be placed below itself.", id)
		}
		v := b.views[at]
		if v == nil {
			return nil
		}
		at = v.Parent
	}
	return nil
}

// ProviderChange changes what is not nil. An empty parent makes the provider a root.
type ProviderChange struct {
	Name   *string
	Parent *cloud.ProviderID
	// Reparent allows to change a parent that is set.
	Reparent bool
}

// UpdateProvider changes a provider's name or parent. A host keeps its own name.
func (s *Service) UpdateProvider(ctx context.Context, id cloud.ProviderID, c ProviderChange) (v *View, err error) {
	err = s.change(ctx, func(ctx context.Context, b *books) error {
		if v, err = b.get(id); err != nil {
			return err
		}
		if err := b.rename(v, c.Name); err != nil {
			return err
		}
		if err := b.move(v, c); err != nil {
			return err
		}
		b.findRoots()
		return s.write(ctx, v)
	})
	return v, err
}

func (b *books) rename(v *View, name *string) error {
	if name == nil || *name == v.Name {
		return nil
	}
	if v.Host != nil {
		return cloud.Errorf(cloud.WrongState, resource, v.ID, "Provider %s is host %s or a part of it, which keep their own names.", v.ID, v.Host.Name)
	}
	v.Name = *name
	return b.nameFree(v.ID, *name)
}

func (b *books) move(v *View, c ProviderChange) error {
	if c.Parent == nil || *c.Parent == v.Parent {
		return nil
	}
	if v.fixed != nil && v.fixed.Parent != "" {
		return cloud.Errorf(cloud.WrongState, resource, v.ID, "Provider %s is a part of host %s and stays there.", v.ID, v.Host.Name)
	}
	if v.Parent != "" && !c.Reparent {
		return cloud.Invalidf(resource, "parent_provider_uuid", "The parent of provider %s is set and re-parenting is not allowed.", v.ID)
	}
	if err := b.parentFits(v.ID, *c.Parent); err != nil {
		return err
	}
	v.Parent = *c.Parent
	return nil
}

// write keeps what was changed of a provider and counts its generation on. For a host, only what was added is kept.
func (s *Service) write(ctx context.Context, v *View) error {
	row := *v.Provider
	row.Generation++
	if v.Host != nil {
		row.Stock = map[string]cloud.Stock{}
		for class, st := range v.Stock {
			if !v.own(class) {
				row.Stock[class] = st
			}
		}
		row.Traits = slices.DeleteFunc(slices.Clone(v.Traits), func(t string) bool { return slices.Contains(v.fixed.Traits, t) })
	}
	old, err := s.Providers.Get(ctx, v.ID)
	switch {
	case cloud.Is(err, cloud.NotFound):
		row.Meta = cloud.Meta{}
		err = s.Providers.Insert(ctx, &row)
	case err == nil:
		row.Meta = old.Meta
		err = s.Providers.Update(ctx, &row)
	}
	v.Generation, v.Meta = row.Generation, row.Meta
	return err
}

// DeleteProvider removes a provider that nothing lies below and nobody holds anything of.
func (s *Service) DeleteProvider(ctx context.Context, id cloud.ProviderID) error {
	return s.change(ctx, func(ctx context.Context, b *books) error {
		v, err := b.get(id)
		if err != nil {
			return err
		}
		if v.Host != nil {
			return cloud.Errorf(cloud.InUse, resource, id, "Unable to delete resource provider %s: it is a host of this cloud or a part of one.", id)
		}
		if len(b.children[id]) > 0 {
			return &cloud.Error{Kind: cloud.InUse, Resource: resource, ID: string(id), Field: "parent",
				Message: "Unable to delete parent resource provider " + string(id) + ": it has child resource providers."}
		}
		if len(b.on(id)) > 0 {
			return cloud.Errorf(cloud.InUse, resource, id, "Unable to delete resource provider %s: it has allocations.", id)
		}
		return s.Providers.Delete(ctx, id)
	})
}

// SetTraits replaces a provider's traits, but for those a host has by itself. generation nil: whichever it is at.
func (s *Service) SetTraits(ctx context.Context, id cloud.ProviderID, generation *int, traits []string) (*View, error) {
	return s.changeProvider(ctx, id, generation, func(ctx context.Context, v *View) error {
		if err := s.known(ctx, cloud.WordTrait, traits); err != nil {
			return err
		}
		v.Traits = mergeTraits(traits)
		if v.Host != nil {
			v.Traits = mergeTraits(v.fixed.Traits, traits)
		}
		return nil
	})
}

// SetGroups replaces a provider's groups.
func (s *Service) SetGroups(ctx context.Context, id cloud.ProviderID, generation *int, groups []string) (*View, error) {
	return s.changeProvider(ctx, id, generation, func(_ context.Context, v *View) error {
		v.Groups = slices.Clone(groups)
		return nil
	})
}

// changeProvider runs f on a provider that is still at the generation the caller saw, and keeps what it did.
func (s *Service) changeProvider(ctx context.Context, id cloud.ProviderID, generation *int, f func(ctx context.Context, v *View) error) (v *View, err error) {
	err = s.change(ctx, func(ctx context.Context, b *books) error {
		if v, err = b.get(id); err != nil {
			return err
		}
		if err := v.at(generation); err != nil {
			return err
		}
		if err := f(ctx, v); err != nil {
			return err
		}
		return s.write(ctx, v)
	})
	return v, err
}

func (v *View) at(generation *int) error {
	if generation == nil || *generation == v.Generation {
		return nil
	}
	return cloud.Errorf(cloud.Conflict, resource, v.ID, "Resource provider's generation is %d, not %d: it was changed meanwhile. Please retry your update.",
		v.Generation, *generation)
}
