package saml

import (
	"github.com/nubo-cloud/nubo/internal/saml/xmlsig"
)

// PAOSType is the content type of envelopes, exactly.
const PAOSType = "application/vnd.paos+xml"

const (
	toNext = ` S:mustUnderstand="1" S:actor="http://schemas.xmlsoap.org/soap/actor/next"`

	envelope = `<S:Envelope xmlns:S="` + soapSpace + `" xmlns:paos="` + paosSpace + `" xmlns:ecp="` + ecpSpace + `" xmlns:saml="` + samlSpace + `"><S:Header>` +
		`<paos:Request` + toNext + ` responseConsumerURL="%s" service="` + ecpSpace + `"/>` +
		`<ecp:Request` + toNext + ` IsPassive="0"><saml:Issuer>%s</saml:Issuer></ecp:Request>` +
		`<ecp:RelayState` + toNext + `>%s</ecp:RelayState></S:Header><S:Body/></S:Envelope>`

	paosRequest = `<samlp:AuthnRequest xmlns:samlp="` + protocolSpace + `" xmlns:saml="` + samlSpace + `"` +
		` ID="%s" Version="2.0" IssueInstant="%s" ProtocolBinding="%s" AssertionConsumerServiceURL="%s">` +
		`<saml:Issuer>%s</saml:Issuer><samlp:NameIDPolicy AllowCreate="true"/></samlp:AuthnRequest>`
)

// PAOSRequest is the envelope that a client at a terminal carries to an identity provider of its choice. It is sent with
// the content type PAOSType; relay comes back in the answer's envelope: see Peek.
//
// Clients take the header off and send the rest on as they parsed it, which the signature within survives.
func (sp *ServiceProvider) PAOSRequest(relay func(requestID string) (string, error)) ([]byte, error) {
	id := newID()
	state, err := relay(id)
	if err != nil {
		return nil, err
	}
	request, err := element(paosRequest, id, instant(sp.now()), string(PAOS), sp.PAOS, sp.EntityID)
	if err != nil {
		return nil, err
	}
	if err := sp.sign(request); err != nil {
		return nil, err
	}
	e, err := element(envelope, sp.PAOS, sp.EntityID, state)
	if err != nil {
		return nil, err
	}
	body := e.One(soapSpace, "Body")
	body.Children = append(body.Children, xmlsig.Node{Element: request})
	return e.Canonical(), nil
}
