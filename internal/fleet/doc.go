// Package fleet knows which hosts there are and how to reach their agents. It
// keeps the host rows true (size, up or down), passes events on, and has each host compared
// with the store again and again.
//
// It decides nothing about guests or networks: the use-case packages listen (OnUp,
// OnGuest, OnInventory) and act.
//
//	agent --events--> fleet --OnGuest----> compute
//	                        --OnUp-------> compute, network (send everything)
//	                        --OnInventory> compute, network, volume (collect orphans)
package fleet
