package qemu

import (
	"encoding/json"
	"fmt"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// object is one of QEMU's option objects, in JSON on the command line and over QMP.
type object map[string]any

func (o object) String() string {
	b, err := json.Marshal(o)
	if err != nil {
		panic(err) // strings, numbers and booleans only
	}
	return string(b)
}

// Fixed addresses on the root bus of pc and q35. pc has its ISA bridge at 1, q35
// its own at 0x1f.
const (
	addrVGA     = "0x2"
	addrRNG     = "0x3"
	addrBalloon = "0x4"
	addrUSB     = "0x5"
	addrSCSI    = "0x6"
	addrBridge  = "0x7" // q35: the bridge of all slots; pc: AHCI, if asked for
	addrConfig  = "0x8" // q35 only: the config drive
)

func slotsOf(m spec.Machine) int {
	switch m {
	case spec.MachinePC:
		return 24
	case spec.MachineMicroVM:
		return 6 // eight virtio-mmio transports less RNG and config drive
	}
	return 31
}

func rootBus(m spec.Machine) string {
	if m == spec.MachinePC {
		return "pci.0"
	}
	return "pcie.0"
}

// inSlot gives a virtio or NIC device its place.
func inSlot(o object, m spec.Machine, slot int) object {
	switch m {
	case spec.MachinePC:
		o["bus"], o["addr"] = "pci.0", fmt.Sprintf("0x%x", slot+7)
	case spec.MachineQ35:
		o["bus"], o["addr"] = "slots", fmt.Sprintf("0x%x", slot)
	}
	return o
}

// virtio names a virtio device as the board has it.
func virtio(name string, m spec.Machine) string {
	if m == spec.MachineMicroVM {
		return name + "-device"
	}
	return name + "-pci"
}

func diskID(slot int) string   { return fmt.Sprintf("disk%d", slot) }
func diskNode(slot int) string { return fmt.Sprintf("d%d", slot) }
func nicID(slot int) string    { return fmt.Sprintf("nic%d", slot) }
func netdevID(slot int) string { return fmt.Sprintf("n%d", slot) }

// busOf is the bus a disk really gets: a CD-ROM cannot be virtio, and microvm has nothing else.
func busOf(m spec.Machine, d spec.Disk) (spec.Bus, error) {
	bus := d.Bus
	if bus == "" {
		bus = spec.BusVirtio
	}
	if m == spec.MachineMicroVM {
		if bus != spec.BusVirtio {
			return "", fmt.Errorf("disk bus %s on microvm: %w", bus, spec.ErrNotSupported)
		}
		return bus, nil
	}
	if d.CDROM && bus == spec.BusVirtio {
		return spec.BusSATA, nil
	}
	switch bus {
	case spec.BusVirtio, spec.BusSCSI, spec.BusSATA:
		return bus, nil
	case spec.BusIDE:
		if m == spec.MachineQ35 {
			return spec.BusSATA, nil // its IDE ports are SATA ports
		}
		return bus, nil
	}
	return "", fmt.Errorf("disk bus %q: %w", bus, spec.ErrNotSupported)
}

// ports counts the IDE and SATA ports given away while a command line is built.
type ports struct{ ide, sata int }

func (p *ports) next(o object, m spec.Machine, bus spec.Bus) error {
	if bus == spec.BusIDE {
		if p.ide == 4 {
			return fmt.Errorf("five IDE disks: %w", spec.ErrNoSpace)
		}
		o["bus"], o["unit"] = fmt.Sprintf("ide.%d", p.ide/2), p.ide%2
		p.ide++
		return nil
	}
	if p.sata == 6 {
		return fmt.Errorf("seven SATA disks: %w", spec.ErrNoSpace)
	}
	name := "ide" // q35 has an AHCI controller of this name
	if m == spec.MachinePC {
		name = "ahci0"
	}
	o["bus"] = fmt.Sprintf("%s.%d", name, p.sata)
	p.sata++
	return nil
}

// diskDevice describes the device in front of a disk's block node. p is nil when
// plugging into a running guest, where IDE and SATA have no place.
func (d *Driver) diskDevice(m spec.Machine, s diskSlot, p *ports) (object, error) {
	bus, err := busOf(m, s.Disk)
	if err != nil {
		return nil, err
	}
	o := object{"id": diskID(s.Slot), "drive": s.node()}
	if s.Disk.Serial != "" {
		o["serial"] = s.Disk.Serial[:min(20, len(s.Disk.Serial))]
	}
	if s.Disk.Shared {
		o["share-rw"] = true
	}
	if s.Disk.BootIndex > 0 && p != nil {
		o["bootindex"] = s.Disk.BootIndex
	}
	kind := "hd"
	if s.Disk.CDROM {
		kind = "cd"
	}
	switch bus {
	case spec.BusVirtio:
		return d.virtioDisk(o, m, s.Slot), nil
	case spec.BusSCSI:
		o["driver"], o["bus"], o["scsi-id"] = "scsi-"+kind, "scsi0.0", s.Slot
		return o, nil
	}
	if p == nil {
		return nil, fmt.Errorf("plugging a %s disk into a running guest: %w", bus, spec.ErrNotSupported)
	}
	o["driver"] = "ide-" + kind
	return o, p.next(o, m, bus)
}

func (d *Driver) virtioDisk(o object, m spec.Machine, slot int) object {
	o["driver"] = virtio("virtio-blk", m)
	if d.opts.IOThread {
		o["iothread"] = "io0"
	}
	return d.modern(inSlot(o, m, slot), m)
}

// modern leaves out virtio's legacy interface behind the bridge of q35: it would
// need I/O ports there, which firmware hands out in scarce blocks.
func (d *Driver) modern(o object, m spec.Machine) object {
	if m == spec.MachineQ35 {
		o["disable-legacy"] = "on"
	}
	return o
}

// nicModels are the devices a NIC may be, by our name.
var nicModels = map[string]string{"": "virtio-net", "virtio": "virtio-net",
	"e1000": "e1000", "e1000e": "e1000e", "rtl8139": "rtl8139", "vmxnet3": "vmxnet3"}

func (d *Driver) nicDevice(m spec.Machine, s nicSlot, cold bool) (object, error) {
	model, ok := nicModels[s.NIC.Model]
	if !ok || (m == spec.MachineMicroVM && model != "virtio-net") {
		return nil, fmt.Errorf("NIC model %q: %w", s.NIC.Model, spec.ErrNotSupported)
	}
	o := inSlot(object{"driver": model, "id": nicID(s.Slot), "netdev": netdevID(s.Slot), "mac": s.NIC.MAC}, m, s.Slot)
	if model == "virtio-net" {
		o["driver"] = virtio(model, m)
		d.modern(o, m)
		if s.NIC.MTU > 0 {
			o["host_mtu"] = s.NIC.MTU
		}
	}
	switch {
	case s.NIC.BootIndex > 0 && cold:
		o["bootindex"] = s.NIC.BootIndex
	case m != spec.MachineMicroVM:
		o["romfile"] = "" // firmware need not look for a network boot
	}
	return o, nil
}

// layOut gives every disk and NIC of a launch its slot. A suspended guest's
// devices keep theirs: its memory knows their addresses.
func layOut(r *record, l agent.Launch) error {
	r.Disks, r.NICs = nil, nil
	for _, d := range l.Disks {
		slot, err := r.freeSlot()
		if err != nil {
			return err
		}
		r.Disks = append(r.Disks, diskSlot{Slot: slot, LaunchDisk: d})
		r.HasSCSI = r.HasSCSI || d.Disk.Bus == spec.BusSCSI
	}
	for _, n := range l.NICs {
		slot, err := r.freeSlot()
		if err != nil {
			return err
		}
		r.NICs = append(r.NICs, nicSlot{slot, n})
	}
	return nil
}
