package federation

import (
	"context"
	"crypto"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/saml"
	"github.com/nubo-cloud/nubo/internal/saml/samltest"
	"github.com/nubo-cloud/nubo/internal/saml/xmlsig"
	"github.com/nubo-cloud/nubo/test/cloudtest"
)

//go:embed samlpassword.py
var samlPasswordScript []byte

const federatedPath = "/v3/OS-FEDERATION/identity_providers/idp/protocols/saml2/auth"

// enhanced is a service provider and an identity provider between which a client at a terminal carries envelopes.
type enhanced struct {
	t      *testing.T
	web    *httptest.Server
	sp     *saml.ServiceProvider
	idp    *samltest.IdentityProvider
	asked  map[string]string // requests by relay state
	person *saml.Person
}

func newEnhanced(t *testing.T) *enhanced {
	t.Helper()
	e := &enhanced{t: t, idp: samltest.New(t, "https://idp.example", samltest.RSA()), asked: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+federatedPath, e.begin)
	mux.HandleFunc("POST /paos", e.consume)
	mux.HandleFunc("POST /ecp", e.signIn)
	e.web = httptest.NewServer(mux)
	t.Cleanup(e.web.Close)
	e.sp = &saml.ServiceProvider{EntityID: "https://sp.example", ACS: e.web.URL + "/acs", PAOS: e.web.URL + "/paos",
		Key: samltest.Other(), Certificate: samltest.Certify(t, samltest.Other())}
	return e
}

// begin hands an envelope to who is not signed in, and a token to who is.
func (e *enhanced) begin(w http.ResponseWriter, r *http.Request) {
	if _, err := r.Cookie("session"); err == nil && e.person != nil {
		w.Header().Set("X-Subject-Token", "token of "+e.person.NameID)
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"token":{"methods":["saml2"],"user":{"id":"1","name":"bob"},"expires_at":"2099-01-01T00:00:00Z","issued_at":"2026-01-01T00:00:00Z"}}`)
		return
	}
	if !strings.Contains(r.Header.Get("Accept"), saml.PAOSType) || !strings.Contains(r.Header.Get("PAOS"), "urn:liberty:paos:2003-08") {
		e.t.Errorf("asked with %v", r.Header)
	}
	var id string
	envelope, err := e.sp.PAOSRequest(func(requestID string) (string, error) {
		id = requestID
		return "relay <1>", nil
	})
	if err != nil {
		e.t.Error(err)
	}
	e.asked["relay <1>"] = id
	w.Header().Set("Content-Type", saml.PAOSType)
	_, _ = w.Write(envelope)
}

// signIn is the identity provider: it verifies the request as the client passed it on, and answers it.
func (e *enhanced) signIn(w http.ResponseWriter, r *http.Request) {
	const soap, assertion = "http://schemas.xmlsoap.org/soap/envelope/", "urn:oasis:names:tc:SAML:2.0:assertion"
	if user, password, _ := r.BasicAuth(); user != "bob" || password != "secret" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	raw, err := io.ReadAll(r.Body)
	cloudtest.Check(e.t, err)
	envelope, err := xmlsig.Parse(raw, xmlsig.Limits{Bytes: 1 << 20, Depth: 50, Attributes: 50, TokenBytes: 1 << 20})
	if err != nil {
		e.t.Errorf("the identity provider got %s: %v", raw, err)
		return
	}
	request, err := xmlsig.Verify(envelope.One(soap, "Body").Elements()[0], []crypto.PublicKey{e.sp.Certificate.PublicKey})
	if err != nil {
		e.t.Errorf("the identity provider got %s: %v", raw, err)
		return
	}
	issuer, _ := request.One(assertion, "Issuer").Text()
	consumer := request.Attr("AssertionConsumerServiceURL")
	answer := e.idp.Right(time.Now(), issuer, consumer, request.Attr("ID"))
	d := answer.Document(e.t)
	e.idp.Sign(e.t, samltest.Assertion(d), answer.Method)
	fmt.Fprintf(w, `<S:Envelope xmlns:S="%s"><S:Header><ecp:Response xmlns:ecp="urn:oasis:names:tc:SAML:2.0:profiles:SSO:ecp" S:mustUnderstand="1"`+
		` S:actor="http://schemas.xmlsoap.org/soap/actor/next" AssertionConsumerServiceURL="%s"/></S:Header><S:Body>%s</S:Body></S:Envelope>`,
		soap, consumer, samltest.Bytes(e.t, d))
}

// consume checks what the client brings.
func (e *enhanced) consume(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	cloudtest.Check(e.t, err)
	claim, err := saml.Peek(saml.PAOS, raw)
	if err != nil || r.Header.Get("Content-Type") != saml.PAOSType {
		e.t.Errorf("the service got %s: %v", raw, err)
		return
	}
	e.person, err = e.sp.Check(r.Context(), raw, saml.Expectation{Binding: saml.PAOS, RequestID: e.asked[claim.RelayState],
		Providers: func(string) (*saml.IdentityProvider, error) { return saml.ParseIdentityProvider(e.idp.Metadata()) },
		Once:      func(context.Context, string, string, time.Time) (bool, error) { return true, nil }})
	if err != nil {
		e.t.Errorf("the service got %s: %v", raw, err)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: "session", Value: "1", Path: "/"})
	http.Redirect(w, r, e.web.URL+federatedPath, http.StatusSeeOther)
}

// Keystone's client signs in by the envelopes that are made here, and brings back what is accepted here.
func TestSAMLPassword(t *testing.T) {
	const python = "/usr/bin/python3" // the one that Debian's packages are for
	needReal(t, "runs keystoneauth", exec.Command(python, "-c", "import keystoneauth1.extras._saml2, lxml"), "python3-keystoneauth1 and python3-lxml")
	e := newEnhanced(t)
	script := t.TempDir() + "/samlpassword.py"
	cloudtest.Check(t, os.WriteFile(script, samlPasswordScript, 0o600))
	out, err := exec.Command(python, script, e.web.URL+"/v3", e.web.URL+"/ecp", "bob", "secret").CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "token of bob" {
		t.Errorf("got %s, %v", out, err)
	}
}

// needReal skips a test where others' programs are not wanted or not there.
func needReal(t *testing.T, does string, probe *exec.Cmd, packages string) {
	t.Helper()
	if os.Getenv("NUBO_TEST_REAL") != "1" {
		t.Skipf("%s: set NUBO_TEST_REAL=1 (make test does)", does)
	}
	if err := probe.Run(); err != nil {
		t.Skipf("needs Debian's %s", packages)
	}
}

// xmlsec runs xmlsec1 and answers what it writes.
func xmlsec(t *testing.T, args ...string) (string, error) {
	t.Helper()
	c := exec.Command("xmlsec1", args...)
	var out, problems strings.Builder
	c.Stdout, c.Stderr = &out, &problems
	if err := c.Run(); err != nil {
		return "", errors.New(problems.String())
	}
	return out.String(), nil
}

// files writes texts to files and answers their names.
func files(t *testing.T, texts ...string) (names []string) {
	t.Helper()
	dir := t.TempDir()
	for i, text := range texts {
		names = append(names, fmt.Sprintf("%s/%d", dir, i))
		cloudtest.Check(t, os.WriteFile(names[i], []byte(text), 0o600))
	}
	return names
}

// What is signed here is right for xmlsec1.
func TestXMLSecVerifies(t *testing.T) {
	needReal(t, "runs xmlsec1", exec.Command("xmlsec1", "--version"), "xmlsec1")
	for name, key := range map[string]crypto.Signer{"RSA": samltest.Other(), "P-256": samltest.ECDSA(t, p256), "P-384": samltest.ECDSA(t, p384), "P-521": samltest.ECDSA(t, p521)} {
		t.Run(name, func(t *testing.T) {
			e := newEnhanced(t)
			e.sp.Key, e.sp.Certificate = key, samltest.Certify(t, key)
			idp, err := saml.ParseIdentityProvider(e.idp.Metadata())
			cloudtest.Check(t, err)
			r, err := e.sp.AuthnRequest(idp, saml.POST, "")
			cloudtest.Check(t, err)
			document, err := base64.StdEncoding.DecodeString(r.Form["SAMLRequest"])
			cloudtest.Check(t, err)
			paths := files(t, string(document), publicPEM(t, key))
			if _, err := xmlsec(t, "--verify", "--id-attr:ID", "AuthnRequest", "--pubkey-pem", paths[1], paths[0]); err != nil {
				t.Errorf("%s\n%v", document, err)
			}
		})
	}
}

// unusual is a document in which a canonical form has much to change, for xmlsec1 to sign.
const unusual = `<?xml version="1.0"?>
<!-- before -->
<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" xmlns:xs="u:xs"
   xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' validUntil="%s" ID="_all"
   xsi:schemaLocation="a
      b&#10;c&#9;d"  Name = 'it&apos;s "&lt;>"'>
 <ds:Signature><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>
  <ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"/>
  <ds:Reference URI="#_all"><ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>
   <ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#">%s</ds:Transform></ds:Transforms>
   <ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha512"/><ds:DigestValue/></ds:Reference></ds:SignedInfo><ds:SignatureValue/></ds:Signature>
 <!-- within - a comment -->
 <EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://a.example">` + "\r\n" + `
  <IDPSSODescriptor b:z="1" a:z="2" c="3" xmlns:b="u:1" xmlns:a="u:2" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol" xsi:type="xs:x">
   <Extensions><x xmlns=""><y xmlns="u:y"/></x><md:z/><![CDATA[<&>]]> &#xD; &gt; é 日本 &#x1F600;</Extensions>
   <KeyDescriptor><ds:KeyInfo><ds:X509Data><ds:X509Certificate>%s</ds:X509Certificate></ds:X509Data></ds:KeyInfo></KeyDescriptor>
  </IDPSSODescriptor>
 </EntityDescriptor>
</md:EntitiesDescriptor>
`

// What xmlsec1 signs is right here, streamed and whole.
func TestXMLSecSigns(t *testing.T) {
	needReal(t, "runs xmlsec1", exec.Command("xmlsec1", "--version"), "xmlsec1")
	idp := samltest.New(t, "https://a.example", samltest.RSA())
	until := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	for _, prefixes := range []string{"", `<ec:InclusiveNamespaces xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="xs #default"/>`} {
		form := fmt.Sprintf(unusual, until, prefixes, base64.StdEncoding.EncodeToString(idp.Certificate.Raw))
		paths := files(t, form, privatePEM(t, samltest.RSA()))
		signed, err := xmlsec(t, "--sign", "--id-attr:ID", "EntitiesDescriptor", "--privkey-pem", paths[1], paths[0])
		cloudtest.Check(t, err)
		x, err := saml.ReadFeed(strings.NewReader(signed), idp.Certificate, time.Now, t.TempDir()+"/index")
		if err != nil {
			t.Fatalf("%s\n%v", signed, err)
		}
		defer x.Close()
		if p, err := x.IdentityProvider("https://a.example"); err != nil || len(p.Certificates) != 1 {
			t.Errorf("got %+v, %v", p, err)
		}
		root, err := xmlsig.Parse([]byte(signed), xmlsig.Limits{Bytes: 1 << 20, Depth: 50, Attributes: 50, TokenBytes: 1 << 20, Comments: true})
		cloudtest.Check(t, err)
		if _, err := xmlsig.Verify(root, []crypto.PublicKey{idp.Certificate.PublicKey}); err != nil {
			t.Error(err)
		}
	}
}

// What xmlsec1 enciphers is deciphered here.
func TestXMLSecEncrypts(t *testing.T) {
	needReal(t, "runs xmlsec1", exec.Command("xmlsec1", "--version"), "xmlsec1")
	const form = `<EncryptedData xmlns="http://www.w3.org/2001/04/xmlenc#" Type="http://www.w3.org/2001/04/xmlenc#Element"><EncryptionMethod Algorithm="%s"/>` +
		`<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><EncryptedKey xmlns="http://www.w3.org/2001/04/xmlenc#"><EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"/>` +
		`<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><KeyName/></KeyInfo><CipherData><CipherValue/></CipherData></EncryptedKey></KeyInfo><CipherData><CipherValue/></CipherData></EncryptedData>`
	for algorithm, session := range map[string]string{"http://www.w3.org/2001/04/xmlenc#aes128-cbc": "aes-128", "http://www.w3.org/2001/04/xmlenc#aes192-cbc": "aes-192",
		"http://www.w3.org/2001/04/xmlenc#aes256-cbc": "aes-256", "http://www.w3.org/2009/xmlenc11#aes128-gcm": "aes-128", "http://www.w3.org/2009/xmlenc11#aes256-gcm": "aes-256"} {
		t.Run(algorithm, func(t *testing.T) {
			paths := files(t, fmt.Sprintf(form, algorithm), publicPEM(t, samltest.Other()), `<secret>é &amp; more</secret>`)
			sealed, err := xmlsec(t, "--encrypt", "--session-key", session, "--pubkey-pem", paths[1], "--xml-data", paths[2], paths[0])
			cloudtest.Check(t, err)
			limits := xmlsig.Limits{Bytes: 1 << 20, Depth: 50, Attributes: 50, TokenBytes: 1 << 20}
			holder, err := xmlsig.Parse([]byte("<holder>"+sealed[strings.Index(sealed, "<Enc"):]+"</holder>"), limits)
			cloudtest.Check(t, err)
			e, err := xmlsig.Decrypt(holder, samltest.Other(), limits)
			if err != nil {
				t.Fatalf("%s\n%v", sealed, err)
			}
			if text, _ := e.Text(); text != "é & more" {
				t.Errorf("got %q", text)
			}
		})
	}
}
