package ec2

import (
	"context"
	"net/netip"

	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/network"
)

func (a *api) assignAddresses(ctx context.Context, in *shape.AssignPrivateIpAddressesRequest) (*shape.AssignPrivateIpAddressesResult, error) {
	p, err := a.theInterface(ctx, in.NetworkInterfaceId)
	if err != nil {
		return nil, err
	}
	more := network.MoreAddresses{Move: in.AllowReassignment != nil && *in.AllowReassignment}
	if more.Addresses, err = readEach(in.PrivateIpAddresses, readIPv4); err != nil {
		return nil, err
	}
	if more.Any, err = countOr(in.SecondaryPrivateIpAddressCount, "secondaryPrivateIpAddressCount", len(more.Addresses)); err != nil {
		return nil, err
	}
	added, err := a.Network.AddAddresses(ctx, p.ID, more)
	out := &shape.AssignPrivateIpAddressesResult{NetworkInterfaceId: in.NetworkInterfaceId}
	for _, at := range added {
		out.AssignedPrivateIpAddresses = append(out.AssignedPrivateIpAddresses, shape.AssignedPrivateIpAddress{PrivateIpAddress: at.String()})
	}
	return out, err
}

func (a *api) unassignAddresses(ctx context.Context, in *shape.UnassignPrivateIpAddressesRequest) error {
	p, err := a.theInterface(ctx, in.NetworkInterfaceId)
	if err != nil {
		return err
	}
	if len(in.PrivateIpAddresses) == 0 {
		return missingParameter("privateIpAddresses")
	}
	addresses, err := readEach(in.PrivateIpAddresses, readIPv4)
	if err != nil {
		return err
	}
	return a.Network.RemoveAddresses(ctx, p.ID, addresses)
}

func (a *api) assignIPv6(ctx context.Context, in *shape.AssignIpv6AddressesRequest) (*shape.AssignIpv6AddressesResult, error) {
	p, err := a.theInterface(ctx, in.NetworkInterfaceId)
	if err != nil {
		return nil, err
	}
	more, err := moreIPv6(in.Ipv6Addresses, in.Ipv6AddressCount)
	if err != nil {
		return nil, err
	}
	if len(more.Addresses)+more.Any == 0 {
		return nil, missingParameter("ipv6Addresses or ipv6AddressCount")
	}
	added, err := a.Network.AddAddresses(ctx, p.ID, more)
	return &shape.AssignIpv6AddressesResult{NetworkInterfaceId: in.NetworkInterfaceId, AssignedIpv6Addresses: texts(added)}, err
}

func (a *api) unassignIPv6(ctx context.Context, in *shape.UnassignIpv6AddressesRequest) (*shape.UnassignIpv6AddressesResult, error) {
	p, err := a.theInterface(ctx, in.NetworkInterfaceId)
	if err != nil {
		return nil, err
	}
	if len(in.Ipv6Addresses) == 0 {
		return nil, missingParameter("ipv6Addresses")
	}
	addresses, err := readEach(in.Ipv6Addresses, readIPv6)
	if err != nil {
		return nil, err
	}
	return &shape.UnassignIpv6AddressesResult{NetworkInterfaceId: in.NetworkInterfaceId, UnassignedIpv6Addresses: texts(addresses)},
		a.Network.RemoveAddresses(ctx, p.ID, addresses)
}

func moreIPv6(named []string, count *int) (more network.MoreAddresses, err error) {
	more.IPv6 = true
	if more.Addresses, err = readEach(named, readIPv6); err != nil || count == nil {
		return more, err
	}
	more.Any, err = countOr(count, "ipv6AddressCount", len(named))
	return more, err
}

// countOr is how many addresses of the cloud's choice are asked for. They are asked for by number or by name.
func countOr(n *int, parameter string, named int) (int, error) {
	switch {
	case n == nil && named == 0:
		return 0, missingParameter(parameter)
	case n == nil:
		return 0, nil
	case named > 0:
		return 0, invalidCombination("Addresses are asked for by name or by %s, not both.", parameter)
	}
	return *n, checkCount(parameter, *n)
}

func checkCount(parameter string, n int) error {
	if n < 0 || n > addressesMax {
		return invalidParameter("Value (%d) for parameter %s is invalid: it is between 0 and %d.", n, parameter, addressesMax)
	}
	return nil
}

func readEach(texts []string, read func(string) (netip.Addr, error)) (addresses []netip.Addr, err error) {
	for _, text := range texts {
		at, err := read(text)
		if err != nil {
			return nil, err
		}
		addresses = append(addresses, at)
	}
	return addresses, nil
}

func readIPv4(text string) (netip.Addr, error) { return readAddress(text, netip.Addr.Is4) }
func readIPv6(text string) (netip.Addr, error) { return readAddress(text, netip.Addr.Is6) }

func readAddress(text string, is func(netip.Addr) bool) (netip.Addr, error) {
	at, err := netip.ParseAddr(text)
	if err != nil || !is(at) || at.Zone() != "" {
		return at, invalidParameter("Invalid value '%s' for an IP address.", text)
	}
	return at, nil
}

func texts(addresses []netip.Addr) []string {
	return idsOf(addresses, netip.Addr.String)
}
