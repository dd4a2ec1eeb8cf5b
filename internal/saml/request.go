package saml

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"

	"github.com/nubo-cloud/nubo/internal/saml/xmlsig"
)

// Request asks an identity provider to sign somebody in. With Form nil the browser is redirected to URL; else it posts the
// fields of Form there (with html/template's escaping, by a form that submits itself).
type Request struct {
	ID   string // to be remembered: Expectation.RequestID
	URL  string
	Form map[string]string
}

const authnRequest = `<samlp:AuthnRequest xmlns:samlp="` + protocolSpace + `" xmlns:saml="` + samlSpace + `"` +
	` ID="%s" Version="2.0" IssueInstant="%s" Destination="%s" ProtocolBinding="%s" AssertionConsumerServiceURL="%s">` +
	`<saml:Issuer>%s</saml:Issuer><samlp:NameIDPolicy AllowCreate="true"/></samlp:AuthnRequest>`

// AuthnRequest makes a signed request that travels to the identity provider by Redirect or POST; relay comes back with the
// answer, in the form field RelayState, and should name no more than where the caller keeps what it remembers (80 bytes at most).
// The answer comes by POST.
func (sp *ServiceProvider) AuthnRequest(idp *IdentityProvider, by Binding, relay string) (*Request, error) {
	to := idp.SSO[by]
	if to == "" {
		return nil, fmt.Errorf("identity provider %s takes no requests by %s", idp.EntityID, by)
	}
	r := &Request{ID: newID(), URL: to}
	e, err := element(authnRequest, r.ID, instant(sp.now()), to, string(POST), sp.ACS, sp.EntityID)
	if err != nil {
		return nil, err
	}
	if by == Redirect {
		r.URL, err = sp.redirect(to, e.Canonical(), relay)
		return r, err
	}
	if err := sp.sign(e); err != nil {
		return nil, err
	}
	r.Form = map[string]string{"SAMLRequest": base64.StdEncoding.EncodeToString(e.Canonical())}
	if relay != "" {
		r.Form["RelayState"] = relay
	}
	return r, nil
}

// sign puts the signature where requests have it: behind the issuer.
func (sp *ServiceProvider) sign(e *xmlsig.Element) error {
	return xmlsig.Sign(e, 1, sp.Key, sp.Certificate)
}

// redirect writes a request into a URL. What is signed is the query as it stands there.
func (sp *ServiceProvider) redirect(to string, request []byte, relay string) (string, error) {
	method, err := xmlsig.SignatureMethod(sp.Key.Public())
	if err != nil {
		return "", err
	}
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		return "", err
	}
	if _, err := w.Write(request); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	query := "SAMLRequest=" + url.QueryEscape(base64.StdEncoding.EncodeToString(packed.Bytes()))
	if relay != "" {
		query += "&RelayState=" + url.QueryEscape(relay)
	}
	query += "&SigAlg=" + url.QueryEscape(method)
	value, err := xmlsig.SignBytes([]byte(query), sp.Key)
	if err != nil {
		return "", err
	}
	join := "?"
	if strings.Contains(to, "?") {
		join = "&"
	}
	return to + join + query + "&Signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(value)), nil
}
