package spec

import "net/netip"

// Limit bounds traffic in one direction. A rate of 0 is no bound, a burst of 0 is chosen by the driver.
type Limit struct {
	Bits, BurstBits       int64 // per second; at once
	Packets, BurstPackets int64
}

// QoS bounds and marks a port's traffic. In and Out are seen from the guest.
type QoS struct {
	In, Out Limit
	// Mark is the DSCP that all packets from the guest get; nil: what they have.
	Mark *int
}

// AddressLimits bound an address of a router. In is towards the inside.
type AddressLimits struct {
	Address netip.Addr
	In, Out Limit
}
