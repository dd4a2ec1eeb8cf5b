package identity

import (
	"context"
	"errors"
	"fmt"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/mapping"
	"github.com/nubo-cloud/nubo/internal/openid"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// Explanation is what would become of somebody who signs in with a token, for the operator who wonders why it does not.
type Explanation struct {
	Refused   string            // why nothing would, if so
	Assertion mapping.Assertion // what the rules see; nil for a token that is not the provider's
	Rules     []mapping.Verdict
	Got       *mapping.Result // nil if no rule applies
	Missing   []string        // groups that the mapping names and that are not here
}

// Explain says what the token of somebody would lead to, and changes nothing. NotFound without the provider or the protocol.
func (s *Service) Explain(ctx context.Context, id cloud.IdentityProviderID, protocol, token string) (*Explanation, error) {
	if err := policy.Authorize(ctx, "identity provider.manage", policy.Target{}); err != nil {
		return nil, err
	}
	v, err := s.vouching(ctx, id, protocol)
	if err != nil {
		return nil, err
	}
	settings, err := s.openIDSettings(ctx, v.provider, claimed(token).Iss)
	if err != nil {
		return nil, err
	}
	person, err := s.OpenID.Bearer(ctx, settings, token)
	if err != nil {
		return refusedBy(err)
	}
	x := &Explanation{}
	if x.Assertion, err = mapping.FromClaims(person.Claims); err != nil {
		return nil, err
	}
	return x, s.explainRules(ctx, v.mapping, x)
}

// refusedBy explains a token that the provider does not stand by, or cannot be asked about.
func refusedBy(err error) (*Explanation, error) {
	refusal, unreachable := (*openid.Refusal)(nil), (*openid.Unreachable)(nil)
	if errors.As(err, &refusal) || errors.As(err, &unreachable) {
		return &Explanation{Refused: err.Error()}, nil
	}
	return nil, err
}

func (s *Service) explainRules(ctx context.Context, m *mapping.Mapping, x *Explanation) error {
	got, err := m.Apply(x.Assertion)
	if err != nil && !errors.Is(err, mapping.ErrNoRule) {
		x.Refused = err.Error()
		return nil
	}
	x.Rules = m.Verdicts(got)
	if err != nil {
		x.Refused = err.Error()
		return nil
	}
	x.Got = got
	return s.explainGroups(ctx, x)
}

// explainGroups finds the groups that are not here. One that is named by an id keeps the person out.
func (s *Service) explainGroups(ctx context.Context, x *Explanation) error {
	for _, id := range x.Got.GroupIDs {
		_, err := s.Groups.Get(ctx, cloud.GroupID(id))
		switch {
		case cloud.Is(err, cloud.NotFound):
			x.Refused = fmt.Sprintf("the mapping names group %s, which is not here", id)
		case err != nil:
			return err
		}
	}
	for _, g := range x.Got.Groups {
		_, err := s.groupNamed(ctx, g)
		switch {
		case cloud.Is(err, cloud.NotFound):
			x.Missing = append(x.Missing, g.Name)
		case err != nil:
			return err
		}
	}
	return nil
}
