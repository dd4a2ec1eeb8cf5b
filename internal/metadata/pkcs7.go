package metadata

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
)

// A signed message of PKCS #7 (RFC 2315), as little of it as a verifier needs: the content, one signer, and no attributes, so that the
// signature is of the content itself. Certificates are left out: who verifies has the cloud's.

var (
	oidData       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidSignedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidSHA256     = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidRSA        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
)

type contentInfo struct {
	Type    asn1.ObjectIdentifier
	Content any `asn1:"explicit,tag:0"`
}

type signedData struct {
	Version          int
	DigestAlgorithms []pkix.AlgorithmIdentifier `asn1:"set"`
	Content          contentInfo
	Signers          []signerInfo `asn1:"set"`
}

type signerInfo struct {
	Version            int
	Issuer             issuerAndSerial
	DigestAlgorithm    pkix.AlgorithmIdentifier
	SignatureAlgorithm pkix.AlgorithmIdentifier
	Signature          []byte
}

type issuerAndSerial struct {
	Issuer asn1.RawValue
	Serial *big.Int
}

// signedMessage is content with a signature of it by RSA and SHA-256.
func signedMessage(content, signature []byte, by *x509.Certificate) ([]byte, error) {
	sha := pkix.AlgorithmIdentifier{Algorithm: oidSHA256, Parameters: asn1.NullRawValue}
	rsa := pkix.AlgorithmIdentifier{Algorithm: oidRSA, Parameters: asn1.NullRawValue}
	return asn1.Marshal(contentInfo{oidSignedData, signedData{Version: 1, DigestAlgorithms: []pkix.AlgorithmIdentifier{sha},
		Content: contentInfo{oidData, content},
		Signers: []signerInfo{{Version: 1, Issuer: issuerAndSerial{asn1.RawValue{FullBytes: by.RawIssuer}, by.SerialNumber},
			DigestAlgorithm: sha, SignatureAlgorithm: rsa, Signature: signature}}}})
}
