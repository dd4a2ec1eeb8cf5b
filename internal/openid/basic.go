package openid

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"slices"
)

// The words of a Basic header are escaped (RFC 6749, section 2.3.1). Some issuers do not know, glewlwyd for one, and compare
// what stands there. Where it makes a difference, an issuer that refuses the escaped words gets the words themselves, and from
// then on what it took.

// words are a client's at an issuer, as they are to be written.
type words struct {
	issuer string
	url.Userinfo
}

func (s Settings) words() (escaped, plain words) {
	return words{s.Issuer, *url.UserPassword(url.QueryEscape(s.ClientID), url.QueryEscape(s.ClientSecret))},
		words{s.Issuer, *url.UserPassword(s.ClientID, s.ClientSecret)}
}

func (c *Client) sendBasic(ctx context.Context, s Settings, to string, form url.Values) (*answer, error) {
	escaped, plain := s.words()
	way, settled := escaped, escaped == plain
	if taken, ok := c.taken.Load(escaped); ok {
		way, settled = taken.(words), true
	}
	a, err := c.sendForm(ctx, to, form, &way.Userinfo)
	if settled || err != nil {
		return a, err
	}
	if a.refusesClient() {
		way = plain
		a, err = c.sendForm(ctx, to, form, &way.Userinfo)
	}
	if err == nil && a.status < http.StatusInternalServerError && !a.refusesClient() {
		c.taken.Store(escaped, way)
	}
	return a, err
}

// refusesClient is that an issuer may not know who asks. It is to say so by 401 and invalid_client (RFC 6749, section 5.2); not all do.
func (a *answer) refusesClient() bool {
	var no *grantError
	return (a.status == http.StatusBadRequest || a.status == http.StatusUnauthorized || a.status == http.StatusForbidden) &&
		errors.As(a.failure(), &no) && slices.Contains([]string{"", "invalid_client", "unauthorized_client"}, no.Code)
}

// acquaint finds out how the issuer takes the client's words, by a request that cannot matter: a refresh token that is good
// once may be spent by one with the wrong words.
func (c *Client) acquaint(ctx context.Context, s Settings, d *document) error {
	escaped, plain := s.words()
	if _, ok := c.taken.Load(escaped); ok || escaped == plain {
		return nil
	}
	if inForm, err := s.authenticatesInForm(d.TokenAuth); err != nil || inForm {
		return err
	}
	to, methods, form := d.Token, d.TokenAuth, url.Values{"grant_type": {"authorization_code"}, "code": {rand.Text()}}
	if d.Introspection != "" {
		to, methods, form = d.Introspection, d.introspectionAuth(), url.Values{"token": {rand.Text()}}
	}
	_, err := c.postForm(ctx, s, to, methods, form)
	return err
}
