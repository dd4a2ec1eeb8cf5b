// Package cloudtest runs whole clouds for tests: `nubo serve` as a process inside a network
// namespace that stands for a host, the unmodified openstack client, a Go SDK and SSH beside it, and an
// account of everything that is left on the host.
//
// It drives processes and looks at the kernel; it knows nothing of the product's inner life. The
// packages under test/ are its only callers. Everything needs root and the environment that
// Need names; `make test` sets it.
package cloudtest
