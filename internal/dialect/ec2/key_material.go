package ec2

import (
	"crypto"
	"crypto/ed25519"
	"crypto/md5" // the protocol's fingerprints
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" // the same
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// publicKey is a key as it is kept: the line for authorized_keys and the fingerprint that clients of this protocol compare.
type publicKey struct{ line, fingerprint string }

// rsaBits is the length of the keys that are made.
const rsaBits = 2048

// makeKey makes a key pair of a type; the second answer is the private half in PEM.
func makeKey(kind string) (publicKey, string, error) {
	switch kind {
	case "", "rsa":
		return makeRSA()
	case "ed25519":
		return makeEd25519()
	}
	return publicKey{}, "", invalidParameter("Invalid value '%s' for keyType: it is rsa or ed25519.", kind)
}

// makeRSA's fingerprint is the SHA-1 of the private key, as for keys that the service made.
func makeRSA() (publicKey, string, error) {
	key, err := rsa.GenerateKey(rand.Reader, rsaBits)
	if err != nil {
		return publicKey{}, "", err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return publicKey{}, "", err
	}
	line, err := authorizedLine(key.Public())
	sum := sha1.Sum(private)
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	return publicKey{line, colons(sum[:])}, string(text), err
}

func makeEd25519() (publicKey, string, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return publicKey{}, "", err
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		return publicKey{}, "", err
	}
	line, err := authorizedLine(public)
	if err != nil {
		return publicKey{}, "", err
	}
	key, err := readKey(line)
	return key, string(pem.EncodeToMemory(block)), err
}

func authorizedLine(key crypto.PublicKey) (string, error) {
	k, err := ssh.NewPublicKey(key)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k))), nil
}

// readKey reads a line that somebody sent. The fingerprint of an RSA key is the MD5 of the public key, as for keys that were
// imported; of an Ed25519 key it is the SHA-256 in base 64.
func readKey(line string) (publicKey, error) {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return publicKey{}, bad("InvalidKey.Format", "Key is not in valid OpenSSH public key format")
	}
	if key.Type() == ssh.KeyAlgoED25519 {
		sum := sha256.Sum256(key.Marshal())
		return publicKey{line, base64.StdEncoding.EncodeToString(sum[:])}, nil
	}
	if key.Type() != ssh.KeyAlgoRSA {
		return publicKey{}, bad("InvalidKey.Format", "Keys of the type %s are not taken: use RSA or ED25519.", key.Type())
	}
	der, err := x509.MarshalPKIXPublicKey(key.(ssh.CryptoPublicKey).CryptoPublicKey())
	if err != nil {
		return publicKey{}, bad("InvalidKey.Format", "Key is not in valid OpenSSH public key format")
	}
	sum := md5.Sum(der)
	return publicKey{line, colons(sum[:])}, nil
}

func colons(sum []byte) string {
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = hex.EncodeToString([]byte{b})
	}
	return strings.Join(parts, ":")
}

// fingerprint is a key pair's: of the private half where it was made here, else of the public one.
func fingerprint(k *cloud.KeyPair) string {
	if k.PrivateFingerprint != "" {
		return k.PrivateFingerprint
	}
	key, err := readKey(k.PublicKey)
	if err != nil { // of a type that this protocol does not know
		return k.Fingerprint
	}
	return key.fingerprint
}

// keyType is what a key is called.
func keyType(k *cloud.KeyPair) string {
	if strings.HasPrefix(k.PublicKey, ssh.KeyAlgoED25519) {
		return "ed25519"
	}
	return "rsa"
}
