package network

import (
	"context"
	"maps"
	"net/netip"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// GatewayRequest asks for a way out through an external network.
type GatewayRequest struct {
	NetworkID cloud.NetworkID
	SNAT      *bool              // nil: as it is, true for a new one
	Fixed     []AddressRequest   // empty: any
	QoS       *cloud.QoSPolicyID // nil: as it is
}

// changeGateway makes a router's gateway what is asked; nil is none.
func (s *Service) changeGateway(ctx context.Context, r *cloud.Router, g *GatewayRequest) error {
	if g == nil || g.NetworkID == "" {
		return s.clearGateway(ctx, r)
	}
	if r.Gateway != nil && r.Gateway.NetworkID == g.NetworkID {
		return s.adjustGateway(ctx, r, *g)
	}
	if err := s.clearGateway(ctx, r); err != nil {
		return err
	}
	return s.setGateway(ctx, r, *g)
}

func (s *Service) authorizeGateway(ctx context.Context, r *cloud.Router, g GatewayRequest) error {
	snat := r.Gateway == nil || r.Gateway.SNAT
	return authorizeAll(ctx, map[policy.Action]bool{"router.snat": changes(g.SNAT, snat), "router.fixed_gateway": len(g.Fixed) > 0}, routerTarget(r))
}

// externalNetwork locks and answers a network that leads out.
func (s *Service) externalNetwork(ctx context.Context, id cloud.NetworkID) (*cloud.Network, error) {
	n, err := s.lockedNetwork(ctx, id)
	if err != nil {
		return nil, err
	}
	if !n.External {
		return nil, cloud.Invalidf("external network", "network_id", "Bad request: Network %s is not an external network", id)
	}
	return n, nil
}

func (s *Service) setGateway(ctx context.Context, r *cloud.Router, g GatewayRequest) error {
	if err := s.authorizeGateway(ctx, r, g); err != nil {
		return err
	}
	n, err := s.externalNetwork(ctx, g.NetworkID)
	if err != nil {
		return err
	}
	return s.joinOutside(ctx, r, n, g)
}

// joinOutside gives a router a gateway on an external network that is locked.
func (s *Service) joinOutside(ctx context.Context, r *cloud.Router, n *cloud.Network, g GatewayRequest) error {
	if err := s.checkGatewayOverlap(ctx, r, n); err != nil {
		return err
	}
	p := &cloud.Port{ID: cloud.PortID(cloud.NewID()), NetworkID: n.ID, AdminUp: true, Owner: cloud.OwnerRouterGateway, RouterID: r.ID, Up: true}
	var fixed *[]AddressRequest
	if len(g.Fixed) > 0 {
		fixed = &g.Fixed
	}
	if err := s.insertPort(ctx, n, p, "", fixed); err != nil {
		return err
	}
	if err := s.useQoS(ctx, or(g.QoS, "")); err != nil {
		return err
	}
	r.Gateway = &cloud.RouterGateway{NetworkID: n.ID, PortID: p.ID, SNAT: or(g.SNAT, true), QoS: or(g.QoS, "")}
	s.nudge(ctx, kindNetwork, string(n.ID))
	return s.placeRouter(ctx, r)
}

// adjustGateway changes the gateway on the network it is on.
func (s *Service) adjustGateway(ctx context.Context, r *cloud.Router, g GatewayRequest) error {
	if err := s.authorizeGateway(ctx, r, g); err != nil {
		return err
	}
	gateway := *r.Gateway
	apply(&gateway.SNAT, g.SNAT)
	if err := s.changeQoS(ctx, &gateway.QoS, g.QoS); err != nil {
		return err
	}
	r.Gateway = &gateway
	if len(g.Fixed) == 0 {
		return nil
	}
	if err := s.lockNetwork(ctx, g.NetworkID); err != nil {
		return err
	}
	p, err := s.Ports.Get(ctx, gateway.PortID)
	if err != nil {
		return missing(err, "port", gateway.PortID)
	}
	if sameAddresses(p.Addresses, g.Fixed) {
		return nil
	}
	kept, left, wanted := matchAddresses(p.Addresses, g.Fixed)
	if err := s.release(ctx, left); err != nil {
		return err
	}
	added, err := s.takeAll(ctx, p, wanted)
	if err != nil {
		return err
	}
	p.Addresses = append(kept, added...)
	return s.savePort(ctx, p)
}

// sameAddresses tells whether a request names the subnets and the addresses that a gateway has already. An entry that names
// a subnet alone is met by any address there, as often as it comes: clients repeat what they were shown, and leave out
// what they did not choose.
func sameAddresses(have []cloud.PortAddress, asked []AddressRequest) bool {
	subnets, addresses := map[cloud.SubnetID]bool{}, map[netip.Addr]bool{}
	for _, a := range have {
		subnets[a.SubnetID], addresses[a.Address] = false, false
	}
	for _, a := range asked {
		if _, known := subnets[a.SubnetID]; !known && a.SubnetID != "" {
			return false
		}
		if _, known := addresses[a.Address]; !known && a.Address.IsValid() {
			return false
		}
		subnets[a.SubnetID], addresses[a.Address] = true, true
	}
	return !slices.Contains(slices.Collect(maps.Values(subnets)), false) && !slices.Contains(slices.Collect(maps.Values(addresses)), false)
}

// checkGatewayOverlap keeps what is inside a router apart from what is outside.
func (s *Service) checkGatewayOverlap(ctx context.Context, r *cloud.Router, n *cloud.Network) error {
	outside, err := s.subnetsOf(ctx, n.ID)
	if err != nil {
		return err
	}
	_, inside, err := s.routerPorts(ctx, r.ID)
	if err != nil {
		return err
	}
	for _, o := range outside {
		if err := checkApart(o, inside); err != nil {
			return err
		}
	}
	return nil
}

// checkApart refuses a subnet that overlaps one the router has.
func checkApart(sub *cloud.Subnet, others []*cloud.Subnet) error {
	i := slices.IndexFunc(others, func(o *cloud.Subnet) bool { return o.ID != sub.ID && o.Prefix.Overlaps(sub.Prefix) })
	if i < 0 {
		return nil
	}
	return cloud.Invalidf("router", "subnet_id", "Bad router request: Cidr %s of subnet %s overlaps with cidr %s of subnet %s.",
		sub.Prefix, sub.ID, others[i].Prefix, others[i].ID)
}

// clearGateway takes a router's way out away. InUse while floating IPs need it.
func (s *Service) clearGateway(ctx context.Context, r *cloud.Router) error {
	if r.Gateway == nil {
		return nil
	}
	n, err := s.FloatingIPs.Count(ctx, cloud.Eq("router_id", string(r.ID)))
	if err != nil {
		return err
	}
	if err := s.refuseVPNRouter(ctx, r); err != nil {
		return err
	}
	if n > 0 {
		return cloud.Errorf(cloud.InUse, "router gateway", r.ID, "Gateway cannot be updated for router %s, since a gateway to external network %s "+
			"is required by one or more floating IPs.", r.ID, r.Gateway.NetworkID)
	}
	if err := s.lockNetwork(ctx, r.Gateway.NetworkID); err != nil {
		return err
	}
	p, err := s.Ports.Get(ctx, r.Gateway.PortID)
	if err == nil {
		err = s.removePort(ctx, p)
	}
	if err != nil && !cloud.Is(err, cloud.NotFound) {
		return err
	}
	s.nudge(ctx, kindNetwork, string(r.Gateway.NetworkID))
	r.Gateway = nil
	return nil
}

// addressGateways gives the gateways that have no address yet, because their network had no subnet when they were made,
// one on the network's new subnet.
func (s *Service) addressGateways(ctx context.Context, sub *cloud.Subnet) error {
	waiting, err := s.Ports.List(ctx, cloud.Where(cloud.Eq("network_id", string(sub.NetworkID)), cloud.Eq("owner", string(cloud.OwnerRouterGateway))),
		func(p *cloud.Port) bool { return len(p.Addresses) == 0 })
	if err != nil {
		return err
	}
	for _, p := range waiting {
		if p.Addresses, err = s.takeAll(ctx, p, []AddressRequest{{SubnetID: sub.ID}}); err != nil {
			return err
		}
		if err := s.savePort(ctx, p); err != nil {
			return err
		}
	}
	return nil
}
