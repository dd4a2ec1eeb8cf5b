package keystone

import (
	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/identity"
)

// openIDKey of an identity provider holds what this cloud is registered as with it. It is ours: Keystone leaves that to
// the configuration of a web server in front of it. A provider without it looks as Keystone's does.
const openIDKey = "nubo:openid"

// openIDBody is the object under openIDKey. The secret goes in and never comes out.
type openIDBody struct {
	ClientID   string   `json:"client_id"`
	Secret     *string  `json:"client_secret"`
	Scopes     []string `json:"scopes"`
	Audiences  []string `json:"audiences"`
	Introspect bool     `json:"introspect"`
}

func (b *openIDBody) client() *identity.OpenIDClient {
	if b == nil {
		return nil
	}
	return &identity.OpenIDClient{Secret: b.Secret,
		OpenIDClient: cloud.OpenIDClient{ClientID: b.ClientID, Scopes: b.Scopes, Audiences: b.Audiences, Introspect: b.Introspect}}
}

func openIDObject(c *cloud.OpenIDClient) object {
	return object{"client_id": c.ClientID, "has_secret": len(c.Sealed) > 0, "scopes": orEmpty(c.Scopes), "audiences": orEmpty(c.Audiences), "introspect": c.Introspect}
}
