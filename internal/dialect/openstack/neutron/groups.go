package neutron

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

func (a *api) groups() resource[cloud.SecurityGroup, cloud.SecurityGroupID] {
	tags := func(g *cloud.SecurityGroup) []string { return g.Tags }
	return resource[cloud.SecurityGroup, cloud.SecurityGroupID]{one: "security_group", many: "security_groups", path: "/v2.0/security-groups",
		filters: tagFilters(tags, common(filters[cloud.SecurityGroup]{"shared": byBool[cloud.SecurityGroup]("shared"), "stateful": statefulFilter})),
		sort:    namedSort(nil),
		list:    a.net.ListSecurityGroups, get: a.net.SecurityGroup, remove: a.net.DeleteSecurityGroup,
		id: func(g *cloud.SecurityGroup) cloud.SecurityGroupID { return g.ID }, show: a.showGroups, tags: tags,
		setTags: func(ctx context.Context, id cloud.SecurityGroupID, tags []string) error {
			_, err := a.net.UpdateSecurityGroup(ctx, id, network.GroupChange{Tags: &tags})
			return err
		}}
}

// statefulFilter asks for the opposite of what is stored.
func statefulFilter(values []string) ([][]cloud.Cond, func(*cloud.SecurityGroup) bool, error) {
	return byShown(func(g *cloud.SecurityGroup) string { return strconv.FormatBool(!g.Stateless) })(lower(values))
}

func lower(values []string) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = strings.ToLower(v)
	}
	return out
}

func (a *api) groupRoutes(s *openstack.Service) {
	r := a.groups()
	s.Handle("GET "+r.path, func(w http.ResponseWriter, q *http.Request) error {
		// Every project has a default group as soon as somebody looks.
		if err := a.net.EnsureDefaultGroup(q.Context()); err != nil {
			return err
		}
		return listAll(a, w, q, r)
	})
	oneRoutes(a, s, r)
	s.Handle("POST "+r.path, creates(a, r, a.createGroup))
	s.Handle("PUT "+r.path+"/{id}", updates(a, r, a.updateGroup))
}

func (a *api) showGroups(ctx context.Context, groups []*cloud.SecurityGroup) ([]object, error) {
	rules, err := a.net.RulesByGroup(ctx, groups)
	if err != nil {
		return nil, err
	}
	with, err := a.net.SharedWithCaller(ctx, cloud.ShareSecurityGroup, cloud.UseShared)
	if err != nil {
		return nil, err
	}
	shown := make([]object, len(groups))
	for i, g := range groups {
		inside := []object{}
		for _, r := range rules[g.ID] {
			inside = append(inside, showRule(r, g.Default))
		}
		shown[i] = object{"id": g.ID, "name": g.Name, "description": g.Description, "tenant_id": g.ProjectID, "project_id": g.ProjectID,
			"security_group_rules": inside, "stateful": !g.Stateless, "shared": g.Shared || with[string(g.ID)], "tags": tagsShown(g.Tags)}.with(stamps(&g.Meta, g.Revisions))
	}
	return shown, nil
}

type groupIn struct {
	owner
	tagsIn
	Name        text    `json:"name"`
	Description text    `json:"description"`
	Stateful    boolean `json:"stateful"`
}

// stateless is the attribute as we call it; nil: not said.
func (in groupIn) stateless() *bool {
	if !in.Stateful.Set || in.Stateful.Null {
		return nil
	}
	stateless := !bool(in.Stateful.Value)
	return &stateless
}

func (a *api) createGroup(ctx context.Context, in groupIn) (*cloud.SecurityGroup, error) {
	stateless := in.stateless()
	return a.net.CreateSecurityGroup(ctx, network.GroupRequest{ProjectID: in.project(), Name: in.Name.Value, Description: in.Description.Value,
		Stateless: stateless != nil && *stateless})
}

func (a *api) updateGroup(ctx context.Context, id cloud.SecurityGroupID, in groupIn) (*cloud.SecurityGroup, error) {
	return a.net.UpdateSecurityGroup(ctx, id, network.GroupChange{Name: textPtr(in.Name), Description: textPtr(in.Description), Stateless: in.stateless()})
}

func (a *api) rules() resource[cloud.SecurityGroupRule, cloud.RuleID] {
	type rule = cloud.SecurityGroupRule
	return resource[rule, cloud.RuleID]{one: "security_group_rule", many: "security_group_rules", path: "/v2.0/security-group-rules",
		filters: common(filters[rule]{"name": nil, "security_group_id": byText[rule]("group_id"), "direction": byText[rule]("direction"),
			"ethertype": byShown(func(r *rule) string { return etherType(r.IPv6) }), "protocol": byText[rule]("protocol"), "port_range_min": byInt[rule]("port_min"),
			"port_range_max": byInt[rule]("port_max"), "remote_ip_prefix": byText[rule]("remote_prefix"),
			"remote_group_id": byText[rule]("remote_group"), "remote_address_group_id": byText[rule]("remote_addresses")}),
		sort: openstack.SortColumns{"id": "id", "project_id": "project_id", "tenant_id": "project_id", "created_at": "created_at",
			"updated_at": "updated_at", "security_group_id": "group_id", "direction": "direction", "ethertype": "ipv6", "protocol": "protocol",
			"port_range_min": "port_min", "port_range_max": "port_max", "remote_ip_prefix": "remote_prefix", "remote_group_id": "remote_group"},
		list: a.net.ListRules, get: a.net.Rule, remove: a.net.DeleteRule,
		id: func(r *rule) cloud.RuleID { return r.ID }, show: a.showRules}
}

func (a *api) ruleRoutes(s *openstack.Service) {
	r := a.rules()
	routes(a, s, r)
	s.Handle("POST "+r.path, creates(a, r, a.createRule))
}

func (a *api) showRules(ctx context.Context, rules []*cloud.SecurityGroupRule) ([]object, error) {
	groups, err := a.net.GroupsOf(ctx, rules)
	if err != nil {
		return nil, err
	}
	shown := make([]object, len(rules))
	for i, r := range rules {
		g := groups[r.GroupID]
		shown[i] = showRule(r, g != nil && g.Default)
	}
	return shown, nil
}

func showRule(r *cloud.SecurityGroupRule, ofDefault bool) object {
	o := object{"id": r.ID, "security_group_id": r.GroupID, "description": r.Description, "tenant_id": r.ProjectID, "project_id": r.ProjectID,
		"direction": r.Direction, "ethertype": etherType(r.IPv6), "protocol": orNull(r.Protocol), "port_range_min": orNoNumber(r.PortMin), "port_range_max": orNoNumber(r.PortMax),
		"remote_ip_prefix": showPrefix(r.RemotePrefix), "normalized_cidr": showPrefix(r.RemotePrefix.Masked()), "remote_group_id": orNull(r.RemoteGroup),
		"remote_address_group_id": orNull(r.RemoteAddresses), "belongs_to_default_sg": ofDefault}
	return o.with(stamps(&r.Meta, r.Revisions))
}

// ruleIn is a rule in a request.
type ruleIn struct {
	owner
	matchIn
	GroupID cloud.SecurityGroupID `json:"security_group_id"`
}

// matchIn is what a rule allows.
type matchIn struct {
	Description text                          `json:"description"`
	Direction   string                        `json:"direction"`
	EtherType   text                          `json:"ethertype"`
	Protocol    openstack.Optional[looseText] `json:"protocol"`
	PortMin     integer                       `json:"port_range_min"`
	PortMax     integer                       `json:"port_range_max"`
	Prefix      text                          `json:"remote_ip_prefix"`
	RemoteGroup text                          `json:"remote_group_id"`
	AddressSet  text                          `json:"remote_address_group_id"`
}

// looseText is text, also written as a number.
type looseText string

func (t *looseText) UnmarshalJSON(raw []byte) error {
	if s, err := strconv.Unquote(string(raw)); err == nil {
		*t = looseText(s)
		return nil
	}
	*t = looseText(raw)
	return nil
}

func (a *api) createRule(ctx context.Context, in ruleIn) (*cloud.SecurityGroupRule, error) {
	r, err := in.request()
	if err != nil {
		return nil, err
	}
	r.GroupID = in.GroupID
	return a.net.CreateRule(ctx, r)
}

// isZero: port 0, which rules may name elsewhere, may not be named in this API.
func isZero(port *int) bool { return port != nil && *port == 0 }

func (in matchIn) request() (network.RuleRequest, error) {
	r := network.RuleRequest{Description: in.Description.Value, Direction: in.Direction, Protocol: string(in.Protocol.Value),
		PortMin: intPtr(in.PortMin), PortMax: intPtr(in.PortMax), RemoteGroup: cloud.SecurityGroupID(in.RemoteGroup.Value), RemoteAddresses: cloud.AddressGroupID(in.AddressSet.Value)}
	if network.HasPorts(r.Protocol) && (isZero(r.PortMin) || isZero(r.PortMax)) {
		return r, cloud.Invalidf("security group rule", "port value", "Invalid value for port 0")
	}
	switch in.EtherType.Value {
	case "", "IPv4":
	case "IPv6":
		r.IPv6 = true
	default:
		return r, cloud.Invalidf("request", "body", "Invalid input for ethertype. Reason: '%s' is not in [None, 'IPv4', 'IPv6'].", in.EtherType.Value)
	}
	if in.Prefix.Value != "" {
		prefix, err := parsePrefix("remote_ip_prefix", in.Prefix.Value)
		if err != nil {
			return r, err
		}
		r.RemotePrefix = prefix
	}
	return r, nil
}
