package saml

import (
	"crypto"
	"encoding/base64"
)

const (
	keyInfo = `<ds:KeyInfo xmlns:ds="` + dsSpace + `"><ds:X509Data><ds:X509Certificate>%s</ds:X509Certificate></ds:X509Data></ds:KeyInfo>`

	// GCM alone is announced: what CBC enciphers, others can alter unseen.
	encryptionKey = `<md:KeyDescriptor use="encryption">` + keyInfo +
		`<md:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#aes256-gcm"/>` +
		`<md:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#aes128-gcm"/>` +
		`<md:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"/></md:KeyDescriptor>`

	descriptorHead = `<md:EntityDescriptor xmlns:md="` + metadataSpace + `" entityID="%s">` +
		`<md:SPSSODescriptor AuthnRequestsSigned="true" WantAssertionsSigned="true" protocolSupportEnumeration="` + protocolSpace + `">` +
		`<md:KeyDescriptor use="signing">` + keyInfo + `</md:KeyDescriptor>`

	descriptorTail = `<md:AssertionConsumerService Binding="` + string(POST) + `" Location="%s" index="0" isDefault="true"/>` +
		`<md:AssertionConsumerService Binding="` + string(PAOS) + `" Location="%s" index="1"/>` +
		`</md:SPSSODescriptor></md:EntityDescriptor>`
)

// Metadata is the EntityDescriptor to give to identity providers and federations.
func (sp *ServiceProvider) Metadata() ([]byte, error) {
	certificate := base64.StdEncoding.EncodeToString(sp.Certificate.Raw)
	form, texts := descriptorHead, []string{sp.EntityID, certificate}
	if _, can := sp.Key.(crypto.Decrypter); can {
		form, texts = form+encryptionKey, append(texts, certificate)
	}
	e, err := element(form+descriptorTail, append(texts, sp.ACS, sp.PAOS)...)
	if err != nil {
		return nil, err
	}
	return e.Canonical(), nil
}
