package ec2

import (
	"context"
	"net/netip"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/network"
)

func (a *api) addressActions() []*action {
	return []*action{
		serve("AllocateAddress", a.allocateAddress, "Domain Address PublicIpv4Pool NetworkBorderGroup TagSpecifications"),
		serve("DescribeAddresses", a.describeAddresses, "AllocationIds PublicIps Filters"),
		serve("DescribeAddressesAttribute", a.describeAddressNames, "AllocationIds Attribute MaxResults NextToken"),
		serve("AssociateAddress", a.associateAddress, "AllocationId PublicIp InstanceId NetworkInterfaceId PrivateIpAddress AllowReassociation"),
		done("DisassociateAddress", a.disassociateAddress, "AssociationId PublicIp"),
		done("ReleaseAddress", a.releaseAddress, "AllocationId PublicIp NetworkBorderGroup"),
	}
}

// What all public addresses here are of: a VPC's, and the cloud's one pool.
const (
	addressDomain = "vpc"
	addressPool   = "amazon"
)

func (a *api) allocateAddress(ctx context.Context, in *shape.AllocateAddressRequest) (*shape.AllocateAddressResult, error) {
	if err := checkAllocation(ctx, in); err != nil {
		return nil, err
	}
	labels, err := tagsFor(in.TagSpecifications, "elastic-ip")
	if err != nil {
		return nil, err
	}
	r := network.FloatingIPRequest{}
	if in.Address != "" {
		if r.Address, err = readIPv4(in.Address); err != nil {
			return nil, err
		}
	}
	var f *cloud.FloatingIP
	err = a.Network.Together(ctx, func(ctx context.Context) error {
		if f, err = a.Network.CreateFloatingIP(ctx, r); err != nil {
			return err
		}
		return a.labelNew(ctx, "floating IP", string(f.ID), labels)
	})
	if err != nil {
		return nil, err
	}
	return &shape.AllocateAddressResult{AllocationId: id(addressIDs, f.ID), PublicIp: f.Address.String(), Domain: addressDomain, PublicIpv4Pool: addressPool,
		NetworkBorderGroup: callOf(ctx).Region}, nil
}

func checkAllocation(ctx context.Context, in *shape.AllocateAddressRequest) error {
	if in.Domain != "" && in.Domain != addressDomain {
		return invalidParameter("Invalid value '%s' for domain: addresses are for the domain %s here.", in.Domain, addressDomain)
	}
	if in.PublicIpv4Pool != "" && in.PublicIpv4Pool != addressPool {
		return unsupported("There is no address pool %s: addresses come from the cloud's own.", in.PublicIpv4Pool)
	}
	return checkBorder(ctx, in.NetworkBorderGroup)
}

func checkBorder(ctx context.Context, group string) error {
	if group != "" && group != callOf(ctx).Region {
		return invalidParameter("There is no network border group %s.", group)
	}
	return nil
}

// theAddress is the floating IP of an allocation id or of an address.
func (a *api) theAddress(ctx context.Context, allocation, public string) (*cloud.FloatingIP, error) {
	switch {
	case allocation != "" && public != "":
		return nil, invalidCombination("You may specify public IP or allocation id, but not both in the same call")
	case allocation != "":
		return findOne(ctx, addressIDs, allocation, a.floating, floatingID)
	case public == "":
		return nil, missingParameter("AllocationId or PublicIp")
	}
	found, err := a.addressesAt(ctx, []string{public})
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// addressesAt are the floating IPs of addresses. One that is not the account's fails it.
func (a *api) addressesAt(ctx context.Context, public []string) ([]*cloud.FloatingIP, error) {
	wanted, err := readEach(public, readIPv4)
	if err != nil || len(wanted) == 0 {
		return nil, err
	}
	found, err := a.floating(ctx, cloud.In("address", texts(wanted)))
	if err != nil {
		return nil, err
	}
	for _, at := range wanted {
		if !slices.ContainsFunc(found, func(f *cloud.FloatingIP) bool { return f.Address == at }) {
			return nil, bad("InvalidAddress.NotFound", "Address '%s' not found.", at)
		}
	}
	return found, nil
}

// associateAddress leads an address to one of an interface. Whatever either was joined to before gives way, unless the request
// says that it must not.
func (a *api) associateAddress(ctx context.Context, in *shape.AssociateAddressRequest) (*shape.AssociateAddressResult, error) {
	f, err := a.theAddress(ctx, in.AllocationId, in.PublicIp)
	if err != nil {
		return nil, err
	}
	target := network.TargetRequest{Displace: true}
	if in.AllowReassociation != nil && !*in.AllowReassociation {
		target = network.TargetRequest{KeepLead: true}
	}
	if in.PrivateIpAddress != "" {
		if target.Address, err = readIPv4(in.PrivateIpAddress); err != nil {
			return nil, err
		}
	}
	p, err := a.associable(ctx, in, target.Address)
	if err != nil {
		return nil, err
	}
	target.PortID = p.ID
	if !target.Address.IsValid() {
		target.Address = portView{PortView: cloud.PortView{Port: p}}.primary()
	}
	if _, err := a.Network.UpdateFloatingIP(ctx, f.ID, network.FloatingIPChange{Target: &target}); err != nil {
		return nil, err
	}
	return &shape.AssociateAddressResult{AssociationId: id(addressUseIDs, f.ID)}, nil
}

// associable is the port that a request means: the one it names, or the only one of its instance.
func (a *api) associable(ctx context.Context, in *shape.AssociateAddressRequest, at netip.Addr) (*cloud.Port, error) {
	switch {
	case in.InstanceId != "" && in.NetworkInterfaceId != "":
		return nil, invalidCombination("You may specify an instance ID or a network interface ID, but not both in the same call")
	case in.NetworkInterfaceId != "":
		return a.theInterface(ctx, in.NetworkInterfaceId)
	case in.InstanceId == "":
		return nil, missingParameter("InstanceId or NetworkInterfaceId")
	}
	to, err := findOne(ctx, instanceIDs, in.InstanceId, a.instances, instanceID)
	if err != nil {
		return nil, err
	}
	ports, err := a.ports(ctx, cloud.Eq("instance_id", string(to.ID)))
	if err != nil {
		return nil, err
	}
	if len(ports) != 1 {
		return nil, bad("InvalidInstanceID", "There are %d interfaces attached to instance '%s'. Please specify an interface ID for the operation instead.",
			len(ports), in.InstanceId)
	}
	return ports[0], nil
}

// disassociateAddress makes an address lead nowhere.
func (a *api) disassociateAddress(ctx context.Context, in *shape.DisassociateAddressRequest) error {
	f, err := a.associated(ctx, in)
	if err != nil {
		return err
	}
	_, err = a.Network.UpdateFloatingIP(ctx, f.ID, network.FloatingIPChange{Target: &network.TargetRequest{}})
	return err
}

// associated is the floating IP whose association a request names.
func (a *api) associated(ctx context.Context, in *shape.DisassociateAddressRequest) (*cloud.FloatingIP, error) {
	if in.AssociationId != "" && in.PublicIp != "" {
		return nil, invalidCombination("You may specify public IP or association id, but not both in the same call")
	}
	if in.AssociationId != "" {
		return findOne(ctx, addressUseIDs, in.AssociationId, a.leading, floatingID)
	}
	f, err := a.theAddress(ctx, "", in.PublicIp)
	if err == nil && f.TargetPort == "" {
		err = bad("InvalidAssociationID.NotFound", "The address %s is not associated.", in.PublicIp)
	}
	return f, err
}

// leading are the floating IPs that lead somewhere: those with an association.
func (a *api) leading(ctx context.Context, where ...cloud.Cond) ([]*cloud.FloatingIP, error) {
	return a.floating(ctx, append(where, cloud.Cond{Column: "target_port", Op: cloud.OpNe, Value: ""})...)
}

func (a *api) releaseAddress(ctx context.Context, in *shape.ReleaseAddressRequest) error {
	if err := checkBorder(ctx, in.NetworkBorderGroup); err != nil {
		return err
	}
	f, err := a.theAddress(ctx, in.AllocationId, in.PublicIp)
	if err != nil {
		return err
	}
	return a.Network.ReleaseFloatingIP(ctx, f.ID)
}
