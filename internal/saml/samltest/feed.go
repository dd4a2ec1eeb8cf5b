package samltest

import (
	"bufio"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// Feed is a federation's metadata: the entities, of which every second is an identity provider. It is written in canonical form, so
// that no other code has a part in its digest.
type Feed struct {
	Entities   int
	ValidUntil time.Time
	Extra      string // within the root, behind the entities
}

const (
	feedHead = `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" ID="_feed" Name="https://federation.example"%s>`
	feedTail = "\n</md:EntitiesDescriptor>"

	entityHead = "\n" + `<md:EntityDescriptor entityID="https://%[1]s.example/saml"><md:Extensions>` +
		`<mdrpi:RegistrationInfo xmlns:mdrpi="urn:oasis:names:tc:SAML:metadata:rpi" registrationAuthority="https://authority.example" registrationInstant="2020-01-01T00:00:00Z">` +
		`<mdrpi:RegistrationPolicy xml:lang="en">https://authority.example/policy</mdrpi:RegistrationPolicy></mdrpi:RegistrationInfo>` +
		`<mdattr:EntityAttributes xmlns:mdattr="urn:oasis:names:tc:SAML:metadata:attribute"><saml:Attribute xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" Name="http://macedir.org/entity-category" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:uri">` +
		`<saml:AttributeValue>%[2]s</saml:AttributeValue></saml:Attribute></mdattr:EntityAttributes></md:Extensions>`
	idpRole = `<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">` +
		`<md:Extensions><shibmd:Scope xmlns:shibmd="urn:mace:shibboleth:metadata:1.0" regexp="false">%[1]s.example</shibmd:Scope>%[2]s</md:Extensions>%[3]s` +
		`<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://%[1]s.example/redirect?a=1&amp;b=2"></md:SingleSignOnService>` +
		`<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://%[1]s.example/post"></md:SingleSignOnService></md:IDPSSODescriptor>`
	spRole = `<md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:Extensions>%[2]s</md:Extensions>%[3]s` +
		`<md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://%[1]s.example/acs" index="0"></md:AssertionConsumerService></md:SPSSODescriptor>`
	uiForm = `<mdui:UIInfo xmlns:mdui="urn:oasis:names:tc:SAML:metadata:ui"><mdui:DisplayName xml:lang="en">University of %[1]s</mdui:DisplayName>` +
		`<mdui:DisplayName xml:lang="fr">Université de %[1]s</mdui:DisplayName><mdui:Description xml:lang="en">%[2]s</mdui:Description>` +
		`<mdui:Logo height="60" width="80">data:image/png;base64,%[3]s</mdui:Logo></mdui:UIInfo>`
	keyForm = `<md:KeyDescriptor%s><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>` + "\n%s\n" +
		`</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`
	entityTail = `<md:Organization><md:OrganizationName xml:lang="en">%[1]s</md:OrganizationName><md:OrganizationDisplayName xml:lang="en">%[1]s</md:OrganizationDisplayName>` +
		`<md:OrganizationURL xml:lang="en">https://%[1]s.example/</md:OrganizationURL></md:Organization>` +
		`<md:ContactPerson contactType="technical"><md:EmailAddress>mailto:it@%[1]s.example</md:EmailAddress></md:ContactPerson></md:EntityDescriptor>`

	feedInfo = `<ds:SignedInfo%s><ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"></ds:CanonicalizationMethod>` +
		`<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"></ds:SignatureMethod><ds:Reference URI="#_feed"><ds:Transforms>` +
		`<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"></ds:Transform><ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"></ds:Transform></ds:Transforms>` +
		`<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod><ds:DigestValue>%s</ds:DigestValue></ds:Reference></ds:SignedInfo>`
)

// Write writes the feed, signed by an identity provider's key.
func (f Feed) Write(t testing.TB, out io.Writer, signer *IdentityProvider) {
	t.Helper()
	valid := ""
	if !f.ValidUntil.IsZero() {
		valid = fmt.Sprintf(` validUntil="%s"`, f.ValidUntil.UTC().Format(time.RFC3339))
	}
	head := fmt.Sprintf(feedHead, valid)
	sum := sha256.New()
	_, err := io.WriteString(sum, head)
	check(t, err)
	f.body(t, sum, signer)
	b64 := base64.StdEncoding.EncodeToString
	digest := b64(sum.Sum(nil))
	info := sha256.Sum256(fmt.Appendf(nil, feedInfo, ` xmlns:ds="http://www.w3.org/2000/09/xmldsig#"`, digest))
	value, err := signer.Key.Sign(rand.Reader, info[:], crypto.SHA256)
	check(t, err)
	w := bufio.NewWriter(out)
	fmt.Fprintf(w, `%s<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#">%s<ds:SignatureValue>%s</ds:SignatureValue></ds:Signature>`,
		head, fmt.Sprintf(feedInfo, "", digest), b64(value))
	f.body(t, w, signer)
	check(t, w.Flush())
}

func (f Feed) body(t testing.TB, out io.Writer, signer *IdentityProvider) {
	t.Helper()
	certificate := base64.StdEncoding.EncodeToString(signer.Certificate.Raw)
	logo, words := strings.Repeat("iVBORw0KGgo", 650), strings.Repeat("A place of learning &amp; teaching. ", 30)
	for n := range f.Entities {
		name, category, role := fmt.Sprintf("place%d", n), "http://refeds.org/category/research-and-scholarship", spRole
		if n%2 == 0 {
			role = idpRole
		}
		if n%10 == 4 {
			category = "http://refeds.org/category/hide-from-discovery"
		}
		keys := fmt.Sprintf(keyForm, ` use="signing"`, certificate) + fmt.Sprintf(keyForm, ` use="encryption"`, certificate)
		_, err := fmt.Fprintf(out, "%s%s%s", fmt.Sprintf(entityHead, name, category),
			fmt.Sprintf(role, name, fmt.Sprintf(uiForm, name, words, logo), keys), fmt.Sprintf(entityTail, name))
		check(t, err)
	}
	_, err := io.WriteString(out, f.Extra+feedTail)
	check(t, err)
}
