package spec

import "net/netip"

// MeterID names a meter for ever.
type MeterID string

// Meter counts traffic that passes a router's gateway. A packet that fits several rules counts once.
type Meter struct {
	ID    MeterID
	Rules []MeterRule
}

// MeterRule picks traffic by the addresses that it has inside, where nothing is rewritten.
type MeterRule struct {
	Direction Direction
	// Excluded traffic is not counted, whatever other rules say.
	Excluded bool
	// Source and Destination are of one IP version; an invalid one is any address.
	Source, Destination netip.Prefix
}

// MeterReading is what a meter has counted at a router since its counter was made. Life names the counter: one that is made
// again, after the host lost it, has another and begins at nothing.
type MeterReading struct {
	Meter          MeterID
	Life           string
	Bytes, Packets int64
}
