package sts

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2"
	"github.com/nubo-cloud/nubo/internal/identity"
)

// book is one account and what is asked of it.
type book struct {
	asked identity.SessionRequest
	fails error
}

const account = "123456789012"

func (b *book) IssueSession(_ context.Context, r identity.SessionRequest) (*identity.Session, error) {
	b.asked = r
	p := &cloud.Principal{UserID: "u", UserName: "ann", ProjectID: "p", Session: &cloud.SessionName{Role: r.Role, Name: r.Name}}
	return &identity.Session{Access: "ASIAX", Secret: "secret", Token: "token", Expires: time.Unix(0, 0), Principal: p}, b.fails
}

func (b *book) IssueSessionBearer(ctx context.Context, token string, r identity.SessionRequest) (*identity.Session, error) {
	if token != "good" {
		return nil, &cloud.Error{Kind: cloud.Unauthenticated, Message: "no"}
	}
	return b.IssueSession(ctx, r)
}

func (b *book) AccountNumber(context.Context, cloud.ProjectID) (string, error) { return account, nil }

func (b *book) AccountProject(_ context.Context, number string) (cloud.ProjectID, error) {
	if number != account {
		return "", cloud.Errorf(cloud.NotFound, "project", number, "no such account")
	}
	return "p", nil
}

func (b *book) call(p *cloud.Principal, action string, parameters ...string) (int, string) {
	s := &Service{Sessions: b, Log: slog.New(slog.DiscardHandler)}
	call := ec2.Call{Action: action, Parameters: url.Values{}, Principal: p}
	for i := 0; i < len(parameters); i += 2 {
		call.Parameters.Set(parameters[i], parameters[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeAction(w, httptest.NewRequest("POST", "/ec2", nil), call)
	return w.Code, w.Body.String()
}

var (
	ann       = &cloud.Principal{UserID: "u", UserName: "ann", ProjectID: "p"}
	inSession = &cloud.Principal{UserID: "u", UserName: "ann", ProjectID: "p", Session: &cloud.SessionName{Role: "member", Name: "run"}}
)

const arn = "arn:aws:iam::" + account + ":role/member"

// TestAnswers: who somebody is, and what one gets, in the service's own form.
func TestAnswers(t *testing.T) {
	b := &book{}
	for _, c := range []struct {
		caller     *cloud.Principal
		action     string
		parameters []string
		want       string
	}{
		{ann, "GetCallerIdentity", nil, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/ann</Arn>`},
		{ann, "GetCallerIdentity", nil, `<Account>123456789012</Account></GetCallerIdentityResult><ResponseMetadata><RequestId></RequestId></ResponseMetadata>`},
		{inSession, "GetCallerIdentity", nil, `<Arn>arn:aws:sts::123456789012:assumed-role/member/run</Arn><UserId>AROA`},
		{ann, "GetSessionToken", nil, `<Credentials><AccessKeyId>ASIAX</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken><Expiration>1970-01-01T00:00:00Z</Expiration></Credentials>`},
		{inSession, "AssumeRole", []string{"RoleArn", arn, "RoleSessionName", "again", "DurationSeconds", "900", "SourceIdentity", "ci"},
			`<AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/member/again</Arn>`},
		{nil, "AssumeRoleWithWebIdentity", []string{"RoleArn", arn, "RoleSessionName", "web", "WebIdentityToken", "good"}, `<SubjectFromWebIdentityToken>ann</SubjectFromWebIdentityToken>`},
	} {
		status, body := b.call(c.caller, c.action, c.parameters...)
		if status != 200 || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %s", c.action, status, body)
		}
	}
	want := identity.SessionRequest{Prefix: "ASIA", Project: "p", Role: "member", Name: "web", Lifetime: time.Hour}
	if b.asked != want {
		t.Errorf("asked for %+v", b.asked)
	}
}

// TestFaults: what is wrong has its own code.
func TestFaults(t *testing.T) {
	with := func(name, value string) []string {
		all := map[string]string{"RoleArn": arn, "RoleSessionName": "run", "WebIdentityToken": "good", name: value}
		var list []string
		for k, v := range all {
			list = append(list, k, v)
		}
		return list
	}
	forbidden := cloud.Errorf(cloud.Forbidden, "session", "", "no")
	for _, c := range []struct {
		fails      error
		caller     *cloud.Principal
		action     string
		parameters []string
		status     int
		code       string
	}{
		{nil, inSession, "GetSessionToken", nil, 403, "AccessDenied"},
		{nil, ann, "GetSessionToken", []string{"DurationSeconds", "899"}, 400, "ValidationError"},
		{nil, ann, "GetSessionToken", []string{"TokenCode", "123456"}, 403, "AccessDenied"},
		{nil, ann, "AssumeRole", with("DurationSeconds", "43201"), 400, "ValidationError"},
		{nil, ann, "AssumeRole", with("DurationSeconds", "long"), 400, "ValidationError"},
		{nil, ann, "AssumeRole", with("RoleArn", "member"), 400, "ValidationError"},
		{nil, ann, "AssumeRole", with("RoleSessionName", "a b"), 400, "ValidationError"},
		{nil, ann, "AssumeRole", with("Policy", "{}"), 400, "MalformedPolicyDocument"},
		{nil, ann, "AssumeRole", with("RoleArn", "arn:aws:iam::000000000000:role/member"), 403, "AccessDenied"},
		{forbidden, ann, "AssumeRole", with("", ""), 403, "AccessDenied"},
		{forbidden, nil, "AssumeRoleWithWebIdentity", with("", ""), 403, "AccessDenied"},
		{nil, nil, "AssumeRoleWithWebIdentity", with("WebIdentityToken", ""), 400, "ValidationError"},
		{nil, nil, "AssumeRoleWithWebIdentity", with("WebIdentityToken", "bad"), 400, "InvalidIdentityToken"},
		{nil, nil, "AssumeRoleWithWebIdentity", with("RoleArn", "arn:aws:iam::000000000000:role/member"), 403, "AccessDenied"},
		{&cloud.Error{Kind: cloud.Unauthenticated, Resource: "expired token"}, nil, "AssumeRoleWithWebIdentity", with("", ""), 400, "ExpiredTokenException"},
		{&cloud.Error{Kind: cloud.Unavailable, Resource: "identity provider"}, nil, "AssumeRoleWithWebIdentity", with("", ""), 400, "IDPCommunicationError"},
		{errors.New("broken"), ann, "GetSessionToken", nil, 500, "InternalFailure"},
	} {
		status, body := (&book{fails: c.fails}).call(c.caller, c.action, c.parameters...)
		if status != c.status || !strings.Contains(body, "<Code>"+c.code+"</Code>") || strings.Contains(body, "broken") {
			t.Errorf("%s %v: %d %s, want %s", c.action, c.parameters, status, body, c.code)
		}
	}
}

// TestEveryKindHasAFault proves that no kind of error is without an answer.
func TestEveryKindHasAFault(t *testing.T) {
	for _, k := range cloud.Kinds {
		if f := ofError(&cloud.Error{Kind: k}); f.status == 0 || f.code == "" {
			t.Errorf("%s has no fault", k)
		}
	}
}
