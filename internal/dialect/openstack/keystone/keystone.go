package keystone

import (
	"log/slog"
	"net/http"
	"strings"

	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/identity"
)

// Deps is what the API needs.
type Deps struct {
	Identity *identity.Service
	Log      *slog.Logger
	// Prefix is the path that was stripped from most requests ("/identity"); it goes into
	// links of those that came by it. The API may be served at the root as well.
	Prefix string
	// PublicURL is scheme, host and port for links and the catalog. Empty: as the client wrote them.
	PublicURL string
}

type api struct {
	*openstack.Service
	identity *identity.Service
	prefix   string
	public   string
}

// New makes the handler. Routes on it lists its routes.
func New(d Deps) *openstack.Service {
	a := &api{Service: openstack.NewService("keystone", openstack.FaultKeystone, d.Identity, d.Log), identity: d.Identity,
		prefix: strings.TrimSuffix(d.Prefix, "/"), public: strings.TrimSuffix(d.PublicURL, "/")}
	a.versionRoutes()
	a.tokenRoutes()
	a.domainRoutes()
	a.domainConfigRoutes()
	a.projectRoutes()
	a.userRoutes()
	a.groupRoutes()
	a.roleRoutes()
	a.assignmentRoutes()
	a.credentialRoutes()
	a.secretRoutes()
	a.accessKeyRoutes()
	a.signatureRoutes()
	a.trustRoutes()
	a.consumerRoutes()
	a.accessTokenRoutes()
	a.limitRoutes()
	a.policyRoutes()
	a.endpointPolicyRoutes()
	a.revocationRoutes()
	a.federationRoutes()
	a.federatedAuthRoutes()
	a.webSSORoutes()
	a.samlRoutes()
	a.catalogRoutes()
	return a.Service
}

// base is scheme and host as links show them.
func (a *api) base(r *http.Request) string {
	if a.public != "" {
		return a.public
	}
	return openstack.BaseURL(r)
}

// root is the URL that the API's paths are below, the way this client came.
func (a *api) root(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, a.prefix+"/") || r.RequestURI == a.prefix {
		return a.base(r) + a.prefix
	}
	return a.base(r)
}

// self is the link of a noun.
func (a *api) self(r *http.Request, parts ...string) map[string]any {
	return map[string]any{"self": a.root(r) + "/v3/" + strings.Join(parts, "/")}
}

func (a *api) versionRoutes() {
	a.Public("GET /{$}", func(w http.ResponseWriter, r *http.Request) error {
		v := map[string]any{"versions": map[string]any{"values": []any{a.version(r)}}}
		return openstack.WriteJSON(w, http.StatusMultipleChoices, v)
	})
	a.Public("GET /v3", func(w http.ResponseWriter, r *http.Request) error {
		return openstack.WriteJSON(w, http.StatusOK, map[string]any{"version": a.version(r)})
	})
}

// version is what discovery says. The link ends in a slash, which gophercloud and keystoneauth want.
func (a *api) version(r *http.Request) map[string]any {
	return map[string]any{"id": "v3.14", "status": "stable", "updated": "2020-04-07T00:00:00Z",
		"links":       []any{map[string]any{"rel": "self", "href": a.root(r) + "/v3/"}},
		"media-types": []any{map[string]any{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}}}
}
