package ec2

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/network"
)

// modifyGroupRules makes rules of a group say something else; all of them, or none.
func (a *api) modifyGroupRules(ctx context.Context, in *shape.ModifySecurityGroupRulesRequest) (*shape.ModifySecurityGroupRulesResult, error) {
	g, err := a.theGroup(ctx, in.GroupId, "")
	if err != nil {
		return nil, err
	}
	err = a.Network.Together(ctx, func(ctx context.Context) error {
		for _, change := range in.SecurityGroupRules {
			if err := a.modifyGroupRule(ctx, g, change); err != nil {
				return err
			}
		}
		return nil
	})
	return &shape.ModifySecurityGroupRulesResult{Return: new(true)}, err
}

func (a *api) modifyGroupRule(ctx context.Context, g *cloud.SecurityGroup, in shape.SecurityGroupRuleUpdate) error {
	old, err := findOne(ctx, ruleIDs, in.SecurityGroupRuleId, func(ctx context.Context, where ...cloud.Cond) ([]*cloud.SecurityGroupRule, error) {
		return a.rules(ctx, append(where, cloud.Eq("group_id", string(g.ID)))...)
	}, ruleID)
	if err != nil {
		return err
	}
	if in.SecurityGroupRule == nil {
		return missingParameter("SecurityGroupRule")
	}
	list, err := modified(in.SecurityGroupRule)
	if err != nil {
		return err
	}
	all, err := a.readPermissions(ctx, g, old.Direction == "egress", list)
	if err != nil {
		return err
	}
	if all[0].group == "" && !all[0].prefix.IsValid() {
		return unsupported("Rules for prefix lists cannot be made here: list the IP ranges.")
	}
	_, err = a.Network.ChangeRule(ctx, old.ID, func(r *network.RuleRequest) { *r = all[0].request(g.ID) })
	return err
}

// modified is what a rule shall say, as the permission that would make it.
func modified(in *shape.SecurityGroupRuleRequest) ([]shape.IpPermission, error) {
	p := shape.IpPermission{IpProtocol: in.IpProtocol, FromPort: in.FromPort, ToPort: in.ToPort}
	if in.IpProtocol == "" {
		return nil, missingParameter("IpProtocol")
	}
	sources := 0
	if in.CidrIpv4 != "" {
		p.IpRanges, sources = []shape.IpRange{{CidrIp: in.CidrIpv4, Description: in.Description}}, sources+1
	}
	if in.CidrIpv6 != "" {
		p.Ipv6Ranges, sources = []shape.Ipv6Range{{CidrIpv6: in.CidrIpv6, Description: in.Description}}, sources+1
	}
	if in.ReferencedGroupId != "" {
		p.UserIdGroupPairs, sources = []shape.UserIdGroupPair{{GroupId: in.ReferencedGroupId, Description: in.Description}}, sources+1
	}
	if in.PrefixListId != "" {
		p.PrefixListIds, sources = []shape.PrefixListId{{PrefixListId: in.PrefixListId, Description: in.Description}}, sources+1
	}
	if sources != 1 {
		return nil, invalidCombination("A rule has exactly one of CidrIpv4, CidrIpv6, ReferencedGroupId and PrefixListId.")
	}
	return []shape.IpPermission{p}, nil
}

func (a *api) describeIngress(ctx context.Context, in *shape.UpdateSecurityGroupRuleDescriptionsIngressRequest) (*shape.UpdateSecurityGroupRuleDescriptionsIngressResult, error) {
	return &shape.UpdateSecurityGroupRuleDescriptionsIngressResult{Return: new(true)},
		a.redescribe(ctx, in.GroupId, in.GroupName, false, in.IpPermissions, in.SecurityGroupRuleDescriptions)
}

func (a *api) describeEgress(ctx context.Context, in *shape.UpdateSecurityGroupRuleDescriptionsEgressRequest) (*shape.UpdateSecurityGroupRuleDescriptionsEgressResult, error) {
	return &shape.UpdateSecurityGroupRuleDescriptionsEgressResult{Return: new(true)},
		a.redescribe(ctx, in.GroupId, in.GroupName, true, in.IpPermissions, in.SecurityGroupRuleDescriptions)
}

// redescribe says something else about rules of a group, named by what they allow or by their ids. What nothing is said of loses
// what was said.
func (a *api) redescribe(ctx context.Context, groupID, name string, egress bool, list []shape.IpPermission, byID []shape.SecurityGroupRuleDescription) error {
	g, err := a.theGroup(ctx, groupID, name)
	if err != nil {
		return err
	}
	return a.Network.Together(ctx, func(ctx context.Context) error {
		words := map[cloud.RuleID]string{}
		if err := a.wordsByID(ctx, g, egress, byID, words); err != nil {
			return err
		}
		if err := a.wordsByPermission(ctx, g, egress, list, words); err != nil {
			return err
		}
		if len(words) == 0 {
			return missingParameter("ipPermissions or securityGroupRuleDescriptions")
		}
		for rule, text := range words {
			if _, err := a.Network.ChangeRule(ctx, rule, func(r *network.RuleRequest) { r.Description = text }); err != nil {
				return err
			}
		}
		return nil
	})
}

func (a *api) wordsByID(ctx context.Context, g *cloud.SecurityGroup, egress bool, list []shape.SecurityGroupRuleDescription, words map[cloud.RuleID]string) error {
	text := map[string]string{}
	for _, d := range list {
		if err := checkDescription(d.Description); err != nil {
			return err
		}
		text[d.SecurityGroupRuleId] = d.Description
	}
	rules, err := a.rulesByID(ctx, g, egress, idsOf(list, func(d shape.SecurityGroupRuleDescription) string { return d.SecurityGroupRuleId }))
	for _, r := range rules {
		words[r.ID] = text[id(ruleIDs, r.ID)]
	}
	return err
}

func (a *api) wordsByPermission(ctx context.Context, g *cloud.SecurityGroup, egress bool, list []shape.IpPermission, words map[cloud.RuleID]string) error {
	all, err := a.readPermissions(ctx, g, egress, list)
	if err != nil || len(all) == 0 {
		return err
	}
	rules, err := a.rulesOf(ctx, g, egress)
	if err != nil {
		return err
	}
	for _, w := range all {
		same, err := matching(rules, []wanted{w})
		if err != nil {
			return err
		}
		for _, r := range same {
			words[r.ID] = w.description
		}
	}
	return nil
}
