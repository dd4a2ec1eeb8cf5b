package cloud

import "net/netip"

// Meter counts what passes the gateways of routers: those of its project, or of everybody if it is shared.
type Meter struct {
	ID        MeterID   `json:"id"`
	ProjectID ProjectID `json:"project_id"`
	Meta
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Shared      bool   `json:"shared,omitempty"`
}

// MeterRule says what a meter counts, or leaves out. Addresses are those that are in use inside: NAT does not matter.
type MeterRule struct {
	ID        MeterRuleID `json:"id"`
	ProjectID ProjectID   `json:"project_id"` // the meter's
	MeterID   MeterID     `json:"meter_id"`
	Meta
	// Direction is "ingress" or "egress", seen from inside.
	Direction string `json:"direction"`
	// Excluded: what fits is not counted, whatever other rules of the meter say.
	Excluded bool `json:"excluded,omitempty"`
	// Inside bounds the address inside, which is the source of what leaves and the destination of what comes. It excludes
	// Source and Destination; one of the three is valid.
	Inside      netip.Prefix `json:"inside,omitzero"`
	Source      netip.Prefix `json:"source,omitzero"`
	Destination netip.Prefix `json:"destination,omitzero"`
}

// MeterReading is what a meter has counted at one router. Its id is MeterID + "/" + RouterID. It outlives the router.
type MeterReading struct {
	ID        string    `json:"id"`
	ProjectID ProjectID `json:"project_id"` // the router's
	MeterID   MeterID   `json:"meter_id"`
	RouterID  RouterID  `json:"router_id"`
	Meta
	TrafficCount
	// Life names the counter on the host that was read last, and Seen is what it showed: a new one begins at nothing.
	Life string       `json:"life"`
	Seen TrafficCount `json:"seen"`
}

// TrafficCount is how much has passed.
type TrafficCount struct {
	Bytes   int64 `json:"bytes"`
	Packets int64 `json:"packets"`
}
