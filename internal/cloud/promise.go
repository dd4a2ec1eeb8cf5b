package cloud

import "strings"

// PhysicalNetwork is a network outside the cloud that hosts are on, with the bandwidth in kbit/s that a host can promise on it.
type PhysicalNetwork struct {
	Name        string `json:"name"`
	EgressKbps  int    `json:"egress_kbps,omitempty"`
	IngressKbps int    `json:"ingress_kbps,omitempty"`
}

// Traffic is what a host can promise some of: bandwidth on a physical network in one direction, or packets.
type Traffic struct {
	Kind      QoSKind `json:"kind"`
	Physical  string  `json:"physical,omitempty"` // of bandwidth only
	Direction string  `json:"direction"`
}

// Promise is traffic that an instance's host keeps for one of its ports.
type Promise struct {
	PortID PortID `json:"port_id"`
	Traffic
	Rate int `json:"rate"` // in the kind's unit
}

// trafficClasses are the classes of resources that promises are counted in.
var trafficClasses = map[QoSKind]map[string]string{
	QoSMinimumBandwidth: {"egress": "NET_BW_EGR_KILOBIT_PER_SEC", "ingress": "NET_BW_IGR_KILOBIT_PER_SEC"},
	QoSMinimumPackets: {"egress": "NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC", "ingress": "NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC",
		"any": "NET_PACKET_RATE_KILOPACKET_PER_SEC"},
}

// Class is the class of resource that the traffic is counted in.
func (t Traffic) Class() string { return trafficClasses[t.Kind][t.Direction] }

// Provider is the part of a host that promises the traffic.
func (t Traffic) Provider(h HostID) ProviderID {
	if t.Kind == QoSMinimumPackets {
		return PacketProviderID(h)
	}
	return PhysicalProviderID(h, t.Physical)
}

// PacketProviderID is the part of a host that passes packets on; PhysicalProviderID is the part, below it, that is on a
// physical network.
func PacketProviderID(h HostID) ProviderID { return ProviderID(DerivedID(string(h), "packets")) }

// PhysicalProviderID is the part of a host that is on a physical network.
func PhysicalProviderID(h HostID, physical string) ProviderID {
	return ProviderID(DerivedID(string(h), "physical", physical))
}

// TraitNormalNIC says of a part of a host that ordinary NICs can be plugged into it.
const TraitNormalNIC = "CUSTOM_VNIC_TYPE_NORMAL"

// PhysicalTrait says in a word that a part of a host is on a physical network.
func PhysicalTrait(physical string) string {
	return "CUSTOM_PHYSNET_" + strings.Map(func(c rune) rune {
		if c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			return c
		}
		return '_'
	}, strings.ToUpper(physical))
}

// Promises is how much of each traffic a host can promise.
func (h *Host) Promises() map[Traffic]int {
	all := map[Traffic]int{}
	if h.PacketRate > 0 {
		all[Traffic{Kind: QoSMinimumPackets, Direction: "any"}] = h.PacketRate
	}
	for _, p := range h.Physical {
		all[Traffic{QoSMinimumBandwidth, p.Name, "egress"}] = p.EgressKbps
		all[Traffic{QoSMinimumBandwidth, p.Name, "ingress"}] = p.IngressKbps
	}
	return all
}
