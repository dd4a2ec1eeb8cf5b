package saml

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"time"
)

var errNotBuilt = errors.New("saml: not built yet")

// Metadata is the EntityDescriptor to give to identity providers and federations.
func (sp *ServiceProvider) Metadata() ([]byte, error) { return nil, errNotBuilt }

// Request asks an identity provider to sign somebody in. With Form nil the browser is redirected to URL; else it posts the
// fields of Form there (with html/template's escaping, by a form that submits itself).
type Request struct {
	ID   string // to be remembered: Expectation.RequestID
	URL  string
	Form map[string]string
}

// AuthnRequest makes a signed request that travels to the identity provider by Redirect or POST; relay comes back with the
// answer, in the form field RelayState, and should name no more than where the caller keeps what it remembers (80 bytes at most).
func (sp *ServiceProvider) AuthnRequest(idp *IdentityProvider, by Binding, relay string) (*Request, error) {
	return nil, errNotBuilt
}

// PAOSRequest is the envelope that a client at a terminal carries to an identity provider of its choice. It is sent with
// the content type PAOSType; relay comes back in the answer's envelope: see Peek.
func (sp *ServiceProvider) PAOSRequest(relay string) (id string, envelope []byte, err error) {
	return "", nil, errNotBuilt
}

// PAOSType is the content type of envelopes, exactly.
const PAOSType = "application/vnd.paos+xml"

// Claim is what a message says of itself. Nothing of it is verified: it serves to find what was remembered of the request.
type Claim struct {
	Issuer       string
	InResponseTo string
	RelayState   string // of an envelope; with POST it is a form field
}

// Peek reads what a message claims. A message that Check would find malformed is refused here in the same way.
func Peek(by Binding, message []byte) (Claim, error) { return Claim{}, errNotBuilt }

// Expectation is what the caller knows of the message it expects.
type Expectation struct {
	Binding   Binding // POST or PAOS
	RequestID string  // of the request that it must answer; empty refuses everything: nothing comes unasked

	// Providers finds the metadata of an issuer; ErrNoProvider where there is none.
	Providers func(entityID string) (*IdentityProvider, error)

	// Once reports whether an assertion is seen for the first time, and remembers it until then. It must be one
	// act, for all processes that serve this entity id.
	Once func(ctx context.Context, issuer, assertionID string, until time.Time) (bool, error)
}

// ErrNoProvider says that an entity id has no metadata here.
var ErrNoProvider = errors.New("there is no metadata of this identity provider")

// Person is who signed in, in the identity provider's words.
type Person struct {
	Issuer       string
	AssertionID  string
	NameID       string // empty where the identity provider names nobody
	NameIDFormat string
	Attributes   map[string][]string // by Name, and by the FriendlyName or the usual name too
	SignedIn     time.Time           // when the identity provider saw the person
	SessionEnds  time.Time           // zero where it says nothing
}

// Check verifies a message and answers who it says signed in: with POST the form field SAMLResponse (base64), with PAOS the
// body. What must not be believed is a *Refusal; any other error means that it could not be checked.
func (sp *ServiceProvider) Check(ctx context.Context, message []byte, e Expectation) (*Person, error) {
	return nil, errNotBuilt
}

// Assertion writes a person as the attributes that mapping files name. An attribute x is there as "x" and as "MELLON_x";
// several values become one text, joined by ";", which rules take apart again. The issuer is there as Shib-Identity-Provider and
// MELLON_IDP, the name id as REMOTE_USER and MELLON_NAME_ID; no attribute can take their place.
func (p *Person) Assertion() map[string]string { return nil }

// IdentityProvider is an identity provider's metadata, as far as a service provider uses it.
type IdentityProvider struct {
	EntityID              string
	SSO                   map[Binding]string  // where requests go: Redirect, POST
	Certificates          []*x509.Certificate // that sign; only their keys count, as SAML has it: no chain, no dates
	Names                 map[string]string   // to show, by language
	Scopes                []string            // the domains that it speaks for
	RegistrationAuthority string
	Hidden                bool      // from pages where people pick their home organisation
	ValidUntil            time.Time // zero: for ever
}

// Name is the name to show: in the first of the languages that it has one in, else in English, else any, else the entity id.
func (p *IdentityProvider) Name(languages ...string) string { return p.EntityID }

// ParseIdentityProvider reads the metadata of one identity provider, which the caller trusts: no signature is looked at. An
// EntitiesDescriptor will do where one identity provider is in it.
func ParseIdentityProvider(metadata []byte) (*IdentityProvider, error) { return nil, errNotBuilt }

// ReadFeed reads a federation's feed as a stream, verifies that signer signed all of it and that it is valid now, and writes
// the identity providers in it to a file, which replaces what was there at once. Nothing is written of a feed that fails.
func ReadFeed(feed io.Reader, signer *x509.Certificate, now time.Time, path string) (*Index, error) {
	return nil, errNotBuilt
}

// OpenIndex opens what ReadFeed wrote, without verifying the feed again. It fails where the file is damaged or written for
// another signer; whether it is still valid is asked at each look-up.
func OpenIndex(path string, signer *x509.Certificate, now func() time.Time) (*Index, error) {
	return nil, errNotBuilt
}

// Index finds identity providers of a feed. It may be used by many at once.
type Index struct{}

// Close releases the file.
func (x *Index) Close() error { return nil }

// Len is the number of identity providers.
func (x *Index) Len() int { return 0 }

// SHA256 is the hash of the feed's bytes, in hexadecimal digits: a feed with this hash need not be read again.
func (x *Index) SHA256() string { return "" }

// ValidUntil is when the feed stops being valid.
func (x *Index) ValidUntil() time.Time { return time.Time{} }

// IdentityProvider reads the metadata of one; ErrNoProvider where the feed has none or it is no longer valid.
func (x *Index) IdentityProvider(entityID string) (*IdentityProvider, error) { return nil, errNotBuilt }

// Home is a home organisation to choose.
type Home struct {
	EntityID string
	Name     string
	Scopes   []string
}

// Search finds up to limit home organisations, hidden ones left out, by a part of a name in any language, a scope or the entity id; those
// that begin with the text come first. An empty text finds the first ones by name.
func (x *Index) Search(text string, limit int) []Home { return nil }
