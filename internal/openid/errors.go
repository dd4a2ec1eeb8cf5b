package openid

import (
	"fmt"
)

// Reason is why a token or a person is refused. It is for programs; a Refusal's text is for the log.
type Reason string

const (
	Malformed    Reason = "malformed"      // no token at all, or claims that do not read
	BadAlgorithm Reason = "bad algorithm"  // none, a shared secret, or anything else that proves nothing
	UnknownKey   Reason = "unknown key"    // signed with a key that is none of the issuer's
	BadSignature Reason = "bad signature"  // the issuer's key did not sign this
	WrongIssuer  Reason = "wrong issuer"   // somebody else's token, or none's
	WrongParty   Reason = "wrong audience" // a token for somebody else
	WrongKind    Reason = "wrong kind"     // an ID token or a logout token in an access token's place
	Expired      Reason = "expired"
	NotYetValid  Reason = "not yet valid"
	Inactive     Reason = "inactive"      // the issuer does not, or no longer, stand by it
	WrongSubject Reason = "wrong subject" // the issuer speaks of two persons, or of nobody
	WrongNonce   Reason = "wrong nonce"
	WrongState   Reason = "wrong state" // an answer to no question of this browser, or to one asked too long ago
	Denied       Reason = "denied"      // the person or the issuer said no on the issuer's page
)

// Refusal is that a token, or the person behind it, is not acceptable. Whoever brought it must get no more than "no"; the
// text is for the log, and holds no part of the token that is secret.
type Refusal struct {
	Issuer string
	Reason Reason
	Detail string
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("%s refused: %s: %s", r.Issuer, r.Reason, r.Detail)
}

// Unreachable is that the provider is down, slow, lying or registered wrongly. It says nothing about the person: who is
// signed in stays so, and may try again later.
type Unreachable struct {
	Issuer string
	Doing  string // what was tried: "discovery", "keys", "introspection", "userinfo", "token", ...
	Cause  error
}

func (u *Unreachable) Error() string {
	return fmt.Sprintf("%s: %s: %v", u.Issuer, u.Doing, u.Cause)
}

func (u *Unreachable) Unwrap() error { return u.Cause }
