package neutron

import (
	"context"
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

// ownGroup is how a default rule names the group that it will be a rule of.
const ownGroup = "PARENT"

func (a *api) defaultRules() resource[cloud.RuleTemplate, cloud.RuleTemplateID] {
	type rule = cloud.RuleTemplate
	return resource[rule, cloud.RuleTemplateID]{one: "default_security_group_rule", many: "default_security_group_rules", path: "/v2.0/default-security-group-rules",
		filters: filters[rule]{"id": byText[rule]("id"), "description": byText[rule]("description"), "direction": byText[rule]("direction"),
			"ethertype": byShown(func(t *rule) string { return etherType(t.IPv6) }), "protocol": byText[rule]("protocol"),
			"port_range_min": byInt[rule]("port_min"), "port_range_max": byInt[rule]("port_max"), "remote_ip_prefix": byText[rule]("remote_prefix"),
			"remote_group_id": byShown(templateRemote), "remote_address_group_id": byText[rule]("remote_addresses"),
			"used_in_default_sg": byBool[rule]("for_default"), "used_in_non_default_sg": byBool[rule]("for_others")},
		sort: openstack.SortColumns{"id": "id", "description": "description", "direction": "direction", "ethertype": "ipv6", "protocol": "protocol",
			"port_range_min": "port_min", "port_range_max": "port_max", "remote_ip_prefix": "remote_prefix", "remote_group_id": "remote_group",
			"remote_address_group_id": "remote_addresses", "used_in_default_sg": "for_default", "used_in_non_default_sg": "for_others"},
		list: a.net.ListRuleTemplates, get: a.net.RuleTemplate, remove: a.net.DeleteRuleTemplate,
		id: func(t *rule) cloud.RuleTemplateID { return t.ID }, show: showDefaultRules}
}

func (a *api) defaultRuleRoutes(s *openstack.Service) {
	r := a.defaultRules()
	s.Handle("GET "+r.path, func(w http.ResponseWriter, q *http.Request) error {
		if err := a.net.EnsureRuleTemplates(q.Context()); err != nil {
			return err
		}
		return listAll(a, w, q, r)
	})
	oneRoutes(a, s, r)
	s.Handle("POST "+r.path, creates(a, r, a.createDefaultRule))
}

func templateRemote(t *cloud.RuleTemplate) string {
	if t.RemoteGroup == cloud.OwnGroup {
		return ownGroup
	}
	return string(t.RemoteGroup)
}

func showDefaultRules(_ context.Context, templates []*cloud.RuleTemplate) ([]object, error) {
	shown := make([]object, len(templates))
	for i, t := range templates {
		shown[i] = object{"id": t.ID, "description": t.Description, "direction": t.Direction, "ethertype": etherType(t.IPv6), "protocol": orNull(t.Protocol),
			"port_range_min": orNoNumber(t.PortMin), "port_range_max": orNoNumber(t.PortMax), "remote_ip_prefix": showPrefix(t.RemotePrefix),
			"remote_group_id": orNull(templateRemote(t)), "remote_address_group_id": orNull(t.RemoteAddresses),
			"used_in_default_sg": t.ForDefault, "used_in_non_default_sg": t.ForOthers}
	}
	return shown, nil
}

// defaultRuleIn is a default rule in a request.
type defaultRuleIn struct {
	matchIn
	ForDefault boolean `json:"used_in_default_sg"`
	ForOthers  boolean `json:"used_in_non_default_sg"`
}

func (a *api) createDefaultRule(ctx context.Context, in defaultRuleIn) (*cloud.RuleTemplate, error) {
	rule, err := in.request()
	if err != nil {
		return nil, err
	}
	if rule.RemoteGroup == ownGroup {
		rule.RemoteGroup = cloud.OwnGroup
	}
	others := boolPtr(in.ForOthers)
	return a.net.CreateRuleTemplate(ctx, network.RuleTemplateRequest{Rule: rule, ForDefault: bool(in.ForDefault.Value), ForOthers: others == nil || *others})
}
