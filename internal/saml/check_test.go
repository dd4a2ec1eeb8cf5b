package saml

import (
	"context"
	"crypto"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/saml/samltest"
)

const request = "_request"

var when = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// meeting is a service provider and an identity provider that know each other.
type meeting struct {
	sp     *ServiceProvider
	idp    *samltest.IdentityProvider
	answer samltest.Answer // that is right
	seen   map[string]time.Time
}

func newMeeting(t testing.TB) *meeting {
	t.Helper()
	return newMeetingWith(t, samltest.RSA())
}

func newMeetingWith(t testing.TB, key crypto.Signer) *meeting {
	t.Helper()
	m := &meeting{
		sp: &ServiceProvider{EntityID: "https://sp.example", ACS: "https://sp.example/acs", PAOS: "https://sp.example/paos",
			Key: samltest.Other(), Certificate: samltest.Certify(t, samltest.Other()), Now: func() time.Time { return when }},
		idp:  samltest.New(t, "https://idp.example", key),
		seen: map[string]time.Time{},
	}
	m.answer = m.idp.Right(when, m.sp.EntityID, m.sp.ACS, request)
	return m
}

func (m *meeting) expect() Expectation {
	return Expectation{Binding: POST, RequestID: request, Providers: m.providers,
		Once: func(_ context.Context, issuer, id string, until time.Time) (bool, error) {
			_, seen := m.seen[issuer+" "+id]
			m.seen[issuer+" "+id] = until
			return !seen, nil
		}}
}

func (m *meeting) providers(entityID string) (*IdentityProvider, error) {
	if entityID != m.idp.EntityID {
		return nil, ErrNoProvider
	}
	return ParseIdentityProvider(m.idp.Metadata())
}

func (m *meeting) check(raw []byte) (*Person, error) {
	return m.sp.Check(context.Background(), raw, m.expect())
}

// refused fails the test unless a message is refused for a reason.
func (m *meeting) refused(t testing.TB, raw []byte, want Reason) {
	t.Helper()
	p, err := m.check(raw)
	var r *Refusal
	if p != nil || !errors.As(err, &r) || r.Reason != want {
		t.Errorf("got %v, %v; want a refusal for being %s", p, err, want)
	}
	if len(m.seen) > 0 && want != Replayed {
		t.Error("a refused assertion counts as seen")
	}
}

func (m *meeting) accepted(t testing.TB, raw []byte) *Person {
	t.Helper()
	p, err := m.check(raw)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A right answer says who signed in, whichever part of it is signed.
func TestRightAnswer(t *testing.T) {
	sign := map[string]func(m *meeting) []byte{
		"assertion": func(m *meeting) []byte { return m.idp.Signed(t, m.answer) },
		"response": func(m *meeting) []byte {
			d := m.answer.Document(t)
			m.idp.Sign(t, d.Root(), m.answer.Method)
			return samltest.Form(t, d)
		},
		"both": func(m *meeting) []byte {
			d := m.answer.Document(t)
			m.idp.Sign(t, samltest.Assertion(d), m.answer.Method)
			m.idp.Sign(t, d.Root(), m.answer.Method)
			return samltest.Form(t, d)
		},
		"no issuer outside": func(m *meeting) []byte {
			m.answer.Issuer = ""
			return m.idp.Signed(t, m.answer)
		},
		"SHA-512": func(m *meeting) []byte {
			m.answer.Method = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"
			return m.idp.Signed(t, m.answer)
		},
	}
	for name, signed := range sign {
		t.Run(name, func(t *testing.T) {
			m := newMeeting(t)
			raw := signed(m)
			got := m.accepted(t, raw)
			want := &Person{
				Issuer: "https://idp.example", AssertionID: "_assertion", NameID: "bob", NameIDFormat: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
				SignedIn: when, SessionEnds: when.Add(8 * time.Hour),
				Attributes: map[string][]string{
					"eduPersonEntitlement":              {"urn:a", "urn:b & é"},
					"urn:oid:1.3.6.1.4.1.5923.1.1.1.7":  {"urn:a", "urn:b & é"},
					"mail":                              {"bob@example.org"},
					"urn:oid:0.9.2342.19200300.100.1.3": {"bob@example.org"},
				},
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v\nwant %+v", got, want)
			}
			m.refused(t, raw, Replayed)
			if until := m.seen["https://idp.example _assertion"]; !until.Equal(when.Add(6 * time.Minute)) {
				t.Errorf("remembered until %v", until)
			}
		})
	}
}

// What is not for us, not for now or not for this request is refused, however well it is signed.
func TestWrongAnswers(t *testing.T) {
	cases := map[string]struct {
		change func(*samltest.Answer)
		want   Reason
	}{
		"expired conditions":   {func(a *samltest.Answer) { a.NotOnOrAfter = when.Add(-time.Minute) }, Expired},
		"expired confirmation": {func(a *samltest.Answer) { a.ConfirmedUntil = when.Add(-time.Minute) }, Expired},
		"ended session":        {func(a *samltest.Answer) { a.SessionUntil = when.Add(-time.Hour) }, Expired},
		"not yet":              {func(a *samltest.Answer) { a.NotBefore = when.Add(time.Minute + time.Second) }, NotYetValid},
		"issued in the future": {func(a *samltest.Answer) { a.Now = when.Add(2 * time.Minute) }, NotYetValid},
		"other audience":       {func(a *samltest.Answer) { a.Audience = "https://other.example" }, WrongAudience},
		"audience with a tail": {func(a *samltest.Answer) { a.Audience = "https://sp.example/" }, WrongAudience},
		"no audience":          {func(a *samltest.Answer) { a.Audience = "" }, WrongAudience},
		"a second audience": {func(a *samltest.Answer) {
			a.Conditions = "<saml:AudienceRestriction><saml:Audience>x</saml:Audience></saml:AudienceRestriction>"
		}, WrongAudience},
		"unknown condition":       {func(a *samltest.Answer) { a.Conditions = `<saml:Condition/>` }, UnknownCondition},
		"other recipient":         {func(a *samltest.Answer) { a.Recipient = "https://other.example/acs" }, WrongRecipient},
		"recipient of PAOS":       {func(a *samltest.Answer) { a.Recipient = "https://sp.example/paos" }, WrongRecipient},
		"no recipient":            {func(a *samltest.Answer) { a.Recipient = "" }, WrongRecipient},
		"other destination":       {func(a *samltest.Answer) { a.Destination = "https://other.example/acs" }, WrongRecipient},
		"response to another":     {func(a *samltest.Answer) { a.InResponseTo = "_other" }, WrongRequest},
		"assertion for another":   {func(a *samltest.Answer) { a.Confirms = "_other" }, WrongRequest},
		"assertion for none":      {func(a *samltest.Answer) { a.InResponseTo, a.Confirms = "", "" }, WrongRequest},
		"unknown issuer":          {func(a *samltest.Answer) { a.Issuer, a.AssertionIssuer = "https://x.example", "https://x.example" }, UnknownIssuer},
		"two issuers":             {func(a *samltest.Answer) { a.Issuer = "https://x.example" }, WrongIssuer},
		"no success":              {func(a *samltest.Answer) { a.Status = "urn:oasis:names:tc:SAML:2.0:status:Responder" }, NotSuccess},
		"SHA-1":                   {func(a *samltest.Answer) { a.Method = "http://www.w3.org/2000/09/xmldsig#rsa-sha1" }, WeakAlgorithm},
		"elements in the name":    {func(a *samltest.Answer) { a.NameID = "bob<saml:x/>" }, Malformed},
		"comment in the name":     {func(a *samltest.Answer) { a.NameID = "admin<!-- -->.evil" }, HasComment},
		"instruction in the name": {func(a *samltest.Answer) { a.NameID = "admin<?x?>.evil" }, HasComment},
		"comment in an attribute": {func(a *samltest.Answer) {
			a.Attributes = `<saml:Attribute Name="mail"><saml:AttributeValue>a<!---->b</saml:AttributeValue></saml:Attribute>`
		}, HasComment},
		"the two have the same id": {func(a *samltest.Answer) { a.ID = a.AssertionID }, Wrapped},
		"an id elsewhere":          {func(a *samltest.Answer) { a.Attributes = `<saml:Attribute Name="mail" id="_assertion"/>` }, Wrapped},
		"an assertion as an advice": {func(a *samltest.Answer) {
			a.Attributes = `<saml:Attribute Name="x"><saml:AttributeValue><saml:Assertion/></saml:AttributeValue></saml:Attribute>`
		}, Wrapped},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			m := newMeeting(t)
			c.change(&m.answer)
			m.refused(t, m.idp.Signed(t, m.answer), c.want)
		})
	}
}

// Clocks may be a minute apart, and no more.
func TestSkew(t *testing.T) {
	m := newMeeting(t)
	m.answer.NotBefore, m.answer.NotOnOrAfter = when.Add(time.Minute), when.Add(-time.Minute+time.Second)
	m.answer.ConfirmedUntil = when.Add(-time.Minute + time.Second)
	m.accepted(t, m.idp.Signed(t, m.answer))
}

// What nobody asked for is refused.
func TestUnasked(t *testing.T) {
	m := newMeeting(t)
	m.answer.InResponseTo, m.answer.Confirms = "", ""
	e := m.expect()
	e.RequestID = ""
	var r *Refusal
	if _, err := m.sp.Check(t.Context(), m.idp.Signed(t, m.answer), e); !errors.As(err, &r) || r.Reason != WrongRequest {
		t.Errorf("got %v", err)
	}
}

// What cannot be checked is no refusal.
func TestTrouble(t *testing.T) {
	m := newMeeting(t)
	raw, trouble := m.idp.Signed(t, m.answer), errors.New("the disk is full")
	e := m.expect()
	e.Once = func(context.Context, string, string, time.Time) (bool, error) { return true, trouble }
	if _, err := m.sp.Check(t.Context(), raw, e); !errors.Is(err, trouble) {
		t.Errorf("got %v", err)
	}
	e.Providers = func(string) (*IdentityProvider, error) { return nil, trouble }
	if _, err := m.sp.Check(t.Context(), raw, e); !errors.Is(err, trouble) {
		t.Errorf("got %v", err)
	}
}

// A person becomes the attributes that mapping files name.
func TestAssertion(t *testing.T) {
	m := newMeeting(t)
	m.answer.Attributes += `<saml:Attribute Name="IDP"><saml:AttributeValue>https://forged.example</saml:AttributeValue></saml:Attribute>` +
		`<saml:Attribute Name="urn:x" FriendlyName="mail"><saml:AttributeValue>admin@example.org</saml:AttributeValue></saml:Attribute>` +
		`<saml:Attribute Name="REMOTE_USER"><saml:AttributeValue>admin</saml:AttributeValue></saml:Attribute>`
	got := m.accepted(t, m.idp.Signed(t, m.answer)).Assertion()
	want := map[string]string{
		"Shib-Identity-Provider": "https://idp.example", "MELLON_IDP": "https://idp.example", "REMOTE_USER": "bob", "MELLON_NAME_ID": "bob",
		"MELLON_REMOTE_USER": "admin", "IDP": "https://forged.example",
	}
	for name, value := range map[string]string{
		"eduPersonEntitlement": "urn:a;urn:b & é", "urn:oid:1.3.6.1.4.1.5923.1.1.1.7": "urn:a;urn:b & é",
		"mail": "bob@example.org", "urn:oid:0.9.2342.19200300.100.1.3": "bob@example.org", "urn:x": "admin@example.org",
	} {
		want[name], want["MELLON_"+name] = value, value
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

// An identity provider of a feed names nobody of another's domain, under no name of the attribute.
func TestScopes(t *testing.T) {
	m := newMeeting(t)
	attribute := func(name, nickname, value string) string {
		return `<saml:Attribute Name="` + name + `" FriendlyName="` + nickname + `"><saml:AttributeValue>` + value + `</saml:AttributeValue></saml:Attribute>`
	}
	m.answer.Attributes = attribute("urn:oid:1.3.6.1.4.1.5923.1.1.1.6", "", "admin@bank.example") + attribute("urn:oid:1.3.6.1.4.1.5923.1.1.1.13", "", "bob@Example.ORG") +
		attribute("voPersonID", "", "admin@bank.example@") + attribute("urn:x", "subject-id", "admin") + attribute("urn:mace:dir:attribute-def:eduPersonPrincipalName", "", "admin@bank.example") +
		attribute("MELLON_eduPersonPrincipalName", "", "admin@bank.example") + attribute("mail", "", "bob@private.example")
	e := m.expect()
	e.Providers = func(id string) (*IdentityProvider, error) {
		p, err := m.providers(id)
		p.Bound = true
		return p, err
	}
	raw := m.idp.Signed(t, m.answer)
	p, err := m.sp.Check(t.Context(), raw, e)
	if err != nil {
		t.Fatal(err)
	}
	got := slices.Sorted(maps.Keys(p.Assertion()))
	want := []string{"MELLON_IDP", "MELLON_NAME_ID", "MELLON_eduPersonUniqueId", "MELLON_mail", "MELLON_urn:oid:1.3.6.1.4.1.5923.1.1.1.13",
		"REMOTE_USER", "Shib-Identity-Provider", "eduPersonUniqueId", "mail", "urn:oid:1.3.6.1.4.1.5923.1.1.1.13"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	clear(m.seen)
	if p := m.accepted(t, raw); len(p.Attributes["eduPersonPrincipalName"]) != 1 {
		t.Errorf("one that is trusted by itself may not: %v", p.Attributes)
	}
}

// Hundreds of entitlements fit.
func TestManyEntitlements(t *testing.T) {
	m := newMeeting(t)
	value := `<saml:AttributeValue>urn:mace:egi.eu:group:a.rather.long.name.of.a.community.egi.eu:role=vm_operator#aai.egi.eu</saml:AttributeValue>`
	m.answer.Attributes = `<saml:Attribute Name="urn:oid:1.3.6.1.4.1.5923.1.1.1.7">` + strings.Repeat(value, 400) + `</saml:Attribute>`
	if n := len(m.accepted(t, m.idp.Signed(t, m.answer)).Attributes["eduPersonEntitlement"]); n != 400 {
		t.Errorf("got %d", n)
	}
}
