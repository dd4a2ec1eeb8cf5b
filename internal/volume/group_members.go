package volume

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// GroupChange is what its owner may change about a group; nil leaves it.
type GroupChange struct {
	Name, Description *string
	Add, Remove       []cloud.VolumeID
}

func (c *GroupChange) empty() bool {
	return c.Name == nil && c.Description == nil && len(c.Add) == 0 && len(c.Remove) == 0
}

// UpdateGroup changes a group and which volumes belong to it, all or nothing.
func (s *Service) UpdateGroup(ctx context.Context, id cloud.VolumeGroupID, c GroupChange) (*cloud.VolumeGroup, error) {
	if c.empty() {
		return nil, cloud.Invalidf("group", "body", "A name, a description, or volumes to add or remove must be given.")
	}
	var g *cloud.VolumeGroup
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		var err error
		if g, err = s.authorizedGroup(ctx, "volume group.update", id); err != nil {
			return err
		}
		if err := groupReady(g); err != nil {
			return err
		}
		if c.Name != nil {
			g.Name = *c.Name
		}
		if c.Description != nil {
			g.Description = *c.Description
		}
		if err := checkWords("group", g.Name, g.Description, nil); err != nil {
			return err
		}
		if err := s.changeMembers(ctx, g, c); err != nil {
			return err
		}
		return s.Groups.Update(ctx, g)
	})
	return g, err
}

func (s *Service) changeMembers(ctx context.Context, g *cloud.VolumeGroup, c GroupChange) error {
	for _, id := range c.Add {
		if slices.Contains(c.Remove, id) {
			return cloud.Invalidf("group", "add_volumes", "Invalid volume: volume %s cannot be both added to and removed from group %s.", id, g.ID)
		}
		if err := s.addMember(ctx, g, id); err != nil {
			return err
		}
	}
	for _, id := range c.Remove {
		if err := s.removeMember(ctx, g, id); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) addMember(ctx context.Context, g *cloud.VolumeGroup, id cloud.VolumeID) error {
	v, err := s.named(ctx, g, id)
	if err != nil {
		return err
	}
	switch {
	case v.GroupID == g.ID:
		return cloud.Invalidf("group", "add_volumes", "Invalid volume: volume %s is in group %s already.", id, g.ID)
	case v.GroupID != "":
		return cloud.Invalidf("group", "add_volumes", "Invalid volume: volume %s belongs to group %s, and can be in one only.", id, v.GroupID)
	case v.ProjectID != g.ProjectID:
		return cloud.Invalidf("group", "add_volumes", "Invalid volume: volume %s is of another project than group %s.", id, g.ID)
	}
	if err := mustBe(v, cloud.VolumeAvailable, cloud.VolumeAttached); err != nil {
		return err
	}
	return s.join(ctx, g, v)
}

// join writes the group into a volume whose type it takes.
func (s *Service) join(ctx context.Context, g *cloud.VolumeGroup, v *cloud.Volume) error {
	if err := takesType(g, v); err != nil {
		return err
	}
	v.GroupID = g.ID
	return s.Volumes.Update(ctx, v)
}

func takesType(g *cloud.VolumeGroup, v *cloud.Volume) error {
	if slices.Contains(g.VolumeTypes, v.TypeID) {
		return nil
	}
	return cloud.Invalidf("volume", "volume_type", "Group %s does not take volumes of type '%s'.", g.ID, v.TypeID)
}

func (s *Service) removeMember(ctx context.Context, g *cloud.VolumeGroup, id cloud.VolumeID) error {
	v, err := s.named(ctx, g, id)
	if err != nil {
		return err
	}
	if v.GroupID != g.ID {
		return cloud.Invalidf("group", "remove_volumes", "Invalid volume: volume %s is not in group %s.", id, g.ID)
	}
	if err := mustBe(v, cloud.VolumeAvailable, cloud.VolumeAttached, cloud.VolumeReserved, cloud.VolumeFailed); err != nil {
		return err
	}
	v.GroupID = ""
	return s.Volumes.Update(ctx, v)
}

// named answers a volume that a change of a group names: one that is hidden or gone makes the request wrong, as it is not what
// was asked for.
func (s *Service) named(ctx context.Context, g *cloud.VolumeGroup, id cloud.VolumeID) (*cloud.Volume, error) {
	v, err := s.authorized(ctx, "volume.update", id)
	if cloud.Is(err, cloud.NotFound) {
		return nil, cloud.Invalidf("group", "volumes", "Invalid volume: there is no volume %s to add to or remove from group %s.", id, g.ID)
	}
	return v, err
}

// takeGroup makes a new volume one of a group.
func (s *Service) takeGroup(ctx context.Context, v *cloud.Volume, id cloud.VolumeGroupID) error {
	if id == "" {
		return nil
	}
	g, err := s.authorizedGroup(ctx, "volume group.update", id)
	if err != nil {
		return err
	}
	if g.ProjectID != v.ProjectID {
		return cloud.NotFoundf("volume group", id)
	}
	if err := groupReady(g); err != nil {
		return err
	}
	if v.Zone == "" {
		v.Zone = g.Zone
	}
	v.GroupID = id
	return takesType(g, v)
}

// ungrouped refuses what would take a volume out of its group unsaid.
func ungrouped(v *cloud.Volume) error {
	if v.GroupID == "" {
		return nil
	}
	return cloud.Errorf(cloud.InUse, "volume", v.ID, "Invalid volume: volume %s belongs to group %s: take it out first.", v.ID, v.GroupID)
}
