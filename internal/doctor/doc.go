// Package doctor looks at a host and says what keeps guests from running well on it, and what to do.
//
//	Gather  --> Facts --> Judge --> Report      look (root, some seconds) | decide (pure) | show
//
// It finds things out by doing them (a guest is booted under KVM, a bridge is made in a
// throw-away namespace), because what is there and what works differ. It changes nothing and needs no
// running cloud. Called by cmd/nubo.
package doctor
