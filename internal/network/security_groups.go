package network

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// defaultGroupName is the name of the group that every project has.
const defaultGroupName = "default"

// GroupRequest asks for a security group.
type GroupRequest struct {
	ProjectID         cloud.ProjectID // empty: the caller's
	Name, Description string
	// Stateless: answers to what its rules allow need rules of their own.
	Stateless bool
	// RouterID is the routing domain that it is for; empty: none.
	RouterID cloud.RouterID
	Tags     []string
}

func groupTarget(g *cloud.SecurityGroup) policy.Target {
	return policy.Target{Resource: "security group", ID: string(g.ID), ProjectID: g.ProjectID, Shared: g.Shared}
}

// CreateSecurityGroup makes a group that lets everything out and nothing in. AlreadyExists if its routing domain has one of that name.
func (s *Service) CreateSecurityGroup(ctx context.Context, r GroupRequest) (g *cloud.SecurityGroup, err error) {
	r.ProjectID = owner(ctx, r.ProjectID)
	if err := policy.Authorize(ctx, "security group.create", policy.Target{Resource: "security group", ProjectID: r.ProjectID}); err != nil {
		return nil, err
	}
	if r.Name == defaultGroupName {
		return nil, cloud.Errorf(cloud.AlreadyExists, "default security group", r.ProjectID, "Default security group already exists.")
	}
	if r.ProjectID == "" {
		return nil, cloud.Invalidf("security group", "project_id", "A security group needs a project.")
	}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		g = &cloud.SecurityGroup{ID: cloud.SecurityGroupID(cloud.NewID()), ProjectID: r.ProjectID, Name: r.Name, Description: r.Description,
			Stateless: r.Stateless, RouterID: r.RouterID, Tags: r.Tags}
		rules, err := s.rulesToBegin(ctx, g)
		if err != nil {
			return err
		}
		reserved := map[string]int64{cloud.QuotaSecurityGroups: 1, cloud.QuotaSecurityRules: int64(len(rules))}
		if err := s.Quota.Reserve(ctx, r.ProjectID, reserved); err != nil {
			return err
		}
		if _, err := s.defaultGroup(ctx, r.ProjectID); err != nil { // afterwards: it does not take the last place
			return err
		}
		if err := s.Groups.Insert(ctx, g); err != nil {
			return err
		}
		return s.insertRules(ctx, rules)
	})
	return g, err
}

// rulesToBegin are a new group's first rules: those of a domain's groups are the same in each cloud.
func (s *Service) rulesToBegin(ctx context.Context, g *cloud.SecurityGroup) ([]*cloud.SecurityGroupRule, error) {
	if g.RouterID == "" {
		return s.firstRules(ctx, g)
	}
	r, err := s.ownDomain(ctx, g.RouterID, "routing domain.update")
	if err != nil {
		return nil, err
	}
	if r.ProjectID != g.ProjectID {
		return nil, cloud.NotFoundf("routing domain", g.RouterID)
	}
	rules := []*cloud.SecurityGroupRule{outRule(g, false)}
	if hasIPv6(r) {
		rules = append(rules, outRule(g, true))
	}
	return rules, nil
}

func (s *Service) insertRules(ctx context.Context, rules []*cloud.SecurityGroupRule) error {
	for _, r := range rules {
		r.ID, r.Key = cloud.RuleID(cloud.NewID()), ruleKey(r)
		if err := s.Rules.Insert(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// defaultGroup answers a project's default group, making it if it is not there yet. It is made
// whatever the quota says: without it nothing of the project's could be protected.
func (s *Service) defaultGroup(ctx context.Context, p cloud.ProjectID) (*cloud.SecurityGroup, error) {
	g, err := s.Groups.One(ctx, cloud.Eq("project_id", string(p)), cloud.Eq("default", true))
	if !cloud.Is(err, cloud.NotFound) {
		return g, err
	}
	if err := s.Tx.Lock(ctx, "default group/"+string(p)); err != nil {
		return nil, err
	}
	g, err = s.Groups.One(ctx, cloud.Eq("project_id", string(p)), cloud.Eq("default", true))
	if !cloud.Is(err, cloud.NotFound) {
		return g, err
	}
	g = &cloud.SecurityGroup{ID: cloud.SecurityGroupID(cloud.NewID()), ProjectID: p, Name: defaultGroupName,
		Description: "Default security group", Default: true}
	if err := s.Groups.Insert(ctx, g); err != nil {
		return nil, err
	}
	rules, err := s.firstRules(ctx, g)
	if err != nil {
		return nil, err
	}
	return g, s.insertRules(ctx, rules)
}

// EnsureDefaultGroup makes the caller's project have its default group. It may be repeated.
func (s *Service) EnsureDefaultGroup(ctx context.Context) error {
	p := cloud.PrincipalOf(ctx).ProjectID
	if p == "" {
		return nil
	}
	n, err := s.Groups.Count(ctx, cloud.Eq("project_id", string(p)), cloud.Eq("default", true))
	if err != nil || n > 0 {
		return err
	}
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		_, err := s.defaultGroup(ctx, p)
		return err
	})
}

// SecurityGroup answers one group that the caller may see.
func (s *Service) SecurityGroup(ctx context.Context, id cloud.SecurityGroupID) (*cloud.SecurityGroup, error) {
	g, err := s.Groups.Get(ctx, id)
	if err != nil {
		return nil, missing(err, "security group", id)
	}
	return g, s.authorizeReach(ctx, "security group.get", groupTarget(g), cloud.UseShared)
}

// ListSecurityGroups lists the groups of the caller's project and those shared with it, or all. Call EnsureDefaultGroup first to have the default one in it.
func (s *Service) ListSecurityGroups(ctx context.Context, q cloud.Query, keep ...func(*cloud.SecurityGroup) bool) ([]*cloud.SecurityGroup, error) {
	all, own := policy.Visible(ctx, "security group.get")
	if all {
		return s.Groups.List(ctx, q, keep...)
	}
	with, err := s.SharedWithCaller(ctx, cloud.ShareSecurityGroup, cloud.UseShared)
	if err != nil {
		return nil, err
	}
	return listUnion(ctx, s.Groups, q, groupColumn, func(g *cloud.SecurityGroup) string { return string(g.ID) }, keep,
		cloud.Eq("project_id", string(own)), cloud.Eq("shared", true), cloud.In("id", keys(with)))
}

// GroupChange changes what is not nil.
type GroupChange struct {
	Name, Description *string
	Stateless         *bool
	Tags              *[]string
}

// UpdateSecurityGroup changes a group's words and, while no port is in it, whether it remembers connections.
func (s *Service) UpdateSecurityGroup(ctx context.Context, id cloud.SecurityGroupID, c GroupChange) (g *cloud.SecurityGroup, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if g, err = s.ownGroup(ctx, id, "security group.update"); err != nil {
			return err
		}
		if changes(c.Name, g.Name) && (g.Default || g.RouterID != "" && g.Name == defaultGroupName || *c.Name == defaultGroupName) {
			return cloud.Errorf(cloud.WrongState, "default security group", id, "Updating default security group not allowed.")
		}
		apply(&g.Name, c.Name)
		if changes(c.Stateless, g.Stateless) {
			if err := s.checkGroupUnused(ctx, id); err != nil {
				return err
			}
			s.nudge(ctx, kindGroup, string(id))
		}
		apply(&g.Description, c.Description)
		apply(&g.Stateless, c.Stateless)
		apply(&g.Tags, c.Tags)
		g.Revisions++
		return s.Groups.Update(ctx, g)
	})
	return g, err
}

func (s *Service) ownGroup(ctx context.Context, id cloud.SecurityGroupID, action policy.Action) (*cloud.SecurityGroup, error) {
	g, err := s.SecurityGroup(ctx, id)
	if err != nil {
		return nil, err
	}
	return g, s.authorizeReach(ctx, action, groupTarget(g), cloud.UseShared)
}

// DeleteSecurityGroup removes a group with its rules, and the rules of others that name it. InUse while ports are in it.
func (s *Service) DeleteSecurityGroup(ctx context.Context, id cloud.SecurityGroupID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		g, err := s.ownGroup(ctx, id, "security group.delete")
		if err != nil {
			return err
		}
		if g.Default && !policy.May(ctx, "security group.delete_default", policy.Target{}) { // an administrator empties a project that ends
			return cloud.Errorf(cloud.WrongState, "default security group removal", id, "Insufficient rights for removing default security group.")
		}
		if g.RouterID != "" && g.Name == defaultGroupName {
			return cloud.Errorf(cloud.WrongState, "default security group removal", id, "Security group %s goes with its routing domain %s.", id, g.RouterID)
		}
		return s.removeGroup(ctx, id)
	})
}

// DeleteUnnamedGroup is DeleteSecurityGroup for a group that rules of no other name. InUse otherwise.
func (s *Service) DeleteUnnamedGroup(ctx context.Context, id cloud.SecurityGroupID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if _, err := s.ownGroup(ctx, id, "security group.delete"); err != nil {
			return err
		}
		naming, err := s.Rules.List(ctx, cloud.Where(cloud.Eq("remote_group", string(id))), func(r *cloud.SecurityGroupRule) bool { return r.GroupID != id })
		if err != nil {
			return err
		}
		if len(naming) > 0 {
			return cloud.Errorf(cloud.InUse, "security group", id, "Security group %s is named by a rule of security group %s.", id, naming[0].GroupID)
		}
		return s.DeleteSecurityGroup(ctx, id)
	})
}

func (s *Service) removeGroup(ctx context.Context, id cloud.SecurityGroupID) error {
	if err := s.checkGroupUnused(ctx, id); err != nil {
		return err
	}
	if err := s.dropRules(ctx, cloud.Eq("group_id", string(id))); err != nil {
		return err
	}
	if err := s.dropRules(ctx, cloud.Eq("remote_group", string(id))); err != nil {
		return err
	}
	if err := s.unshare(ctx, string(id)); err != nil {
		return err
	}
	s.nudge(ctx, kindGroup, string(id))
	return s.Groups.Delete(ctx, id)
}

func (s *Service) checkGroupUnused(ctx context.Context, id cloud.SecurityGroupID) error {
	used, err := s.Ports.Count(ctx, cloud.Eq("security_groups", string(id)))
	if err == nil && used > 0 {
		err = cloud.Errorf(cloud.InUse, "security group", id, "Security Group %s in use.", id)
	}
	return err
}

func (s *Service) dropRules(ctx context.Context, where cloud.Cond) error {
	rules, err := s.Rules.List(ctx, cloud.Where(where))
	if err != nil {
		return err
	}
	for _, r := range rules {
		s.nudge(ctx, kindGroup, string(r.GroupID))
		if err := s.Rules.Delete(ctx, r.ID); err != nil {
			return err
		}
	}
	return nil
}
