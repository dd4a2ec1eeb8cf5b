package operator

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Provider is an identity provider as this cloud is to know it: of OpenID, or of SAML if SAML says where its metadata is.
type Provider struct {
	ID       string
	Issuer   string
	Protocol string
	Mapping  string  // its id
	ClientID string  // this cloud's at the provider
	Secret   *string // nil: as it was
	Scopes   []string
	// MembershipMinutes is how long groups that a person brought along count after the sign-in, for application credentials.
	MembershipMinutes int
	SAML              SAML
}

// SAML is where metadata is: its text, a URL that the cloud fetches, or the name of a feed that the cloud is configured with.
type SAML struct{ Metadata, URL, Feed string }

// source is what is said of it, nil for a provider of OpenID. The cloud refuses more than one.
func (s SAML) source() object {
	if s == (SAML{}) {
		return nil
	}
	source := object{}
	for key, value := range map[string]string{"metadata": s.Metadata, "metadata_url": s.URL, "feed": s.Feed} {
		if value != "" {
			source[key] = value
		}
	}
	return source
}

// federation is where the API has what is about identity providers, clientKey what holds this cloud's registration.
const (
	federation = "OS-FEDERATION"
	providers  = "identity_providers"
	mappings   = "mappings"
	protocols  = "protocols"
	clientKey  = "nubo:openid"
	samlKey    = "nubo:saml"
)

// AddProvider makes the provider, the domain of its users under the same name, a mapping that lets its people in, and
// the protocol they come by.
func (c *Cloud) AddProvider(ctx context.Context, p Provider) error {
	made, err := c.ensureProvider(ctx, p)
	if err != nil {
		return err
	}
	if err := c.nameDomain(ctx, text(made, "domain_id"), p.ID); err != nil {
		return err
	}
	if err := c.ensurePeople(ctx, p); err != nil {
		return err
	}
	return c.ensureProtocol(ctx, p)
}

func (c *Cloud) ensureProvider(ctx context.Context, p Provider) (object, error) {
	n := noun{"identity provider", p.ID, "identity_provider", c.identity.path(federation, providers, p.ID)}
	have, err := c.identity.get(ctx, n.address, n.key)
	if err != nil {
		return nil, err
	}
	want := p.wanted(have)
	if have != nil {
		return have, c.settle(ctx, c.identity, n, have, want)
	}
	want["enabled"] = true
	// A provider that was here before left its domain behind: its people get their users back.
	old, err := c.identity.named(ctx, "domains", "domains", p.ID, "")
	if err != nil {
		return nil, err
	}
	if old != nil {
		want["domain_id"] = old["id"]
	}
	return c.makeNoun(ctx, c.identity, http.MethodPut, n, want)
}

// wanted is what the provider is to have.
func (p Provider) wanted(have object) object {
	want := object{"authorization_ttl": p.MembershipMinutes}
	if source := p.SAML.source(); source != nil { // its remote id is in its metadata
		known, _ := have[samlKey].(object)
		if p.SAML.URL != "" || len(differing(known, source)) > 0 { // what a URL names is fetched anew
			want[samlKey] = source
		}
		return want
	}
	want["remote_ids"] = []string{p.Issuer}
	registered, _ := have[clientKey].(object)
	client := p.client(registered)
	if len(differing(registered, client)) > 0 { // a secret never comes back, so that a given one differs
		client["audiences"] = registered["audiences"]
		want[clientKey] = client
	}
	return want
}

func (p Provider) client(registered object) object {
	client := object{"client_id": p.ClientID, "scopes": p.Scopes, "introspect": p.Secret != nil || registered["has_secret"] == true}
	if p.Secret != nil {
		client["client_secret"] = *p.Secret
	}
	return client
}

// nameDomain gives the domain that was made with a provider a name that people can remember. One that has a name keeps it.
func (c *Cloud) nameDomain(ctx context.Context, id, name string) error {
	n := noun{"domain", name, "domain", c.identity.path("domains", id)}
	have, err := c.identity.get(ctx, n.address, n.key)
	if err != nil || text(have, "name") != id {
		return err
	}
	return c.settle(ctx, c.identity, n, have, object{"name": name})
}

func (c *Cloud) ensureProtocol(ctx context.Context, p Provider) error {
	n := noun{"protocol", p.Protocol, "protocol", c.identity.path(federation, providers, p.ID, protocols, p.Protocol)}
	have, err := c.identity.get(ctx, n.address, n.key)
	if err != nil {
		return err
	}
	want := object{"mapping_id": p.Mapping}
	if have != nil {
		return c.settle(ctx, c.identity, n, have, want)
	}
	_, err = c.makeNoun(ctx, c.identity, http.MethodPut, n, want)
	return err
}

// ProviderLine is an identity provider as a list shows it.
type ProviderLine struct {
	ID        string   `json:"id"`
	Enabled   bool     `json:"enabled"`
	RemoteIDs []string `json:"remote_ids"`
	Protocols []string `json:"protocols"`
	Mappings  []string `json:"mappings"`
	ClientID  string   `json:"client_id,omitempty"`
}

// Providers lists all identity providers.
func (c *Cloud) Providers(ctx context.Context) ([]ProviderLine, error) {
	all, err := c.identity.list(ctx, c.identity.path(federation, providers), providers, nil)
	if err != nil {
		return nil, err
	}
	lines := []ProviderLine{}
	for _, p := range all {
		client, _ := p[clientKey].(object)
		line := ProviderLine{ID: text(p, "id"), Enabled: p["enabled"] == true, RemoteIDs: texts(p["remote_ids"]), ClientID: text(client, "client_id")}
		ways, err := c.protocols(ctx, line.ID)
		if err != nil {
			return nil, err
		}
		for _, w := range ways {
			line.Protocols = append(line.Protocols, text(w, "id"))
			line.Mappings = append(line.Mappings, text(w, "mapping_id"))
		}
		lines = append(lines, line)
	}
	return lines, nil
}

func (c *Cloud) protocols(ctx context.Context, provider string) ([]object, error) {
	all, err := c.identity.list(ctx, c.identity.path(federation, providers, provider, protocols), protocols, nil)
	if refusedWith(err, http.StatusNotFound) {
		return nil, noProvider(provider)
	}
	return all, err
}

func noProvider(id string) error {
	return fmt.Errorf("there is no identity provider %s: nubo idp list shows those there are, nubo idp add makes one", id)
}

// SuspendProvider lets nobody of a provider in, or lets them in again.
func (c *Cloud) SuspendProvider(ctx context.Context, id string, suspend bool) error {
	n := noun{"identity provider", id, "identity_provider", c.identity.path(federation, providers, id)}
	have, err := c.identity.get(ctx, n.address, n.key)
	if err == nil && have == nil {
		err = noProvider(id)
	}
	if err != nil {
		return err
	}
	return c.settle(ctx, c.identity, n, have, object{"enabled": !suspend})
}

// DeleteProvider removes a provider and the mappings that no other uses. They go first: who runs it again after it was
// killed half way finds the provider still. The domain stays, with what its users own.
func (c *Cloud) DeleteProvider(ctx context.Context, id string) error {
	all, err := c.Providers(ctx)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(all, func(p ProviderLine) bool { return p.ID == id })
	if at < 0 {
		return noProvider(id)
	}
	shared := map[string]bool{}
	for _, other := range slices.Delete(slices.Clone(all), at, at+1) {
		for _, m := range other.Mappings {
			shared[m] = true
		}
	}
	for _, m := range all[at].Mappings {
		if shared[m] {
			continue
		}
		shared[m] = true // two protocols may name one
		if err := c.remove(ctx, noun{what: "mapping", name: m, address: c.identity.path(federation, mappings, m)}); err != nil {
			return err
		}
	}
	return c.remove(ctx, noun{what: "identity provider", name: id, address: c.identity.path(federation, providers, id)})
}

func (c *Cloud) remove(ctx context.Context, n noun) error {
	err := c.identity.call(ctx, http.MethodDelete, n.address, nil, nil)
	if refusedWith(err, http.StatusNotFound) {
		return nil // an earlier run got that far
	}
	if err != nil {
		return fmt.Errorf("%s %s cannot be removed: %w", n.what, n.name, err)
	}
	c.tell(Change{Did: Removed, What: n.what, Name: n.name})
	return nil
}

// CheckIssuer wants a URL by which an OpenID provider calls itself.
func CheckIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("issuer '%s' is no URL such as https://aai.egi.eu/auth/realms/egi", issuer)
	}
	if strings.HasSuffix(issuer, "/.well-known/openid-configuration") {
		return fmt.Errorf("the issuer is what stands before /.well-known/openid-configuration in '%s'", issuer)
	}
	return nil
}

func texts(value any) (all []string) {
	list, _ := value.([]any)
	for _, v := range list {
		if t, ok := v.(string); ok {
			all = append(all, t)
		}
	}
	return all
}
