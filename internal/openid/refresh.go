package openid

import (
	"context"
	"net/url"
)

// Refresh asks the issuer what it says now of somebody who signed in with a browser before. A Refusal with reason Inactive is that
// the person or the consent is gone. The Person has the refresh token to use next time; that it is the same person (claim sub) is
// the caller's to compare.
func (c *Client) Refresh(ctx context.Context, s Settings, refreshToken string) (*Person, error) {
	i, d, err := c.signIn(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := c.acquaint(ctx, s, d); err != nil {
		return nil, i.unreachable("token", err)
	}
	got, err := c.grant(ctx, s, d, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshToken}})
	if err != nil {
		return nil, i.grantFailed(err)
	}
	if got.Refresh == "" { // the old one goes on (RFC 6749, section 6)
		got.Refresh = refreshToken
	}
	var said claims
	if got.ID != "" {
		if said, err = i.identify(ctx, s, got); err != nil {
			return nil, err
		}
	}
	return i.describe(ctx, s, got, said, true)
}
