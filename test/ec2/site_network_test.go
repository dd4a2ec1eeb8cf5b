package ec2

import (
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

func publicKey(s *site) []byte {
	line, err := os.ReadFile(s.key.PublicFile)
	cloudtest.Check(s.t, err)
	return line
}

// elasticIP gives the public instance an address and logs in by it.
func (s *site) elasticIP() {
	a := must[*ec2.AllocateAddressOutput](s)(s.api.AllocateAddress(background, &ec2.AllocateAddressInput{Domain: types.DomainTypeVpc}))
	s.address, s.allocation = *a.PublicIp, *a.AllocationId
	must[*ec2.AssociateAddressOutput](s)(s.api.AssociateAddress(background, &ec2.AssociateAddressInput{AllocationId: &s.allocation, InstanceId: &s.front}))
	if got := s.instance(s.front); aws.ToString(got.PublicIpAddress) != s.address {
		s.t.Errorf("the instance's address is %s, not %s", aws.ToString(got.PublicIpAddress), s.address)
	}
	g := s.login()
	if out := g.Run("hostname"); out == "" {
		s.t.Error("the guest has no name")
	}
}

// login is a connection to the public instance for the length of a step.
func (s *site) login() *cloudtest.Guest {
	return s.cloud.Host.SSH(s.t, s.address, s.key, nil)
}

// byIPv6 logs in to the private instance by its address of IPv6, from the public one in the other subnet.
func (s *site) byIPv6() {
	six := aws.ToString(s.instance(s.back).Ipv6Address)
	if six == "" {
		s.t.Fatal("the private instance has no address of IPv6")
	}
	back := s.cloud.Host.SSH(s.t, six, s.key, s.login())
	if out := back.Run("hostname"); out == "" {
		s.t.Error("the guest has no name")
	}
}

func (s *site) natGateway() {
	a := must[*ec2.AllocateAddressOutput](s)(s.api.AllocateAddress(background, &ec2.AllocateAddressInput{}))
	s.natAllocation = *a.AllocationId
	n := must[*ec2.CreateNatGatewayOutput](s)(s.api.CreateNatGateway(background, &ec2.CreateNatGatewayInput{SubnetId: &s.public, AllocationId: &s.natAllocation}))
	s.nat = *n.NatGateway.NatGatewayId
	cloudtest.Check(s.t, ec2.NewNatGatewayAvailableWaiter(s.api, func(o *ec2.NatGatewayAvailableWaiterOptions) { o.MinDelay, o.MaxDelay = often, often }).Wait(background, &ec2.DescribeNatGatewaysInput{NatGatewayIds: []string{s.nat}}, patience()))
}

// throughNAT proves that the private instance is reached from the public one, and reaches the outside only once its table leads to
// the NAT gateway.
func (s *site) throughNAT() {
	front := s.login()
	back := s.cloud.Host.SSH(s.t, *s.instance(s.back).PrivateIpAddress, s.key, front)
	// The external network's gateway stands for the outside: it answers pings.
	gateway := "172.24.4.1"
	if _, err := back.Try("ping -c 1 -W 1 "+gateway, 5*time.Second); err == nil {
		s.t.Error("the private instance reaches the outside without a route")
	}
	must[*ec2.CreateRouteOutput](s)(s.api.CreateRoute(background, &ec2.CreateRouteInput{RouteTableId: &s.privateTable, DestinationCidrBlock: aws.String("0.0.0.0/0"), NatGatewayId: &s.nat}))
	cloudtest.Eventually(s.t, cloudtest.Patience(10*time.Second), func() error {
		_, err := back.Try("ping -c 1 -W 1 "+gateway, 5*time.Second)
		return err
	})
}
