package spec

import "time"

// Host describes a host's abilities and size.
type Host struct {
	Name         string // unique, stable
	CPUs         int
	MemoryBytes  int64
	Pools        []Pool
	Hypervisor   Hypervisor
	Addresses    []string
	Version      string // of our agent
	Architecture string // "x86_64"
}

// Load is how long a host has been up and how busy it is.
type Load struct {
	Booted   time.Time
	Averages [3]float64 // processes that want a CPU, over the last 1, 5 and 15 minutes
}

// Hypervisor describes the software that runs guests.
type Hypervisor struct {
	Type    string // "QEMU", "sim"
	Version string // "7.2.17"
	// Acceleration is "kvm" or "tcg", found by running a guest.
	Acceleration string
	// AccelerationReason says why it is not better, in words.
	AccelerationReason string
	Machines           []Machine
	Firmwares          []Firmware
	CPUModel           string
}

// Inventory lists the ids of everything of ours on a host, wanted or not. It is
// what the self-check compares with the store.
type Inventory struct {
	Guests    []GuestStatus
	Volumes   []VolumeID
	Snapshots []SnapshotID
	Images    []ImageID
	Networks  []NetworkID
	Ports     []PortID
	Routers   []RouterID
	Groups    []GroupID
	VPNs      []VPNID
	At        time.Time
}

// EventKind says what happened.
type EventKind string

// The kinds of Event. EventGuest: a guest's observed state changed without being asked. EventVPN: a VPN's tunnels did.
// EventUp: the agent (re)started and holds no wanted state: send everything.
const (
	EventGuest EventKind = "guest"
	EventUp    EventKind = "up"
	EventVPN   EventKind = "vpn"
)

// Event is news from a host. Events may be lost; nothing depends on one that
// Inventory would not also show.
type Event struct {
	Kind  EventKind
	Guest GuestStatus
	VPN   VPNStatus
}
