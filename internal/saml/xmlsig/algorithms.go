package xmlsig

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha256" // crypto.SHA256
	_ "crypto/sha512" // crypto.SHA384, crypto.SHA512
	"encoding/base64"
	"math/big"
	"strings"
)

// Namespaces and algorithms. SHA-1 is absent from what signs: what it signed can be forged.
const (
	dsSpace   = "http://www.w3.org/2000/09/xmldsig#"
	excC14N   = "http://www.w3.org/2001/10/xml-exc-c14n#"
	enveloped = dsSpace + "enveloped-signature"

	moreSpace = "http://www.w3.org/2001/04/xmldsig-more#"
)

var digests = map[string]crypto.Hash{
	encSpace + "sha256":  crypto.SHA256,
	moreSpace + "sha384": crypto.SHA384,
	encSpace + "sha512":  crypto.SHA512,
}

// method is how a signature is made.
type method struct {
	hash     crypto.Hash
	elliptic bool
}

var methods = map[string]method{
	moreSpace + "rsa-sha256":   {crypto.SHA256, false},
	moreSpace + "rsa-sha384":   {crypto.SHA384, false},
	moreSpace + "rsa-sha512":   {crypto.SHA512, false},
	moreSpace + "ecdsa-sha256": {crypto.SHA256, true},
	moreSpace + "ecdsa-sha384": {crypto.SHA384, true},
	moreSpace + "ecdsa-sha512": {crypto.SHA512, true},
}

const rsaBitsMin = 2048

// strong reports whether a key is worth a signature.
func strong(key crypto.PublicKey) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return k.N.BitLen() >= rsaBitsMin
	case *ecdsa.PublicKey:
		return k.Curve == elliptic.P256() || k.Curve == elliptic.P384() || k.Curve == elliptic.P521()
	}
	return false
}

// verify reports whether key made a signature of a digest.
func (m method) verify(key crypto.PublicKey, digest, value []byte) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return !m.elliptic && rsa.VerifyPKCS1v15(k, m.hash, digest, value) == nil
	case *ecdsa.PublicKey:
		half := len(value) / 2
		r, s := new(big.Int).SetBytes(value[:half]), new(big.Int).SetBytes(value[half:])
		return m.elliptic && len(value)%2 == 0 && ecdsa.Verify(k, digest, r, s)
	}
	return false
}

// digest is the hash of bytes.
func digest(h crypto.Hash, data []byte) []byte {
	sum := h.New()
	sum.Write(data)
	return sum.Sum(nil)
}

// decode reads base64 that may be broken into lines.
func decode(text string) ([]byte, error) {
	return base64.StdEncoding.Strict().DecodeString(strings.Join(strings.Fields(text), ""))
}
