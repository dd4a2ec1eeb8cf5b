package spec

import "net/netip"

// NetworkID, PortID, RouterID and GroupID name fabric objects for ever.
type (
	NetworkID string
	PortID    string
	RouterID  string
	GroupID   string
)

// Network is the wanted state of one isolated layer 2 on a host, with the
// helpers inside it: DHCP, router advertisements, DNS and metadata.
type Network struct {
	ID         NetworkID
	Generation int64
	// External networks are the way out: their bridge stands on the host itself.
	External bool
	// Physical names the network outside that carries it, empty for none; Tag is the 802.1Q tag of its frames there, 0: none.
	Physical string
	Tag      int
	// MTU of the network in bytes, told to guests by DHCP, RA and device.
	MTU     int
	AdminUp bool
	// Domain is the DNS suffix guests get; names of ports resolve below it.
	Domain string
	// NoDNS: we answer no DNS here, and guests hear of the servers in DNS alone.
	NoDNS   bool
	Subnets []Subnet
	// Hosts are all addresses DHCP and DNS answer for, also those on other hosts.
	Hosts []NetworkHost
	// Copied are the interfaces of routers that other hosts may have as well.
	Copied []RouterCopy
}

// RouterCopy is the interface of a router that has it on every host with the same MAC and addresses. Frames between hosts neither
// come from it nor go to it, and nobody on another host hears of it.
type RouterCopy struct {
	MAC       string
	Addresses []netip.Addr
}

// RAMode says how IPv6 addresses come to guests.
type RAMode string

// The modes: no advertisements from us; prefix with autonomous addresses;
// autonomous addresses and other options by DHCPv6; addresses by DHCPv6.
const (
	RANone      RAMode = ""
	RASLAAC     RAMode = "slaac"
	RAStateless RAMode = "dhcpv6-stateless"
	RAStateful  RAMode = "dhcpv6-stateful"
)

// Subnet is one IP range on a network.
type Subnet struct {
	ID     string
	Prefix netip.Prefix
	// Gateway is told to guests; invalid if none.
	Gateway netip.Addr
	// DHCP answers DHCPv4 (or DHCPv6 as RAMode says).
	DHCP bool
	// Service is our own address in the subnet (DHCP, DNS, metadata); valid
	// whenever DHCP is set.
	Service netip.Addr
	// DNS servers told to guests; empty: Service, but for NoDNS.
	DNS    []netip.Addr
	Routes []Route
	RAMode RAMode
	// RARouter is the link-local address of the router that advertises; our
	// advertisements name it as default router. Invalid: no router, prefix only.
	RARouter netip.Addr
}

// Nameservers are the DNS servers of the subnet's own family that guests are told. noDNS is as in Network.
func (s Subnet) Nameservers(noDNS bool) []netip.Addr {
	var servers []netip.Addr
	for _, a := range s.DNS {
		if a.Is6() == s.Prefix.Addr().Is6() {
			servers = append(servers, a)
		}
	}
	if len(servers) == 0 && !noDNS && s.Service.IsValid() {
		servers = []netip.Addr{s.Service}
	}
	return servers
}

// Route is one static route.
type Route struct {
	Destination netip.Prefix
	NextHop     netip.Addr
}

// NetworkHost is a port as DHCP and DNS see it.
type NetworkHost struct {
	Port      PortID
	MAC       string
	Hostname  string
	Domain    string // DNS answers its name below it, too, besides the network's own; empty: it has none
	Addresses []netip.Addr
	// Options are extra DHCP options, by number or by dnsmasq name.
	Options []DHCPOption
}

// DHCPOption is an extra option for one port.
type DHCPOption struct {
	Name    string // number or name, e.g. "66", "tftp-server", "bootfile-name"
	Value   string
	Version int // 4 or 6
}

// Port is the wanted state of one tap on a host.
type Port struct {
	ID         PortID
	Generation int64
	Network    NetworkID
	// Guest is who metadata is answered about.
	Guest     GuestID
	MAC       string
	Addresses []netip.Addr
	// Hostname, Domain and Options are as in NetworkHost. A host serves a port as this document says until it has a newer
	// one of the network.
	Hostname string
	Domain   string
	Options  []DHCPOption
	AdminUp  bool
	// Security false switches anti-spoofing and groups off.
	Security bool
	// AllowedPairs may also be sent from.
	AllowedPairs []AddressPair
	// Forwards: it sends under its MAC from any address. As in AllowedPairs, but it still claims none of them from its neighbours.
	Forwards bool
	Groups   []GroupID
	QoS      QoS
	// Branch, if set, says that the port has no tap of its own: its frames pass another's, tagged.
	Branch *Branch
}

// Branch is a port's place on another port of the same host.
type Branch struct {
	Parent PortID
	// Tag is the 802.1Q tag of the port's frames as the guest sends and gets them, 1 to 4094; unique on the parent.
	Tag int
}

// AddressPair is an address a port may send from besides its own.
type AddressPair struct {
	MAC     string // empty: the port's own
	Address netip.Prefix
}

// SecurityGroup is a stateful filter; ports name the groups that apply to them.
// What no rule of any of its groups allows is dropped.
type SecurityGroup struct {
	ID         GroupID
	Generation int64
	Rules      []Rule
	// Members are the addresses of all ports in the group, for rules that name
	// it as remote. Kept as a set so that a rule costs the same for any size.
	Members []netip.Addr
	// Stateless: its rules look at each packet alone, answers are not let through for what they answer. A port's groups
	// are all of one kind.
	Stateless bool
}

// Direction is seen from the guest.
type Direction string

// The directions.
const (
	Ingress Direction = "ingress"
	Egress  Direction = "egress"
)

// Rule allows one kind of traffic.
type Rule struct {
	ID        string
	Direction Direction
	IPv6      bool // else IPv4
	// Protocol is an IANA number; -1 means any.
	Protocol int
	// PortMin and PortMax bound the destination port (TCP, UDP, SCTP, DCCP), or are
	// ICMP type and code; -1 means any.
	PortMin, PortMax int
	// RemotePrefix or RemoteGroup bound the other side; neither: anybody.
	RemotePrefix netip.Prefix
	RemoteGroup  GroupID
	// RemoteSet is a fixed list of prefixes (address group).
	RemoteSet []netip.Prefix
}

// Router is the wanted state of one router on a host.
type Router struct {
	ID         RouterID
	Generation int64
	AdminUp    bool
	Interfaces []RouterInterface
	Gateway    *RouterGateway // nil: no way out of its own
	Exits      []RouterExit
	Routes     []Route
	Floating   []FloatingIP
	Forwards   []PortForward
	// Limits bound what passes the gateway under an IPv4 address of it.
	Limits []AddressLimits
	// Meters count what passes the gateway.
	Meters []Meter
	// Domain, if set, makes it a routing domain, for all its life.
	Domain *RoutingDomain
}

// RoutingDomain is a router that routes by where packets come from, and lets nobody out under an address that is not the gateway's
// link's: what leaves and is neither translated by Floating nor by a NAT is dropped. Gateway.SNAT is not set.
type RoutingDomain struct {
	// Blocks are the domain's own addresses. What is in one, and in no network of an interface, goes nowhere without a route of its own.
	Blocks  []netip.Prefix
	Tables  []RouteTable
	Filters []PacketFilter
	NATs    []NAT
}

// RouteTable holds for what comes in at its interfaces; an interface is in one table at most, and what is in none reaches the
// networks of the other interfaces only. They are reached by each table without a route, but a route to one or a part of it goes before.
// What no route fits is refused (ICMP: network unreachable).
type RouteTable struct {
	ID         string
	Interfaces []PortID
	Routes     []TableRoute
}

// TableRoute is one route of a table. Exactly one of the ways is set; none: packets are dropped (a black hole).
type TableRoute struct {
	Destination netip.Prefix
	// Via is a neighbour on one of the interfaces.
	Via netip.Addr
	// Out: through the gateway, to its next hop. OneWay bounds that, for IPv6, to connections that begin inside.
	Out, OneWay bool
	// NAT names one of the domain's NATs.
	NAT string
}

// NAT lets new IPv4 connections out through the gateway under External, and where the table of Interface leads to a neighbour, to
// that one under Internal. Where External is invalid nothing else leaves.
type NAT struct {
	ID        string
	Interface PortID     // of the subnet that it is in
	Internal  netip.Addr // its address there, which the router answers for
	External  netip.Addr
}

// PacketFilter is a stateless filter between its interfaces and the rest of the router, NATs at them included. What a host serves
// itself (DHCP, DNS, metadata) does not pass it.
type PacketFilter struct {
	ID         string
	Interfaces []PortID
	Entries    []FilterEntry // in the order they are tried, per direction; what none fits is dropped
}

// FilterEntry is one entry of a filter. Direction is seen from the subnet.
type FilterEntry struct {
	Direction Direction
	Allow     bool
	Protocol  int // IANA number, -1: any
	// Ports bound the destination's port, ICMPType and ICMPCode what ICMP says; nil: any. A code goes with a type only.
	Ports              *PortRange
	ICMPType, ICMPCode *int
	Prefix             netip.Prefix // of the other end; its family is the only one that the entry speaks of
}

// RouterInterface joins a router to a network.
type RouterInterface struct {
	Port      PortID
	Network   NetworkID
	MAC       string
	Addresses []netip.Prefix // the router's own, with the subnet's length
	MTU       int
}

// RouterExit is the next hop to the outside of a router whose gateway is on another host, one per family at most.
type RouterExit struct {
	Address netip.Addr
	MAC     string // a router with copies cannot ask for it
}

// RouterGateway joins a router to an external network.
type RouterGateway struct {
	Port      PortID
	Network   NetworkID
	MAC       string
	Addresses []netip.Prefix
	// NextHops are the external subnets' gateways, one per family at most.
	NextHops []netip.Addr
	// SNAT rewrites what leaves to the gateway's IPv4 address.
	SNAT bool
	MTU  int
}

// FloatingIP is a one-to-one NAT.
type FloatingIP struct {
	External netip.Addr
	Internal netip.Addr
}

// PortForward is NAT of some ports of an external address.
type PortForward struct {
	External, Internal netip.Addr
	Protocol           int // IANA number
	// InternalPorts are as many as ExternalPorts, or one for all of them.
	ExternalPorts, InternalPorts PortRange
}

// PortRange is an inclusive range of transport ports.
type PortRange struct{ First, Last int }
