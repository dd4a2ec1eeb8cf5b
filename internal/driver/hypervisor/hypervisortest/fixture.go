package hypervisortest

import (
	_ "embed"
	"testing"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// BootGuest is the boot sector of the test guest; testdata/bootguest.S says what it obeys.
//
//go:embed testdata/bootguest.bin
var BootGuest []byte

// Ready is what BootGuest writes on its console when it is up.
const Ready = "NUBO READY"

// Fixture is a driver under test with all the suite needs around it.
type Fixture struct {
	Hypervisor agent.Hypervisor
	// Pretended guests have no files and no devices that could be missing.
	Pretended bool
	// Ready is what a guest writes on its console when it is up.
	Ready string
	// Reopen drops the driver as the death of a daemon would, does what happens between, and
	// answers a new driver over the same state.
	Reopen func(between func()) agent.Hypervisor
	// Launch describes a guest with the test guest's system on its first disk.
	Launch func(id spec.GuestID) agent.Launch
	// Disk makes another disk; NIC another port, or is nil where there can be none.
	Disk func(v spec.VolumeID) agent.LaunchDisk
	NIC  func(p spec.PortID) agent.LaunchNIC
	// Encrypt makes an encrypted disk of one that nobody has open; Hides tells whether a text is not to be found in what
	// the host keeps of a disk.
	Encrypt func(d agent.LaunchDisk) agent.LaunchDisk
	Hides   func(s spec.BlockSource, text string) bool
	// CopyTarget makes a target as large as the disk and over the same base; Same says whether
	// they hold the same bytes while the guest is stopped.
	CopyTarget func(d agent.LaunchDisk) spec.BlockSource
	Same       func(a, b spec.BlockSource) bool

	// PowerOff, Reboot and Write make the guest do so by itself; Crash kills it from outside.
	// They work without a driver, too.
	PowerOff, Reboot, Write, Crash func(id spec.GuestID)
	// Flood makes the guest write at least 64 KiB to its console; LogBound is the most
	// that ConsoleLog may then answer.
	Flood    func(id spec.GuestID)
	LogBound int64
	// Count makes the guest count up in its memory and answers the new number; nil if its
	// memory is only pretended.
	Count func(id spec.GuestID) string
	// Left names what is left of a guest on the host: processes, files.
	Left func(id spec.GuestID) []string
}

// Run runs the suite; make is called once for each test.
func Run(t *testing.T, make func(t *testing.T) *Fixture) {
	for _, c := range []struct {
		name string
		test func(*suite)
	}{
		{"Lifecycle", lifecycle},
		{"Repeat", repeat},
		{"Missing", missing},
		{"StartPaused", startPaused},
		{"Grace", grace},
		{"GracePulledPlug", gracePulledPlug},
		{"PowerOff", powerOff},
		{"Reboot", reboot},
		{"Crash", crash},
		{"Adopt", adopt},
		{"AdoptPaused", adoptPaused},
		{"AdoptPoweredOff", adoptPoweredOff},
		{"AdoptCrashed", adoptCrashed},
		{"Suspend", suspend},
		{"SuspendPlugged", suspendPlugged},
		{"StopSuspended", stopSuspended},
		{"PlugDisk", plugDisk},
		{"PlugNIC", plugNIC},
		{"Resize", resize},
		{"Copy", copyDisk},
		{"Swap", swapDisk},
		{"Move", moveDisk},
		{"Encrypted", encrypted},
		{"Stats", stats},
		{"ConsoleLog", consoleLog},
		{"Consoles", consoles},
		{"BadStart", badStart},
		{"Remove", remove},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(&suite{T: t, f: make(t)}) })
	}
}
