package openid

import (
	"context"
	"errors"
	"time"
)

// tokenMax bounds what is taken for a token, in bytes. Hundreds of entitlements are 64 KiB and more.
const tokenMax = 512 << 10

// Bearer finds out whose access token it is. The token was brought by a stranger and may be anything.
//
// A JWT is checked by the issuer's keys. Claims that only other kinds of JWT have (at_hash, a nonce without a scope) make it an ID token, which proves
// to one application that somebody signed in there and opens nothing here. An opaque token is asked about by introspection, or,
// without a client secret, by userinfo. If there is no entitlement among the claims, userinfo and introspection are
// asked for them; if they cannot be reached then, that is Unreachable, and never a person without entitlements.
//
// What was found is kept for Options.KeepResults and never beyond the token's end. Checks of one token at a time are one.
func (c *Client) Bearer(ctx context.Context, s Settings, token string) (*Person, error) {
	i, err := c.open(s, token)
	if err != nil {
		return nil, err
	}
	of := fingerprintOf(s, token)
	if r, ok := c.kept(of); ok {
		return r.answer()
	}
	checked := c.checks.DoChan(string(of[:]), func() (any, error) {
		if r, ok := c.kept(of); ok { // it ended since we looked
			return r, nil
		}
		return c.check(context.WithoutCancel(ctx), i, s, token, of), nil // others wait for it, too
	})
	select {
	case r := <-checked:
		return r.Val.(*result).answer()
	case <-ctx.Done():
		return nil, i.unreachable("token", ctx.Err())
	}
}

// Look asks the issuer what it says now of the owner of an access token that was good before, passing by everything kept. A Refusal with
// reason Expired says nothing about the person: the token is too old to ask with. An Unreachable is also that the issuer has
// nothing to ask (neither introspection nor userinfo).
func (c *Client) Look(ctx context.Context, s Settings, accessToken string) (*Person, error) {
	i, err := c.open(s, accessToken)
	if err != nil {
		return nil, err
	}
	d, err := i.document(ctx)
	if err != nil {
		return nil, err
	}
	q := i.inquire(s, accessToken)
	if d.UserInfo == "" && !q.mayIntrospect(ctx) {
		return nil, i.unreachable("token", errNothingToAsk)
	}
	return q.bearer(ctx, true)
}

// open finds the issuer of s for a token that is one.
func (c *Client) open(s Settings, token string) (*issuer, error) {
	i, err := c.issuer(s)
	if err != nil {
		return nil, err
	}
	if len(token) > tokenMax {
		return nil, i.refuse(Malformed, "it has %d bytes", len(token))
	}
	if !isToken(token) {
		return nil, i.refuse(Malformed, "it has letters that no token has, or none")
	}
	return i, nil
}

// isToken is the grammar of RFC 6750, section 2.1. What keeps to it can be sent to the issuer in a header.
func isToken(token string) bool {
	for n := range len(token) {
		switch b := token[n]; {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9':
		case b == '-', b == '.', b == '_', b == '~', b == '+', b == '/', b == '=':
		default:
			return false
		}
	}
	return token != ""
}

func (c *Client) check(ctx context.Context, i *issuer, s Settings, token string, of fingerprint) *result {
	p, err := surviving(func() (*Person, error) { return i.inquire(s, token).bearer(ctx, false) })
	r := &result{of: of, person: p, err: i.known(err), until: c.o.Now().Add(c.o.KeepResults)}
	var refusal *Refusal
	switch {
	case err == nil:
		r.until = earlier(r.until, p.Expires)
		c.people.put(r)
	case errors.As(err, &refusal) && refusal.Reason == Inactive: // only this one costs the issuer a request
		c.refused.put(r)
	}
	return r
}

// known makes one of the two kinds of errors of what is neither: a panic, survived.
func (i *issuer) known(err error) error {
	refusal, unreachable := (*Refusal)(nil), (*Unreachable)(nil)
	if err == nil || errors.As(err, &refusal) || errors.As(err, &unreachable) {
		return err
	}
	return i.unreachable("token", err)
}

func earlier(a, b time.Time) time.Time {
	if b.IsZero() || a.Before(b) {
		return a
	}
	return b
}

func (c *Client) kept(of fingerprint) (*result, bool) {
	now := c.o.Now()
	if r, ok := c.people.get(of, now); ok {
		return r, true
	}
	return c.refused.get(of, now)
}

// answer is the caller's own.
func (r *result) answer() (*Person, error) {
	if r.err != nil {
		return nil, r.err
	}
	return r.person.clone(), nil
}
