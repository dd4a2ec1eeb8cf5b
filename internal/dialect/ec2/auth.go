package ec2

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/wire/awssign"
)

// Keys turns signatures into callers, and projects into account numbers. Package identity implements it.
type Keys interface {
	// AdmitSigned is the owner of an access key on the key's project. verify is given the secret. Unauthenticated otherwise.
	AdmitSigned(ctx context.Context, access string, verify func(secret string) bool) (*cloud.Principal, error)
	// Accounts are the numbers of projects, of twelve digits; AccountProject is the project of one.
	Accounts(ctx context.Context, ids ...cloud.ProjectID) (map[cloud.ProjectID]string, error)
	AccountProject(ctx context.Context, number string) (cloud.ProjectID, error)
}

type callKey struct{}

// callOf is the request that a handler answers.
func callOf(ctx context.Context) *Call { return ctx.Value(callKey{}).(*Call) }

// admit verifies the signature and makes its owner the caller.
func (a *api) admit(r *http.Request, call *Call) (context.Context, error) {
	signed, err := awssign.Read(r, call.Body)
	if err != nil {
		return nil, refusal(err)
	}
	if signed.Version == 2 && !a.Config.Version2 {
		return nil, authFailure("Signatures of version 2 are not taken here: sign with version 4.")
	}
	service := "ec2"
	if has, _ := a.tokenAction(*call); has {
		service = "sts"
	}
	if err := signed.Check(time.Now(), awssign.Scope{Region: a.isRegion, Service: service}); err != nil {
		return nil, refusal(err)
	}
	call.AccessKey, call.Region = signed.Access, signed.Region
	if call.Region == "" {
		call.Region = a.Config.Regions[0]
	}
	if call.Principal, err = a.caller(r.Context(), signed); err != nil {
		return nil, err
	}
	call.Host = r.Host
	cloud.VisitOf(r.Context()).Principal = call.Principal
	ctx := cloud.WithPrincipal(r.Context(), call.Principal)
	return context.WithValue(ctx, callKey{}, call), nil
}

func (a *api) isRegion(name string) bool { return slices.Contains(a.Config.Regions, name) }

// caller tells a key that is not known from a signature that is not its.
func (a *api) caller(ctx context.Context, signed *awssign.Signed) (p *cloud.Principal, err error) {
	mismatched := false
	verify := func(secret string) bool {
		mismatched = !signed.Verify(secret)
		return !mismatched
	}
	p, err = a.Keys.AdmitSigned(ctx, signed.Access, verify)
	switch {
	case mismatched:
		return nil, badSignature()
	case cloud.Is(err, cloud.Unauthenticated):
		return nil, authFailure("AWS was not able to validate the provided access credentials")
	}
	return p, err
}

// refusal is what a signature's fault is called.
func refusal(err error) error {
	var no *awssign.Refusal
	if !errors.As(err, &no) {
		return err
	}
	switch no.Reason {
	case awssign.NotSigned:
		return missingToken(no.Message)
	case awssign.Malformed:
		return bad("IncompleteSignature", "%s", no.Message)
	case awssign.Stale, awssign.Expired:
		return expired("%s", no.Message)
	case awssign.WrongBody, awssign.Mismatch:
		return badSignature()
	}
	return authFailure("%s", no.Message)
}

// tokenAction tells whether an action is the token service's.
func (a *api) tokenAction(call Call) (has, unsigned bool) {
	if a.STS == nil {
		return false, false
	}
	return a.STS.Has(call.Action)
}

func (a *api) serveTokens(w http.ResponseWriter, r *http.Request, call Call, unsigned bool) {
	if !unsigned {
		if _, err := a.admit(r, &call); err != nil {
			a.STS.Fail(w, r, err)
			return
		}
	}
	a.STS.ServeAction(w, r, call)
}

// own is the condition of being the caller's project's. An account shows what is its own, whatever else the caller may see elsewhere.
func own(ctx context.Context) cloud.Cond {
	return cloud.Eq("project_id", cloud.PrincipalOf(ctx).ProjectID)
}

// account is the caller's account number.
func (a *api) account(ctx context.Context) (string, error) {
	project := cloud.PrincipalOf(ctx).ProjectID
	numbers, err := a.Keys.Accounts(ctx, project)
	return numbers[project], err
}
