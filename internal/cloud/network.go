package cloud

import (
	"net/netip"
	"time"
)

// Network is an isolated layer 2.
type Network struct {
	ID        NetworkID `json:"id"`
	ProjectID ProjectID `json:"project_id"`
	Meta
	// Revisions counts changes, from 0, as clients see them.
	Revisions   int    `json:"revisions"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	AdminUp     bool   `json:"admin_up"`
	Shared      bool   `json:"shared,omitempty"`   // usable by every project
	External    bool   `json:"external,omitempty"` // a way out; floating IPs come from it
	// Restricted: an external network that only those see whom a Share names.
	Restricted   bool     `json:"restricted,omitempty"`
	Default      bool     `json:"default,omitempty"` // the external network to take when none is named
	MTU          int      `json:"mtu"`
	PortSecurity bool     `json:"port_security"` // default for its ports
	DNSDomain    string   `json:"dns_domain,omitempty"`
	Zones        []string `json:"zones,omitempty"`
	Tags         []string `json:"tags,omitempty"`
	// RouterID is the routing domain that it is a part of, if any: it has one of its subnets.
	RouterID RouterID `json:"router_id,omitempty"`
	// Auto: made for its project by AutoTopology.
	Auto bool `json:"auto,omitempty"`
	// Unserved are hosts that do not answer DHCP for it.
	Unserved []HostID `json:"unserved,omitempty"`
	// QoS holds for its ports that have none of their own.
	QoS QoSPolicyID `json:"qos,omitempty"`
	// Kind, Physical and Segment say how it is carried ("vxlan", "flat", "vlan"): the place of the first of its Segments.
	Kind     string `json:"kind"`
	Physical string `json:"physical,omitempty"`
	Segment  int    `json:"segment,omitempty"`
}

// AddressRange is an inclusive range of addresses.
type AddressRange struct {
	Start netip.Addr `json:"start"`
	End   netip.Addr `json:"end"`
}

// Subnet is an IP range on a network.
type Subnet struct {
	ID        SubnetID  `json:"id"`
	ProjectID ProjectID `json:"project_id"`
	NetworkID NetworkID `json:"network_id"`
	Meta
	Revisions   int            `json:"revisions"`
	Name        string         `json:"name"`
	Description string         `json:"description,omitempty"`
	Prefix      netip.Prefix   `json:"prefix"`
	Gateway     netip.Addr     `json:"gateway,omitzero"` // invalid: none
	DHCP        bool           `json:"dhcp"`
	Pools       []AddressRange `json:"pools"`
	DNS         []netip.Addr   `json:"dns,omitempty"`
	Routes      []Route        `json:"routes,omitempty"`
	// RAMode and AddressMode are "", "slaac", "dhcpv6-stateless" or "dhcpv6-stateful" (IPv6 only).
	RAMode       string   `json:"ra_mode,omitempty"`
	AddressMode  string   `json:"address_mode,omitempty"`
	ServiceTypes []string `json:"service_types,omitempty"`
	Tags         []string `json:"tags,omitempty"`
	// SubnetPoolID it was cut from, if any.
	SubnetPoolID SubnetPoolID `json:"subnet_pool_id,omitempty"`
	// SegmentID of its network that it lies on, if anybody said.
	SegmentID SegmentID `json:"segment_id,omitempty"`
	// RouterID is the routing domain it was cut from, if any: the router has its Gateway address and routes from it by table.
	RouterID RouterID `json:"router_id,omitempty"`
	// Zone is the availability zone that a domain's subnet is for.
	Zone string `json:"zone,omitempty"`
	// AutoPublic: what instances get on it has a passing public address. Default: it is the one of its zone to take when none
	// is named.
	AutoPublic bool `json:"auto_public,omitempty"`
	Default    bool `json:"default,omitempty"`
	// Beside is the domain's subnet, on the same network, that this one is the IPv6 of.
	Beside SubnetID `json:"beside,omitempty"`
	// OnRequest: ports get an address of it only when they ask for one.
	OnRequest bool `json:"on_request,omitempty"`
}

// SubnetPool is a supply of prefixes that subnets are cut from. What is free is what no subnet has: it is not kept.
type SubnetPool struct {
	ID        SubnetPoolID `json:"id"`
	ProjectID ProjectID    `json:"project_id"`
	Meta
	Revisions   int    `json:"revisions"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	// Prefixes are of one IP version, sorted, and do not touch each other.
	Prefixes []netip.Prefix `json:"prefixes"`
	// DefaultBits is the length of a prefix when none is asked for; MinBits and MaxBits bound what may be asked for.
	DefaultBits int `json:"default_bits"`
	MinBits     int `json:"min_bits"`
	MaxBits     int `json:"max_bits"`
	// ProjectQuota bounds what one project may take: IPv4 addresses, or IPv6 prefixes of /64. Nil: no bound.
	ProjectQuota *int64 `json:"project_quota,omitempty"`
	Shared       bool   `json:"shared,omitempty"` // usable by every project
	// ScopeID is the address scope the prefixes are in, if any.
	ScopeID AddressScopeID `json:"scope_id,omitempty"`
	Default bool           `json:"default,omitempty"` // the one to take for its IP version when none is named
	Tags    []string       `json:"tags,omitempty"`
}

// Route is one static route.
type Route struct {
	Destination netip.Prefix `json:"destination"`
	NextHop     netip.Addr   `json:"next_hop"`
}

// PortOwner says what a port is for, in our words; dialects have their own.
type PortOwner string

// The owners. Empty: nobody yet.
const (
	OwnerNone            PortOwner = ""
	OwnerInstance        PortOwner = "instance"
	OwnerRouterInterface PortOwner = "router-interface"
	OwnerRouterCopy      PortOwner = "router-copy" // the interface of a distributed router, the same on each of its hosts
	OwnerRouterExit      PortOwner = "router-exit" // where copies of a distributed router reach its gateway
	OwnerRouterGateway   PortOwner = "router-gateway"
	OwnerFloatingIP      PortOwner = "floating-ip"
	OwnerService         PortOwner = "service" // our DHCP, DNS and metadata address
	OwnerTrunk           PortOwner = "trunk"   // its frames pass another port: Port.TrunkID
	OwnerNATGateway      PortOwner = "nat-gateway"
	OwnerVPN             PortOwner = "vpn"         // an address of a VPN service, outside or towards its router
	OwnerRouterLink      PortOwner = "router-link" // a router's end of a link that nobody else is on: to a VPN service, or to the peer of its routing domain
)

// IsRouterInterface tells whether such a port joins a router to a network inside.
func (o PortOwner) IsRouterInterface() bool {
	return o == OwnerRouterInterface || o == OwnerRouterCopy
}

// Port is a network attachment with MAC and addresses.
type Port struct {
	ID        PortID    `json:"id"`
	ProjectID ProjectID `json:"project_id"`
	NetworkID NetworkID `json:"network_id"`
	Meta
	Revisions   int           `json:"revisions"`
	Name        string        `json:"name"`
	Description string        `json:"description,omitempty"`
	AdminUp     bool          `json:"admin_up"`
	MAC         string        `json:"mac"` // lower case, colons; unique on its network
	Addresses   []PortAddress `json:"addresses,omitempty"`
	Owner       PortOwner     `json:"owner,omitempty"`
	InstanceID  InstanceID    `json:"instance_id,omitempty"`
	RouterID    RouterID      `json:"router_id,omitempty"`
	// TrunkID is the trunk that carries its frames, tagged with TrunkTag. TrunkInherits: the tag is its network's own.
	TrunkID       TrunkID `json:"trunk_id,omitempty"`
	TrunkTag      int     `json:"trunk_tag,omitempty"`
	TrunkInherits bool    `json:"trunk_inherits,omitempty"`
	// OwnerText and DeviceText are what a client put there for uses of its own.
	OwnerText  string `json:"owner_text,omitempty"`
	DeviceText string `json:"device_text,omitempty"`

	PortSecurity   bool              `json:"port_security"`
	SecurityGroups []SecurityGroupID `json:"security_groups,omitempty"`
	AllowedPairs   []AddressPair     `json:"allowed_pairs,omitempty"`
	DHCPOptions    []DHCPOption      `json:"dhcp_options,omitempty"`
	DNSName        string            `json:"dns_name,omitempty"`
	DNSDomain      string            `json:"dns_domain,omitempty"` // below which its name is answered, too, besides its network's
	QoS            QoSPolicyID       `json:"qos,omitempty"`
	Tags           []string          `json:"tags,omitempty"`
	VNICType       string            `json:"vnic_type,omitempty"`
	Profile        map[string]any    `json:"profile,omitempty"`
	// Trusted says whether a guest may change the MAC and the filters of a function of the host's NIC that is its own. Nil:
	// nobody said. Of other devices it says nothing.
	Trusted *bool `json:"trusted,omitempty"`
	// HostID is where it is plugged; empty: nowhere. Up is what that host said.
	HostID HostID `json:"host_id,omitempty"`
	Up     bool   `json:"up,omitempty"`
	// Promised are the kinds of traffic that its instance's host was asked to keep for it when it became the instance's. How
	// much may change with its policy, not what: a host that was not asked then has not been asked whether it can.
	Promised []QoSKind `json:"promised,omitempty"`
	// Tag is the instance owner's name for the device.
	DeviceTag string `json:"device_tag,omitempty"`
	// Public: a passing floating IP leads to it while its instance is not stopped.
	Public bool `json:"public,omitempty"`
	// DeleteWithInstance: the port was made for the instance and goes with it.
	DeleteWithInstance bool `json:"delete_with_instance,omitempty"`
	// Order is the port's place among its instance's NICs; AttachedAt is when it got it.
	Order      int       `json:"order,omitempty"`
	AttachedAt time.Time `json:"attached_at,omitzero"`
	// Left is the instance that it was taken from last, while it is at none.
	Left *PortUse `json:"left,omitempty"`
	// Forwards: its instance passes on packets that are not its own, so they may come and go under any address. It still cannot
	// pretend to its neighbours to have theirs.
	Forwards bool `json:"forwards,omitempty"`
}

// PortUse is the time that a port was an instance's NIC.
type PortUse struct {
	InstanceID InstanceID `json:"instance_id"`
	Order      int        `json:"order,omitempty"`
	From       time.Time  `json:"from"`
	Until      time.Time  `json:"until"`
}

// PortAddress is one address of a port.
type PortAddress struct {
	SubnetID SubnetID   `json:"subnet_id"`
	Address  netip.Addr `json:"address"`
}

// AddressPair is an address a port may send from besides its own.
type AddressPair struct {
	MAC     string       `json:"mac,omitempty"`
	Address netip.Prefix `json:"address"`
}

// DHCPOption is an extra option for one port.
type DHCPOption struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	Version int    `json:"version"` // 4 or 6
}

// AddressUse is one address taken on a subnet. Its id is SubnetID + "/" + address, so
// that a row can exist once only: no counter, no double allocation.
type AddressUse struct {
	ID        string    `json:"id"`
	SubnetID  SubnetID  `json:"subnet_id"`
	NetworkID NetworkID `json:"network_id"`
	PortID    PortID    `json:"port_id"`
	Meta
	Address netip.Addr `json:"address"`
	// Sort is the address's 16 bytes in hex: ranges and order are comparisons of text.
	Sort string `json:"sort"`
}

// Router joins subnets and the outside.
type Router struct {
	ID        RouterID  `json:"id"`
	ProjectID ProjectID `json:"project_id"`
	Meta
	Revisions   int            `json:"revisions"`
	Name        string         `json:"name"`
	Description string         `json:"description,omitempty"`
	AdminUp     bool           `json:"admin_up"`
	Gateway     *RouterGateway `json:"gateway,omitempty"`
	Routes      []Route        `json:"routes,omitempty"`
	Tags        []string       `json:"tags,omitempty"`
	Zones       []string       `json:"zones,omitempty"`
	HostID      HostID         `json:"host_id,omitempty"`  // where it runs, or where its gateway is
	Withheld    bool           `json:"withheld,omitempty"` // an operator took it from its host: only one gives it another
	Flavor      RouterFlavorID `json:"flavor,omitempty"`
	// Distributed: a copy of it, without the gateway, runs on each host that has a port on one of its networks.
	Distributed bool `json:"distributed,omitempty"`
	// Domain, if set, makes it a routing domain.
	Domain *RoutingDomain `json:"domain,omitempty"`
}

// InterfaceOwner is the owner of the router's ports inside.
func (r *Router) InterfaceOwner() PortOwner {
	if r.Distributed {
		return OwnerRouterCopy
	}
	return OwnerRouterInterface
}

// RouterGateway is a router's way out. Its addresses are its port's.
type RouterGateway struct {
	NetworkID NetworkID   `json:"network_id"`
	PortID    PortID      `json:"port_id"`
	SNAT      bool        `json:"snat"`
	QoS       QoSPolicyID `json:"qos,omitempty"`
}

// FloatingIP is a public address that can move between ports.
type FloatingIP struct {
	ID        FloatingIPID `json:"id"`
	ProjectID ProjectID    `json:"project_id"`
	Meta
	Revisions   int        `json:"revisions"`
	Description string     `json:"description,omitempty"`
	NetworkID   NetworkID  `json:"network_id"` // external
	Address     netip.Addr `json:"address"`
	PortID      PortID     `json:"port_id"` // the port that holds the address on the external network
	// TargetPort and TargetAddress are where it leads; empty: nowhere.
	TargetPort    PortID     `json:"target_port,omitempty"`
	TargetAddress netip.Addr `json:"target_address,omitzero"`
	RouterID      RouterID   `json:"router_id,omitempty"`
	Unserved      bool       `json:"unserved,omitempty"` // the router is on no host, so nothing comes through
	// Forwardings lead some of its ports, all through one router, if it has no target.
	Forwardings []PortForwarding `json:"forwardings,omitempty"`
	// Passing: it was made for its target, and goes with it or when the target's instance stops; clients see the address on
	// the target alone.
	Passing   bool        `json:"passing,omitempty"`
	DNSName   string      `json:"dns_name,omitempty"`
	DNSDomain string      `json:"dns_domain,omitempty"`
	QoS       QoSPolicyID `json:"qos,omitempty"`
	Tags      []string    `json:"tags,omitempty"`
}

// SecurityGroup is a stateful filter set on ports.
type SecurityGroup struct {
	ID        SecurityGroupID `json:"id"`
	ProjectID ProjectID       `json:"project_id"`
	Meta
	Revisions   int    `json:"revisions"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Default     bool   `json:"default,omitempty"` // the project's own, made by itself; only administrators delete it
	// RouterID is the routing domain whose instances it is for; empty: all. Names are unique in a domain.
	RouterID  RouterID `json:"router_id,omitempty"`
	Stateless bool     `json:"stateless,omitempty"`
	Shared    bool     `json:"shared,omitempty"` // usable by every project
	Tags      []string `json:"tags,omitempty"`
}

// SecurityGroupRule allows one kind of traffic.
type SecurityGroupRule struct {
	ID        RuleID          `json:"id"`
	ProjectID ProjectID       `json:"project_id"`
	GroupID   SecurityGroupID `json:"group_id"`
	Meta
	Revisions   int    `json:"revisions"`
	Description string `json:"description,omitempty"`
	// Direction is "ingress" or "egress", seen from the instance.
	Direction string `json:"direction"`
	IPv6      bool   `json:"ipv6,omitempty"`
	// AnyVersion: it holds for IPv4 and IPv6, whatever IPv6 says. Only for rules without a prefix.
	AnyVersion bool `json:"any_version,omitempty"`
	// Protocol as given ("tcp", "6"); empty: any.
	Protocol string `json:"protocol,omitempty"`
	// PortMin and PortMax bound ports, or are ICMP type and code; nil: any.
	PortMin      *int            `json:"port_min,omitempty"`
	PortMax      *int            `json:"port_max,omitempty"`
	RemotePrefix netip.Prefix    `json:"remote_prefix,omitzero"`
	RemoteGroup  SecurityGroupID `json:"remote_group,omitempty"`
	// RemoteAddresses is an address group; of the three remotes at most one is set.
	RemoteAddresses AddressGroupID `json:"remote_addresses,omitempty"`
	// Key makes equal rules of one group collide.
	Key string `json:"key"`
}
