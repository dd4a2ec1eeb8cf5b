package network

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// vpnWorld is a router with a way out, two subnets behind it, and what connections name.
type vpnWorld struct {
	*world
	ctx      context.Context
	router   *cloud.Router
	subnets  []*cloud.Subnet
	ike, esp *cloud.VPNProposal
}

func newVPNWorld(t *testing.T) *vpnWorld {
	w := &vpnWorld{world: newWorld(t, "h1", "h2"), ctx: as("p")}
	out := w.public()
	w.router = get(w.CreateRouter(w.ctx, RouterRequest{Gateway: &GatewayRequest{NetworkID: out.ID}}))(t)
	for _, cidr := range []string{"10.0.0.0/24", "10.0.1.0/24"} {
		_, subnets := w.network(w.ctx, cidr)
		get(w.AddInterface(w.ctx, w.router.ID, InterfaceRequest{SubnetID: subnets[0].ID}))(t)
		w.subnets = append(w.subnets, subnets[0])
	}
	w.ike = get(w.CreateVPNProposal(w.ctx, UseIKE, VPNProposalChange{}))(t)
	w.esp = get(w.CreateVPNProposal(w.ctx, UseESP, VPNProposalChange{}))(t)
	return w
}

func (w *vpnWorld) service(sub cloud.SubnetID) *cloud.VPNService {
	w.t.Helper()
	return get(w.CreateVPNService(w.ctx, VPNServiceRequest{RouterID: w.router.ID, SubnetID: sub}))(w.t)
}

func (w *vpnWorld) request(v *cloud.VPNService, peer string, prefixes ...string) VPNConnectionRequest {
	r := VPNConnectionRequest{ServiceID: v.ID, IKE: w.ike.ID, ESP: w.esp.ID}
	secret := "secret"
	r.PeerAddress, r.PeerIdentity, r.Secret = &peer, &peer, &secret
	if p := parsed(prefixes...); len(p) > 0 {
		r.PeerPrefixes = &p
	}
	return r
}

func parsed(texts ...string) (out []netip.Prefix) {
	for _, t := range texts {
		out = append(out, netip.MustParsePrefix(t))
	}
	return out
}

// held is what the router's host holds.
func (w *vpnWorld) held() (h *fakeHost) {
	w.t.Helper()
	w.settled()
	r := get(w.Routers.Get(w.admin, w.router.ID))(w.t)
	return w.hosts[r.HostID]
}

// A service and a connection are on the router's host, which routes to the peer's prefixes; they follow the router to another, and
// nothing of them is left at the end.
func TestVPN(t *testing.T) {
	w := newVPNWorld(t)
	before := rowsOf(w)
	v := w.service(w.subnets[0].ID)
	c := get(w.CreateVPNConnection(w.ctx, w.request(v, "198.51.100.9", "10.9.0.0/24", "10.8.0.0/24")))(t)
	w.seen(w.held(), v, c)
	host := w.held()
	from := get(w.Routers.Get(w.admin, w.router.ID))(t).HostID
	w.must(w.MoveRouter(w.admin, w.router.ID, from, ""))
	w.must(w.MoveRouter(w.admin, w.router.ID, "", other(w, host)))
	w.seen(w.held(), v, c)
	if w.held() == host || len(host.vpns) != 0 {
		t.Errorf("the first host still has %v", host.vpns)
	}
	down := false
	get(w.UpdateVPNConnection(w.ctx, c.ID, VPNConnectionChange{AdminUp: &down}))(t)
	w.held().with(func() {
		if tunnels := w.held().vpns[spec.VPNID(v.ID)].Tunnels; len(tunnels) != 0 {
			t.Errorf("a connection that is down has %v", tunnels)
		}
	})
	wantKind(t, w.DeleteVPNService(w.ctx, v.ID), cloud.InUse)
	w.must(w.DeleteVPNConnection(w.ctx, c.ID))
	w.must(w.DeleteVPNService(w.ctx, v.ID))
	if h := w.held(); len(h.vpns) != 0 || len(h.routers[spec.RouterID(w.router.ID)].Routes) != 0 {
		t.Errorf("left over: %v", h.vpns)
	}
	if after := rowsOf(w); after != before {
		t.Errorf("rows %s, before %s", after, before)
	}
}

func other(w *vpnWorld, h *fakeHost) cloud.HostID {
	for id, o := range w.hosts {
		if o != h {
			return id
		}
	}
	return ""
}

func rowsOf(w *vpnWorld) string {
	return fmt.Sprint(get(w.Networks.Count(w.admin))(w.t), get(w.Subnets.Count(w.admin))(w.t), get(w.Ports.Count(w.admin))(w.t), get(w.Addresses.Count(w.admin))(w.t))
}

// seen checks what a host was sent of a connection.
func (w *vpnWorld) seen(h *fakeHost, v *cloud.VPNService, c *cloud.VPNConnection) {
	w.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	doc, ok := h.vpns[spec.VPNID(v.ID)]
	if !ok || len(doc.Tunnels) != 1 || len(doc.Outside) != 1 || len(doc.Inside) != 2 {
		w.t.Fatalf("document %+v", doc)
	}
	tunnel := doc.Tunnels[0]
	if tunnel.Secret != "secret" || tunnel.Local != doc.Outside[0].Addresses[0].Addr() || !slices.Equal(tunnel.LocalPrefixes, parsed("10.0.0.0/24")) ||
		!slices.Equal(tunnel.PeerPrefixes, c.PeerPrefixes) || !tunnel.DPD.Restart || tunnel.Start != spec.VPNStartNow {
		w.t.Errorf("tunnel %+v", tunnel)
	}
	router := h.routers[spec.RouterID(w.router.ID)]
	for _, p := range c.PeerPrefixes {
		if !slices.Contains(router.Routes, spec.Route{Destination: p, NextHop: doc.Link.Addresses[0].Addr()}) {
			w.t.Errorf("no route to %s: %v", p, router.Routes)
		}
	}
	if !slices.ContainsFunc(router.Interfaces, func(i spec.RouterInterface) bool {
		return i.Network == doc.Link.Network && i.Addresses[0].Addr() == doc.Via[0]
	}) {
		w.t.Errorf("the router is not on the link: %v", router.Interfaces)
	}
}

// What a host says is kept, also that it cannot.
func TestVPNObserved(t *testing.T) {
	w := newVPNWorld(t)
	v := w.service(w.subnets[0].ID)
	c := get(w.CreateVPNConnection(w.ctx, w.request(v, "198.51.100.9", "10.9.0.0/24")))(t)
	w.held()
	say := func(s spec.VPNStatus) *cloud.VPNConnection {
		s.ID = spec.VPNID(v.ID)
		w.ObserveVPN(w.admin, get(w.Routers.Get(w.admin, w.router.ID))(t).HostID, s)
		return get(w.VPNConnection(w.ctx, c.ID))(t)
	}
	up := spec.VPNStatus{Up: true, Tunnels: []spec.VPNTunnelStatus{{ID: tunnelID(c, 0), Up: true}}}
	if got := say(up); !got.Up() || got.Tunnels[0].ChangedAt.IsZero() || got.Revisions != c.Revisions {
		t.Errorf("up: %+v", got)
	}
	up.Tunnels[0] = spec.VPNTunnelStatus{ID: tunnelID(c, 0), Reason: "the peer does not answer"}
	if got := say(up); got.Up() || got.Tunnels[0].Reason != "the peer does not answer" {
		t.Errorf("down: %+v", got)
	}
	w.ObserveVPN(w.admin, "another host", spec.VPNStatus{ID: spec.VPNID(v.ID), Reason: "old"})
	if got := get(w.VPNService(w.ctx, v.ID))(t); !got.Up || got.Reason != "" {
		t.Errorf("another host was believed: %+v", got)
	}
	h := w.held()
	h.with(func() {
		h.fail = func(call string) error {
			if call == "ensure "+string(v.ID) {
				return fmt.Errorf("install strongswan-charon: %w", spec.ErrNotSupported)
			}
			return nil
		}
	})
	name := "x"
	get(w.UpdateVPNConnection(w.ctx, c.ID, VPNConnectionChange{LocalIdentity: &name}))(t)
	w.eventually("the owner reads why", func() bool {
		return get(w.VPNService(w.ctx, v.ID))(t).Reason == "install strongswan-charon" && get(w.VPNConnection(w.ctx, c.ID))(t).Tunnels[0].Reason == "install strongswan-charon"
	})
	h.with(func() { h.fail = nil })
}

// What does not fit together is refused, and so is taking away what a connection stands on.
func TestVPNRefused(t *testing.T) {
	w := newVPNWorld(t)
	bare := get(w.CreateRouter(w.ctx, RouterRequest{}))(t)
	_, err := w.CreateVPNService(w.ctx, VPNServiceRequest{RouterID: bare.ID})
	wantKind(t, err, cloud.Invalid)
	_, far := w.network(w.ctx, "10.7.0.0/24")
	_, err = w.CreateVPNService(w.ctx, VPNServiceRequest{RouterID: w.router.ID, SubnetID: far[0].ID})
	wantKind(t, err, cloud.Invalid)
	_, err = w.CreateVPNService(as("stranger"), VPNServiceRequest{RouterID: w.router.ID})
	wantKind(t, err, cloud.NotFound)
	v, whole := w.service(w.subnets[0].ID), w.service("")
	for _, bad := range []VPNConnectionRequest{w.request(v, "198.51.100.9"), w.request(v, "198.51.100.9", "10.9.0.0/24", "fd00::/64"), w.request(v, "198.51.100.9", "fd00::/64"),
		w.request(v, "198.51.100.9", "10.0.0.0/16"), w.request(v, "not a name", "10.9.0.0/24"), w.request(v, "0.0.0.0", "10.9.0.0/24"), w.request(whole, "198.51.100.9", "10.9.0.0/24")} {
		_, err := w.CreateVPNConnection(w.ctx, bad)
		wantKind(t, err, cloud.Invalid)
	}
	local := get(w.CreateEndpointGroup(w.ctx, EndpointGroupRequest{Kind: cloud.EndpointSubnet, Endpoints: []string{string(w.subnets[0].ID), string(w.subnets[1].ID)}}))(t)
	peer := get(w.CreateEndpointGroup(w.ctx, EndpointGroupRequest{Kind: cloud.EndpointPrefix, Endpoints: []string{"10.9.0.0/24"}}))(t)
	r := w.request(whole, "vpn.example.com")
	r.LocalEndpoints, r.PeerEndpoints = &peer.ID, &local.ID
	_, err = w.CreateVPNConnection(w.ctx, r)
	wantKind(t, err, cloud.Invalid)
	r.LocalEndpoints, r.PeerEndpoints = &local.ID, &peer.ID
	c := get(w.CreateVPNConnection(w.ctx, r))(t)
	w.refusedWhile(c, local)
	w.must(w.DeleteVPNConnection(w.ctx, c.ID))
	w.must(w.DeleteEndpointGroup(w.ctx, local.ID))
	w.must(w.DeleteVPNProposal(w.ctx, UseIKE, w.ike.ID))
}

// refusedWhile tries to take away what a connection stands on.
func (w *vpnWorld) refusedWhile(c *cloud.VPNConnection, local *cloud.EndpointGroup) {
	t := w.t.(*testing.T)
	t.Helper()
	wantKind(t, w.DeleteEndpointGroup(w.ctx, local.ID), cloud.Invalid)
	wantKind(t, w.DeleteVPNProposal(w.ctx, UseIKE, w.ike.ID), cloud.InUse)
	_, err := w.UpdateVPNProposal(w.ctx, UseESP, w.esp.ID, VPNProposalChange{})
	wantKind(t, err, cloud.InUse)
	_, err = w.RemoveInterface(w.ctx, w.router.ID, InterfaceRequest{SubnetID: w.subnets[1].ID})
	wantKind(t, err, cloud.InUse)
	var none *GatewayRequest
	_, err = w.UpdateRouter(w.ctx, w.router.ID, RouterChange{Gateway: &none})
	wantKind(t, err, cloud.InUse)
	ports := get(w.ListPorts(w.admin, cloud.Where(cloud.Eq("owner", string(cloud.OwnerVPN)))))(t)
	wantKind(t, w.DeletePort(w.admin, ports[0].ID), cloud.InUse)
	if seen := get(w.ListPorts(w.ctx, cloud.Where(cloud.In("owner", []string{string(cloud.OwnerVPN), string(cloud.OwnerRouterLink)}))))(t); len(seen) != 0 {
		t.Errorf("its owner sees %d ports that are not its own", len(seen))
	}
	if row := get(w.VPNConnections.Get(w.admin, c.ID))(t); row.Tunnels[0].Secret != "" || len(row.Tunnels[0].Sealed) == 0 {
		t.Errorf("the store holds the secret in clear: %+v", row.Tunnels[0])
	}
}
