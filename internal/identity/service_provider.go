package identity

import (
	"context"
	"net/url"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// ServiceProviderChange is what an update sets; nil stays.
type ServiceProviderChange struct {
	AuthURL, ServiceURL, RelayStatePrefix, Description *string
	Enabled                                            *bool
}

func checkServiceProvider(p *cloud.ServiceProvider) error {
	for field, text := range map[string]string{"auth_url": p.AuthURL, "sp_url": p.ServiceURL} {
		if u, err := url.Parse(text); err != nil || !u.IsAbs() || len(text) > urlMax {
			return cloud.Invalidf("service provider", field, "A service provider needs a %s that is an address with its scheme, of %d characters at most.", field, urlMax)
		}
	}
	return nil
}

// urlMax bounds the addresses of other clouds.
const urlMax = 256

// CreateServiceProvider keeps another cloud under the id that p has.
func (s *Service) CreateServiceProvider(ctx context.Context, p cloud.ServiceProvider) (*cloud.ServiceProvider, error) {
	if err := policy.Authorize(ctx, "service provider.manage", policy.Target{}); err != nil {
		return nil, err
	}
	if err := chosenID("service provider", string(p.ID)); err != nil {
		return nil, err
	}
	if err := checkServiceProvider(&p); err != nil {
		return nil, err
	}
	return &p, s.ServiceProviders.Insert(ctx, &p)
}

// ServiceProvider answers one.
func (s *Service) ServiceProvider(ctx context.Context, id cloud.ServiceProviderID) (*cloud.ServiceProvider, error) {
	p, err := s.ServiceProviders.Get(ctx, id)
	return p, allow(ctx, "service provider.get", policy.Target{}, err)
}

// ListServiceProviders lists other clouds.
func (s *Service) ListServiceProviders(ctx context.Context, f ProviderFilter) ([]*cloud.ServiceProvider, error) {
	if err := policy.Authorize(ctx, "service provider.get", policy.Target{}); err != nil {
		return nil, err
	}
	return s.ServiceProviders.List(ctx, f.query())
}

// OtherClouds are the service providers that a signed-in user may go on to: those that are enabled. Tokens show them.
func (s *Service) OtherClouds(ctx context.Context) ([]*cloud.ServiceProvider, error) {
	on := true
	return s.ServiceProviders.List(ctx, ProviderFilter{Enabled: &on}.query())
}

// UpdateServiceProvider changes one.
func (s *Service) UpdateServiceProvider(ctx context.Context, id cloud.ServiceProviderID, c ServiceProviderChange) (p *cloud.ServiceProvider, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		p, err = s.ServiceProviders.Get(ctx, id)
		if err := allow(ctx, "service provider.manage", policy.Target{}, err); err != nil {
			return err
		}
		set(&p.AuthURL, c.AuthURL)
		set(&p.ServiceURL, c.ServiceURL)
		set(&p.RelayStatePrefix, c.RelayStatePrefix)
		set(&p.Description, c.Description)
		set(&p.Enabled, c.Enabled)
		if err := checkServiceProvider(p); err != nil {
			return err
		}
		return s.ServiceProviders.Update(ctx, p)
	})
	return p, err
}

// DeleteServiceProvider forgets another cloud.
func (s *Service) DeleteServiceProvider(ctx context.Context, id cloud.ServiceProviderID) error {
	_, err := s.ServiceProviders.Get(ctx, id)
	if err := allow(ctx, "service provider.manage", policy.Target{}, err); err != nil {
		return err
	}
	return s.ServiceProviders.Delete(ctx, id)
}
