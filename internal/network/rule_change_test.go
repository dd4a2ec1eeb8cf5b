package network

import (
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// A rule changes in place, not into one that its group has; one of both versions of IP is two for hosts; and a group that others' rules
// name does not go.
func TestRuleChange(t *testing.T) {
	w := newWorld(t)
	ctx := as("p")
	g, other := get(w.CreateSecurityGroup(ctx, GroupRequest{Name: "g"}))(t), get(w.CreateSecurityGroup(ctx, GroupRequest{Name: "o"}))(t)
	r := get(w.CreateRule(ctx, RuleRequest{GroupID: g.ID, Direction: "ingress", Protocol: "tcp", PortMin: new(22), PortMax: new(22)}))(t)
	twin := get(w.CreateRule(ctx, RuleRequest{GroupID: g.ID, Direction: "ingress", Protocol: "tcp", PortMin: new(0), PortMax: new(23)}))(t)
	changed := get(w.ChangeRule(ctx, r.ID, func(q *RuleRequest) {
		q.Direction, q.RemoteGroup, q.AnyVersion, q.Description = "egress", other.ID, true, "why"
	}))(t)
	if changed.ID != r.ID || changed.Direction != "ingress" || changed.Description != "why" || changed.CreatedAt != r.CreatedAt {
		t.Errorf("changed into %+v", changed)
	}
	if rules := planRules(changed, nil); len(rules) != 2 || rules[0].IPv6 || !rules[1].IPv6 || rules[1].RemoteGroup != spec.GroupID(other.ID) || rules[0].ID == rules[1].ID {
		t.Errorf("hosts are told %+v", rules)
	}
	_, err := w.ChangeRule(ctx, r.ID, func(q *RuleRequest) { *q = requestOf(twin) })
	wantKind(t, err, cloud.AlreadyExists)
	_, err = w.ChangeRule(as("q"), r.ID, func(*RuleRequest) {})
	wantKind(t, err, cloud.NotFound)
	wantKind(t, w.DeleteUnnamedGroup(ctx, other.ID), cloud.InUse)
	w.must(w.DeleteRule(ctx, r.ID))
	w.must(w.DeleteUnnamedGroup(ctx, other.ID))
}

// A group names one of another routing domain only behind a peering.
func TestRulesAcrossDomains(t *testing.T) {
	w := newWorld(t)
	ctx := as("p")
	x, _ := w.domain(ctx, "10.0.0.0/16")
	y, _ := w.domain(ctx, "10.1.0.0/16")
	rule := RuleRequest{GroupID: x.Domain.DefaultGroup, Direction: "ingress", RemoteGroup: y.Domain.DefaultGroup, AnyVersion: true}
	_, err := w.CreateRule(ctx, rule)
	wantKind(t, err, cloud.NotFound)
	p := get(w.AskPeering(ctx, PeeringRequest{RouterID: x.ID, AccepterRouter: y.ID}))(t)
	get(w.AcceptPeering(ctx, p.ID))(t)
	get(w.CreateRule(ctx, rule))(t)
}
