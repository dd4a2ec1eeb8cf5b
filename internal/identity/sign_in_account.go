package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// SignIns accounts for those who sign in and those who may not.
type SignIns interface {
	SignedIn(ctx context.Context, s cloud.SignIn)
}

// turnedAway is the refusal of somebody who wants in by another's word. Why is for the log and the account; they themselves
// learn no more than that they do not get in.
func (s *Service) turnedAway(because string, about ...any) *cloud.Error {
	s.Log.Warn("sign-in refused: "+because, about...)
	text := because
	for i := 0; i+1 < len(about); i += 2 {
		text += fmt.Sprintf(" %v=%v", about[i], about[i+1])
	}
	no := refused()
	no.Cause = errors.New(text)
	return no
}

// account tells how an attempt to sign in ended. way is by whose word, or the method where it was this cloud's own.
func (s *Service) account(ctx context.Context, way cloud.SignIn, t *Token, err error) {
	if s.SignIns == nil {
		return
	}
	if err != nil {
		way.Refused = err.Error()
		if e := (*cloud.Error)(nil); errors.As(err, &e) && e.Cause != nil {
			way.Refused = e.Cause.Error()
		}
		s.SignIns.SignedIn(ctx, way)
		return
	}
	way.UserID, way.UserName, way.DomainID = t.User.ID, t.User.Name, t.User.DomainID
	if t.Project != nil {
		way.ProjectID = t.Project.ID
	}
	for _, f := range t.User.Federated {
		if f.ProviderID == way.ProviderID && f.Protocol == way.Protocol {
			way.UniqueID = f.UniqueID
		}
	}
	s.SignIns.SignedIn(ctx, way)
}

// wayOf is how somebody wants to sign in; false for who only changes a token for another.
func wayOf(l Login) (way cloud.SignIn, signsIn bool) {
	var methods []string
	if l.Password != nil {
		methods, way.UserID, way.UserName = append(methods, MethodPassword), l.Password.User.ID, l.Password.User.Name
	}
	if l.Credential != nil {
		methods, way.UserID, way.UserName = append(methods, MethodCredential), l.Credential.User.ID, l.Credential.User.Name
	}
	if l.Delegated != nil {
		methods = append(methods, MethodDelegated)
	}
	if l.signed != nil {
		methods = append(methods, MethodSigned)
	}
	way.Protocol = strings.Join(methods, ",")
	return way, len(methods) > 0
}
