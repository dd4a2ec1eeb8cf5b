// Package testcloud is a whole cloud in one test process: a store, the real services wired
// as package daemon wires them, and simulated hosts. Store and hosts outlive the daemon on
// them, which can be killed at any point and started again.
//
//	Cloud (store, hosts)  --Start-->  life 1 (daemon, drivers)  --Kill, or a strike-->  dead
//	                      --Start-->  life 2 ...
//
// What a dead life still does reaches neither store nor hosts: its contexts are
// marked, its drivers refuse. Drivers also fail by seed, before the work or after it.
//
// It is no part of the product. Tests of any package call it; it decides nothing itself.
package testcloud
