package cloud

import "time"

// UsageKind says what a UsageEvent records.
type UsageKind string

// The kinds of usage event. Each begins, changes or ends a span that is billed; traffic is an amount.
const (
	UsageInstanceStarted UsageKind = "instance.started" // holds its size from now on
	UsageInstanceResized UsageKind = "instance.resized"
	UsageInstanceStopped UsageKind = "instance.stopped" // still holds disk
	UsageInstanceRemoved UsageKind = "instance.removed"
	UsageVolumeCreated   UsageKind = "volume.created"
	UsageVolumeGrown     UsageKind = "volume.grown"
	UsageVolumeRemoved   UsageKind = "volume.removed"
	UsageAddressHeld     UsageKind = "address.held"
	UsageAddressReleased UsageKind = "address.released"
	UsageTrafficCounted  UsageKind = "traffic.counted" // by a meter at a router since the event before
)

// UsageEvent is one line of the append-only ledger, written in the transaction of the
// change it bills. Every accounting record is a pure function of the ledger.
type UsageEvent struct {
	ID UsageID `json:"id"`
	Meta
	Kind      UsageKind `json:"kind"`
	At        time.Time `json:"at"`
	ProjectID ProjectID `json:"project_id"`
	UserID    UserID    `json:"user_id"`
	// Subject is the id of the instance, volume, floating IP or meter.
	Subject   string  `json:"subject"`
	Name      string  `json:"name,omitempty"`
	HostID    HostID  `json:"host_id,omitempty"`
	Flavor    string  `json:"flavor,omitempty"`
	ImageID   ImageID `json:"image_id,omitempty"`
	VCPUs     int     `json:"vcpus,omitempty"`
	MemoryMiB int     `json:"memory_mib,omitempty"`
	DiskGiB   int     `json:"disk_gib,omitempty"`
	Address   string  `json:"address,omitempty"`
	// RouterID and Traffic are of traffic.
	RouterID RouterID     `json:"router_id,omitempty"`
	Traffic  TrafficCount `json:"traffic,omitzero"`
}
