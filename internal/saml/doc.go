// Package saml is a SAML 2.0 service provider: it describes this cloud to identity providers, asks them to sign a person
// in, and reads what they answer, by the browser (redirect and POST bindings) or by a client at a terminal (PAOS, "ECP").
// It reads the metadata of identity providers too, one by one or from the signed feed of a federation.
//
//	Metadata ------------------------------> the federation's operator
//	AuthnRequest, PAOSRequest -------------> browser or client -> identity provider
//	Check    <- browser or client <--------- identity provider
//	  |  1. bounded and plain XML (xmlsig), of the one shape that the protocol gives it
//	  |  2. deciphered where it is enciphered
//	  |  3. signed by a key of the issuer's metadata
//	  |  4. read again, from the bytes that were signed and nothing else
//	  v  5. for us, now, for a request of ours, for the first time
//	Person -> Attributes -> the mapping's rules
//
//	ReadFeed (once, streamed, verified) -> a file -> OpenIndex -> IdentityProvider, Search
//
// An identity provider of a feed is one of thousands that the federation vouches for, and may not speak for another: of attributes
// with a scope it may make those of its own domains only. What has no scope (a name id, mail) means something beside its issuer only.
//
// It knows no user, project or role and keeps nothing but a feed's index: which requests are open and which assertions
// were seen is the caller's to remember. It fetches nothing. Nothing is safe by being left out: what a message does not
// say (audience, recipient, times, the request) refuses it.
//
// Knowingly absent: logout, artifacts, responses that nobody asked for, SHA-1 and RSA PKCS #1 v1.5 encryption.
//
// Sources: saml-core-2.0-os, saml-bindings-2.0-os, saml-profiles-2.0-os, saml-metadata-2.0-os, saml-ecp-v2.0,
// sstc-saml-metadata-ui-v1.0, saml-metadata-rpi-v1.0.
package saml
