package compute

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// GroupView is an instance group with its members.
type GroupView struct {
	*cloud.InstanceGroup
	Members []cloud.InstanceID
}

func groupTarget(g *cloud.InstanceGroup) policy.Target {
	return policy.Target{Resource: "instance group", ID: string(g.ID), ProjectID: g.ProjectID, UserID: g.UserID}
}

// CreateGroup makes an instance group.
func (s *Service) CreateGroup(ctx context.Context, g cloud.InstanceGroup) (*GroupView, error) {
	p := cloud.PrincipalOf(ctx)
	g.ID, g.ProjectID, g.UserID = cloud.InstanceGroupID(cloud.NewID()), p.ProjectID, p.UserID
	if err := policy.Authorize(ctx, "instance group.create", policy.Target{Resource: "instance group", ProjectID: p.ProjectID}); err != nil {
		return nil, err
	}
	if !slices.Contains([]string{"affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity"}, g.Policy) {
		return nil, cloud.Invalidf("instance group", "policy", "Invalid input for field/attribute policy. '%s' is not a policy.", g.Policy)
	}
	if g.PerHostMax != 0 && g.Policy != "anti-affinity" {
		return nil, cloud.Invalidf("instance group", "rules", "Only anti-affinity policy supports rules.")
	}
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.Quota.Reserve(ctx, g.ProjectID, map[string]int64{cloud.QuotaInstanceGroups: 1}); err != nil {
			return err
		}
		return s.Groups.Insert(ctx, &g)
	})
	return &GroupView{InstanceGroup: &g}, err
}

// Group answers one group.
func (s *Service) Group(ctx context.Context, id cloud.InstanceGroupID) (*GroupView, error) {
	g, err := s.Groups.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := policy.Authorize(ctx, "instance group.get", groupTarget(g)); err != nil {
		return nil, err
	}
	views, err := s.groupViews(ctx, []*cloud.InstanceGroup{g})
	if err != nil {
		return nil, err
	}
	return views[0], nil
}

// ListGroups answers the caller's groups, or everybody's if it may see them and asks for it.
func (s *Service) ListGroups(ctx context.Context, q cloud.Query, all bool) ([]*GroupView, error) {
	sees, own := policy.Visible(ctx, "instance group.get")
	if !all || !sees {
		q.Where = append(slices.Clip(q.Where), cloud.Eq("project_id", own))
	}
	groups, err := s.Groups.List(ctx, q)
	if err != nil {
		return nil, err
	}
	return s.groupViews(ctx, groups)
}

func (s *Service) groupViews(ctx context.Context, groups []*cloud.InstanceGroup) ([]*GroupView, error) {
	views := make([]*GroupView, len(groups))
	byID := make(map[cloud.InstanceGroupID]*GroupView, len(groups))
	ids := make([]cloud.InstanceGroupID, len(groups))
	for i, g := range groups {
		views[i] = &GroupView{InstanceGroup: g}
		byID[g.ID], ids[i] = views[i], g.ID
	}
	if len(ids) == 0 {
		return views, nil
	}
	members, err := s.Instances.List(ctx, cloud.Where(cloud.In("group", ids)))
	if err != nil {
		return nil, err
	}
	for _, in := range members {
		v := byID[in.Hints.Group]
		v.Members = append(v.Members, in.ID)
	}
	return views, nil
}

// DeleteGroup removes a group; its members go on without it.
func (s *Service) DeleteGroup(ctx context.Context, id cloud.InstanceGroupID) error {
	g, err := s.Groups.Get(ctx, id)
	if err != nil {
		return err
	}
	if err := policy.Authorize(ctx, "instance group.delete", groupTarget(g)); err != nil {
		return err
	}
	return s.Groups.Delete(ctx, id)
}
