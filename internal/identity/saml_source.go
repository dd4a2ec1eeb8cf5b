package identity

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/saml"
)

// Feeds finds the metadata of identity providers that somebody publishes for a whole federation.
type Feeds interface {
	// Feed answers one by its configured name; false if there is none or it was never read.
	Feed(name string) (*saml.Index, bool)
	// Configured tells whether there is one of that name, read or not.
	Configured(name string) bool
}

const metadataMax = 1 << 20 // bytes of one identity provider's metadata

// setSAML puts SAML metadata on a provider, or takes it off. What the metadata calls the provider becomes one of its remote ids.
func (s *Service) setSAML(p *cloud.IdentityProvider, source *cloud.SAMLSource) error {
	if source == nil {
		p.SAML = nil
		return nil
	}
	made := *source
	switch {
	case (made.Metadata == "") == (made.Feed == ""):
		return cloud.Invalidf("identity provider", "metadata", "SAML needs either the provider's metadata or the name of a feed.")
	case made.Feed != "" && (s.Feeds == nil || !s.Feeds.Configured(made.Feed)):
		return cloud.Invalidf("identity provider", "feed", "No feed '%s' is configured (saml_feeds).", made.Feed)
	case len(made.Metadata) > metadataMax:
		return cloud.Invalidf("identity provider", "metadata", "The metadata of one identity provider has %d bytes at most; larger ones are feeds.", metadataMax)
	}
	made.EntityID = ""
	if made.Metadata != "" {
		idp, err := saml.ParseIdentityProvider([]byte(made.Metadata))
		if err != nil {
			return cloud.Invalidf("identity provider", "metadata", "This is no metadata of a SAML identity provider: %v.", err)
		}
		made.EntityID = idp.EntityID
		if !slices.Contains(p.RemoteIDs, idp.EntityID) {
			p.RemoteIDs = append(slices.Clone(p.RemoteIDs), idp.EntityID)
		}
	}
	p.SAML = &made
	return nil
}

// describer finds the metadata of entities that a provider stands for.
func (s *Service) describer(p *cloud.IdentityProvider) func(entityID string) (*saml.IdentityProvider, error) {
	return func(entityID string) (*saml.IdentityProvider, error) {
		if p.SAML.Feed == "" {
			idp, err := saml.ParseIdentityProvider([]byte(p.SAML.Metadata))
			if err == nil && idp.EntityID != entityID {
				err = saml.ErrNoProvider
			}
			return idp, err
		}
		if s.Feeds == nil {
			return nil, saml.ErrNoProvider
		}
		feed, ok := s.Feeds.Feed(p.SAML.Feed)
		if !ok {
			return nil, saml.ErrNoProvider
		}
		return feed.IdentityProvider(entityID)
	}
}

// Home is a home organisation that somebody may choose.
type Home struct{ EntityID, Name string }

const homesMax = 50

// Homes finds home organisations in the feed that a provider stands for, by part of a name or a domain; 50 at most. chooses
// is false for a provider that leaves no choice.
func (s *Service) Homes(ctx context.Context, id cloud.IdentityProviderID, protocol, text string) (homes []Home, chooses bool, err error) {
	p, _, err := s.way(cloud.WithPrincipal(ctx, cloud.System()), id, protocol)
	if err != nil || !bySAML(p, protocol) || p.SAML.Feed == "" || s.Feeds == nil {
		return nil, false, err
	}
	feed, ok := s.Feeds.Feed(p.SAML.Feed)
	if !ok {
		return nil, true, nil
	}
	for _, h := range feed.Search(text, homesMax) {
		homes = append(homes, Home{h.EntityID, h.Name})
	}
	return homes, true, nil
}
