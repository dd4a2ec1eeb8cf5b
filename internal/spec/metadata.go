package spec

import (
	"net/netip"
	"time"
)

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

	Access MetadataAccess
	// Account is the project's number where ids are 12 digits.
	Account string
	// Short are ids where they are 17 digits.
	Short        MetadataShort
	Architecture string // of the image, as QEMU names it; empty: the host's
	CreatedAt    time.Time
	Monitored    bool
}

// MetadataShort are short ids.
type MetadataShort struct{ Instance, Image, Reservation string }

// MetadataAccess is how the guest may ask.
type MetadataAccess struct {
	Disabled       bool
	TokensRequired bool
	HopLimit       int // of answers with a token; 0 means 1
	ShowProperties bool
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
	Public []MetadataPublic
	Groups []string // names of security groups
	// Blocks are those of the routing domain that the NIC's network is part of, if any.
	Blocks []netip.Prefix
	Short  MetadataNICShort
}

// MetadataPublic is a public address and the one of the NIC that it leads to.
type MetadataPublic struct{ Address, Fixed netip.Addr }

// MetadataNICShort are short ids of what a NIC is and stands on. Domain is a routing domain.
type MetadataNICShort struct {
	Port, Subnet, Domain string
	Groups               []string
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
	Device string // as its owner or the cloud called it: "vda"
	Serial string
	Bus    Bus
	Tag    string
}
