package ec2

import (
	"context"
	"net/netip"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/network"
)

func (a *api) interfaceActions() []*action {
	return []*action{
		serve("CreateNetworkInterface", a.createInterface, "SubnetId Groups Description InterfaceType PrivateIpAddress PrivateIpAddresses",
			"SecondaryPrivateIpAddressCount Ipv6Addresses Ipv6AddressCount TagSpecifications"),
		serve("DescribeNetworkInterfaces", a.describeInterfaces, "NetworkInterfaceIds Filters MaxResults NextToken -IncludeManagedResources"),
		done("DeleteNetworkInterface", a.deleteInterface, "NetworkInterfaceId"),
		serve("AttachNetworkInterface", a.attachInterface, "NetworkInterfaceId InstanceId DeviceIndex NetworkCardIndex"),
		done("DetachNetworkInterface", a.detachInterface, "AttachmentId -Force"),
		serve("DescribeNetworkInterfaceAttribute", a.describeInterfaceAttribute, "NetworkInterfaceId Attribute"),
		done("ModifyNetworkInterfaceAttribute", a.modifyInterface, "NetworkInterfaceId Description Groups SourceDestCheck Attachment"),
		done("ResetNetworkInterfaceAttribute", a.resetInterface, "NetworkInterfaceId -SourceDestCheck"),
		serve("AssignPrivateIpAddresses", a.assignAddresses, "NetworkInterfaceId PrivateIpAddresses SecondaryPrivateIpAddressCount AllowReassignment"),
		done("UnassignPrivateIpAddresses", a.unassignAddresses, "NetworkInterfaceId PrivateIpAddresses"),
		serve("AssignIpv6Addresses", a.assignIPv6, "NetworkInterfaceId Ipv6Addresses Ipv6AddressCount"),
		serve("UnassignIpv6Addresses", a.unassignIPv6, "NetworkInterfaceId Ipv6Addresses"),
	}
}

// interfaceOwners are whose ports are interfaces here: those of routers and services are not seen.
var interfaceOwners = []string{string(cloud.OwnerNone), string(cloud.OwnerInstance), string(cloud.OwnerTrunk), string(cloud.OwnerNATGateway)}

// interfaces are the account's ports that are interfaces.
func (a *api) interfaces(ctx context.Context, where ...cloud.Cond) ([]*cloud.Port, error) {
	return a.ports(ctx, append(where, cloud.In("owner", interfaceOwners))...)
}

// theInterface is the port of an interface's id.
func (a *api) theInterface(ctx context.Context, text string) (*cloud.Port, error) {
	return findOne(ctx, portIDs, text, a.interfaces, portID)
}

// shownPort is an interface as it is shown, and its place in lists.
type shownPort struct {
	shape.NetworkInterface
	place string
}

func (a *api) describeInterfaces(ctx context.Context, in *shape.DescribeNetworkInterfacesRequest) (*shape.DescribeNetworkInterfacesResult, error) {
	if len(in.NetworkInterfaceIds) > 0 && in.MaxResults != nil {
		return nil, invalidCombination("The parameter NetworkInterfaceIds cannot be used with the parameter MaxResults")
	}
	ports, err := find(ctx, portIDs, in.NetworkInterfaceIds, a.interfaces, portID)
	if err == nil && len(in.NetworkInterfaceIds) == 0 {
		ports, err = a.interfaces(ctx)
	}
	if err != nil {
		return nil, err
	}
	views, err := a.portViews(ctx, ports)
	if err != nil {
		return nil, err
	}
	rows := make([]shownPort, len(views))
	for i, v := range views {
		rows[i] = shownPort{v.shown(), place(v.Port.CreatedAt, v.Port.ID)}
	}
	if rows, err = choose(rows, interfaceFields, in.Filters, interfaceTags); err != nil {
		return nil, err
	}
	page, next, err := pageOf(rows, in.MaxResults, in.NextToken, func(r shownPort) string { return r.place }, 5)
	out := &shape.DescribeNetworkInterfacesResult{NextToken: next}
	for _, r := range page {
		out.NetworkInterfaces = append(out.NetworkInterfaces, r.NetworkInterface)
	}
	return out, err
}

func (a *api) createInterface(ctx context.Context, in *shape.CreateNetworkInterfaceRequest) (*shape.CreateNetworkInterfaceResult, error) {
	if in.InterfaceType != "" && in.InterfaceType != "interface" {
		return nil, unsupported("Interfaces of the type %s are not supported by this cloud.", in.InterfaceType)
	}
	labels, err := tagsFor(in.TagSpecifications, "network-interface")
	if err != nil {
		return nil, err
	}
	sub, err := findOne(ctx, subnetIDs, in.SubnetId, a.subnets, subnetID)
	if err != nil {
		return nil, err
	}
	req, err := a.interfaceRequest(ctx, in, sub)
	if err != nil {
		return nil, err
	}
	var p *cloud.Port
	err = a.Network.Together(ctx, func(ctx context.Context) error {
		if p, err = a.Network.CreatePort(ctx, req); err != nil {
			return err
		}
		return a.labelNew(ctx, "port", string(p.ID), labels)
	})
	if err != nil {
		return nil, err
	}
	shown, err := a.showInterface(ctx, p.ID)
	return &shape.CreateNetworkInterfaceResult{NetworkInterface: shown, ClientToken: in.ClientToken}, err
}

func (a *api) interfaceRequest(ctx context.Context, in *shape.CreateNetworkInterfaceRequest, sub *cloud.Subnet) (r network.PortRequest, err error) {
	r = network.PortRequest{NetworkID: sub.NetworkID, Description: in.Description}
	if len(in.Groups) > 0 {
		groups, err := a.groupsOfIDs(ctx, in.Groups)
		if err != nil {
			return r, err
		}
		r.Groups = &groups
	}
	four, err := wantedAddresses(in)
	if err != nil {
		return r, err
	}
	fixed := make([]network.AddressRequest, len(four))
	for i, at := range four {
		fixed[i] = network.AddressRequest{SubnetID: sub.ID, Address: at}
	}
	six, err := a.sixRequests(ctx, in, sub)
	r.Fixed = new(append(fixed, six...))
	return r, err
}

// sixRequests ask for the IPv6 addresses that a new interface shall have.
func (a *api) sixRequests(ctx context.Context, in *shape.CreateNetworkInterfaceRequest, sub *cloud.Subnet) (requests []network.AddressRequest, err error) {
	wanted, err := wantedIPv6(in)
	if err != nil || len(wanted.Addresses)+wanted.Any == 0 {
		return nil, err
	}
	six, err := a.sixOf(ctx, sub)
	if err != nil {
		return nil, err
	}
	for _, at := range append(wanted.Addresses, make([]netip.Addr, wanted.Any)...) {
		requests = append(requests, network.AddressRequest{SubnetID: six.ID, Address: at})
	}
	return requests, nil
}

// wantedAddresses are the IPv4 addresses that a new interface shall have, the primary one first. Invalid ones are of the cloud's choice.
func wantedAddresses(in *shape.CreateNetworkInterfaceRequest) ([]netip.Addr, error) {
	primary, others, err := namedAddresses(in)
	if err != nil {
		return nil, err
	}
	all := append([]netip.Addr{primary}, others...)
	if n := in.SecondaryPrivateIpAddressCount; n != nil {
		if len(others) > 0 {
			return nil, invalidCombination("Secondary addresses are given by number or by name, not both.")
		}
		if err := checkCount("secondaryPrivateIpAddressCount", *n); err != nil {
			return nil, err
		}
		all = append(all, make([]netip.Addr, *n)...)
	}
	return all, nil
}

// namedAddresses are the addresses that are given: one of them, or PrivateIpAddress, is the primary one.
func namedAddresses(in *shape.CreateNetworkInterfaceRequest) (primary netip.Addr, others []netip.Addr, err error) {
	if in.PrivateIpAddress != "" {
		if primary, err = readIPv4(in.PrivateIpAddress); err != nil {
			return primary, nil, err
		}
	}
	for _, s := range in.PrivateIpAddresses {
		at, err := readIPv4(s.PrivateIpAddress)
		switch {
		case err != nil:
			return primary, nil, err
		case s.Primary == nil || !*s.Primary:
			others = append(others, at)
		case primary.IsValid():
			return primary, nil, invalidCombination("An interface has one primary address.")
		default:
			primary = at
		}
	}
	return primary, others, nil
}

// wantedIPv6 are the IPv6 addresses that a new interface shall have.
func wantedIPv6(in *shape.CreateNetworkInterfaceRequest) (network.MoreAddresses, error) {
	named := make([]string, len(in.Ipv6Addresses))
	for i, s := range in.Ipv6Addresses {
		named[i] = s.Ipv6Address
	}
	return moreIPv6(named, in.Ipv6AddressCount)
}

// showInterface is one interface as it is now.
func (a *api) showInterface(ctx context.Context, id cloud.PortID) (*shape.NetworkInterface, error) {
	p, err := a.Network.Port(ctx, id)
	if err != nil {
		return nil, err
	}
	views, err := a.portViews(ctx, []*cloud.Port{p})
	if err != nil {
		return nil, err
	}
	return new(views[0].shown()), nil
}

func (a *api) deleteInterface(ctx context.Context, in *shape.DeleteNetworkInterfaceRequest) error {
	p, err := a.theInterface(ctx, in.NetworkInterfaceId)
	if err != nil {
		return err
	}
	return a.Network.DeleteFreePort(ctx, p.ID)
}

// labelNew puts labels on what was just made; its name among them.
func (a *api) labelNew(ctx context.Context, noun string, id string, wanted map[string]string) error {
	if len(wanted) == 0 {
		return nil
	}
	for _, kind := range a.taggables() {
		if kind.ids == kindOf[noun] {
			return kind.change(ctx, id, setAll(wanted))
		}
	}
	return nil
}

func idsOf[T, ID any](rows []T, of func(T) ID) []ID {
	ids := make([]ID, len(rows))
	for i, row := range rows {
		ids[i] = of(row)
	}
	return ids
}
