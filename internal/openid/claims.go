package openid

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// skew is how far an issuer's clock may be ahead of ours. It is for nbf and iat; a token is dead at its exp by our clock, since
// what stands on it would outlive it otherwise.
const skew = 60 * time.Second

// entitlementClaims carry the groups of a person: the name of eduPerson, and its successor (AARC-G069).
var entitlementClaims = []string{"eduperson_entitlement", "entitlements"}

// claims are what was said of somebody, and what we read of it. Names are compared letter by letter: Iss is not iss.
type claims struct {
	all                        map[string]json.RawMessage
	issuer, subject            string
	audience                   []string
	client                     string // azp or client_id: whom it was issued to
	expires, notBefore, issued time.Time
}

// readClaims reads a JSON object. What has a name that means something must have its form.
func readClaims(object []byte) (claims, error) {
	var c claims
	if err := json.Unmarshal(object, &c.all); err != nil {
		return c, errors.New("the claims are no JSON object")
	}
	if c.all == nil {
		return c, errors.New("there are no claims")
	}
	c.issuer, c.subject = text(c.all["iss"]), text(c.all["sub"])
	c.client = text(c.all["azp"])
	if c.client == "" {
		c.client = text(c.all["client_id"])
	}
	var err error
	if c.audience, err = texts(c.all["aud"]); err != nil {
		return c, err
	}
	for name, into := range map[string]*time.Time{"exp": &c.expires, "nbf": &c.notBefore, "iat": &c.issued} {
		if *into, err = numericDate(name, c.all[name]); err != nil {
			return c, err
		}
	}
	return c, nil
}

// texts is one text or a list of them.
func texts(raw json.RawMessage) ([]string, error) {
	if isNull(raw) {
		return nil, nil
	}
	var list []string
	if json.Unmarshal(raw, &list) == nil {
		return list, nil
	}
	var one string
	if json.Unmarshal(raw, &one) != nil {
		return nil, errors.New("claim 'aud' is neither a text nor a list of texts")
	}
	return []string{one}, nil
}

// lastSecond is the end of the year 9999, beyond which times are not written.
const lastSecond = 253402300799

// numericDate is in seconds since 1970, perhaps with a fraction. None is the zero time.
func numericDate(name string, raw json.RawMessage) (time.Time, error) {
	if isNull(raw) {
		return time.Time{}, nil
	}
	var seconds float64
	if err := json.Unmarshal(raw, &seconds); err != nil || seconds < 0 || seconds > lastSecond {
		return time.Time{}, fmt.Errorf("claim '%s' is no time", name)
	}
	return time.Unix(int64(seconds), 0), nil
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || bytes.Equal(raw, []byte("null")) }

// parties are those whom the token is for.
func (c claims) parties() []string {
	if c.client == "" {
		return c.audience
	}
	return append(slices.Clone(c.audience), c.client)
}

func (c claims) entitled() bool {
	return slices.ContainsFunc(entitlementClaims, func(name string) bool { return !isNull(c.all[name]) })
}

// checkTimes is for every token, and for what introspection says of one, where exp is not demanded.
func (i *issuer) checkTimes(c claims) error {
	now := i.c.o.Now()
	switch {
	case !c.expires.IsZero() && !now.Before(c.expires):
		return i.refuse(Expired, "it ended at %s", c.expires.UTC().Format(time.RFC3339))
	case c.notBefore.After(now.Add(skew)):
		return i.refuse(NotYetValid, "it begins at %s", c.notBefore.UTC().Format(time.RFC3339))
	case c.issued.After(now.Add(skew)):
		return i.refuse(NotYetValid, "it says that it was issued at %s", c.issued.UTC().Format(time.RFC3339))
	}
	return nil
}

// checkSigned is what every JWT of the issuer must say.
func (i *issuer) checkSigned(c claims) error {
	if c.issuer != i.name {
		return i.refuse(WrongIssuer, "it says that it is of '%.200s'", c.issuer)
	}
	if c.expires.IsZero() {
		return i.refuse(Malformed, "it does not say when it ends")
	}
	return i.checkTimes(c)
}

// looksLikeIdentity is for ID tokens without at_hash. Some access tokens have a nonce, too; those say what they are good for, or whose they are.
func (c claims) looksLikeIdentity() bool {
	return !isNull(c.all["nonce"]) && isNull(c.all["scope"]) && isNull(c.all["scp"]) && isNull(c.all["client_id"])
}

// otherKinds are what Keycloak writes into JWTs that are no access tokens, all signed with the same keys.
var otherKinds = []string{"ID", "Refresh", "Offline", "Logout"}

// otherClaims are those of ID tokens, of logout tokens and other events, and of tokens bound to a key that their bearer does not show.
var otherClaims = []string{"at_hash", "c_hash", "events", "cnf"}

// checkAccess is what a JWT must say, besides, that is brought as an access token.
func (i *issuer) checkAccess(s Settings, h header, c claims) error {
	if !h.isAccessToken() {
		return i.refuse(WrongKind, "its type is '%.80s'", h.Type)
	}
	if kind := text(c.all["typ"]); slices.Contains(otherKinds, kind) {
		return i.refuse(WrongKind, "it is of the kind '%s'", kind)
	}
	for _, name := range otherClaims {
		if !isNull(c.all[name]) {
			return i.refuse(WrongKind, "no access token that a stranger may bring has the claim '%s'", name)
		}
	}
	if c.looksLikeIdentity() {
		return i.refuse(WrongKind, "it is an ID token: it answers a sign-in (nonce), and grants nothing (scope)")
	}
	return i.checkParties(s, c, s.Introspect)
}

func (i *issuer) checkParties(s Settings, c claims, asked bool) error {
	if !s.accepts(c.parties(), asked) {
		return i.refuse(WrongParty, "it is for %.400q", c.parties())
	}
	return nil
}
