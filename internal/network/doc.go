// Package network is the use cases on networks, subnets, ports, routers, floating
// IPs and security groups: what a project may ask for, decided whole inside the
// request's transaction (addresses, MACs, overlaps, quota, who still uses what).
// One file per noun and verb.
//
// Network changes need no Operation: they are made right by looking again. After
// commit a change nudges the reconciler, which turns the rows into documents of
// package spec (plan_*.go, pure functions) and hands them to the hosts concerned (reconcile.go, push.go, sync.go).
//
//	use case --rows--> store
//	    | after commit: nudge(kind, id)
//	    v
//	fan out: which hosts? --> nudge(host, kind, id) --> plan --> agentapi.Agent
//
// It is not the data plane: bridges, nftables and DHCP are the agent's drivers'.
// It does not know guests: package compute calls CreateInstancePorts, PlugInstance and
// their like (instance_ports.go, plug.go). Dialects call the rest.
package network
