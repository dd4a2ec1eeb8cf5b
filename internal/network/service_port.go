package network

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Every network with DHCP has one port of our own (cloud.OwnerService) with an address on
// each of its subnets that we answer on: for DHCP, DNS and metadata.

// settleServicePort makes the service port's addresses match the network's subnets.
func (s *Service) settleServicePort(ctx context.Context, n *cloud.Network) error {
	subnets, err := s.subnetsOf(ctx, n.ID)
	if err != nil {
		return err
	}
	served := keepSubnets(subnets, func(sub *cloud.Subnet) bool { return sub.DHCP })
	ports, err := s.Ports.List(ctx, cloud.Where(cloud.Eq("network_id", string(n.ID)), cloud.Eq("owner", string(cloud.OwnerService))))
	if err != nil {
		return err
	}
	switch {
	case len(served) == 0 && len(ports) == 0:
		return nil
	case len(served) == 0:
		return s.removePort(ctx, ports[0])
	case len(ports) == 0:
		return s.newServicePort(ctx, n, served)
	}
	return s.changeServicePort(ctx, ports[0], served)
}

func (s *Service) newServicePort(ctx context.Context, n *cloud.Network, served []*cloud.Subnet) error {
	p := &cloud.Port{ID: cloud.PortID(cloud.NewID()), ProjectID: n.ProjectID, NetworkID: n.ID, AdminUp: true,
		Owner: cloud.OwnerService, DeviceText: "dhcp-" + string(n.ID), Up: true}
	if err := s.insertPort(ctx, n, p, "", &[]AddressRequest{}); err != nil {
		return err
	}
	return s.changeServicePort(ctx, p, served)
}

func (s *Service) changeServicePort(ctx context.Context, p *cloud.Port, served []*cloud.Subnet) error {
	var addresses, gone []cloud.PortAddress
	for _, a := range p.Addresses {
		if slices.ContainsFunc(served, func(sub *cloud.Subnet) bool { return sub.ID == a.SubnetID }) {
			addresses = append(addresses, a)
		} else {
			gone = append(gone, a)
		}
	}
	changed := len(gone) > 0
	for _, sub := range served {
		if slices.ContainsFunc(addresses, func(a cloud.PortAddress) bool { return a.SubnetID == sub.ID }) {
			continue
		}
		a, err := s.serviceAddress(ctx, p, sub)
		if cloud.Is(err, cloud.NoCapacity) {
			continue // a subnet without room for us is used without DHCP
		}
		if err != nil {
			return err
		}
		addresses, changed = append(addresses, a), true
	}
	if !changed {
		return nil
	}
	if err := s.release(ctx, gone); err != nil {
		return err
	}
	p.Addresses = addresses
	return s.savePort(ctx, p)
}

func (s *Service) serviceAddress(ctx context.Context, p *cloud.Port, sub *cloud.Subnet) (cloud.PortAddress, error) {
	if isAutomatic(sub) {
		a := eui64(sub.Prefix, p.MAC)
		return cloud.PortAddress{SubnetID: sub.ID, Address: a}, s.take(ctx, sub, p.ID, a)
	}
	if a := sub.Gateway.Next(); sub.RouterID != "" && isHost(sub.Prefix, a) && !inPools(sub, a) {
		return cloud.PortAddress{SubnetID: sub.ID, Address: a}, s.take(ctx, sub, p.ID, a)
	}
	a, err := s.allocate(ctx, sub, p.ID)
	return cloud.PortAddress{SubnetID: sub.ID, Address: a}, err
}
