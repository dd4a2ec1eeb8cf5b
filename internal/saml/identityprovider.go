package saml

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/saml/xmlsig"
)

// IdentityProvider is an identity provider's metadata, as far as a service provider uses it.
type IdentityProvider struct {
	EntityID              string
	SSO                   map[Binding]string  // where requests go: Redirect, POST
	Certificates          []*x509.Certificate // that sign; only their keys count, as SAML has it: no chain, no dates
	Names                 map[string]string   // to show, by language
	Scopes                []string            // the domains that it speaks for
	Bound                 bool                // to its scopes: it is one of many in a feed, and may not name people of another's domain
	RegistrationAuthority string
	Hidden                bool      // from pages where people pick their home organisation
	ValidUntil            time.Time // zero: for ever
}

// Name is the name to show: in the first of the languages that it has one in, else in English, else any, else the entity id.
func (p *IdentityProvider) Name(languages ...string) string {
	for _, language := range append(languages, "en") {
		if name := p.Names[language]; name != "" {
			return name
		}
	}
	for _, language := range slices.Sorted(maps.Keys(p.Names)) {
		return p.Names[language]
	}
	return p.EntityID
}

// ParseIdentityProvider reads the metadata of one identity provider, which the caller trusts: no signature is looked at. An
// EntitiesDescriptor will do where one identity provider is in it. Metadata that its own date has ended is read; see ValidUntil.
func ParseIdentityProvider(metadata []byte) (*IdentityProvider, error) {
	root, err := xmlsig.Parse(metadata, xmlsig.Limits{Bytes: 8 << 20, Depth: 64, Attributes: 256, TokenBytes: 1 << 20, Comments: true})
	if err != nil {
		return nil, fmt.Errorf("the metadata %w", err)
	}
	var found []*listed
	root.Walk(func(e *xmlsig.Element) {
		if e.Is(metadataSpace, "EntityDescriptor") {
			if l := readEntity(e); l != nil {
				found = append(found, l)
			}
		}
	})
	if len(found) != 1 {
		return nil, fmt.Errorf("the metadata describes %d identity providers of SAML 2.0; one is wanted", len(found))
	}
	return found[0].provider()
}

// listed is an identity provider as a feed's index keeps it.
type listed struct {
	EntityID   string
	SSO        map[Binding]string
	Keys       [][]byte // certificates
	Names      map[string]string
	Scopes     []string
	Authority  string
	Hidden     bool
	ValidUntil time.Time
}

// provider parses the certificates. Those that cannot be read are left out, as long as there is another one.
func (l *listed) provider() (*IdentityProvider, error) {
	p := &IdentityProvider{EntityID: l.EntityID, SSO: l.SSO, Names: l.Names, Scopes: l.Scopes, RegistrationAuthority: l.Authority,
		Hidden: l.Hidden, ValidUntil: l.ValidUntil}
	problem := errors.New("there is none")
	for _, der := range l.Keys {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			problem = err
			continue
		}
		p.Certificates = append(p.Certificates, c)
	}
	if len(p.Certificates) == 0 {
		return nil, fmt.Errorf("the metadata of %s has no certificate to verify signatures by: %w", l.EntityID, problem)
	}
	return p, nil
}

// readEntity reads an entity; nil where it is no identity provider.
func readEntity(e *xmlsig.Element) *listed {
	l := &listed{EntityID: e.Attr("entityID"), SSO: map[Binding]string{}, Names: map[string]string{}}
	var err error
	if l.ValidUntil, err = timeOf(e, "validUntil"); err != nil {
		return nil // no way to tell whether it still holds
	}
	is := false
	for _, role := range e.All(metadataSpace, "IDPSSODescriptor") {
		if slices.Contains(strings.Fields(role.Attr("protocolSupportEnumeration")), protocolSpace) {
			is = true
			l.readRole(role)
		}
	}
	if !is || l.EntityID == "" || len(l.EntityID) > 1024 {
		return nil
	}
	l.readExtensions(e.One(metadataSpace, "Extensions"))
	if organization := e.One(metadataSpace, "Organization"); organization != nil && len(l.Names) == 0 {
		l.readNames(organization.All(metadataSpace, "OrganizationDisplayName"))
	}
	return l
}

func (l *listed) readRole(role *xmlsig.Element) {
	for _, sso := range role.All(metadataSpace, "SingleSignOnService") {
		by, to := Binding(sso.Attr("Binding")), sso.Attr("Location")
		if (by == Redirect || by == POST) && isWeb(to) && l.SSO[by] == "" {
			l.SSO[by] = to
		}
	}
	for _, key := range role.All(metadataSpace, "KeyDescriptor") {
		if use := key.Attr("use"); use != "" && use != "signing" {
			continue
		}
		key.Walk(func(c *xmlsig.Element) {
			if c.Is(dsSpace, "X509Certificate") {
				text := strings.Join(strings.Fields(textOf(c)), "")
				if der, err := base64.StdEncoding.DecodeString(text); err == nil { // else another one may do
					l.Keys = append(l.Keys, der)
				}
			}
		})
	}
	l.readExtensions(role.One(metadataSpace, "Extensions"))
}

// isWeb accepts what a browser may be sent to.
func isWeb(to string) bool {
	u, err := url.Parse(to)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}

const (
	categoryName  = "http://macedir.org/entity-category"
	hidesFromList = "http://refeds.org/category/hide-from-discovery"
)

// readExtensions reads those of an entity or of its role.
func (l *listed) readExtensions(e *xmlsig.Element) {
	if e == nil {
		return
	}
	for _, scope := range e.All(scopeSpace, "Scope") {
		if scope.Attr("regexp") != "true" && scope.Attr("regexp") != "1" { // what an expression means is a matter of taste
			l.Scopes = append(l.Scopes, strings.ToLower(uriOf(scope)))
		}
	}
	for _, ui := range e.All(uiSpace, "UIInfo") {
		l.readNames(ui.All(uiSpace, "DisplayName"))
	}
	if info := e.One(infoSpace, "RegistrationInfo"); info != nil {
		l.Authority = info.Attr("registrationAuthority")
	}
	for _, attributes := range e.All(entitySpace, "EntityAttributes") {
		for _, a := range attributes.All(samlSpace, "Attribute") {
			l.Hidden = l.Hidden || a.Attr("Name") == categoryName && slices.Contains(valuesOf(a), hidesFromList)
		}
	}
}

func (l *listed) readNames(elements []*xmlsig.Element) {
	for _, e := range elements {
		if name := uriOf(e); name != "" {
			l.Names[e.AttrOf(xmlSpace, "lang")] = name
		}
	}
}
