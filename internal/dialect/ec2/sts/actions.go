package sts

import (
	"context"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2"
	"github.com/nubo-cloud/nubo/internal/identity"
)

type callerIdentity struct {
	ARN     string `xml:"Arn"`
	UserID  string `xml:"UserId"`
	Account string
}

type credentials struct {
	AccessKeyID     string `xml:"AccessKeyId"`
	SecretAccessKey string
	SessionToken    string
	Expiration      string
}

type assumedUser struct {
	ARN           string `xml:"Arn"`
	AssumedRoleID string `xml:"AssumedRoleId"`
}

type assumed struct {
	Credentials                 credentials
	AssumedRoleUser             assumedUser
	SourceIdentity              string `xml:",omitempty"`
	SubjectFromWebIdentityToken string `xml:",omitempty"`
	Provider                    string `xml:",omitempty"`
}

type ownSession struct{ Credentials credentials }

// contentOf takes the element off that Marshal puts around a struct.
func contentOf(b []byte) []byte {
	text := string(b)
	return []byte(text[strings.Index(text, ">")+1 : strings.LastIndex(text, "</")])
}

func shown(s *identity.Session) credentials {
	return credentials{s.Access, s.Secret, s.Token, s.Expires.UTC().Truncate(time.Second).Format(time.RFC3339)}
}

func (s *Service) getCallerIdentity(ctx context.Context, call ec2.Call) (any, error) {
	account, err := s.Sessions.AccountNumber(ctx, call.Principal.ProjectID)
	if err != nil {
		return nil, err
	}
	return nameOf(call.Principal, account), nil
}

// nameOf is what a caller is called: by its role and session, or as a user.
func nameOf(p *cloud.Principal, account string) callerIdentity {
	if p.Session != nil && p.Session.Role != "" {
		u := assumedName(account, *p.Session)
		return callerIdentity{ARN: u.ARN, UserID: u.AssumedRoleID, Account: account}
	}
	return callerIdentity{ARN: "arn:aws:iam::" + account + ":user/" + p.UserName, UserID: "AIDA" + strings.ToUpper(cloud.ShortID(p.UserID)), Account: account}
}

func assumedName(account string, n cloud.SessionName) assumedUser {
	return assumedUser{ARN: "arn:aws:sts::" + account + ":assumed-role/" + n.Role + "/" + n.Name,
		AssumedRoleID: "AROA" + strings.ToUpper(cloud.ShortID(account+"/"+n.Role)) + ":" + n.Name}
}

func (s *Service) getSessionToken(ctx context.Context, call ec2.Call) (any, error) {
	life, err := lifetime(call.Parameters, ownLife, ownLifeMax)
	if err == nil {
		err = refuseLimits(call.Parameters)
	}
	if err == nil && call.Principal.Session != nil {
		err = denied("Cannot call GetSessionToken with session credentials")
	}
	if err != nil {
		return nil, err
	}
	made, err := s.Sessions.IssueSession(ctx, identity.SessionRequest{Prefix: accessPrefix, Lifetime: life})
	if err != nil {
		return nil, err
	}
	return ownSession{shown(made)}, nil
}

// wanted reads what both ways to assume a role are asked for.
func (s *Service) wanted(ctx context.Context, call ec2.Call) (role, identity.SessionRequest, error) {
	r := identity.SessionRequest{Prefix: accessPrefix}
	as, err := roleOf(call.Parameters)
	if err != nil {
		return as, r, err
	}
	if r.Name, err = sessionName(call.Parameters); err != nil {
		return as, r, err
	}
	if r.Lifetime, err = lifetime(call.Parameters, roleLife, roleLifeMax); err != nil {
		return as, r, err
	}
	if err := refuseLimits(call.Parameters); err != nil {
		return as, r, err
	}
	r.Role = as.name
	r.Project, err = s.Sessions.AccountProject(ctx, as.account)
	return as, r, err
}

// assumeRole gives the caller less than it has, for a while. A role of another project is nobody's to assume by a key.
func (s *Service) assumeRole(ctx context.Context, call ec2.Call) (any, error) {
	as, want, err := s.wanted(ctx, call)
	var made *identity.Session
	if err == nil {
		made, err = s.Sessions.IssueSession(ctx, want)
	}
	if cloud.Is(err, cloud.Forbidden) || cloud.Is(err, cloud.NotFound) {
		return nil, s.mayNot(ctx, call, as)
	}
	if err != nil {
		return nil, err
	}
	return assumed{Credentials: shown(made), AssumedRoleUser: assumedName(as.account, cloud.SessionName{Role: as.name, Name: want.Name}),
		SourceIdentity: call.Parameters.Get("SourceIdentity")}, nil
}

func (s *Service) mayNot(ctx context.Context, call ec2.Call, as role) error {
	account, err := s.Sessions.AccountNumber(ctx, call.Principal.ProjectID)
	if err != nil {
		return err
	}
	return denied("User: %s is not authorized to perform: sts:AssumeRole on resource: %s", nameOf(call.Principal, account).ARN, as.arn)
}

func (s *Service) assumeRoleWithWebIdentity(ctx context.Context, call ec2.Call) (any, error) {
	token := call.Parameters.Get("WebIdentityToken")
	if token == "" || len(token) > tokenBytesMax {
		return nil, invalid("WebIdentityToken is a token of 1 to %d bytes.", tokenBytesMax)
	}
	as, want, err := s.wanted(ctx, call)
	if cloud.Is(err, cloud.NotFound) {
		return nil, denied("Not authorized to perform sts:AssumeRoleWithWebIdentity")
	}
	if err != nil {
		return nil, err
	}
	made, err := s.Sessions.IssueSessionBearer(ctx, token, want)
	switch e, _ := cloud.AsError(err); {
	case e != nil && e.Kind == cloud.Unauthenticated && e.Resource == "":
		return nil, bad("InvalidIdentityToken", "The web identity token that was passed could not be validated by this cloud.")
	case e != nil && e.Kind == cloud.Forbidden && e.Resource == "session":
		return nil, denied("Not authorized to perform sts:AssumeRoleWithWebIdentity")
	case err != nil:
		return nil, err
	}
	p := made.Principal
	return assumed{Credentials: shown(made), AssumedRoleUser: assumedName(as.account, *p.Session), SubjectFromWebIdentityToken: p.UserName, Provider: string(p.ProviderID)}, nil
}
