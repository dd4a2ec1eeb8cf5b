package cloud

import "net/netip"

// PortForwardingID names a forwarding within its floating IP.
type PortForwardingID string

// PortForwarding leads some ports of a floating IP, which leads nowhere itself, to a port's address.
type PortForwarding struct {
	ID          PortForwardingID `json:"id"`
	Description string           `json:"description,omitempty"`
	// Protocol is "tcp", "udp" or "sctp".
	Protocol string    `json:"protocol"`
	External PortRange `json:"external"`
	// Internal has as many ports as External, or one for all of them.
	Internal PortRange  `json:"internal"`
	PortID   PortID     `json:"port_id"`
	Address  netip.Addr `json:"address"`
}

// PortRange is an inclusive range of transport ports.
type PortRange struct {
	First int `json:"first"`
	Last  int `json:"last"`
}

// Len is the number of ports in r.
func (r PortRange) Len() int { return r.Last - r.First + 1 }

// Overlaps tells whether r and o have a port in common.
func (r PortRange) Overlaps(o PortRange) bool { return r.First <= o.Last && o.First <= r.Last }
