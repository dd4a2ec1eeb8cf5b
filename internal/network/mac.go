package network

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// macTries bounds the search for a MAC that is free on a network. With 2^24 to
// choose from it is reached only when nearly all are taken.
const macTries = 64

// newMAC makes a MAC that no port of the network has: locally administered, with
// the prefix that clients know as a cloud's.
func (s *Service) newMAC(ctx context.Context, n cloud.NetworkID) (string, error) {
	for range macTries {
		var b [3]byte
		if _, err := rand.Read(b[:]); err != nil {
			return "", fmt.Errorf("make MAC: %w", err)
		}
		mac := fmt.Sprintf("fa:16:3e:%02x:%02x:%02x", b[0], b[1], b[2])
		free, err := s.macIsFree(ctx, n, mac)
		if err != nil || free {
			return mac, err
		}
	}
	return "", cloud.Errorf(cloud.NoCapacity, "MAC address", n, "Unable to generate unique mac on network %s.", n)
}

func (s *Service) macIsFree(ctx context.Context, n cloud.NetworkID, mac string) (bool, error) {
	count, err := s.Ports.Count(ctx, cloud.Eq("network_id", string(n)), cloud.Eq("mac", mac))
	return count == 0, err
}

// takeMAC checks a MAC that a client chose.
func (s *Service) takeMAC(ctx context.Context, n cloud.NetworkID, mac string) (string, error) {
	mac, err := parseMAC("mac_address", mac)
	if err != nil {
		return "", err
	}
	free, err := s.macIsFree(ctx, n, mac)
	if err == nil && !free {
		err = cloud.Errorf(cloud.AlreadyExists, "MAC address", mac,
			"Unable to complete operation for network %s. The mac address %s is in use.", n, mac)
	}
	return mac, err
}

// fitsCard refuses the address of a group of cards, which a port may have as long as nothing is plugged into it.
func fitsCard(p *cloud.Port) error {
	if hw, err := net.ParseMAC(p.MAC); err == nil && hw[0]&1 == 1 {
		return cloud.Invalidf("port", "mac_address", "Port %s cannot be plugged in: %s is the address of a group, not of a network card.", p.ID, p.MAC)
	}
	return nil
}

// parseMAC brings a MAC into the form we keep.
func parseMAC(field, mac string) (string, error) {
	hw, err := net.ParseMAC(mac)
	if err != nil || len(hw) != 6 || hw.String() == "00:00:00:00:00:00" {
		return "", cloud.Invalidf("port", field, "'%s' is not a valid MAC address.", mac)
	}
	return strings.ToLower(hw.String()), nil
}

// eui64 is the address that a NIC makes for itself in a /64 prefix (RFC 4291, appendix A).
func eui64(prefix netip.Prefix, mac string) netip.Addr {
	hw, err := net.ParseMAC(mac)
	if err != nil || len(hw) != 6 {
		return netip.Addr{} // rows hold valid MACs only
	}
	b := prefix.Masked().Addr().As16()
	copy(b[8:], []byte{hw[0] ^ 2, hw[1], hw[2], 0xff, 0xfe, hw[3], hw[4], hw[5]})
	return netip.AddrFrom16(b)
}

// linkLocal is the link-local address of a NIC.
func linkLocal(mac string) netip.Addr { return eui64(netip.MustParsePrefix("fe80::/64"), mac) }
