package federation

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/beevik/etree"

	"github.com/nubo-cloud/nubo/internal/saml"
	"github.com/nubo-cloud/nubo/internal/saml/samltest"
	"github.com/nubo-cloud/nubo/test/cloudtest"
)

const ecpProfile = "urn:oasis:names:tc:SAML:2.0:profiles:SSO:ecp"

// envelope gets bob's answer as programs do: what is to be brought to the cloud.
func (c *campus) envelope(t *testing.T) *etree.Document {
	t.Helper()
	asked := c.ask("", "GET", "/v3/OS-FEDERATION/identity_providers/campus/protocols/saml2/auth", "",
		"Accept", saml.PAOSType, "PAOS", `ver="urn:liberty:paos:2003-08";"`+ecpProfile+`"`)
	request := etree.NewDocument()
	cloudtest.Check(t, request.ReadFromString(asked.body))
	header := request.FindElement("//Header")
	request.Root().RemoveChild(header)
	answer := c.idp.answerEnvelope(t, samltest.Bytes(t, request))
	relay := answer.FindElement("//Header").CreateElement("ecp:RelayState")
	relay.CreateAttr("xmlns:ecp", ecpProfile)
	relay.SetText(header.FindElement("RelayState").Text())
	return answer
}

// answerEnvelope has the identity provider answer a program that knows bob's password.
func (p *simplesamlphp) answerEnvelope(t *testing.T, request []byte) *etree.Document {
	t.Helper()
	r, err := http.NewRequest("POST", p.signOn(), bytes.NewReader(request))
	cloudtest.Check(t, err)
	r.Header.Set("Content-Type", "text/xml")
	r.SetBasicAuth("bob", bobsPassword)
	a, err := http.DefaultClient.Do(r)
	cloudtest.Check(t, err)
	defer a.Body.Close()
	d := etree.NewDocument()
	_, err = d.ReadFrom(a.Body)
	cloudtest.Check(t, err)
	return d
}

func (c *campus) bringEnvelope(t *testing.T, d *etree.Document) reply {
	t.Helper()
	return c.ask("", "POST", "/v3/mellon/paosResponse", string(samltest.Bytes(t, d)), "Content-Type", saml.PAOSType)
}

// TestSAMLEnvelopesRefused: what programs bring is believed no more easily than what browsers bring.
func TestSAMLEnvelopesRefused(t *testing.T) {
	c := newCampus(t, nil)
	for name, forge := range map[string]struct {
		reason string
		change func(response *etree.Element)
	}{
		"signatures stripped": {"unsigned", strip},
		"tampered attribute":  {"altered", promote},
	} {
		t.Run(name, func(t *testing.T) {
			d, before := c.envelope(t), len(c.logged())
			forge.change(d.FindElement("//Body/Response"))
			a := c.bringEnvelope(t, d)
			c.isRefusal(t, a.status, a.body, before, forge.reason)
		})
	}
	t.Run("replayed", func(t *testing.T) {
		d, before := c.envelope(t), len(c.logged())
		if a := c.bringEnvelope(t, d); a.status != http.StatusSeeOther {
			t.Fatalf("brought once: %d %s", a.status, a.body)
		}
		a := c.bringEnvelope(t, d)
		c.isRefusal(t, a.status, a.body, before, "replayed")
	})
}
