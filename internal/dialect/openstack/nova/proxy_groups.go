package nova

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

func groupID(r *http.Request) cloud.SecurityGroupID {
	return cloud.SecurityGroupID(r.PathValue("id"))
}

// securityGroupViews shows groups with what they let in: Compute never knew of the other direction.
func (a *api) securityGroupViews(r *http.Request, groups []*cloud.SecurityGroup) ([]any, error) {
	byGroup, err := a.Networks.RulesByGroup(r.Context(), groups)
	if err != nil {
		return nil, err
	}
	out := make([]any, len(groups))
	for i, g := range groups {
		rules, err := a.ruleViews(r, byGroup[g.ID])
		if err != nil {
			return nil, err
		}
		out[i] = map[string]any{"id": g.ID, "name": g.Name, "description": g.Description, "tenant_id": g.ProjectID, "rules": rules}
	}
	return out, nil
}

func (a *api) ruleViews(r *http.Request, rules []*cloud.SecurityGroupRule) ([]any, error) {
	remote, err := a.Networks.RemoteGroups(r.Context(), rules)
	if err != nil {
		return nil, err
	}
	out := []any{}
	for _, rule := range rules {
		if rule.Direction == "ingress" {
			out = append(out, ruleView(rule, remote[rule.RemoteGroup]))
		}
	}
	return out, nil
}

// ruleView shows one rule; from is the group it lets in, nil for a range.
func ruleView(rule *cloud.SecurityGroupRule, from *cloud.SecurityGroup) map[string]any {
	m := map[string]any{"id": rule.ID, "parent_group_id": rule.GroupID, "ip_protocol": orNull(rule.Protocol),
		"from_port": rule.PortMin, "to_port": rule.PortMax, "group": map[string]any{}, "ip_range": map[string]any{}}
	if rule.Protocol != "" && rule.PortMin == nil && rule.PortMax == nil {
		m["from_port"], m["to_port"] = -1, -1
		if rule.Protocol == "tcp" || rule.Protocol == "udp" {
			m["from_port"], m["to_port"] = 1, 65535
		}
	}
	if from != nil {
		m["group"] = map[string]any{"name": from.Name, "tenant_id": from.ProjectID}
		return m
	}
	cidr := "0.0.0.0/0"
	if rule.IPv6 {
		cidr = "::/0"
	}
	if rule.RemotePrefix.IsValid() {
		cidr = rule.RemotePrefix.String()
	}
	m["ip_range"] = map[string]any{"cidr": cidr}
	return m
}

func (a *api) writeSecurityGroup(w http.ResponseWriter, r *http.Request, g *cloud.SecurityGroup) error {
	views, err := a.securityGroupViews(r, []*cloud.SecurityGroup{g})
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"security_group": views[0]})
}

func (a *api) listSecurityGroups(w http.ResponseWriter, r *http.Request) error {
	if err := a.Networks.EnsureDefaultGroup(r.Context()); err != nil {
		return err
	}
	own := cloud.PrincipalOf(r.Context()).ProjectID
	groups, err := a.Networks.ListSecurityGroups(r.Context(), cloud.Query{Order: []cloud.Order{{Column: "name"}}}, func(g *cloud.SecurityGroup) bool {
		return g.ProjectID == own || r.URL.Query().Has("all_tenants")
	})
	if err != nil {
		return err
	}
	views, err := a.securityGroupViews(r, groups)
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"security_groups": views})
}

func (a *api) showSecurityGroup(w http.ResponseWriter, r *http.Request) error {
	g, err := a.Networks.SecurityGroup(r.Context(), groupID(r))
	if err != nil {
		return err
	}
	return a.writeSecurityGroup(w, r, g)
}

// readGroup reads a group's words, both of which Compute wanted.
func readGroup(r *http.Request) (name, description string, err error) {
	var body struct {
		Group *struct {
			Name        *string `json:"name"`
			Description *string `json:"description"`
		} `json:"security_group"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return "", "", err
	}
	if body.Group == nil {
		return "", "", cloud.Invalidf("request", "security_group", "The request body must have a security_group.")
	}
	name, description = deref(body.Group.Name), deref(body.Group.Description)
	if strings.TrimSpace(name) == "" || len(name) > 255 || body.Group.Description == nil || len(description) > 255 {
		return "", "", cloud.Invalidf("request", "name", "Security group name and description must be strings of at most 255 characters, and the name not empty.")
	}
	return name, description, nil
}

func (a *api) createSecurityGroup(w http.ResponseWriter, r *http.Request) error {
	name, description, err := readGroup(r)
	if err != nil {
		return err
	}
	g, err := a.Networks.CreateSecurityGroup(r.Context(), network.GroupRequest{Name: name, Description: description})
	if err != nil {
		return refused(err)
	}
	return a.writeSecurityGroup(w, r, g)
}

func (a *api) updateSecurityGroup(w http.ResponseWriter, r *http.Request) error {
	name, description, err := readGroup(r)
	if err != nil {
		return err
	}
	g, err := a.Networks.UpdateSecurityGroup(r.Context(), groupID(r), network.GroupChange{Name: &name, Description: &description})
	if err != nil {
		return refused(err)
	}
	return a.writeSecurityGroup(w, r, g)
}

func (a *api) deleteSecurityGroup(w http.ResponseWriter, r *http.Request) error {
	return accept(w, refused(a.Networks.DeleteSecurityGroup(r.Context(), groupID(r))))
}

type ruleBody struct {
	Parent   cloud.SecurityGroupID `json:"parent_group_id"`
	Group    cloud.SecurityGroupID `json:"group_id"`
	Protocol *string               `json:"ip_protocol"`
	From     *looseInt             `json:"from_port"`
	To       *looseInt             `json:"to_port"`
	CIDR     *string               `json:"cidr"`
}

func (a *api) createSecurityRule(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Rule *ruleBody `json:"security_group_rule"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	if body.Rule == nil {
		return cloud.Invalidf("request", "security_group_rule", "The request body must have a security_group_rule.")
	}
	req, err := body.Rule.request()
	if err != nil {
		return err
	}
	if !uuid.MatchString(string(body.Rule.Parent)) {
		return cloud.Invalidf("request", "parent_group_id", "Parent group id is not a uuid.")
	}
	rule, err := a.Networks.CreateRule(r.Context(), req)
	if err != nil {
		return refused(err)
	}
	remote, err := a.Networks.RemoteGroups(r.Context(), []*cloud.SecurityGroupRule{rule})
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"security_group_rule": ruleView(rule, remote[rule.RemoteGroup])})
}

// request makes an ingress rule; -1 stands for any port or ICMP type.
func (b ruleBody) request() (network.RuleRequest, error) {
	req := network.RuleRequest{GroupID: b.Parent, Direction: "ingress", Protocol: deref(b.Protocol), RemoteGroup: b.Group}
	if b.Group == "" {
		if b.Protocol == nil || b.From == nil || b.To == nil {
			return req, cloud.Invalidf("request", "ip_protocol", "Not enough parameters to build a valid rule.")
		}
		cidr := deref(b.CIDR)
		if cidr == "" {
			cidr = "0.0.0.0/0"
		}
		prefix, err := netip.ParsePrefix(cidr)
		if err != nil {
			return req, cloud.Invalidf("request", "cidr", "Invalid cidr %s.", cidr)
		}
		req.RemotePrefix, req.IPv6 = prefix, prefix.Addr().Is6()
	}
	for _, end := range []struct {
		from *looseInt
		to   **int
	}{{b.From, &req.PortMin}, {b.To, &req.PortMax}} {
		if end.from != nil && *end.from != -1 {
			n := int(*end.from)
			*end.to = &n
		}
	}
	return req, nil
}

func (a *api) deleteSecurityRule(w http.ResponseWriter, r *http.Request) error {
	return accept(w, a.Networks.DeleteRule(r.Context(), cloud.RuleID(r.PathValue("id"))))
}
