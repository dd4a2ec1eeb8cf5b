package network

import (
	"context"
	"crypto/rand"
	"net/netip"
	"slices"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// GatewayConnectionRequest asks for a connection of a VPN gateway to a peer. It has as many tunnels as the gateway has addresses.
type GatewayConnectionRequest struct {
	ProjectID cloud.ProjectID // empty: the caller's
	Words
	GatewayID    cloud.GatewayID
	PeerID       cloud.VPNPeerID
	StaticRoutes bool
	// LocalSelector and PeerSelector bound what is carried; invalid: nothing does.
	LocalSelector, PeerSelector netip.Prefix
	Tunnels                     [gatewayAddresses]TunnelChange
}

// TunnelChange is what may be said of one tunnel: what is not nil.
type TunnelChange struct {
	Inside *netip.Prefix
	Secret *string
	// Terms changes the terms.
	Terms func(*cloud.VPNTerms)
}

// DefaultTerms are those of a tunnel of which nobody said anything: all that is safe, and what most others begin with.
func DefaultTerms() cloud.VPNTerms {
	return cloud.VPNTerms{IKEVersions: []string{"v1", "v2"}, DPDAction: cloud.DPDClear, DPDTimeout: 30 * time.Second,
		IKE: cloud.VPNSuite{Encryption: []string{"aes-128", "aes-256", "aes-128-gcm-16", "aes-256-gcm-16"}, Authentication: []string{"sha1", "sha256", "sha384", "sha512"},
			Groups: []string{"group2", "group14", "group15", "group16", "group17", "group18", "group19", "group20", "group21", "group22", "group23", "group24"}, Lifetime: 8 * time.Hour},
		ESP: cloud.VPNSuite{Encryption: []string{"aes-128", "aes-256", "aes-128-gcm-16", "aes-256-gcm-16"}, Authentication: []string{"sha1", "sha256", "sha384", "sha512"},
			Groups: []string{"group2", "group5", "group14", "group15", "group16", "group17", "group18", "group19", "group20", "group21", "group22", "group23", "group24"}, Lifetime: time.Hour}}
}

// CreateGatewayConnection makes a connection of a VPN gateway.
func (s *Service) CreateGatewayConnection(ctx context.Context, r GatewayConnectionRequest) (c *cloud.VPNConnection, err error) {
	r.ProjectID = owner(ctx, r.ProjectID)
	if err := policy.Authorize(ctx, "VPN connection.create", vpnTarget("VPN connection", r.ProjectID, "")); err != nil {
		return nil, err
	}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		g, err := s.gateways().own(ctx, r.GatewayID, "update")
		if err != nil {
			return err
		}
		if g.Kind != cloud.GatewayVPN {
			return cloud.NotFoundf("gateway", r.GatewayID)
		}
		if err := s.lockVPNPeer(ctx, r.PeerID); err != nil {
			return err
		}
		peer, err := s.VPNPeer(ctx, r.PeerID)
		if err != nil {
			return err
		}
		v, err := s.gatewayVPN(ctx, g)
		if err != nil {
			return err
		}
		if err := s.lockVPN(ctx, v.ID); err != nil {
			return err
		}
		if err := s.Quota.Reserve(ctx, r.ProjectID, map[string]int64{cloud.QuotaVPNConnections: 1}); err != nil {
			return err
		}
		c = newGatewayConnection(r, v, peer)
		for i, t := range r.Tunnels {
			if err := s.changeTunnel(ctx, c, i, t); err != nil {
				return err
			}
		}
		s.vpnChanged(ctx, v)
		return s.VPNConnections.Insert(ctx, c)
	})
	return c, err
}

func newGatewayConnection(r GatewayConnectionRequest, v *cloud.VPNService, peer *cloud.VPNPeer) *cloud.VPNConnection {
	c := &cloud.VPNConnection{ID: cloud.VPNConnectionID(cloud.NewID()), ProjectID: r.ProjectID, ServiceID: v.ID, Name: r.Name, Meta: cloud.Meta{Labels: r.Labels},
		AdminUp: true, PeerID: peer.ID, PeerAddress: peer.Address.String(), PeerIdentity: peer.Address.String(), MTU: 1500, Initiator: cloud.InitiatorPeer,
		StaticRoutes: r.StaticRoutes, LocalSelector: r.LocalSelector, PeerSelector: r.PeerSelector}
	for _, s := range []*netip.Prefix{&c.LocalSelector, &c.PeerSelector} {
		if !s.IsValid() {
			*s = everywhere(false)
		}
	}
	for _, p := range v.OutsidePorts {
		terms := DefaultTerms()
		c.Tunnels = append(c.Tunnels, cloud.VPNTunnel{PortID: p, Terms: &terms})
	}
	return c
}

// changeTunnel makes one tunnel what is asked; a new one gets what nobody said.
func (s *Service) changeTunnel(ctx context.Context, c *cloud.VPNConnection, i int, change TunnelChange) error {
	t := &c.Tunnels[i]
	if change.Terms != nil {
		change.Terms(t.Terms)
		if err := checkTerms(t.Terms); err != nil {
			return err
		}
	}
	switch {
	case change.Inside != nil:
		t.Inside = *change.Inside
	case !t.Inside.IsValid():
		var err error
		if t.Inside, err = s.freeInside(ctx, c); err != nil {
			return err
		}
	}
	if err := s.checkInside(ctx, c, i); err != nil {
		return err
	}
	switch {
	case change.Secret != nil:
		if err := checkTunnelSecret(*change.Secret); err != nil {
			return err
		}
		return s.seal(ctx, c, i, *change.Secret)
	case len(t.Sealed) == 0:
		return s.seal(ctx, c, i, newTunnelSecret())
	}
	return nil
}

func checkTerms(t *cloud.VPNTerms) error {
	for _, w := range []struct {
		field        string
		words, known []string
	}{{"ike_versions", t.IKEVersions, []string{"v1", "v2"}},
		{"encryption", t.IKE.Encryption, cloud.VPNWords.Encryption}, {"encryption", t.ESP.Encryption, cloud.VPNWords.Encryption},
		{"authentication", t.IKE.Authentication, cloud.VPNWords.Authentication}, {"authentication", t.ESP.Authentication, cloud.VPNWords.Authentication},
		{"groups", t.IKE.Groups, cloud.VPNWords.Groups}, {"groups", t.ESP.Groups, cloud.VPNWords.Groups}} {
		if len(w.words) == 0 || slices.ContainsFunc(w.words, func(s string) bool { return !slices.Contains(w.known, s) }) {
			return cloud.Invalidf("VPN connection", w.field, "A tunnel cannot be built of %v.", w.words)
		}
	}
	if t.IKE.Lifetime < lifetimeMin || t.ESP.Lifetime < lifetimeMin || t.DPDTimeout < dpdTries*time.Second || t.DPDTimeout > dpdMax {
		return cloud.Invalidf("VPN connection", "lifetime", "Keys hold for a minute at least, and a peer that is gone is waited for between seconds and a day.")
	}
	return nil
}

// insideSpace is where the /30s inside tunnels lie.
var insideSpace = netip.MustParsePrefix("169.254.0.0/16")

const insideBits = 30

// insideTaken are prefixes inside that others use: those of all tunnels of the service, and what the cloud itself has there.
func (s *Service) insideTaken(ctx context.Context, c *cloud.VPNConnection, but int) ([]netip.Prefix, error) {
	taken := []netip.Prefix{linkSpace, netip.MustParsePrefix("169.254.169.0/24"), netip.MustParsePrefix("169.254.0.0/22")}
	others, err := s.VPNConnections.List(ctx, cloud.Where(cloud.Eq("service_id", string(c.ServiceID))), func(o *cloud.VPNConnection) bool { return o.ID != c.ID })
	for _, o := range others {
		for _, t := range o.Tunnels {
			taken = append(taken, t.Inside)
		}
	}
	for i, t := range c.Tunnels {
		if i != but && t.Inside.IsValid() {
			taken = append(taken, t.Inside)
		}
	}
	return taken, err
}

// freeInside takes a prefix by chance, so that the tunnels of several gateways to one peer seldom meet there.
func (s *Service) freeInside(ctx context.Context, c *cloud.VPNConnection) (netip.Prefix, error) {
	taken, err := s.insideTaken(ctx, c, -1)
	if err != nil {
		return netip.Prefix{}, err
	}
	for {
		var b [2]byte
		_, _ = rand.Read(b[:]) // it never fails
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{169, 254, b[0], b[1] &^ 3}), insideBits)
		if !slices.ContainsFunc(taken, p.Overlaps) {
			return p, nil
		}
	}
}

func (s *Service) checkInside(ctx context.Context, c *cloud.VPNConnection, i int) error {
	p := c.Tunnels[i].Inside
	if p.Bits() != insideBits || p != p.Masked() || !insideSpace.Contains(p.Addr()) {
		return cloud.Invalidf("VPN connection", "inside", "What is inside a tunnel is a prefix of 30 bits in %s, not %s.", insideSpace, p)
	}
	taken, err := s.insideTaken(ctx, c, i)
	if err == nil && slices.ContainsFunc(taken, p.Overlaps) {
		err = cloud.Errorf(cloud.AlreadyExists, "VPN inside prefix", p.String(), "The prefix %s inside a tunnel is in use, or reserved.", p)
	}
	return err
}

const secretLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._"

// newTunnelSecret is 32 characters by chance. It does not begin with a zero, which some peers' software drops.
func newTunnelSecret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // it never fails
	for i := range b {
		b[i] = secretLetters[int(b[i])%len(secretLetters)]
	}
	if b[0] == '0' {
		b[0] = 'a'
	}
	return string(b)
}

func checkTunnelSecret(secret string) error {
	odd := func(r rune) bool { return !slices.Contains([]rune(secretLetters), r) }
	if len(secret) < 8 || len(secret) > 64 || secret[0] == '0' || slices.ContainsFunc([]rune(secret), odd) {
		return cloud.Invalidf("VPN connection", "psk", "A pre-shared key has 8 to 64 letters, digits, dots and underscores, and does not begin with a zero.")
	}
	return nil
}

// UpdateTunnel changes the tunnel of a gateway's connection that ends at an address of ours.
func (s *Service) UpdateTunnel(ctx context.Context, id cloud.VPNConnectionID, outside netip.Addr, change TunnelChange) (*cloud.VPNConnection, error) {
	return s.changeGatewayConnection(ctx, id, func(ctx context.Context, c *cloud.VPNConnection, v *cloud.VPNService) error {
		ports, err := s.VPNAddresses(ctx, []*cloud.VPNService{v})
		if err != nil {
			return err
		}
		for i, t := range c.Tunnels {
			if slices.ContainsFunc(ports[v.ID], func(p *cloud.Port) bool { return p.ID == t.PortID && holds(p, outside) }) {
				return s.changeTunnel(ctx, c, i, change)
			}
		}
		return cloud.Invalidf("VPN connection", "outside", "No tunnel of VPN connection %s ends at %s.", id, outside)
	})
}

// GatewayConnectionChange changes what is not nil.
type GatewayConnectionChange struct {
	PeerID                      *cloud.VPNPeerID
	LocalSelector, PeerSelector *netip.Prefix
}

// UpdateGatewayConnection gives a gateway's connection another peer, or other bounds of what it carries. Its tunnels come up anew.
func (s *Service) UpdateGatewayConnection(ctx context.Context, id cloud.VPNConnectionID, change GatewayConnectionChange) (*cloud.VPNConnection, error) {
	return s.changeGatewayConnection(ctx, id, func(ctx context.Context, c *cloud.VPNConnection, _ *cloud.VPNService) error {
		apply(&c.LocalSelector, change.LocalSelector)
		apply(&c.PeerSelector, change.PeerSelector)
		if change.PeerID == nil {
			return nil
		}
		if err := s.lockVPNPeer(ctx, *change.PeerID); err != nil {
			return err
		}
		peer, err := s.VPNPeer(ctx, *change.PeerID)
		if err != nil {
			return err
		}
		c.PeerID, c.PeerAddress, c.PeerIdentity = peer.ID, peer.Address.String(), peer.Address.String()
		return nil
	})
}

// AddConnectionRoute has a gateway's connection lead to a prefix; one that it leads to already is no error.
func (s *Service) AddConnectionRoute(ctx context.Context, id cloud.VPNConnectionID, p netip.Prefix) (*cloud.VPNConnection, error) {
	return s.changeGatewayConnection(ctx, id, func(_ context.Context, c *cloud.VPNConnection, _ *cloud.VPNService) error {
		if !p.IsValid() || p != p.Masked() || !p.Addr().Is4() {
			return cloud.Invalidf("VPN connection", "destination", "%s is not a prefix of IPv4.", p)
		}
		if !slices.Contains(c.PeerPrefixes, p) {
			c.PeerPrefixes = append(slices.Clone(c.PeerPrefixes), p)
		}
		return nil
	})
}

// RemoveConnectionRoute is the reverse of AddConnectionRoute. NotFound for a prefix that it does not lead to.
func (s *Service) RemoveConnectionRoute(ctx context.Context, id cloud.VPNConnectionID, p netip.Prefix) (*cloud.VPNConnection, error) {
	return s.changeGatewayConnection(ctx, id, func(_ context.Context, c *cloud.VPNConnection, _ *cloud.VPNService) error {
		i := slices.Index(c.PeerPrefixes, p)
		if i < 0 {
			return cloud.Errorf(cloud.NotFound, "VPN connection route", id, "VPN connection %s does not lead to %s.", id, p)
		}
		c.PeerPrefixes = slices.Delete(slices.Clone(c.PeerPrefixes), i, i+1)
		return nil
	})
}

// changeGatewayConnection changes a gateway's connection, and has tables learn what it leads to.
func (s *Service) changeGatewayConnection(ctx context.Context, id cloud.VPNConnectionID, change func(context.Context, *cloud.VPNConnection, *cloud.VPNService) error) (c *cloud.VPNConnection, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		var v *cloud.VPNService
		if c, v, err = s.ownVPNConnection(ctx, id, "VPN connection.update"); err != nil {
			return err
		}
		if v.GatewayID == "" {
			return cloud.Errorf(cloud.Conflict, "VPN connection", id, "VPN connection %s is a router's, not a gateway's.", id)
		}
		if err := change(ctx, c, v); err != nil {
			return err
		}
		c.Revisions++
		if err := s.VPNConnections.Update(ctx, c); err != nil {
			return err
		}
		return s.connectionsChanged(ctx, v)
	})
	return c, err
}

// connectionsChanged tells hosts, and tables that learn from the service's gateway.
func (s *Service) connectionsChanged(ctx context.Context, v *cloud.VPNService) error {
	s.vpnChanged(ctx, v)
	if v.GatewayID == "" {
		return nil
	}
	g, err := s.Gateways.Get(ctx, v.GatewayID)
	if err != nil {
		return missing(err, "gateway", v.GatewayID)
	}
	return s.Relearn(ctx, g)
}
