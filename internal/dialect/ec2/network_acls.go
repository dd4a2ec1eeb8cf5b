package ec2

import (
	"context"
	"net/netip"
	"slices"
	"strconv"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/network"
)

func (a *api) aclActions() []*action {
	const entry = "NetworkAclId RuleNumber Egress Protocol RuleAction CidrBlock Ipv6CidrBlock PortRange IcmpTypeCode"
	return []*action{
		serve("CreateNetworkAcl", a.createACL, "VpcId TagSpecifications"),
		serve("DescribeNetworkAcls", a.describeACLs, "NetworkAclIds Filters MaxResults NextToken"),
		done("DeleteNetworkAcl", a.deleteACL, "NetworkAclId"),
		done("CreateNetworkAclEntry", a.createACLEntry, entry),
		done("ReplaceNetworkAclEntry", a.replaceACLEntry, entry),
		done("DeleteNetworkAclEntry", a.deleteACLEntry, "NetworkAclId RuleNumber Egress"),
		serve("ReplaceNetworkAclAssociation", a.replaceACL, "AssociationId NetworkAclId"),
	}
}

func (a *api) acls(ctx context.Context, where ...cloud.Cond) ([]*cloud.PacketFilter, error) {
	return a.Network.ListFilters(ctx, cloud.Where(append(where, own(ctx))...))
}

func aclID(f *cloud.PacketFilter) string { return string(f.ID) }

func (a *api) acl(ctx context.Context, text string) (*cloud.PacketFilter, error) {
	return findOne(ctx, filterIDs, text, a.acls, aclID)
}

func (a *api) createACL(ctx context.Context, in *shape.CreateNetworkAclRequest) (*shape.CreateNetworkAclResult, error) {
	words, err := labelWords(in.TagSpecifications, "network-acl")
	if err != nil {
		return nil, err
	}
	r, err := a.router(ctx, in.VpcId)
	if err != nil {
		return nil, err
	}
	f, err := a.Network.CreateFilter(ctx, network.FilterRequest{RouterID: r.ID, Words: words})
	if err != nil {
		return nil, err
	}
	account, err := a.account(ctx)
	return &shape.CreateNetworkAclResult{NetworkAcl: new(shownACL(f, account)), ClientToken: in.ClientToken}, err
}

// aclRow is a network ACL with what is shown of it.
type aclRow struct {
	filter *cloud.PacketFilter
	shown  shape.NetworkAcl
}

func (a *api) aclNoun() noun[aclRow] {
	return noun[aclRow]{ids: filterIDs, list: a.aclRows, id: func(r aclRow) string { return aclID(r.filter) },
		place: func(r aclRow) string { return place(r.filter.CreatedAt, r.filter.ID) }, fields: aclFields, tags: func(r aclRow) []shape.Tag { return r.shown.Tags }}
}

func (a *api) aclRows(ctx context.Context, where ...cloud.Cond) ([]aclRow, error) {
	filters, err := a.acls(ctx, where...)
	if err != nil {
		return nil, err
	}
	account, err := a.account(ctx)
	rows := make([]aclRow, len(filters))
	for i, f := range filters {
		rows[i] = aclRow{f, shownACL(f, account)}
	}
	return rows, err
}

func aclTags(f *cloud.PacketFilter) []shape.Tag { return tagsOf(f.Labels, "") }

func shownACL(f *cloud.PacketFilter, account string) shape.NetworkAcl {
	shown := shape.NetworkAcl{NetworkAclId: id(filterIDs, f.ID), VpcId: id(vpcIDs, f.RouterID), OwnerId: account, IsDefault: &f.Default, Entries: shownEntries(f), Tags: aclTags(f)}
	for _, u := range f.Uses {
		shown.Associations = append(shown.Associations, shape.NetworkAclAssociation{NetworkAclAssociationId: filterUseIDs.of(u.ID), NetworkAclId: shown.NetworkAclId, SubnetId: id(subnetIDs, u.SubnetID)})
	}
	return shown
}

// The numbers under which a filter's last word is shown, that what nothing speaks of is dropped: for each family.
const lastNumber, lastNumberIPv6 = 32767, 32768

func shownEntries(f *cloud.PacketFilter) (shown []shape.NetworkAclEntry) {
	for _, egress := range []bool{true, false} {
		six := false
		for _, e := range f.Entries {
			if e.Egress == egress {
				shown, six = append(shown, shownEntry(e)), six || e.Prefix.Addr().Is6()
			}
		}
		last := cloud.FilterEntry{Number: lastNumber, Egress: egress, Protocol: -1, Prefix: netip.PrefixFrom(netip.IPv4Unspecified(), 0)}
		shown = append(shown, shownEntry(last))
		if six {
			last.Number, last.Prefix = lastNumberIPv6, netip.PrefixFrom(netip.IPv6Unspecified(), 0)
			shown = append(shown, shownEntry(last))
		}
	}
	return shown
}

func shownEntry(e cloud.FilterEntry) shape.NetworkAclEntry {
	shown := shape.NetworkAclEntry{RuleNumber: &e.Number, Egress: &e.Egress, Protocol: strconv.Itoa(e.Protocol), RuleAction: "deny"}
	if e.Allow {
		shown.RuleAction = "allow"
	}
	if e.Prefix.Addr().Is4() {
		shown.CidrBlock = e.Prefix.String()
	} else {
		shown.Ipv6CidrBlock = e.Prefix.String()
	}
	switch {
	case e.PortMin == nil:
	case e.Protocol == 1 || e.Protocol == 58:
		shown.IcmpTypeCode = &shape.IcmpTypeCode{Type: e.PortMin, Code: e.PortMax}
	default:
		shown.PortRange = &shape.PortRange{From: e.PortMin, To: e.PortMax}
	}
	return shown
}

func ofACLUses(value func(shape.NetworkAclAssociation) string) func(aclRow) []string {
	return func(r aclRow) []string { return valuesOf(r.shown.Associations, value) }
}

func ofEntries(value func(shape.NetworkAclEntry) string) func(aclRow) []string {
	return func(r aclRow) []string { return valuesOf(r.shown.Entries, value) }
}

var aclFields = fields[aclRow]{
	"association.association-id": ofACLUses(func(u shape.NetworkAclAssociation) string { return u.NetworkAclAssociationId }),
	"association.network-acl-id": ofACLUses(func(u shape.NetworkAclAssociation) string { return u.NetworkAclId }),
	"association.subnet-id":      ofACLUses(func(u shape.NetworkAclAssociation) string { return u.SubnetId }),
	"default":                    truth(func(r aclRow) bool { return r.filter.Default }),
	"network-acl-id":             one(func(r aclRow) string { return r.shown.NetworkAclId }),
	"owner-id":                   one(func(r aclRow) string { return r.shown.OwnerId }),
	"vpc-id":                     one(func(r aclRow) string { return r.shown.VpcId }),

	"entry.cidr":        ofEntries(func(e shape.NetworkAclEntry) string { return e.CidrBlock }),
	"entry.ipv6-cidr":   ofEntries(func(e shape.NetworkAclEntry) string { return e.Ipv6CidrBlock }),
	"entry.egress":      ofEntries(func(e shape.NetworkAclEntry) string { return strconv.FormatBool(*e.Egress) }),
	"entry.protocol":    ofEntries(func(e shape.NetworkAclEntry) string { return e.Protocol }),
	"entry.rule-action": ofEntries(func(e shape.NetworkAclEntry) string { return e.RuleAction }),
	"entry.rule-number": ofEntries(func(e shape.NetworkAclEntry) string { return strconv.Itoa(*e.RuleNumber) }),
	"entry.icmp.code": ofEntries(func(e shape.NetworkAclEntry) string {
		if e.IcmpTypeCode == nil {
			return ""
		}
		return written(e.IcmpTypeCode.Code)
	}),
	"entry.icmp.type": ofEntries(func(e shape.NetworkAclEntry) string {
		if e.IcmpTypeCode == nil {
			return ""
		}
		return written(e.IcmpTypeCode.Type)
	}),
	"entry.port-range.from": ofEntries(func(e shape.NetworkAclEntry) string {
		if e.PortRange == nil {
			return ""
		}
		return written(e.PortRange.From)
	}),
	"entry.port-range.to": ofEntries(func(e shape.NetworkAclEntry) string {
		if e.PortRange == nil {
			return ""
		}
		return written(e.PortRange.To)
	}),
}

// written is a number as text, empty for none.
func written(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}

func (a *api) describeACLs(ctx context.Context, in *shape.DescribeNetworkAclsRequest) (*shape.DescribeNetworkAclsResult, error) {
	if err := a.furnished(ctx); err != nil {
		return nil, err
	}
	rows, next, err := a.aclNoun().describe(ctx, ask{in.NetworkAclIds, in.Filters, in.MaxResults, in.NextToken})
	out := &shape.DescribeNetworkAclsResult{NextToken: next}
	for _, r := range rows {
		out.NetworkAcls = append(out.NetworkAcls, r.shown)
	}
	return out, err
}

func (a *api) deleteACL(ctx context.Context, in *shape.DeleteNetworkAclRequest) error {
	f, err := a.acl(ctx, in.NetworkAclId)
	if err != nil {
		return err
	}
	return a.Network.DeleteFilter(ctx, f.ID)
}

// aclProtocols are the names that clients use for protocols' numbers.
var aclProtocols = map[string]int{"all": -1, "tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58}

// aclEntry reads an entry of a request. Its members are those of another request as well.
func aclEntry(in *shape.CreateNetworkAclEntryRequest) (cloud.FilterEntry, error) {
	e := cloud.FilterEntry{Number: *in.RuleNumber, Egress: *in.Egress, Allow: in.RuleAction == "allow"}
	if !slices.Contains([]string{"allow", "deny"}, in.RuleAction) {
		return e, invalidParameter("Value (%s) for parameter ruleAction is invalid. The action is allow or deny.", in.RuleAction)
	}
	var err error
	if e.Prefix, err = destination(in.CidrBlock, in.Ipv6CidrBlock); err != nil {
		return e, err
	}
	number, known := aclProtocols[in.Protocol]
	if !known {
		if number, err = strconv.Atoi(in.Protocol); err != nil {
			return e, invalidParameter("Value (%s) for parameter protocol is invalid. Unknown protocol.", in.Protocol)
		}
	}
	e.Protocol = number
	if p := in.PortRange; p != nil {
		e.PortMin, e.PortMax = p.From, p.To
	}
	if t := in.IcmpTypeCode; t != nil && (number == 1 || number == 58) {
		e.PortMin, e.PortMax = t.Type, t.Code
	}
	return e, nil
}

func (a *api) createACLEntry(ctx context.Context, in *shape.CreateNetworkAclEntryRequest) error {
	f, err := a.acl(ctx, in.NetworkAclId)
	if err != nil {
		return err
	}
	e, err := aclEntry(in)
	if err != nil {
		return err
	}
	_, err = a.Network.AddFilterEntry(ctx, f.ID, e)
	return err
}

func (a *api) replaceACLEntry(ctx context.Context, in *shape.ReplaceNetworkAclEntryRequest) error {
	f, err := a.acl(ctx, in.NetworkAclId)
	if err != nil {
		return err
	}
	e, err := aclEntry((*shape.CreateNetworkAclEntryRequest)(in))
	if err != nil {
		return err
	}
	_, err = a.Network.ReplaceFilterEntry(ctx, f.ID, e)
	return err
}

func (a *api) deleteACLEntry(ctx context.Context, in *shape.DeleteNetworkAclEntryRequest) error {
	f, err := a.acl(ctx, in.NetworkAclId)
	if err != nil {
		return err
	}
	_, err = a.Network.RemoveFilterEntry(ctx, f.ID, *in.Egress, *in.RuleNumber)
	return err
}

// aclUse finds the use of a network ACL by its id.
func (a *api) aclUse(ctx context.Context, text string) (string, error) {
	short, err := filterUseIDs.short(text)
	if err != nil {
		return "", err
	}
	filters, err := a.acls(ctx, cloud.Eq("use_short_ids", short))
	if err != nil {
		return "", err
	}
	for _, f := range filters {
		if i := slices.IndexFunc(f.Uses, func(u cloud.TableUse) bool { return cloud.ShortID(u.ID) == short }); i >= 0 {
			return f.Uses[i].ID, nil
		}
	}
	return "", filterUseIDs.missing(text)
}

func (a *api) replaceACL(ctx context.Context, in *shape.ReplaceNetworkAclAssociationRequest) (*shape.ReplaceNetworkAclAssociationResult, error) {
	use, err := a.aclUse(ctx, in.AssociationId)
	if err != nil {
		return nil, err
	}
	f, err := a.acl(ctx, in.NetworkAclId)
	if err != nil {
		return nil, err
	}
	fresh, err := a.Network.ReplaceFilterUse(ctx, use, f.ID)
	return &shape.ReplaceNetworkAclAssociationResult{NewAssociationId: filterUseIDs.of(fresh.ID)}, err
}
