package cloud

import (
	"encoding/json"
	"time"
)

// IdentityProvider is someone else who says who a person is. Its users live in a domain of their own.
type IdentityProvider struct {
	ID IdentityProviderID `json:"id"` // chosen by the operator
	Meta
	DomainID    DomainID `json:"domain_id"`
	Description string   `json:"description,omitempty"`
	Enabled     bool     `json:"enabled"`
	RemoteIDs   []string `json:"remote_ids,omitempty"` // what it calls itself: an issuer, an entity id
	// MembershipMinutes is how long a group that it names holds after a sign-in; nil: as the token does.
	MembershipMinutes *int `json:"membership_minutes,omitempty"`
	// OpenID is what this cloud is registered as with it; nil: as nothing, which is enough to check signatures.
	OpenID *OpenIDClient `json:"openid,omitempty"`
	// SAML is where its SAML metadata is; nil: it speaks no SAML.
	SAML *SAMLSource `json:"saml,omitempty"`
}

// SAMLSource is where metadata is: one identity provider's own, or the feed of a federation of them.
type SAMLSource struct {
	Metadata string `json:"metadata,omitempty"` // XML
	// URL, if set, is where Metadata was fetched from at FetchedAt, and is again.
	URL       string    `json:"url,omitempty"`
	FetchedAt time.Time `json:"fetched_at,omitzero"`
	EntityID  string    `json:"entity_id,omitempty"`
	Feed      string    `json:"feed,omitempty"` // the name of one that is configured
}

// OpenIDClient is what an OpenID provider knows this cloud as, and what this cloud wants of its tokens.
type OpenIDClient struct {
	ClientID string `json:"client_id"`
	Sealed   []byte `json:"sealed,omitempty"` // the client's secret; none: a public client
	// Scopes that a sign-in asks for; empty: the usual ones.
	Scopes []string `json:"scopes,omitempty"`
	// Audiences that a token may be for; empty: the client itself.
	Audiences []string `json:"audiences,omitempty"`
	// Introspect has the provider asked about every token, not only about those that cannot be read.
	Introspect bool `json:"introspect,omitempty"`
}

// Mapping says what a person that a provider vouches for gets here.
type Mapping struct {
	ID MappingID `json:"id"` // chosen by the operator
	Meta
	Rules   json.RawMessage `json:"rules"`   // verbatim; package mapping reads them
	Version string          `json:"version"` // of the rules' language
}

// Protocol is one way to sign in by a provider, and the mapping it uses.
type Protocol struct {
	ID string `json:"id"` // provider and name; see NewProtocolID
	Meta
	ProviderID IdentityProviderID `json:"provider_id"`
	Name       string             `json:"name"` // "openid", "saml2"
	MappingID  MappingID          `json:"mapping_id"`
	// RemoteIDAttribute of an assertion holds the provider's remote id; empty: the protocol's own.
	RemoteIDAttribute string `json:"remote_id_attribute,omitempty"`
}

// FederatedID is what a provider calls a user.
type FederatedID struct {
	ProviderID IdentityProviderID `json:"provider_id"`
	Protocol   string             `json:"protocol"`
	UniqueID   string             `json:"unique_id"`
}

// Key is the id as one text, for finding its user.
func (f FederatedID) Key() string { return string(f.ProviderID) + "/" + f.Protocol + "/" + f.UniqueID }

// ProviderKey is for finding all users of a provider. Ids of providers hold no slash.
func ProviderKey(p IdentityProviderID) string { return string(p) + "/" }

// Standing is what a provider said of a user when it was last asked: the groups it names, and how long its word holds.
type Standing struct {
	ID string `json:"id"` // user, provider and protocol; see NewStandingID
	Meta
	UserID     UserID             `json:"user_id"`
	ProviderID IdentityProviderID `json:"provider_id"`
	Protocol   string             `json:"protocol"`
	Groups     []GroupID          `json:"groups,omitempty"`
	Until      time.Time          `json:"until"` // the groups count until then
	// LookAt is when the provider is asked again, with what is Sealed until AskUntil; zero: it cannot be asked.
	LookAt   time.Time `json:"look_at,omitzero"`
	AskUntil time.Time `json:"ask_until,omitzero"`
	Sealed   []byte    `json:"sealed,omitempty"`
}

// NewStandingID is the id of a user's standing with a provider.
func NewStandingID(u UserID, p IdentityProviderID, protocol string) string {
	return string(u) + "/" + NewProtocolID(p, protocol)
}

// NewProtocolID is the id of a provider's protocol.
func NewProtocolID(p IdentityProviderID, name string) string { return string(p) + "/" + name }

// ServiceProvider is another cloud that takes this one's word for who its users are.
type ServiceProvider struct {
	ID ServiceProviderID `json:"id"` // chosen by the operator
	Meta
	AuthURL          string `json:"auth_url"` // where a user of this cloud gets a token there
	ServiceURL       string `json:"service_url"`
	RelayStatePrefix string `json:"relay_state_prefix"`
	Description      string `json:"description,omitempty"`
	Enabled          bool   `json:"enabled"`
}
