package samltest

import (
	"bytes"
	"encoding/base64"
	"testing"
	"text/template"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
	"github.com/russellhaering/goxmldsig/etreeutils"
)

// Answer is all that an answer says. What Right makes is right; tests change it.
type Answer struct {
	Issuer, AssertionIssuer      string
	ID, AssertionID              string
	Status                       string
	Destination, Recipient       string
	InResponseTo, Confirms       string // of the response and of its subject's confirmation
	Audience                     string
	NameID                       string // XML
	Now                          time.Time
	NotBefore, NotOnOrAfter      time.Time // of the conditions
	ConfirmedUntil, SessionUntil time.Time
	Attributes                   string // XML
	Conditions                   string // XML, more of them
	Method                       string // of the signatures
}

// Right is an answer to a request, for a service and its consumer URL.
func (p *IdentityProvider) Right(now time.Time, service, consumer, request string) Answer {
	return Answer{
		Issuer: p.EntityID, AssertionIssuer: p.EntityID, ID: "_response", AssertionID: "_assertion",
		Status: "urn:oasis:names:tc:SAML:2.0:status:Success", Destination: consumer, Recipient: consumer,
		InResponseTo: request, Confirms: request, Audience: service, NameID: "bob", Now: now,
		NotBefore: now.Add(-time.Minute), NotOnOrAfter: now.Add(5 * time.Minute), ConfirmedUntil: now.Add(5 * time.Minute), SessionUntil: now.Add(8 * time.Hour),
		Attributes: `<saml:Attribute Name="urn:oid:1.3.6.1.4.1.5923.1.1.1.7" FriendlyName="eduPersonEntitlement">` +
			`<saml:AttributeValue xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="xs:string">urn:a</saml:AttributeValue>` +
			`<saml:AttributeValue>urn:b &amp; &#xE9;</saml:AttributeValue></saml:Attribute>` +
			`<saml:Attribute Name="urn:oid:0.9.2342.19200300.100.1.3"><saml:AttributeValue>bob@example.org</saml:AttributeValue></saml:Attribute>`,
		Method: dsig.RSASHA256SignatureMethod,
	}
}

var form = template.Must(template.New("").Funcs(template.FuncMap{"at": func(t time.Time) string { return t.UTC().Format(time.RFC3339) }}).Parse(
	`<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="{{.ID}}" Version="2.0"
 IssueInstant="{{at .Now}}"{{with .Destination}} Destination="{{.}}"{{end}}{{with .InResponseTo}} InResponseTo="{{.}}"{{end}}>
  {{- with .Issuer}}<saml:Issuer>{{.}}</saml:Issuer>{{end}}
  <samlp:Status><samlp:StatusCode Value="{{.Status}}"/></samlp:Status>
  <saml:Assertion ID="{{.AssertionID}}" Version="2.0" IssueInstant="{{at .Now}}">
    <saml:Issuer>{{.AssertionIssuer}}</saml:Issuer>
    <saml:Subject>
      <saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">{{.NameID}}</saml:NameID>
      <saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">
        <saml:SubjectConfirmationData NotOnOrAfter="{{at .ConfirmedUntil}}"{{with .Recipient}} Recipient="{{.}}"{{end}}{{with .Confirms}} InResponseTo="{{.}}"{{end}}/>
      </saml:SubjectConfirmation>
    </saml:Subject>
    <saml:Conditions NotBefore="{{at .NotBefore}}" NotOnOrAfter="{{at .NotOnOrAfter}}">
      {{- with .Audience}}<saml:AudienceRestriction><saml:Audience>{{.}}</saml:Audience></saml:AudienceRestriction>{{end}}{{.Conditions -}}
    </saml:Conditions>
    <saml:AuthnStatement AuthnInstant="{{at .Now}}" SessionNotOnOrAfter="{{at .SessionUntil}}"/>
    <saml:AttributeStatement>{{.Attributes}}</saml:AttributeStatement>
  </saml:Assertion>
</samlp:Response>`))

// Document is an answer as XML, not signed.
func (a Answer) Document(t testing.TB) *etree.Document {
	t.Helper()
	var text bytes.Buffer
	check(t, form.Execute(&text, a))
	d := etree.NewDocument()
	check(t, d.ReadFromBytes(text.Bytes()))
	return d
}

// Assertion is the first one in an answer.
func Assertion(d *etree.Document) *etree.Element { return d.FindElement("//Assertion") }

// Signed is an answer whose assertion is signed, as browsers post it.
func (p *IdentityProvider) Signed(t testing.TB, a Answer) []byte {
	t.Helper()
	d := a.Document(t)
	p.Sign(t, Assertion(d), a.Method)
	return Form(t, d)
}

// Sign puts a signature into an element, behind its issuer.
func (p *IdentityProvider) Sign(t testing.TB, e *etree.Element, method string) {
	t.Helper()
	signing, err := dsig.NewSigningContext(p.Key, [][]byte{p.Certificate.Raw})
	check(t, err)
	signing.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	check(t, signing.SetSignatureMethod(method))
	around, err := etreeutils.NSBuildParentContext(e)
	check(t, err)
	alone, err := etreeutils.NSDetatch(around, e)
	check(t, err)
	sig, err := signing.ConstructSignature(alone, true)
	check(t, err)
	e.InsertChildAt(1, sig)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Bytes writes a document.
func Bytes(t testing.TB, d *etree.Document) []byte {
	t.Helper()
	out, err := d.WriteToBytes()
	check(t, err)
	return out
}

// Form writes a document as browsers post it.
func Form(t testing.TB, d *etree.Document) []byte {
	t.Helper()
	return []byte(base64.StdEncoding.EncodeToString(Bytes(t, d)))
}

// Envelope writes a response as clients at a terminal send it.
func Envelope(t testing.TB, d *etree.Document, relay string) []byte {
	t.Helper()
	out := etree.NewDocument()
	check(t, out.ReadFromString(`<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Header>`+
		`<ecp:RelayState xmlns:ecp="urn:oasis:names:tc:SAML:2.0:profiles:SSO:ecp" S:mustUnderstand="1"/></S:Header><S:Body/></S:Envelope>`))
	out.FindElement("//RelayState").SetText(relay)
	out.FindElement("//Body").AddChild(d.Root().Copy())
	return Bytes(t, out)
}
