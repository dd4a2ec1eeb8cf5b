package ec2

import (
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

var errNotYet = errors.New("not yet")

func (s *site) stopStart() {
	one := &ec2.DescribeInstancesInput{InstanceIds: []string{s.front}}
	must[*ec2.StopInstancesOutput](s)(s.api.StopInstances(background, &ec2.StopInstancesInput{InstanceIds: []string{s.front}}))
	cloudtest.Check(s.t, ec2.NewInstanceStoppedWaiter(s.api, func(o *ec2.InstanceStoppedWaiterOptions) { o.MinDelay, o.MaxDelay = often, often }).Wait(background, one, patience()))
	must[*ec2.StartInstancesOutput](s)(s.api.StartInstances(background, &ec2.StartInstancesInput{InstanceIds: []string{s.front}}))
	cloudtest.Check(s.t, ec2.NewInstanceRunningWaiter(s.api, func(o *ec2.InstanceRunningWaiterOptions) { o.MinDelay, o.MaxDelay = often, often }).Wait(background, one, patience()))
	if out := s.login().Run("cat /etc/mark"); strings.TrimSpace(out) != mark {
		s.t.Errorf("after a restart the guest has %q", out)
	}
}

// deleteAll deletes everything in an order that a client would choose, and proves that nothing is left.
func (s *site) deleteAll() {
	_, err := s.api.DeleteVpc(background, &ec2.DeleteVpcInput{VpcId: &s.vpc})
	refused(s.t, err, "DependencyViolation")
	must[*ec2.TerminateInstancesOutput](s)(s.api.TerminateInstances(background, &ec2.TerminateInstancesInput{InstanceIds: s.used}))
	cloudtest.Check(s.t, ec2.NewInstanceTerminatedWaiter(s.api, func(o *ec2.InstanceTerminatedWaiterOptions) { o.MinDelay, o.MaxDelay = often, often }).Wait(background, &ec2.DescribeInstancesInput{InstanceIds: s.used}, patience()))
	s.deleteStorage()
	s.deleteNetwork()
	s.nothingSeen()
	s.deleteAccount()
	s.cloud.NothingLeft(s.t)
}

// deleteAccount deletes what the account had from the start, or was given for the test: its default VPC, the image, the access key.
func (s *site) deleteAccount() {
	all := must[*ec2.DescribeVpcsOutput](s)(s.api.DescribeVpcs(background, &ec2.DescribeVpcsInput{Filters: filter("is-default", "true")}))
	for _, vpc := range all.Vpcs {
		subnets := must[*ec2.DescribeSubnetsOutput](s)(s.api.DescribeSubnets(background, &ec2.DescribeSubnetsInput{Filters: filter("vpc-id", *vpc.VpcId)}))
		for _, sub := range subnets.Subnets {
			must[*ec2.DeleteSubnetOutput](s)(s.api.DeleteSubnet(background, &ec2.DeleteSubnetInput{SubnetId: sub.SubnetId}))
		}
		gateways := must[*ec2.DescribeInternetGatewaysOutput](s)(s.api.DescribeInternetGateways(background, &ec2.DescribeInternetGatewaysInput{Filters: filter("attachment.vpc-id", *vpc.VpcId)}))
		for _, g := range gateways.InternetGateways {
			must[*ec2.DetachInternetGatewayOutput](s)(s.api.DetachInternetGateway(background, &ec2.DetachInternetGatewayInput{InternetGatewayId: g.InternetGatewayId, VpcId: vpc.VpcId}))
			must[*ec2.DeleteInternetGatewayOutput](s)(s.api.DeleteInternetGateway(background, &ec2.DeleteInternetGatewayInput{InternetGatewayId: g.InternetGatewayId}))
		}
		must[*ec2.DeleteVpcOutput](s)(s.api.DeleteVpc(background, &ec2.DeleteVpcInput{VpcId: vpc.VpcId}))
	}
	admin := s.cloud.Client(s.t)
	admin.Run("image delete minimal")
	admin.Run("ec2 credentials delete " + s.keys.access)
}

func (s *site) deleteStorage() {
	must[*ec2.DeregisterImageOutput](s)(s.api.DeregisterImage(background, &ec2.DeregisterImageInput{ImageId: &s.copied}))
	own := must[*ec2.DescribeSnapshotsOutput](s)(s.api.DescribeSnapshots(background, &ec2.DescribeSnapshotsInput{OwnerIds: []string{"self"}}))
	for _, snap := range own.Snapshots {
		must[*ec2.DeleteSnapshotOutput](s)(s.api.DeleteSnapshot(background, &ec2.DeleteSnapshotInput{SnapshotId: snap.SnapshotId}))
	}
	for _, v := range []string{s.volume, s.restored} {
		must[*ec2.DeleteVolumeOutput](s)(s.api.DeleteVolume(background, &ec2.DeleteVolumeInput{VolumeId: &v}))
		cloudtest.Check(s.t, ec2.NewVolumeDeletedWaiter(s.api, func(o *ec2.VolumeDeletedWaiterOptions) { o.MinDelay, o.MaxDelay = often, often }).Wait(background, &ec2.DescribeVolumesInput{VolumeIds: []string{v}}, patience()))
	}
}

func (s *site) deleteNetwork() {
	must[*ec2.DeleteNatGatewayOutput](s)(s.api.DeleteNatGateway(background, &ec2.DeleteNatGatewayInput{NatGatewayId: &s.nat}))
	cloudtest.Check(s.t, ec2.NewNatGatewayDeletedWaiter(s.api, func(o *ec2.NatGatewayDeletedWaiterOptions) { o.MinDelay, o.MaxDelay = often, often }).Wait(background, &ec2.DescribeNatGatewaysInput{NatGatewayIds: []string{s.nat}}, patience()))
	for _, a := range []string{s.allocation, s.natAllocation} {
		must[*ec2.ReleaseAddressOutput](s)(s.api.ReleaseAddress(background, &ec2.ReleaseAddressInput{AllocationId: &a}))
	}
	for _, g := range []string{"back", "front"} {
		must[*ec2.DeleteSecurityGroupOutput](s)(s.api.DeleteSecurityGroup(background, &ec2.DeleteSecurityGroupInput{GroupId: aws.String(s.groups[g])}))
	}
	for _, sub := range []string{s.public, s.private} {
		must[*ec2.DeleteSubnetOutput](s)(s.api.DeleteSubnet(background, &ec2.DeleteSubnetInput{SubnetId: &sub}))
	}
	for _, t := range []string{s.publicTable, s.privateTable} {
		must[*ec2.DeleteRouteTableOutput](s)(s.api.DeleteRouteTable(background, &ec2.DeleteRouteTableInput{RouteTableId: &t}))
	}
	must[*ec2.DetachInternetGatewayOutput](s)(s.api.DetachInternetGateway(background, &ec2.DetachInternetGatewayInput{InternetGatewayId: &s.internet, VpcId: &s.vpc}))
	must[*ec2.DeleteInternetGatewayOutput](s)(s.api.DeleteInternetGateway(background, &ec2.DeleteInternetGatewayInput{InternetGatewayId: &s.internet}))
	must[*ec2.DeleteVpcOutput](s)(s.api.DeleteVpc(background, &ec2.DeleteVpcInput{VpcId: &s.vpc}))
	must[*ec2.DeleteKeyPairOutput](s)(s.api.DeleteKeyPair(background, &ec2.DeleteKeyPairInput{KeyName: aws.String("key")}))
}

// nothingSeen proves that the account is as it was: terminated instances can still be seen for a while.
func (s *site) nothingSeen() {
	vpcs := must[*ec2.DescribeVpcsOutput](s)(s.api.DescribeVpcs(background, &ec2.DescribeVpcsInput{VpcIds: nil, Filters: filter("vpc-id", s.vpc)}))
	addresses := must[*ec2.DescribeAddressesOutput](s)(s.api.DescribeAddresses(background, &ec2.DescribeAddressesInput{}))
	cards := must[*ec2.DescribeNetworkInterfacesOutput](s)(s.api.DescribeNetworkInterfaces(background, &ec2.DescribeNetworkInterfacesInput{}))
	volumes := must[*ec2.DescribeVolumesOutput](s)(s.api.DescribeVolumes(background, &ec2.DescribeVolumesInput{}))
	if n := len(vpcs.Vpcs) + len(addresses.Addresses) + len(cards.NetworkInterfaces) + len(volumes.Volumes); n != 0 {
		s.t.Errorf("left: %+v %+v %+v %+v", vpcs.Vpcs, addresses.Addresses, cards.NetworkInterfaces, volumes.Volumes)
	}
}
