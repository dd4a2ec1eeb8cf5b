package spec

import "net/netip"

// Metadata is what a guest is told about itself. Package metadata lays it out
// in the forms that guests read.
type Metadata struct {
	InstanceID  string // the id that clients of the API know
	Name        string
	Hostname    string
	ProjectID   string
	Zone        string
	LaunchIndex int
	// ReservationID is shared by guests that one request made.
	ReservationID string
	ImageID       string
	Size          string // name of the flavor
	Keys          []PublicKey
	Properties    map[string]string
	UserData      []byte
	VendorData    []byte // JSON object, or nil
	AdminPassword string // in clear, for guests that take it from the config drive; usually empty
	NICs          []MetadataNIC
	Disks         []MetadataDisk
}

// PublicKey is an SSH public key the guest should accept.
type PublicKey struct {
	Name string
	Type string // "ssh" or "x509"
	Data string // authorized_keys line
}

// MetadataNIC describes one NIC to the guest.
type MetadataNIC struct {
	Port      PortID
	Network   NetworkID
	MAC       string
	MTU       int
	Tag       string
	Addresses []MetadataAddress
	DNS       []netip.Addr
	// Public are the addresses that others reach this NIC by (floating IPs).
	Public []netip.Addr
	Groups []string // names of security groups
}

// MetadataAddress is one address of a NIC.
type MetadataAddress struct {
	Address netip.Prefix // the address with its subnet's length
	Gateway netip.Addr   // invalid if none
	// Mode is how the guest gets it: "static", "dhcp4", "dhcp6", "slaac".
	Mode   string
	Routes []Route
}

// MetadataDisk describes one disk to the guest.
type MetadataDisk struct {
	Volume VolumeID
	Serial string
	Bus    Bus
	Tag    string
}
