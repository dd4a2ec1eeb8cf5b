package saml

import (
	"context"
	"crypto"
	"errors"
	"time"

	"github.com/nubo-cloud/nubo/internal/saml/xmlsig"
)

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

// Check verifies a message and answers who it says signed in: with POST the form field SAMLResponse (base64), with PAOS the
// body. What must not be believed is a *Refusal; any other error means that it could not be checked. Whoever sent the message
// should be told the same about every refusal: what differs helps to decipher assertions that are not theirs.
//
// The assertion must be signed itself, or the response around it; where both are, both must be right.
func (sp *ServiceProvider) Check(ctx context.Context, raw []byte, e Expectation) (*Person, error) {
	m, err := readMessage(e.Binding, raw)
	if err != nil {
		return nil, err
	}
	if err := checkStatus(m.response); err != nil {
		return nil, err
	}
	assertion, issuer, err := sp.verified(m, e)
	if err != nil {
		return nil, err
	}
	if err := sp.checkResponse(m.response, e); err != nil {
		return nil, err
	}
	person, until, err := sp.readAssertion(assertion, e)
	if err != nil {
		return nil, err
	}
	person.Attributes = attributesOf(assertion, issuer)
	first, err := e.Once(ctx, person.Issuer, person.AssertionID, until)
	if err != nil {
		return nil, err
	}
	if !first {
		return nil, refuse(Replayed, "assertion '%.200s' of %.200s", person.AssertionID, person.Issuer)
	}
	return person, nil
}

// verified is the message's assertion, read from what was signed, and who made it. The message's response is replaced in the same way where
// it is signed.
func (sp *ServiceProvider) verified(m *message, e Expectation) (assertion *xmlsig.Element, by *IdentityProvider, err error) {
	if m.assertion == nil {
		return nil, nil, refuse(NoSubject, "no assertion in the response")
	}
	assertion = m.assertion
	if isSigned(m.response) {
		if m.response, by, err = e.verify(m.response); err != nil {
			return nil, nil, err
		}
		if !isSigned(assertion) {
			assertion = assertionsOf(m.response)[0] // there is one, as there was before
		}
	}
	if assertion.Is(samlSpace, "EncryptedAssertion") {
		if assertion, err = sp.decipher(assertion); err != nil {
			return nil, nil, err
		}
	}
	if named := m.response.One(samlSpace, "Issuer"); named != nil && uriOf(named) != issuerOf(assertion) {
		return nil, nil, refuse(WrongIssuer, "a response of %.200s with an assertion of %.200s", uriOf(named), issuerOf(assertion))
	}
	if isSigned(assertion) {
		return e.verify(assertion)
	}
	if by == nil {
		return nil, nil, refuse(Unsigned, "neither the assertion nor the response")
	}
	return assertion, by, nil
}

// isSigned reports whether there is anything like a signature right in an element.
func isSigned(e *xmlsig.Element) bool { return len(e.All(dsSpace, "Signature")) > 0 }

// verify verifies an element by the keys of its issuer.
func (e Expectation) verify(signed *xmlsig.Element) (*xmlsig.Element, *IdentityProvider, error) {
	issuer := issuerOf(signed)
	idp, err := e.Providers(issuer)
	if errors.Is(err, ErrNoProvider) {
		return nil, nil, refuse(UnknownIssuer, "%.200s", issuer)
	}
	if err != nil {
		return nil, nil, err
	}
	keys := make([]crypto.PublicKey, len(idp.Certificates))
	for i, c := range idp.Certificates {
		keys[i] = c.PublicKey
	}
	verified, err := xmlsig.Verify(signed, keys)
	if err != nil {
		return nil, nil, refusal(err)
	}
	return verified, idp, nil
}

// decipher opens an enciphered assertion.
func (sp *ServiceProvider) decipher(holder *xmlsig.Element) (*xmlsig.Element, error) {
	key, can := sp.Key.(crypto.Decrypter)
	if !can {
		return nil, refuse(Undecipherable, "the service's key cannot decipher")
	}
	assertion, err := xmlsig.Decrypt(holder, key, messageLimits)
	if err != nil {
		return nil, refusal(err)
	}
	if !assertion.Is(samlSpace, "Assertion") {
		return nil, refuse(Undecipherable, "no assertion within")
	}
	return assertion, alone(assertion, assertion)
}

// checkStatus refuses a response that is none.
func checkStatus(response *xmlsig.Element) error {
	status := response.One(protocolSpace, "Status")
	if status == nil {
		return refuse(Malformed, "a response without a status")
	}
	code := status.One(protocolSpace, "StatusCode")
	if code == nil {
		return refuse(Malformed, "a response without a status")
	}
	if code.Attr("Value") == success {
		return nil
	}
	detail := code.Attr("Value")
	if inner := code.One(protocolSpace, "StatusCode"); inner != nil {
		detail += ", " + inner.Attr("Value")
	}
	return refuse(NotSuccess, "%.300s: %.300s", detail, textOf(status.One(protocolSpace, "StatusMessage")))
}

// checkResponse checks what a response says of its way. Unsigned as it may be, it can only refuse: what must be there
// must be there in the assertion.
func (sp *ServiceProvider) checkResponse(response *xmlsig.Element, e Expectation) error {
	if to := response.Attr("Destination"); to != "" && to != sp.consumer(e.Binding) {
		return refuse(WrongRecipient, "the response is for %.200s", to)
	}
	if e.RequestID == "" {
		return refuse(WrongRequest, "nothing was asked")
	}
	if to := response.Attr("InResponseTo"); to != "" && to != e.RequestID {
		return refuse(WrongRequest, "it answers '%.200s'", to)
	}
	return sp.notAhead(response)
}
