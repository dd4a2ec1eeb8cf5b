package identity

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// IssueSigned makes a token of what somebody signed with a secret of its own, on the secret's project. Another service asks, on behalf
// of whoever signed: a signature that was caught on its way must not be good for a token.
func (s *Service) IssueSigned(ctx context.Context, l SignedLogin) (*Token, error) {
	if err := policy.Authorize(ctx, "signature.verify", policy.Target{}); err != nil {
		return nil, err
	}
	v, err := s.Secrets.Get(ctx, l.ID)
	if err != nil {
		return nil, refusedIfMissing(err)
	}
	l.secret = v
	return s.Issue(ctx, Login{signed: &l}, ScopeRequest{Project: &ProjectRef{ID: v.ProjectID}})
}

func (s *Service) authenticateSigned(ctx context.Context, l *SignedLogin, who *subject) error {
	opened, err := s.openSecrets(ctx, []*cloud.Secret{l.secret})
	if err != nil {
		return err
	}
	if !l.Verify(opened[0].Text) {
		return refused()
	}
	if who.user, err = s.Users.Get(ctx, l.secret.UserID); err != nil {
		return refusedIfMissing(err)
	}
	who.secret, who.methods = l.ID, append(who.methods, MethodSigned)
	return nil
}
