package cloud

import "net/netip"

// RoutingDomain is what makes a Router more than a router: the owner of an address plan, in which subnets are cut, with a table of
// routes and a packet filter for each of them. A router without one joins whatever its interfaces lie on.
//
// In a domain nobody leaves through the gateway but under an address of its own (a floating IP) or of a NATGateway.
type RoutingDomain struct {
	// Blocks are what its subnets lie in; the first is the one it was made with. They do not overlap.
	Blocks  []AddressBlock `json:"blocks"`
	Default bool           `json:"default,omitempty"` // the one its project's instances go in when nobody says where; one per project
	// Options are what guests are told by DHCP; empty: what the cloud tells everybody.
	Options DHCPOptionSetID `json:"options,omitempty"`
	// Resolver: the cloud answers DNS in it. Hostnames: public names are given to who has a public address.
	Resolver  bool `json:"resolver"`
	Hostnames bool `json:"hostnames,omitempty"`
	// MainTable holds for subnets that have no table of their own, DefaultFilter for those that have no filter. Both, and
	// DefaultGroup, live and die with the domain.
	MainTable     RouteTableID    `json:"main_table"`
	DefaultFilter PacketFilterID  `json:"default_filter"`
	DefaultGroup  SecurityGroupID `json:"default_group"`
}

// AddressBlock is one block of a RoutingDomain's addresses.
type AddressBlock struct {
	ID     string       `json:"id"`
	Prefix netip.Prefix `json:"prefix"`
	// PoolID is the subnet pool that it was cut from, if any.
	PoolID SubnetPoolID `json:"pool_id,omitempty"`
}

// RouteTargetKind says what a route leads to.
type RouteTargetKind string

// The targets of routes.
const (
	TargetInternet RouteTargetKind = "internet" // a Gateway: out, under a floating IP
	TargetEgress   RouteTargetKind = "egress"   // a Gateway that lets IPv6 out and nobody in
	TargetVPN      RouteTargetKind = "vpn"      // a Gateway that VPN connections end at
	TargetNAT      RouteTargetKind = "nat"      // a NATGateway
	TargetPort     RouteTargetKind = "port"     // an instance that forwards
	TargetPeering  RouteTargetKind = "peering"
)

// TableRoute is one route of a RouteTable. What is inside the domain's blocks needs none.
type TableRoute struct {
	Destination netip.Prefix    `json:"destination"`
	Kind        RouteTargetKind `json:"kind"`
	// Target is the id of what Kind says. A route whose target is gone, or not usable now, leads nowhere: it is a black hole.
	Target string `json:"target"`
	// Learned: it came from a VPN connection, by RouteTable.Propagating.
	Learned bool `json:"learned,omitempty"`
}

// TableUse joins a RouteTable or a PacketFilter to a subnet. The main table's has a use without a subnet.
type TableUse struct {
	ID       string   `json:"id"`
	SubnetID SubnetID `json:"subnet_id,omitempty"`
}

// RouteTable says where packets from the subnets that use it go.
type RouteTable struct {
	ID        RouteTableID `json:"id"`
	ProjectID ProjectID    `json:"project_id"`
	RouterID  RouterID     `json:"router_id"`
	Meta
	Revisions int    `json:"revisions"`
	Name      string `json:"name,omitempty"`
	// Main: it is its router's MainTable. One of each router is.
	Main   bool         `json:"main,omitempty"`
	Routes []TableRoute `json:"routes,omitempty"` // one per destination
	// Uses: a subnet is in one table at most.
	Uses []TableUse `json:"uses,omitempty"`
	// Propagating are the VPN gateways whose networks become routes here by themselves.
	Propagating []GatewayID `json:"propagating,omitempty"`
}

// GatewayKind says where a Gateway leads.
type GatewayKind string

// The kinds of gateways.
const (
	GatewayInternet GatewayKind = "internet"
	GatewayEgress   GatewayKind = "egress"
	GatewayVPN      GatewayKind = "vpn"
)

// Gateway is a way out of a routing domain, which it may be attached to, and then taken from. A domain has one of each kind at most.
type Gateway struct {
	ID        GatewayID   `json:"id"`
	ProjectID ProjectID   `json:"project_id"`
	Kind      GatewayKind `json:"kind"`
	Meta
	Revisions int      `json:"revisions"`
	Name      string   `json:"name,omitempty"`
	RouterID  RouterID `json:"router_id,omitempty"` // empty: attached to none
	// ASN is the number of the autonomous system that a VPN gateway speaks for; nobody has asked BGP for it yet.
	ASN int64 `json:"asn,omitempty"`
}

// NATGateway lets what has no address of its own outside out under one: new connections from subnets whose table leads to it.
type NATGateway struct {
	ID        NATGatewayID `json:"id"`
	ProjectID ProjectID    `json:"project_id"`
	RouterID  RouterID     `json:"router_id"`
	SubnetID  SubnetID     `json:"subnet_id"`
	Meta
	Revisions int    `json:"revisions"`
	Name      string `json:"name,omitempty"`
	// PortID holds its address in the subnet. FloatingIPID leads to that port; empty: a private one, which translates to the
	// port's address for who is inside the domain or beyond a peering.
	PortID       PortID       `json:"port_id"`
	FloatingIPID FloatingIPID `json:"floating_ip_id,omitempty"`
}

// PacketFilter decides about packets at the border of the subnets that use it, by its entries in the order of their numbers; what
// no entry speaks of is dropped. It keeps no state: answers need an entry, too.
type PacketFilter struct {
	ID        PacketFilterID `json:"id"`
	ProjectID ProjectID      `json:"project_id"`
	RouterID  RouterID       `json:"router_id"`
	Meta
	Revisions int           `json:"revisions"`
	Name      string        `json:"name,omitempty"`
	Default   bool          `json:"default,omitempty"` // it is its router's DefaultFilter
	Entries   []FilterEntry `json:"entries,omitempty"`
	Uses      []TableUse    `json:"uses,omitempty"` // each subnet of a domain is in exactly one
}

// FilterEntry is one entry of a PacketFilter. Number is unique in its direction, from 1.
type FilterEntry struct {
	Number int  `json:"number"`
	Egress bool `json:"egress,omitempty"` // of packets that leave the subnet
	Allow  bool `json:"allow,omitempty"`
	// Protocol is its number, -1 for any. PortMin and PortMax bound the destination's port (TCP, UDP), or are ICMP type and
	// code, where -1 is any; nil: any.
	Protocol int          `json:"protocol"`
	PortMin  *int         `json:"port_min,omitempty"`
	PortMax  *int         `json:"port_max,omitempty"`
	Prefix   netip.Prefix `json:"prefix"` // of the other end
}

// PeeringState is where a Peering is in its life.
//
//	pending --> active --> deleted
//	   \----> rejected, expired, failed, deleted
type PeeringState string

// The states of peerings. One that ended is kept for a while, to be read.
const (
	PeeringPending  PeeringState = "pending"
	PeeringActive   PeeringState = "active"
	PeeringFailed   PeeringState = "failed" // the blocks overlap
	PeeringRejected PeeringState = "rejected"
	PeeringExpired  PeeringState = "expired"
	PeeringDeleted  PeeringState = "deleted"
)

// Ended tells whether such a peering joins nothing and never will.
func (s PeeringState) Ended() bool { return s != PeeringPending && s != PeeringActive }

// Peering joins two routing domains, whose blocks do not overlap, by a link that routes can lead over.
type Peering struct {
	ID PeeringID `json:"id"`
	// ProjectID asks, and owns what asks; AccepterProject owns the other end and has to agree.
	ProjectID       ProjectID `json:"project_id"`
	AccepterProject ProjectID `json:"accepter_project"`
	Meta
	Revisions      int          `json:"revisions"`
	Name           string       `json:"name,omitempty"`
	RouterID       RouterID     `json:"router_id"`
	AccepterRouter RouterID     `json:"accepter_router"`
	State          PeeringState `json:"state"`
	// Blocks and AccepterBlocks are those of both ends when it was asked for: they outlive the domains.
	Blocks         []netip.Prefix `json:"blocks"`
	AccepterBlocks []netip.Prefix `json:"accepter_blocks"`
	// NetworkID is the link, with a port of each router on it; empty before it is active.
	NetworkID NetworkID `json:"network_id,omitempty"`
}

// DHCPOptionSet is what guests of the domains that use it are told by DHCP. It does not change.
type DHCPOptionSet struct {
	ID        DHCPOptionSetID `json:"id"`
	ProjectID ProjectID       `json:"project_id"`
	Meta
	Revisions int          `json:"revisions"`
	Name      string       `json:"name,omitempty"`
	Domain    string       `json:"domain,omitempty"`
	DNS       []netip.Addr `json:"dns,omitempty"` // empty: the cloud's own, unless OwnDNS is false
	OwnDNS    bool         `json:"own_dns,omitempty"`
	NTP       []netip.Addr `json:"ntp,omitempty"`
	// NetBIOS are name servers, NetBIOSNode the node type (1, 2, 4 or 8; 0: not told).
	NetBIOS     []netip.Addr `json:"netbios,omitempty"`
	NetBIOSNode int          `json:"netbios_node,omitempty"`
}
