package openid

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// issuer is what is kept of one issuer, whatever clients are registered there.
type issuer struct {
	c         *Client
	name      string
	discovery kept[document]
	keys      kept[keySet]
}

func newIssuer(c *Client, name string) *issuer {
	i := &issuer{c: c, name: name}
	i.discovery = keep(i, "discovery", i.fetchDocument)
	i.keys = keep(i, "keys", i.fetchKeys)
	return i
}

func keep[T any](i *issuer, what string, fetch func(context.Context) (*T, error)) kept[T] {
	return kept[T]{fetch: fetch, now: i.c.o.Now, age: i.c.o.KeepDiscovery, pause: i.c.o.Pause, stale: func(err error) {
		i.c.o.Log.Warn("an issuer cannot be reached; what it said before is used", "issuer", i.name, "fetching", what, "error", err)
	}}
}

// document is what we read of a discovery document.
type document struct {
	Issuer            string   `json:"issuer"`
	Authorization     string   `json:"authorization_endpoint"`
	Token             string   `json:"token_endpoint"`
	Keys              string   `json:"jwks_uri"`
	UserInfo          string   `json:"userinfo_endpoint"`
	Introspection     string   `json:"introspection_endpoint"`
	Device            string   `json:"device_authorization_endpoint"`
	TokenAuth         []string `json:"token_endpoint_auth_methods_supported"`
	IntrospectionAuth []string `json:"introspection_endpoint_auth_methods_supported"`
	IssuerInAnswer    bool     `json:"authorization_response_iss_parameter_supported"`
}

// introspectionAuth is how clients show there who they are; as at the token endpoint, if it does not say.
func (d *document) introspectionAuth() []string {
	if len(d.IntrospectionAuth) == 0 {
		return d.TokenAuth
	}
	return d.IntrospectionAuth
}

// document is the issuer's discovery document.
func (i *issuer) document(ctx context.Context) (*document, error) {
	d, err := i.discovery.get(ctx)
	if err != nil {
		return nil, i.unreachable("discovery", err)
	}
	return d, nil
}

func (i *issuer) fetchDocument(ctx context.Context) (*document, error) {
	var d document
	if err := i.c.getJSON(ctx, strings.TrimSuffix(i.name, "/")+"/.well-known/openid-configuration", &d); err != nil {
		return nil, err
	}
	if err := d.check(i.name); err != nil {
		return nil, err
	}
	return &d, nil
}

// check refuses a document that speaks for another issuer (who could then have our secrets and the person's tokens sent to itself), and
// endpoints that anybody on the way can read.
func (d *document) check(issuer string) error {
	if d.Issuer != issuer {
		return fmt.Errorf("the document is that of issuer '%s'", d.Issuer)
	}
	if d.Keys == "" {
		return errors.New("the document names no keys")
	}
	s := Settings{Issuer: issuer}
	for _, endpoint := range []string{d.Authorization, d.Token, d.Keys, d.UserInfo, d.Introspection, d.Device} {
		if endpoint == "" {
			continue
		}
		if err := s.checkEndpoint(endpoint); err != nil {
			return err
		}
	}
	return nil
}

func (i *issuer) unreachable(doing string, cause error) *Unreachable {
	return &Unreachable{Issuer: i.name, Doing: doing, Cause: cause}
}

func (i *issuer) refuse(reason Reason, format string, values ...any) *Refusal {
	return &Refusal{Issuer: i.name, Reason: reason, Detail: fmt.Sprintf(format, values...)}
}
