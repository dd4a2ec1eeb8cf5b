package ec2

import (
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

// merger shows a group's rules as permissions: one per protocol and ports, with all its sources.
type merger struct {
	account string
	vpc     cloud.RouterID
	remotes map[cloud.SecurityGroupID]*cloud.SecurityGroup
}

func (m merger) merge(rules []*cloud.SecurityGroupRule, direction string) []shape.IpPermission {
	all, at := []shape.IpPermission{}, map[permission]int{}
	shown := map[permission]bool{}
	for _, r := range rules {
		p := permissionOf(r)
		if r.Direction != direction || shown[p] { // rules of both versions of IP that name a group are one permission
			continue
		}
		shown[p] = true
		key := p
		key.source = ""
		i, ok := at[key]
		if !ok {
			i = len(all)
			at[key] = i
			all = append(all, shape.IpPermission{IpProtocol: p.protocol, FromPort: p.port(p.from), ToPort: p.port(p.to), IpRanges: []shape.IpRange{},
				Ipv6Ranges: []shape.Ipv6Range{}, UserIdGroupPairs: []shape.UserIdGroupPair{}, PrefixListIds: []shape.PrefixListId{}})
		}
		m.add(&all[i], r, p.source)
	}
	return all
}

// port is a number of a permission as it is shown: protocols without ports have none.
func (p permission) port(n int) *int {
	if slices.Contains([]string{"tcp", "udp", "icmp", "icmpv6"}, p.protocol) {
		return &n
	}
	return nil
}

func (m merger) add(to *shape.IpPermission, r *cloud.SecurityGroupRule, source string) {
	switch {
	case r.RemoteGroup != "":
		to.UserIdGroupPairs = append(to.UserIdGroupPairs, m.pair(r))
	case r.RemoteAddresses != "":
		to.PrefixListIds = append(to.PrefixListIds, shape.PrefixListId{PrefixListId: source, Description: r.Description})
	case strings.Contains(source, ":"):
		to.Ipv6Ranges = append(to.Ipv6Ranges, shape.Ipv6Range{CidrIpv6: source, Description: r.Description})
	default:
		to.IpRanges = append(to.IpRanges, shape.IpRange{CidrIp: source, Description: r.Description})
	}
}

// pair is a group that a rule names; its VPC is told where it is another.
func (m merger) pair(r *cloud.SecurityGroupRule) shape.UserIdGroupPair {
	pair := shape.UserIdGroupPair{GroupId: id(groupIDs, r.RemoteGroup), UserId: m.account, Description: r.Description}
	if remote := m.remotes[r.RemoteGroup]; remote != nil && remote.RouterID != "" && remote.RouterID != m.vpc {
		pair.VpcId = id(vpcIDs, remote.RouterID)
	}
	return pair
}

// groupFields are read off what is shown, but for the names of groups in permissions, which are not shown.
var groupFields = permissionFields(fields[shownGroup]{
	"description": one(func(g shownGroup) string { return g.Description }),
	"group-id":    one(func(g shownGroup) string { return g.GroupId }),
	"group-name":  one(func(g shownGroup) string { return g.GroupName }),
	"owner-id":    one(func(g shownGroup) string { return g.OwnerId }),
	"vpc-id":      one(func(g shownGroup) string { return g.VpcId }),
})

func groupTags(g shownGroup) []shape.Tag { return g.Tags }

// permissionFields adds what groups can be filtered by in their permissions, of both directions.
func permissionFields(f fields[shownGroup]) fields[shownGroup] {
	parts := map[string]func(shape.IpPermission) []string{
		"cidr":           eachOf(func(p shape.IpPermission) []shape.IpRange { return p.IpRanges }, func(r shape.IpRange) string { return r.CidrIp }),
		"ipv6-cidr":      eachOf(func(p shape.IpPermission) []shape.Ipv6Range { return p.Ipv6Ranges }, func(r shape.Ipv6Range) string { return r.CidrIpv6 }),
		"prefix-list-id": eachOf(func(p shape.IpPermission) []shape.PrefixListId { return p.PrefixListIds }, func(l shape.PrefixListId) string { return l.PrefixListId }),
		"group-id":       eachOf(pairsOf, func(p shape.UserIdGroupPair) string { return p.GroupId }),
		"user-id":        eachOf(pairsOf, func(p shape.UserIdGroupPair) string { return p.UserId }),
		"from-port":      one(func(p shape.IpPermission) string { return count(p.FromPort) }),
		"to-port":        one(func(p shape.IpPermission) string { return count(p.ToPort) }),
		"protocol":       one(func(p shape.IpPermission) string { return p.IpProtocol }),
	}
	for name, of := range parts {
		f["ip-permission."+name] = func(g shownGroup) (values []string) { return allOf(g.IpPermissions, of) }
		f["egress.ip-permission."+name] = func(g shownGroup) (values []string) { return allOf(g.IpPermissionsEgress, of) }
	}
	f["ip-permission.group-name"] = func(g shownGroup) []string { return g.namesIn }
	f["egress.ip-permission.group-name"] = func(g shownGroup) []string { return g.namesOut }
	return f
}

func pairsOf(p shape.IpPermission) []shape.UserIdGroupPair { return p.UserIdGroupPairs }

func allOf(permissions []shape.IpPermission, of func(shape.IpPermission) []string) (values []string) {
	for _, p := range permissions {
		values = append(values, of(p)...)
	}
	return values
}

// names are those of the groups that rules of a direction name.
func (m merger) names(rules []*cloud.SecurityGroupRule, direction string) (names []string) {
	for _, r := range rules {
		if g := m.remotes[r.RemoteGroup]; g != nil && r.Direction == direction {
			names = append(names, g.Name)
		}
	}
	return names
}
