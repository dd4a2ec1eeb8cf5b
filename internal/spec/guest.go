package spec

import "time"

// GuestID names a guest for ever; ids are never used again.
type GuestID string

// Power is what the control plane wants a guest's CPUs to be doing.
type Power string

// The wanted powers. PowerSuspended means: memory is written to disk and no
// process remains; PowerOn brings it back where it stopped.
const (
	PowerOn        Power = "on"
	PowerOff       Power = "off"
	PowerPaused    Power = "paused"
	PowerSuspended Power = "suspended"
)

// Machine is the kind of board a guest sees.
type Machine string

// The boards that the hypervisors know.
const (
	MachineQ35     Machine = "q35"
	MachinePC      Machine = "pc"
	MachineMicroVM Machine = "microvm"
)

// Firmware is what runs before the guest's kernel.
type Firmware string

// The firmwares. Direct kernel boot uses FirmwareBIOS.
const (
	FirmwareBIOS Firmware = "bios"
	FirmwareUEFI Firmware = "uefi"
)

// Guest is the wanted state of one guest. Everything in it may change during a
// guest's life; what can change while its CPUs run (disks, NICs, power,
// metadata) is changed at once, the rest when it next starts.
type Guest struct {
	ID         GuestID
	Generation int64

	// Name is for people (process title, log lines). It decides nothing.
	Name        string
	CPUs        int
	MemoryBytes int64
	Machine     Machine
	Firmware    Firmware
	// Identity is what the firmware says that the guest runs on; the zero value leaves it to the host.
	Identity Identity
	// Kernel, if set, is booted directly, without firmware or boot loader.
	Kernel *Kernel
	Disks  []Disk
	NICs   []NIC

	Power Power
	// BootSerial counts hard reboots: a running guest that was started with a
	// smaller one is stopped and started again.
	BootSerial int64
	// GraceDuration is how long a guest may take to shut down by itself (ACPI)
	// when Power becomes off or BootSerial rises. Zero pulls the plug at once.
	GraceDuration time.Duration

	// Metadata is what the guest is told about itself, over HTTP and, if
	// ConfigDrive is set, on a read-only disk.
	Metadata    Metadata
	ConfigDrive bool
}

// Identity is what a guest's firmware (SMBIOS) says of the machine. What is empty is as the host has it.
type Identity struct {
	Manufacturer, Product string
	UUID                  string // also the serial number
}

// Kernel asks for direct kernel boot. Both images must be present on the host
// (Agent.EnsureImage).
type Kernel struct {
	Kernel      ImageID
	Initramfs   ImageID // empty: none
	CommandLine string
}

// Bus is how a disk is connected.
type Bus string

// The buses.
const (
	BusVirtio Bus = "virtio"
	BusSCSI   Bus = "scsi"
	BusIDE    Bus = "ide"
	BusSATA   Bus = "sata"
)

// Disk is a volume as a guest sees it.
type Disk struct {
	Volume VolumeID
	Bus    Bus
	// Serial is what the guest reads as the disk's serial number; at most 20
	// characters arrive (virtio).
	Serial   string
	ReadOnly bool
	CDROM    bool
	// BootIndex orders boot devices, from 1; 0 means not bootable.
	BootIndex int
	// Shared allows several guests to write at once (no image lock).
	Shared bool
	// Limits slow the disk down; the zero value does not.
	Limits DiskLimits
	// Key opens the volume if it is encrypted.
	Key Key
}

// DiskLimits bound what a guest may do with a disk, per second; 0: as much as it can. A total and a limit of one
// direction of the same kind exclude each other. A maximum is for short bursts above its limit.
type DiskLimits struct {
	IOPS, ReadIOPS, WriteIOPS                                        int64
	IOPSMax, ReadIOPSMax, WriteIOPSMax                               int64
	BytesPerSecond, ReadBytesPerSecond, WriteBytesPerSecond          int64
	BytesPerSecondMax, ReadBytesPerSecondMax, WriteBytesPerSecondMax int64
	// IOSizeBytes is how much of a larger request counts as one.
	IOSizeBytes int64
}

// NIC is a port as a guest sees it.
type NIC struct {
	Port PortID
	MAC  string
	// MTU is announced to the guest by the device, in bytes; 0: not announced.
	MTU int
	// Model is "virtio" or another model QEMU names; empty means virtio.
	Model string
	// BootIndex orders boot devices, from 1; 0 means not bootable.
	BootIndex int
}

// GuestState is what a host saw a guest doing.
type GuestState string

// The observed states. GuestAbsent means: this host has neither process nor
// files of it. GuestStopped: files but no process. GuestCrashed: the process
// ended without being asked to, and not because the guest powered itself off.
const (
	GuestAbsent    GuestState = "absent"
	GuestStopped   GuestState = "stopped"
	GuestRunning   GuestState = "running"
	GuestPaused    GuestState = "paused"
	GuestSuspended GuestState = "suspended"
	GuestCrashed   GuestState = "crashed"
)

// GuestStatus is what a host observed of one guest.
type GuestStatus struct {
	ID         GuestID
	Generation int64 // of the wanted document that was made true last; 0: none
	State      GuestState
	BootSerial int64 // of the last start, also after the process ended
	// StartedAt is when the running process was started, zero if none.
	StartedAt time.Time
	// Disks and NICs are those plugged in now.
	Disks []VolumeID
	NICs  []PortID
	// Reason says in words why the guest is not as wanted; empty if it is.
	Reason string
	// HostRestarted: it ended with its host, by nobody's wish.
	HostRestarted bool
	At            time.Time
}

// GuestStats are counters of a running guest, since its process started.
type GuestStats struct {
	CPUTime       time.Duration
	MemoryBytes   int64 // assigned
	ResidentBytes int64
	Uptime        time.Duration
	CPUs          []time.Duration
	Disks         []DiskStats
	NICs          []NICStats
}

// DiskStats are counters of one disk of a running guest.
type DiskStats struct {
	Volume                  VolumeID
	ReadBytes, WriteBytes   int64
	ReadCount, WriteCount   int64
	FlushCount, ErrorsCount int64
}

// NICStats are counters of one NIC, seen from the guest.
type NICStats struct {
	Port                         PortID
	MAC                          string
	ReceivedBytes, SentBytes     int64
	ReceivedPackets, SentPackets int64
	ReceivedDropped, SentDropped int64
	ReceivedErrors, SentErrors   int64
}

// ConsoleKind says which console of a guest is meant.
type ConsoleKind string

// The consoles.
const (
	ConsoleVNC    ConsoleKind = "vnc"
	ConsoleSerial ConsoleKind = "serial"
)
