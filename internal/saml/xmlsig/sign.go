package xmlsig

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// SignatureMethod is the name of the algorithm that a key signs by, in XML and in URLs alike.
func SignatureMethod(key crypto.PublicKey) (string, error) {
	if !strong(key) {
		return "", errors.New("a signing key must be RSA with 2048 bits or more, or ECDSA on one of NIST's curves")
	}
	if k, is := key.(*ecdsa.PublicKey); is {
		switch k.Curve.Params().BitSize {
		case 384:
			return moreSpace + "ecdsa-sha384", nil
		case 521:
			return moreSpace + "ecdsa-sha512", nil
		}
		return moreSpace + "ecdsa-sha256", nil
	}
	return moreSpace + "rsa-sha256", nil
}

// SignBytes signs bytes as they are, by the method of the key.
func SignBytes(data []byte, key crypto.Signer) ([]byte, error) {
	name, err := SignatureMethod(key.Public())
	if err != nil {
		return nil, err
	}
	hash := methods[name].hash
	value, err := key.Sign(rand.Reader, digest(hash, data), hash)
	if k, is := key.Public().(*ecdsa.PublicKey); is && err == nil {
		return plainECDSA(value, (k.Curve.Params().BitSize+7)/8)
	}
	return value, err
}

// plainECDSA turns ASN.1 into the two numbers side by side that XML wants.
func plainECDSA(value []byte, size int) ([]byte, error) {
	var pair struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(value, &pair); err != nil {
		return nil, err
	}
	return append(pair.R.FillBytes(make([]byte, size)), pair.S.FillBytes(make([]byte, size))...), nil
}

// Sign puts a signature into an element that has an ID, as the child at a place.
func Sign(e *Element, at int, key crypto.Signer, certificate *x509.Certificate) error {
	name, err := SignatureMethod(key.Public())
	if err != nil {
		return err
	}
	if e.Attr("ID") == "" {
		return errors.New("an element without an ID cannot be signed")
	}
	sum := base64.StdEncoding.EncodeToString(digest(crypto.SHA256, e.Canonical()))
	info := fmt.Sprintf(signedInfo, excC14N, name, e.Attr("ID"), enveloped, excC14N, encSpace+"sha256", sum)
	value, err := SignBytes([]byte(fmt.Sprintf(info, ` xmlns:ds="`+dsSpace+`"`)), key)
	if err != nil {
		return err
	}
	text := fmt.Sprintf(signatureForm, dsSpace, fmt.Sprintf(info, ""), base64.StdEncoding.EncodeToString(value),
		base64.StdEncoding.EncodeToString(certificate.Raw))
	child, err := reparse([]byte(text))
	if err != nil {
		return err
	}
	child.parent = e
	e.Children = slices.Insert(e.Children, at, Node{Element: child})
	return nil
}

// signedInfo is in canonical form once its own declaration is filled in.
const (
	signedInfo = `<ds:SignedInfo%%s><ds:CanonicalizationMethod Algorithm="%s"></ds:CanonicalizationMethod>` +
		`<ds:SignatureMethod Algorithm="%s"></ds:SignatureMethod><ds:Reference URI="#%s"><ds:Transforms>` +
		`<ds:Transform Algorithm="%s"></ds:Transform><ds:Transform Algorithm="%s"></ds:Transform></ds:Transforms>` +
		`<ds:DigestMethod Algorithm="%s"></ds:DigestMethod><ds:DigestValue>%s</ds:DigestValue></ds:Reference></ds:SignedInfo>`

	signatureForm = `<ds:Signature xmlns:ds="%s">%s<ds:SignatureValue>%s</ds:SignatureValue>` +
		`<ds:KeyInfo><ds:X509Data><ds:X509Certificate>%s</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>`
)
