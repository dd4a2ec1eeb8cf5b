package identity

import (
	"context"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

const chosenIDMax = 64 // characters

// ProviderFilter selects identity or service providers; what is empty selects all.
type ProviderFilter struct {
	ID      string
	Enabled *bool
	Limit   int
	Marker  string
}

func (f ProviderFilter) query() cloud.Query {
	q := cloud.Query{After: f.Marker, Limit: f.Limit}
	if f.ID != "" {
		q.Where = append(q.Where, cloud.Eq("id", f.ID))
	}
	if f.Enabled != nil {
		q.Where = append(q.Where, cloud.Eq("enabled", *f.Enabled))
	}
	return q
}

// ProviderChange is what an update sets; nil stays. The domain stays always: the ids of its users stand on it.
type ProviderChange struct {
	Description       *string
	Enabled           *bool
	RemoteIDs         *[]string
	MembershipMinutes **int
	OpenID            **OpenIDClient
	SAML              **cloud.SAMLSource
}

// CreateProvider adds an identity provider under the id that p has. Without a domain it gets one of its own, under the domain's id
// as a name, which the operator may change. AlreadyExists for a remote id that another has.
func (s *Service) CreateProvider(ctx context.Context, p cloud.IdentityProvider, client *OpenIDClient) (*cloud.IdentityProvider, error) {
	if err := policy.Authorize(ctx, "identity provider.manage", policy.Target{}); err != nil {
		return nil, err
	}
	if err := chosenID("identity provider", string(p.ID)); err != nil {
		return nil, err
	}
	if err := s.fetchSource(ctx, p.SAML); err != nil {
		return nil, err
	}
	return &p, s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.setSAML(&p, p.SAML); err != nil {
			return err
		}
		if err := s.checkProvider(ctx, &p); err != nil {
			return err
		}
		if err := s.settleDomain(ctx, &p); err != nil {
			return err
		}
		if err := s.setClient(ctx, &p, client); err != nil {
			return err
		}
		return s.Providers.Insert(ctx, &p)
	})
}

// settleDomain makes the domain of a provider's users, or finds the one that was named.
func (s *Service) settleDomain(ctx context.Context, p *cloud.IdentityProvider) error {
	if p.DomainID != "" {
		_, err := s.Domains.Get(ctx, p.DomainID)
		if cloud.Is(err, cloud.NotFound) {
			err = cloud.Invalidf("identity provider", "domain_id", "Domain %s does not exist.", p.DomainID)
		}
		return err
	}
	id := cloud.NewHexID()
	p.DomainID = cloud.DomainID(id)
	return s.Domains.Insert(ctx, &cloud.Domain{ID: p.DomainID, Name: id, Enabled: true, Description: "Users of the identity provider " + string(p.ID)})
}

// checkProvider finds values that cannot be, and remote ids that another provider has. Call it in the transaction that writes p.
func (s *Service) checkProvider(ctx context.Context, p *cloud.IdentityProvider) error {
	if m := p.MembershipMinutes; m != nil && *m < 0 {
		return cloud.Invalidf("identity provider", "authorization_ttl", "authorization_ttl is in minutes and not negative, not %d.", *m)
	}
	slices.Sort(p.RemoteIDs)
	p.RemoteIDs = slices.Compact(p.RemoteIDs)
	if len(p.RemoteIDs) == 0 {
		return nil
	}
	// A remote id is one provider's only, which is a rule about all of them.
	if err := s.Tx.Lock(ctx, "identity providers"); err != nil {
		return err
	}
	for _, remote := range p.RemoteIDs {
		other, err := s.providerOf(ctx, remote)
		if cloud.Is(err, cloud.NotFound) || err == nil && other.ID == p.ID {
			continue
		}
		if err != nil {
			return err
		}
		return cloud.Errorf(cloud.AlreadyExists, "identity provider", string(p.ID), "Duplicate remote ID: %s", remote)
	}
	return nil
}

// providerOf finds the provider that calls itself by a remote id.
func (s *Service) providerOf(ctx context.Context, remote string) (*cloud.IdentityProvider, error) {
	return s.Providers.One(ctx, cloud.Eq("remote_ids", remote))
}

// Provider answers one identity provider.
func (s *Service) Provider(ctx context.Context, id cloud.IdentityProviderID) (*cloud.IdentityProvider, error) {
	p, err := s.Providers.Get(ctx, id)
	return p, allow(ctx, "identity provider.get", policy.Target{}, err)
}

// ListProviders lists identity providers.
func (s *Service) ListProviders(ctx context.Context, f ProviderFilter) ([]*cloud.IdentityProvider, error) {
	if err := policy.Authorize(ctx, "identity provider.get", policy.Target{}); err != nil {
		return nil, err
	}
	return s.Providers.List(ctx, f.query())
}

// UpdateProvider changes an identity provider. Disabling it voids the tokens of its users, however they were made.
func (s *Service) UpdateProvider(ctx context.Context, id cloud.IdentityProviderID, c ProviderChange) (p *cloud.IdentityProvider, err error) {
	if c.SAML != nil {
		// Fetching takes long, and is not for everybody: before the transaction, and after the question who asks.
		if err := policy.Authorize(ctx, "identity provider.manage", policy.Target{}); err != nil {
			return nil, err
		}
		if err := s.fetchSource(ctx, *c.SAML); err != nil {
			return nil, err
		}
	}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		p, err = s.Providers.Get(ctx, id)
		if err := allow(ctx, "identity provider.manage", policy.Target{}, err); err != nil {
			return err
		}
		was := p.Enabled
		set(&p.Description, c.Description)
		set(&p.Enabled, c.Enabled)
		if was && !p.Enabled {
			if err := s.revokeVouched(ctx, p); err != nil {
				return err
			}
		}
		set(&p.RemoteIDs, c.RemoteIDs)
		set(&p.MembershipMinutes, c.MembershipMinutes)
		if c.SAML != nil {
			if err := s.setSAML(p, *c.SAML); err != nil {
				return err
			}
		}
		if c.OpenID != nil {
			if err := s.setClient(ctx, p, *c.OpenID); err != nil {
				return err
			}
		}
		if err := s.checkProvider(ctx, p); err != nil {
			return err
		}
		return s.Providers.Update(ctx, p)
	})
	return p, err
}

// DeleteProvider removes an identity provider and its protocols. Its domain stays, with what its users own.
func (s *Service) DeleteProvider(ctx context.Context, id cloud.IdentityProviderID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		p, err := s.Providers.Get(ctx, id)
		if err := allow(ctx, "identity provider.manage", policy.Target{}, err); err != nil {
			return err
		}
		if err := s.revokeVouched(ctx, p); err != nil {
			return err
		}
		return s.removeProvider(ctx, id)
	})
}

func (s *Service) removeProvider(ctx context.Context, id cloud.IdentityProviderID) error {
	protocols, err := s.Protocols.List(ctx, cloud.Where(cloud.Eq("provider_id", id)))
	if err := each(protocols, err, func(p *cloud.Protocol) error { return s.Protocols.Delete(ctx, p.ID) }); err != nil {
		return err
	}
	if err := s.dropStandings(ctx, cloud.Eq("provider_id", id)); err != nil {
		return err
	}
	return s.Providers.Delete(ctx, id)
}

// chosenID bounds an id that an operator chose and that is part of paths.
func chosenID(resource, id string) error {
	if strings.Contains(id, "/") {
		return cloud.Invalidf(resource, "id", "'%s' cannot be the id of a %s: it holds a slash.", id, resource)
	}
	return validName(resource, id, chosenIDMax)
}
