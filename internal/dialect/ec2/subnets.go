package ec2

import (
	"context"
	"math"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/network"
)

func (a *api) subnetActions() []*action {
	return []*action{
		serve("CreateSubnet", a.createSubnet, "VpcId CidrBlock Ipv6CidrBlock AvailabilityZone AvailabilityZoneId TagSpecifications"),
		serve("CreateDefaultSubnet", a.createDefaultSubnet, "AvailabilityZone"),
		serve("DescribeSubnets", a.describeSubnets, "SubnetIds Filters MaxResults NextToken"),
		done("DeleteSubnet", a.deleteSubnet, "SubnetId"),
		done("ModifySubnetAttribute", a.modifySubnet, "SubnetId MapPublicIpOnLaunch AssignIpv6AddressOnCreation"),
		serve("AssociateSubnetCidrBlock", a.associateSubnetBlock, "SubnetId Ipv6CidrBlock"),
		serve("DisassociateSubnetCidrBlock", a.disassociateSubnetBlock, "AssociationId"),
	}
}

// reserved are the addresses at a subnet's start that instances do not get; nor do they get the last one.
const reserved = 4

func (a *api) createSubnet(ctx context.Context, in *shape.CreateSubnetRequest) (*shape.CreateSubnetResult, error) {
	r, err := a.router(ctx, in.VpcId)
	if err != nil {
		return nil, err
	}
	if in.CidrBlock == "" {
		return nil, missingParameter("CidrBlock")
	}
	block, err := readBlock(in.CidrBlock, "InvalidSubnet.Range")
	if err != nil {
		return nil, err
	}
	zone, err := a.subnetZone(ctx, in.AvailabilityZone, in.AvailabilityZoneId)
	if err != nil {
		return nil, err
	}
	words, err := wordsOf(in.TagSpecifications, "subnet")
	if err != nil {
		return nil, err
	}
	var sub *cloud.Subnet
	err = a.Network.Together(ctx, func(ctx context.Context) error {
		sub, err = a.Network.CreateDomainSubnet(ctx, network.DomainSubnetRequest{RouterID: r.ID, Words: words, Prefix: block, Zone: zone, Reserved: reserved})
		if err != nil || in.Ipv6CidrBlock == "" {
			return subnetFault(err, in.CidrBlock)
		}
		_, err = a.addSix(ctx, sub, in.Ipv6CidrBlock)
		return err
	})
	if err != nil {
		return nil, err
	}
	shown, err := a.shownSubnet(ctx, sub)
	return &shape.CreateSubnetResult{Subnet: shown}, err
}

// subnetZone is the zone of a new subnet: the one that is named, or the first.
func (a *api) subnetZone(ctx context.Context, name, zoneID string) (string, error) {
	if name != "" || zoneID != "" {
		return a.zoneOf(ctx, &shape.Placement{AvailabilityZone: name, AvailabilityZoneId: zoneID})
	}
	zones, err := a.zones(ctx)
	if err != nil || len(zones) == 0 {
		return "", err
	}
	return zones[0].Name, nil
}

func subnetFault(err error, block string) error {
	e, ok := cloud.AsError(err)
	switch {
	case ok && e.Kind == cloud.Invalid && e.Field == "block":
		return bad("InvalidSubnet.Range", "The CIDR '%s' is invalid.", block)
	case ok && e.Kind == cloud.AlreadyExists && e.Field == "beside":
		return bad("InvalidSubnet.Conflict", "The subnet has an IPv6 CIDR already.")
	case ok && e.Kind == cloud.AlreadyExists && e.Field == "prefix":
		return bad("InvalidSubnet.Conflict", "The CIDR '%s' conflicts with another subnet", block)
	}
	return err
}

func (a *api) createDefaultSubnet(ctx context.Context, in *shape.CreateDefaultSubnetRequest) (*shape.CreateDefaultSubnetResult, error) {
	zone, err := a.subnetZone(ctx, in.AvailabilityZone, "")
	if err != nil {
		return nil, err
	}
	sub, err := a.Network.CreateDefaultSubnet(ctx, cloud.PrincipalOf(ctx).ProjectID, zone)
	switch {
	case cloud.Is(err, cloud.AlreadyExists):
		return nil, bad("DefaultSubnetAlreadyExistsInAvailabilityZone", "'%s' already has a default subnet.", in.AvailabilityZone)
	case cloud.Is(err, cloud.NotFound):
		return nil, bad("DefaultVpcDoesNotExist", "No default VPC exists for this account in this region.")
	case err != nil:
		return nil, err
	}
	shown, err := a.shownSubnet(ctx, sub)
	return &shape.CreateDefaultSubnetResult{Subnet: shown}, err
}

// subnetRow is a subnet with what is shown of it.
type subnetRow struct {
	subnet *cloud.Subnet
	shown  shape.Subnet
}

func (a *api) subnetNoun() noun[subnetRow] {
	return noun[subnetRow]{ids: subnetIDs, list: a.subnetRows, id: func(r subnetRow) string { return string(r.subnet.ID) },
		place: func(r subnetRow) string { return place(r.subnet.CreatedAt, r.subnet.ID) }, fields: subnetFields, tags: func(r subnetRow) []shape.Tag { return r.shown.Tags }}
}

// subnetRows leaves out subnets of IPv6 alone: there is no block to show of them.
func (a *api) subnetRows(ctx context.Context, where ...cloud.Cond) ([]subnetRow, error) {
	all, err := a.subnets(ctx, where...)
	if err != nil {
		return nil, err
	}
	s, err := a.surroundings(ctx)
	if err != nil {
		return nil, err
	}
	var subnets []*cloud.Subnet
	for _, sub := range all {
		if sub.Prefix.Addr().Is4() {
			subnets = append(subnets, sub)
		}
	}
	free, err := a.Network.FreeAddresses(ctx, subnets)
	if err != nil {
		return nil, err
	}
	rows, ids := make([]subnetRow, len(subnets)), make([]cloud.SubnetID, len(subnets))
	for i, sub := range subnets {
		ids[i] = sub.ID
	}
	six, err := a.Network.Beside(ctx, ids)
	for i, sub := range subnets {
		rows[i] = subnetRow{sub, s.subnet(sub, six[sub.ID], free[sub.ID])}
	}
	return rows, err
}

func (s *surroundings) subnet(sub, six *cloud.Subnet, free int64) shape.Subnet {
	z := s.zoneShown(sub.Zone)
	out := shape.Subnet{SubnetId: id(subnetIDs, sub.ID), VpcId: s.vpc(sub), OwnerId: s.owner, State: "available", CidrBlock: sub.Prefix.String(), AvailabilityZone: z.name,
		AvailabilityZoneId: z.id, AvailableIpAddressCount: new(int(min(free, math.MaxInt32))), DefaultForAz: new(sub.Default), MapPublicIpOnLaunch: new(sub.AutoPublic),
		AssignIpv6AddressOnCreation: new(false), MapCustomerOwnedIpOnLaunch: new(false), Ipv6Native: new(false), EnableDns64: new(false),
		SubnetArn:                     "arn:aws:ec2:" + s.region + ":" + s.owner + ":subnet/" + id(subnetIDs, sub.ID),
		PrivateDnsNameOptionsOnLaunch: &shape.PrivateDnsNameOptionsOnLaunch{HostnameType: "ip-name", EnableResourceNameDnsARecord: new(false), EnableResourceNameDnsAAAARecord: new(false)},
		Tags:                          tagsOf(sub.Labels, sub.Name)}
	if six != nil {
		out.AssignIpv6AddressOnCreation = new(!six.OnRequest)
		out.Ipv6CidrBlockAssociationSet = []shape.SubnetIpv6CidrBlockAssociation{*showSix(six, "associated")}
	}
	return out
}

func (a *api) shownSubnet(ctx context.Context, sub *cloud.Subnet) (*shape.Subnet, error) {
	rows, err := a.subnetRows(ctx, cloud.Eq("id", sub.ID))
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0].shown, nil
}

func ofSubnet(value func(shape.Subnet) string) func(subnetRow) []string {
	return one(func(r subnetRow) string { return value(r.shown) })
}

var subnetFields = fields[subnetRow]{
	"availability-zone":          ofSubnet(func(s shape.Subnet) string { return s.AvailabilityZone }),
	"availability-zone-id":       ofSubnet(func(s shape.Subnet) string { return s.AvailabilityZoneId }),
	"available-ip-address-count": ofSubnet(func(s shape.Subnet) string { return count(s.AvailableIpAddressCount) }),
	"cidr":                       ofSubnet(func(s shape.Subnet) string { return s.CidrBlock }),
	"cidr-block":                 ofSubnet(func(s shape.Subnet) string { return s.CidrBlock }),
	"customer-owned-ipv4-pool":   func(subnetRow) []string { return nil },
	"default-for-az":             ofSubnet(func(s shape.Subnet) string { return yes(s.DefaultForAz) }),
	"default":                    ofSubnet(func(s shape.Subnet) string { return yes(s.DefaultForAz) }),
	"enable-dns64":               no[subnetRow],
	"ipv6-native":                no[subnetRow],
	"ipv6-cidr-block-association.association-id":       ofSix(func(b shape.SubnetIpv6CidrBlockAssociation) string { return b.AssociationId }),
	"ipv6-cidr-block-association.ipv6-cidr-block":      ofSix(func(b shape.SubnetIpv6CidrBlockAssociation) string { return b.Ipv6CidrBlock }),
	"ipv6-cidr-block-association.state":                ofSix(func(b shape.SubnetIpv6CidrBlockAssociation) string { return b.Ipv6CidrBlockState.State }),
	"map-customer-owned-ip-on-launch":                  no[subnetRow],
	"map-public-ip-on-launch":                          ofSubnet(func(s shape.Subnet) string { return yes(s.MapPublicIpOnLaunch) }),
	"outpost-arn":                                      func(subnetRow) []string { return nil },
	"owner-id":                                         ofSubnet(func(s shape.Subnet) string { return s.OwnerId }),
	"private-dns-name-options-on-launch.hostname-type": one(func(subnetRow) string { return "ip-name" }),
	"private-dns-name-options-on-launch.enable-resource-name-dns-a-record":    no[subnetRow],
	"private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record": no[subnetRow],
	"state":      ofSubnet(func(s shape.Subnet) string { return s.State }),
	"subnet-arn": ofSubnet(func(s shape.Subnet) string { return s.SubnetArn }),
	"subnet-id":  ofSubnet(func(s shape.Subnet) string { return s.SubnetId }),
	"vpc-id":     ofSubnet(func(s shape.Subnet) string { return s.VpcId }),
}

func (a *api) describeSubnets(ctx context.Context, in *shape.DescribeSubnetsRequest) (*shape.DescribeSubnetsResult, error) {
	if err := a.furnished(ctx); err != nil {
		return nil, err
	}
	rows, next, err := a.subnetNoun().describe(ctx, ask{in.SubnetIds, in.Filters, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &shape.DescribeSubnetsResult{NextToken: next}
	for _, r := range rows {
		out.Subnets = append(out.Subnets, r.shown)
	}
	return out, nil
}

func (a *api) deleteSubnet(ctx context.Context, in *shape.DeleteSubnetRequest) error {
	sub, err := findOne(ctx, subnetIDs, in.SubnetId, a.subnets, subnetID)
	if err != nil {
		return err
	}
	if sub.RouterID == "" {
		return dependency(a.Network.DeleteSubnet(ctx, sub.ID), "The subnet '%s' has dependencies and cannot be deleted.", in.SubnetId)
	}
	return dependency(a.Network.DeleteDomainSubnet(ctx, sub.ID), "The subnet '%s' has dependencies and cannot be deleted.", in.SubnetId)
}

func (a *api) modifySubnet(ctx context.Context, in *shape.ModifySubnetAttributeRequest) error {
	sub, err := findOne(ctx, subnetIDs, in.SubnetId, a.subnets, subnetID)
	if err != nil {
		return err
	}
	if v := in.AssignIpv6AddressOnCreation; v != nil {
		if in.MapPublicIpOnLaunch != nil {
			return invalidCombination("One attribute of a subnet is modified at a time.")
		}
		return autoSixFault(a.Network.SetAutoIPv6(ctx, sub.ID, isTrue(v.Value)), in.SubnetId)
	}
	if in.MapPublicIpOnLaunch == nil {
		return nil
	}
	_, err = a.Network.SetAutoPublic(ctx, sub.ID, isTrue(in.MapPublicIpOnLaunch.Value))
	return err
}
