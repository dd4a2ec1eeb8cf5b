package ec2

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/network"
)

func (a *api) groupActions() []*action {
	const flat = "IpPermissions CidrIp FromPort ToPort IpProtocol SourceSecurityGroupName SourceSecurityGroupOwnerId "
	return []*action{
		serve("CreateSecurityGroup", a.createGroup, "GroupName Description VpcId TagSpecifications"),
		serve("DescribeSecurityGroups", a.describeGroups, "GroupIds GroupNames Filters MaxResults NextToken"),
		serve("DeleteSecurityGroup", a.deleteGroup, "GroupId GroupName"),
		serve("AuthorizeSecurityGroupIngress", a.authorizeIngress, flat+"GroupId GroupName TagSpecifications"),
		serve("AuthorizeSecurityGroupEgress", a.authorizeEgress, flat+"GroupId TagSpecifications"),
		serve("RevokeSecurityGroupIngress", a.revokeIngress, flat+"GroupId GroupName SecurityGroupRuleIds"),
		serve("RevokeSecurityGroupEgress", a.revokeEgress, flat+"GroupId SecurityGroupRuleIds"),
		serve("DescribeSecurityGroupRules", a.describeGroupRules, "SecurityGroupRuleIds Filters MaxResults NextToken"),
		serve("ModifySecurityGroupRules", a.modifyGroupRules, "GroupId SecurityGroupRules"),
		serve("UpdateSecurityGroupRuleDescriptionsIngress", a.describeIngress, "GroupId GroupName IpPermissions SecurityGroupRuleDescriptions"),
		serve("UpdateSecurityGroupRuleDescriptionsEgress", a.describeEgress, "GroupId GroupName IpPermissions SecurityGroupRuleDescriptions"),
		serve("DescribeSecurityGroupReferences", a.describeGroupReferences, "GroupId"),
		serve("DescribeStaleSecurityGroups", a.describeStaleGroups, "VpcId MaxResults NextToken"),
	}
}

// nameable is what groups may be called and described as.
var nameable = regexp.MustCompile(`^[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{1,255}$`)

func (a *api) createGroup(ctx context.Context, in *shape.CreateSecurityGroupRequest) (*shape.CreateSecurityGroupResult, error) {
	switch {
	case !nameable.MatchString(in.GroupName):
		return nil, invalidParameter("Value (%s) for parameter GroupName is invalid. Character sets beyond ASCII are not supported.", in.GroupName)
	case strings.HasPrefix(in.GroupName, "sg-"):
		return nil, invalidParameter("Value (%s) for parameter GroupName is invalid. Group names may not be in the format sg-*.", in.GroupName)
	case !nameable.MatchString(in.Description):
		return nil, invalidParameter("Value (%s) for parameter GroupDescription is invalid. Character sets beyond ASCII are not supported.", in.Description)
	}
	labels, err := tagsFor(in.TagSpecifications, "security-group")
	if err != nil {
		return nil, err
	}
	vpc, err := a.homeOf(ctx, in.VpcId)
	if err != nil {
		return nil, err
	}
	var g *cloud.SecurityGroup
	err = a.Network.Together(ctx, func(ctx context.Context) error {
		if g, err = a.Network.CreateSecurityGroup(ctx, network.GroupRequest{Name: in.GroupName, Description: in.Description, RouterID: vpc}); err != nil {
			return err
		}
		return a.labelNew(ctx, "security group", string(g.ID), labels)
	})
	if err != nil {
		return nil, err
	}
	account, err := a.account(ctx)
	return &shape.CreateSecurityGroupResult{GroupId: id(groupIDs, g.ID), SecurityGroupArn: arn(ctx, account, "security-group", id(groupIDs, g.ID)),
		Tags: tagsOf(labels, "")}, err
}

// arn is the long name of a resource.
func arn(ctx context.Context, account, kind, id string) string {
	return "arn:aws:ec2:" + callOf(ctx).Region + ":" + account + ":" + kind + "/" + id
}

func (a *api) deleteGroup(ctx context.Context, in *shape.DeleteSecurityGroupRequest) (*shape.DeleteSecurityGroupResult, error) {
	g, err := a.theGroup(ctx, in.GroupId, in.GroupName)
	if err != nil {
		return nil, err
	}
	return &shape.DeleteSecurityGroupResult{Return: new(true), GroupId: id(groupIDs, g.ID)}, a.Network.DeleteUnnamedGroup(ctx, g.ID)
}

// shownGroup is a group as it is shown, the names of the groups that its rules name, and its place in lists.
type shownGroup struct {
	shape.SecurityGroup
	namesIn, namesOut []string
	place             string
}

func (a *api) describeGroups(ctx context.Context, in *shape.DescribeSecurityGroupsRequest) (*shape.DescribeSecurityGroupsResult, error) {
	if len(in.GroupIds) > 0 && in.MaxResults != nil {
		return nil, invalidCombination("The parameter SecurityGroupIds cannot be used with the parameter MaxResults")
	}
	groups, err := a.chosenGroups(ctx, in)
	if err != nil {
		return nil, err
	}
	rows, err := a.showGroups(ctx, groups)
	if err != nil {
		return nil, err
	}
	if rows, err = choose(rows, groupFields, in.Filters, groupTags); err != nil {
		return nil, err
	}
	page, next, err := pageOf(rows, in.MaxResults, in.NextToken, func(g shownGroup) string { return g.place }, 5)
	return &shape.DescribeSecurityGroupsResult{NextToken: next, SecurityGroups: idsOf(page, func(g shownGroup) shape.SecurityGroup { return g.SecurityGroup })}, err
}

// chosenGroups are those of the ids and the names; without any, all.
func (a *api) chosenGroups(ctx context.Context, in *shape.DescribeSecurityGroupsRequest) ([]*cloud.SecurityGroup, error) {
	if len(in.GroupIds)+len(in.GroupNames) == 0 {
		return a.groups(ctx)
	}
	found, err := find(ctx, groupIDs, in.GroupIds, a.groups, groupID)
	if err != nil || len(in.GroupNames) == 0 {
		return found, err
	}
	vpc, err := a.homeOf(ctx, "")
	if err != nil {
		return nil, err
	}
	called, err := a.groupsCalled(ctx, vpc, in.GroupNames)
	for _, g := range called {
		if !slices.ContainsFunc(found, func(o *cloud.SecurityGroup) bool { return o.ID == g.ID }) {
			found = append(found, g)
		}
	}
	return found, err
}

func (a *api) showGroups(ctx context.Context, groups []*cloud.SecurityGroup) ([]shownGroup, error) {
	rules, err := a.Network.RulesByGroup(ctx, groups)
	if err != nil {
		return nil, err
	}
	var all []*cloud.SecurityGroupRule
	for _, g := range groups {
		all = append(all, rules[g.ID]...)
	}
	remotes, err := a.Network.RemoteGroups(ctx, all)
	if err != nil {
		return nil, err
	}
	account, err := a.account(ctx)
	if err != nil {
		return nil, err
	}
	return idsOf(groups, func(g *cloud.SecurityGroup) shownGroup {
		m := merger{account: account, vpc: g.RouterID, remotes: remotes}
		return shownGroup{SecurityGroup: shape.SecurityGroup{GroupId: id(groupIDs, g.ID), GroupName: g.Name, Description: g.Description, OwnerId: account, VpcId: id(vpcIDs, g.RouterID),
			SecurityGroupArn: arn(ctx, account, "security-group", id(groupIDs, g.ID)), IpPermissions: m.merge(rules[g.ID], "ingress"),
			IpPermissionsEgress: m.merge(rules[g.ID], "egress"), Tags: tagsOf(g.Labels, "")},
			namesIn: m.names(rules[g.ID], "ingress"), namesOut: m.names(rules[g.ID], "egress"), place: place(g.CreatedAt, g.ID)}
	}), nil
}
