package keystone

import (
	"encoding/base64"
	"net/http"
	"net/url"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/dialect/wire/awssign"
	"github.com/nubo-cloud/nubo/internal/identity"
)

// Services that speak Amazon's protocols ask here whether a request was signed with an access key.

func (a *api) signatureRoutes() {
	a.Handle("POST /v3/ec2tokens", a.tokenOfRequest)
	a.Handle("POST /v3/s3tokens", a.tokenOfText)
}

// signedBody is both requests: of one the parts that were signed, of the other the text that they came down to.
type signedBody struct {
	Credentials *signed `json:"credentials"`
	EC2         *signed `json:"ec2Credentials"` // the older name
	Auth        *struct {
		Credentials *signed `json:"credentials"`
		EC2         *signed `json:"OS-KSEC2:ec2Credentials"`
	} `json:"auth"`
}

type signed struct {
	Access    string            `json:"access"`
	Signature string            `json:"signature"`
	Host      string            `json:"host"`
	Verb      string            `json:"verb"`
	Path      string            `json:"path"`
	Params    map[string]string `json:"params"`
	Headers   map[string]string `json:"headers"`
	BodyHash  string            `json:"body_hash"`
	Token     string            `json:"token"` // in base 64
}

// request is what was signed. The parameters of a POST were in its body.
func (s *signed) request() awssign.Request {
	params, headers := url.Values{}, http.Header{}
	for name, v := range s.Params {
		params.Set(name, v)
	}
	for name, v := range s.Headers {
		headers[name] = []string{v}
	}
	r := awssign.Request{Verb: s.Verb, Host: s.Host, Path: s.Path, Headers: headers, BodyHash: s.BodyHash}
	if s.Verb == http.MethodPost {
		r.Form = params
	} else {
		r.Query = params
	}
	return r
}

func readSigned(r *http.Request) (*signed, error) {
	var b signedBody
	if err := openstack.Decode(r, &b); err != nil {
		return nil, err
	}
	found := []*signed{b.Credentials, b.EC2}
	if b.Auth != nil {
		found = append(found, b.Auth.Credentials, b.Auth.EC2)
	}
	for _, s := range found {
		if s != nil && s.Access != "" && s.Signature != "" {
			return s, nil
		}
	}
	return nil, cloud.Invalidf("request", "credentials", "Expecting to find credentials with access and signature in request body.")
}

func (a *api) tokenOfRequest(w http.ResponseWriter, r *http.Request) error {
	s, err := readSigned(r)
	if err != nil {
		return err
	}
	t, err := a.issueSigned(r, s, s.request().Verify)
	if err != nil {
		return err
	}
	w.Header().Set(subjectHeader, t.Value)
	return a.writeToken(w, r, http.StatusOK, t)
}

// tokenOfText says whose signature it is and gives no token away.
func (a *api) tokenOfText(w http.ResponseWriter, r *http.Request) error {
	s, err := readSigned(r)
	if err != nil {
		return err
	}
	text, err := base64.StdEncoding.DecodeString(s.Token)
	if err != nil || len(text) == 0 {
		return cloud.Invalidf("request", "token", "The token is the text that was signed, in base 64.")
	}
	t, err := a.issueSigned(r, s, func(secret, signature string) bool { return awssign.VerifyText(secret, string(text), signature) })
	if err != nil {
		return err
	}
	return a.writeToken(w, r, http.StatusOK, t)
}

func (a *api) issueSigned(r *http.Request, s *signed, verify func(secret, signature string) bool) (*identity.Token, error) {
	return a.identity.IssueSigned(r.Context(), identity.SignedLogin{ID: identity.AccessKeyID(s.Access), Verify: func(text string) bool {
		k, err := identity.ParseAccessKey(text)
		return err == nil && verify(k.Secret, s.Signature)
	}})
}
