package volume

import (
	"context"
	"maps"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// GroupType finds a group type that the caller may use, by id or name.
func (s *Service) GroupType(ctx context.Context, idOrName string) (*cloud.VolumeGroupType, error) {
	t, err := s.GroupTypes.Get(ctx, cloud.VolumeGroupTypeID(idOrName))
	if cloud.Is(err, cloud.NotFound) {
		t, err = s.GroupTypes.One(ctx, cloud.Eq("name", idOrName))
	}
	if t, err = found(t, err)("group type", idOrName); err != nil {
		return nil, err
	}
	return t, policy.Authorize(ctx, "group type.get", groupTypeTarget(t))
}

func groupTypeTarget(t *cloud.VolumeGroupType) policy.Target {
	return policy.Target{Resource: "group type", ID: string(t.ID), Shared: t.Public}
}

// ListGroupTypes answers the group types that the caller may use and f selects.
func (s *Service) ListGroupTypes(ctx context.Context, f Filter[cloud.VolumeGroupType]) ([]*cloud.VolumeGroupType, error) {
	return s.GroupTypes.List(ctx, f.Query, func(t *cloud.VolumeGroupType) bool {
		return policy.May(ctx, "group type.get", groupTypeTarget(t)) && (f.Keep == nil || f.Keep(t))
	})
}

// CreateGroupType adds a group type. AlreadyExists if the name is taken.
func (s *Service) CreateGroupType(ctx context.Context, t cloud.VolumeGroupType) (*cloud.VolumeGroupType, error) {
	if err := policy.Authorize(ctx, "group type.manage", policy.Target{Resource: "group type"}); err != nil {
		return nil, err
	}
	t.ID = cloud.VolumeGroupTypeID(cloud.NewID())
	if err := checkGroupType(&t); err != nil {
		return nil, err
	}
	return &t, groupTypeTaken(&t, s.GroupTypes.Insert(ctx, &t))
}

func checkGroupType(t *cloud.VolumeGroupType) error {
	if strings.TrimSpace(t.Name) == "" {
		return cloud.Invalidf("group type", "name", "Group type name can not be empty.")
	}
	return checkWords("group type", t.Name, t.Description, t.Specs)
}

func groupTypeTaken(t *cloud.VolumeGroupType, err error) error {
	if cloud.Is(err, cloud.AlreadyExists) {
		return cloud.Errorf(cloud.AlreadyExists, "group type", t.ID, "Group type %s exists already.", t.Name)
	}
	return err
}

// UpdateGroupType lets edit change a group type, all or nothing. It may run more than once; the map is its own.
func (s *Service) UpdateGroupType(ctx context.Context, id cloud.VolumeGroupTypeID, edit func(*cloud.VolumeGroupType) error) (*cloud.VolumeGroupType, error) {
	var t *cloud.VolumeGroupType
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		var err error
		if t, err = s.ManagedGroupType(ctx, id); err != nil {
			return err
		}
		t.Specs = cloned(t.Specs)
		if err = edit(t); err != nil {
			return err
		}
		if err = checkGroupType(t); err != nil {
			return err
		}
		return groupTypeTaken(t, s.GroupTypes.Update(ctx, t))
	})
	return t, err
}

// ManagedGroupType answers a group type to those who may change it.
func (s *Service) ManagedGroupType(ctx context.Context, id cloud.VolumeGroupTypeID) (*cloud.VolumeGroupType, error) {
	t, err := s.GroupType(ctx, string(id))
	if err != nil {
		return nil, err
	}
	return t, policy.Authorize(ctx, "group type.manage", groupTypeTarget(t))
}

// DeleteGroupType removes a group type that no group has, else InUse.
func (s *Service) DeleteGroupType(ctx context.Context, id cloud.VolumeGroupTypeID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		t, err := s.ManagedGroupType(ctx, id)
		if err != nil {
			return err
		}
		used, err := s.Groups.Count(ctx, cloud.Eq("group_type_id", t.ID))
		if err != nil {
			return err
		}
		if used > 0 {
			return cloud.Errorf(cloud.InUse, "group type", id, "Group type %s is still in use.", id)
		}
		return s.GroupTypes.Delete(ctx, t.ID)
	})
}

// SetGroupSpecs adds specs to a group type, leaving the others.
func (s *Service) SetGroupSpecs(ctx context.Context, id cloud.VolumeGroupTypeID, specs map[string]string) (*cloud.VolumeGroupType, error) {
	return s.UpdateGroupType(ctx, id, func(t *cloud.VolumeGroupType) error {
		maps.Copy(t.Specs, specs)
		return nil
	})
}

// DeleteGroupSpec removes one spec; NotFound if there is none of that name.
func (s *Service) DeleteGroupSpec(ctx context.Context, id cloud.VolumeGroupTypeID, key string) error {
	_, err := s.UpdateGroupType(ctx, id, func(t *cloud.VolumeGroupType) error {
		if _, ok := t.Specs[key]; !ok {
			return cloud.Errorf(cloud.NotFound, "group type", id, "Group type %s has no spec %s.", id, key)
		}
		delete(t.Specs, key)
		return nil
	})
	return err
}
