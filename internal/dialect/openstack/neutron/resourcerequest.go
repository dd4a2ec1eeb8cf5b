package neutron

import (
	"github.com/nubo-cloud/nubo/internal/cloud"
)

// resourceRequest is what a port asks of the host of its instance, a group for each kind; nil for nothing.
func resourceRequest(promises []cloud.Promise) any {
	groups := map[string]object{}
	var ids []string
	for _, p := range promises {
		id := requestID(p)
		if groups[id] == nil {
			groups[id] = object{"id": id, "required": requiredTraits(p), "resources": object{}}
			ids = append(ids, id)
		}
		groups[id]["resources"].(object)[p.Class()] = p.Rate
	}
	if ids == nil {
		return nil
	}
	list := make([]object, len(ids))
	for i, id := range ids {
		list[i] = groups[id]
	}
	return object{"request_groups": list, "same_subtree": ids}
}

// requestID names a group of a port's request, the same each time.
func requestID(p cloud.Promise) string { return cloud.DerivedID(string(p.PortID), string(p.Kind)) }

func requiredTraits(p cloud.Promise) []string {
	if p.Physical == "" {
		return []string{cloud.TraitNormalNIC}
	}
	return []string{cloud.PhysicalTrait(p.Physical), cloud.TraitNormalNIC}
}

// allocations say which parts of a host serve the groups of a port's request.
func allocations(h cloud.HostID, promises []cloud.Promise) map[string]cloud.ProviderID {
	by := map[string]cloud.ProviderID{}
	for _, p := range promises {
		by[requestID(p)] = p.Provider(h)
	}
	return by
}
