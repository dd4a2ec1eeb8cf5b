package identity

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// GroupChange is what an update sets; nil stays.
type GroupChange struct {
	Name, Description *string
	Extra             map[string]any
}

func groupTarget(g *cloud.Group) policy.Target {
	if g == nil {
		return policy.Target{Resource: "group"}
	}
	return policy.Target{Resource: "group", DomainID: g.DomainID}
}

// CreateGroup makes a group from g.
func (s *Service) CreateGroup(ctx context.Context, g cloud.Group) (*cloud.Group, error) {
	if g.DomainID == "" {
		g.DomainID = callersDomain(ctx)
	}
	if err := policy.Authorize(ctx, "group.manage", groupTarget(&g)); err != nil {
		return nil, err
	}
	if err := validName("group", g.Name, nameMax); err != nil {
		return nil, err
	}
	if g.ID == "" {
		g.ID = cloud.GroupID(cloud.NewHexID())
	}
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		if _, err := s.Domains.Get(ctx, g.DomainID); err != nil {
			return err
		}
		return s.Groups.Insert(ctx, &g)
	})
	return &g, err
}

// Group answers one group.
func (s *Service) Group(ctx context.Context, id cloud.GroupID) (*cloud.Group, error) {
	g, err := s.Groups.Get(ctx, id)
	return g, allow(ctx, "group.get", groupTarget(g), err)
}

// ListGroups lists groups that the caller may read.
func (s *Service) ListGroups(ctx context.Context, f Filter) ([]*cloud.Group, error) {
	var err error
	if f.DomainID, err = listDomain(ctx, "group.list", f.DomainID); err != nil {
		return nil, err
	}
	f.Enabled = nil
	return s.Groups.List(ctx, f.query(), func(g *cloud.Group) bool { return f.texts(g.Name, g.Description) })
}

// changeGroup lets f change a group that the caller manages.
func (s *Service) changeGroup(ctx context.Context, id cloud.GroupID, f func(context.Context, *cloud.Group) error) (g *cloud.Group, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		g, err = s.Groups.Get(ctx, id)
		if err := allow(ctx, "group.manage", groupTarget(g), err); err != nil {
			return err
		}
		if err := f(ctx, g); err != nil {
			return err
		}
		return s.Groups.Update(ctx, g)
	})
	return g, err
}

// UpdateGroup changes a group.
func (s *Service) UpdateGroup(ctx context.Context, id cloud.GroupID, c GroupChange) (*cloud.Group, error) {
	return s.changeGroup(ctx, id, func(_ context.Context, g *cloud.Group) error {
		set(&g.Name, c.Name)
		set(&g.Description, c.Description)
		g.Extra = merged(g.Extra, c.Extra)
		return validName("group", g.Name, nameMax)
	})
}

// DeleteGroup removes a group and its role assignments.
func (s *Service) DeleteGroup(ctx context.Context, id cloud.GroupID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		g, err := s.Groups.Get(ctx, id)
		if err := allow(ctx, "group.manage", groupTarget(g), err); err != nil {
			return err
		}
		return s.removeGroup(ctx, g)
	})
}

func (s *Service) removeGroup(ctx context.Context, g *cloud.Group) error {
	if err := s.dropAssignments(ctx, cloud.Eq("group_id", g.ID)); err != nil {
		return err
	}
	return s.Groups.Delete(ctx, g.ID)
}

// AddMember puts a user into a group; it may be there already.
func (s *Service) AddMember(ctx context.Context, id cloud.GroupID, user cloud.UserID) error {
	_, err := s.changeGroup(ctx, id, func(ctx context.Context, g *cloud.Group) error {
		if _, err := s.Users.Get(ctx, user); err != nil {
			return err
		}
		if !slices.Contains(g.Members, user) {
			g.Members = append(slices.Clone(g.Members), user)
		}
		return nil
	})
	return err
}

// RemoveMember takes a user out of a group. Tokens that may rest on the group's roles become void.
func (s *Service) RemoveMember(ctx context.Context, id cloud.GroupID, user cloud.UserID) error {
	_, err := s.changeGroup(ctx, id, func(ctx context.Context, g *cloud.Group) error {
		if !slices.Contains(g.Members, user) {
			return notMember(g, user)
		}
		held, err := s.Assignments.List(ctx, cloud.Where(cloud.Eq("group_id", id)))
		err = each(held, err, func(a *cloud.Assignment) error { return s.revoke(ctx, lostBy(a, user)) })
		g.Members = without(g.Members, user)
		return err
	})
	return err
}

// IsMember answers nil if the user is in the group, NotFound if not.
func (s *Service) IsMember(ctx context.Context, id cloud.GroupID, user cloud.UserID) error {
	g, err := s.Group(ctx, id)
	if err == nil && !slices.Contains(g.Members, user) {
		err = notMember(g, user)
	}
	return err
}

func notMember(g *cloud.Group, user cloud.UserID) error {
	return cloud.Errorf(cloud.NotFound, "user", user, "User %s is not in group %s.", user, g.ID)
}

// Members lists the users of a group.
func (s *Service) Members(ctx context.Context, id cloud.GroupID, f Filter) ([]*cloud.User, error) {
	g, err := s.Group(ctx, id)
	if err != nil || len(g.Members) == 0 {
		return nil, err
	}
	f.DomainID = ""
	return s.Users.List(ctx, f.query(cloud.In("id", g.Members)), func(u *cloud.User) bool { return f.texts(u.Name, u.Description) })
}

// GroupsOf lists the groups a user is in.
func (s *Service) GroupsOf(ctx context.Context, user cloud.UserID, f Filter) ([]*cloud.Group, error) {
	u, err := s.Users.Get(ctx, user)
	target := userTarget(u)
	target.UserID = user
	if err := allow(ctx, "user.groups", target, err); err != nil {
		return nil, err
	}
	f.Enabled, f.DomainID = nil, ""
	return s.Groups.List(ctx, f.query(cloud.Eq("members", user)), func(g *cloud.Group) bool { return f.texts(g.Name, g.Description) })
}

func (s *Service) groupsOf(ctx context.Context, user cloud.UserID) ([]*cloud.Group, error) {
	return s.Groups.List(ctx, cloud.Where(cloud.Eq("members", user)))
}

// without is a copy of list lacking v.
func without[T comparable](list []T, v T) []T {
	return slices.DeleteFunc(slices.Clone(list), func(x T) bool { return x == v })
}
