package ec2

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

// ruleViewer shows rules of groups.
type ruleViewer struct {
	arn     func(rule string) string
	account string
	groups  map[cloud.SecurityGroupID]*cloud.SecurityGroup // those that are named, too
}

// viewer is what rules are shown with, read in a fixed number of calls.
func (a *api) viewer(ctx context.Context, rules []*cloud.SecurityGroupRule) (v ruleViewer, err error) {
	if v.account, err = a.account(ctx); err != nil {
		return v, err
	}
	v.arn = func(rule string) string { return arn(ctx, v.account, "security-group-rule", rule) }
	if v.groups, err = a.Network.GroupsOf(ctx, rules); err != nil {
		return v, err
	}
	remotes, err := a.Network.RemoteGroups(ctx, rules)
	for id, g := range remotes {
		v.groups[id] = g
	}
	return v, err
}

func (v ruleViewer) show(r *cloud.SecurityGroupRule) shape.SecurityGroupRule {
	p := permissionOf(r)
	out := shape.SecurityGroupRule{SecurityGroupRuleId: id(ruleIDs, r.ID), SecurityGroupRuleArn: v.arn(id(ruleIDs, r.ID)), GroupId: id(groupIDs, r.GroupID), GroupOwnerId: v.account,
		IsEgress: new(p.egress), IpProtocol: p.protocol, FromPort: &p.from, ToPort: &p.to, Description: r.Description, Tags: tagsOf(r.Labels, "")}
	switch {
	case r.RemoteGroup != "":
		out.ReferencedGroupInfo = v.referenced(r)
	case r.RemoteAddresses != "":
		out.PrefixListId = p.source
	case p.isIPv6():
		out.CidrIpv6 = p.source
	default:
		out.CidrIpv4 = p.source
	}
	return out
}

func (v ruleViewer) referenced(r *cloud.SecurityGroupRule) *shape.ReferencedSecurityGroup {
	info := &shape.ReferencedSecurityGroup{GroupId: id(groupIDs, r.RemoteGroup), UserId: v.account}
	if g := v.groups[r.RemoteGroup]; g != nil {
		info.VpcId = id(vpcIDs, g.RouterID)
	}
	return info
}

// shownRule is a rule as it is shown, and its place in lists.
type shownRule struct {
	shape.SecurityGroupRule
	place string
}

var groupRuleFields = fields[shownRule]{
	"group-id":               one(func(r shownRule) string { return r.GroupId }),
	"security-group-rule-id": one(func(r shownRule) string { return r.SecurityGroupRuleId }),
}

func groupRuleTags(r shownRule) []shape.Tag { return r.Tags }

func (a *api) describeGroupRules(ctx context.Context, in *shape.DescribeSecurityGroupRulesRequest) (*shape.DescribeSecurityGroupRulesResult, error) {
	if len(in.SecurityGroupRuleIds) > 0 && in.MaxResults != nil {
		return nil, invalidCombination("The parameter SecurityGroupRuleIds cannot be used with the parameter MaxResults")
	}
	rules, err := find(ctx, ruleIDs, in.SecurityGroupRuleIds, a.rules, ruleID)
	if err == nil && len(in.SecurityGroupRuleIds) == 0 {
		rules, err = a.rules(ctx)
	}
	if err != nil {
		return nil, err
	}
	v, err := a.viewer(ctx, rules)
	if err != nil {
		return nil, err
	}
	rows := idsOf(rules, func(r *cloud.SecurityGroupRule) shownRule { return shownRule{v.show(r), place(r.CreatedAt, r.ID)} })
	if rows, err = choose(rows, groupRuleFields, in.Filters, groupRuleTags); err != nil {
		return nil, err
	}
	page, next, err := pageOf(rows, in.MaxResults, in.NextToken, func(r shownRule) string { return r.place }, 5)
	return &shape.DescribeSecurityGroupRulesResult{NextToken: next,
		SecurityGroupRules: idsOf(page, func(r shownRule) shape.SecurityGroupRule { return r.SecurityGroupRule })}, err
}

// rulesOf are the rules of a group in one direction.
func (a *api) rulesOf(ctx context.Context, g *cloud.SecurityGroup, egress bool) ([]*cloud.SecurityGroupRule, error) {
	return a.rules(ctx, cloud.Eq("group_id", string(g.ID)), cloud.Eq("direction", direction(egress)))
}

// rulesByID are rules of a group in one direction by their ids. One that is not the group's fails it.
func (a *api) rulesByID(ctx context.Context, g *cloud.SecurityGroup, egress bool, ids []string) ([]*cloud.SecurityGroupRule, error) {
	return find(ctx, ruleIDs, ids, func(ctx context.Context, where ...cloud.Cond) ([]*cloud.SecurityGroupRule, error) {
		return a.rules(ctx, append(where, cloud.Eq("group_id", string(g.ID)), cloud.Eq("direction", direction(egress)))...)
	}, ruleID)
}

// matching are the rules that allow what is wanted. One that no rule allows fails it.
func matching(rules []*cloud.SecurityGroupRule, all []wanted) (found []*cloud.SecurityGroupRule, err error) {
	for _, w := range all {
		same := func(r *cloud.SecurityGroupRule) bool { return permissionOf(r) == w.permission }
		if !slices.ContainsFunc(rules, same) {
			return nil, bad("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
		}
		for _, r := range rules {
			if same(r) {
				found = append(found, r)
			}
		}
	}
	return found, nil
}
