package identity

import (
	"context"
	"encoding/json"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/mapping"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// MappingChange is what an update sets; nil stays.
type MappingChange struct {
	Rules   json.RawMessage
	Version *string
}

func checkMapping(m *cloud.Mapping) error {
	if m.Version == "" {
		m.Version = mapping.V1
	}
	if _, err := mapping.Parse(m.Rules, m.Version); err != nil {
		return cloud.Invalidf("mapping", "rules", "Invalid mapping: %v.", err)
	}
	return nil
}

// CreateMapping keeps a mapping under the id that m has. Invalid, with the rule that is wrong, if nobody could apply it.
func (s *Service) CreateMapping(ctx context.Context, m cloud.Mapping) (*cloud.Mapping, error) {
	if err := policy.Authorize(ctx, "mapping.manage", policy.Target{}); err != nil {
		return nil, err
	}
	if err := chosenID("mapping", string(m.ID)); err != nil {
		return nil, err
	}
	if err := checkMapping(&m); err != nil {
		return nil, err
	}
	return &m, s.Mappings.Insert(ctx, &m)
}

// Mapping answers one.
func (s *Service) Mapping(ctx context.Context, id cloud.MappingID) (*cloud.Mapping, error) {
	m, err := s.Mappings.Get(ctx, id)
	return m, allow(ctx, "mapping.get", policy.Target{}, err)
}

// ListMappings lists all.
func (s *Service) ListMappings(ctx context.Context, f Filter) ([]*cloud.Mapping, error) {
	if err := policy.Authorize(ctx, "mapping.get", policy.Target{}); err != nil {
		return nil, err
	}
	return s.Mappings.List(ctx, cloud.Query{After: f.Marker, Limit: f.Limit})
}

// UpdateMapping changes one; sign-ins from then on follow it.
func (s *Service) UpdateMapping(ctx context.Context, id cloud.MappingID, c MappingChange) (m *cloud.Mapping, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		m, err = s.Mappings.Get(ctx, id)
		if err := allow(ctx, "mapping.manage", policy.Target{}, err); err != nil {
			return err
		}
		if c.Rules != nil {
			m.Rules = c.Rules
		}
		set(&m.Version, c.Version)
		if err := checkMapping(m); err != nil {
			return err
		}
		return s.Mappings.Update(ctx, m)
	})
	return m, err
}

// DeleteMapping removes one. Protocols that use it let nobody in any more.
func (s *Service) DeleteMapping(ctx context.Context, id cloud.MappingID) error {
	_, err := s.Mappings.Get(ctx, id)
	if err := allow(ctx, "mapping.manage", policy.Target{}, err); err != nil {
		return err
	}
	return s.Mappings.Delete(ctx, id)
}
