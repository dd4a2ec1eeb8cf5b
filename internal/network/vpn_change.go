package network

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// VPNConnectionChange is what may be said of a connection: what is not nil.
type VPNConnectionChange struct {
	Name, Description             *string
	AdminUp                       *bool
	PeerAddress, PeerIdentity     *string
	LocalIdentity                 *string
	PeerPrefixes                  *[]netip.Prefix
	PeerEndpoints, LocalEndpoints *cloud.EndpointGroupID
	MTU                           *int
	Initiator, DPDAction          *string
	DPDInterval, DPDTimeout       *time.Duration
	Secret                        *string
}

// changeVPNConnection makes a connection what is asked, and checks the whole of it.
func (s *Service) changeVPNConnection(ctx context.Context, v *cloud.VPNService, c *cloud.VPNConnection, change VPNConnectionChange) error {
	apply(&c.Name, change.Name)
	apply(&c.Description, change.Description)
	apply(&c.AdminUp, change.AdminUp)
	apply(&c.PeerAddress, change.PeerAddress)
	apply(&c.PeerIdentity, change.PeerIdentity)
	apply(&c.LocalIdentity, change.LocalIdentity)
	apply(&c.PeerPrefixes, change.PeerPrefixes)
	apply(&c.PeerEndpoints, change.PeerEndpoints)
	apply(&c.LocalEndpoints, change.LocalEndpoints)
	apply(&c.MTU, change.MTU)
	apply(&c.Initiator, change.Initiator)
	apply(&c.DPDAction, change.DPDAction)
	apply(&c.DPDInterval, change.DPDInterval)
	apply(&c.DPDTimeout, change.DPDTimeout)
	if change.Secret != nil {
		if err := s.seal(ctx, c, 0, *change.Secret); err != nil {
			return err
		}
	}
	if err := checkVPNPeer(c); err != nil {
		return err
	}
	if err := checkVPNTimes(c); err != nil {
		return err
	}
	return s.checkEnds(ctx, v, c)
}

// checkVPNPeer refuses a peer that nobody could speak to. What is between quotes in the daemon's words cannot hold all characters.
func checkVPNPeer(c *cloud.VPNConnection) error {
	secret := c.Tunnels[0].Secret
	for _, f := range []struct{ field, value string }{{"peer_address", c.PeerAddress}, {"peer_id", c.PeerIdentity}, {"psk", secret}} {
		if f.value == "" {
			return cloud.Invalidf("VPN connection", f.field, "Invalid input for %s. Reason: it is empty.", f.field)
		}
	}
	for _, f := range []struct{ field, value string }{{"peer_id", c.PeerIdentity}, {"local_id", c.LocalIdentity}, {"psk", secret}} {
		if len(f.value) > 255 || strings.ContainsFunc(f.value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return cloud.Invalidf("VPN connection", f.field, "Invalid input for %s. Reason: it has control characters, or more than 255 bytes.", f.field)
		}
	}
	if a, err := netip.ParseAddr(c.PeerAddress); err == nil {
		if a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() || a.Zone() != "" {
			return cloud.Invalidf("VPN connection", "peer_address", "Peer address %s is nobody's.", c.PeerAddress)
		}
		return nil
	}
	if !isHostname(c.PeerAddress) {
		return cloud.Invalidf("VPN connection", "unresolved", "Peer address %s cannot be resolved", c.PeerAddress)
	}
	return nil
}

// isHostname tells whether a text may be a name in DNS.
func isHostname(s string) bool {
	s = strings.TrimSuffix(s, ".")
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		odd := func(r rune) bool {
			return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
		}
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.ContainsFunc(label, odd) {
			return false
		}
	}
	return true
}

func checkVPNTimes(c *cloud.VPNConnection) error {
	for _, w := range []struct {
		field, value string
		words        []string
	}{{"initiator", c.Initiator, []string{cloud.InitiatorBoth, cloud.InitiatorPeer}},
		{"action", c.DPDAction, []string{cloud.DPDClear, cloud.DPDDisabled, cloud.DPDHold, cloud.DPDRestart, cloud.DPDRestartByPeer}}} {
		if !slices.Contains(w.words, w.value) {
			return cloud.Invalidf("VPN connection", w.field, "Invalid input for %s. Reason: '%s' is not in ['%s'].", w.field, w.value, strings.Join(w.words, "', '"))
		}
	}
	if c.DPDInterval < 0 || c.DPDTimeout <= c.DPDInterval {
		return cloud.Invalidf("VPN connection", "dpd", "ipsec_site_connection dpd_timeout is equal to or less than dpd_interval")
	}
	if c.DPDTimeout > dpdMax {
		return cloud.Invalidf("VPN connection", "dpd", "A peer that has been gone for longer than a day is not waited for.")
	}
	least, version := mtuMin, 4
	if a, err := netip.ParseAddr(c.PeerAddress); err == nil && a.Is6() {
		least, version = mtuMin6, 6
	}
	if c.MTU < least || c.MTU > mtuMax {
		return cloud.Invalidf("VPN connection", "mtu", "ipsec_site_connection MTU %d is too small for ipv%d, or more than a packet holds", c.MTU, version)
	}
	return nil
}

const (
	dpdMax  = 24 * time.Hour
	mtuMin6 = 1280
	mtuMax  = 65535
)
