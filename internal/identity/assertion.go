package identity

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/mapping"
)

// Said is what a provider says of a person, checked: it is the provider's word, and fresh.
type Said struct {
	ProviderID cloud.IdentityProviderID
	Protocol   string
	RemoteID   string // what the provider calls itself in it
	Listed     bool   // in the feed that the provider stands for, whatever its remote ids
	Assertion  mapping.Assertion
	Proof      Proof
}

// Proof is what a provider can be asked with again; the zero value is nothing.
type Proof struct {
	Issuer  string    `json:"issuer"`
	Access  string    `json:"access,omitempty"` // an access token, good until Until
	Refresh string    `json:"refresh,omitempty"`
	Until   time.Time `json:"until,omitzero"`
}

// Admit signs in whom a provider speaks for, and makes a token without a scope. NotFound without the provider or the
// protocol, Forbidden if the provider may not, Unauthenticated if no rule of the protocol's mapping knows the person.
func (s *Service) Admit(ctx context.Context, said Said) (*Token, error) {
	ctx = cloud.WithPrincipal(ctx, cloud.System())
	who, err := s.settle(ctx, said)
	if err != nil {
		return nil, err
	}
	issued := s.now().Truncate(time.Microsecond)
	if who, err = s.admit(ctx, who); err != nil {
		return nil, err
	}
	t, err := s.issue(ctx, who, ScopeRequest{None: true}, issued)
	if err != nil {
		return nil, err
	}
	t.Groups, err = s.groupsVouched(ctx, t)
	return t, err
}

// vouching is a provider's way to sign in, with what it needs.
type vouching struct {
	provider *cloud.IdentityProvider
	protocol *cloud.Protocol
	mapping  *mapping.Mapping
}

// vouching finds a provider's protocol and its mapping. The provider is enabled.
func (s *Service) vouching(ctx context.Context, id cloud.IdentityProviderID, protocol string) (v vouching, err error) {
	if v.provider, v.protocol, err = s.way(ctx, id, protocol); err != nil {
		return v, err
	}
	m, err := s.Mappings.Get(ctx, v.protocol.MappingID)
	if cloud.Is(err, cloud.NotFound) {
		return v, s.turnedAway("the protocol's mapping is gone", "provider", id, "protocol", protocol, "mapping", v.protocol.MappingID)
	}
	if err != nil {
		return v, err
	}
	v.mapping, err = mapping.Parse(m.Rules, m.Version)
	return v, err
}

// way finds a provider that is enabled, and one of its protocols.
func (s *Service) way(ctx context.Context, id cloud.IdentityProviderID, protocol string) (*cloud.IdentityProvider, *cloud.Protocol, error) {
	p, err := s.Providers.Get(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	way, err := s.protocol(ctx, "protocol.get", id, protocol)
	if err == nil && !p.Enabled {
		err = &cloud.Error{Kind: cloud.Forbidden, Resource: "identity provider", Message: "Identity Provider " + string(id) + " is disabled."}
	}
	return p, way, err
}

// settle makes of what is said a user here with its groups and projects.
func (s *Service) settle(ctx context.Context, said Said) (*subject, error) {
	v, err := s.vouching(ctx, said.ProviderID, said.Protocol)
	if err != nil {
		return nil, err
	}
	if !said.Listed && !slices.Contains(v.provider.RemoteIDs, said.RemoteID) {
		no := s.turnedAway("not one of the provider's remote ids", "provider", said.ProviderID, "remote_id", said.RemoteID)
		no.Kind, no.Message = cloud.Forbidden, "The assertion does not come from the identity provider "+string(said.ProviderID)+"."
		return nil, no
	}
	got, err := v.mapping.Apply(said.Assertion)
	if err != nil {
		return nil, s.unmapped(said, got, err)
	}
	if got.User.Type == userLocal {
		return s.settleLocal(ctx, said, got)
	}
	return s.settlePerson(ctx, v, said, got)
}

// userLocal is the type of a mapped user who exists here anyway.
const userLocal = "local"

func (s *Service) unmapped(said Said, got *mapping.Result, err error) error {
	why := []any{"provider", said.ProviderID, "protocol", said.Protocol, "error", err}
	if errors.Is(err, mapping.ErrNoRule) {
		for _, m := range got.Missed {
			why = append(why, "rule", m.Rule, "because", m.Because)
		}
	}
	return s.turnedAway("the mapping lets nobody in", why...)
}

// settleLocal finds the user of this cloud that a mapping names.
func (s *Service) settleLocal(ctx context.Context, said Said, got *mapping.Result) (*subject, error) {
	ref := UserRef{ID: cloud.UserID(got.User.ID), Name: got.User.Name}
	if d := got.User.Domain; d != nil {
		ref.Domain = DomainRef{ID: cloud.DomainID(d.ID), Name: d.Name}
	}
	u, err := s.findUser(ctx, ref)
	if cloud.Is(err, cloud.NotFound) {
		return nil, s.turnedAway("the mapping names a user who is not here", "provider", said.ProviderID, "user", got.User.Name)
	}
	if err != nil {
		return nil, err
	}
	return &subject{user: u, methods: []string{said.Protocol}}, nil
}

// uniqueID is what a provider calls a person, as one word of a URL, and the name to show. Where a provider stands for a whole feed, one
// name is of as many people as there are entities that use it: the entity is part of the id.
func uniqueID(said Said, u mapping.User) (id, name string) {
	id, name = u.ID, u.Name
	if id == "" {
		id = name
	}
	if name == "" {
		name = id
	}
	if said.Listed && id != "" {
		id = said.RemoteID + "!" + id
	}
	// A slash stays, as in ids that exist.
	return strings.ReplaceAll(strings.ReplaceAll(url.QueryEscape(id), "+", "%20"), "%2F", "/"), name
}
