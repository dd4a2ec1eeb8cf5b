package ec2

import (
	"context"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

// describeGroupReferences shows the VPCs beyond peerings whose groups name the groups that are asked for.
func (a *api) describeGroupReferences(ctx context.Context, in *shape.DescribeSecurityGroupReferencesRequest) (*shape.DescribeSecurityGroupReferencesResult, error) {
	groups, err := find(ctx, groupIDs, in.GroupId, a.groups, groupID)
	if err != nil {
		return nil, err
	}
	crossing, err := a.crossing(ctx, cloud.In("remote_group", idsOf(groups, groupID)))
	if err != nil {
		return nil, err
	}
	out, seen := &shape.DescribeSecurityGroupReferencesResult{}, map[shape.SecurityGroupReference]bool{}
	for _, c := range crossing {
		if c.peering == nil || c.peering.State != cloud.PeeringActive {
			continue
		}
		ref := shape.SecurityGroupReference{GroupId: id(groupIDs, c.rule.RemoteGroup), ReferencingVpcId: id(vpcIDs, c.from), VpcPeeringConnectionId: id(peeringIDs, c.peering.ID)}
		if !seen[ref] {
			seen[ref] = true
			out.SecurityGroupReferenceSet = append(out.SecurityGroupReferenceSet, ref)
		}
	}
	return out, nil
}

// crossing is a rule that names a group of another VPC, and the newest peering of the two; nil if there is none to be seen.
type crossing struct {
	rule     *cloud.SecurityGroupRule
	group    *cloud.SecurityGroup
	from, to cloud.RouterID
	peering  *cloud.Peering
}

// crossing are the account's rules that cross VPCs, among those that meet a condition.
func (a *api) crossing(ctx context.Context, where ...cloud.Cond) (all []crossing, err error) {
	rules, err := a.rules(ctx, append(where, cloud.Cond{Column: "remote_group", Op: cloud.OpNe, Value: ""})...)
	if err != nil {
		return nil, err
	}
	groups, err := a.Network.GroupsOf(ctx, rules)
	if err != nil {
		return nil, err
	}
	remotes, err := a.Network.RemoteGroups(ctx, rules)
	if err != nil {
		return nil, err
	}
	peerings, err := a.Network.ListPeerings(ctx, cloud.Query{})
	for _, r := range rules {
		g, remote := groups[r.GroupID], remotes[r.RemoteGroup]
		if g == nil || remote == nil || g.RouterID == "" || remote.RouterID == "" || g.RouterID == remote.RouterID {
			continue
		}
		all = append(all, crossing{r, g, g.RouterID, remote.RouterID, peeringOf(peerings, g.RouterID, remote.RouterID)})
	}
	return all, err
}

// peeringOf is the peering of two VPCs that is active, or else the newest.
func peeringOf(peerings []*cloud.Peering, x, y cloud.RouterID) (found *cloud.Peering) {
	for _, p := range peerings {
		joins := p.RouterID == x && p.AccepterRouter == y || p.RouterID == y && p.AccepterRouter == x
		if joins && (found == nil || found.State != cloud.PeeringActive) {
			found = p
		}
	}
	return found
}

// describeStaleGroups shows the groups of a VPC with rules for groups that no peering leads to any more.
func (a *api) describeStaleGroups(ctx context.Context, in *shape.DescribeStaleSecurityGroupsRequest) (*shape.DescribeStaleSecurityGroupsResult, error) {
	vpc, err := a.homeOf(ctx, in.VpcId)
	if err != nil {
		return nil, err
	}
	all, err := a.crossing(ctx)
	if err != nil {
		return nil, err
	}
	account, err := a.account(ctx)
	if err != nil {
		return nil, err
	}
	rules, groups := map[cloud.SecurityGroupID][]crossing{}, []*cloud.SecurityGroup{}
	for _, c := range all {
		if c.from != vpc || c.peering != nil && c.peering.State == cloud.PeeringActive {
			continue
		}
		if rules[c.group.ID] == nil {
			groups = append(groups, c.group)
		}
		rules[c.group.ID] = append(rules[c.group.ID], c)
	}
	page, next, err := pageOf(sortedByPlace(groups), in.MaxResults, in.NextToken, groupPlace, 5)
	out := &shape.DescribeStaleSecurityGroupsResult{NextToken: next}
	for _, g := range page {
		out.StaleSecurityGroupSet = append(out.StaleSecurityGroupSet, showStale(g, rules[g.ID], account))
	}
	return out, err
}

// sortedByPlace is in the order of lists.
func sortedByPlace(groups []*cloud.SecurityGroup) []*cloud.SecurityGroup {
	return slices.SortedFunc(slices.Values(groups), func(x, y *cloud.SecurityGroup) int { return strings.Compare(groupPlace(x), groupPlace(y)) })
}

func groupPlace(g *cloud.SecurityGroup) string { return place(g.CreatedAt, g.ID) }

func showStale(g *cloud.SecurityGroup, rules []crossing, account string) shape.StaleSecurityGroup {
	out := shape.StaleSecurityGroup{GroupId: id(groupIDs, g.ID), GroupName: g.Name, Description: g.Description, VpcId: id(vpcIDs, g.RouterID)}
	for _, c := range rules {
		p := permissionOf(c.rule)
		pair := shape.UserIdGroupPair{GroupId: p.source, UserId: account, VpcId: id(vpcIDs, c.to), Description: c.rule.Description, PeeringStatus: "deleted"}
		if c.peering != nil {
			pair.VpcPeeringConnectionId, pair.PeeringStatus = id(peeringIDs, c.peering.ID), string(c.peering.State)
		}
		stale := shape.StaleIpPermission{IpProtocol: p.protocol, FromPort: p.port(p.from), ToPort: p.port(p.to), UserIdGroupPairs: []shape.UserIdGroupPair{pair}}
		if p.egress {
			out.StaleIpPermissionsEgress = append(out.StaleIpPermissionsEgress, stale)
		} else {
			out.StaleIpPermissions = append(out.StaleIpPermissions, stale)
		}
	}
	return out
}
