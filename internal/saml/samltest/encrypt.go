package samltest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/beevik/etree"
)

const sealedForm = `<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"><xenc:EncryptedData xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" Type="http://www.w3.org/2001/04/xmlenc#Element">` +
	`<xenc:EncryptionMethod Algorithm="%s"/><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><xenc:EncryptedKey>` +
	`<xenc:EncryptionMethod Algorithm="%s"><ds:DigestMethod Algorithm="http://www.w3.org/2000/09/xmldsig#sha1"/></xenc:EncryptionMethod>` +
	`<xenc:CipherData><xenc:CipherValue>%s</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo>` +
	`<xenc:CipherData><xenc:CipherValue>%s</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData></saml:EncryptedAssertion>`

// Ciphers for content and for keys.
const (
	GCM   = "http://www.w3.org/2009/xmlenc11#aes256-gcm"
	CBC   = "http://www.w3.org/2001/04/xmlenc#aes256-cbc"
	OAEP  = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"
	PKCS1 = "http://www.w3.org/2001/04/xmlenc#rsa-1_5"
)

// Encrypt puts an enciphered element in the place of a document's assertion. What it holds is given as bytes, so that it may be anything.
func Encrypt(t testing.TB, d *etree.Document, content []byte, to *rsa.PublicKey, with, keyWith string) {
	t.Helper()
	key := make([]byte, 32)
	rand.Read(key)
	block, err := aes.NewCipher(key)
	check(t, err)
	sealed := sealCBC(block, content)
	if with == GCM {
		aead, err := cipher.NewGCMWithRandomNonce(block)
		check(t, err)
		sealed = aead.Seal(nil, nil, content, nil)
	}
	sealedKey, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, to, key, nil)
	check(t, err)
	b64 := base64.StdEncoding.EncodeToString
	holder := etree.NewDocument()
	check(t, holder.ReadFromString(fmt.Sprintf(sealedForm, with, keyWith, b64(sealedKey), b64(sealed))))
	a := Assertion(d)
	a.Parent().InsertChildAt(a.Index(), holder.Root())
	a.Parent().RemoveChild(a)
}

func sealCBC(block cipher.Block, content []byte) []byte {
	padding := aes.BlockSize - len(content)%aes.BlockSize
	plain := append(append([]byte{}, content...), make([]byte, padding)...)
	plain[len(plain)-1] = byte(padding)
	out := make([]byte, aes.BlockSize+len(plain))
	rand.Read(out[:aes.BlockSize])
	cipher.NewCBCEncrypter(block, out[:aes.BlockSize]).CryptBlocks(out[aes.BlockSize:], plain)
	return out
}
