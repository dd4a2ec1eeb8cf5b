package network

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/agentapi"
	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/quota"
	"github.com/nubo-cloud/nubo/internal/spec"
	"github.com/nubo-cloud/nubo/internal/store"
	"github.com/nubo-cloud/nubo/internal/volume/volumetest"
)

// world is a Service over a real store and hosts that only remember.
type world struct {
	*Service
	t     testing.TB
	store *store.Store
	hosts map[cloud.HostID]*fakeHost
	admin context.Context
}

func newWorld(t testing.TB, hosts ...cloud.HostID) *world {
	t.Helper()
	db, err := store.Open(context.Background(), "sqlite::memory:", store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, store: db, hosts: map[cloud.HostID]*fakeHost{}}
	w.admin = as("admin", "admin", "manager", "member", "reader")
	for _, h := range hosts {
		w.hosts[h] = newFakeHost()
		w.must(db.Hosts.Insert(w.admin, &cloud.Host{ID: h, Name: string(h), Zone: "nova", Enabled: true, Up: true}))
	}
	w.Service = New(Deps{Networks: db.Networks, Subnets: db.Subnets, SubnetPools: db.SubnetPools, Ports: db.Ports, Addresses: db.AddressUses, Routers: db.Routers,
		FloatingIPs: db.FloatingIPs, Groups: db.SecurityGroups, Rules: db.SecurityGroupRules, AddressGroups: db.AddressGroups, Trunks: db.Trunks, Meters: db.Meters, MeterRules: db.MeterRules, MeterReadings: db.MeterReadings, RouterFlavors: db.RouterFlavors, RouterProfiles: db.RouterProfiles, RuleTemplates: db.RuleTemplates, Segments: db.Segments, SegmentRanges: db.SegmentRanges, Settings: db.Settings,
		HostRecords: db.Hosts, Usage: db.UsageEvents,
		VPNServices: db.VPNServices, VPNProposals: db.VPNProposals, EndpointGroups: db.EndpointGroups, VPNPeers: db.VPNPeers, VPNConnections: db.VPNConnections, Secrets: volumetest.Sealer{},
		QoSPolicies: db.QoSPolicies, Scopes: db.AddressScopes, Shares: db.Shares,
		RouteTables: db.RouteTables, Gateways: db.Gateways, NATGateways: db.NATGateways, Filters: db.PacketFilters, Peerings: db.Peerings, OptionSets: db.DHCPOptionSets,
		Tx: db, Generations: db, Quota: quota.New(db.Quotas, db), Hosts: w, Log: slog.New(slog.DiscardHandler), Now: time.Now, Config: DefaultConfig()})
	w.must(w.EnsureSegmentRanges(w.admin))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ended
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// Agent makes the world the Service's Hosts.
func (w *world) Agent(_ context.Context, id cloud.HostID) (agentapi.Agent, error) {
	h, ok := w.hosts[id]
	if !ok || h.isDown() {
		return nil, cloud.Errorf(cloud.Unavailable, "host", id, "Host %s is down.", id)
	}
	return h, nil
}

// as is a caller of a project; member and reader if no role is named.
func as(project cloud.ProjectID, roles ...string) context.Context {
	if len(roles) == 0 {
		roles = []string{"member", "reader"}
	}
	return cloud.WithPrincipal(context.Background(), &cloud.Principal{UserID: "user of " + cloud.UserID(project), ProjectID: project, Roles: roles})
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// get is must for a call with an answer.
func get[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wantKind(t *testing.T, err error, k cloud.Kind) {
	t.Helper()
	if !cloud.Is(err, k) {
		t.Fatalf("got error %v, want kind %q", err, k)
	}
}

// eventually waits for a condition that the reconciler brings about.
func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if ok() {
			return
		}
	}
	w.t.Fatalf("never happened: %s", what)
}

// settled waits until nothing is left to reconcile.
func (w *world) settled() { w.t.Helper(); w.eventually("idle", w.Idle) }

func (w *world) network(ctx context.Context, cidrs ...string) (*cloud.Network, []*cloud.Subnet) {
	w.t.Helper()
	n := get(w.CreateNetwork(ctx, NetworkRequest{Name: "net"}))(w.t)
	var subnets []*cloud.Subnet
	for _, c := range cidrs {
		subnets = append(subnets, get(w.CreateSubnet(ctx, SubnetRequest{NetworkID: n.ID, Prefix: netip.MustParsePrefix(c)}))(w.t))
	}
	return n, subnets
}

// instance makes an instance's ports on networks, bound to a host.
func (w *world) instance(ctx context.Context, id string, host cloud.HostID, networks ...cloud.NetworkID) (*cloud.Instance, []*cloud.Port) {
	w.t.Helper()
	in := &cloud.Instance{ID: cloud.InstanceID(id), ProjectID: cloud.PrincipalOf(ctx).ProjectID, Hostname: id}
	var reqs []NICRequest
	for _, n := range networks {
		reqs = append(reqs, NICRequest{NetworkID: n})
	}
	var ports []*cloud.Port
	w.must(w.Together(ctx, func(ctx context.Context) (err error) {
		ports, err = w.CreateInstancePorts(ctx, in, reqs, nil, cloud.OnlyNetwork)
		return err
	}))
	w.must(w.BindInstancePorts(ctx, in.ID, host))
	return in, ports
}

func (w *world) public() *cloud.Network {
	w.t.Helper()
	w.must(w.EnsurePublic(w.admin, "admin"))
	nets := get(w.ListNetworks(w.admin, cloud.Where(cloud.Eq("external", true))))(w.t)
	return nets[0]
}

// fakeHost is an agent whose fabric is a memory with the fabric's rules.
type fakeHost struct {
	agentapi.Agent // nil: nothing else of it may be called
	mu             sync.Mutex
	down           bool
	fail           func(call string) error
	calls          []string
	networks       map[spec.NetworkID]spec.Network
	groups         map[spec.GroupID]spec.SecurityGroup
	ports          map[spec.PortID]spec.Port
	routers        map[spec.RouterID]spec.Router
	counted        map[spec.MeterID]spec.MeterReading // at any router that has the meter
	vpns           map[spec.VPNID]spec.VPN
}

func newFakeHost() *fakeHost {
	h := &fakeHost{}
	h.wipe()
	return h
}

func (h *fakeHost) wipe() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.networks, h.groups = map[spec.NetworkID]spec.Network{}, map[spec.GroupID]spec.SecurityGroup{}
	h.ports, h.routers = map[spec.PortID]spec.Port{}, map[spec.RouterID]spec.Router{}
	h.vpns = map[spec.VPNID]spec.VPN{}
	h.calls = nil
}

func (h *fakeHost) isDown() bool { h.mu.Lock(); defer h.mu.Unlock(); return h.down }

// with looks at the host's memory, locked.
func (h *fakeHost) with(f func()) { h.mu.Lock(); defer h.mu.Unlock(); f() }

func (h *fakeHost) count(call string) (n int) {
	h.with(func() {
		for _, c := range h.calls {
			if c == call {
				n++
			}
		}
	})
	return n
}

func (h *fakeHost) note(call string) error {
	h.calls = append(h.calls, call)
	if h.fail != nil {
		return h.fail(call)
	}
	return nil
}

func ensure[ID comparable, T any](h *fakeHost, m *map[ID]T, id ID, doc T, generation func(T) int64, missing func() bool) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.note(fmt.Sprintf("ensure %v", id)); err != nil {
		return err
	}
	if missing() {
		return fmt.Errorf("%v: %w", id, spec.ErrMissing)
	}
	if held, ok := (*m)[id]; ok && generation(held) > generation(doc) {
		return nil
	}
	(*m)[id] = doc
	return nil
}

func remove[ID comparable, T any](h *fakeHost, m *map[ID]T, id ID) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.note(fmt.Sprintf("remove %v", id)); err != nil {
		return err
	}
	delete(*m, id)
	return nil
}

func never() bool { return false }

func (h *fakeHost) EnsureNetwork(_ context.Context, n spec.Network) error {
	return ensure(h, &h.networks, n.ID, n, func(n spec.Network) int64 { return n.Generation }, never)
}
func (h *fakeHost) RemoveNetwork(_ context.Context, id spec.NetworkID) error {
	return remove(h, &h.networks, id)
}
func (h *fakeHost) EnsureGroup(_ context.Context, g spec.SecurityGroup) error {
	return ensure(h, &h.groups, g.ID, g, func(g spec.SecurityGroup) int64 { return g.Generation }, never)
}
func (h *fakeHost) RemoveGroup(_ context.Context, id spec.GroupID) error {
	return remove(h, &h.groups, id)
}
func (h *fakeHost) EnsurePort(_ context.Context, p spec.Port) error {
	return ensure(h, &h.ports, p.ID, p, func(p spec.Port) int64 { return p.Generation }, func() bool {
		_, network := h.networks[p.Network]
		return !network || slices.ContainsFunc(p.Groups, func(g spec.GroupID) bool { _, ok := h.groups[g]; return !ok })
	})
}
func (h *fakeHost) RemovePort(_ context.Context, id spec.PortID) error {
	return remove(h, &h.ports, id)
}
func (h *fakeHost) EnsureRouter(_ context.Context, r spec.Router) error {
	return ensure(h, &h.routers, r.ID, r, func(r spec.Router) int64 { return r.Generation }, func() bool {
		lacks := func(n spec.NetworkID) bool { _, ok := h.networks[n]; return !ok }
		return r.Gateway != nil && lacks(r.Gateway.Network) ||
			slices.ContainsFunc(r.Interfaces, func(i spec.RouterInterface) bool { return lacks(i.Network) })
	})
}
func (h *fakeHost) RemoveRouter(_ context.Context, id spec.RouterID) error {
	return remove(h, &h.routers, id)
}

func (h *fakeHost) EnsureVPN(_ context.Context, v spec.VPN) error {
	return ensure(h, &h.vpns, v.ID, v, func(v spec.VPN) int64 { return v.Generation }, func() bool {
		_, ok := h.networks[v.Link.Network]
		return !ok || slices.ContainsFunc(v.Outside, func(o spec.VPNOutside) bool { _, ok := h.networks[o.Network]; return !ok })
	})
}
func (h *fakeHost) RemoveVPN(_ context.Context, id spec.VPNID) error {
	return remove(h, &h.vpns, id)
}

func (h *fakeHost) Inventory(context.Context) (spec.Inventory, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return spec.Inventory{Networks: keys(h.networks), Ports: keys(h.ports), Routers: keys(h.routers), Groups: keys(h.groups), VPNs: keys(h.vpns)}, nil
}

func (h *fakeHost) MeterReadings(_ context.Context, id spec.RouterID) (readings []spec.MeterReading, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.note(fmt.Sprintf("read %v", id)); err != nil {
		return nil, err
	}
	for _, m := range h.routers[id].Meters {
		readings = append(readings, h.counted[m.ID])
	}
	return readings, nil
}
