package network

import (
	"context"
	"strconv"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// New security groups begin with rules made of templates, which operators choose. A cloud begins with those below: everything
// may go out, and members of a project's default group may talk to each other.
var firstTemplates = []cloud.RuleTemplate{
	{Direction: "egress", ForDefault: true, ForOthers: true},
	{Direction: "egress", IPv6: true, ForDefault: true, ForOthers: true},
	{Direction: "ingress", RemoteGroup: cloud.OwnGroup, ForDefault: true},
	{Direction: "ingress", IPv6: true, RemoteGroup: cloud.OwnGroup, ForDefault: true},
}

// templatesMade is the setting that says that the first templates were made: an operator may have removed them since.
const templatesMade cloud.SettingID = "network/first rule templates"

// EnsureRuleTemplates makes the first templates. It may be repeated: it makes them once in the life of a cloud.
func (s *Service) EnsureRuleTemplates(ctx context.Context) error {
	n, err := s.RuleTemplates.Count(ctx)
	if err != nil || n > 0 {
		return err
	}
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.lockTemplates(ctx); err != nil {
			return err
		}
		if _, err := s.Settings.Get(ctx, templatesMade); !cloud.Is(err, cloud.NotFound) {
			return err
		}
		for i, t := range firstTemplates {
			t.ID, t.Key = cloud.RuleTemplateID(cloud.DerivedID("rule template", strconv.Itoa(i))), ruleKey(ruleOf(&t, &cloud.SecurityGroup{ID: cloud.OwnGroup}))
			if err := s.RuleTemplates.Insert(ctx, &t); err != nil {
				return err
			}
		}
		return s.Settings.Insert(ctx, &cloud.Setting{ID: templatesMade})
	})
}

// lockTemplates makes whoever changes templates wait for each other.
func (s *Service) lockTemplates(ctx context.Context) error { return s.Tx.Lock(ctx, "rule templates") }

// RuleTemplateRequest asks for a template. The rule's remote group may be cloud.OwnGroup.
type RuleTemplateRequest struct {
	Rule                  RuleRequest
	ForDefault, ForOthers bool
}

func authorizeTemplates(ctx context.Context, a policy.Action, id cloud.RuleTemplateID) error {
	return policy.Authorize(ctx, a, policy.Target{Resource: "rule template", ID: string(id)})
}

// CreateRuleTemplate makes a template for the groups made from now on. AlreadyExists if there is an equal one.
func (s *Service) CreateRuleTemplate(ctx context.Context, req RuleTemplateRequest) (t *cloud.RuleTemplate, err error) {
	if err := authorizeTemplates(ctx, "rule template.create", ""); err != nil {
		return nil, err
	}
	r, err := newRule(&cloud.SecurityGroup{}, req.Rule)
	if err != nil {
		return nil, err
	}
	t = templateOf(r)
	t.ForDefault, t.ForOthers = req.ForDefault, req.ForOthers
	return t, s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.EnsureRuleTemplates(ctx); err != nil {
			return err
		}
		if err := s.lockTemplates(ctx); err != nil {
			return err
		}
		if err := s.checkTemplateRemote(ctx, t); err != nil {
			return err
		}
		equal, err := s.RuleTemplates.List(ctx, cloud.Where(cloud.Eq("key", t.Key)))
		if err != nil {
			return err
		}
		if len(equal) > 0 {
			return cloud.Errorf(cloud.AlreadyExists, "rule template", equal[0].ID, "Default security group rule already exists. Rule id is %s.", equal[0].ID)
		}
		return s.RuleTemplates.Insert(ctx, t)
	})
}

func (s *Service) checkTemplateRemote(ctx context.Context, t *cloud.RuleTemplate) error {
	if t.RemoteGroup != "" && t.RemoteGroup != cloud.OwnGroup {
		if _, err := s.SecurityGroup(ctx, t.RemoteGroup); err != nil {
			return err
		}
	}
	return s.nameAddressGroup(ctx, t.RemoteAddresses)
}

func templateOf(r *cloud.SecurityGroupRule) *cloud.RuleTemplate {
	return &cloud.RuleTemplate{ID: cloud.RuleTemplateID(cloud.NewID()), Description: r.Description, Direction: r.Direction, IPv6: r.IPv6, Protocol: r.Protocol,
		PortMin: r.PortMin, PortMax: r.PortMax, RemotePrefix: r.RemotePrefix, RemoteGroup: r.RemoteGroup, RemoteAddresses: r.RemoteAddresses, Key: r.Key}
}

// ruleOf is the rule that a template makes in a group.
func ruleOf(t *cloud.RuleTemplate, g *cloud.SecurityGroup) *cloud.SecurityGroupRule {
	r := &cloud.SecurityGroupRule{ProjectID: g.ProjectID, GroupID: g.ID, Description: t.Description, Direction: t.Direction, IPv6: t.IPv6, Protocol: t.Protocol,
		PortMin: t.PortMin, PortMax: t.PortMax, RemotePrefix: t.RemotePrefix, RemoteGroup: t.RemoteGroup, RemoteAddresses: t.RemoteAddresses}
	if r.RemoteGroup == cloud.OwnGroup {
		r.RemoteGroup = g.ID
	}
	return r
}

// firstRules are the rules that a new group begins with. A template whose other side is gone makes none.
func (s *Service) firstRules(ctx context.Context, g *cloud.SecurityGroup) ([]*cloud.SecurityGroupRule, error) {
	if err := s.EnsureRuleTemplates(ctx); err != nil {
		return nil, err
	}
	use := "for_others"
	if g.Default {
		use = "for_default"
	}
	templates, err := s.RuleTemplates.List(ctx, cloud.Where(cloud.Eq(use, true)))
	if err != nil {
		return nil, err
	}
	var rules []*cloud.SecurityGroupRule
	for _, t := range templates {
		there, err := s.remoteIsThere(ctx, t)
		if err != nil {
			return nil, err
		}
		if there {
			rules = append(rules, ruleOf(t, g))
		}
	}
	return rules, nil
}

// remoteIsThere tells whether the group or the addresses that a template names still exist; it keeps the addresses.
func (s *Service) remoteIsThere(ctx context.Context, t *cloud.RuleTemplate) (bool, error) {
	var err error
	switch {
	case t.RemoteAddresses != "":
		if err = s.lockAddressGroup(ctx, t.RemoteAddresses); err == nil {
			_, err = s.AddressGroups.Get(ctx, t.RemoteAddresses)
		}
	case t.RemoteGroup != "" && t.RemoteGroup != cloud.OwnGroup:
		_, err = s.Groups.Get(ctx, t.RemoteGroup)
	}
	if cloud.Is(err, cloud.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// RuleTemplate answers one template; they are everybody's to see.
func (s *Service) RuleTemplate(ctx context.Context, id cloud.RuleTemplateID) (*cloud.RuleTemplate, error) {
	t, err := s.RuleTemplates.Get(ctx, id)
	if err != nil {
		return nil, missing(err, "rule template", id)
	}
	return t, authorizeTemplates(ctx, "rule template.get", id)
}

// ListRuleTemplates lists all templates. Call EnsureRuleTemplates first.
func (s *Service) ListRuleTemplates(ctx context.Context, q cloud.Query, keep ...func(*cloud.RuleTemplate) bool) ([]*cloud.RuleTemplate, error) {
	return s.RuleTemplates.List(ctx, q, keep...)
}

// DeleteRuleTemplate removes a template. Groups keep the rules that were made of it.
func (s *Service) DeleteRuleTemplate(ctx context.Context, id cloud.RuleTemplateID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if _, err := s.RuleTemplate(ctx, id); err != nil {
			return err
		}
		if err := authorizeTemplates(ctx, "rule template.delete", id); err != nil {
			return err
		}
		return s.RuleTemplates.Delete(ctx, id)
	})
}
