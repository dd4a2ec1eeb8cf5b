// Package neutron is the OpenStack Network API v2.0 over package network.
//
// It serves networks, subnets, subnet pools, address scopes, ports, routers, floating IPs,
// security groups and their rules, address groups, trunks, QoS and RBAC policies, tags, quotas, availability of
// addresses, metering, flavors of routers, VPNs, segments and their ranges, availability zones, agents and what they do their work for, and auto-allocated
// topologies. What the list of extensions (extensions.go) names works; what it does not name is not
// there: onboarding of subnets, highly available routers and load balancers among others.
// Networks on a physical network reach the NIC that the configuration names for it, if any;
// segments that a network has besides the first carry nothing. Minimum packet rates are counted in both
// directions together ("any"); no host has room for one in a single direction.
// A project cannot lead others out through a network of its own: external networks stand on the hosts' own links, so access_as_external
// is for administrators.
// Address scopes keep the prefixes of their pools apart; routers do not treat traffic between scopes in another way.
//
// A resource is data (resource.go): its filters, its sort keys and how a row is shown. The files of
// the nouns hold that and the shape of their request bodies. Handlers decide nothing.
//
// Reference: https://docs.openstack.org/api-ref/network/v2/
package neutron
