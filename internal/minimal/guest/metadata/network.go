package metadata

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/nubo-cloud/nubo/internal/minimal/guest/netconf"
)

// NetworkData is openstack/latest/network_data.json.
type NetworkData struct {
	Links []struct {
		ID  string `json:"id"`
		MAC string `json:"ethernet_mac_address"`
		MTU int    `json:"mtu"`
	} `json:"links"`
	Networks []networkEntry `json:"networks"`
	Services []struct {
		Type    string `json:"type"`
		Address string `json:"address"`
	} `json:"services"`
}

type networkEntry struct {
	Type    string `json:"type"`
	Link    string `json:"link"`
	Address string `json:"ip_address"`
	Netmask string `json:"netmask"`
	Routes  []struct {
		Network string `json:"network"`
		Netmask string `json:"netmask"`
		Gateway string `json:"gateway"`
	} `json:"routes"`
	Services []struct {
		Type    string `json:"type"`
		Address string `json:"address"`
	} `json:"services"`
}

func parseNetworkData(doc []byte) (*NetworkData, error) {
	var n NetworkData
	if err := json.Unmarshal(doc, &n); err != nil {
		return nil, fmt.Errorf("network_data.json: %w", err)
	}
	return &n, nil
}

// Fixed gives, per MAC, the links that have an IPv4 address written down. A
// link with DHCP anywhere is left to DHCP.
func (n *NetworkData) Fixed() (map[string]netconf.Fixed, error) {
	out := map[string]netconf.Fixed{}
	if n == nil {
		return out, nil
	}
	for _, l := range n.Links {
		f := netconf.Fixed{MTU: l.MTU}
		has4, dhcp, err := n.fill(&f, l.ID)
		if err != nil {
			return out, err
		}
		mac, err := net.ParseMAC(l.MAC)
		if err != nil || !has4 || dhcp {
			continue
		}
		for _, s := range n.Services {
			f.AddDNS(s.Type, s.Address)
		}
		out[mac.String()] = f
	}
	return out, nil
}

func (n *NetworkData) fill(f *netconf.Fixed, link string) (has4, dhcp bool, err error) {
	for _, e := range n.Networks {
		switch {
		case e.Link != link:
		case strings.Contains(e.Type, "dhcp"):
			dhcp = dhcp || e.Type == "ipv4_dhcp"
		case e.Type == "ipv4" || e.Type == "ipv6":
			if err := e.add(f); err != nil {
				return has4, dhcp, err
			}
			has4 = has4 || e.Type == "ipv4"
		}
	}
	return has4, dhcp, nil
}

func (e networkEntry) add(f *netconf.Fixed) error {
	p, err := prefix(e.Address, e.Netmask)
	if err != nil {
		return err
	}
	f.Addresses = append(f.Addresses, p)
	for _, r := range e.Routes {
		to, err := prefix(r.Network, r.Netmask)
		if err != nil {
			return err
		}
		gw, err := netip.ParseAddr(r.Gateway)
		if err != nil {
			return fmt.Errorf("network_data.json: gateway %q: %w", r.Gateway, err)
		}
		f.Routes = append(f.Routes, netconf.Route{To: to.Masked(), Gateway: gw})
	}
	for _, s := range e.Services {
		f.AddDNS(s.Type, s.Address)
	}
	return nil
}

// prefix joins an address, which may carry a length, with a netmask in dotted,
// hexadecimal-group or length form.
func prefix(address, netmask string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(address); err == nil {
		return p, nil
	}
	a, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("network_data.json: address %q: %w", address, err)
	}
	if p, err := netip.ParsePrefix(address + "/" + netmask); err == nil {
		return p, nil
	}
	m, err := netip.ParseAddr(netmask)
	if err != nil || m.BitLen() != a.BitLen() {
		return netip.Prefix{}, fmt.Errorf("network_data.json: netmask %q of %s is not one", netmask, address)
	}
	ones, bits := net.IPMask(m.AsSlice()).Size()
	if bits == 0 {
		return netip.Prefix{}, fmt.Errorf("network_data.json: netmask %q of %s has holes", netmask, address)
	}
	return netip.PrefixFrom(a, ones), nil
}
