package saml

import (
	"errors"
	"fmt"

	"github.com/nubo-cloud/nubo/internal/saml/xmlsig"
)

// Reason says in one word or two why a message was refused.
type Reason string

// Reasons for refusing a message. They are for the log: who sent it learns no more than that it was refused.
const (
	Malformed         Reason = "malformed"          // not XML, or not in the shape of SAML
	TooLarge          Reason = "too large"          // more bytes, depth or attributes than any honest message has
	HasDTD            Reason = "DTD"                // a document type, and with it entities
	HasComment        Reason = "comment"            // a comment or processing instruction, which readers cut texts at
	Unsigned          Reason = "unsigned"           // neither the assertion nor the response around it is signed
	WrongSigner       Reason = "wrong signer"       // no key of the issuer's metadata made the signature
	Altered           Reason = "altered"            // what the signature covers is not what was signed
	Wrapped           Reason = "wrapped"            // what is signed is not where the protocol has it
	SeveralAssertions Reason = "several assertions" // only one can be who signs in
	WeakAlgorithm     Reason = "weak algorithm"     // SHA-1, short keys and the like
	Undecipherable    Reason = "undecipherable"     // not enciphered for our key, or damaged
	UnknownIssuer     Reason = "unknown issuer"     // no metadata
	WrongIssuer       Reason = "wrong issuer"       // the response names another one than the assertion
	NotSuccess        Reason = "not success"        // the identity provider did not sign the person in
	WrongAudience     Reason = "wrong audience"     // meant for another service
	WrongRecipient    Reason = "wrong recipient"    // meant for another URL
	WrongRequest      Reason = "wrong InResponseTo" // no answer to the request that we made
	NotYetValid       Reason = "not yet valid"      //
	Expired           Reason = "expired"            //
	Replayed          Reason = "replayed"           // seen before
	UnknownCondition  Reason = "unknown condition"  // one that must be understood to be met
	NoSubject         Reason = "no subject"         // says nothing of anybody, or not for its bearer
	NoAuthentication  Reason = "no authentication"  // does not say that anybody signed in
)

// Refusal is the error for a message that must not be believed, in contrast to one that could not be checked.
type Refusal struct {
	Reason Reason
	Detail string // for the log; quotes the message
}

func (r *Refusal) Error() string {
	if r.Detail == "" {
		return "SAML message refused: " + string(r.Reason)
	}
	return "SAML message refused: " + string(r.Reason) + ": " + r.Detail
}

func refuse(reason Reason, format string, args ...any) error {
	return &Refusal{reason, fmt.Sprintf(format, args...)}
}

// faults are the reasons for what is wrong with a message as XML.
var faults = []struct {
	fault  error
	reason Reason
}{
	{xmlsig.ErrTooLarge, TooLarge},
	{xmlsig.ErrDTD, HasDTD},
	{xmlsig.ErrComment, HasComment},
	{xmlsig.ErrUnsigned, Unsigned},
	{xmlsig.ErrSigner, WrongSigner},
	{xmlsig.ErrAltered, Altered},
	{xmlsig.ErrMisplaced, Wrapped},
	{xmlsig.ErrAlgorithm, WeakAlgorithm},
	{xmlsig.ErrUndecipherable, Undecipherable},
}

// refusal is the refusal of a message that package xmlsig found at fault.
func refusal(err error) error {
	for _, f := range faults {
		if errors.Is(err, f.fault) {
			return &Refusal{f.reason, err.Error()}
		}
	}
	return &Refusal{Malformed, err.Error()}
}
