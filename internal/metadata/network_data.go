package metadata

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/nubo-cloud/nubo/internal/spec"
)

type networkDocument struct {
	Links    []link    `json:"links"`
	Networks []address `json:"networks"`
	Services []service `json:"services"`
}

type link struct {
	ID   string `json:"id"`
	VIF  string `json:"vif_id"`
	Type string `json:"type"`
	MTU  *int   `json:"mtu"`
	MAC  string `json:"ethernet_mac_address"`
}

// address is one address of a NIC: what OpenStack calls a network.
type address struct {
	ID        string    `json:"id"`
	Type      string    `json:"type"`
	Link      string    `json:"link"`
	NetworkID string    `json:"network_id"`
	Address   string    `json:"ip_address,omitempty"`
	Netmask   string    `json:"netmask,omitempty"`
	Routes    []route   `json:"routes,omitempty"`
	Services  []service `json:"services,omitempty"`
}

type route struct {
	Network string `json:"network"`
	Netmask string `json:"netmask"`
	Gateway string `json:"gateway"`
}

type service struct {
	Type    string `json:"type"`
	Address string `json:"address"`
}

// networkData is network_data.json.
func networkData(md spec.Metadata) networkDocument {
	d := networkDocument{Links: []link{}, Networks: []address{}, Services: []service{}}
	seen := map[netip.Addr]bool{}
	for _, n := range md.NICs {
		l := linkOf(n)
		d.Links = append(d.Links, l)
		for _, a := range n.Addresses {
			d.Networks = append(d.Networks, addressOf(fmt.Sprintf("network%d", len(d.Networks)), l.ID, n, a))
		}
		for _, s := range n.DNS {
			if !seen[s] {
				seen[s] = true
				d.Services = append(d.Services, service{"dns", s.String()})
			}
		}
	}
	return d
}

// linkOf: the type says how a NIC is made, which guests do not care about as long as it is physical to them.
func linkOf(n spec.MetadataNIC) link {
	port := string(n.Port)
	l := link{ID: "tap" + port[:min(11, len(port))], VIF: port, Type: "phy", MAC: n.MAC}
	if n.MTU > 0 {
		l.MTU = &n.MTU
	}
	return l
}

// addressTypes by mode; static ones are told with their address.
var addressTypes = map[string]string{
	"dhcp4": "ipv4_dhcp", "dhcp6": "ipv6_dhcpv6-stateful", "slaac": "ipv6_slaac",
}

func addressOf(id, link string, n spec.MetadataNIC, a spec.MetadataAddress) address {
	out := address{ID: id, Link: link, NetworkID: string(n.Network), Type: addressTypes[a.Mode]}
	if a.Mode == "dhcp4" {
		return out
	}
	if out.Type == "" {
		out.Type = "ipv4"
		if a.Address.Addr().Is6() {
			out.Type = "ipv6"
		}
	}
	out.Address, out.Netmask = a.Address.Addr().String(), netmask(a.Address)
	out.Routes = routesOf(a)
	for _, s := range n.DNS {
		if s.Is4() == a.Address.Addr().Is4() {
			out.Services = append(out.Services, service{"dns", s.String()})
		}
	}
	return out
}

func routesOf(a spec.MetadataAddress) []route {
	var routes []route
	if a.Gateway.IsValid() {
		zero := netip.IPv4Unspecified()
		if a.Gateway.Is6() {
			zero = netip.IPv6Unspecified()
		}
		routes = append(routes, route{zero.String(), zero.String(), a.Gateway.String()})
	}
	for _, r := range a.Routes {
		routes = append(routes, route{r.Destination.Addr().String(), netmask(r.Destination), r.NextHop.String()})
	}
	return routes
}

// netmask spells a prefix's length as an address, which both families want here.
func netmask(p netip.Prefix) string {
	return net.IP(net.CIDRMask(p.Bits(), p.Addr().BitLen())).String()
}
