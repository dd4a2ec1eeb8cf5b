package neutron

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

func (a *api) qosPolicies() resource[cloud.QoSPolicy, cloud.QoSPolicyID] {
	tags := func(p *cloud.QoSPolicy) []string { return p.Tags }
	return resource[cloud.QoSPolicy, cloud.QoSPolicyID]{one: "policy", many: "policies", path: "/v2.0/qos/policies",
		filters: tagFilters(tags, common(filters[cloud.QoSPolicy]{"shared": byBool[cloud.QoSPolicy]("shared"),
			"is_default": byBool[cloud.QoSPolicy]("default")})),
		sort: namedSort(openstack.SortColumns{"shared": "shared", "is_default": "default"}),
		list: a.net.ListQoSPolicies, get: a.net.QoSPolicy, remove: a.net.DeleteQoSPolicy,
		id: func(p *cloud.QoSPolicy) cloud.QoSPolicyID { return p.ID }, show: a.showQoSPolicies, tags: tags,
		setTags: func(ctx context.Context, id cloud.QoSPolicyID, tags []string) error {
			_, err := a.net.UpdateQoSPolicy(ctx, id, network.QoSPolicyChange{Tags: &tags})
			return err
		}}
}

func (a *api) qosPolicyRoutes(s *openstack.Service) {
	r := a.qosPolicies()
	routes(a, s, r)
	s.Handle("POST "+r.path, creates(a, r, a.createQoSPolicy))
	s.Handle("PUT "+r.path+"/{id}", updates(a, r, a.updateQoSPolicy))
	for _, k := range qosRuleKinds {
		a.qosRuleRoutes(s, k)
	}
	s.Handle("GET /v2.0/qos/rule-types", a.listRuleTypes)
	s.Handle("GET /v2.0/qos/rule-types/{type}", a.showRuleType)
}

func (a *api) showQoSPolicies(ctx context.Context, policies []*cloud.QoSPolicy) ([]object, error) {
	with, err := a.net.SharedWithCaller(ctx, cloud.ShareQoSPolicy, cloud.UseShared)
	shown := make([]object, len(policies))
	for i, p := range policies {
		rules := []object{}
		for _, r := range p.Rules {
			k := qosRuleKindOf(r.Kind)
			rules = append(rules, k.show(r).with(object{"type": k.kind, "qos_policy_id": p.ID}))
		}
		shown[i] = object{"id": p.ID, "name": p.Name, "description": p.Description, "tenant_id": p.ProjectID, "project_id": p.ProjectID,
			"shared": p.Shared || with[string(p.ID)], "is_default": p.Default, "rules": rules, "tags": tagsShown(p.Tags)}.with(stamps(&p.Meta, p.Revisions))
	}
	return shown, err
}

// qosPolicyIn is a policy in a request.
type qosPolicyIn struct {
	owner
	tagsIn
	Name        text    `json:"name"`
	Description text    `json:"description"`
	Shared      boolean `json:"shared"`
	Default     boolean `json:"is_default"`
}

func (a *api) createQoSPolicy(ctx context.Context, in qosPolicyIn) (*cloud.QoSPolicy, error) {
	return a.net.CreateQoSPolicy(ctx, network.QoSPolicyRequest{ProjectID: in.project(), Name: in.Name.Value, Description: in.Description.Value,
		Shared: bool(in.Shared.Value), Default: bool(in.Default.Value)})
}

func (a *api) updateQoSPolicy(ctx context.Context, id cloud.QoSPolicyID, in qosPolicyIn) (*cloud.QoSPolicy, error) {
	return a.net.UpdateQoSPolicy(ctx, id, network.QoSPolicyChange{Name: textPtr(in.Name), Description: textPtr(in.Description),
		Shared: boolPtr(in.Shared), Default: boolPtr(in.Default)})
}
