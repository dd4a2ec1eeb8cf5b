package network

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// domain makes a routing domain with subnets of these prefixes.
func (w *world) domain(ctx context.Context, block string, subnets ...string) (*cloud.Router, []*cloud.Subnet) {
	w.t.Helper()
	r := get(w.CreateDomain(ctx, DomainRequest{Blocks: []netip.Prefix{prefix(block)}}))(w.t)
	var made []*cloud.Subnet
	for _, p := range subnets {
		made = append(made, get(w.CreateDomainSubnet(ctx, DomainSubnetRequest{RouterID: r.ID, Prefix: prefix(p), Zone: "nova", Reserved: 4}))(w.t))
	}
	return r, made
}

// outside attaches an internet gateway to a domain and leads its main table there.
func (w *world) outside(ctx context.Context, r *cloud.Router) *cloud.Gateway {
	w.t.Helper()
	g := get(w.CreateGateway(ctx, WayRequest{Kind: cloud.GatewayInternet}))(w.t)
	get(w.AttachGateway(ctx, g.ID, r.ID))(w.t)
	get(w.AddTableRoute(ctx, r.Domain.MainTable, cloud.TableRoute{Destination: everywhere(false), Kind: cloud.TargetInternet, Target: string(g.ID)}))(w.t)
	return g
}

// routerDoc is what a router's host has of it, once all is settled.
func (w *world) routerDoc(id cloud.RouterID) (doc spec.Router) {
	w.t.Helper()
	w.settled()
	for _, h := range w.hosts {
		h.with(func() {
			if d, ok := h.routers[spec.RouterID(id)]; ok {
				doc = d
			}
		})
	}
	return doc
}

func wantField(t *testing.T, err error, k cloud.Kind, field string) {
	t.Helper()
	wantKind(t, err, k)
	if e, _ := cloud.AsError(err); e.Field != field {
		t.Fatalf("%v is about the field %q, not %q", err, e.Field, field)
	}
}

// A domain is made whole, is seen by its owner alone, keeps its subnets within its blocks and apart, and goes when it is deserted,
// of which everything that is left is named.
func TestDomainLife(t *testing.T) {
	w := newWorld(t, "h1")
	ctx := as("p")
	r, subnets := w.domain(ctx, "10.0.0.0/16", "10.0.0.0/24", "10.0.1.0/24")
	main := get(w.RouteTable(ctx, r.Domain.MainTable))(t)
	filter := get(w.Filter(ctx, r.Domain.DefaultFilter))(t)
	group := get(w.SecurityGroup(ctx, r.Domain.DefaultGroup))(t)
	if !main.Main || len(main.Uses) != 1 || main.Uses[0].SubnetID != "" {
		t.Errorf("main table %+v", main)
	}
	if !filter.Default || len(filter.Entries) != 2 || len(filter.Uses) != 2 {
		t.Errorf("default filter %+v", filter)
	}
	if rules := get(w.ListRules(ctx, cloud.Where(cloud.Eq("group_id", group.ID))))(t); len(rules) != 2 || group.Name != "default" || group.RouterID != r.ID {
		t.Errorf("default group %+v with %d rules", group, len(rules))
	}
	_, err := w.Domain(as("other"), r.ID)
	wantKind(t, err, cloud.NotFound)
	_, err = w.CreateDomainSubnet(as("other"), DomainSubnetRequest{RouterID: r.ID, Prefix: prefix("10.0.9.0/24")})
	wantKind(t, err, cloud.NotFound)
	_, err = w.CreateDomainSubnet(ctx, DomainSubnetRequest{RouterID: r.ID, Prefix: prefix("10.1.0.0/24")})
	wantField(t, err, cloud.Invalid, "block")
	_, err = w.CreateDomainSubnet(ctx, DomainSubnetRequest{RouterID: r.ID, Prefix: prefix("10.0.1.128/25")})
	wantField(t, err, cloud.AlreadyExists, "prefix")
	if free := get(w.FreeAddresses(ctx, subnets))(t)[subnets[0].ID]; free != 251 {
		t.Errorf("%d addresses are free in a /24, not 251", free)
	}
	w.must(w.DeleteDomainSubnet(ctx, subnets[1].ID))
	err = w.DeleteDomain(ctx, r.ID)
	wantKind(t, err, cloud.WrongState)
	if !strings.Contains(err.Error(), "subnets") {
		t.Errorf("what is left is not named: %v", err)
	}
	w.must(w.DeleteDomainSubnet(ctx, subnets[0].ID))
	w.must(w.DeleteDomain(ctx, r.ID))
	w.nothingLeft(ctx)
}

// nothingLeft looks for rows that a project's domains left behind.
func (w *world) nothingLeft(ctx context.Context) {
	w.t.Helper()
	p := cloud.Eq("project_id", cloud.PrincipalOf(ctx).ProjectID)
	for what, count := range map[string]func(context.Context, ...cloud.Cond) (int64, error){"routers": w.store.Routers.Count, "tables": w.store.RouteTables.Count,
		"filters": w.store.PacketFilters.Count, "gateways": w.store.Gateways.Count, "NAT gateways": w.store.NATGateways.Count, "networks": w.store.Networks.Count,
		"subnets": w.store.Subnets.Count, "ports": w.store.Ports.Count} {
		if n := get(count(ctx, p))(w.t); n > 0 {
			w.t.Errorf("%d %s are left", n, what)
		}
	}
	if n := get(w.store.AddressUses.Count(ctx))(w.t); n > 0 {
		w.t.Errorf("%d addresses are left", n)
	}
	if n := get(w.store.Networks.Count(ctx, cloud.Eq("name", "link")))(w.t); n > 0 {
		w.t.Errorf("%d links are left", n)
	}
}

// Blocks do not overlap, go only when they are empty, and the first stays. The first of IPv6 opens what was open to IPv4.
func TestDomainBlocks(t *testing.T) {
	w := newWorld(t)
	ctx := as("p")
	r, _ := w.domain(ctx, "10.0.0.0/16")
	_, err := w.AddBlock(ctx, r.ID, prefix("10.0.128.0/20"))
	wantKind(t, err, cloud.AlreadyExists)
	_, err = w.AddBlock(ctx, r.ID, prefix("169.254.0.0/16"))
	wantKind(t, err, cloud.Invalid)
	r = get(w.AddBlock(ctx, r.ID, prefix("10.2.0.0/16")))(t)
	sub := get(w.CreateDomainSubnet(ctx, DomainSubnetRequest{RouterID: r.ID, Prefix: prefix("10.2.3.0/24")}))(t)
	_, err = w.RemoveBlock(ctx, r.ID, r.Domain.Blocks[1].ID)
	wantKind(t, err, cloud.WrongState)
	_, err = w.RemoveBlock(ctx, r.ID, r.Domain.Blocks[0].ID)
	wantKind(t, err, cloud.WrongState)
	w.must(w.DeleteDomainSubnet(ctx, sub.ID))
	get(w.RemoveBlock(ctx, r.ID, r.Domain.Blocks[1].ID))(t)
	get(w.AddBlock(ctx, r.ID, prefix("2001:db8:1::/56")))(t)
	if f := get(w.Filter(ctx, r.Domain.DefaultFilter))(t); len(f.Entries) != 4 {
		t.Errorf("the default filter has %d entries, not 4", len(f.Entries))
	}
	if rules := get(w.ListRules(ctx, cloud.Where(cloud.Eq("group_id", r.Domain.DefaultGroup))))(t); len(rules) != 3 {
		t.Errorf("the default group has %d rules, not 3", len(rules))
	}
}

// The ordinary calls show a domain's parts and do not tear them apart.
func TestDomainIsWhole(t *testing.T) {
	w := newWorld(t, "h1")
	ctx := as("p")
	w.public()
	r, subnets := w.domain(ctx, "10.0.0.0/16", "10.0.0.0/24")
	other, otherSubnets := w.network(ctx, "10.9.0.0/24")
	for what, err := range map[string]error{
		"interface added":   second(w.AddInterface(ctx, r.ID, InterfaceRequest{SubnetID: otherSubnets[0].ID})),
		"interface removed": second(w.RemoveInterface(ctx, r.ID, InterfaceRequest{SubnetID: subnets[0].ID})),
		"route":             second(w.AddRoutes(ctx, r.ID, []cloud.Route{{Destination: prefix("0.0.0.0/0"), NextHop: addr("10.0.0.9")}})),
		"gateway":           second(w.UpdateRouter(ctx, r.ID, RouterChange{Gateway: ptr[*GatewayRequest](nil)})),
		"second subnet":     second(w.CreateSubnet(ctx, SubnetRequest{NetworkID: subnets[0].NetworkID, Prefix: prefix("10.0.5.0/24")})),
	} {
		if !cloud.Is(err, cloud.Conflict) {
			t.Errorf("%s: %v", what, err)
		}
	}
	wantKind(t, w.DeleteNetwork(ctx, subnets[0].NetworkID), cloud.InUse)
	wantKind(t, w.DeleteSubnet(ctx, subnets[0].ID), cloud.InUse)
	wantKind(t, w.DeleteSecurityGroup(ctx, r.Domain.DefaultGroup), cloud.WrongState)
	if n := get(w.onlyNetwork(ctx, "p"))(t); n == nil || n.ID != other.ID {
		t.Errorf("an instance that names no network goes on %+v", n)
	}
	w.must(w.DeleteDomainSubnet(ctx, subnets[0].ID))
	w.must(w.DeleteRouter(ctx, r.ID))
	w.must(w.DeleteNetwork(ctx, other.ID))
	w.nothingLeft(ctx)
}

func second[T any](_ T, err error) error { return err }

// Groups of a domain have names of their own, are for its ports only, and its default one is worn by who names none.
func TestDomainGroups(t *testing.T) {
	w := newWorld(t, "h1")
	ctx := as("p")
	a, inA := w.domain(ctx, "10.0.0.0/16", "10.0.0.0/24")
	b, _ := w.domain(ctx, "10.0.0.0/16")
	web := get(w.CreateSecurityGroup(ctx, GroupRequest{Name: "web", RouterID: a.ID}))(t)
	_, err := w.CreateSecurityGroup(ctx, GroupRequest{Name: "web", RouterID: a.ID})
	wantKind(t, err, cloud.AlreadyExists)
	foreign := get(w.CreateSecurityGroup(ctx, GroupRequest{Name: "web", RouterID: b.ID}))(t)
	if rules := get(w.ListRules(ctx, cloud.Where(cloud.Eq("group_id", web.ID))))(t); len(rules) != 1 || rules[0].Direction != "egress" {
		t.Errorf("a new group has %d rules", len(rules))
	}
	p := get(w.CreatePort(ctx, PortRequest{NetworkID: inA[0].NetworkID}))(t)
	if len(p.SecurityGroups) != 1 || p.SecurityGroups[0] != a.Domain.DefaultGroup {
		t.Errorf("a port without groups is in %v", p.SecurityGroups)
	}
	_, err = w.UpdatePort(ctx, p.ID, PortChange{Groups: &[]cloud.SecurityGroupID{foreign.ID}})
	wantKind(t, err, cloud.Invalid)
	get(w.UpdatePort(ctx, p.ID, PortChange{Groups: &[]cloud.SecurityGroupID{web.ID}}))(t)
	wantKind(t, w.DeleteDomain(ctx, b.ID), cloud.WrongState)
}
