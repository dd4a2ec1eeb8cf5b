package openid

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"time"
)

// pendingFor is how long a person may take on the issuer's page.
const pendingFor = 10 * time.Minute

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
	i, d, err := c.signIn(ctx, s)
	if err != nil {
		return "", Pending{}, err
	}
	page, err := url.Parse(d.Authorization)
	if err != nil || d.Authorization == "" {
		return "", Pending{}, i.unreachable("sign-in page", errNothingToAsk)
	}
	p := Pending{Issuer: s.Issuer, State: rand.Text(), Nonce: rand.Text(), Verifier: newVerifier(), Begun: c.o.Now()}
	query := page.Query()
	for name, value := range map[string]string{"response_type": "code", "client_id": s.ClientID, "redirect_uri": redirect,
		"scope": strings.Join(s.scopes(), " "), "state": p.State, "nonce": p.Nonce, "code_challenge": challenge(p.Verifier), "code_challenge_method": "S256"} {
		query.Set(name, value)
	}
	page.RawQuery = query.Encode()
	return page.String(), p, nil
}

// signIn is what Begin, Finish and Refresh need: an issuer, and a client that is registered there.
func (c *Client) signIn(ctx context.Context, s Settings) (*issuer, *document, error) {
	i, err := c.issuer(s)
	if err != nil {
		return nil, nil, err
	}
	if s.ClientID == "" {
		return nil, nil, i.unreachable("settings", errors.New("there is no client ID to sign in with"))
	}
	d, err := i.document(ctx)
	return i, d, err
}

// newVerifier is a secret of 52 letters, 256 bits (RFC 7636, section 4.1 wants 43 letters or more).
func newVerifier() string { return rand.Text() + rand.Text() }

func challenge(verifier string) string {
	hash := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(hash[:])
}

// Finish ends a sign-in: answer is the query that the browser came back to redirect with (code and state, or an error). The
// caller drops p, whatever comes of it.
//
// The person's claims are the ID token's, with what userinfo adds when the entitlements are not in it. Expires is when the
// access token ends, if the issuer said so, and else the ID token, which may be good for minutes only.
func (c *Client) Finish(ctx context.Context, s Settings, redirect string, p Pending, answer url.Values) (*Person, error) {
	i, d, err := c.signIn(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := i.checkAnswer(d, p, answer); err != nil {
		return nil, err
	}
	got, err := c.grant(ctx, s, d, url.Values{"grant_type": {"authorization_code"}, "code": {answer.Get("code")},
		"redirect_uri": {redirect}, "code_verifier": {p.Verifier}})
	if err != nil {
		return nil, i.grantFailed(err)
	}
	if got.ID == "" {
		return nil, i.unreachable("token", errors.New("there is no ID token; was scope openid asked for?"))
	}
	said, err := i.identify(ctx, s, got)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare([]byte(text(said.all["nonce"])), []byte(p.Nonce)) != 1 {
		return nil, i.refuse(WrongNonce, "the ID token is of another sign-in")
	}
	return i.describe(ctx, s, got, said, false)
}

// checkAnswer proves that the answer is to what this browser asked, and the asked issuer's (RFC 9207).
func (i *issuer) checkAnswer(d *document, p Pending, answer url.Values) error {
	from := answer.Get("iss")
	switch {
	case p.Issuer != i.name:
		return i.refuse(WrongIssuer, "the sign-in began at '%.200s'", p.Issuer)
	case p.State == "" || subtle.ConstantTimeCompare([]byte(answer.Get("state")), []byte(p.State)) != 1:
		return i.refuse(WrongState, "this browser did not begin the sign-in that ends here")
	case i.c.o.Now().Sub(p.Begun) > pendingFor:
		return i.refuse(WrongState, "the sign-in began at %s", p.Begun.UTC().Format(time.RFC3339))
	case from != "" && from != i.name, from == "" && d.IssuerInAnswer:
		return i.refuse(WrongIssuer, "the answer is of '%.200s'", from)
	case answer.Has("error"):
		return i.refuse(Denied, "%.80q %.200q", answer.Get("error"), answer.Get("error_description"))
	case answer.Get("code") == "":
		return i.refuse(Malformed, "there is no code")
	}
	return nil
}

// grantFailed tells a person who is refused from a client that is, and from an issuer that has trouble.
func (i *issuer) grantFailed(err error) error {
	var no *grantError
	if errors.As(err, &no) && (no.Code == "invalid_grant" || no.Code == "access_denied") {
		return i.refuse(Inactive, "%v", no)
	}
	return i.unreachable("token", err)
}

// describe puts together what the issuer says of somebody who signed in. now asks it in any case.
func (i *issuer) describe(ctx context.Context, s Settings, got *tokens, said claims, now bool) (*Person, error) {
	q := i.inquire(s, got.Access)
	q.vouched = true // it gave us these tokens itself
	if err := q.learn(said, true); err != nil {
		return nil, err
	}
	if got.Access != "" {
		if err := q.complete(ctx, now); err != nil {
			return nil, err
		}
	}
	p, err := q.person()
	if err != nil {
		return nil, err
	}
	if ends := got.ends(i.c.o.Now()); !ends.IsZero() {
		p.Expires = ends
	}
	p.RefreshToken = got.Refresh
	return p, nil
}
