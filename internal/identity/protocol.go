package identity

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// ProtocolChange is what an update sets; nil stays.
type ProtocolChange struct {
	MappingID         *cloud.MappingID
	RemoteIDAttribute *string
}

// CreateProtocol gives a provider a way to sign in. NotFound without the provider, Invalid without the mapping.
func (s *Service) CreateProtocol(ctx context.Context, p cloud.Protocol) (*cloud.Protocol, error) {
	if err := policy.Authorize(ctx, "protocol.manage", policy.Target{}); err != nil {
		return nil, err
	}
	if err := chosenID("protocol", p.Name); err != nil {
		return nil, err
	}
	p.ID = cloud.NewProtocolID(p.ProviderID, p.Name)
	return &p, s.Tx.Update(ctx, func(ctx context.Context) error {
		if _, err := s.Providers.Get(ctx, p.ProviderID); err != nil {
			return err
		}
		if err := s.checkProtocol(ctx, &p); err != nil {
			return err
		}
		return s.Protocols.Insert(ctx, &p)
	})
}

func (s *Service) checkProtocol(ctx context.Context, p *cloud.Protocol) error {
	_, err := s.Mappings.Get(ctx, p.MappingID)
	if cloud.Is(err, cloud.NotFound) {
		err = cloud.Invalidf("protocol", "mapping_id", "Invalid mapping id: %s", p.MappingID)
	}
	return err
}

// protocol finds one by its names, for a caller that may do the action.
func (s *Service) protocol(ctx context.Context, a policy.Action, id cloud.IdentityProviderID, name string) (*cloud.Protocol, error) {
	p, err := s.Protocols.Get(ctx, cloud.NewProtocolID(id, name))
	if cloud.Is(err, cloud.NotFound) {
		err = cloud.Errorf(cloud.NotFound, "protocol", name, "Could not find federated protocol %s for Identity Provider: %s.", name, id)
	}
	return p, allow(ctx, a, policy.Target{}, err)
}

// Protocol answers one protocol of a provider.
func (s *Service) Protocol(ctx context.Context, id cloud.IdentityProviderID, name string) (*cloud.Protocol, error) {
	return s.protocol(ctx, "protocol.get", id, name)
}

// ListProtocols lists a provider's protocols.
func (s *Service) ListProtocols(ctx context.Context, id cloud.IdentityProviderID) ([]*cloud.Protocol, error) {
	_, err := s.Providers.Get(ctx, id)
	if err := allow(ctx, "protocol.get", policy.Target{}, err); err != nil {
		return nil, err
	}
	return s.Protocols.List(ctx, cloud.Where(cloud.Eq("provider_id", id)))
}

// UpdateProtocol changes one; sign-ins from then on follow it.
func (s *Service) UpdateProtocol(ctx context.Context, id cloud.IdentityProviderID, name string, c ProtocolChange) (p *cloud.Protocol, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if p, err = s.protocol(ctx, "protocol.manage", id, name); err != nil {
			return err
		}
		set(&p.MappingID, c.MappingID)
		set(&p.RemoteIDAttribute, c.RemoteIDAttribute)
		if err := s.checkProtocol(ctx, p); err != nil {
			return err
		}
		return s.Protocols.Update(ctx, p)
	})
	return p, err
}

// DeleteProtocol takes a way to sign in away.
func (s *Service) DeleteProtocol(ctx context.Context, id cloud.IdentityProviderID, name string) error {
	p, err := s.protocol(ctx, "protocol.manage", id, name)
	if err != nil {
		return err
	}
	return s.Protocols.Delete(ctx, p.ID)
}
