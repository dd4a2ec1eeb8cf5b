// Package qemu runs guests as QEMU processes: one process, one user id and one
// directory each. It implements agent.Hypervisor; the agent is its only caller.
//
// It is not a scheduler and keeps no wanted state: it remembers what it launched,
// because a guest outlives the daemon and must be found again.
//
//	STATEDIR/
//	  lock               held while a Driver uses the directory
//	  acceleration.json  what the probe found, for this boot of the host and this QEMU
//	  guests/ID/
//	    guest.json       what was launched, and which state was meant (record)
//	    lock             flock held by the QEMU process from fork to exit
//	    qmp, serial      sockets, bound by us, listened on by QEMU
//	    serial.log       what the guest wrote; older bytes are punched out
//	    qemu.log         QEMU's own words
//	    vars.fd          UEFI variables
//	    memory           of a suspended guest
//
// # How a guest is found again
//
// The process holds the flock of its directory, so "is it alive" needs no pid and
// cannot be fooled by one that was used again. The record names the state that
// was *meant* and is written before the process is touched:
//
//	record \ process  alive                            gone
//	starting          half started: end it, stopped    stopped
//	running           adopt: running, paused; or the   crashed
//	                  guest powered itself off: stopped
//	stopped, crashed, end it                           as recorded
//	suspended
//
// QEMU runs with -no-shutdown: after a guest powers itself off the process stays,
// CPUs stopped, until somebody has seen it. That is how a Driver that was not
// there at the time tells it from a crash.
//
// # What a guest's process may touch
//
// It runs as a user of its own, sandboxed by QEMU's seccomp filter, in cgroups of its
// own where the host has them, and owns no file. Disks, taps, logs, firmware and
// sockets are opened here and passed as descriptors; so volumes stay root's, mode
// 0600, in directories nobody else can enter.
//
// # Boards
//
// q35: disks and NICs sit behind one PCIe-to-PCI bridge with 31 slots, plugged by
// ACPI. Under TCG each PCIe root port costs a guest some 35 ms of boot; 16 spare
// ones would cost half a second, the bridge 35 ms once. pc: slots 8 to 31 of the
// root bus. microvm: no PCI, no plugging, no display; without
// KVM a stock Linux finds no clock there unless its command line has tsc_early_khz=.
package qemu
