package ec2_test

import (
	"fmt"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/network"
)

// group makes a security group in the default VPC and answers its id.
func (w *world) group(name string) string {
	w.t.Helper()
	return w.do("CreateSecurityGroup", "GroupName", name, "GroupDescription", "for tests").get("groupId")
}

// shownGroup is a group as DescribeSecurityGroups shows it.
func (w *world) shownGroup(id string) *element {
	w.t.Helper()
	return w.do("DescribeSecurityGroups", "GroupId.1", id).all("securityGroupInfo")[0]
}

// TestSecurityGroups proves what a new group is, what it may not be called, and when it can be deleted.
func TestSecurityGroups(t *testing.T) {
	w := newWorld(t)
	made := w.do("CreateSecurityGroup", "GroupName", "web", "GroupDescription", "the web", "TagSpecification.1.ResourceType", "security-group",
		"TagSpecification.1.Tag.1.Key", "team", "TagSpecification.1.Tag.1.Value", "blue")
	web := w.shownGroup(made.get("groupId"))
	for path, want := range map[string]string{"groupName": "web", "groupDescription": "the web", "ownerId": "123456789012", "tagSet/value": "blue",
		"ipPermissionsEgress/ipProtocol": "-1", "ipPermissionsEgress/ipRanges/cidrIp": "0.0.0.0/0", "ipPermissions/ipProtocol": "", "ipPermissionsEgress/fromPort": ""} {
		if got := web.get(path); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	if web.get("vpcId") == "" || len(web.all("ipPermissionsEgress")) != 1 {
		t.Errorf("%+v", web)
	}
	w.refused("InvalidGroup.Duplicate", "CreateSecurityGroup", "GroupName", "web", "GroupDescription", "again")
	w.refused("InvalidParameterValue", "CreateSecurityGroup", "GroupName", "sg-web", "GroupDescription", "x")
	w.refused("InvalidParameterValue", "CreateSecurityGroup", "GroupName", "default", "GroupDescription", "x")
	w.refused("InvalidParameterValue", "CreateSecurityGroup", "GroupName", "w\u00e4b", "GroupDescription", "x")
	w.refused("MissingParameter", "CreateSecurityGroup", "GroupName", "web")
	w.refused("InvalidVpcID.NotFound", "CreateSecurityGroup", "GroupName", "x", "GroupDescription", "x", "VpcId", "vpc-0123456789abcdef0")
	w.refused("InvalidGroup.NotFound", "DescribeSecurityGroups", "GroupName.1", "nobody")
	byDefault := w.do("DescribeSecurityGroups", "Filter.1.Name", "group-name", "Filter.1.Value.1", "default", "Filter.2.Name", "vpc-id", "Filter.2.Value.1", web.get("vpcId"))
	w.refused("CannotDelete", "DeleteSecurityGroup", "GroupId", byDefault.get("securityGroupInfo/groupId"))
	if got := byDefault.get("securityGroupInfo/ipPermissions/groups/groupId"); got != byDefault.get("securityGroupInfo/groupId") {
		t.Errorf("the default group lets in %s", got)
	}

	db := w.group("db")
	w.do("AuthorizeSecurityGroupIngress", "GroupId", db, "IpPermissions.1.IpProtocol", "tcp", "IpPermissions.1.FromPort", "5432", "IpPermissions.1.ToPort", "5432",
		"IpPermissions.1.Groups.1.GroupName", "web")
	w.refused("DependencyViolation", "DeleteSecurityGroup", "GroupName", "web")
	w.do("DeleteSecurityGroup", "GroupId", db)
	w.do("DeleteSecurityGroup", "GroupName", "web")
	w.refused("InvalidGroup.NotFound", "DeleteSecurityGroup", "GroupId", web.get("groupId"))
}

// TestGroupFilters proves every filter of groups and of rules, and their pages.
func TestGroupFilters(t *testing.T) {
	w := newWorld(t)
	w.unlimited(cloud.QuotaSecurityGroups)
	g, other := w.group("web"), w.group("db")
	w.do("CreateTags", "ResourceId.1", g, "Tag.1.Key", "team", "Tag.1.Value", "blue")
	want := map[string]string{"group-id": g, "group-name": "web", "description": "for tests", "owner-id": "123456789012", "tag:team": "blue", "tag-key": "team", "tag-value": "blue",
		"vpc-id": w.shownGroup(g).get("vpcId")}
	for action, prefix := range map[string]string{"AuthorizeSecurityGroupIngress": "ip-permission.", "AuthorizeSecurityGroupEgress": "egress.ip-permission."} {
		w.do(action, "GroupId", g, "IpPermissions.1.IpProtocol", "udp", "IpPermissions.1.FromPort", "53", "IpPermissions.1.ToPort", "54",
			"IpPermissions.1.IpRanges.1.CidrIp", "10.1.0.0/16", "IpPermissions.1.Ipv6Ranges.1.CidrIpv6", "fd00::/8", "IpPermissions.1.Groups.1.GroupId", other)
		for name, value := range map[string]string{"cidr": "10.1.0.0/16", "ipv6-cidr": "fd00::/8", "group-id": other, "group-name": "db", "user-id": "123456789012",
			"from-port": "53", "to-port": "54", "protocol": "udp"} {
			want[prefix+name] = value
		}
	}
	w.filtersWork("DescribeSecurityGroups", "securityGroupInfo", want)
	w.refused("InvalidParameterValue", "DescribeSecurityGroups", "Filter.1.Name", "colour", "Filter.1.Value.1", "red")

	rule := w.do("DescribeSecurityGroupRules", "Filter.1.Name", "group-id", "Filter.1.Value.1", g).get("securityGroupRuleSet/securityGroupRuleId")
	w.do("CreateTags", "ResourceId.1", rule, "Tag.1.Key", "why", "Tag.1.Value", "because")
	w.filtersWork("DescribeSecurityGroupRules", "securityGroupRuleSet", map[string]string{"group-id": g, "security-group-rule-id": rule, "tag:why": "because", "tag-key": "why"})

	for i := range 7 {
		w.group(fmt.Sprintf("more-%d", i))
	}
	page := w.do("DescribeSecurityGroups", "MaxResults", "5")
	rest := w.do("DescribeSecurityGroups", "MaxResults", "1000", "NextToken", page.get("nextToken"))
	if n, m := len(page.all("securityGroupInfo")), len(rest.all("securityGroupInfo")); n != 5 || m < 4 || rest.get("nextToken") != "" {
		t.Errorf("pages of %d and %d groups", n, m)
	}
	w.refused("InvalidParameterCombination", "DescribeSecurityGroups", "MaxResults", "5", "GroupId.1", g)
	w.refused("InvalidParameterCombination", "DescribeSecurityGroupRules", "MaxResults", "5", "SecurityGroupRuleId.1", rule)
}

// TestPermissions proves that rules come and go in every form that clients send, all of a request or none.
func TestPermissions(t *testing.T) {
	w := newWorld(t)
	g, other := w.group("web"), w.group("db")
	ssh := []string{"GroupId", g, "IpProtocol", "tcp", "FromPort", "22", "ToPort", "22", "CidrIp", "10.0.0.7/8"}
	rule := w.do("AuthorizeSecurityGroupIngress", append(ssh, "TagSpecification.1.ResourceType", "security-group-rule",
		"TagSpecification.1.Tag.1.Key", "a", "TagSpecification.1.Tag.1.Value", "b")...).all("securityGroupRuleSet")[0]
	for path, want := range map[string]string{"cidrIpv4": "10.0.0.0/8", "fromPort": "22", "toPort": "22", "isEgress": "false", "groupId": g, "ipProtocol": "tcp", "tagSet/value": "b"} {
		if got := rule.get(path); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	w.refused("InvalidPermission.Duplicate", "AuthorizeSecurityGroupIngress", ssh...)

	several := []string{"GroupName", "web", "IpPermissions.1.IpProtocol", "6", "IpPermissions.1.FromPort", "0", "IpPermissions.1.ToPort", "65535",
		"IpPermissions.1.IpRanges.1.CidrIp", "10.0.0.0/8", "IpPermissions.1.IpRanges.2.CidrIp", "192.168.0.0/16", "IpPermissions.1.IpRanges.2.Description", "home",
		"IpPermissions.2.IpProtocol", "icmp", "IpPermissions.2.FromPort", "8", "IpPermissions.2.ToPort", "-1", "IpPermissions.2.IpRanges.1.CidrIp", "0.0.0.0/0",
		"IpPermissions.3.IpProtocol", "icmpv6", "IpPermissions.3.Ipv6Ranges.1.CidrIpv6", "::/0", "IpPermissions.4.IpProtocol", "50", "IpPermissions.4.Groups.1.GroupId", other,
		"IpPermissions.5.IpProtocol", "-1", "IpPermissions.5.FromPort", "0", "IpPermissions.5.ToPort", "0", "IpPermissions.5.Groups.1.GroupName", "db",
		"IpPermissions.6.IpProtocol", "udp", "IpPermissions.6.FromPort", "0", "IpPermissions.6.ToPort", "7", "IpPermissions.6.Groups.1.GroupId", g}
	if n := len(w.do("AuthorizeSecurityGroupIngress", several...).all("securityGroupRuleSet")); n != 7 {
		t.Fatalf("%d rules were made, want 7", n)
	}
	merged := w.shownGroup(g).all("ipPermissions")
	if n := len(merged); n != 7 { // ssh and the six
		t.Errorf("%d permissions are shown, want 7", n)
	}
	w.refused("InvalidPermission.Duplicate", "AuthorizeSecurityGroupIngress", append(ssh[:len(ssh):len(ssh)], "IpPermissions.1.IpProtocol", "tcp", "IpPermissions.1.FromPort", "23",
		"IpPermissions.1.ToPort", "23", "IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0/0")...)
	if n := len(w.shownGroup(g).all("ipPermissions")); n != 7 {
		t.Errorf("a request that was refused left something: %d permissions", n)
	}

	// What is shown can be sent back as it is.
	back := []string{"GroupId", g}
	for i, p := range merged {
		at := fmt.Sprintf("IpPermissions.%d.", i+1)
		for _, name := range []string{"ipProtocol", "fromPort", "toPort"} {
			if v := p.get(name); v != "" {
				back = append(back, at+cloud.Title(name), v)
			}
		}
		for j, v := range p.texts("ipRanges/cidrIp") {
			back = append(back, fmt.Sprintf("%sIpRanges.%d.CidrIp", at, j+1), v)
		}
		for j, v := range p.texts("ipv6Ranges/cidrIpv6") {
			back = append(back, fmt.Sprintf("%sIpv6Ranges.%d.CidrIpv6", at, j+1), v)
		}
		for j, v := range p.all("groups") {
			back = append(back, fmt.Sprintf("%sGroups.%d.GroupId", at, j+1), v.get("groupId"), fmt.Sprintf("%sGroups.%d.UserId", at, j+1), v.get("userId"))
		}
	}
	if n := len(w.do("RevokeSecurityGroupIngress", back...).all("revokedSecurityGroupRuleSet")); n != 8 {
		t.Errorf("%d rules were revoked, want 8", n)
	}
	if n := w.shownGroup(g).get("ipPermissions/ipProtocol"); n != "" {
		t.Errorf("left: %s", n)
	}
	w.refused("InvalidPermission.NotFound", "RevokeSecurityGroupIngress", ssh...)
	all := []string{"GroupId", g, "IpPermissions.1.IpProtocol", "-1", "IpPermissions.1.FromPort", "0", "IpPermissions.1.ToPort", "0", "IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0/0"}
	w.do("RevokeSecurityGroupEgress", all...)
	w.refused("InvalidPermission.NotFound", "RevokeSecurityGroupEgress", all...)
	w.do("AuthorizeSecurityGroupIngress", "GroupName", "web", "SourceSecurityGroupName", "db")
	if n := len(w.shownGroup(g).all("ipPermissions")); n != 3 {
		t.Errorf("a group without a protocol: %d permissions", n)
	}
}

// TestBadPermissions proves the codes of permissions that cannot be.
func TestBadPermissions(t *testing.T) {
	w := newWorld(t)
	g := w.group("web")
	permission := func(more ...string) []string {
		p := []string{"GroupId", g}
		for i := 0; i < len(more); i += 2 {
			p = append(p, "IpPermissions.1."+more[i], more[i+1])
		}
		return p
	}
	to := "IpRanges.1.CidrIp"
	for _, c := range []struct {
		code string
		p    []string
	}{
		{"InvalidParameterValue", permission("IpProtocol", "smoke", to, "0.0.0.0/0")},
		{"InvalidParameterValue", permission("IpProtocol", "tcp", to, "0.0.0.0/0")},
		{"InvalidParameterValue", permission("IpProtocol", "tcp", "FromPort", "9", "ToPort", "8", to, "0.0.0.0/0")},
		{"InvalidParameterValue", permission("IpProtocol", "tcp", "FromPort", "9", "ToPort", "65536", to, "0.0.0.0/0")},
		{"InvalidParameterValue", permission("IpProtocol", "icmp", "FromPort", "-1", "ToPort", "3", to, "0.0.0.0/0")},
		{"InvalidParameterValue", permission("IpProtocol", "-1", to, "10.0.0.0")},
		{"InvalidParameterValue", permission("IpProtocol", "-1", to, "fd00::/8")},
		{"InvalidParameterValue", permission("IpProtocol", "-1", to, "10.0.0.0/8", "IpRanges.2.CidrIp", "10.0.0.1/8")},
		{"InvalidParameterValue", permission("IpProtocol", "-1", to, "10.0.0.0/8", "IpRanges.1.Description", "?")},
		{"InvalidPermission.Malformed", permission("IpProtocol", "-1")},
		{"InvalidGroup.NotFound", permission("IpProtocol", "-1", "Groups.1.GroupId", "sg-0123456789abcdef0")},
		{"InvalidGroup.NotFound", permission("IpProtocol", "-1", "Groups.1.GroupName", "nobody")},
		{"InvalidGroup.NotFound", permission("IpProtocol", "-1", "Groups.1.GroupId", g, "Groups.1.UserId", "210987654321")},
		{"InvalidGroupId.Malformed", permission("IpProtocol", "-1", "Groups.1.GroupId", "web")},
		{"UnsupportedOperation", permission("IpProtocol", "-1", "PrefixListIds.1.PrefixListId", "pl-0123456789abcdef0")},
		{"MissingParameter", []string{"GroupId", g}},
	} {
		w.refused(c.code, "AuthorizeSecurityGroupIngress", c.p...)
	}
	w.refused("MissingParameter", "AuthorizeSecurityGroupIngress", "IpProtocol", "-1", "CidrIp", "0.0.0.0/0")
}

// TestRulesInPlace proves that rules are changed in place, and revoked, by their ids.
func TestRulesInPlace(t *testing.T) {
	w := newWorld(t)
	g, other := w.group("web"), w.group("db")
	made := w.do("AuthorizeSecurityGroupIngress", "GroupId", g, "IpPermissions.1.IpProtocol", "tcp", "IpPermissions.1.FromPort", "22", "IpPermissions.1.ToPort", "22",
		"IpPermissions.1.IpRanges.1.CidrIp", "10.0.0.0/8", "IpPermissions.1.IpRanges.2.CidrIp", "11.0.0.0/8").texts("securityGroupRuleSet/securityGroupRuleId")
	shown := func() *element {
		return w.do("DescribeSecurityGroupRules", "SecurityGroupRuleId.1", made[0]).all("securityGroupRuleSet")[0]
	}
	change := func(more ...string) []string {
		p := []string{"GroupId", g, "SecurityGroupRule.1.SecurityGroupRuleId", made[0]}
		for i := 0; i < len(more); i += 2 {
			p = append(p, "SecurityGroupRule.1.SecurityGroupRule."+more[i], more[i+1])
		}
		return p
	}
	w.do("ModifySecurityGroupRules", change("IpProtocol", "udp", "FromPort", "53", "ToPort", "53", "ReferencedGroupId", other, "Description", "names")...)
	if r := shown(); r.get("referencedGroupInfo/groupId") != other || r.get("ipProtocol") != "udp" || r.get("description") != "names" || r.get("isEgress") != "false" {
		t.Errorf("after the change: %+v", r)
	}
	w.refused("InvalidPermission.Duplicate", "ModifySecurityGroupRules", change("IpProtocol", "tcp", "FromPort", "22", "ToPort", "22", "CidrIpv4", "11.0.0.0/8")...)
	w.refused("InvalidParameterCombination", "ModifySecurityGroupRules", change("IpProtocol", "-1", "CidrIpv4", "11.0.0.0/8", "CidrIpv6", "::/0")...)
	w.refused("InvalidSecurityGroupRuleId.NotFound", "ModifySecurityGroupRules", "GroupId", other, "SecurityGroupRule.1.SecurityGroupRuleId", made[0],
		"SecurityGroupRule.1.SecurityGroupRule.IpProtocol", "-1", "SecurityGroupRule.1.SecurityGroupRule.CidrIpv4", "0.0.0.0/0")

	w.do("UpdateSecurityGroupRuleDescriptionsIngress", "GroupId", g, "SecurityGroupRuleDescription.1.SecurityGroupRuleId", made[0], "SecurityGroupRuleDescription.1.Description", "one")
	if got := shown().get("description"); got != "one" {
		t.Errorf("description by id: %q", got)
	}
	w.do("UpdateSecurityGroupRuleDescriptionsIngress", "GroupId", g, "IpPermissions.1.IpProtocol", "udp", "IpPermissions.1.FromPort", "53", "IpPermissions.1.ToPort", "53",
		"IpPermissions.1.Groups.1.GroupId", other)
	if got := shown().get("description"); got != "" {
		t.Errorf("description by permission: %q", got)
	}
	w.refused("InvalidSecurityGroupRuleId.NotFound", "UpdateSecurityGroupRuleDescriptionsEgress", "GroupId", g, "SecurityGroupRuleDescription.1.SecurityGroupRuleId", made[0])
	w.refused("InvalidSecurityGroupRuleId.NotFound", "RevokeSecurityGroupEgress", "GroupId", g, "SecurityGroupRuleId.1", made[0])
	w.do("RevokeSecurityGroupIngress", "GroupId", g, "SecurityGroupRuleId.1", made[0], "SecurityGroupRuleId.2", made[1])
	w.refused("InvalidSecurityGroupRuleId.NotFound", "DescribeSecurityGroupRules", "SecurityGroupRuleId.1", made[1])
}

// TestOthersGroups proves that groups made through another API are shown, and their rules taken away.
func TestOthersGroups(t *testing.T) {
	w := newWorld(t)
	g, err := w.Services().Network.CreateSecurityGroup(w.Context(), network.GroupRequest{Name: "plain"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Services().Network.CreateRule(w.Context(), network.RuleRequest{GroupID: g.ID, Direction: "ingress", Protocol: "sctp", PortMin: new(5), PortMax: new(6)}); err != nil {
		t.Fatal(err)
	}
	id := "sg-" + cloud.ShortID(g.ID)
	shown := w.shownGroup(id)
	if got := shown.get("ipPermissions/ipProtocol"); got != "132" || shown.get("vpcId") != "" {
		t.Errorf("shown as %+v", shown)
	}
	if n := len(shown.all("ipPermissionsEgress")); n != 1 || shown.get("ipPermissionsEgress/ipv6Ranges/cidrIpv6") != "::/0" {
		t.Errorf("%d permissions out", n)
	}
	w.do("RevokeSecurityGroupEgress", "GroupId", id, "IpPermissions.1.IpProtocol", "-1", "IpPermissions.1.Ipv6Ranges.1.CidrIpv6", "::/0")
	w.do("DeleteSecurityGroup", "GroupId", id)
}
