package openid

import (
	"context"
	"errors"
	"net/url"
	"time"
)

var errNotYet = errors.New("not built yet")

// Pending is what must be remembered of a browser between Begin and Finish. The caller keeps it where only that browser can
// show it and nobody can read or change it (a sealed cookie); it is good for ten minutes.
type Pending struct {
	Issuer   string    `json:"i"`
	State    string    `json:"s"`
	Nonce    string    `json:"n"`
	Verifier string    `json:"v"`
	Begun    time.Time `json:"t"`
}

// Begin starts a sign-in with a browser: it goes to the URL, and comes back to redirect.
func (c *Client) Begin(ctx context.Context, s Settings, redirect string) (string, Pending, error) {
	return "", Pending{}, &Unreachable{Issuer: s.Issuer, Doing: "token", Cause: errNotYet}
}

// Finish ends a sign-in: answer is the query that the browser came back to redirect with (code and state, or an error). The
// caller drops p, whatever comes of it.
func (c *Client) Finish(ctx context.Context, s Settings, redirect string, p Pending, answer url.Values) (*Person, error) {
	return nil, &Unreachable{Issuer: s.Issuer, Doing: "token", Cause: errNotYet}
}

// Refresh asks the issuer what it says now of somebody who signed in with a browser before. A Refusal with reason Inactive is that
// the person or the consent is gone. The Person has the refresh token to use next time.
func (c *Client) Refresh(ctx context.Context, s Settings, refreshToken string) (*Person, error) {
	return nil, &Unreachable{Issuer: s.Issuer, Doing: "token", Cause: errNotYet}
}
