package volume

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// GroupRequest says what a new, empty group shall be.
type GroupRequest struct {
	Name        string
	Description string
	GroupType   string   // id or name
	VolumeTypes []string // ids or names of the types that its volumes may have
	Zone        string   // empty: any that takes work
}

// CreateGroup inserts a group without volumes. There is nothing to be done on a host, so it is there at once.
func (s *Service) CreateGroup(ctx context.Context, r GroupRequest) (*cloud.VolumeGroup, error) {
	if err := checkWords("group", r.Name, r.Description, nil); err != nil {
		return nil, err
	}
	var g *cloud.VolumeGroup
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		t, err := s.GroupType(ctx, r.GroupType)
		if err != nil {
			return err
		}
		g = &cloud.VolumeGroup{Name: r.Name, Description: r.Description, GroupTypeID: t.ID}
		if g.VolumeTypes, err = s.typeIDs(ctx, r.VolumeTypes); err != nil {
			return err
		}
		if g.Zone, err = s.groupZone(ctx, r.Zone); err != nil {
			return err
		}
		return s.insertGroup(ctx, g)
	})
	return g, err
}

// insertGroup counts a group of the caller's project against its limit, and adds it.
func (s *Service) insertGroup(ctx context.Context, g *cloud.VolumeGroup) error {
	p := cloud.PrincipalOf(ctx)
	if err := policy.Authorize(ctx, "volume group.create", policy.Target{Resource: "volume group", ProjectID: p.ProjectID}); err != nil {
		return err
	}
	if err := s.Quota.Reserve(ctx, p.ProjectID, map[string]int64{cloud.QuotaVolumeGroups: 1}); err != nil {
		return err
	}
	g.ID, g.ProjectID, g.UserID, g.State = cloud.VolumeGroupID(cloud.NewID()), p.ProjectID, p.UserID, cloud.VolumeAvailable
	return s.Groups.Insert(ctx, g)
}

// typeIDs finds volume types that the caller may use. Each counts once.
func (s *Service) typeIDs(ctx context.Context, names []string) ([]cloud.VolumeTypeID, error) {
	if len(names) == 0 {
		return nil, cloud.Invalidf("group", "volume_types", "A group needs at least one volume type that its volumes may have.")
	}
	var ids []cloud.VolumeTypeID
	for _, name := range names {
		t, err := s.Type(ctx, name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(ids, t.ID) {
			ids = append(ids, t.ID)
		}
	}
	return ids, nil
}

// groupZone is the zone that was asked for, if there is one of that name, or the first that takes work.
func (s *Service) groupZone(ctx context.Context, asked string) (string, error) {
	zones, err := s.Zones(ctx)
	if err != nil {
		return "", err
	}
	for _, z := range zones {
		if z.Name == asked || asked == "" && z.Available {
			return z.Name, nil
		}
	}
	if asked == "" {
		return "", &cloud.Error{Kind: cloud.NoCapacity, Resource: "volume group", Message: "No zone takes new volumes now."}
	}
	return "", cloud.Invalidf("group", "availability_zone", "Availability zone '%s' is invalid.", asked)
}

// Group answers one group that the caller may see.
func (s *Service) Group(ctx context.Context, id cloud.VolumeGroupID) (*cloud.VolumeGroup, error) {
	return s.authorizedGroup(ctx, "volume group.get", id)
}

// ListGroups answers the groups that f selects among those the caller may see.
func (s *Service) ListGroups(ctx context.Context, f Filter[cloud.VolumeGroup]) ([]*cloud.VolumeGroup, error) {
	return s.Groups.List(ctx, f.where(ctx, "volume group.get"), f.keep()...)
}

// GroupMembers answers the ids of the volumes of some groups, oldest first, with one question.
func (s *Service) GroupMembers(ctx context.Context, ids []cloud.VolumeGroupID) (map[cloud.VolumeGroupID][]cloud.VolumeID, error) {
	members := map[cloud.VolumeGroupID][]cloud.VolumeID{}
	if len(ids) == 0 {
		return members, nil
	}
	rows, err := s.Volumes.List(ctx, cloud.Query{Where: []cloud.Cond{cloud.In("group_id", ids)}, Order: []cloud.Order{{Column: "created_at"}}})
	for _, v := range rows {
		members[v.GroupID] = append(members[v.GroupID], v.ID)
	}
	return members, err
}

func (s *Service) authorizedGroup(ctx context.Context, a policy.Action, id cloud.VolumeGroupID) (*cloud.VolumeGroup, error) {
	g, err := s.Groups.Get(ctx, id)
	if g, err = found(g, err)("volume group", string(id)); err != nil {
		return nil, err
	}
	return g, policy.Authorize(ctx, a, policy.Target{Resource: "volume group", ID: string(id), ProjectID: g.ProjectID, UserID: g.UserID})
}

// membersOf lists the volumes of a group, oldest first.
func (s *Service) membersOf(ctx context.Context, id cloud.VolumeGroupID) ([]*cloud.Volume, error) {
	return s.Volumes.List(ctx, cloud.Query{Where: []cloud.Cond{cloud.Eq("group_id", id)}, Order: []cloud.Order{{Column: "created_at"}}})
}

// ResetGroup is an administrator's word on a group's state.
func (s *Service) ResetGroup(ctx context.Context, id cloud.VolumeGroupID, state cloud.VolumeState) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		g, err := s.authorizedGroup(ctx, "volume group.reset", id)
		if err != nil {
			return err
		}
		g.State, g.OperationID, g.Fault = state, "", nil
		return s.Groups.Update(ctx, g)
	})
}

// groupReady refuses a group that is being made, being deleted or has failed.
func groupReady(g *cloud.VolumeGroup) error {
	if g.State == cloud.VolumeAvailable {
		return nil
	}
	return cloud.Errorf(cloud.WrongState, "volume group", g.ID, "Invalid group: group %s must be available, but it is %s.", g.ID, g.State)
}
