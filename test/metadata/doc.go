// Package metadata has readers of metadata that others wrote crawl the real service, as a guest's first boot does.
//
//	network namespace:  169.254.169.254:80 = internal/metadata  <──  Debian's cloud-init, its EC2 source, unmodified
//
// Only what the machine's firmware says is made up: this machine is no guest.
package metadata
