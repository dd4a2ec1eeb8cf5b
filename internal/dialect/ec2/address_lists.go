package ec2

import (
	"context"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

var addressFields = fields[shape.Address]{
	"allocation-id":              one(func(e shape.Address) string { return e.AllocationId }),
	"association-id":             one(func(e shape.Address) string { return e.AssociationId }),
	"domain":                     one(func(e shape.Address) string { return e.Domain }),
	"instance-id":                one(func(e shape.Address) string { return e.InstanceId }),
	"network-border-group":       one(func(e shape.Address) string { return e.NetworkBorderGroup }),
	"network-interface-id":       one(func(e shape.Address) string { return e.NetworkInterfaceId }),
	"network-interface-owner-id": one(func(e shape.Address) string { return e.NetworkInterfaceOwnerId }),
	"private-ip-address":         one(func(e shape.Address) string { return e.PrivateIpAddress }),
	"public-ip":                  one(func(e shape.Address) string { return e.PublicIp }),
}

func addressTags(e shape.Address) []shape.Tag { return e.Tags }

func (a *api) describeAddresses(ctx context.Context, in *shape.DescribeAddressesRequest) (*shape.DescribeAddressesResult, error) {
	found, err := a.chosenAddresses(ctx, in)
	if err != nil {
		return nil, err
	}
	all, err := a.showAddresses(ctx, found)
	if err != nil {
		return nil, err
	}
	kept, err := choose(all, addressFields, in.Filters, addressTags)
	return &shape.DescribeAddressesResult{Addresses: kept}, err
}

// chosenAddresses are those of the ids and the addresses; without any, all.
func (a *api) chosenAddresses(ctx context.Context, in *shape.DescribeAddressesRequest) ([]*cloud.FloatingIP, error) {
	if len(in.AllocationIds)+len(in.PublicIps) == 0 {
		return a.floating(ctx)
	}
	found, err := find(ctx, addressIDs, in.AllocationIds, a.floating, floatingID)
	if err != nil {
		return nil, err
	}
	at, err := a.addressesAt(ctx, in.PublicIps)
	for _, f := range at {
		if !slices.ContainsFunc(found, func(o *cloud.FloatingIP) bool { return o.ID == f.ID }) {
			found = append(found, f)
		}
	}
	return found, err
}

func (a *api) showAddresses(ctx context.Context, found []*cloud.FloatingIP) ([]shape.Address, error) {
	targets, err := a.Network.TargetPorts(ctx, found)
	if err != nil {
		return nil, err
	}
	account, err := a.account(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]shape.Address, len(found))
	for i, f := range found {
		all[i] = showAddress(f, targets[f.TargetPort], account)
		all[i].NetworkBorderGroup = callOf(ctx).Region
	}
	return all, nil
}

// showAddress shows an address, and what it leads to if that is anything.
func showAddress(f *cloud.FloatingIP, p *cloud.Port, account string) shape.Address {
	e := shape.Address{AllocationId: id(addressIDs, f.ID), PublicIp: f.Address.String(), Domain: addressDomain, PublicIpv4Pool: addressPool, Tags: tagsOf(f.Labels, "")}
	if p == nil {
		return e
	}
	e.AssociationId, e.NetworkInterfaceId, e.NetworkInterfaceOwnerId = id(addressUseIDs, f.ID), id(portIDs, p.ID), account
	e.InstanceId, e.PrivateIpAddress = id(instanceIDs, p.InstanceID), f.TargetAddress.String()
	return e
}

// describeAddressNames shows the names that addresses have in DNS.
func (a *api) describeAddressNames(ctx context.Context, in *shape.DescribeAddressesAttributeRequest) (*shape.DescribeAddressesAttributeResult, error) {
	if in.Attribute != "" && in.Attribute != "domain-name" {
		return nil, invalidParameter("Value (%s) for parameter attribute is invalid.", in.Attribute)
	}
	found, err := a.chosenAddresses(ctx, &shape.DescribeAddressesRequest{AllocationIds: in.AllocationIds})
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(slices.Clone(found), func(f *cloud.FloatingIP) bool { return f.DNSName == "" })
	page, next, err := pageOf(found, in.MaxResults, in.NextToken, func(f *cloud.FloatingIP) string { return place(f.CreatedAt, f.ID) }, 1)
	out := &shape.DescribeAddressesAttributeResult{NextToken: next}
	for _, f := range page {
		name := strings.Trim(f.DNSName+"."+strings.Trim(f.DNSDomain, "."), ".") + "."
		out.Addresses = append(out.Addresses, shape.AddressAttribute{AllocationId: id(addressIDs, f.ID), PublicIp: f.Address.String(), PtrRecord: name})
	}
	return out, err
}
