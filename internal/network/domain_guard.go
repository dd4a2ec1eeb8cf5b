package network

import "github.com/nubo-cloud/nubo/internal/cloud"

// A domain's router, networks, subnets and interfaces are nouns like others and are shown as such, but they come and go together:
// what would leave half of one is refused to those who see its parts only.

// refuseDomain refuses a change of an ordinary router to one that is a routing domain.
func refuseDomain(r *cloud.Router, cannot string) error {
	if r.Domain == nil {
		return nil
	}
	return cloud.Errorf(cloud.Conflict, "routing domain", r.ID, "Router %s is a routing domain and cannot %s.", r.ID, cannot)
}

// domainPart is what makes a subnet one of a routing domain.
type domainPart struct {
	router                cloud.RouterID
	zone                  string
	autoPublic, byDefault bool
	labels                map[string]string
	beside                cloud.SubnetID
}

// refusePart refuses a subnet on a domain's network that is not the domain's.
func refusePart(n *cloud.Network, d domainPart) error {
	if n.RouterID == d.router { // of both or of none
		return nil
	}
	return cloud.Errorf(cloud.Conflict, "routing domain", n.RouterID, "Network %s is a part of routing domain %s, which makes its subnets with their networks.", n.ID, n.RouterID)
}
