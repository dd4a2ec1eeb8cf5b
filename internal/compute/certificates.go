package compute

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// certificateLife is how long a certificate made here is valid.
const certificateLife = 10 * 365 * 24 * time.Hour

// completeCertificate gives an x509 key pair its fingerprint, and a certificate if it has none yet.
func completeCertificate(k *cloud.KeyPair) (private string, err error) {
	if k.PublicKey == "" {
		if private, err = generateCertificate(k); err != nil {
			return "", err
		}
	}
	block, _ := pem.Decode([]byte(k.PublicKey))
	if block == nil {
		return "", cloud.Invalidf("key pair", "public_key", "Keypair data is invalid: the certificate is not PEM.")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return "", cloud.Invalidf("key pair", "public_key", "Keypair data is invalid: failed to generate X509 fingerprint.")
	}
	k.Fingerprint = certificateFingerprint(cert)
	return private, nil
}

// certificateFingerprint is SHA-1 because guests look certificates up by it; nothing is trusted for it.
func certificateFingerprint(c *x509.Certificate) string {
	var parts []string
	for _, b := range sha1.Sum(c.Raw) {
		parts = append(parts, fmt.Sprintf("%02x", b))
	}
	return strings.Join(parts, ":")
}

// generateCertificate makes a self-signed certificate for logging in to Windows guests; the user is its subject.
func generateCertificate(k *cloud.KeyPair) (string, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", fmt.Errorf("generate key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return "", fmt.Errorf("generate serial: %w", err)
	}
	now := time.Now().UTC()
	draft := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: string(k.UserID)}, NotBefore: now.Add(-time.Hour),
		NotAfter: now.Add(certificateLife), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, draft, draft, &key.PublicKey, key)
	if err != nil {
		return "", fmt.Errorf("make certificate: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", fmt.Errorf("encode private key: %w", err)
	}
	k.PublicKey = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})), nil
}
