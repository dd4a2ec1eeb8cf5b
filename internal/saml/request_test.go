package saml

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/saml/samltest"
	"github.com/nubo-cloud/nubo/internal/saml/xmlsig"
)

func (m *meeting) provider(t testing.TB) *IdentityProvider {
	t.Helper()
	p, err := m.providers(m.idp.EntityID)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// read parses what was written, and verifies its signature where it has one.
func (m *meeting) read(t testing.TB, document []byte) *xmlsig.Element {
	t.Helper()
	e, err := xmlsig.Parse(document, messageLimits)
	if err != nil {
		t.Fatal(err)
	}
	if !isSigned(e) {
		return e
	}
	signed, err := xmlsig.Verify(e, []crypto.PublicKey{m.sp.Certificate.PublicKey})
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// isRequest fails the test unless an element is a request for an answer by a binding.
func (m *meeting) isRequest(t testing.TB, e *xmlsig.Element, id, destination string, by Binding) {
	t.Helper()
	for attr, want := range map[string]string{"ID": id, "Version": "2.0", "IssueInstant": "2026-03-04T05:06:07Z", "Destination": destination,
		"ProtocolBinding": string(by), "AssertionConsumerServiceURL": m.sp.consumer(by)} {
		if got := e.Attr(attr); got != want {
			t.Errorf("%s is %q, want %q", attr, got, want)
		}
	}
	if !e.Is(protocolSpace, "AuthnRequest") || issuerOf(e) != m.sp.EntityID || len(id) < 20 {
		t.Errorf("got %s", e.Canonical())
	}
}

// A request by redirect is signed as its query stands in the URL.
func TestRedirect(t *testing.T) {
	m := newMeeting(t)
	idp := m.provider(t)
	idp.SSO[Redirect] = "https://idp.example/sso?tenant=a"
	r, err := m.sp.AuthnRequest(idp, Redirect, "a relay & more")
	if err != nil {
		t.Fatal(err)
	}
	query, found := strings.CutPrefix(r.URL, "https://idp.example/sso?tenant=a&")
	signed, signature, _ := strings.Cut(query, "&Signature=")
	values, err := url.ParseQuery(query)
	if err != nil || !found || r.Form != nil || values.Get("RelayState") != "a relay & more" || values.Get("SigAlg") != "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" {
		t.Errorf("got %+v", r)
	}
	signature, _ = url.QueryUnescape(signature)
	value, _ := base64.StdEncoding.DecodeString(signature)
	sum := sha256.Sum256([]byte(signed))
	if err := rsa.VerifyPKCS1v15(&samltest.Other().PublicKey, crypto.SHA256, sum[:], value); err != nil {
		t.Error(err)
	}
	packed, _ := base64.StdEncoding.DecodeString(values.Get("SAMLRequest"))
	document, err := io.ReadAll(flate.NewReader(bytes.NewReader(packed)))
	if err != nil {
		t.Fatal(err)
	}
	m.isRequest(t, m.read(t, document), r.ID, "https://idp.example/sso?tenant=a", POST)
}

// A request by POST is signed within.
func TestPOST(t *testing.T) {
	m := newMeeting(t)
	for name, key := range map[string]crypto.Signer{"RSA": samltest.Other(), "P-256": samltest.ECDSA(t, elliptic.P256()), "P-521": samltest.ECDSA(t, elliptic.P521())} {
		t.Run(name, func(t *testing.T) {
			m.sp.Key, m.sp.Certificate = key, samltest.Certify(t, key)
			r, err := m.sp.AuthnRequest(m.provider(t), POST, "relay")
			if err != nil {
				t.Fatal(err)
			}
			document, err := base64.StdEncoding.DecodeString(r.Form["SAMLRequest"])
			if err != nil || r.URL != "https://idp.example/sso" || r.Form["RelayState"] != "relay" || len(r.Form) != 2 {
				t.Errorf("got %+v, %v", r, err)
			}
			m.isRequest(t, m.read(t, document), r.ID, r.URL, POST)
		})
	}
	m.sp.Key = samltest.Short()
	if _, err := m.sp.AuthnRequest(m.provider(t), POST, ""); err == nil {
		t.Error("a short key signs")
	}
	if _, err := m.sp.AuthnRequest(m.provider(t), PAOS, ""); err == nil {
		t.Error("a binding without an address is used")
	}
}

// The envelope is what clients take apart, and its request verifies after that.
func TestEnvelope(t *testing.T) {
	m := newMeeting(t)
	var id string
	raw, err := m.sp.PAOSRequest(func(requestID string) (string, error) {
		id = requestID
		return "a <relay>", nil
	})
	if err != nil {
		t.Fatal(err)
	}
	e := m.read(t, raw)
	header, body := e.One(soapSpace, "Header"), e.One(soapSpace, "Body")
	if e.Elements()[0] != header || textOf(header.One(ecpSpace, "RelayState")) != "a <relay>" ||
		header.One(paosSpace, "Request").Attr("responseConsumerURL") != m.sp.PAOS || header.One(paosSpace, "Request").Attr("service") != ecpSpace ||
		issuerOf(header.One(ecpSpace, "Request")) != m.sp.EntityID {
		t.Errorf("got %s", raw)
	}
	for _, block := range header.Elements() {
		if block.AttrOf(soapSpace, "mustUnderstand") != "1" || block.AttrOf(soapSpace, "actor") != "http://schemas.xmlsoap.org/soap/actor/next" {
			t.Errorf("<%s> is not for the client", block.Local)
		}
	}
	m.isRequest(t, m.read(t, body.Elements()[0].Canonical()), id, "", PAOS)
}

// An answer in an envelope is checked as any other, by the other consumer URL; its relay state finds the request.
func TestEnvelopeAnswer(t *testing.T) {
	m := newMeeting(t)
	m.answer = m.idp.Right(when, m.sp.EntityID, m.sp.PAOS, request)
	d := m.answer.Document(t)
	m.idp.Sign(t, samltest.Assertion(d), m.answer.Method)
	raw := samltest.Envelope(t, d, "there")
	claim, err := Peek(PAOS, raw)
	if want := (Claim{m.idp.EntityID, request, "there"}); err != nil || claim != want {
		t.Errorf("got %+v, %v", claim, err)
	}
	e := m.expect()
	e.Binding = PAOS
	if p, err := m.sp.Check(context.Background(), raw, e); err != nil || p.NameID != "bob" {
		t.Errorf("got %v, %v", p, err)
	}
	clear(m.seen)
	m.refused(t, samltest.Form(t, d), WrongRecipient)
}

// A client's complaint is no answer.
func TestFault(t *testing.T) {
	m := newMeeting(t)
	e := m.expect()
	e.Binding = PAOS
	for document, want := range map[string]Reason{
		`<S:Envelope xmlns:S="` + soapSpace + `"><S:Body><S:Fault><faultcode>S:Server</faultcode><faultstring>no</faultstring></S:Fault></S:Body></S:Envelope>`: NotSuccess,
		`<S:Envelope xmlns:S="` + soapSpace + `"><S:Body/></S:Envelope>`:                                                                                        Malformed,
		`<Response/>`: Malformed,
	} {
		var r *Refusal
		if _, err := m.sp.Check(t.Context(), []byte(document), e); !errors.As(err, &r) || r.Reason != want {
			t.Errorf("%s: %v", document, err)
		}
	}
}

// The metadata says where answers go and by which key, and announces encryption where the key can decipher.
func TestMetadata(t *testing.T) {
	m := newMeeting(t)
	raw, err := m.sp.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	e := m.read(t, raw)
	role := e.One(metadataSpace, "SPSSODescriptor")
	keys := role.All(metadataSpace, "KeyDescriptor")
	consumers := role.All(metadataSpace, "AssertionConsumerService")
	if e.Attr("entityID") != m.sp.EntityID || role.Attr("WantAssertionsSigned") != "true" || role.Attr("AuthnRequestsSigned") != "true" ||
		len(keys) != 2 || keys[0].Attr("use") != "signing" || keys[1].Attr("use") != "encryption" || len(consumers) != 2 {
		t.Fatalf("got %s", raw)
	}
	for i, want := range []struct {
		by Binding
		to string
	}{{POST, m.sp.ACS}, {PAOS, m.sp.PAOS}} {
		if c := consumers[i]; c.Attr("Binding") != string(want.by) || c.Attr("Location") != want.to {
			t.Errorf("got %s", c.Canonical())
		}
	}
	m.sp.Key = samltest.ECDSA(t, elliptic.P256())
	if raw, err := m.sp.Metadata(); err != nil || strings.Contains(string(raw), "encryption") {
		t.Errorf("got %s, %v", raw, err)
	}
}

// Metadata is read for what a service provider needs; what is no identity provider's is refused.
func TestParseIdentityProvider(t *testing.T) {
	m := newMeeting(t)
	p := m.provider(t)
	if p.EntityID != "https://idp.example" || p.SSO[POST] != "https://idp.example/sso" || len(p.SSO) != 2 || p.Name() != "The Example" || p.Name("fr", "de") != "Das Beispiel" ||
		len(p.Scopes) != 1 || len(p.Certificates) != 1 || p.Hidden {
		t.Errorf("got %+v", p)
	}
	own, err := m.sp.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	right := string(m.idp.Metadata())
	for name, document := range map[string]string{
		"a service's":        string(own),
		"no XML":             "nothing",
		"no key":             strings.Replace(right, "use=\"signing\"", "use=\"encryption\"", 1),
		"a broken key":       strings.Replace(right, "<ds:X509Certificate>", "<ds:X509Certificate>AAAA", 1),
		"another protocol":   strings.Replace(right, "SAML:2.0:protocol", "SAML:1.1:protocol", 1),
		"two":                "<x>" + strings.Repeat(right[strings.Index(right, "<EntityD"):], 2) + "</x>",
		"no end that counts": strings.Replace(right, "entityID=", "validUntil='soon' entityID=", 1),
	} {
		if p, err := ParseIdentityProvider([]byte(document)); err == nil {
			t.Errorf("%s: got %+v", name, p)
		}
	}
	script := strings.ReplaceAll(right, "https://idp.example/sso", "javascript:alert(1)")
	if p, err := ParseIdentityProvider([]byte(script)); err != nil || len(p.SSO) != 0 {
		t.Errorf("got %v, %v", p, err)
	}
}
