package identity

import (
	"context"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// OpenIDClient is what an operator registered at an OpenID provider, with the secret in clear.
type OpenIDClient struct {
	cloud.OpenIDClient
	Secret *string // nil: as it was, if the client is the same; empty: none
}

const clientTextMax = 4 << 10 // bytes of each of a client's texts

// setClient puts a client on a provider, its secret sealed, or takes it off.
func (s *Service) setClient(ctx context.Context, p *cloud.IdentityProvider, c *OpenIDClient) error {
	if c == nil {
		p.OpenID = nil
		return nil
	}
	if err := c.check(); err != nil {
		return err
	}
	made := c.OpenIDClient
	switch {
	case c.Secret != nil && *c.Secret != "":
		sealed, err := s.Seal(ctx, clientSeal(p.ID, made.ClientID), *c.Secret)
		if err != nil {
			return err
		}
		made.Sealed = sealed
	case c.Secret == nil && p.OpenID != nil && p.OpenID.ClientID == made.ClientID:
		made.Sealed = p.OpenID.Sealed
	}
	p.OpenID = &made
	return nil
}

func (c *OpenIDClient) check() error {
	if c.ClientID == "" {
		return cloud.Invalidf("identity provider", "client_id", "An OpenID client needs the client_id under which this cloud is registered at the provider.")
	}
	texts := append(append([]string{c.ClientID}, c.Scopes...), c.Audiences...)
	if c.Secret != nil {
		texts = append(texts, *c.Secret)
	}
	if slices.ContainsFunc(texts, func(t string) bool { return len(t) > clientTextMax }) {
		return cloud.Invalidf("identity provider", "client_id", "A text of an OpenID client has %d bytes at most.", clientTextMax)
	}
	if slices.ContainsFunc(c.Scopes, func(t string) bool { return t == "" || strings.ContainsAny(t, " \t\n") }) {
		return cloud.Invalidf("identity provider", "scopes", "Scopes are a list of words, one scope each.")
	}
	return nil
}

// clientSeal names what a client's secret is sealed for: another client's cannot be put in its place.
func clientSeal(p cloud.IdentityProviderID, client string) string {
	return "openid client " + string(p) + " " + client
}
