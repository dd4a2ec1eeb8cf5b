package sts

import (
	"context"
	"encoding/xml"
	"log/slog"
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2"
	"github.com/nubo-cloud/nubo/internal/identity"
)

// Sessions is what the service needs of package identity.
type Sessions interface {
	// IssueSession makes a session of the caller's, IssueSessionBearer one of the owner's of an identity provider's token.
	IssueSession(ctx context.Context, r identity.SessionRequest) (*identity.Session, error)
	IssueSessionBearer(ctx context.Context, token string, r identity.SessionRequest) (*identity.Session, error)
	AccountNumber(ctx context.Context, id cloud.ProjectID) (string, error)
	AccountProject(ctx context.Context, number string) (cloud.ProjectID, error)
}

// Service answers the actions of the token service: an ec2.TokenService.
type Service struct {
	Sessions Sessions
	Log      *slog.Logger
}

var _ ec2.TokenService = (*Service)(nil)

// action answers with what stands in its result's element.
type action struct {
	unsigned bool
	serve    func(s *Service, ctx context.Context, call ec2.Call) (any, error)
}

var actions = map[string]action{
	"GetCallerIdentity":         {serve: (*Service).getCallerIdentity},
	"GetSessionToken":           {serve: (*Service).getSessionToken},
	"AssumeRole":                {serve: (*Service).assumeRole},
	"AssumeRoleWithWebIdentity": {serve: (*Service).assumeRoleWithWebIdentity, unsigned: true},
}

// Has tells whether there is an action of that name, and whether it needs no signature.
func (s *Service) Has(name string) (has, unsigned bool) {
	a, has := actions[name]
	return has, a.unsigned
}

// ServeAction answers a call. Its caller is known, unless the action needs none.
func (s *Service) ServeAction(w http.ResponseWriter, r *http.Request, call ec2.Call) {
	ctx := r.Context()
	if call.Principal != nil {
		ctx = cloud.WithPrincipal(ctx, call.Principal)
	}
	result, err := actions[call.Action].serve(s, ctx, call)
	if err != nil {
		s.Fail(w, r, err)
		return
	}
	b, err := encode(call.Action, cloud.VisitOf(r.Context()).RequestID, result)
	if err != nil {
		s.Fail(w, r, err)
		return
	}
	write(w, http.StatusOK, b)
}

const namespace = "https://sts.amazonaws.com/doc/2011-06-15/"

// encode writes an answer: a result, and the request's id beside it.
func encode(action, requestID string, result any) ([]byte, error) {
	inner, err := xml.Marshal(result)
	if err != nil {
		return nil, err
	}
	answer := struct {
		XMLName xml.Name
		Space   string `xml:"xmlns,attr"`
		Result  struct {
			XMLName xml.Name
			Content []byte `xml:",innerxml"`
		}
		RequestID string `xml:"ResponseMetadata>RequestId"`
	}{XMLName: xml.Name{Local: action + "Response"}, Space: namespace, RequestID: requestID}
	answer.Result.XMLName.Local = action + "Result"
	answer.Result.Content = contentOf(inner)
	return xml.Marshal(answer)
}

func write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the asker is gone: nobody to tell
}
