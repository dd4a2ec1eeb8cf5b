package volume

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// DefaultTypeName is the type of volumes for which none was asked, unless the operator names another.
const DefaultTypeName = "default"

// specMultiAttach is the extra spec by which a type allows its volumes several instances at a time.
const specMultiAttach = "multiattach"

// isTrue reads a spec of the form "<is> True".
func isTrue(spec string) bool {
	return strings.EqualFold(strings.TrimSpace(strings.TrimPrefix(spec, "<is>")), "true")
}

func multiAttach(t *cloud.VolumeType) bool {
	return isTrue(t.ExtraSpecs[specMultiAttach])
}

// EnsureDefaults makes the default volume type at the first start. Later calls change nothing.
func (s *Service) EnsureDefaults(ctx context.Context) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		n, err := s.Types.Count(ctx)
		if err != nil || n > 0 {
			return err
		}
		return s.Types.Insert(ctx, &cloud.VolumeType{ID: cloud.VolumeTypeID(cloud.NewID()), Name: s.DefaultTypeName, Public: true,
			Description: "The host's default storage pool"})
	})
}

// takeType finds the type of a new volume: the one asked for, that of its source, or the default one if there is one.
func (s *Service) takeType(ctx context.Context, v *cloud.Volume, r CreateRequest) error {
	asked := string(r.TypeID)
	if asked == "" {
		asked = r.TypeName
	}
	if asked == "" && v.TypeID != "" {
		asked = string(v.TypeID)
	}
	if asked == "" {
		id, err := s.defaultType(ctx, v.ProjectID)
		if err != nil || id == "" && !r.Encrypted {
			return err
		}
		asked = string(id)
	}
	t, err := s.Type(ctx, asked)
	if r.Encrypted && (cloud.Is(err, cloud.NotFound) || err == nil && t.Encryption == nil) {
		t, err = s.encryptingType(ctx, r)
	}
	if err != nil {
		return err
	}
	v.TypeID, v.MultiAttach = t.ID, v.MultiAttach || multiAttach(t)
	return s.takeKey(ctx, v, t)
}

// encryptingType is the type of a volume that shall be encrypted where the usual type does not: the first by name that does.
func (s *Service) encryptingType(ctx context.Context, r CreateRequest) (*cloud.VolumeType, error) {
	if r.TypeID != "" || r.TypeName != "" {
		return nil, cloud.Errorf(cloud.Unsupported, "volume", "", "Volumes of type %s are not encrypted: ask for a type that encrypts, or for none.", cmp.Or(string(r.TypeID), r.TypeName))
	}
	types, err := s.ListTypes(ctx, cloud.Query{Order: []cloud.Order{{Column: "name"}}},
		func(t *cloud.VolumeType) bool { return t.Encryption != nil && encryptable(t) == nil })
	if err == nil && len(types) == 0 {
		err = cloud.Errorf(cloud.Unsupported, "volume", "", "This cloud has no volume type that encrypts: its operator has to make one.")
	}
	if err != nil {
		return nil, err
	}
	return types[0], nil
}

// Type finds a type that the caller may use, by id or name.
func (s *Service) Type(ctx context.Context, idOrName string) (*cloud.VolumeType, error) {
	t, err := s.Types.Get(ctx, cloud.VolumeTypeID(idOrName))
	if cloud.Is(err, cloud.NotFound) {
		t, err = s.Types.One(ctx, cloud.Eq("name", idOrName))
	}
	if cloud.Is(err, cloud.NotFound) {
		return nil, cloud.NotFoundf("volume type", idOrName)
	}
	if err != nil {
		return nil, err
	}
	return t, policy.Authorize(ctx, "volume type.get", typeTarget(ctx, t))
}

func typeTarget(ctx context.Context, t *cloud.VolumeType) policy.Target {
	return policy.Target{Resource: "volume type", ID: string(t.ID),
		Shared: t.Public || slices.Contains(t.Projects, cloud.PrincipalOf(ctx).ProjectID)}
}

// ListTypes answers the types that the caller may use and keep, if not nil, keeps.
func (s *Service) ListTypes(ctx context.Context, q cloud.Query, keep func(*cloud.VolumeType) bool) ([]*cloud.VolumeType, error) {
	return s.Types.List(ctx, q, func(t *cloud.VolumeType) bool {
		return policy.May(ctx, "volume type.get", typeTarget(ctx, t)) && (keep == nil || keep(t))
	})
}

// TypeNames answers the names of all types by id, for views of volumes.
func (s *Service) TypeNames(ctx context.Context) (map[cloud.VolumeTypeID]string, error) {
	types, err := s.Types.List(ctx, cloud.Query{})
	if err != nil {
		return nil, err
	}
	names := make(map[cloud.VolumeTypeID]string, len(types))
	for _, t := range types {
		names[t.ID] = t.Name
	}
	return names, nil
}

// CreateType adds a type. AlreadyExists if the name is taken.
func (s *Service) CreateType(ctx context.Context, t cloud.VolumeType) (*cloud.VolumeType, error) {
	if err := policy.Authorize(ctx, "volume type.manage", policy.Target{Resource: "volume type"}); err != nil {
		return nil, err
	}
	t.ID = cloud.VolumeTypeID(cloud.NewID())
	if err := checkType(&t); err != nil {
		return nil, err
	}
	return &t, typeTaken(&t, s.Types.Insert(ctx, &t))
}

func checkType(t *cloud.VolumeType) error {
	if strings.TrimSpace(t.Name) == "" {
		return cloud.Invalidf("volume type", "name", "Volume type name can not be empty.")
	}
	return checkWords("volume type", t.Name, t.Description, t.ExtraSpecs)
}

func typeTaken(t *cloud.VolumeType, err error) error {
	if cloud.Is(err, cloud.AlreadyExists) {
		return cloud.Errorf(cloud.AlreadyExists, "volume type", t.ID, "Volume Type %s already exists.", t.Name)
	}
	return err
}

// UpdateType lets edit change a type, all or nothing. It may run more than once; maps and slices are its own.
func (s *Service) UpdateType(ctx context.Context, id cloud.VolumeTypeID, edit func(*cloud.VolumeType) error) (*cloud.VolumeType, error) {
	var t *cloud.VolumeType
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		var err error
		if t, err = s.managedType(ctx, id); err != nil {
			return err
		}
		t.ExtraSpecs, t.Projects = cloned(t.ExtraSpecs), slices.Clone(t.Projects)
		if err = edit(t); err != nil {
			return err
		}
		if err = checkType(t); err != nil {
			return err
		}
		return typeTaken(t, s.Types.Update(ctx, t))
	})
	return t, err
}

func (s *Service) managedType(ctx context.Context, id cloud.VolumeTypeID) (*cloud.VolumeType, error) {
	t, err := s.Type(ctx, string(id))
	if err != nil {
		return nil, err
	}
	return t, policy.Authorize(ctx, "volume type.manage", typeTarget(ctx, t))
}

// DeleteType removes a type that no volume has, else InUse.
func (s *Service) DeleteType(ctx context.Context, id cloud.VolumeTypeID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		t, err := s.managedType(ctx, id)
		if err != nil {
			return err
		}
		used, err := s.volumesOfType(ctx, t.ID)
		if err != nil {
			return err
		}
		if used > 0 {
			return cloud.Errorf(cloud.InUse, "volume type", id, "Target volume type is still in use.")
		}
		if used, err = s.DefaultTypes.Count(ctx, cloud.Eq("type_id", t.ID)); err != nil {
			return err
		}
		if used > 0 {
			return cloud.Errorf(cloud.InUse, "volume type", id, "Volume type %s is the default of a project.", id)
		}
		if used, err = s.Groups.Count(ctx, cloud.Eq("volume_types", t.ID)); err != nil {
			return err
		}
		if used > 0 {
			return cloud.Errorf(cloud.InUse, "volume type", id, "Volume type %s is one that a group's volumes may have.", id)
		}
		return s.Types.Delete(ctx, t.ID)
	})
}

// volumesOfType counts the volumes that have a type, or will when they have moved.
func (s *Service) volumesOfType(ctx context.Context, id cloud.VolumeTypeID) (int64, error) {
	return ofType(string(id), func(has cloud.Cond) (int64, error) { return s.Volumes.Count(ctx, has) })
}

// TypeAccess lists the projects that may use a type that is not public. NotFound for a public one.
func (s *Service) TypeAccess(ctx context.Context, id cloud.VolumeTypeID) ([]cloud.ProjectID, error) {
	t, err := s.managedType(ctx, id)
	if err != nil {
		return nil, err
	}
	if t.Public {
		return nil, cloud.Errorf(cloud.NotFound, "volume type", id, "Access list not available for public volume types.")
	}
	return t.Projects, nil
}

// GrantType lets a project use a type that is not public. RevokeType takes it back.
func (s *Service) GrantType(ctx context.Context, id cloud.VolumeTypeID, p cloud.ProjectID) error {
	_, err := s.UpdateType(ctx, id, func(t *cloud.VolumeType) error {
		if t.Public {
			return cloud.Errorf(cloud.Conflict, "volume type", id, "Type access modification is not applicable to public volume type.")
		}
		if slices.Contains(t.Projects, p) {
			return cloud.Errorf(cloud.AlreadyExists, "volume type", id, "Volume type access for %s / %s combination already exists.", id, p)
		}
		t.Projects = append(t.Projects, p)
		return nil
	})
	return err
}

// RevokeType takes back GrantType; NotFound if it was not granted.
func (s *Service) RevokeType(ctx context.Context, id cloud.VolumeTypeID, p cloud.ProjectID) error {
	_, err := s.UpdateType(ctx, id, func(t *cloud.VolumeType) error {
		if !slices.Contains(t.Projects, p) {
			return cloud.Errorf(cloud.NotFound, "volume type", id, "Volume type access not found for %s / %s combination.", id, p)
		}
		t.Projects = slices.DeleteFunc(t.Projects, func(q cloud.ProjectID) bool { return q == p })
		return nil
	})
	return err
}

// SetTypeSpecs adds extra specs to a type, leaving the others.
func (s *Service) SetTypeSpecs(ctx context.Context, id cloud.VolumeTypeID, specs map[string]string) (*cloud.VolumeType, error) {
	return s.UpdateType(ctx, id, func(t *cloud.VolumeType) error {
		maps.Copy(t.ExtraSpecs, specs)
		return nil
	})
}

// DeleteTypeSpec removes one extra spec; NotFound if there is none of that name.
func (s *Service) DeleteTypeSpec(ctx context.Context, id cloud.VolumeTypeID, key string) error {
	_, err := s.UpdateType(ctx, id, func(t *cloud.VolumeType) error {
		if _, ok := t.ExtraSpecs[key]; !ok {
			return cloud.Errorf(cloud.NotFound, "volume type", id, "Volume Type %s has no extra specs with key %s.", id, key)
		}
		delete(t.ExtraSpecs, key)
		return nil
	})
	return err
}
