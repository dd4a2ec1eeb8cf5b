package openidtest

import (
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// session is one sign-in, from the request of a browser to the last refresh.
type session struct {
	id      string
	request oidc.AuthRequest
	app     App
	subject string
	scopes  []string
	done    bool
	since   time.Time
}

var (
	_ op.AuthRequest         = (*session)(nil)
	_ op.RefreshTokenRequest = (*session)(nil)
)

func (s *session) GetID() string                      { return s.id }
func (s *session) GetACR() string                     { return "" }
func (s *session) GetAMR() []string                   { return []string{"pwd"} }
func (s *session) GetAudience() []string              { return s.app.audience() }
func (s *session) GetAuthTime() time.Time             { return s.since }
func (s *session) GetClientID() string                { return s.app.ID }
func (s *session) GetNonce() string                   { return s.request.Nonce }
func (s *session) GetRedirectURI() string             { return s.request.RedirectURI }
func (s *session) GetResponseType() oidc.ResponseType { return oidc.ResponseTypeCode }
func (s *session) GetResponseMode() oidc.ResponseMode { return s.request.ResponseMode }
func (s *session) GetScopes() []string                { return s.scopes }
func (s *session) GetState() string                   { return s.request.State }
func (s *session) GetSubject() string                 { return s.subject }
func (s *session) Done() bool                         { return s.done }
func (s *session) SetCurrentScopes(scopes []string)   { s.scopes = scopes }
func (s *session) GetCodeChallenge() *oidc.CodeChallenge {
	if s.request.CodeChallenge == "" {
		return nil
	}
	return &oidc.CodeChallenge{Challenge: s.request.CodeChallenge, Method: s.request.CodeChallengeMethod}
}
