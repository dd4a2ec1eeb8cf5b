package saml

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/saml/xmlsig"
)

// messageLimits are far above what hundreds of entitlements need.
var messageLimits = xmlsig.Limits{Bytes: 1 << 20, Depth: 64, Attributes: 64, TokenBytes: 1 << 20}

// message is a response as it came, in the one shape that is read.
type message struct {
	response  *xmlsig.Element
	assertion *xmlsig.Element // or EncryptedAssertion; nil where there is none
	relay     string          // of an envelope
}

// readMessage reads a response out of what its binding wraps it in.
func readMessage(by Binding, raw []byte) (*message, error) {
	document := raw
	if by != PAOS {
		if int64(len(raw)) > messageLimits.Bytes*2 {
			return nil, refuse(TooLarge, "%d bytes", len(raw))
		}
		var err error
		if document, err = base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(raw)), "")); err != nil {
			return nil, refuse(Malformed, "no base64: %v", err)
		}
	}
	root, err := xmlsig.Parse(document, messageLimits)
	if err != nil {
		return nil, refusal(err)
	}
	m := &message{response: root}
	if by == PAOS {
		if m.response, m.relay, err = openEnvelope(root); err != nil {
			return nil, err
		}
	}
	return m, m.shape(root)
}

// openEnvelope takes the response out of an envelope.
func openEnvelope(root *xmlsig.Element) (response *xmlsig.Element, relay string, err error) {
	body := root.One(soapSpace, "Body")
	if !root.Is(soapSpace, "Envelope") || body == nil || len(body.Elements()) != 1 {
		return nil, "", refuse(Malformed, "no SOAP envelope with one thing in its body")
	}
	response = body.Elements()[0]
	if response.Is(soapSpace, "Fault") {
		return nil, "", refuse(NotSuccess, "the client reports: %s", textOf(response.One("", "faultstring")))
	}
	if header := root.One(soapSpace, "Header"); header != nil {
		relay = textOf(header.One(ecpSpace, "RelayState"))
	}
	return response, relay, nil
}

// shape checks that a document holds one response, at most one assertion right in it, and signatures right in these two: whatever
// is elsewhere was put there to be mistaken for them.
func (m *message) shape(root *xmlsig.Element) error {
	if !m.response.Is(protocolSpace, "Response") || m.response.Attr("Version") != "2.0" {
		return refuse(Malformed, "<%s> is no response of SAML 2.0", m.response.Local)
	}
	switch all := assertionsOf(m.response); len(all) {
	case 0:
	case 1:
		m.assertion = all[0]
	default:
		return refuse(SeveralAssertions, "%d", len(all))
	}
	return alone(root, m.response, m.assertion)
}

// assertionsOf are the assertions right in a response, enciphered or not.
func assertionsOf(response *xmlsig.Element) []*xmlsig.Element {
	return slices.DeleteFunc(response.Elements(), func(e *xmlsig.Element) bool { return !isAssertion(e) })
}

func isAssertion(e *xmlsig.Element) bool {
	return e.Is(samlSpace, "Assertion") || e.Is(samlSpace, "EncryptedAssertion")
}

// alone checks that no response or assertion is in a document but the known ones, and no signature but right in them.
func alone(root *xmlsig.Element, known ...*xmlsig.Element) (err error) {
	signatures := map[*xmlsig.Element]bool{}
	for _, k := range known {
		if k == nil {
			continue
		}
		for _, child := range k.Elements() {
			signatures[child] = xmlsig.IsSignature(child)
		}
	}
	root.Walk(func(e *xmlsig.Element) {
		stray := isAssertion(e) || e.Is(protocolSpace, "Response")
		for _, k := range known {
			stray = stray && e != k
		}
		if stray || xmlsig.IsSignature(e) && !signatures[e] {
			err = refuse(Wrapped, "there is another <%s> within", e.Local)
		}
	})
	return err
}

// textOf is the whole text of an element; empty where there is no element, or other elements in it.
func textOf(e *xmlsig.Element) string {
	if e == nil {
		return ""
	}
	text, _ := e.Text()
	return text
}

// uriOf is a text that names something, for which SAML lets white space around not count.
func uriOf(e *xmlsig.Element) string { return strings.TrimSpace(textOf(e)) }

// Claim is what a message says of itself. Nothing of it is verified: it serves to find what was remembered of the request.
type Claim struct {
	Issuer       string
	InResponseTo string
	RelayState   string // of an envelope; with POST it is a form field
}

// Peek reads what a message claims. A message that Check would find malformed is refused here in the same way.
func Peek(by Binding, raw []byte) (Claim, error) {
	m, err := readMessage(by, raw)
	if err != nil {
		return Claim{}, err
	}
	return Claim{issuerOf(m.response, m.assertion), m.response.Attr("InResponseTo"), m.relay}, nil
}

// issuerOf is the first issuer that is named.
func issuerOf(elements ...*xmlsig.Element) string {
	for _, e := range elements {
		if e == nil {
			continue
		}
		if issuer := e.One(samlSpace, "Issuer"); issuer != nil {
			return uriOf(issuer)
		}
	}
	return ""
}
