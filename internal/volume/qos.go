package volume

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

var qosConsumers = []string{"front-end", "back-end", "both"}

// QOS answers one set of limits. Only operators see them.
func (s *Service) QOS(ctx context.Context, id cloud.VolumeQOSID) (*cloud.VolumeQOS, error) {
	if err := mayQOS(ctx, "volume qos.get"); err != nil {
		return nil, err
	}
	return found(s.QOSRows.Get(ctx, id))("qos", string(id))
}

func mayQOS(ctx context.Context, a policy.Action) error {
	return policy.Authorize(ctx, a, policy.Target{Resource: "qos"})
}

// ListQOS answers the sets of limits that q selects and keep, if not nil, keeps.
func (s *Service) ListQOS(ctx context.Context, f Filter[cloud.VolumeQOS]) ([]*cloud.VolumeQOS, error) {
	if err := mayQOS(ctx, "volume qos.get"); err != nil {
		return nil, err
	}
	return s.QOSRows.List(ctx, f.Query, f.keep()...)
}

// CreateQOS adds a set of limits. AlreadyExists if the name is taken.
func (s *Service) CreateQOS(ctx context.Context, q cloud.VolumeQOS) (*cloud.VolumeQOS, error) {
	if err := mayQOS(ctx, "volume qos.manage"); err != nil {
		return nil, err
	}
	q.ID = cloud.VolumeQOSID(cloud.NewID())
	if q.Consumer == "" {
		q.Consumer = "back-end"
	}
	if err := checkQOS(&q); err != nil {
		return nil, err
	}
	err := s.QOSRows.Insert(ctx, &q)
	if cloud.Is(err, cloud.AlreadyExists) {
		return nil, cloud.Errorf(cloud.AlreadyExists, "qos", q.ID, "QoS specs %s exist already.", q.Name)
	}
	return &q, err
}

func checkQOS(q *cloud.VolumeQOS) error {
	if strings.TrimSpace(q.Name) == "" {
		return cloud.Invalidf("qos", "name", "QoS specs need a name.")
	}
	if !slices.Contains(qosConsumers, q.Consumer) {
		return cloud.Invalidf("qos", "consumer", "The consumer of QoS specs must be one of %s, not %q.", strings.Join(qosConsumers, ", "), q.Consumer)
	}
	for key := range limitKeys() {
		if text, there := q.Specs[key]; there {
			if n, err := strconv.ParseInt(text, 10, 64); err != nil || n < 0 {
				return cloud.Invalidf("qos", key, "%s must be a number that is not negative, not %q.", key, text)
			}
		}
	}
	return checkWords("qos", q.Name, "", q.Specs)
}

// SetQOS adds specs to a set of limits, leaving the others, and changes its consumer unless that is empty.
func (s *Service) SetQOS(ctx context.Context, id cloud.VolumeQOSID, consumer string, specs map[string]string) (*cloud.VolumeQOS, error) {
	return s.changeQOS(ctx, id, func(q *cloud.VolumeQOS) error {
		maps.Copy(q.Specs, specs)
		if consumer != "" {
			q.Consumer = consumer
		}
		return nil
	})
}

// UnsetQOS removes specs; NotFound if one is not there.
func (s *Service) UnsetQOS(ctx context.Context, id cloud.VolumeQOSID, keys []string) error {
	_, err := s.changeQOS(ctx, id, func(q *cloud.VolumeQOS) error {
		for _, k := range keys {
			if _, ok := q.Specs[k]; !ok {
				return cloud.Errorf(cloud.NotFound, "qos", id, "QoS specs %s have no key %s.", id, k)
			}
			delete(q.Specs, k)
		}
		return nil
	})
	return err
}

func (s *Service) changeQOS(ctx context.Context, id cloud.VolumeQOSID, edit func(*cloud.VolumeQOS) error) (*cloud.VolumeQOS, error) {
	if err := mayQOS(ctx, "volume qos.manage"); err != nil {
		return nil, err
	}
	var q *cloud.VolumeQOS
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		var err error
		if q, err = s.QOS(ctx, id); err != nil {
			return err
		}
		q.Specs = cloned(q.Specs)
		if err := edit(q); err != nil {
			return err
		}
		if err := checkQOS(q); err != nil {
			return err
		}
		return s.QOSRows.Update(ctx, q)
	})
	return q, err
}

// DeleteQOS removes a set of limits that no type has, else InUse; forced, the types lose it.
func (s *Service) DeleteQOS(ctx context.Context, id cloud.VolumeQOSID, force bool) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		types, err := s.managedQOSTypes(ctx, id)
		if err != nil {
			return err
		}
		if len(types) > 0 && !force {
			return cloud.Errorf(cloud.InUse, "qos", id, "QoS specs %s are still associated with entities.", id)
		}
		if err := s.dissociate(ctx, types); err != nil {
			return err
		}
		return s.QOSRows.Delete(ctx, id)
	})
}

func (s *Service) managedQOSTypes(ctx context.Context, id cloud.VolumeQOSID) ([]*cloud.VolumeType, error) {
	if err := mayQOS(ctx, "volume qos.manage"); err != nil {
		return nil, err
	}
	return s.QOSTypes(ctx, id)
}

// QOSTypes answers the types whose volumes have a set of limits.
func (s *Service) QOSTypes(ctx context.Context, id cloud.VolumeQOSID) ([]*cloud.VolumeType, error) {
	if _, err := s.QOS(ctx, id); err != nil {
		return nil, err
	}
	return s.Types.List(ctx, cloud.Where(cloud.Eq("qos_id", id)))
}

// AssociateQOS gives the volumes of a type a set of limits. Guests that run have them from their next start.
func (s *Service) AssociateQOS(ctx context.Context, id cloud.VolumeQOSID, of cloud.VolumeTypeID) error {
	if _, err := s.QOS(ctx, id); err != nil {
		return err
	}
	_, err := s.UpdateType(ctx, of, func(t *cloud.VolumeType) error {
		if t.QOSID != "" && t.QOSID != id {
			return cloud.Invalidf("qos", "vol_type_id", "Type %s is already associated with another qos specs: %s", of, t.QOSID)
		}
		t.QOSID = id
		return nil
	})
	return err
}

// DissociateQOS takes the limits from the volumes of one type, or of all types if it is empty. It may be repeated.
func (s *Service) DissociateQOS(ctx context.Context, id cloud.VolumeQOSID, of cloud.VolumeTypeID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		types, err := s.managedQOSTypes(ctx, id)
		if err != nil {
			return err
		}
		if of != "" {
			if _, err := s.Type(ctx, string(of)); err != nil {
				return err
			}
			types = slices.DeleteFunc(types, func(t *cloud.VolumeType) bool { return t.ID != of })
		}
		return s.dissociate(ctx, types)
	})
}

func (s *Service) dissociate(ctx context.Context, types []*cloud.VolumeType) error {
	for _, t := range types {
		t.QOSID = ""
		if err := s.Types.Update(ctx, t); err != nil {
			return err
		}
	}
	return nil
}
