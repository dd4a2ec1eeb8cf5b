// Package sim is a block driver without disks: a Pool in memory that keeps the
// whole contract of agent.Block, bytes included, takes simulated time and fails by
// seed. It is how a whole cloud is tested and measured, and what `serve --simulate` runs on.
//
// One Pool may serve any number of simulated hosts (then say Shared). It holds
// the state, not a daemon: handed to the next daemon it is what a restart finds.
//
// Guests of the simulated hypervisor do not write. Tests do, through WriteAt. A snapshot of a running
// guest (PrepareSnapshot, CommitSnapshot) holds the volume as it is at commit, unless its target was written.
//
// Called by daemon and tests.
package sim
