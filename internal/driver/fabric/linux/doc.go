// Package linux makes networks on one host out of what its kernel has: network
// namespaces, bridges, taps, veth pairs, nftables and connection tracking. It is
// the agent.Fabric of a Nubo that stands on a single machine.
//
//	                    host's namespace
//	    default route --- masquerade --- nbu… 172.24.4.1/24
//	                                      | veth
//	+- nubo-S-net-PUBLIC -----------------|---+
//	|                                  uplink |      external network
//	|                       br ------+-----   |
//	+--------------------------------|--------+
//	                                 | veth
//	+- nubo-S-rtr-ROUTER ----------- gateway -+
//	|  addresses, routes, SNAT, floating IPs  |      router
//	+--------------------------- interface ---+
//	                                 | veth
//	+- nubo-S-net-NETWORK -----------|--------+
//	|  DHCP, RA, DNS,       br ------+        |      network
//	|  metadata on br        +--tap…  tap…    |
//	+----------------------------|------|-----+
//	                           guest  guest         QEMU opens the tap by name
//
// A VPN is a namespace like a router's, with a link to one and a foot outside, in which a daemon of strongSwan's keeps the
// tunnels (package charon). Nothing passes it in clear: see vpnTables.
//
// Every network has a namespace, so equal prefixes never meet. An external network is
// a network like any other, joined to the host by one veth pair (or to a bridge of
// the host); so ports, filters and services work on it in the same way and nothing is bridged on
// the host itself. S tells several Nubos on one host apart.
//
// What is wanted is kept as documents in the state directory before the kernel is
// touched, and forgotten after the kernel has been cleared; whatever moment a process is
// killed at, the next Ensure or Remove finishes the work. Namespaces, links and
// tables carry names and marks made of ids; what carries none is not ours and left alone.
//
// Filters: see view.tables. Connection tracking in a bridge comes from br_netfilter
// (or nf_conntrack_bridge); both put what they know into the packet mark, where the bridge
// rules read it, because the rules that know ports cannot ask connection tracking on every kernel.
//
// A router may be a routing domain, with tables of routes and filters: see domain.
//
// It does not choose addresses, knows no project, and starts no guest.
package linux
