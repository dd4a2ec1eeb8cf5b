// Package spec holds the nouns below the control plane: what a host is asked to
// run and what it says it runs. A guest is one QEMU process, a volume is bytes
// on a pool, a network is a bridge with its helpers.
//
// It knows no project, flavor, user or quota: those are nouns of package cloud,
// and the use-case packages turn one into the other (compute/guest.go,
// network/plan.go). The drivers, the agent and agentapi speak only this package.
//
// Every wanted object is a whole document with a Generation: a host that already
// holds a newer generation ignores an older one, so documents may arrive twice or
// in any order. Every wanted object can be computed again from the store, so
// a host needs to remember nothing but what it is running.
//
//	control plane --- Guest, Volume, Network, Port, Router, ... ---> agent
//	control plane <-- GuestStatus, Inventory, Event --------------- agent
//
// It imports the standard library only.
package spec
