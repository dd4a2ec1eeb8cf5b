package qemu

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// command is QEMU's command line while it is built, with the descriptors it names.
type command struct {
	d    *Driver
	r    *record
	dir  string
	args []string
	in   inherit
	p    ports
}

func (c *command) add(args ...string) { c.args = append(c.args, args...) }

func (c *command) device(o object) { c.add("-device", o.String()) }

// set gives QEMU an open file as /dev/fdset/set.
func (c *command) set(f *os.File, set int) {
	c.add("-add-fd", fmt.Sprintf("fd=%d,set=%d", c.in.add(f), set))
}

// build makes the command line for a record. lock is the guest's flock, memory the
// saved memory of a suspended guest or nil. On failure every descriptor is closed.
func (d *Driver) build(r *record, dir string, lock, memory *os.File) (*command, error) {
	c := &command{d: d, r: r, dir: dir}
	if fd := c.in.add(lock); fd != lockFD {
		panic("the lock must be the first descriptor")
	}
	c.basics()
	steps := []func() error{c.machine, c.consoles, c.board, c.kernel, c.disks, c.configDrive, c.nics}
	for _, step := range steps {
		if err := step(); err != nil {
			c.in.close()
			return nil, err
		}
	}
	if memory != nil {
		c.add("-incoming", fmt.Sprintf("fd:%d", c.in.add(memory)))
	}
	return c, nil
}

func (c *command) basics() {
	g := c.r.Guest
	c.add("-name", fmt.Sprintf("guest=%s,process=nubo:%.10s,debug-threads=on", c.r.ID, c.r.ID),
		"-nodefaults", "-no-user-config", "-no-shutdown", "-S",
		"-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
		"-m", fmt.Sprintf("size=%dB", g.MemoryBytes),
		"-smp", fmt.Sprintf("cpus=%d,sockets=1,cores=%d,threads=1", g.CPUs, g.CPUs),
		"-cpu", c.r.CPUModel,
		"-rtc", "base=utc")
	if c.r.Accel == "kvm" {
		c.add("-accel", "kvm")
	} else {
		c.add("-accel", fmt.Sprintf("tcg,thread=multi,tb-size=%d", tcgBufferBytes>>20))
	}
	c.smbios()
}

func (c *command) smbios() {
	o, own := c.d.opts, c.r.Guest.Identity
	id := cmp.Or(own.UUID, c.r.Guest.Metadata.InstanceID, string(c.r.ID))
	s := "type=1"
	for _, f := range [][2]string{{"manufacturer", cmp.Or(own.Manufacturer, o.Manufacturer)}, {"product", cmp.Or(own.Product, o.Product)},
		{"version", o.Release}, {"serial", id}} {
		if f[1] != "" {
			s += "," + f[0] + "=" + strings.ReplaceAll(f[1], ",", ",,")
		}
	}
	if isUUID(id) {
		s += ",uuid=" + id
		c.add("-uuid", id)
	}
	c.add("-smbios", s)
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, r := range s {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (r == '-') || (!dash && !strings.ContainsRune("0123456789abcdefABCDEF", r)) {
			return false
		}
	}
	return true
}

func (c *command) machine() error {
	name := string(c.r.Guest.Machine)
	if c.r.MachineVersion != "" {
		name = c.r.MachineVersion
	}
	m := "type=" + name + ",dump-guest-core=off"
	if c.r.Guest.Machine == spec.MachineMicroVM {
		c.add("-machine", m+",acpi=on,rtc=on,isa-serial=on,x-option-roms=off")
		return nil
	}
	m += ",vmport=off,smm=off"
	if c.r.Guest.Firmware == spec.FirmwareUEFI {
		if err := c.uefi(); err != nil {
			return err
		}
		m += ",pflash0=fw-code,pflash1=fw-vars"
	}
	c.add("-machine", m, "-boot", "menu=off,strict=on")
	return nil
}

func (c *command) uefi() error {
	code, template, err := findFirmware(c.d.opts.FirmwareDirs)
	if err != nil {
		return err
	}
	vars := filepath.Join(c.dir, "vars.fd")
	if err := ensureVars(vars, template); err != nil {
		return fmt.Errorf("UEFI variables: %w", err)
	}
	if err := c.blocks("fw-code", setFirmware, spec.BlockSource{Path: code, Format: spec.FormatRaw}, true); err != nil {
		return err
	}
	return c.blocks("fw-vars", setVars, spec.BlockSource{Path: vars, Format: spec.FormatRaw}, false)
}

// blocks adds a chain of block nodes and the files below it.
func (c *command) blocks(name string, set int, src spec.BlockSource, readOnly bool) error {
	nodes, files, err := c.d.chain(name, set, src, readOnly)
	if err != nil {
		return err
	}
	open, err := openAll(files, src)
	if err != nil {
		return err
	}
	for i, f := range open {
		c.set(f, files[i].Set)
	}
	if err := c.key(name, src); err != nil {
		return err
	}
	for _, n := range nodes {
		c.add("-blockdev", n.String())
	}
	return nil
}

// consoles adds the monitor and the serial console, on sockets that exist already, and the
// console's log.
func (c *command) consoles() error {
	log, err := os.OpenFile(filepath.Join(c.dir, "serial.log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	c.set(log, setLog)
	monitor, err := listen(c.dir, "qmp")
	if err != nil {
		return err
	}
	c.add("-chardev", fmt.Sprintf("socket,id=qmp,fd=%d,server=on,wait=off", c.in.add(monitor)),
		"-mon", "chardev=qmp,mode=control")
	serial, err := listen(c.dir, "serial")
	if err != nil {
		return err
	}
	c.add("-chardev", fmt.Sprintf("socket,id=serial0,fd=%d,server=on,wait=off,logfile=/dev/fdset/%d,logappend=on",
		c.in.add(serial), setLog), "-serial", "chardev:serial0")
	return nil
}

// board adds what every guest has. VNC listens nowhere: DialConsole hands it each connection.
func (c *command) board() error {
	m := c.r.Guest.Machine
	if c.d.opts.IOThread {
		c.add("-object", object{"qom-type": "iothread", "id": "io0"}.String())
	}
	c.add("-object", object{"qom-type": "rng-random", "id": "rng0", "filename": "/dev/urandom"}.String())
	if m == spec.MachineMicroVM {
		c.add("-display", "none")
		c.device(object{"driver": "virtio-rng-device", "rng": "rng0"})
		return nil
	}
	root := rootBus(m)
	c.add("-vnc", "none")
	c.device(object{"driver": "VGA", "id": "vga0", "bus": root, "addr": addrVGA})
	c.device(object{"driver": "virtio-rng-pci", "id": "rng", "rng": "rng0", "bus": root, "addr": addrRNG})
	c.device(object{"driver": "virtio-balloon-pci", "id": "balloon0", "bus": root, "addr": addrBalloon,
		"deflate-on-oom": true, "free-page-reporting": true})
	c.device(object{"driver": "qemu-xhci", "id": "usb0", "bus": root, "addr": addrUSB})
	c.device(object{"driver": "usb-tablet", "bus": "usb0.0"})
	if m == spec.MachineQ35 {
		c.device(object{"driver": "pcie-pci-bridge", "id": "slots", "bus": root, "addr": addrBridge})
	}
	return nil
}

// kernel passes the files of a direct boot by descriptor. QEMU opens them by name, as its own
// user, so files that not everybody may read are copied into the guest's directory.
func (c *command) kernel() error {
	if c.r.Kernel == "" {
		return nil
	}
	for _, f := range [][2]string{{"-kernel", c.r.Kernel}, {"-initrd", c.r.Initramfs}} {
		if f[1] == "" {
			continue
		}
		file, err := readable(f[1], filepath.Join(c.dir, f[0][1:]))
		if err != nil {
			return err
		}
		c.add(f[0], fmt.Sprintf("/proc/self/fd/%d", c.in.add(file)))
	}
	if k := c.r.Guest.Kernel; k != nil && k.CommandLine != "" {
		c.add("-append", k.CommandLine)
	}
	return nil
}

func (c *command) disks() error {
	m := c.r.Guest.Machine
	if c.r.HasSCSI {
		if m == spec.MachineMicroVM {
			return fmt.Errorf("SCSI on microvm: %w", spec.ErrNotSupported)
		}
		c.device(object{"driver": "virtio-scsi-pci", "id": "scsi0", "bus": rootBus(m), "addr": addrSCSI})
	}
	if m == spec.MachinePC && c.needsAHCI() {
		c.device(object{"driver": "ahci", "id": "ahci0", "bus": "pci.0", "addr": addrBridge})
	}
	for _, s := range c.r.Disks {
		if err := c.blocks(s.node(), s.set(), s.Source, s.Disk.ReadOnly || s.Disk.CDROM); err != nil {
			return fmt.Errorf("volume %s: %w", s.Disk.Volume, err)
		}
		o, err := c.d.diskDevice(m, s, &c.p)
		if err != nil {
			return fmt.Errorf("volume %s: %w", s.Disk.Volume, err)
		}
		c.device(o)
	}
	return nil
}

func (c *command) needsAHCI() bool {
	for _, s := range c.r.Disks {
		if bus, _ := busOf(c.r.Guest.Machine, s.Disk); bus == spec.BusSATA {
			return true
		}
	}
	return false
}

// configDrive shows the ISO file as a CD-ROM on pc, and elsewhere as a read-only virtio disk: guests look for
// its label. On q35 a CD-ROM would be SATA, for which the kernels that distributions make for clouds have no driver;
// a guest without virtio drivers says so by its root disk's bus, and gets the CD-ROM.
func (c *command) configDrive() error {
	if c.r.Config == "" {
		return nil
	}
	err := c.blocks("config", setConfig, spec.BlockSource{Path: c.r.Config, Format: spec.FormatRaw}, true)
	if err != nil {
		return fmt.Errorf("config drive: %w", err)
	}
	o := object{"driver": "ide-cd", "id": "config0", "drive": "config"}
	switch m := c.r.Guest.Machine; {
	case m == spec.MachineMicroVM:
		o["driver"] = "virtio-blk-device"
	case m == spec.MachinePC:
		err = c.p.next(o, spec.MachinePC, spec.BusIDE)
	case c.rootIsVirtio():
		o["driver"], o["bus"], o["addr"] = "virtio-blk-pci", rootBus(m), addrConfig
	default:
		err = c.p.next(o, m, spec.BusSATA)
	}
	c.device(o)
	return err
}

func (c *command) rootIsVirtio() bool {
	if len(c.r.Disks) == 0 {
		return true
	}
	bus, _ := busOf(c.r.Guest.Machine, c.r.Disks[0].Disk)
	return bus == spec.BusVirtio
}

func (c *command) nics() error {
	for _, s := range c.r.NICs {
		tap, err := openTap(s.Tap, s.Namespace)
		if err != nil {
			return fmt.Errorf("port %s: %w", s.NIC.Port, err)
		}
		n := object{"type": "tap", "id": netdevID(s.Slot), "fd": fmt.Sprint(c.in.add(tap))}
		if vhost := c.d.openVhost(c.r.Accel); vhost != nil {
			n["vhost"], n["vhostfd"] = true, fmt.Sprint(c.in.add(vhost))
		}
		c.add("-netdev", n.String())
		o, err := c.d.nicDevice(c.r.Guest.Machine, s, true)
		if err != nil {
			return fmt.Errorf("port %s: %w", s.NIC.Port, err)
		}
		c.device(o)
	}
	return nil
}

// openVhost lets the kernel move a NIC's frames, where it can. Under TCG it would only add wakeups.
func (d *Driver) openVhost(accel string) *os.File {
	if accel != "kvm" {
		return nil
	}
	f, err := os.OpenFile("/dev/vhost-net", os.O_RDWR, 0)
	if err != nil {
		return nil // a host without it moves frames in QEMU
	}
	return f
}
