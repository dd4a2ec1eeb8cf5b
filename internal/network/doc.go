// Package network is the use cases on networks, subnets, ports, routers, floating
// IPs and security groups, and on routing domains with all that is in them: what a project may ask for, decided whole inside the
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
// A routing domain (domains.go) is a router that owns an address plan. Its subnets (domain_subnets.go) are networks of their own,
// and whoever changes anything in it holds the router's lock. Tables of routes, gateways, filters and peerings are documents
// beside it; what their routes lead to is found when the router is planned (load_domain.go, plan_domain.go).
//
// It is not the data plane: bridges, nftables and DHCP are the agent's drivers'.
// It does not know guests: package compute calls CreateInstancePorts, PlugInstance and
// their like (instance_ports.go, plug.go). Dialects call the rest.
package network
