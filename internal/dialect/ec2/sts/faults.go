package sts

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2"
	"github.com/nubo-cloud/nubo/internal/dialect/wire/awsquery"
)

// fault is an error in the protocol's words.
type fault struct {
	status        int
	code, message string
}

func (f *fault) Error() string { return f.code + ": " + f.message }

func bad(code, format string, args ...any) error {
	return &fault{http.StatusBadRequest, code, fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error { return bad("ValidationError", format, args...) }

func denied(format string, args ...any) error {
	return &fault{http.StatusForbidden, "AccessDenied", fmt.Sprintf(format, args...)}
}

// standard is what each kind of error is, where no noun has a code of its own.
var standard = map[cloud.Kind]fault{
	cloud.Invalid:         {http.StatusBadRequest, "ValidationError", ""},
	cloud.NotFound:        {http.StatusForbidden, "AccessDenied", ""}, // what there is not is nobody's
	cloud.AlreadyExists:   {http.StatusBadRequest, "ValidationError", ""},
	cloud.WrongState:      {http.StatusBadRequest, "ValidationError", ""},
	cloud.InUse:           {http.StatusBadRequest, "ValidationError", ""},
	cloud.Conflict:        {http.StatusServiceUnavailable, "ServiceUnavailable", ""}, // clients repeat it by themselves
	cloud.Unauthenticated: {http.StatusForbidden, "InvalidClientTokenId", ""},
	cloud.Forbidden:       {http.StatusForbidden, "AccessDenied", ""},
	cloud.QuotaExceeded:   {http.StatusBadRequest, "LimitExceeded", ""},
	cloud.NoCapacity:      {http.StatusServiceUnavailable, "ServiceUnavailable", ""},
	cloud.TooLarge:        {http.StatusBadRequest, "ValidationError", ""},
	cloud.Unsupported:     {http.StatusBadRequest, "InvalidAction", ""},
	cloud.Unavailable:     {http.StatusServiceUnavailable, "ServiceUnavailable", ""},
	cloud.Internal:        {http.StatusInternalServerError, "InternalFailure", ""},
}

// nouns are the codes that differ by noun.
var nouns = map[string]map[cloud.Kind]fault{
	"expired token":     {cloud.Unauthenticated: {http.StatusBadRequest, "ExpiredTokenException", ""}},
	"session":           {cloud.Unauthenticated: {http.StatusForbidden, "ExpiredToken", ""}},
	"identity provider": {cloud.Unavailable: {http.StatusBadRequest, "IDPCommunicationError", ""}, cloud.Forbidden: {http.StatusForbidden, "IDPRejectedClaim", ""}},
}

// ofError is the fault that any error is. Those that package ec2 found keep their codes.
func ofError(err error) fault {
	var f *fault
	if errors.As(err, &f) {
		return *f
	}
	if status, code, message, ok := ec2.Explain(err); ok {
		if code == "AuthFailure" { // its word for it
			status, code = http.StatusForbidden, "InvalidClientTokenId"
		}
		return fault{status, code, message}
	}
	e, ok := cloud.AsError(err)
	if !ok {
		e = &cloud.Error{Kind: cloud.Internal, Message: "An internal error has occurred."}
	}
	out, ok := nouns[e.Resource][e.Kind]
	if !ok {
		out = standard[e.Kind]
	}
	out.message = e.Message
	return out
}

// Fail writes an error in the service's form.
func (s *Service) Fail(w http.ResponseWriter, r *http.Request, err error) {
	f, side := ofError(err), "Sender"
	if f.status >= http.StatusInternalServerError {
		side = "Receiver"
		s.Log.Error("a request failed", "error", err)
	}
	b := []byte(`<ErrorResponse xmlns="` + namespace + `"><Error>`)
	b = awsquery.AppendElement(b, "Type", side)
	b = awsquery.AppendElement(b, "Code", f.code)
	b = awsquery.AppendElement(b, "Message", strings.TrimSpace(f.message))
	b = append(b, "</Error>"...)
	b = awsquery.AppendElement(b, "RequestId", cloud.VisitOf(r.Context()).RequestID)
	write(w, f.status, append(b, "</ErrorResponse>"...))
}
