package saml

import (
	"fmt"
	"strings"
	"testing"

	"github.com/beevik/etree"

	"github.com/nubo-cloud/nubo/internal/saml/samltest"
)

// What the attackers have: an answer that the identity provider signed for "bob". What they want is to be "admin".

// forged is the attackers' copy of an element: another person, another id, no signature.
func forged(e *etree.Element) *etree.Element {
	c := e.Copy()
	c.CreateAttr("ID", "_forged")
	for _, sig := range c.FindElements(".//Signature") {
		sig.Parent().RemoveChild(sig)
	}
	for _, id := range c.FindElements(".//NameID") {
		id.SetText("admin")
	}
	return c
}

// take moves the signature out of an element.
func take(e *etree.Element) *etree.Element {
	sig := e.SelectElement("Signature")
	e.RemoveChild(sig)
	return sig
}

// object puts an element into a signature's Object.
func object(sig, e *etree.Element) {
	o := sig.CreateElement("Object")
	o.Space = "ds"
	o.AddChild(e)
}

// wrappings are the eight ways of "On Breaking SAML: Be Whoever You Want to Be" (USENIX Security 2012): what is signed is still in
// the message, elsewhere.
var wrappings = []struct {
	response bool // is signed, in place of the assertion
	wrap     func(d *etree.Document)
	want     Reason
}{
	1: {true, func(d *etree.Document) {
		original := d.Root()
		evil := forged(original)
		sig := take(original)
		d.SetRoot(evil)
		evil.InsertChildAt(1, sig)
		object(sig, original)
	}, Wrapped},
	2: {true, func(d *etree.Document) {
		original := d.Root()
		evil := forged(original)
		sig := take(original)
		d.SetRoot(evil)
		evil.InsertChildAt(1, original)
		evil.InsertChildAt(2, sig)
	}, Wrapped},
	3: {false, func(d *etree.Document) {
		original := samltest.Assertion(d)
		d.Root().InsertChildAt(original.Index(), forged(original))
	}, SeveralAssertions},
	4: {false, func(d *etree.Document) {
		original := samltest.Assertion(d)
		evil := forged(original)
		d.Root().InsertChildAt(original.Index(), evil)
		evil.AddChild(original)
	}, Wrapped},
	5: {false, func(d *etree.Document) {
		original := samltest.Assertion(d)
		evil := forged(original)
		evil.InsertChildAt(1, take(original))
		d.Root().InsertChildAt(original.Index(), evil)
		d.Root().AddChild(original)
	}, SeveralAssertions},
	6: {false, func(d *etree.Document) {
		original := samltest.Assertion(d)
		evil := forged(original)
		sig := take(original)
		d.Root().InsertChildAt(original.Index(), evil)
		evil.InsertChildAt(1, sig)
		sig.AddChild(original)
	}, Wrapped},
	7: {false, func(d *etree.Document) {
		original := samltest.Assertion(d)
		extensions := etree.NewElement("samlp:Extensions")
		d.Root().InsertChildAt(1, extensions)
		extensions.AddChild(forged(original))
	}, Wrapped},
	8: {false, func(d *etree.Document) {
		original := samltest.Assertion(d)
		evil := forged(original)
		sig := take(original)
		d.Root().InsertChildAt(original.Index(), evil)
		evil.InsertChildAt(1, sig)
		object(sig, original)
	}, Wrapped},
}

// A signature that covers something else than what would be read is refused.
func TestSignatureWrapping(t *testing.T) {
	for n, w := range wrappings[1:] {
		for _, sameID := range []bool{false, true} {
			t.Run(fmt.Sprintf("XSW%d same id %v", n+1, sameID), func(t *testing.T) {
				m := newMeeting(t)
				d := m.answer.Document(t)
				signed := samltest.Assertion(d)
				if w.response {
					signed = d.Root()
				}
				m.idp.Sign(t, signed, m.answer.Method)
				w.wrap(d)
				if sameID {
					for _, e := range d.FindElements("//[@ID='_forged']") {
						e.CreateAttr("ID", signed.SelectAttrValue("ID", ""))
					}
				}
				m.refused(t, samltest.Form(t, d), w.want)
			})
		}
	}
}

// What was changed after it was signed, or signed by somebody else or nobody, is refused.
func TestForgedSignatures(t *testing.T) {
	cases := map[string]struct {
		forge func(m *meeting, d *etree.Document)
		want  Reason
	}{
		"unsigned": {func(*meeting, *etree.Document) {}, Unsigned},
		"another key": {func(m *meeting, d *etree.Document) {
			samltest.New(t, m.idp.EntityID, samltest.Other()).Sign(t, samltest.Assertion(d), m.answer.Method)
		}, WrongSigner},
		"name changed": {func(m *meeting, d *etree.Document) {
			m.idp.Sign(t, samltest.Assertion(d), m.answer.Method)
			d.FindElement("//NameID").SetText("admin")
		}, Altered},
		"digest changed": {func(m *meeting, d *etree.Document) {
			m.idp.Sign(t, samltest.Assertion(d), m.answer.Method)
			d.FindElement("//DigestValue").SetText("AAAA")
		}, WrongSigner},
		"response signed, assertion swapped": {func(m *meeting, d *etree.Document) {
			m.idp.Sign(t, d.Root(), m.answer.Method)
			original := samltest.Assertion(d)
			d.Root().InsertChildAt(original.Index(), forged(original))
			d.Root().RemoveChild(original)
		}, Altered},
		"assertion right, response forged": {func(m *meeting, d *etree.Document) {
			m.idp.Sign(t, samltest.Assertion(d), m.answer.Method)
			samltest.New(t, m.idp.EntityID, samltest.Other()).Sign(t, d.Root(), m.answer.Method)
		}, WrongSigner},
		"response right, assertion forged": {func(m *meeting, d *etree.Document) {
			samltest.New(t, m.idp.EntityID, samltest.Other()).Sign(t, samltest.Assertion(d), m.answer.Method)
			m.idp.Sign(t, d.Root(), m.answer.Method)
		}, WrongSigner},
		"two signatures": {func(m *meeting, d *etree.Document) {
			m.idp.Sign(t, samltest.Assertion(d), m.answer.Method)
			m.idp.Sign(t, samltest.Assertion(d), m.answer.Method)
		}, Unsigned},
		"a signature elsewhere": {func(m *meeting, d *etree.Document) {
			m.idp.Sign(t, samltest.Assertion(d), m.answer.Method)
			d.FindElement("//Subject").AddChild(take(samltest.Assertion(d)))
		}, Wrapped},
		"a transform too many": {func(m *meeting, d *etree.Document) {
			m.idp.Sign(t, samltest.Assertion(d), m.answer.Method)
			d.FindElement("//Transforms").AddChild(d.FindElement("//Transform").Copy())
		}, WeakAlgorithm},
		"a transform by XPath": {func(m *meeting, d *etree.Document) {
			m.idp.Sign(t, samltest.Assertion(d), m.answer.Method)
			d.FindElement("//Transform").CreateAttr("Algorithm", "http://www.w3.org/TR/1999/REC-xpath-19991116")
		}, WeakAlgorithm},
		"a second reference": {func(m *meeting, d *etree.Document) {
			m.idp.Sign(t, samltest.Assertion(d), m.answer.Method)
			d.FindElement("//SignedInfo").AddChild(d.FindElement("//Reference").Copy())
		}, Wrapped},
		"a reference to the whole document": {func(m *meeting, d *etree.Document) {
			m.idp.Sign(t, samltest.Assertion(d), m.answer.Method)
			d.FindElement("//Reference").CreateAttr("URI", "")
		}, Wrapped},
		"an HMAC with the public key": {func(m *meeting, d *etree.Document) {
			m.idp.Sign(t, samltest.Assertion(d), m.answer.Method)
			d.FindElement("//SignatureMethod").CreateAttr("Algorithm", "http://www.w3.org/2000/09/xmldsig#hmac-sha1")
		}, WeakAlgorithm},
		"a digest by SHA-1": {func(m *meeting, d *etree.Document) {
			m.idp.Sign(t, samltest.Assertion(d), m.answer.Method)
			d.FindElement("//DigestMethod").CreateAttr("Algorithm", "http://www.w3.org/2000/09/xmldsig#sha1")
		}, WeakAlgorithm},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			m := newMeeting(t)
			d := m.answer.Document(t)
			c.forge(m, d)
			m.refused(t, samltest.Form(t, d), c.want)
		})
	}
}

// A key that can be computed by others is none.
func TestShortKey(t *testing.T) {
	m := newMeetingWith(t, samltest.Short())
	m.refused(t, m.idp.Signed(t, m.answer), WeakAlgorithm)
}

// Documents that do something to their reader are refused before they do.
func TestHostileXML(t *testing.T) {
	m := newMeeting(t)
	d := m.answer.Document(t)
	m.idp.Sign(t, samltest.Assertion(d), m.answer.Method)
	right := string(samltest.Bytes(t, d))
	laughs := `<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>`
	cases := map[string]struct {
		document string
		want     Reason
	}{
		"entities that grow":    {laughs + strings.Replace(right, "bob", "&c;", 1), HasDTD},
		"an entity from a file": {`<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]>` + strings.Replace(right, "bob", "&a;", 1), HasDTD},
		"an unknown entity":     {strings.Replace(right, "bob", "&a;", 1), Malformed},
		"a stylesheet":          {`<?xml-stylesheet href="x"?>` + right, HasComment},
		"a comment before":      {"<!-- -->" + right, HasComment},
		"too deep":              {strings.Replace(right, "bob", strings.Repeat("<a>", 100)+strings.Repeat("</a>", 100), 1), TooLarge},
		"too long":              {strings.Replace(right, "bob", strings.Repeat("b", 1<<20), 1), TooLarge},
		"too many attributes":   {strings.Replace(right, "<saml:NameID", "<saml:NameID "+manyAttributes(100), 1), TooLarge},
		"an attribute twice":    {strings.Replace(right, "<saml:NameID", `<saml:NameID a="" a=""`, 1), Malformed},
		"a tail":                {right + "<x/>", Malformed},
		"UTF-16":                {`<?xml version="1.0" encoding="UTF-16"?>` + right, Malformed},
		"cut off":               {right[:len(right)/2], Malformed},
		"nothing":               {"", Malformed},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			m.refused(t, encode(c.document), c.want)
		})
	}
	m.accepted(t, encode("\uFEFF<?xml version='1.0' encoding='utf-8'?>\n"+right+"\r\n"))
}

func manyAttributes(n int) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, ` a%d=""`, i)
	}
	return out.String()
}

// Assertions that are enciphered for us are opened, and then they are as good as what they hold.
func TestEncrypted(t *testing.T) {
	cases := map[string]struct {
		content           func(m *meeting, assertion []byte) []byte
		cipher, keyCipher string
		foreign           bool // enciphered for another key
		want              Reason
	}{
		"GCM":           {cipher: samltest.GCM, keyCipher: samltest.OAEP},
		"CBC":           {cipher: samltest.CBC, keyCipher: samltest.OAEP},
		"PKCS #1 v1.5":  {cipher: samltest.CBC, keyCipher: samltest.PKCS1, want: WeakAlgorithm},
		"for others":    {cipher: samltest.GCM, keyCipher: samltest.OAEP, foreign: true, want: Undecipherable},
		"as another":    {cipher: samltest.CBC + "x", keyCipher: samltest.OAEP, want: WeakAlgorithm},
		"altered":       {func(_ *meeting, a []byte) []byte { return []byte(strings.Replace(string(a), "bob", "eve", 1)) }, samltest.GCM, samltest.OAEP, false, Altered},
		"two":           {func(_ *meeting, a []byte) []byte { return append(a, a...) }, samltest.GCM, samltest.OAEP, false, Undecipherable},
		"with entities": {func(_ *meeting, a []byte) []byte { return append([]byte("<!DOCTYPE a>"), a...) }, samltest.GCM, samltest.OAEP, false, Undecipherable},
		"no assertion":  {func(*meeting, []byte) []byte { return []byte("<a/>") }, samltest.GCM, samltest.OAEP, false, Undecipherable},
		"unsigned": {func(m *meeting, _ []byte) []byte {
			return elementBytes(t, samltest.Assertion(m.answer.Document(t)))
		}, samltest.GCM, samltest.OAEP, false, Unsigned},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			m := newMeeting(t)
			d := m.answer.Document(t)
			m.idp.Sign(t, samltest.Assertion(d), m.answer.Method)
			content := elementBytes(t, samltest.Assertion(d))
			if c.content != nil {
				content = c.content(m, content)
			}
			to := &samltest.Other().PublicKey
			if c.foreign {
				to = &samltest.RSA().PublicKey
			}
			samltest.Encrypt(t, d, content, to, c.cipher, c.keyCipher)
			if c.want != "" {
				m.refused(t, samltest.Form(t, d), c.want)
				return
			}
			if p := m.accepted(t, samltest.Form(t, d)); p.NameID != "bob" {
				t.Errorf("got %+v", p)
			}
		})
	}
}

// An enciphered assertion that is not signed itself is good in a response that is.
func TestEncryptedInSignedResponse(t *testing.T) {
	m := newMeeting(t)
	d := m.answer.Document(t)
	content := elementBytes(t, samltest.Assertion(d))
	samltest.Encrypt(t, d, content, &samltest.Other().PublicKey, samltest.GCM, samltest.OAEP)
	m.idp.Sign(t, d.Root(), m.answer.Method)
	m.accepted(t, samltest.Form(t, d))
}
