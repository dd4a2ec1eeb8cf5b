package identity

import (
	"context"
	"fmt"

	"github.com/nubo-cloud/nubo/internal/saml"
)

// samlKey is the key that requests are signed and assertions deciphered with. Its certificate carries its public half to identity
// providers; they look at nothing else in it, and changing it is work for all of them: so it is good for long.
var samlKey = cloudKey{setting: "identity/saml-key", bits: 3072, name: "Nubo SAML"}

// serviceProvider is this cloud as seen at a site.
func (s *Service) serviceProvider(ctx context.Context, at Site) (*saml.ServiceProvider, error) {
	key, certificate, err := s.keyPair(ctx, samlKey)
	if err != nil {
		return nil, fmt.Errorf("SAML key: %w", err)
	}
	return &saml.ServiceProvider{EntityID: at.EntityID, ACS: at.ACS, PAOS: at.PAOS, Key: key, Certificate: certificate, Now: s.now}, nil
}
