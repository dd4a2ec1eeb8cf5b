// Package openid is a relying party of OpenID Connect, for many issuers at once: it finds out what an issuer says of whoever
// brings an access token (Bearer), comes back from the issuer's sign-in page (Begin, Finish) or signed in some time ago
// (Refresh, Look), and signs in a person at a terminal (Device).
//
//	token ──► Bearer ──► results kept? ──► keys kept? ──► signature, iss, exp, aud ──► entitlements there? ──► Person
//	                        one minute        │                                            │ no
//	                                          └── issuer: discovery, keys                  └── issuer: introspection, userinfo
//
// It is a library: it knows no user, project or role, and nothing of what an operator registered but the Settings handed to
// it with each call. Package identity's callers make of a Person what a mapping says.
//
// An issuer that is down, slow or lying harms nobody else: what is kept of it goes on being used, what is fetched is
// fetched once for all who wait, and no lock is held meanwhile. Every error is a *Refusal, which is about the person or the
// token, or an *Unreachable, which is about the provider.
//
// What is knowingly absent: keys and endpoints without discovery, encrypted tokens (they are asked about like opaque ones), client
// authentication other than by secret, tokens bound to a key of the client (DPoP, mutual TLS), logout.
//
// Sources: OpenID Connect Core and Discovery 1.0, RFC 6750 (bearer tokens), 7519 and 8725 (JWT), 7636 (PKCE), 7662
// (introspection), 8628 (devices), 9068 (access tokens that are JWTs), 9207 (issuer in the answer).
package openid
