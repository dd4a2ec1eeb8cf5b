// Package placement speaks OpenStack Placement, microversions 1.0 to 1.39, about the providers and claims of package
// inventory: hosts are resource providers and instances are consumers, as placement decides about them; what an operator
// adds beside them is kept. Older microversions are converted at the edge: routes and parameters do not exist before their version.
//
// Differences: what hosts and instances have by themselves cannot be written (409), and the generation of a host counts
// what is written here, not what instances do. A consumer's generation starts at 1.
//
// Source: https://docs.openstack.org/api-ref/placement/ and its microversion history.
package placement
