// Package charon runs strongSwan's key exchange daemon in a network namespace of
// ours, and tells it over its own socket (VICI) which tunnels there should be.
//
//	Daemon.Start --> charon, detached: it and its tunnels outlive this process
//	Daemon.Apply --> which connections it has, by name; loads and unloads the difference
//	Daemon.Watch <-- which tunnels stand
//
// charon has its paths compiled in (/run, /etc/strongswan.conf), and AppArmor knows
// it by them. So each daemon lives in a mount namespace in which these are its own, and nothing of the
// host's strongSwan is touched.
//
// A connection's name ends in a digest of all that was said of it. What the daemon
// lists is thus enough to see what has to change, whichever process loaded it, and a tunnel that stays as
// it is is not touched.
//
// ESP is the kernel's work. Where the kernel has none, charon does it itself over a
// TUN device (its plugin kernel-libipsec): slower, tunnels only, and always inside UDP.
//
// It makes no links, routes or rules: package linux does.
package charon
