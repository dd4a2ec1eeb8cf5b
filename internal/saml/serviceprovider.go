package saml

import (
	"crypto"
	"crypto/x509"
	"time"
)

// Binding is a way in which a message travels.
type Binding string

// The bindings in use here.
const (
	Redirect Binding = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" // requests in a URL's query
	POST     Binding = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"     // a form that the browser posts
	PAOS     Binding = "urn:oasis:names:tc:SAML:2.0:bindings:PAOS"          // an envelope that a client carries
)

// ServiceProvider is this cloud, as its identity providers know it. It is not changed by its methods, which may be called
// by many at once.
type ServiceProvider struct {
	EntityID string // its name, a URL by habit
	ACS      string // the URL that browsers post responses to
	PAOS     string // the URL that clients post envelopes to

	// Key signs requests and, where it can decrypt, deciphers assertions: RSA with 2048 bits or more for both, or ECDSA for
	// signing alone. Certificate carries its public half to identity providers, who look at nothing else in it.
	Key         crypto.Signer
	Certificate *x509.Certificate

	Now func() time.Time // time.Now where it is nil
}

func (sp *ServiceProvider) now() time.Time {
	if sp.Now != nil {
		return sp.Now()
	}
	return time.Now()
}

// consumer is the URL that answers by a binding come to.
func (sp *ServiceProvider) consumer(by Binding) string {
	if by == PAOS {
		return sp.PAOS
	}
	return sp.ACS
}
