// Package samltest is an identity provider for tests, and the federation that it is in. Signatures are made by other code than what
// is proved with them. It is for tests only, and knows nothing of package saml.
package samltest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"sync"
	"testing"
	"time"
)

// IdentityProvider signs people in without asking.
type IdentityProvider struct {
	EntityID    string
	Key         crypto.Signer
	Certificate *x509.Certificate
}

// New makes an identity provider with a key.
func New(t testing.TB, entityID string, key crypto.Signer) *IdentityProvider {
	t.Helper()
	return &IdentityProvider{entityID, key, Certify(t, key)}
}

// Keys that are made once, because that takes long: two good ones, and one that is too short.
var (
	RSA   = sync.OnceValue(func() *rsa.PrivateKey { return newRSA(2048) })
	Other = sync.OnceValue(func() *rsa.PrivateKey { return newRSA(2048) })
	Short = sync.OnceValue(func() *rsa.PrivateKey { return newRSA(1024) })
)

func newRSA(bits int) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err) // it does not fail
	}
	return key
}

// ECDSA makes a key on a curve.
func ECDSA(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	check(t, err)
	return key
}

// Certify makes a certificate for a key, which signs it itself. It is out of date, as those in metadata may be.
func Certify(t testing.TB, key crypto.Signer) *x509.Certificate {
	t.Helper()
	form := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "samltest"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1e9, 0)}
	der, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	check(t, err)
	c, err := x509.ParseCertificate(der)
	check(t, err)
	return c
}

// Metadata describes the identity provider, with one address for both bindings of requests.
func (p *IdentityProvider) Metadata() []byte {
	return fmt.Appendf(nil, `<?xml version="1.0"?>
<!-- of a test -->
<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="%[1]s">
  <IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <Extensions>
      <shibmd:Scope xmlns:shibmd="urn:mace:shibboleth:metadata:1.0" regexp="false">example.org</shibmd:Scope>
      <mdui:UIInfo xmlns:mdui="urn:oasis:names:tc:SAML:metadata:ui">
        <mdui:DisplayName xml:lang="en">The Example</mdui:DisplayName>
        <mdui:DisplayName xml:lang="de">Das Beispiel</mdui:DisplayName>
      </mdui:UIInfo>
    </Extensions>
    <KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>%[2]s</ds:X509Certificate></ds:X509Data></ds:KeyInfo></KeyDescriptor>
    <SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="%[1]s/sso"/>
    <SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="%[1]s/sso"/>
    <SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:SOAP" Location="%[1]s/ecp"/>
  </IDPSSODescriptor>
</EntityDescriptor>`, p.EntityID, base64.StdEncoding.EncodeToString(p.Certificate.Raw))
}
