package neutron

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

// qosRuleKind is how one kind of rule is called here. Kinds differ in nothing else.
type qosRuleKind struct {
	of          cloud.QoSKind
	kind        string // "bandwidth_limit"; routes and keys are made of it
	rate, burst string // attributes; burst empty: the kind has none
	mark        bool   // it has a mark in place of rate and direction
	directions  []string
}

var bothWays = []string{"egress", "ingress"}

var qosRuleKinds = []qosRuleKind{
	{of: cloud.QoSBandwidthLimit, kind: "bandwidth_limit", rate: "max_kbps", burst: "max_burst_kbps", directions: bothWays},
	{of: cloud.QoSPacketLimit, kind: "packet_rate_limit", rate: "max_kpps", burst: "max_burst_kpps", directions: bothWays},
	{of: cloud.QoSMark, kind: "dscp_marking", mark: true},
	{of: cloud.QoSMinimumBandwidth, kind: "minimum_bandwidth", rate: "min_kbps", directions: bothWays},
	{of: cloud.QoSMinimumPackets, kind: "minimum_packet_rate", rate: "min_kpps", directions: append([]string{"any"}, bothWays...)},
}

func qosRuleKindOf(k cloud.QoSKind) qosRuleKind {
	i := slices.IndexFunc(qosRuleKinds, func(q qosRuleKind) bool { return q.of == k })
	return qosRuleKinds[i]
}

func (k qosRuleKind) show(r cloud.QoSRule) object {
	if k.mark {
		return object{"id": r.ID, "dscp_mark": r.Mark}
	}
	o := object{"id": r.ID, k.rate: r.Rate, "direction": r.Direction}
	if k.burst != "" {
		o[k.burst] = r.Burst
	}
	return o
}

// change reads a rule of the kind. The rate, or the mark, must be there when a rule is made.
func (k qosRuleKind) change(in map[string]any, creating bool) (c network.QoSRuleChange, err error) {
	required := k.rate
	if k.mark {
		required = "dscp_mark"
	}
	if _, ok := in[required]; !ok && creating {
		return c, notSpecified(required)
	}
	for name, value := range in {
		switch {
		case name == "tenant_id" || name == "project_id":
		case name == "direction" && !k.mark:
			c.Direction, err = wordOf(name, value)
		case name == "dscp_mark" && k.mark:
			c.Mark, err = numberOf(name, value)
		case name == k.rate && !k.mark:
			c.Rate, err = numberOf(name, value)
		case name == k.burst && k.burst != "":
			c.Burst, err = numberOf(name, value)
		default:
			err = cloud.Invalidf("request", "body", "Unrecognized attribute(s) '%s'", name)
		}
		if err != nil {
			return c, err
		}
	}
	return c, nil
}

func wordOf(name string, value any) (*string, error) {
	s, ok := value.(string)
	if !ok {
		return nil, cloud.Invalidf("request", "body", "Invalid input for %s. Reason: '%v' is not a string.", name, value)
	}
	return &s, nil
}

func numberOf(name string, value any) (*int, error) {
	var n looseInt
	text := fmt.Sprint(value)
	if f, ok := value.(float64); ok {
		text = strconv.FormatFloat(f, 'f', -1, 64)
	}
	if err := n.UnmarshalJSON([]byte(text)); err != nil {
		return nil, cloud.Invalidf("request", "body", "Invalid input for %s. Reason: '%v' is not an integer.", name, value)
	}
	i := int(n)
	return &i, nil
}

// qosRuleRoutes adds a kind's routes: below its policy, and those that name the rule alone.
func (a *api) qosRuleRoutes(s *openstack.Service, k qosRuleKind) {
	below := qosRulePath{policy: func(r *http.Request) (cloud.QoSPolicyID, error) { return cloud.QoSPolicyID(r.PathValue("policy")), nil }, key: k.kind + "_rule"}
	alone := qosRulePath{policy: func(r *http.Request) (cloud.QoSPolicyID, error) {
		return a.net.QoSPolicyOfRule(r.Context(), cloud.QoSRuleID(r.PathValue("id")))
	}, key: "alias_" + k.kind + "_rule"}
	path := "/v2.0/qos/policies/{policy}/" + k.kind + "_rules"
	s.Handle("GET "+path, a.listQoSRules(k))
	s.Handle("POST "+path, a.createQoSRule(k))
	for at, p := range map[string]qosRulePath{path: below, "/v2.0/qos/alias-" + strings.ReplaceAll(k.kind, "_", "-") + "-rules": alone} {
		s.Handle("GET "+at+"/{id}", a.showQoSRule(k, p))
		s.Handle("PUT "+at+"/{id}", a.updateQoSRule(k, p))
		s.Handle("DELETE "+at+"/{id}", a.deleteQoSRule(k, p))
	}
}

// qosRulePath is how a route names a rule's policy, and the key of its body.
type qosRulePath struct {
	policy func(*http.Request) (cloud.QoSPolicyID, error)
	key    string
}

func (a *api) listQoSRules(k qosRuleKind) openstack.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		p, err := a.net.QoSPolicy(r.Context(), cloud.QoSPolicyID(r.PathValue("policy")))
		if err != nil {
			return err
		}
		shown := []object{}
		for _, rule := range p.Rules {
			if o := k.show(rule); rule.Kind == k.of && shownAs(o, r) {
				shown = append(shown, o)
			}
		}
		return a.writeParts(w, r, k.kind+"_rules", shown)
	}
}

// shownAs tells whether an object has the values that the request's filters name.
func shownAs(o object, r *http.Request) bool {
	for name, values := range r.URL.Query() {
		if v, ok := o[name]; ok && !slices.Contains(values, fmt.Sprint(v)) {
			return false
		}
	}
	return true
}

func (a *api) createQoSRule(k qosRuleKind) openstack.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		c, err := k.decode(r, k.kind+"_rule", true)
		if err != nil {
			return err
		}
		rule, err := a.net.CreateQoSRule(r.Context(), cloud.QoSPolicyID(r.PathValue("policy")), k.of, c)
		if err != nil {
			return err
		}
		return openstack.WriteJSON(w, http.StatusCreated, object{k.kind + "_rule": k.show(rule)})
	}
}

func (k qosRuleKind) decode(r *http.Request, key string, creating bool) (network.QoSRuleChange, error) {
	in, err := decodeOne[map[string]any](r, key)
	if err != nil {
		return network.QoSRuleChange{}, err
	}
	return k.change(in, creating)
}

func (a *api) showQoSRule(k qosRuleKind, p qosRulePath) openstack.Handler {
	return a.withQoSRule(p, func(ctx context.Context, id cloud.QoSPolicyID, rule cloud.QoSRuleID, w http.ResponseWriter, _ *http.Request) error {
		found, err := a.net.QoSRule(ctx, id, rule, k.of)
		if err != nil {
			return err
		}
		return openstack.WriteJSON(w, http.StatusOK, object{p.key: k.show(found)})
	})
}

func (a *api) updateQoSRule(k qosRuleKind, p qosRulePath) openstack.Handler {
	return a.withQoSRule(p, func(ctx context.Context, id cloud.QoSPolicyID, rule cloud.QoSRuleID, w http.ResponseWriter, r *http.Request) error {
		c, err := k.decode(r, p.key, false)
		if err != nil {
			return err
		}
		changed, err := a.net.UpdateQoSRule(ctx, id, rule, k.of, c)
		if err != nil {
			return err
		}
		return openstack.WriteJSON(w, http.StatusOK, object{p.key: k.show(changed)})
	})
}

func (a *api) deleteQoSRule(k qosRuleKind, p qosRulePath) openstack.Handler {
	return a.withQoSRule(p, func(ctx context.Context, id cloud.QoSPolicyID, rule cloud.QoSRuleID, w http.ResponseWriter, _ *http.Request) error {
		if err := a.net.DeleteQoSRule(ctx, id, rule, k.of); err != nil {
			return err
		}
		return openstack.WriteEmpty(w, http.StatusNoContent)
	})
}

// withQoSRule finds the policy of the rule that a request names.
func (a *api) withQoSRule(p qosRulePath, do func(context.Context, cloud.QoSPolicyID, cloud.QoSRuleID, http.ResponseWriter, *http.Request) error) openstack.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		id, err := p.policy(r)
		if err != nil {
			return err
		}
		return do(r.Context(), id, cloud.QoSRuleID(r.PathValue("id")), w, r)
	}
}
