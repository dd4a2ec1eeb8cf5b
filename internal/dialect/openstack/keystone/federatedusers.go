package keystone

import (
	"net/http"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// federatedBody is what one provider calls a user, by each of its protocols.
type federatedBody struct {
	ProviderID string `json:"idp_id"`
	Protocols  []struct {
		ProtocolID string `json:"protocol_id"`
		UniqueID   string `json:"unique_id"`
	} `json:"protocols"`
}

func federatedIDs(bodies []federatedBody) (ids []cloud.FederatedID) {
	for _, b := range bodies {
		for _, p := range b.Protocols {
			ids = append(ids, cloud.FederatedID{ProviderID: cloud.IdentityProviderID(b.ProviderID), Protocol: p.ProtocolID, UniqueID: p.UniqueID})
		}
	}
	return ids
}

func federatedObjects(ids []cloud.FederatedID) (list []object) {
	var providers []cloud.IdentityProviderID
	by := map[cloud.IdentityProviderID][]object{}
	for _, f := range ids {
		if !slices.Contains(providers, f.ProviderID) {
			providers = append(providers, f.ProviderID)
		}
		by[f.ProviderID] = append(by[f.ProviderID], object{"protocol_id": f.Protocol, "unique_id": f.UniqueID})
	}
	for _, p := range providers {
		list = append(list, object{"idp_id": p, "protocols": by[p]})
	}
	return list
}

// knownAs is what a list of users is asked to be known as by a provider.
func knownAs(r *http.Request) cloud.FederatedID {
	q := r.URL.Query()
	return cloud.FederatedID{ProviderID: cloud.IdentityProviderID(q.Get("idp_id")), Protocol: q.Get("protocol_id"), UniqueID: q.Get("unique_id")}
}
