package volume

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// DefaultType answers the type of a project's new volumes for which none is asked; NotFound if it has none of its own.
func (s *Service) DefaultType(ctx context.Context, p cloud.ProjectID) (*cloud.DefaultVolumeType, error) {
	if err := policy.Authorize(ctx, "volume type.manage", policy.Target{Resource: "volume type"}); err != nil {
		return nil, err
	}
	d, err := s.DefaultTypes.Get(ctx, p)
	if cloud.Is(err, cloud.NotFound) {
		return nil, cloud.Errorf(cloud.NotFound, "default volume type", p, "Project %s has no default volume type of its own.", p)
	}
	return d, err
}

// ListDefaultTypes answers the projects that have a default type of their own.
func (s *Service) ListDefaultTypes(ctx context.Context) ([]*cloud.DefaultVolumeType, error) {
	if err := policy.Authorize(ctx, "volume type.manage", policy.Target{Resource: "volume type"}); err != nil {
		return nil, err
	}
	return s.DefaultTypes.List(ctx, cloud.Query{})
}

// SetDefaultType gives a project a default type, by id or name.
func (s *Service) SetDefaultType(ctx context.Context, p cloud.ProjectID, idOrName string) (*cloud.DefaultVolumeType, error) {
	var d *cloud.DefaultVolumeType
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		t, err := s.Type(ctx, idOrName)
		if err != nil {
			return err
		}
		if d, err = s.DefaultType(ctx, p); err == nil {
			d.TypeID = t.ID
			return s.DefaultTypes.Update(ctx, d)
		}
		if !cloud.Is(err, cloud.NotFound) {
			return err
		}
		d = &cloud.DefaultVolumeType{ProjectID: p, TypeID: t.ID}
		return s.DefaultTypes.Insert(ctx, d)
	})
	return d, err
}

// UnsetDefaultType takes it back.
func (s *Service) UnsetDefaultType(ctx context.Context, p cloud.ProjectID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if _, err := s.DefaultType(ctx, p); err != nil {
			return err
		}
		return s.DefaultTypes.Delete(ctx, p)
	})
}

// UsualType answers the type that the caller's volumes have for which none is asked; NotFound if there is none.
func (s *Service) UsualType(ctx context.Context) (*cloud.VolumeType, error) {
	id, err := s.defaultType(ctx, cloud.PrincipalOf(ctx).ProjectID)
	if err != nil {
		return nil, err
	}
	if id == "" {
		return nil, cloud.NotFoundf("volume type", "default")
	}
	return s.Type(ctx, string(id))
}

// defaultType is the type of a new volume for which none was asked: its project's, or the cloud's, or none.
func (s *Service) defaultType(ctx context.Context, p cloud.ProjectID) (cloud.VolumeTypeID, error) {
	d, err := s.DefaultTypes.Get(ctx, p)
	if err == nil {
		return d.TypeID, nil
	}
	if !cloud.Is(err, cloud.NotFound) {
		return "", err
	}
	t, err := s.Types.One(ctx, cloud.Eq("name", s.DefaultTypeName))
	if cloud.Is(err, cloud.NotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return t.ID, nil
}
