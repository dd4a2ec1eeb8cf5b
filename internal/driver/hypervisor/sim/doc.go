// Package sim is a hypervisor that only pretends: guests are rows in memory, with the
// states, delays and failures of real ones. It implements agent.Hypervisor for
// simulated clouds and for tests; the agent is its only caller.
//
// It is not a model of speed: times are drawn from a seed around configured means.
// The same seed, guests and calls give the same times and faults, whatever the
// order in which goroutines run.
//
//	State    what outlives a daemon: guests, as if they were processes
//	Driver   what dies with it: watchers, options; New(opts) over the same State adopts
package sim
