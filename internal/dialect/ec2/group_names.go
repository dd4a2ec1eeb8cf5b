package ec2

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

// groupNames are the groups that permissions name: by their short ids and, in the VPC of the group that the permissions are of, by
// their names.
type groupNames struct {
	byID, byName map[string]cloud.SecurityGroupID
}

func (n groupNames) of(pair shape.UserIdGroupPair) cloud.SecurityGroupID {
	if pair.GroupId != "" {
		return n.byID[pair.GroupId]
	}
	return n.byName[pair.GroupName]
}

// namedGroups finds the groups that permissions name, with two calls at most.
func (a *api) namedGroups(ctx context.Context, g *cloud.SecurityGroup, list []shape.IpPermission) (n groupNames, err error) {
	var ids, names []string
	for _, in := range list {
		for _, pair := range in.UserIdGroupPairs {
			switch {
			case pair.GroupId != "":
				ids = append(ids, pair.GroupId)
			case pair.GroupName != "":
				names = append(names, pair.GroupName)
			default:
				return n, missingParameter("GroupId or GroupName of a permission's group")
			}
			if err := a.checkAccount(ctx, pair); err != nil {
				return n, err
			}
		}
	}
	byID, err := find(ctx, groupIDs, ids, a.groups, groupID)
	if err != nil {
		return n, err
	}
	byName, err := a.groupsCalled(ctx, g.RouterID, names)
	n = groupNames{map[string]cloud.SecurityGroupID{}, map[string]cloud.SecurityGroupID{}}
	for _, g := range byID {
		n.byID[id(groupIDs, g.ID)] = g.ID
	}
	for _, g := range byName {
		n.byName[g.Name] = g.ID
	}
	return n, err
}

// checkAccount refuses another account's groups: they are not to be seen.
func (a *api) checkAccount(ctx context.Context, pair shape.UserIdGroupPair) error {
	if pair.UserId == "" {
		return nil
	}
	account, err := a.account(ctx)
	if err != nil || account == pair.UserId {
		return err
	}
	return groupIDs.missing(pair.GroupId + pair.GroupName)
}

// groupsCalled are the groups of a VPC that have certain names. One that is not there fails it.
func (a *api) groupsCalled(ctx context.Context, vpc cloud.RouterID, names []string) ([]*cloud.SecurityGroup, error) {
	if len(names) == 0 {
		return nil, nil
	}
	groups, err := a.groups(ctx, cloud.In("name", names), cloud.Eq("router_id", string(vpc)))
	if err != nil {
		return nil, err
	}
	have := map[string]bool{}
	for _, g := range groups {
		have[g.Name] = true
	}
	for _, name := range names {
		if !have[name] {
			return nil, groupIDs.missing(name)
		}
	}
	return groups, nil
}

// groupNamed is the group of a name in a VPC; in the default one if none is named.
func (a *api) groupNamed(ctx context.Context, name, vpc string) (*cloud.SecurityGroup, error) {
	home, err := a.homeOf(ctx, vpc)
	if err != nil {
		return nil, err
	}
	groups, err := a.groupsCalled(ctx, home, []string{name})
	if err != nil {
		return nil, err
	}
	return groups[0], nil
}

// theGroup is the group of an id or, in the default VPC, of a name.
func (a *api) theGroup(ctx context.Context, text, name string) (*cloud.SecurityGroup, error) {
	switch {
	case text != "" && name != "":
		return nil, invalidCombination("The parameters GroupId and GroupName cannot be used together")
	case text != "":
		return findOne(ctx, groupIDs, text, a.groups, groupID)
	case name == "":
		return nil, missingParameter("GroupId or GroupName")
	}
	return a.groupNamed(ctx, name, "")
}

// homeOf is the VPC that an id names: the default one if none is given.
func (a *api) homeOf(ctx context.Context, text string) (cloud.RouterID, error) {
	if text != "" {
		r, err := findOne(ctx, vpcIDs, text, a.domains, routerID)
		if err != nil {
			return "", err
		}
		return r.ID, nil
	}
	r, err := a.Network.EnsureDefaultDomain(ctx, "")
	if cloud.Is(err, cloud.NotFound) {
		return "", bad("VPCIdNotSpecified", "No default VPC for this user")
	}
	if err != nil {
		return "", err
	}
	return r.ID, nil
}

// domains are the account's routers that are VPCs.
func (a *api) domains(ctx context.Context, where ...cloud.Cond) ([]*cloud.Router, error) {
	return a.routers(ctx, append(where, cloud.Eq("domain", true))...)
}
