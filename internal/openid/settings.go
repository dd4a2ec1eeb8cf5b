package openid

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
)

// AnyAudience in Settings.Audiences accepts tokens for anybody.
const AnyAudience = "*"

// Settings are what an operator registered at one issuer.
type Settings struct {
	// Issuer is compared letter by letter. It is https, or http on this machine.
	Issuer string

	// ClientID and ClientSecret are this cloud's. Without them, only signatures and userinfo are checked, and nobody signs in
	// with a browser. A client without a secret is a public one.
	ClientID, ClientSecret string

	// Scopes are asked for at sign-in. Empty: DefaultScopes.
	Scopes []string

	// Audiences are whom an access token must be for: one of them must be in its aud, or be its azp or client_id. Empty: ClientID;
	// if there is none, or the issuer was asked about the token, anybody. AnyAudience accepts all.
	//
	// That the client counts, too, is for providers that write an aud of their own into every access token (Keycloak: "account"):
	// their tokens tell only by azp or client_id (RFC 9068) for which application they were issued. A federation whose users bring tokens of
	// a common portal names the portal's client here, or asks the issuer.
	Audiences []string

	// Introspect asks the issuer about every access token, also about those that a signature proves. It needs ClientSecret.
	Introspect bool

	// IntrospectionEndpoint is for issuers whose discovery document does not name it.
	IntrospectionEndpoint string
}

// DefaultScopes are asked for where Settings names none.
func DefaultScopes() []string {
	return []string{"openid", "profile", "email", "eduperson_entitlement", "entitlements"}
}

// Check says in a sentence what is wrong with s, if anything. Every call that takes Settings checks them; an operator wants to know earlier.
func (s Settings) Check() error {
	u, err := url.Parse(s.Issuer)
	switch {
	case err != nil || u.Host == "":
		return fmt.Errorf("the issuer must be a URL, not '%s'", s.Issuer)
	case u.Scheme != "https" && !onLoopback(u):
		return fmt.Errorf("the issuer '%s' must be https (http is for issuers on this machine)", s.Issuer)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil:
		return fmt.Errorf("the issuer '%s' must have no query, fragment or user", s.Issuer)
	case s.Introspect && !s.mayIntrospect():
		return fmt.Errorf("the issuer can be asked about tokens only with a client ID and a secret")
	case s.IntrospectionEndpoint != "":
		return s.checkEndpoint(s.IntrospectionEndpoint)
	}
	return nil
}

// checkEndpoint keeps secrets and tokens off the wire: only the issuer that is itself on this machine may use http, here.
func (s Settings) checkEndpoint(endpoint string) error {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return fmt.Errorf("the endpoint must be a URL, not '%s'", endpoint)
	}
	issuer, err := url.Parse(s.Issuer)
	local := err == nil && issuer.Scheme == "http" && onLoopback(u)
	if u.Scheme != "https" && !local {
		return fmt.Errorf("the endpoint '%s' must be https", endpoint)
	}
	return nil
}

func onLoopback(u *url.URL) bool {
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "http" && (u.Hostname() == "localhost" || err == nil && ip.IsLoopback())
}

func (s Settings) mayIntrospect() bool { return s.ClientID != "" && s.ClientSecret != "" }

func (s Settings) scopes() []string {
	if len(s.Scopes) == 0 {
		return DefaultScopes()
	}
	return s.Scopes
}

// accepts says whether a token for one of parties is for us. asked is that the issuer was asked about it with our
// credentials: it then decides itself what it tells whom (RFC 7662, section 4).
func (s Settings) accepts(parties []string, asked bool) bool {
	wanted := s.Audiences
	if len(wanted) == 0 && s.ClientID != "" && !asked {
		wanted = []string{s.ClientID}
	}
	return len(wanted) == 0 || slices.Contains(wanted, AnyAudience) ||
		slices.ContainsFunc(parties, func(p string) bool { return slices.Contains(wanted, p) })
}
