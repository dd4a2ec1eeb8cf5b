package ec2

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// site is one cloud that the steps of a scenario use one after the other, and what they have made.
type site struct {
	cloud *cloudtest.Cloud
	files cloudtest.Files
	key   cloudtest.Key
	api   *ec2.Client
	keys  keys
	t     *testing.T

	image                     string
	vpc, public, private      string
	internet, nat             string
	publicTable, privateTable string
	groups                    map[string]string
	address, allocation       string
	natAllocation             string
	front, back               string // instances
	volume, snapshot          string
	restored, copied          string
	guest                     *cloudtest.Guest
	used                      []string // ids of instances, to be looked for at the end
}

// TestSite goes from nothing to a site with a public and a private part, and back to nothing.
func TestSite(t *testing.T) {
	files := cloudtest.Need(t, "qemu-system-x86_64", "qemu-img", "openstack", "nft", "ip")
	s := &site{files: files, groups: map[string]string{}}
	s.cloud = cloudtest.Start(t, files, cloudtest.Settings{"check_seconds": 2, "shutdown_seconds": 5, "zone_names": map[string]string{"second": "nova"}})
	s.key = cloudtest.NewKey(t, s.cloud.Host.Dir)
	admin := s.cloud.Client(t)
	admin.Run("image create --public --disk-format qcow2 --container-format bare --file " + files.Image + " minimal")
	s.keys = newKeys(t, admin)
	s.api = newClient(s.cloud, s.keys)
	for _, step := range []struct {
		name string
		run  func(*site)
	}{
		{"image and key pair", (*site).imageAndKey},
		{"VPC and subnets in two zones", (*site).makeVPC},
		{"internet gateway and routes", (*site).makeRoutes},
		{"security groups", (*site).makeGroups},
		{"instances", (*site).runInstances},
		{"log in by elastic IP", (*site).elasticIP},
		{"to the private instance by IPv6", (*site).byIPv6},
		{"NAT gateway", (*site).natGateway},
		{"to the private instance, and out of it", (*site).throughNAT},
		{"a volume is attached and written", (*site).attachVolume},
		{"snapshot, restore, grow", (*site).snapshots},
		{"image from the instance", (*site).imageOfInstance},
		{"stop and start", (*site).stopStart},
		{"everything is deleted", (*site).deleteAll},
	} {
		if !t.Run(step.name, func(t *testing.T) { s.t = t; step.run(s) }) {
			return // what follows stands on it
		}
	}
}

// must ends the step that an error is in.
func must[T any](s *site) func(T, error) T {
	return func(v T, err error) T {
		s.t.Helper()
		cloudtest.Check(s.t, err)
		return v
	}
}

func name(of types.ResourceType, n string) []types.TagSpecification {
	return []types.TagSpecification{{ResourceType: of, Tags: []types.Tag{{Key: aws.String("Name"), Value: aws.String(n)}}}}
}

func filter(name string, values ...string) []types.Filter {
	return []types.Filter{{Name: aws.String(name), Values: values}}
}

func (s *site) imageAndKey() {
	images := must[*ec2.DescribeImagesOutput](s)(s.api.DescribeImages(background, &ec2.DescribeImagesInput{Filters: filter("name", "mini*")}))
	if len(images.Images) != 1 || images.Images[0].State != types.ImageStateAvailable {
		s.t.Fatalf("images: %+v", images.Images)
	}
	s.image = *images.Images[0].ImageId
	must[*ec2.ImportKeyPairOutput](s)(s.api.ImportKeyPair(background, &ec2.ImportKeyPairInput{KeyName: aws.String("key"), PublicKeyMaterial: publicKey(s)}))
	cloudtest.Check(s.t, ec2.NewKeyPairExistsWaiter(s.api, func(o *ec2.KeyPairExistsWaiterOptions) { o.MinDelay, o.MaxDelay = often, often }).Wait(background, &ec2.DescribeKeyPairsInput{KeyNames: []string{"key"}}, patience()))
}

func (s *site) makeVPC() {
	zones := must[*ec2.DescribeAvailabilityZonesOutput](s)(s.api.DescribeAvailabilityZones(background, &ec2.DescribeAvailabilityZonesInput{})).AvailabilityZones
	if len(zones) != 2 {
		s.t.Fatalf("zones: %+v", zones)
	}
	vpc := must[*ec2.CreateVpcOutput](s)(s.api.CreateVpc(background, &ec2.CreateVpcInput{CidrBlock: aws.String("10.20.0.0/16"), AmazonProvidedIpv6CidrBlock: aws.Bool(true), TagSpecifications: name(types.ResourceTypeVpc, "site")}))
	s.vpc = *vpc.Vpc.VpcId
	cloudtest.Check(s.t, ec2.NewVpcExistsWaiter(s.api, func(o *ec2.VpcExistsWaiterOptions) { o.MinDelay, o.MaxDelay = often, often }).Wait(background, &ec2.DescribeVpcsInput{VpcIds: []string{s.vpc}}, patience()))
	cloudtest.Check(s.t, ec2.NewVpcAvailableWaiter(s.api, func(o *ec2.VpcAvailableWaiterOptions) { o.MinDelay, o.MaxDelay = often, often }).Wait(background, &ec2.DescribeVpcsInput{VpcIds: []string{s.vpc}}, patience()))
	six := vpc.Vpc.Ipv6CidrBlockAssociationSet
	if len(six) != 1 {
		s.t.Fatalf("blocks of IPv6: %+v", six)
	}
	block := netip.MustParsePrefix(*six[0].Ipv6CidrBlock).Addr().As16()
	for i, to := range []*string{&s.public, &s.private} {
		block[7] = byte(i)
		sub := must[*ec2.CreateSubnetOutput](s)(s.api.CreateSubnet(background, &ec2.CreateSubnetInput{VpcId: &s.vpc, AvailabilityZone: zones[i].ZoneName,
			CidrBlock: aws.String(fmt.Sprintf("10.20.%d.0/24", i+1)), Ipv6CidrBlock: aws.String(netip.PrefixFrom(netip.AddrFrom16(block), 64).String())})).Subnet
		if *sub.AvailableIpAddressCount != 251 || *sub.AvailabilityZone != *zones[i].ZoneName {
			s.t.Errorf("subnet: %d free addresses in %s", *sub.AvailableIpAddressCount, *sub.AvailabilityZone)
		}
		*to = *sub.SubnetId
		cloudtest.Check(s.t, ec2.NewSubnetAvailableWaiter(s.api, func(o *ec2.SubnetAvailableWaiterOptions) { o.MinDelay, o.MaxDelay = often, often }).Wait(background, &ec2.DescribeSubnetsInput{SubnetIds: []string{*to}}, patience()))
		must[*ec2.ModifySubnetAttributeOutput](s)(s.api.ModifySubnetAttribute(background, &ec2.ModifySubnetAttributeInput{SubnetId: to, AssignIpv6AddressOnCreation: &types.AttributeBooleanValue{Value: aws.Bool(true)}}))
	}
}

func (s *site) makeRoutes() {
	gw := must[*ec2.CreateInternetGatewayOutput](s)(s.api.CreateInternetGateway(background, &ec2.CreateInternetGatewayInput{}))
	s.internet = *gw.InternetGateway.InternetGatewayId
	cloudtest.Check(s.t, ec2.NewInternetGatewayExistsWaiter(s.api, func(o *ec2.InternetGatewayExistsWaiterOptions) { o.MinDelay, o.MaxDelay = often, often }).Wait(background, &ec2.DescribeInternetGatewaysInput{InternetGatewayIds: []string{s.internet}}, patience()))
	must[*ec2.AttachInternetGatewayOutput](s)(s.api.AttachInternetGateway(background, &ec2.AttachInternetGatewayInput{InternetGatewayId: &s.internet, VpcId: &s.vpc}))
	s.publicTable = s.routeTable(s.public)
	s.privateTable = s.routeTable(s.private)
	must[*ec2.CreateRouteOutput](s)(s.api.CreateRoute(background, &ec2.CreateRouteInput{RouteTableId: &s.publicTable, DestinationCidrBlock: aws.String("0.0.0.0/0"), GatewayId: &s.internet}))
	_, err := s.api.CreateRoute(background, &ec2.CreateRouteInput{RouteTableId: &s.publicTable, DestinationCidrBlock: aws.String("0.0.0.0/0"), GatewayId: &s.internet})
	refused(s.t, err, "RouteAlreadyExists")
}

// routeTable makes a table for a subnet.
func (s *site) routeTable(subnet string) string {
	t := must[*ec2.CreateRouteTableOutput](s)(s.api.CreateRouteTable(background, &ec2.CreateRouteTableInput{VpcId: &s.vpc}))
	must[*ec2.AssociateRouteTableOutput](s)(s.api.AssociateRouteTable(background, &ec2.AssociateRouteTableInput{RouteTableId: t.RouteTable.RouteTableId, SubnetId: &subnet}))
	return *t.RouteTable.RouteTableId
}

func (s *site) makeGroups() {
	for _, n := range []string{"front", "back"} {
		g := must[*ec2.CreateSecurityGroupOutput](s)(s.api.CreateSecurityGroup(background, &ec2.CreateSecurityGroupInput{GroupName: &n, Description: aws.String("of the test"), VpcId: &s.vpc}))
		s.groups[n] = *g.GroupId
		cloudtest.Check(s.t, ec2.NewSecurityGroupExistsWaiter(s.api, func(o *ec2.SecurityGroupExistsWaiterOptions) { o.MinDelay, o.MaxDelay = often, often }).Wait(background, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{*g.GroupId}}, patience()))
	}
	ssh := types.IpPermission{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22)}
	anybody, insiders := ssh, ssh
	anybody.IpRanges = []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}
	insiders.UserIdGroupPairs = []types.UserIdGroupPair{{GroupId: aws.String(s.groups["front"])}}
	for n, p := range map[string]types.IpPermission{"front": anybody, "back": insiders} {
		out := must[*ec2.AuthorizeSecurityGroupIngressOutput](s)(s.api.AuthorizeSecurityGroupIngress(background, &ec2.AuthorizeSecurityGroupIngressInput{
			GroupId: aws.String(s.groups[n]), IpPermissions: []types.IpPermission{p}}))
		if len(out.SecurityGroupRules) != 1 {
			s.t.Errorf("rules of %s: %+v", n, out.SecurityGroupRules)
		}
	}
}

func (s *site) runInstances() {
	s.front = s.runOne(s.public, s.groups["front"], "front")
	s.back = s.runOne(s.private, s.groups["back"], "back")
	both := &ec2.DescribeInstancesInput{InstanceIds: []string{s.front, s.back}}
	cloudtest.Check(s.t, ec2.NewInstanceExistsWaiter(s.api, func(o *ec2.InstanceExistsWaiterOptions) { o.MinDelay, o.MaxDelay = often, often }).Wait(background, both, patience()))
	cloudtest.Check(s.t, ec2.NewInstanceRunningWaiter(s.api, func(o *ec2.InstanceRunningWaiterOptions) { o.MinDelay, o.MaxDelay = often, often }).Wait(background, both, patience()))
	status := &ec2.DescribeInstanceStatusInput{InstanceIds: []string{s.front, s.back}}
	cloudtest.Check(s.t, ec2.NewInstanceStatusOkWaiter(s.api, func(o *ec2.InstanceStatusOkWaiterOptions) { o.MinDelay, o.MaxDelay = often, often }).Wait(background, status, patience()))
	cloudtest.Check(s.t, ec2.NewSystemStatusOkWaiter(s.api, func(o *ec2.SystemStatusOkWaiterOptions) { o.MinDelay, o.MaxDelay = often, often }).Wait(background, status, patience()))
}

func (s *site) runOne(subnet, group, n string) string {
	out := must[*ec2.RunInstancesOutput](s)(s.api.RunInstances(background, &ec2.RunInstancesInput{ImageId: &s.image, InstanceType: types.InstanceTypeT3Micro, MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
		KeyName: aws.String("key"), SubnetId: &subnet, SecurityGroupIds: []string{group}, TagSpecifications: name(types.ResourceTypeInstance, n)}))
	i := out.Instances[0]
	if i.State.Name != types.InstanceStateNamePending || *i.SubnetId != subnet || *i.VpcId != s.vpc || i.InstanceType != types.InstanceTypeT3Micro {
		s.t.Errorf("made: %+v", i)
	}
	s.used = append(s.used, *i.InstanceId)
	return *i.InstanceId
}

func (s *site) instance(id string) types.Instance {
	s.t.Helper()
	return must[*ec2.DescribeInstancesOutput](s)(s.api.DescribeInstances(background, &ec2.DescribeInstancesInput{InstanceIds: []string{id}})).Reservations[0].Instances[0]
}
