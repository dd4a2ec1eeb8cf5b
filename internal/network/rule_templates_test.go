package network

import (
	"context"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// New groups begin with the rules that templates say; those that are there keep theirs, and templates that an operator removed stay away.
func TestRuleTemplates(t *testing.T) {
	w := newWorld(t)
	port := 22
	ssh := RuleTemplateRequest{Rule: RuleRequest{Direction: "ingress", Protocol: "tcp", PortMin: &port, PortMax: &port, RemoteGroup: cloud.OwnGroup}, ForOthers: true}
	_, err := w.CreateRuleTemplate(as("mine"), ssh)
	wantKind(t, err, cloud.Forbidden)
	made := get(w.CreateRuleTemplate(w.admin, ssh))(t)
	_, err = w.CreateRuleTemplate(w.admin, ssh)
	wantKind(t, err, cloud.AlreadyExists)
	_, err = w.CreateRuleTemplate(w.admin, RuleTemplateRequest{Rule: RuleRequest{Direction: "ingress", PortMin: &port, PortMax: &port}})
	wantKind(t, err, cloud.Invalid)
	g := get(w.CreateSecurityGroup(as("mine"), GroupRequest{Name: "g"}))(t)
	rules := w.rulesIn(as("mine"), g.ID)
	if len(rules) != 3 || rules[2].RemoteGroup != g.ID || *rules[2].PortMin != 22 {
		t.Errorf("rules of a group: %+v", rules)
	}
	of := get(w.Groups.One(w.admin, cloud.Eq("project_id", "mine"), cloud.Eq("default", true)))(t)
	if n := len(w.rulesIn(as("mine"), of.ID)); n != 4 {
		t.Errorf("%d rules of the default group", n)
	}
	for _, template := range get(w.ListRuleTemplates(w.admin, cloud.Query{}))(t) {
		w.must(w.DeleteRuleTemplate(w.admin, template.ID))
	}
	wantKind(t, w.DeleteRuleTemplate(w.admin, made.ID), cloud.NotFound)
	w.must(w.EnsureRuleTemplates(w.admin))
	bare := get(w.CreateSecurityGroup(as("mine"), GroupRequest{Name: "bare"}))(t)
	if n := len(w.rulesIn(as("mine"), bare.ID)); n != 0 || len(w.rulesIn(as("mine"), g.ID)) != 3 {
		t.Errorf("%d rules of a group without templates", n)
	}
}

// A template that names a group or addresses that are gone makes no rule.
func TestRuleTemplatesOfWhatIsGone(t *testing.T) {
	w := newWorld(t)
	g := get(w.CreateSecurityGroup(w.admin, GroupRequest{Name: "g"}))(t)
	a := get(w.CreateAddressGroup(w.admin, AddressGroupRequest{Name: "a"}))(t)
	get(w.CreateRuleTemplate(w.admin, RuleTemplateRequest{Rule: RuleRequest{Direction: "ingress", RemoteGroup: g.ID}, ForOthers: true}))(t)
	get(w.CreateRuleTemplate(w.admin, RuleTemplateRequest{Rule: RuleRequest{Direction: "ingress", RemoteAddresses: a.ID}, ForOthers: true}))(t)
	w.must(w.DeleteSecurityGroup(w.admin, g.ID))
	w.must(w.DeleteAddressGroup(w.admin, a.ID))
	next := get(w.CreateSecurityGroup(w.admin, GroupRequest{Name: "next"}))(t)
	if n := len(w.rulesIn(w.admin, next.ID)); n != 2 {
		t.Errorf("%d rules, want those that go out alone", n)
	}
}

func (w *world) rulesIn(ctx context.Context, id cloud.SecurityGroupID) []*cloud.SecurityGroupRule {
	w.t.Helper()
	return get(w.ListRules(ctx, cloud.Where(cloud.Eq("group_id", string(id)))))(w.t)
}
