// Package dhcp answers DHCPv4 and DHCPv6 on one network, out of what the network's
// document says. There are no leases to keep: every host has its addresses for ever,
// so an answer is a function of the question and the document.
//
// It is no general DHCP server: hosts it does not know get no answer, and no
// address is ever chosen here. It opens no sockets; package linux opens them
// inside the network's namespace and passes them in.
package dhcp

import (
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// LeaseTime is told to guests; they renew at half of it.
const LeaseTime = 24 * time.Hour

// Config is what is answered from.
type Config struct {
	// MAC is our own on the network.
	MAC     net.HardwareAddr
	MTU     int
	Domain  string
	NoDNS   bool // no server of ours is told
	Subnets []spec.Subnet
	Hosts   []spec.NetworkHost
	// Metadata is added to classless routes, via Service.
	Metadata netip.Addr
}

// directory is a Config ready to be asked.
type directory struct {
	Config
	hosts map[string]*spec.NetworkHost // by MAC
}

func newDirectory(c Config) *directory {
	d := &directory{Config: c, hosts: make(map[string]*spec.NetworkHost, len(c.Hosts))}
	for i := range c.Hosts {
		if mac, err := net.ParseMAC(c.Hosts[i].MAC); err == nil {
			d.hosts[mac.String()] = &c.Hosts[i]
		}
	}
	return d
}

// lease4 is the first of a host's addresses in a subnet that answers DHCPv4.
func (d *directory) lease4(h *spec.NetworkHost) (netip.Addr, *spec.Subnet) {
	for _, a := range h.Addresses {
		for i, s := range d.Subnets {
			if a.Is4() && s.DHCP && s.Service.Is4() && s.Prefix.Contains(a) {
				return a, &d.Subnets[i]
			}
		}
	}
	return netip.Addr{}, nil
}

// leases6 are a host's addresses in subnets that give them by DHCPv6.
func (d *directory) leases6(h *spec.NetworkHost) []netip.Addr {
	var out []netip.Addr
	for _, a := range h.Addresses {
		for _, s := range d.Subnets {
			if a.Is6() && s.DHCP && s.RAMode == spec.RAStateful && s.Prefix.Contains(a) {
				out = append(out, a)
			}
		}
	}
	return out
}

// answers6 tells whether any subnet speaks DHCPv6, and its DNS servers.
func (d *directory) answers6() (dns []netip.Addr, ok bool) {
	for _, s := range d.Subnets {
		if s.Prefix.Addr().Is6() && s.DHCP && (s.RAMode == spec.RAStateful || s.RAMode == spec.RAStateless) {
			dns, ok = append(dns, s.Nameservers(d.NoDNS)...), true
		}
	}
	return dns, ok
}

func trimDomain(domain string) string { return strings.Trim(domain, ".") }
