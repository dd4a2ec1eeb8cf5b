// Package xmlsig reads XML as strictly as signed messages need it, writes its canonical form, verifies and makes enveloped
// signatures, and deciphers elements. It knows XML's recommendations and nothing of SAML. Package saml calls it.
//
// One Scanner reads everything, and the canonical form is written from what it read: there is no second parser that could
// see another document. What it does not read, it refuses: document types, processing instructions, encodings other than
// UTF-8, names beyond ASCII, undeclared prefixes; and comments, unless its caller wants them skipped.
//
//	bytes -> Scanner -> Token -> Element        (messages: Parse)
//	            |          \---> canonical form -> digest
//	            \-> SignedScanner               (feeds: verified while they stream)
//
// Only exclusive canonicalization, SHA-2 and RSA or ECDSA keys of decent length are known. A signature covers the element that
// it stands in, and nothing else; keys come from the caller, never from the message.
//
// Sources: https://www.w3.org/TR/xml/, https://www.w3.org/TR/xml-names/, https://www.w3.org/TR/xml-exc-c14n/,
// https://www.w3.org/TR/xmldsig-core1/, https://www.w3.org/TR/xmlenc-core1/.
package xmlsig
