package ec2

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

// The four requests differ in name only.

func (a *api) authorizeIngress(ctx context.Context, in *shape.AuthorizeSecurityGroupIngressRequest) (*shape.AuthorizeSecurityGroupIngressResult, error) {
	g, err := a.theGroup(ctx, in.GroupId, in.GroupName)
	if err != nil {
		return nil, err
	}
	list := oldForm(in.IpPermissions, in.CidrIp, in.IpProtocol, in.SourceSecurityGroupName, in.SourceSecurityGroupOwnerId, in.FromPort, in.ToPort)
	rules, err := a.authorize(ctx, g, false, list, in.TagSpecifications)
	return &shape.AuthorizeSecurityGroupIngressResult{Return: new(true), SecurityGroupRules: rules}, err
}

func (a *api) authorizeEgress(ctx context.Context, in *shape.AuthorizeSecurityGroupEgressRequest) (*shape.AuthorizeSecurityGroupEgressResult, error) {
	g, err := a.theGroup(ctx, in.GroupId, "")
	if err != nil {
		return nil, err
	}
	list := oldForm(in.IpPermissions, in.CidrIp, in.IpProtocol, in.SourceSecurityGroupName, in.SourceSecurityGroupOwnerId, in.FromPort, in.ToPort)
	rules, err := a.authorize(ctx, g, true, list, in.TagSpecifications)
	return &shape.AuthorizeSecurityGroupEgressResult{Return: new(true), SecurityGroupRules: rules}, err
}

func (a *api) revokeIngress(ctx context.Context, in *shape.RevokeSecurityGroupIngressRequest) (*shape.RevokeSecurityGroupIngressResult, error) {
	g, err := a.theGroup(ctx, in.GroupId, in.GroupName)
	if err != nil {
		return nil, err
	}
	list := oldForm(in.IpPermissions, in.CidrIp, in.IpProtocol, in.SourceSecurityGroupName, in.SourceSecurityGroupOwnerId, in.FromPort, in.ToPort)
	gone, err := a.revoke(ctx, g, false, list, in.SecurityGroupRuleIds)
	return &shape.RevokeSecurityGroupIngressResult{Return: new(true), RevokedSecurityGroupRules: gone}, err
}

func (a *api) revokeEgress(ctx context.Context, in *shape.RevokeSecurityGroupEgressRequest) (*shape.RevokeSecurityGroupEgressResult, error) {
	g, err := a.theGroup(ctx, in.GroupId, "")
	if err != nil {
		return nil, err
	}
	list := oldForm(in.IpPermissions, in.CidrIp, in.IpProtocol, in.SourceSecurityGroupName, in.SourceSecurityGroupOwnerId, in.FromPort, in.ToPort)
	gone, err := a.revoke(ctx, g, true, list, in.SecurityGroupRuleIds)
	return &shape.RevokeSecurityGroupEgressResult{Return: new(true), RevokedSecurityGroupRules: gone}, err
}

// oldForm adds the permission that a request names by members of its own. A group that is named without a protocol gives all.
func oldForm(list []shape.IpPermission, cidr, protocol, group, owner string, from, to *int) []shape.IpPermission {
	if cidr == "" && protocol == "" && group == "" {
		return list
	}
	p := shape.IpPermission{IpProtocol: protocol, FromPort: from, ToPort: to}
	if cidr != "" {
		p.IpRanges = []shape.IpRange{{CidrIp: cidr}}
	}
	if group != "" {
		p.UserIdGroupPairs = []shape.UserIdGroupPair{{GroupName: group, UserId: owner}}
	}
	if protocol != "" {
		return append(list, p)
	}
	for _, protocol := range []string{"tcp", "udp", "icmp"} {
		p.IpProtocol, p.FromPort, p.ToPort = protocol, new(0), new(65535)
		if protocol == "icmp" {
			p.FromPort, p.ToPort = new(anyNumber), new(anyNumber)
		}
		list = append(list, p)
	}
	return list
}

// authorize adds the rules of all permissions to a group, or none.
func (a *api) authorize(ctx context.Context, g *cloud.SecurityGroup, egress bool, list []shape.IpPermission, specs []shape.TagSpecification) ([]shape.SecurityGroupRule, error) {
	if len(list) == 0 {
		return nil, missingParameter("ipPermissions")
	}
	labels, err := tagsFor(specs, "security-group-rule")
	if err != nil {
		return nil, err
	}
	all, err := a.readPermissions(ctx, g, egress, list)
	if err != nil {
		return nil, err
	}
	var made []*cloud.SecurityGroupRule
	err = a.Network.Together(ctx, func(ctx context.Context) error {
		made, err = a.allow(ctx, g, egress, all, labels)
		return err
	})
	if err != nil {
		return nil, err
	}
	v, err := a.viewer(ctx, made)
	return idsOf(made, v.show), err
}

func (a *api) allow(ctx context.Context, g *cloud.SecurityGroup, egress bool, all []wanted, labels map[string]string) (made []*cloud.SecurityGroupRule, err error) {
	have, err := a.rulesOf(ctx, g, egress)
	if err != nil {
		return nil, err
	}
	for _, w := range all {
		if w.group == "" && !w.prefix.IsValid() {
			return nil, unsupported("Rules for prefix lists cannot be made here: list the IP ranges.")
		}
		if slices.ContainsFunc(have, func(r *cloud.SecurityGroupRule) bool { return permissionOf(r) == w.permission }) {
			return nil, bad("InvalidPermission.Duplicate", "the specified rule %q already exists", w.String())
		}
		r, err := a.Network.CreateRule(ctx, w.request(g.ID))
		if err != nil {
			return nil, err
		}
		if err := a.labelNew(ctx, "security group rule", string(r.ID), labels); err != nil {
			return nil, err
		}
		r.Labels = labels
		made = append(made, r)
	}
	return made, nil
}

// revoke removes the rules of all permissions, or of all ids, from a group, or none.
func (a *api) revoke(ctx context.Context, g *cloud.SecurityGroup, egress bool, list []shape.IpPermission, ids []string) (gone []shape.RevokedSecurityGroupRule, err error) {
	err = a.Network.Together(ctx, func(ctx context.Context) error {
		rules, err := a.meant(ctx, g, egress, list, ids)
		if err != nil {
			return err
		}
		for _, r := range rules {
			if err := a.Network.DeleteRule(ctx, r.ID); err != nil {
				return err
			}
		}
		gone = idsOf(rules, showRevoked)
		return nil
	})
	return gone, err
}

// meant are the rules of a group that a request names, by what they allow or by their ids.
func (a *api) meant(ctx context.Context, g *cloud.SecurityGroup, egress bool, list []shape.IpPermission, ids []string) ([]*cloud.SecurityGroupRule, error) {
	switch {
	case len(list) > 0 && len(ids) > 0:
		return nil, invalidCombination("Rules are named by their IDs or by permissions, not both.")
	case len(ids) > 0:
		return a.rulesByID(ctx, g, egress, ids)
	case len(list) == 0:
		return nil, missingParameter("ipPermissions or securityGroupRuleIds")
	}
	all, err := a.readPermissions(ctx, g, egress, list)
	if err != nil {
		return nil, err
	}
	rules, err := a.rulesOf(ctx, g, egress)
	if err != nil {
		return nil, err
	}
	return matching(rules, all)
}

func showRevoked(r *cloud.SecurityGroupRule) shape.RevokedSecurityGroupRule {
	p := permissionOf(r)
	out := shape.RevokedSecurityGroupRule{SecurityGroupRuleId: id(ruleIDs, r.ID), GroupId: id(groupIDs, r.GroupID), IsEgress: new(p.egress), IpProtocol: p.protocol,
		FromPort: &p.from, ToPort: &p.to, Description: r.Description}
	switch {
	case r.RemoteGroup != "":
		out.ReferencedGroupId = p.source
	case r.RemoteAddresses != "":
		out.PrefixListId = p.source
	case p.isIPv6():
		out.CidrIpv6 = p.source
	default:
		out.CidrIpv4 = p.source
	}
	return out
}
