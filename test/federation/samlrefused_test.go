package federation

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/nubo-cloud/nubo/internal/saml/samltest"
	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// forgeries make of what the identity provider answered for bob something that would be of more use, were it believed.
var forgeries = []struct {
	name, reason string
	forge        func(t *testing.T, d *etree.Document)
}{
	{"signatures stripped", "unsigned", func(_ *testing.T, d *etree.Document) { strip(d.Root()) }},
	{"tampered attribute", "altered", func(_ *testing.T, d *etree.Document) { promote(d.Root()) }},
	{"tampered attribute, response's signature stripped", "altered", func(_ *testing.T, d *etree.Document) {
		stripOne(d.Root())
		promote(d.Root())
	}},
	{"signed by somebody else", "wrong signer", func(t *testing.T, d *etree.Document) {
		strip(d.Root())
		promote(d.Root())
		samltest.New(t, "", samltest.Other()).Sign(t, samltest.Assertion(d), dsig.RSASHA256SignatureMethod)
	}},
	{"wrapped beside", "several assertions", func(_ *testing.T, d *etree.Document) {
		stripOne(d.Root())
		original := samltest.Assertion(d)
		d.Root().InsertChildAt(original.Index(), forgedOf(original))
	}},
	{"wrapped around", "wrapped", func(_ *testing.T, d *etree.Document) {
		stripOne(d.Root())
		original := samltest.Assertion(d)
		evil := forgedOf(original)
		d.Root().InsertChildAt(original.Index(), evil)
		evil.AddChild(original)
	}},
	{"wrapped in the signature", "wrapped", func(_ *testing.T, d *etree.Document) {
		original := d.Root()
		evil := forgedOf(original)
		signature := stripOne(original)
		d.SetRoot(evil)
		evil.InsertChildAt(1, signature)
		signature.CreateElement("ds:Object").AddChild(original)
	}},
	{"comment in a name", "comment", func(_ *testing.T, d *etree.Document) {
		name := d.FindElement("//AttributeValue")
		text := name.Text()
		name.SetText(text[:1])
		name.CreateComment("")
		name.CreateText(text[1:])
	}},
	{"entities that expand", "DTD", func(_ *testing.T, d *etree.Document) {
		doctype := etree.NewDocument()
		doctype.CreateDirective(`DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]`)
		d.InsertChildAt(0, doctype.Child[0])
	}},
}

// strip takes all signatures away, stripOne one element's own.
func strip(e *etree.Element) {
	for _, signature := range e.FindElements(".//Signature") {
		signature.Parent().RemoveChild(signature)
	}
}

func stripOne(e *etree.Element) *etree.Element {
	signature := e.SelectElement("Signature")
	e.RemoveChild(signature)
	return signature
}

// promote gives whom an element tells of the entitlements of others.
func promote(e *etree.Element) {
	for _, value := range e.FindElements(".//AttributeValue") {
		value.SetText("urn:mace:example.org:group:admin:role=owner#aai.example.org")
	}
}

// forgedOf is a copy with another id, of somebody else, and without signatures.
func forgedOf(e *etree.Element) *etree.Element {
	c := e.Copy()
	c.CreateAttr("ID", "_forged")
	strip(c)
	promote(c)
	return c
}

// forge changes an answer.
func forge(t *testing.T, answer form, change func(t *testing.T, d *etree.Document)) form {
	t.Helper()
	text, err := base64.StdEncoding.DecodeString(answer.fields.Get("SAMLResponse"))
	cloudtest.Check(t, err)
	d := etree.NewDocument()
	cloudtest.Check(t, d.ReadFromBytes(text))
	change(t, d)
	answer.fields.Set("SAMLResponse", string(samltest.Form(t, d)))
	return answer
}

// wantRefused wants an answer refused, and the log, but nobody else, told why.
func (c *campus) wantRefused(w *walker, answer form, reason string) {
	w.t.Helper()
	before := len(c.logged())
	p := bring(w, answer)
	c.isRefusal(w.t, p.status, p.text, before, reason)
}

// isRefusal wants what the cloud said to be a refusal, and its log, which was so long before, to tell why.
func (c *campus) isRefusal(t *testing.T, status int, said string, before int, reason string) {
	t.Helper()
	if status != http.StatusUnauthorized || strings.Contains(said, reason) {
		t.Errorf("%d %s", status, said)
	}
	if log := c.logged()[before:]; !strings.Contains(log, "sign-in refused: "+reason) {
		t.Errorf("the log says nothing of %q:\n%s", reason, log)
	}
}

// TestSAMLRefused: an answer that must not be believed is told 401 and no more, and the log says why.
func TestSAMLRefused(t *testing.T) {
	c := newCampus(t, nil)
	for _, f := range forgeries {
		t.Run(f.name, func(t *testing.T) {
			w := newWalker(t)
			c.wantRefused(w, forge(t, c.answer(w), f.forge), f.reason)
		})
	}
	t.Run("not forged", func(t *testing.T) {
		w := newWalker(t)
		c.wantToken(w, bring(w, forge(t, c.answer(w), func(*testing.T, *etree.Document) {})))
	})
	t.Run("expired", func(t *testing.T) { c.refusesWays(t, `'assertion.lifetime' => -1000`, "expired") })
	t.Run("SHA-1", func(t *testing.T) {
		c.refusesWays(t, `'signature.algorithm' => 'http://www.w3.org/2000/09/xmldsig#rsa-sha1'`, "weak algorithm")
	})
	t.Run("for another service", func(t *testing.T) { c.refusesService(t, otherService, otherService+"/acs", "wrong recipient") })
	t.Run("for another audience", func(t *testing.T) { c.refusesService(t, greedyService, c.consumer(), "wrong audience") })
	t.Run("replayed", func(t *testing.T) { c.replayed(t) })
	t.Run("to another request", func(t *testing.T) {
		w := newWalker(t)
		old := c.answer(w).fields.Get("SAMLResponse")
		new := w.form(w.open(c.beginning(trustedPage)), "SAMLResponse")
		new.fields.Set("SAMLResponse", old)
		c.wantRefused(w, new, "wrong InResponseTo")
	})
}

// refusesWays wants answers refused that the identity provider makes in a way it should not.
func (c *campus) refusesWays(t *testing.T, settings, reason string) {
	t.Helper()
	c.idp.behave(t, settings)
	defer c.idp.behave(t, "")
	w := newWalker(t)
	c.wantRefused(w, c.answer(w), reason)
}

// refusesService wants an answer refused that a service got which asked with the id of the cloud's own request.
func (c *campus) refusesService(t *testing.T, service, consumer, reason string) {
	t.Helper()
	w := newWalker(t)
	asked := w.sentTo(c.beginning(trustedPage))
	q := asked.Query()
	request := inflate(t, q.Get("SAMLRequest"))
	request.FindElement("//Issuer").SetText(service)
	request.Root().CreateAttr("AssertionConsumerServiceURL", consumer)
	asked.RawQuery = url.Values{"SAMLRequest": {deflate(t, request)}, "RelayState": {q.Get("RelayState")}}.Encode()
	answer := c.idp.signIn(w, w.open(asked.String()))
	if answer.action != consumer {
		t.Fatalf("the answer is for %s", answer.action)
	}
	answer.action = c.consumer()
	c.wantRefused(w, answer, reason)
}

func inflate(t *testing.T, request string) *etree.Document {
	t.Helper()
	packed, err := base64.StdEncoding.DecodeString(request)
	cloudtest.Check(t, err)
	text, err := io.ReadAll(flate.NewReader(bytes.NewReader(packed)))
	cloudtest.Check(t, err)
	d := etree.NewDocument()
	cloudtest.Check(t, d.ReadFromBytes(text))
	return d
}

func deflate(t *testing.T, d *etree.Document) string {
	t.Helper()
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.DefaultCompression)
	cloudtest.Check(t, err)
	_, err = d.WriteTo(w)
	cloudtest.Check(t, err)
	cloudtest.Check(t, w.Close())
	return base64.StdEncoding.EncodeToString(packed.Bytes())
}

// replayed brings an answer that was good once, with the cookies of that time.
func (c *campus) replayed(t *testing.T) {
	t.Helper()
	w := newWalker(t)
	answer := c.answer(w)
	cloud, err := url.Parse(c.url)
	cloudtest.Check(t, err)
	kept := w.client.Jar.Cookies(cloud)
	c.wantToken(w, bring(w, answer))
	if p := bring(w, answer); p.status != http.StatusUnauthorized || !strings.Contains(p.text, "did not begin in this browser") {
		t.Errorf("without the cookies: %d %s", p.status, p.text)
	}
	w.client.Jar.SetCookies(cloud, kept)
	c.wantRefused(w, answer, "replayed")
}
