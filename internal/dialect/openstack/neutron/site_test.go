package neutron_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"

	"github.com/nubo-cloud/nubo/internal/agentapi"
	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack/neutron"
	"github.com/nubo-cloud/nubo/internal/network"
	"github.com/nubo-cloud/nubo/internal/quota"
	"github.com/nubo-cloud/nubo/internal/store"
	"github.com/nubo-cloud/nubo/internal/volume/volumetest"
)

// site is the API over a real store, without hosts that answer.
type site struct {
	t     *testing.T
	url   string
	svc   *openstack.Service
	net   *network.Service
	store *store.Store
}

// tokens are made of a project and roles: "p:member,reader".
type tokens struct{}

func (tokens) Verify(_ context.Context, token string) (*cloud.Principal, error) {
	project, roles, ok := strings.Cut(token, ":")
	if !ok {
		return nil, &cloud.Error{Kind: cloud.Unauthenticated, Message: "no such token"}
	}
	return &cloud.Principal{UserID: "u", ProjectID: cloud.ProjectID(project), Roles: strings.Split(roles, ",")}, nil
}

type noHosts struct{}

func (noHosts) Agent(_ context.Context, id cloud.HostID) (agentapi.Agent, error) {
	return nil, cloud.Errorf(cloud.Unavailable, "host", id, "down")
}

const admin, member = "admin:admin,manager,member,reader", "p:member,reader"

func newSite(t *testing.T) *site {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	db, err := store.Open(context.Background(), "sqlite::memory:", store.Options{Log: quiet})
	ok(t, err)
	ok(t, db.Hosts.Insert(context.Background(), &cloud.Host{ID: "h1", Name: "h1", Zone: "nova", Enabled: true, Up: true}))
	config := network.DefaultConfig()
	config.Physical = []string{"physnet1"}
	n := network.New(network.Deps{Networks: db.Networks, Subnets: db.Subnets, SubnetPools: db.SubnetPools, Ports: db.Ports, Addresses: db.AddressUses, Routers: db.Routers,
		FloatingIPs: db.FloatingIPs, Groups: db.SecurityGroups, Rules: db.SecurityGroupRules, AddressGroups: db.AddressGroups, Trunks: db.Trunks, Meters: db.Meters, MeterRules: db.MeterRules, MeterReadings: db.MeterReadings, RouterFlavors: db.RouterFlavors, RouterProfiles: db.RouterProfiles, RuleTemplates: db.RuleTemplates, Segments: db.Segments, SegmentRanges: db.SegmentRanges, Settings: db.Settings,
		HostRecords: db.Hosts, Usage: db.UsageEvents,
		VPNServices: db.VPNServices, VPNProposals: db.VPNProposals, EndpointGroups: db.EndpointGroups, VPNPeers: db.VPNPeers, VPNConnections: db.VPNConnections, Secrets: volumetest.Sealer{},
		QoSPolicies: db.QoSPolicies, Scopes: db.AddressScopes, Shares: db.Shares,
		RouteTables: db.RouteTables, Gateways: db.Gateways, NATGateways: db.NATGateways, Filters: db.PacketFilters, Peerings: db.Peerings, OptionSets: db.DHCPOptionSets,
		Tx: db, Generations: db, Quota: quota.New(db.Quotas, db), Hosts: noHosts{}, Log: quiet, Now: time.Now, Config: config})
	ok(t, n.EnsureSegmentRanges(context.Background()))
	ok(t, n.EnsurePublic(cloud.WithPrincipal(context.Background(), cloud.System()), "admin"))
	svc := neutron.New(neutron.Deps{Network: n, Auth: tokens{}, Log: quiet, Prefix: "/network"})
	server := httptest.NewServer(http.StripPrefix("/network", svc))
	t.Cleanup(func() {
		server.Close()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return &site{t: t, url: server.URL + "/network", svc: svc, net: n, store: db}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *site) client(token string) *gophercloud.ServiceClient {
	return &gophercloud.ServiceClient{ProviderClient: &gophercloud.ProviderClient{TokenID: token}, Endpoint: s.url + "/",
		ResourceBase: s.url + "/v2.0/", Type: "network"}
}

// call makes one request and answers its body, which must come with the status.
func (s *site) call(token, method, path, body string, status int) map[string]any {
	s.t.Helper()
	r, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	ok(s.t, err)
	r.Header.Set("X-Auth-Token", token)
	answer, err := http.DefaultClient.Do(r)
	ok(s.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	ok(s.t, err)
	if answer.StatusCode != status {
		s.t.Fatalf("%s %s: %d, want %d: %s", method, path, answer.StatusCode, status, text)
	}
	out := map[string]any{}
	if len(text) > 0 {
		ok(s.t, json.Unmarshal(text, &out))
	}
	return out
}

// at walks into decoded JSON.
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

func length(v any) int { l, _ := v.([]any); return len(l) }
