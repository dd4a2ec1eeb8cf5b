// Package hypervisortest is the one suite that every agent.Hypervisor passes: the
// simulated one, and the real one with real guests. A driver is done when it passes.
//
// It also brings the guest that the real ones run: one boot sector that answers
// the power button, lets go of devices, counts in memory and writes its disk.
// It boots in a second without acceleration and needs no image.
package hypervisortest
