package federation

import (
	"crypto/x509"
	"encoding/json"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// furnish makes of an empty glewlwyd a provider with ann and the applications, by the API that its administration page uses.
func (g *glewlwyd) furnish(t *testing.T) {
	t.Helper()
	g.enter(t, g.admin, "admin", "password") // as the schema makes it
	g.allowEntitlements(t)
	g.ask(t, g.admin, "POST", "mod/plugin/", object{"module": "oidc", "name": "oidc", "display_name": "OpenID Connect", "order_rank": 0,
		"parameters": g.openID(t)})
	for _, scope := range moreScopes {
		g.ask(t, g.admin, "POST", "scope/", object{"name": scope, "display_name": scope, "password_required": false, "scheme": object{}})
	}
	for _, name := range []string{"portal", "robot"} {
		g.client = object{"client_id": name, "name": name, "enabled": true, "confidential": true, "client_secret": robotsSecret,
			"token_endpoint_auth_method": []string{"client_secret_basic"}, "redirect_uri": []string{backURL}, "scope": append(moreScopes, "openid"),
			"authorization_type": []string{"code", "password", "client_credentials", "refresh_token", "device_authorization"}}
		g.ask(t, g.admin, "POST", "client/", g.client)
	}
	g.ask(t, g.admin, "POST", "client/", object{"client_id": "terminal", "name": "terminal", "enabled": true, "confidential": false,
		"scope": append(moreScopes, "openid"), "authorization_type": []string{"device_authorization"}})
	ann := annAt([]string{otherEntitlement, crewEntitlement})
	ann["username"], ann["password"] = "ann", annsPassword
	g.ask(t, g.admin, "POST", "user/", ann)
}

// moreScopes are those that glewlwyd does not have anyway.
var moreScopes = []string{"profile", "email", "eduperson_entitlement", "entitlements"}

func annAt(entitlements []string) object {
	return object{"name": "Ann", "email": "ann@example.org", "enabled": true, "scope": append(moreScopes, "openid", "g_profile"),
		"eduperson_entitlement": entitlements}
}

// allowEntitlements has the users' store keep a property more.
func (g *glewlwyd) allowEntitlements(t *testing.T) {
	t.Helper()
	const module = "mod/user/database"
	var users struct {
		Module     string                     `json:"module"`
		Name       string                     `json:"display_name"`
		Order      int                        `json:"order_rank"`
		Parameters map[string]json.RawMessage `json:"parameters"`
	}
	cloudtest.Check(t, json.Unmarshal(g.ask(t, g.admin, "GET", module, nil), &users))
	users.Parameters["data-format"] = json.RawMessage(`{"eduperson_entitlement":{"multiple":true,"read":true,"write":true}}`)
	g.ask(t, g.admin, "PUT", module, users)
	g.ask(t, g.admin, "PUT", module+"/reset", nil)
}

// openID are the settings of the plugin. E-mail and entitlements are told by userinfo and in ID tokens, and not in access tokens:
// the plugin can put into those only lists with commas between.
func (g *glewlwyd) openID(t *testing.T) object {
	t.Helper()
	return object{
		"iss": g.issuer(), "jwt-type": "rsa", "jwt-key-size": "256", "key": privatePEM(t, g.key), "cert": publicPEM(t, g.key), "jwks-show": true, "oauth-as-iss-id": true,
		"access-token-duration": 3600, "refresh-token-duration": 86400, "code-duration": 600, "refresh-token-one-use": "always",
		"allow-non-oidc": true, "auth-type-code-enabled": true, "auth-type-token-enabled": false, "auth-type-id-token-enabled": true,
		"auth-type-none-enabled": false, "auth-type-password-enabled": true, "auth-type-client-enabled": true, "auth-type-device-enabled": true,
		"auth-type-refresh-enabled": true, "device-authorization-expiration": 600, "device-authorization-interval": 1,
		"subject-type": "public", "name-claim": "no", "scope-claim": "no", "email-claim": "mandatory", "email-claim-scope": []string{"email"},
		"claims": []object{{"name": "eduperson_entitlement", "user-property": "eduperson_entitlement", "type": "string", "mandatory": true,
			"on-demand": false, "scope": []string{"eduperson_entitlement"}}},
		// A dashboard's sign-in asks for the profile, a command line does not, which knows no PKCE.
		"pkce-allowed": true, "pkce-method-plain-allowed": false, "pkce-scopes": []string{"profile"},
		"introspection-revocation-allowed": true, "introspection-revocation-allow-target-client": true,
	}
}

func (g *glewlwyd) sign(t *testing.T, claims map[string]any) string {
	t.Helper()
	return signWith(t, jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: g.key, KeyID: g.keyID(t)}}, claims)
}

func (g *glewlwyd) signWithPublicKey(t *testing.T, claims map[string]any) string {
	t.Helper()
	public, err := x509.MarshalPKIXPublicKey(g.key.Public())
	cloudtest.Check(t, err)
	return signWith(t, jose.SigningKey{Algorithm: jose.HS256, Key: jose.JSONWebKey{Key: public, KeyID: g.keyID(t)}}, claims)
}

// keyID is what glewlwyd calls its key.
func (g *glewlwyd) keyID(t *testing.T) string {
	t.Helper()
	var keys jose.JSONWebKeySet
	cloudtest.Check(t, json.Unmarshal(g.ask(t, g.admin, "GET", "oidc/jwks", nil), &keys))
	return keys.Keys[0].KeyID
}

func signWith(t *testing.T, k jose.SigningKey, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(k, nil)
	cloudtest.Check(t, err)
	text, err := json.Marshal(claims)
	cloudtest.Check(t, err)
	signed, err := signer.Sign(text)
	cloudtest.Check(t, err)
	token, err := signed.CompactSerialize()
	cloudtest.Check(t, err)
	return token
}
