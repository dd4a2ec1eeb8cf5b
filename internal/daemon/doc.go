// Package daemon is the only place that knows everything: it builds the store,
// the services, the hosts with their drivers, the dialects and the listener of one
// `nubo serve`, in that order, and ends them in the other.
//
//	New: store -> services -> hosts -> handlers      Run: listen, work, wait for the end
//
// It decides nothing: what it does is one line per part. Only package cmd/nubo
// and package testcloud call it.
package daemon
