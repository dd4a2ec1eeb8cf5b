package openid

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// inquiry is finding out about one access token. Sources are asked one after the other, each only if it is needed, and what they say
// is put together.
type inquiry struct {
	*issuer
	s     Settings
	token string

	known   map[string]json.RawMessage
	expires time.Time
	vouched bool // by a signature or by the issuer, asked
	asked   bool // by introspection
}

func (i *issuer) inquire(s Settings, token string) *inquiry {
	return &inquiry{issuer: i, s: s, token: token, known: map[string]json.RawMessage{}}
}

// bearer is the whole of it for a token that a stranger brought. now asks the issuer in any case.
func (q *inquiry) bearer(ctx context.Context, now bool) (*Person, error) {
	h, isJWT := headerOf(q.token)
	if isJWT {
		if err := q.readSigned(ctx, h); err != nil {
			return nil, err
		}
	}
	if q.s.Introspect || (now || !isJWT) && q.mayIntrospect(ctx) {
		if err := q.introspect(ctx); err != nil {
			return nil, err
		}
	}
	if err := q.complete(ctx, now && !q.asked); err != nil {
		return nil, err
	}
	return q.person()
}

func (q *inquiry) readSigned(ctx context.Context, h header) error {
	said, err := q.signed(ctx, h, q.token)
	if err != nil {
		return err
	}
	if err := q.checkSigned(said); err != nil {
		return err
	}
	if err := q.checkAccess(q.s, h, said); err != nil {
		return err
	}
	q.vouched = true
	return q.learn(said, true)
}

// complete asks userinfo, and introspection after it, for what is still missing: who it is, and the entitlements. now asks userinfo in any case.
func (q *inquiry) complete(ctx context.Context, now bool) error {
	if q.whole() && !now {
		return nil
	}
	d, err := q.document(ctx)
	if err != nil {
		return err
	}
	if d.UserInfo != "" {
		if err := q.userinfo(ctx, d); err != nil {
			return err
		}
	}
	if !q.whole() && !q.asked && q.mayIntrospect(ctx) {
		return q.introspect(ctx)
	}
	return nil
}

func (q *inquiry) whole() bool {
	return q.vouched && q.subject() != "" && claims{all: q.known}.entitled()
}

func (q *inquiry) subject() string { return text(q.known["sub"]) }

// person is the end: somebody vouched for the token and named a person.
func (q *inquiry) person() (*Person, error) {
	if !q.vouched {
		return nil, q.unreachable("token", errNothingToAsk)
	}
	if q.subject() == "" {
		return nil, q.refuse(WrongSubject, "nothing says whose it is")
	}
	issuer, err := json.Marshal(q.name)
	if err != nil {
		return nil, q.unreachable("settings", err)
	}
	q.known["iss"] = issuer
	return &Person{Claims: q.known, Expires: q.expires}, nil
}

// ofTheToken are claims about a token. Another source's are about something else: its own answer.
var ofTheToken = []string{"iss", "sub", "aud", "azp", "client_id", "exp", "nbf", "iat", "jti", "typ", "nonce", "auth_time", "acr", "amr"}

// learn adds what a source says. The later source wins, since it speaks of now; but what was known of the token stays, and all sources must speak of one
// person. ofToken is that the source describes the token, and not only the person.
func (q *inquiry) learn(said claims, ofToken bool) error {
	if known := q.subject(); known != "" && said.subject != "" && said.subject != known {
		return q.refuse(WrongSubject, "it was '%.100s'; now the issuer speaks of '%.100s'", known, said.subject)
	}
	for name, value := range said.all {
		about := slices.Contains(ofTheToken, name)
		if _, have := q.known[name]; about && (have || !ofToken && name != "sub") {
			continue
		}
		q.known[name] = value
	}
	if ofToken && !said.expires.IsZero() && (q.expires.IsZero() || said.expires.Before(q.expires)) {
		q.expires = said.expires
	}
	return nil
}

// mayIntrospect says whether the issuer can be asked about tokens. If it cannot be found out, it is no.
func (q *inquiry) mayIntrospect(ctx context.Context) bool {
	if !q.s.mayIntrospect() {
		return false
	}
	if q.s.IntrospectionEndpoint != "" {
		return true
	}
	d, err := q.document(ctx)
	return err == nil && d.Introspection != ""
}

// introspect asks whether the token is good, and what is known of it (RFC 7662).
func (q *inquiry) introspect(ctx context.Context) error {
	said, err := q.askIntrospection(ctx)
	if err != nil {
		return err
	}
	q.asked = true
	var active bool
	if json.Unmarshal(said.all["active"], &active) != nil || !active {
		return q.refuse(Inactive, "the issuer, asked about the token, says that it is not active")
	}
	if err := q.checkIntrospected(said); err != nil {
		return err
	}
	said.all = maps.Clone(said.all)
	delete(said.all, "active")
	q.vouched = true
	return q.learn(said, true)
}

func (q *inquiry) checkIntrospected(said claims) error {
	if said.issuer != "" && said.issuer != q.name {
		return q.refuse(WrongIssuer, "the issuer, asked about the token, says that it is of '%.200s'", said.issuer)
	}
	if !isNull(said.all["cnf"]) {
		return q.refuse(WrongKind, "it is bound to a key that its bearer does not show")
	}
	if err := q.checkTimes(said); err != nil {
		return err
	}
	if q.vouched { // its own claims were checked
		return nil
	}
	return q.checkParties(q.s, said, true)
}

func (q *inquiry) askIntrospection(ctx context.Context) (claims, error) {
	to, methods := q.s.IntrospectionEndpoint, []string(nil)
	if d, err := q.document(ctx); err == nil {
		to, methods = cmp.Or(to, d.Introspection), d.introspectionAuth()
	} else if to == "" {
		return claims{}, err
	}
	if to == "" {
		return claims{}, q.unreachable("introspection", errNothingToAsk)
	}
	a, err := q.c.postForm(ctx, q.s, to, methods, url.Values{"token": {q.token}, "token_type_hint": {"access_token"}})
	if err != nil {
		return claims{}, q.unreachable("introspection", err)
	}
	if a.status != http.StatusOK { // also 401: it is our client that is refused, and not the token
		return claims{}, q.unreachable("introspection", a.failure())
	}
	said, err := readClaims(a.body)
	if err != nil {
		return claims{}, q.unreachable("introspection", err)
	}
	return said, nil
}
