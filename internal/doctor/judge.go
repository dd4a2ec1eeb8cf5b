package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/spec"
)

const (
	gib = int64(1) << 30

	// Below these an image and a handful of guests do not fit.
	diskFreeMin, diskFreeGood     = 1 * gib, 10 * gib
	memoryFreeMin, memoryFreeGood = gib / 4, 1 * gib

	// Below these busy hosts meet the kernel's limits, and lose packets without a word.
	neighboursGood, connectionsGood = 4096, 65536
	// bigHost is where so many guests fit that they will.
	bigHost = 64 * gib
)

// Judge decides about facts. It is pure.
func Judge(f Facts) Report {
	var r Report
	for _, judge := range []func(Facts) []Finding{user, qemu, kvm, firmware, tools, features, firewalls, publicNetwork, cgroups, stateDir, memory, limits, listen, noVNC} {
		r = append(r, judge(f)...)
	}
	return r
}

func one(check string, level Level, what, why, do string) []Finding {
	return []Finding{{check, level, what, why, do}}
}

func user(f Facts) []Finding {
	if f.Root {
		return one("user", OK, "root", "", "")
	}
	return one("user", Problem, "not root", "networks, and users of their own for guests, need it",
		"run nubo as root; nubo serve --simulate 1 needs nothing. Some checks below were left out")
}

func qemu(f Facts) []Finding {
	if f.HypervisorError != "" {
		return one("qemu", Problem, f.HypervisorError, "guests are QEMU processes", "apt-get install qemu-system-x86")
	}
	return one("qemu", OK, "QEMU "+f.Hypervisor.Version, "", "")
}

// kvm tells apart a device that is missing, one that is closed to guests and one that does not work.
func kvm(f Facts) []Finding {
	const (
		follows = "guests run under TCG, QEMU's own emulation: everything works, processors are several times slower"
		hangs   = "nothing: nubo serve uses TCG by itself. For KVM, this virtual machine's host would have to offer nested virtualisation that works"
	)
	h := f.Hypervisor
	switch {
	case f.HypervisorError != "":
		return nil
	case h.Acceleration == "kvm":
		return one("kvm", OK, "boots a guest", "", "")
	case f.KVMError != "":
		return one("kvm", Warning, "/dev/kvm cannot be opened: "+f.KVMError, follows,
			"switch virtualisation on in the firmware and modprobe kvm_intel or kvm_amd; in a virtual machine ask its host for nested virtualisation")
	case f.KVMForRoot != "":
		return one("kvm", Warning, "/dev/kvm opens but does not boot a guest ("+f.KVMForRoot+")", follows, hangs)
	case triedKVM(h):
		return one("kvm", Warning, "/dev/kvm opens but does not boot a guest ("+detail(h.AccelerationReason)+")", follows, hangs)
	}
	return one("kvm", Warning, "boots a guest for root, but is closed to guests' own users", follows,
		"chgrp kvm /dev/kvm; chmod 660 /dev/kvm; then restart nubo serve")
}

// triedKVM tells whether the driver's reason is that a guest did not boot.
func triedKVM(h spec.Hypervisor) bool {
	return strings.HasPrefix(h.AccelerationReason, "KVM does not run a guest")
}

// detail is the part of a reason behind its colon.
func detail(reason string) string {
	if _, after, found := strings.Cut(reason, ": "); found {
		return after
	}
	return reason
}

func firmware(f Facts) []Finding {
	switch {
	case f.HypervisorError != "":
		return nil
	case slices.Contains(f.Hypervisor.Firmwares, spec.FirmwareUEFI):
		return one("uefi", OK, "OVMF is installed", "", "")
	}
	return one("uefi", Warning, "no OVMF firmware", "images with hw_firmware_type=uefi do not start", "apt-get install ovmf")
}

func tools(f Facts) []Finding {
	var out []Finding
	for _, t := range []struct{ check, version, why, do string }{
		{"qemu-img", f.QemuImg, "disks are made and converted with it", "apt-get install qemu-utils"},
		{"nft", f.Nft, "security groups, NAT and floating IPs are its rules", "apt-get install nftables"},
	} {
		if t.version == "" {
			out = append(out, Finding{t.check, Problem, "not installed", t.why, t.do})
		} else {
			out = append(out, Finding{Check: t.check, Level: OK, What: t.version})
		}
	}
	return out
}

// features makes one line of all that work, and one of each that does not.
func features(f Facts) []Finding {
	var fine []string
	var bad []Finding
	for _, k := range f.Features {
		switch {
		case k.Error == "":
			fine = append(fine, k.Name)
		case k.Optional:
			bad = append(bad, Finding{"kernel", Warning, k.Name + " does not work: " + k.Error, k.Use, k.Do})
		default:
			bad = append(bad, Finding{"kernel", Problem, k.Name + " does not work: " + k.Error, k.Use, k.Do})
		}
	}
	if len(fine) == 0 {
		return bad
	}
	return append([]Finding{{Check: "kernel", Level: OK, What: strings.Join(fine, ", ")}}, bad...)
}

func firewalls(f Facts) []Finding {
	if len(f.Firewalls) == 0 {
		return one("firewall", OK, "nobody drops forwarded packets", "", "")
	}
	return one("firewall", Warning, strings.Join(f.Firewalls, ", ")+" drops forwarded packets, as Docker and ufw set it up",
		"guests do not reach the outside, nor does it reach floating IPs",
		"iptables -I FORWARD -i nbu+ -j ACCEPT; iptables -I FORWARD -o nbu+ -j ACCEPT")
}

func publicNetwork(f Facts) []Finding {
	if len(f.Clashes) == 0 {
		return nil
	}
	return one("public", Warning, strings.Join(f.Clashes, ", ")+" has addresses in "+f.PublicNetwork+", the range of the external network",
		"floating IPs and routers are not reached: what is sent to them comes out elsewhere", "choose another public_network in the configuration, or remove what has the addresses")
}

func cgroups(f Facts) []Finding {
	if f.CgroupsError != "" {
		return one("cgroups", Warning, f.CgroupsError, "a guest's process can take more memory and processes than its flavor says", "mount cgroup2 at /sys/fs/cgroup, writable")
	}
	if f.Cgroups == "" {
		return nil // not looked at, without root
	}
	return one("cgroups", OK, f.Cgroups, "", "")
}

func stateDir(f Facts) []Finding {
	if f.StateDirError != "" {
		return one("state", Problem, f.StateDirError, "disks, images and the database live there", "give nubo serve a --state-dir that can be written")
	}
	what := fmt.Sprintf("%s, %s free on %s", f.StateDir, size(f.FreeBytes), f.FileSystem)
	switch {
	case f.FreeBytes < diskFreeMin:
		return one("state", Problem, what, "not even an image fits", "make room, or give a --state-dir on a larger file system")
	case f.FreeBytes < diskFreeGood:
		return one("state", Warning, what, "few disks fit", "make room, or give a --state-dir on a larger file system")
	case f.Reflink:
		return one("state", OK, what+", with reflinks", "", "")
	}
	return one("state", OK, what+", without reflinks", "snapshots and clones of volumes copy their bytes; XFS and Btrfs share them", "")
}

func memory(f Facts) []Finding {
	what := fmt.Sprintf("%s, %s available, %d CPUs", size(f.MemoryBytes), size(f.MemoryFreeBytes), f.CPUs)
	switch {
	case f.MemoryFreeBytes < memoryFreeMin:
		return one("memory", Problem, what, "no guest fits", "end what takes it, or give the machine more")
	case f.MemoryFreeBytes < memoryFreeGood:
		return one("memory", Warning, what, "few guests fit", "end what takes it, or give the machine more")
	}
	return one("memory", OK, what, "", "")
}

func limits(f Facts) []Finding {
	var out []Finding
	if f.NeighboursMax > 0 && f.NeighboursMax < neighboursGood && f.MemoryBytes >= bigHost {
		out = append(out, Finding{"neighbours", Warning, fmt.Sprintf("the kernel remembers %d neighbours", f.NeighboursMax),
			"with more guests than that, packets wait for ARP again and again", "sysctl -w net.ipv4.neigh.default.gc_thresh3=16384, and the same for ipv6"})
	}
	if f.ConnectionsMax > 0 && f.ConnectionsMax < connectionsGood {
		out = append(out, Finding{"connections", Warning, fmt.Sprintf("the kernel tracks %d connections", f.ConnectionsMax),
			"new connections of all guests are dropped beyond that", "sysctl -w net.netfilter.nf_conntrack_max=262144"})
	}
	if len(out) == 0 {
		out = one("limits", OK, fmt.Sprintf("%d neighbours, %d connections", f.NeighboursMax, f.ConnectionsMax), "", "")
	}
	return out
}

func listen(f Facts) []Finding {
	switch {
	case f.Running:
		return one("listen", OK, "nubo serve runs on "+f.StateDir, "", "")
	case f.ListenError != "":
		return one("listen", Problem, f.ListenError, "nubo serve would not start", "end the program that listens there (ss -ltnp), or give nubo serve another --listen")
	}
	return one("listen", OK, f.Listen+" is free", "", "")
}

func noVNC(f Facts) []Finding {
	if f.NoVNC {
		return one("console", OK, "noVNC is installed", "", "")
	}
	return one("console", Warning, "noVNC is not installed", "the page of console url show stays empty", "apt-get install novnc")
}

func size(bytes int64) string { return fmt.Sprintf("%.1f GiB", float64(bytes)/float64(gib)) }
