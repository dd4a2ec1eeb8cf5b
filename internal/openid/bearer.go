package openid

import "context"

// Bearer finds out whose access token it is. The token was brought by a stranger and may be anything.
//
// A JWT is checked by the issuer's keys; one that the issuer does not tell apart from an ID token is taken for what it is not,
// so what says that it is an ID token (at_hash, c_hash, or typ) is refused. An opaque token is asked about by introspection, or, without a
// client secret, by userinfo. If there is no entitlement among the claims, userinfo and introspection are asked for them.
func (c *Client) Bearer(ctx context.Context, s Settings, token string) (*Person, error) {
	return nil, &Unreachable{Issuer: s.Issuer, Doing: "token", Cause: errNotYet}
}

// Look asks the issuer what it says now of the owner of an access token that was good before, passing by everything kept. An
// Unreachable is also that the issuer has nothing to ask (neither introspection nor userinfo).
func (c *Client) Look(ctx context.Context, s Settings, accessToken string) (*Person, error) {
	return nil, &Unreachable{Issuer: s.Issuer, Doing: "token", Cause: errNotYet}
}
