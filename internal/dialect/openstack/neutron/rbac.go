package neutron

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

// shareNouns and shareUses are our words for what is shared and what for, as this API calls them.
var (
	shareNouns = map[string]cloud.ShareNoun{"network": cloud.ShareNetwork, "subnetpool": cloud.ShareSubnetPool,
		"address_scope": cloud.ShareAddressScope, "security_group": cloud.ShareSecurityGroup,
		"qos_policy": cloud.ShareQoSPolicy, "address_group": cloud.ShareAddressGroup}
	shareUses = map[string]cloud.ShareUse{"access_as_shared": cloud.UseShared, "access_as_external": cloud.UseExternal}
)

// spelled is the key of a value, the other way through a table of words.
func spelled[V comparable](words map[string]V, value V) string {
	for word, v := range words {
		if v == value {
			return word
		}
	}
	return ""
}

// byWord filters on a column that keeps our words for this API's.
func byWord[T any, V ~string](column string, words map[string]V) filter[T] {
	return func(values []string) ([][]cloud.Cond, func(*T) bool, error) {
		var ours []string
		for _, v := range values {
			if word, ok := words[v]; ok {
				ours = append(ours, string(word))
			}
		}
		return [][]cloud.Cond{{cloud.In(column, ours)}}, nil, nil
	}
}

func (a *api) shares() resource[cloud.Share, cloud.ShareID] {
	type share = cloud.Share
	return resource[share, cloud.ShareID]{one: "rbac_policy", many: "rbac_policies", path: "/v2.0/rbac-policies",
		filters: filters[share]{"id": byText[share]("id"), "project_id": byText[share]("project_id"), "tenant_id": byText[share]("project_id"),
			"object_id": byText[share]("noun_id"), "target_tenant": byText[share]("to"), "object_type": byWord[share]("noun", shareNouns),
			"action": byWord[share]("use", shareUses)},
		sort: openstack.SortColumns{"id": "id", "project_id": "project_id", "tenant_id": "project_id", "object_type": "noun", "object_id": "noun_id",
			"target_tenant": "to", "action": "use"},
		list: a.net.ListShares, get: a.net.Share, remove: a.net.DeleteShare,
		id: func(s *share) cloud.ShareID { return s.ID }, show: showShares}
}

func (a *api) shareRoutes(s *openstack.Service) {
	r := a.shares()
	routes(a, s, r)
	s.Handle("POST "+r.path, creates(a, r, a.createShare))
	s.Handle("PUT "+r.path+"/{id}", updates(a, r, a.updateShare))
}

func showShares(_ context.Context, shares []*cloud.Share) ([]object, error) {
	shown := make([]object, len(shares))
	for i, s := range shares {
		shown[i] = object{"id": s.ID, "tenant_id": s.ProjectID, "project_id": s.ProjectID, "object_type": spelled(shareNouns, s.Noun),
			"object_id": s.NounID, "action": spelled(shareUses, s.Use), "target_tenant": s.To}
	}
	return shown, nil
}

// shareIn is an RBAC policy in a request.
type shareIn struct {
	owner
	Type   text `json:"object_type"`
	ID     text `json:"object_id"`
	Action text `json:"action"`
	Target text `json:"target_tenant"`
}

func (a *api) createShare(ctx context.Context, in shareIn) (*cloud.Share, error) {
	noun, ok := shareNouns[in.Type.Value]
	if !ok {
		return nil, cloud.Invalidf("request", "body", "Invalid input for object_type. Reason: '%s' is not a type of object that RBAC policies are for.", in.Type.Value)
	}
	use, ok := shareUses[in.Action.Value]
	if !ok {
		return nil, cloud.Invalidf("share", "use", "Action %s is not valid for object type %s.", in.Action.Value, in.Type.Value)
	}
	return a.net.CreateShare(ctx, network.ShareRequest{ProjectID: in.project(), Noun: noun, NounID: in.ID.Value, Use: use, To: cloud.ProjectID(in.Target.Value)})
}

func (a *api) updateShare(ctx context.Context, id cloud.ShareID, in shareIn) (*cloud.Share, error) {
	if in.Type.Set || in.ID.Set || in.Action.Set {
		return nil, readOnly("object_type, object_id or action")
	}
	return a.net.UpdateShare(ctx, id, cloud.ProjectID(in.Target.Value))
}
