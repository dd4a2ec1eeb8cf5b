package network

import (
	"context"
	"net/netip"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// AddressGroupRequest asks for an address group.
type AddressGroupRequest struct {
	ProjectID         cloud.ProjectID // empty: the caller's
	Name, Description string
	Prefixes          []netip.Prefix
}

func addressGroupTarget(g *cloud.AddressGroup) policy.Target {
	return policy.Target{Resource: "address group", ID: string(g.ID), ProjectID: g.ProjectID, Shared: g.Shared}
}

// CreateAddressGroup makes an address group.
func (s *Service) CreateAddressGroup(ctx context.Context, r AddressGroupRequest) (*cloud.AddressGroup, error) {
	r.ProjectID = owner(ctx, r.ProjectID)
	if err := policy.Authorize(ctx, "address group.create", policy.Target{Resource: "address group", ProjectID: r.ProjectID}); err != nil {
		return nil, err
	}
	if r.ProjectID == "" {
		return nil, cloud.Invalidf("address group", "project_id", "An address group needs a project.")
	}
	g := &cloud.AddressGroup{ID: cloud.AddressGroupID(cloud.NewID()), ProjectID: r.ProjectID, Name: r.Name, Description: r.Description,
		Prefixes: withPrefixes(nil, r.Prefixes)}
	return g, s.AddressGroups.Insert(ctx, g)
}

// withPrefixes is a group's list with more in it, in the form that is kept.
func withPrefixes(held, more []netip.Prefix) []netip.Prefix {
	all := slices.Concat([]netip.Prefix{}, held, more)
	for i := range all {
		all[i] = all[i].Masked()
	}
	slices.SortFunc(all, comparePrefixes)
	return slices.Compact(all)
}

func comparePrefixes(a, b netip.Prefix) int {
	if c := a.Addr().Compare(b.Addr()); c != 0 {
		return c
	}
	return a.Bits() - b.Bits()
}

// AddressGroup answers one address group that the caller may see.
func (s *Service) AddressGroup(ctx context.Context, id cloud.AddressGroupID) (*cloud.AddressGroup, error) {
	g, err := s.AddressGroups.Get(ctx, id)
	if err != nil {
		return nil, missing(err, "address group", id)
	}
	return g, s.authorizeReach(ctx, "address group.get", addressGroupTarget(g), cloud.UseShared)
}

// ListAddressGroups lists the address groups of the caller's project and those shared with it, or all.
func (s *Service) ListAddressGroups(ctx context.Context, q cloud.Query, keep ...func(*cloud.AddressGroup) bool) ([]*cloud.AddressGroup, error) {
	all, own := policy.Visible(ctx, "address group.get")
	if all {
		return s.AddressGroups.List(ctx, q, keep...)
	}
	with, err := s.SharedWithCaller(ctx, cloud.ShareAddressGroup, cloud.UseShared)
	if err != nil {
		return nil, err
	}
	return listUnion(ctx, s.AddressGroups, q, addressGroupColumn, func(g *cloud.AddressGroup) string { return string(g.ID) }, keep,
		cloud.Eq("project_id", string(own)), cloud.Eq("shared", true), cloud.In("id", keys(with)))
}

// AddressGroupChange changes what is not nil. Add and Remove change the list.
type AddressGroupChange struct {
	Name, Description *string
	Add, Remove       []netip.Prefix
}

// UpdateAddressGroup changes an address group. What is already in it may be added; what is not may not be removed.
func (s *Service) UpdateAddressGroup(ctx context.Context, id cloud.AddressGroupID, c AddressGroupChange) (g *cloud.AddressGroup, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if g, err = s.ownAddressGroup(ctx, id, "address group.update"); err != nil {
			return err
		}
		apply(&g.Name, c.Name)
		apply(&g.Description, c.Description)
		if g.Prefixes, err = changedPrefixes(g, c); err != nil {
			return err
		}
		g.Revisions++
		if err := s.AddressGroups.Update(ctx, g); err != nil {
			return err
		}
		return s.nudgeGroupsNaming(ctx, id)
	})
	return g, err
}

func changedPrefixes(g *cloud.AddressGroup, c AddressGroupChange) ([]netip.Prefix, error) {
	held := withPrefixes(g.Prefixes, c.Add)
	for _, gone := range c.Remove {
		i := slices.Index(held, gone.Masked())
		if i < 0 {
			return nil, cloud.Errorf(cloud.NotFound, "address in address group", string(g.ID), "Address %s is not in address group %s.", gone, g.ID)
		}
		held = slices.Delete(held, i, i+1)
	}
	return held, nil
}

// nudgeGroupsNaming tells the hosts about the security groups whose rules name an address group.
func (s *Service) nudgeGroupsNaming(ctx context.Context, id cloud.AddressGroupID) error {
	rules, err := s.rulesNaming(ctx, id)
	for _, r := range rules {
		s.nudge(ctx, kindGroup, string(r.GroupID))
	}
	return err
}

func (s *Service) rulesNaming(ctx context.Context, id cloud.AddressGroupID) ([]*cloud.SecurityGroupRule, error) {
	return s.Rules.List(ctx, cloud.Where(cloud.Eq("remote_addresses", string(id))))
}

func (s *Service) ownAddressGroup(ctx context.Context, id cloud.AddressGroupID, action policy.Action) (*cloud.AddressGroup, error) {
	if err := s.lockAddressGroup(ctx, id); err != nil {
		return nil, err
	}
	g, err := s.AddressGroup(ctx, id)
	if err != nil {
		return nil, err
	}
	return g, s.authorizeReach(ctx, action, addressGroupTarget(g), cloud.UseShared)
}

// lockAddressGroup makes whoever changes, deletes or names an address group wait for each other.
func (s *Service) lockAddressGroup(ctx context.Context, id cloud.AddressGroupID) error {
	return s.Tx.Lock(ctx, "address group/"+string(id))
}

// DeleteAddressGroup removes an address group that no rule names.
func (s *Service) DeleteAddressGroup(ctx context.Context, id cloud.AddressGroupID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if _, err := s.ownAddressGroup(ctx, id, "address group.delete"); err != nil {
			return err
		}
		rules, err := s.rulesNaming(ctx, id)
		if err != nil {
			return err
		}
		if len(rules) > 0 {
			return cloud.Errorf(cloud.InUse, "address group", id, "Address group %s is in use on one or more security group rules.", id)
		}
		if err := s.unshare(ctx, string(id)); err != nil {
			return err
		}
		return s.AddressGroups.Delete(ctx, id)
	})
}

// nameAddressGroup checks that the caller may name an address group in a rule; it stays until the rule is there.
func (s *Service) nameAddressGroup(ctx context.Context, id cloud.AddressGroupID) error {
	if id == "" {
		return nil
	}
	if err := s.lockAddressGroup(ctx, id); err != nil {
		return err
	}
	_, err := s.AddressGroup(ctx, id)
	return err
}

// addressGroupsOf answers the address groups that rules name.
func (s *Service) addressGroupsOf(ctx context.Context, rules []*cloud.SecurityGroupRule) (map[cloud.AddressGroupID]*cloud.AddressGroup, error) {
	var ids []string
	for _, r := range rules {
		if r.RemoteAddresses != "" {
			ids = append(ids, string(r.RemoteAddresses))
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	groups, err := s.AddressGroups.List(ctx, cloud.Where(cloud.In("id", ids)))
	return byID(groups, func(g *cloud.AddressGroup) cloud.AddressGroupID { return g.ID }), err
}
