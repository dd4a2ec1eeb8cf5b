package openid

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

var errNothingToAsk = errors.New("the issuer offers nothing that could be asked about it")

// userinfo asks who the token's owner is (OpenID Connect Core, section 5.3). An issuer that refuses the token has taken it
// back; one that only will not tell (a service's token without the scope openid, or an application that is nobody) has not.
func (q *inquiry) userinfo(ctx context.Context, d *document) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, d.UserInfo, nil)
	if err != nil {
		return q.unreachable("userinfo", err)
	}
	r.Header.Set("Authorization", "Bearer "+q.token)
	a, err := q.c.ask(r)
	switch {
	case err != nil:
		return q.unreachable("userinfo", err)
	case q.vouched && (a.wantsScope() || a.status == http.StatusNotFound && q.isApplication()):
		return nil
	case a.status == http.StatusForbidden || a.status == http.StatusUnauthorized:
		return q.refuse(Inactive, "userinfo answered %d %.200s", a.status, a.header.Get("WWW-Authenticate"))
	case a.status != http.StatusOK:
		return q.unreachable("userinfo", a.failure())
	}
	said, err := q.readUserinfo(ctx, a)
	if err != nil {
		return err
	}
	if said.subject == "" {
		return q.unreachable("userinfo", errors.New("it does not say of whom it speaks"))
	}
	if !q.vouched { // it does not tell for whom the token is, so it must not matter
		if err := q.checkParties(q.s, claims{}, true); err != nil {
			return err
		}
	}
	q.vouched = true
	return q.learn(said, false)
}

// isApplication is that the token is an application's own, and no person's (RFC 9068, section 2.2).
func (q *inquiry) isApplication() bool {
	client := text(q.known["client_id"])
	return client != "" && q.subject() == client
}

// wantsScope is that the token is good, but not for this (RFC 6750, section 3.1).
func (a *answer) wantsScope() bool {
	const code = "insufficient_scope"
	return a.status == http.StatusForbidden &&
		(strings.Contains(a.header.Get("WWW-Authenticate"), code) || strings.Contains(a.failure().Error(), code))
}

// readUserinfo reads claims, or a JWT with them, which some clients are registered for.
func (q *inquiry) readUserinfo(ctx context.Context, a *answer) (claims, error) {
	if a.mediaType() != "application/jwt" {
		said, err := readClaims(a.body)
		if err != nil {
			return said, q.unreachable("userinfo", err)
		}
		return said, nil
	}
	token := strings.TrimSpace(string(a.body))
	h, isJWT := headerOf(token)
	if !isJWT {
		return claims{}, q.unreachable("userinfo", errors.New("it is called a JWT and is none that we can read"))
	}
	said, err := q.signed(ctx, h, token)
	if err != nil {
		return said, q.unreachable("userinfo", fmt.Errorf("%v", err)) // not wrapped: what is refused here is no person
	}
	if said.issuer != q.name || len(said.audience) > 0 && !slices.Contains(said.audience, q.s.ClientID) {
		return said, q.unreachable("userinfo", errors.New("it is signed for somebody else"))
	}
	return said, nil
}
