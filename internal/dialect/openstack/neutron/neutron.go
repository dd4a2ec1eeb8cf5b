package neutron

import (
	"log/slog"

	"github.com/nubo-cloud/nubo/internal/dialect"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

// Deps is what the dialect is made of.
type Deps struct {
	Network *network.Service
	Auth    dialect.Authenticator
	Log     *slog.Logger
	// Prefix is the path that was stripped before ("/network"); links need it.
	Prefix string
}

type api struct {
	net    *network.Service
	prefix string
}

// New makes the service. Its handler expects paths without the service's prefix.
func New(d Deps) *openstack.Service {
	s := openstack.NewService("neutron", openstack.FaultNeutron, d.Auth, d.Log)
	a := &api{net: d.Network, prefix: d.Prefix}
	s.Public("GET /{$}", a.versions)
	s.Handle("GET /v2.0", a.resources)
	s.Handle("GET /v2.0/extensions", a.listExtensions)
	s.Handle("GET /v2.0/extensions/{alias}", a.showExtension)
	a.networkRoutes(s)
	a.subnetRoutes(s)
	a.poolRoutes(s)
	a.scopeRoutes(s)
	a.shareRoutes(s)
	a.availabilityRoutes(s)
	a.autoRoutes(s)
	a.schedulerRoutes(s)
	a.portRoutes(s)
	a.routerRoutes(s)
	a.floatingRoutes(s)
	a.forwardingRoutes(s)
	a.groupRoutes(s)
	a.ruleRoutes(s)
	a.addressGroupRoutes(s)
	a.trunkRoutes(s)
	a.qosPolicyRoutes(s)
	a.quotaRoutes(s)
	a.meterRoutes(s)
	a.flavorRoutes(s)
	a.defaultRuleRoutes(s)
	a.segmentRoutes(s)
	a.segmentRangeRoutes(s)
	a.vpnServiceRoutes(s)
	a.vpnPolicyRoutes(s)
	a.endpointGroupRoutes(s)
	a.ipsecConnectionRoutes(s)
	s.Handle("GET /v2.0/availability_zones", a.listZones)
	s.Handle("GET /v2.0/agents", a.listAgents)
	s.Handle("GET /v2.0/agents/{agent}", a.showAgent)
	s.Handle("PUT /v2.0/agents/{agent}", a.updateAgent)
	s.Handle("DELETE /v2.0/agents/{agent}", a.deleteAgent)
	return s
}
