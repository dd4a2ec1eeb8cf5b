package saml

import (
	"slices"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/saml/xmlsig"
)

// Person is who signed in, in the identity provider's words.
type Person struct {
	Issuer       string
	AssertionID  string
	NameID       string // empty where the identity provider names nobody
	NameIDFormat string
	Attributes   map[string][]string // by Name, and by the usual name or the FriendlyName
	SignedIn     time.Time           // when the identity provider saw the person
	SessionEnds  time.Time           // zero where it says nothing
}

// usualNames are what people call the attributes whose names are numbers.
var usualNames = map[string]string{
	"urn:oid:0.9.2342.19200300.100.1.1":             "uid",
	"urn:oid:0.9.2342.19200300.100.1.3":             "mail",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.1":              "eduPersonAffiliation",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.6":              "eduPersonPrincipalName",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.7":              "eduPersonEntitlement",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.9":              "eduPersonScopedAffiliation",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.10":             "eduPersonTargetedID",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.11":             "eduPersonAssurance",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.13":             "eduPersonUniqueId",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.16":             "eduPersonOrcid",
	"urn:oid:1.3.6.1.4.1.24552.500.1.1.1.13":        "sshPublicKey",
	"urn:oid:1.3.6.1.4.1.25178.1.2.9":               "schacHomeOrganization",
	"urn:oid:1.3.6.1.4.1.25178.4.1.6":               "voPersonID",
	"urn:oid:2.16.840.1.113730.3.1.241":             "displayName",
	"urn:oid:2.5.4.3":                               "cn",
	"urn:oid:2.5.4.4":                               "sn",
	"urn:oid:2.5.4.10":                              "o",
	"urn:oid:2.5.4.42":                              "givenName",
	"urn:oasis:names:tc:SAML:attribute:subject-id":  "subject-id",
	"urn:oasis:names:tc:SAML:attribute:pairwise-id": "pairwise-id",
}

// scoped are the attributes whose values end in "@" and a domain that vouches for them.
var scoped = []string{"eduPersonPrincipalName", "eduPersonScopedAffiliation", "eduPersonUniqueId", "voPersonID", "subject-id", "pairwise-id"}

// attributesOf reads the attributes of an assertion that its issuer may make. A name that is the Name of one attribute is not taken by
// the usual name of another, and neither by anybody's FriendlyName.
func attributesOf(a *xmlsig.Element, issuer *IdentityProvider) map[string][]string {
	byName, usual, friendly := map[string][]string{}, map[string][]string{}, map[string][]string{}
	for _, statement := range a.All(samlSpace, "AttributeStatement") {
		for _, attribute := range statement.All(samlSpace, "Attribute") {
			name, nickname := attribute.Attr("Name"), attribute.Attr("FriendlyName")
			values := valuesOf(attribute)
			if isScoped(name, usualNames[name], nickname) {
				values = slices.DeleteFunc(values, func(v string) bool { return !issuer.vouches(v) })
			}
			add(byName, name, values)
			add(usual, usualNames[name], values)
			add(friendly, nickname, values)
		}
	}
	for _, more := range []map[string][]string{usual, friendly} {
		for name, values := range more {
			if _, taken := byName[name]; !taken {
				byName[name] = values
			}
		}
	}
	return byName
}

func add(to map[string][]string, name string, values []string) {
	if name != "" && len(values) > 0 {
		to[name] = append(to[name], values...)
	}
}

// isScoped reports whether any name of an attribute, as it is or behind a prefix such as "urn:mace:dir:attribute-def:", is one with a scope.
func isScoped(names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(scoped, n[strings.LastIndex(n, ":")+1:]) })
}

// vouches reports whether a value with a scope may come from an identity provider.
func (p *IdentityProvider) vouches(value string) bool {
	scope := value[strings.LastIndex(value, "@")+1:]
	return !p.Bound || scope != value && slices.Contains(p.Scopes, strings.ToLower(scope))
}

// valuesOf are an attribute's values. One that is an element is left out, unless it is a name id, whose text it is.
func valuesOf(attribute *xmlsig.Element) (out []string) {
	for _, v := range attribute.All(samlSpace, "AttributeValue") {
		text, whole := v.Text()
		if id := v.One(samlSpace, "NameID"); id != nil {
			text, whole = id.Text()
		}
		if whole && text != "" {
			out = append(out, text)
		}
	}
	return out
}

// Assertion writes a person as the attributes that mapping files name. An attribute x is there as "x" and as "MELLON_x";
// several values become one text, joined by ";", which rules take apart again. The issuer is there as Shib-Identity-Provider and
// MELLON_IDP, the name id as REMOTE_USER and MELLON_NAME_ID; no attribute can take their place.
//
// Source: what Apache's mod_auth_mellon and mod_shib hand on.
func (p *Person) Assertion() map[string]string {
	out := map[string]string{}
	for name, values := range p.Attributes {
		if !strings.HasPrefix(name, "MELLON_") { // or it could pass for another one
			out[name] = strings.Join(values, ";")
			out["MELLON_"+name] = out[name]
		}
	}
	out["Shib-Identity-Provider"], out["MELLON_IDP"] = p.Issuer, p.Issuer
	for _, name := range []string{"REMOTE_USER", "MELLON_NAME_ID"} {
		delete(out, name)
		if p.NameID != "" {
			out[name] = p.NameID
		}
	}
	return out
}
