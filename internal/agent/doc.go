// Package agent makes one host match what the control plane wants of it. It
// holds the wanted documents of package spec, reconciles each with what the
// drivers see, again and again, and reports what it observes.
//
// It is not told how to get there, and remembers nothing that the drivers could
// not find again: killed at any moment, it starts, looks, and goes on. The
// control plane calls it through package agentapi; it calls the drivers, whose
// interfaces are declared here (drivers.go), where they are used.
//
//	agentapi -> agent -> Hypervisor  (qemu, sim)
//	                  -> Block       (file, sim)
//	                  -> Fabric      (linux, sim)
package agent
