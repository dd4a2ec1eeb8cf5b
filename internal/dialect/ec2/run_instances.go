package ec2

import (
	"context"
	"net/netip"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

func (a *api) runActions() []*action {
	return []*action{
		serve("RunInstances", a.runInstances, "ImageId InstanceType MinCount MaxCount KeyName UserData SecurityGroupIds SecurityGroups SubnetId PrivateIpAddress Ipv6Addresses Ipv6AddressCount",
			"BlockDeviceMappings NetworkInterfaces Placement TagSpecifications LaunchTemplate Monitoring DisableApiTermination DisableApiStop",
			"InstanceInitiatedShutdownBehavior MetadataOptions -EbsOptimized -CreditSpecification -MaintenanceOptions -PrivateDnsNameOptions"),
	}
}

// userDataMax bounds user data before it is encoded.
const userDataMax = 16 << 10

func (a *api) runInstances(ctx context.Context, in *shape.RunInstancesRequest) (*shape.Reservation, error) {
	template, err := a.fillFromTemplate(ctx, in)
	if err != nil {
		return nil, err
	}
	var made []*cloud.Instance
	err = a.Network.Together(ctx, func(ctx context.Context) error {
		r, err := a.createRequest(ctx, in)
		if err != nil {
			return err
		}
		r.Template = template
		if made, err = a.Compute.CreateInstance(ctx, *r); err != nil {
			return err
		}
		return a.labelParts(ctx, made, in.TagSpecifications)
	})
	if err != nil {
		return nil, runFault(err)
	}
	return a.reservationOf(ctx, made)
}

// reservationOf shows what a request has made.
func (a *api) reservationOf(ctx context.Context, made []*cloud.Instance) (*shape.Reservation, error) {
	ids := make([]cloud.InstanceID, len(made))
	for i, in := range made {
		ids[i] = in.ID
	}
	views, err := a.allInstances(ctx, cloud.In("id", ids))
	if err != nil {
		return nil, err
	}
	rows, err := a.instanceRows(ctx, views)
	if err != nil {
		return nil, err
	}
	return &reservations(rows)[0], nil
}

// createRequest is what a request asks of the core.
func (a *api) createRequest(ctx context.Context, in *shape.RunInstancesRequest) (*compute.CreateRequest, error) {
	if err := checkRun(in); err != nil {
		return nil, err
	}
	name := in.InstanceType
	if name == "" {
		name = defaultType
	}
	kind, err := a.instanceType(ctx, name)
	if err != nil {
		return nil, err
	}
	image, err := a.findImage(ctx, in.ImageId)
	if err != nil {
		return nil, err
	}
	labels, err := tagsFor(in.TagSpecifications, "instance", "volume", "network-interface")
	if err != nil {
		return nil, err
	}
	tag, properties := splitName(labels)
	r := &compute.CreateRequest{Name: tag, SameName: true, NameOf: func(i cloud.InstanceID) string { return id(instanceIDs, i) }, Flavor: kind.flavor.ID, FlavorName: kind.name,
		Image: image.ID, KeyName: in.KeyName, UserData: in.UserData, Properties: properties, CountMin: *in.MinCount, CountMax: *in.MaxCount, GrowRoot: true}
	if r.Options, err = optionsOf(in); err != nil {
		return nil, err
	}
	if r.Disks, err = a.disksOf(ctx, in.BlockDeviceMappings, image); err != nil {
		return nil, err
	}
	return r, a.placeRequest(ctx, in, r)
}

// defaultType is the instance type of a request that names none.
const defaultType = "m1.small"

func checkRun(in *shape.RunInstancesRequest) error {
	switch {
	case in.ImageId == "":
		return missingParameter("ImageId")
	case *in.MinCount < 1 || *in.MaxCount < 1:
		return invalidParameter("The counts of instances must be 1 or more.")
	case *in.MinCount > *in.MaxCount:
		return invalidParameter("maxCount must be equal to or greater than minCount.")
	case decodedLen(in.UserData) > userDataMax:
		return invalidParameter("User data is limited to %d bytes", userDataMax)
	case len(in.NetworkInterfaces) > 0 && (in.SubnetId != "" || in.PrivateIpAddress != "" || in.Ipv6AddressCount != nil || len(in.Ipv6Addresses) > 0 || len(in.SecurityGroupIds)+len(in.SecurityGroups) > 0):
		return invalidCombination("Network interfaces and an instance-level subnet, address or security groups may not be specified on the same request")
	}
	if err := only(in.Placement, "Placement", "AvailabilityZone AvailabilityZoneId Tenancy"); err != nil {
		return err
	}
	if p := in.Placement; p != nil && p.Tenancy != "" && p.Tenancy != "default" {
		return unsupported("Instances share their hosts here: the tenancy '%s' is not supported.", p.Tenancy)
	}
	return nil
}

// decodedLen is the length of what base 64 text stands for.
func decodedLen(text string) int { return len(text) / 4 * 3 }

// placeRequest says where the instances go: in which zone, on which subnets.
func (a *api) placeRequest(ctx context.Context, in *shape.RunInstancesRequest, r *compute.CreateRequest) error {
	var err error
	if r.Zone, err = a.zoneOf(ctx, in.Placement); err != nil {
		return err
	}
	cards := in.NetworkInterfaces
	if len(cards) == 0 {
		cards = []shape.InstanceNetworkInterfaceSpecification{{DeviceIndex: new(0), SubnetId: in.SubnetId, PrivateIpAddress: in.PrivateIpAddress,
			Ipv6Addresses: in.Ipv6Addresses, Ipv6AddressCount: in.Ipv6AddressCount}}
		if cards[0].Groups, err = a.groupsNamed(ctx, in); err != nil {
			return err
		}
	}
	return a.addCards(ctx, r, cards)
}

// zoneOf is the core's name of the zone that a request asks for; empty for any.
func (a *api) zoneOf(ctx context.Context, p *shape.Placement) (string, error) {
	if p == nil || p.AvailabilityZone == "" && p.AvailabilityZoneId == "" {
		return "", nil
	}
	zones, err := a.zones(ctx)
	if err != nil {
		return "", err
	}
	for _, z := range zones {
		if z.name == p.AvailabilityZone || z.Name == p.AvailabilityZone || z.id == p.AvailabilityZoneId {
			return z.Name, nil
		}
	}
	return "", invalidParameter("Invalid availability zone: [%s]", p.AvailabilityZone+p.AvailabilityZoneId)
}

// runFault gives the core's errors about parts of an instance the codes that this action has for them.
func runFault(err error) error {
	e, ok := cloud.AsError(err)
	if !ok {
		return err
	}
	switch {
	case e.Kind == cloud.NoCapacity && e.Resource != "subnet" && e.Resource != "floating IP":
		return bad("InsufficientInstanceCapacity", "%s", hideIDs(e))
	case e.Kind == cloud.Invalid && e.Field == "key_name":
		return bad("InvalidKeyPair.NotFound", "The key pair does not exist")
	case e.Kind == cloud.Invalid && e.Field == "user_data":
		return invalidParameter("Invalid BASE64 encoding of user data.")
	}
	return err
}

// parseAddress reads an IPv4 address; invalid for an empty one.
func parseAddress(text string) (netip.Addr, error) {
	if text == "" {
		return netip.Addr{}, nil
	}
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is4() {
		return a, invalidParameter("Invalid IPv4 address: %s", text)
	}
	return a, nil
}
