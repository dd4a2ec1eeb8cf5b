package ec2

import (
	"cmp"
	"context"
	"net/netip"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

// targetMembers are what a route may lead to.
const targetMembers = "GatewayId InstanceId NatGatewayId NetworkInterfaceId VpcPeeringConnectionId EgressOnlyInternetGatewayId"

// targets is what routes are shown with: what is behind the ids that they hold, as far as it still is.
type targets struct {
	owner string
	ports map[string]*cloud.Port
	live  map[string]bool // targets that packets get to
}

// routeTargets reads what the routes of tables lead to.
func (a *api) routeTargets(ctx context.Context, tables []*cloud.RouteTable) (*targets, error) {
	owner, err := a.account(ctx)
	k := &targets{owner: owner, ports: map[string]*cloud.Port{}, live: map[string]bool{}}
	if err != nil || !anyRoutes(tables) {
		return k, err
	}
	gateways, err := a.gateways(ctx)
	if err != nil {
		return nil, err
	}
	for _, g := range gateways {
		k.live[string(g.ID)] = g.RouterID != ""
	}
	nats, err := a.nats(ctx)
	if err != nil {
		return nil, err
	}
	for _, n := range nats {
		k.live[string(n.ID)] = true
	}
	peerings, err := a.Network.ListPeerings(ctx, cloud.Query{})
	if err != nil {
		return nil, err
	}
	for _, p := range peerings {
		k.live[string(p.ID)] = p.State == cloud.PeeringActive
	}
	return k, a.portTargets(ctx, k, tables)
}

func anyRoutes(tables []*cloud.RouteTable) bool {
	for _, t := range tables {
		if len(t.Routes) > 0 {
			return true
		}
	}
	return false
}

func (a *api) portTargets(ctx context.Context, k *targets, tables []*cloud.RouteTable) error {
	var ids []string
	for _, t := range tables {
		for _, r := range t.Routes {
			if r.Kind == cloud.TargetPort {
				ids = append(ids, r.Target)
			}
		}
	}
	if len(ids) == 0 {
		return nil
	}
	ports, err := a.ports(ctx, cloud.In("id", ids))
	for _, p := range ports {
		k.ports[string(p.ID)], k.live[string(p.ID)] = p, p.InstanceID != ""
	}
	return err
}

// route is a route as it is shown: a black hole if nothing is where it leads.
func (k *targets) route(t *cloud.RouteTable, r cloud.TableRoute) shape.Route {
	out := shape.Route{Origin: "CreateRoute", State: "active"}
	if r.Learned {
		out.Origin = "EnableVgwRoutePropagation"
	}
	if !k.live[r.Target] {
		out.State = "blackhole"
	}
	if r.Destination.Addr().Is4() {
		out.DestinationCidrBlock = r.Destination.String()
	} else {
		out.DestinationIpv6CidrBlock = r.Destination.String()
	}
	switch r.Kind {
	case cloud.TargetInternet:
		out.GatewayId = internetIDs.of(r.Target)
	case cloud.TargetVPN:
		out.GatewayId = vpnGatewayIDs.of(r.Target)
	case cloud.TargetEgress:
		out.EgressOnlyInternetGatewayId = egressIDs.of(r.Target)
	case cloud.TargetNAT:
		out.NatGatewayId = natIDs.of(r.Target)
	case cloud.TargetPeering:
		out.VpcPeeringConnectionId = peeringIDs.of(r.Target)
	case cloud.TargetPort:
		out.NetworkInterfaceId = portIDs.of(r.Target)
		if p := k.ports[r.Target]; p != nil && p.InstanceID != "" {
			out.InstanceId, out.InstanceOwnerId = id(instanceIDs, p.InstanceID), k.owner
		}
	}
	return out
}

// destination is where a route goes: a block of one IP version.
func destination(v4, v6 string) (netip.Prefix, error) {
	if v4 != "" && v6 != "" {
		return netip.Prefix{}, invalidCombination("A route has a destination of IPv4 or of IPv6, not both.")
	}
	text := cmp.Or(v4, v6)
	if text == "" {
		return netip.Prefix{}, missingParameter("DestinationCidrBlock")
	}
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is4() != (v4 != "") {
		return p, invalidParameter("Value (%s) for parameter destinationCidrBlock is invalid. This is not a valid CIDR block.", text)
	}
	return p.Masked(), nil
}

// target finds what a route shall lead to. Exactly one is named.
func (a *api) target(ctx context.Context, in *shape.CreateRouteRequest) (cloud.TableRoute, error) {
	given := 0
	for _, text := range []string{in.GatewayId, in.InstanceId, in.NatGatewayId, in.NetworkInterfaceId, in.VpcPeeringConnectionId, in.EgressOnlyInternetGatewayId} {
		if text != "" {
			given++
		}
	}
	if given != 1 {
		return cloud.TableRoute{}, invalidCombination("A route leads to exactly one target: %d were given.", given)
	}
	switch {
	case in.GatewayId != "":
		g, err := a.anyGateway(ctx, in.GatewayId)
		if err != nil {
			return cloud.TableRoute{}, err
		}
		return cloud.TableRoute{Kind: cloud.RouteTargetKind(g.Kind), Target: string(g.ID)}, nil
	case in.EgressOnlyInternetGatewayId != "":
		g, err := a.gateway(ctx, egressIDs, in.EgressOnlyInternetGatewayId)
		if err != nil {
			return cloud.TableRoute{}, err
		}
		return cloud.TableRoute{Kind: cloud.TargetEgress, Target: string(g.ID)}, nil
	case in.NatGatewayId != "":
		n, err := findOne(ctx, natIDs, in.NatGatewayId, a.nats, natID)
		if err != nil {
			return cloud.TableRoute{}, err
		}
		return cloud.TableRoute{Kind: cloud.TargetNAT, Target: string(n.ID)}, nil
	case in.VpcPeeringConnectionId != "":
		p, err := a.peering(ctx, in.VpcPeeringConnectionId)
		if err != nil {
			return cloud.TableRoute{}, err
		}
		return cloud.TableRoute{Kind: cloud.TargetPeering, Target: string(p.ID)}, nil
	}
	return a.portTarget(ctx, in)
}

// portTarget is an interface, or the only one of an instance.
func (a *api) portTarget(ctx context.Context, in *shape.CreateRouteRequest) (cloud.TableRoute, error) {
	if in.NetworkInterfaceId != "" {
		p, err := findOne(ctx, portIDs, in.NetworkInterfaceId, a.ports, portID)
		if err != nil {
			return cloud.TableRoute{}, err
		}
		return cloud.TableRoute{Kind: cloud.TargetPort, Target: string(p.ID)}, nil
	}
	v, err := findOne(ctx, instanceIDs, in.InstanceId, a.allInstances, viewID)
	if err != nil {
		return cloud.TableRoute{}, err
	}
	if len(v.Ports) != 1 {
		return cloud.TableRoute{}, bad("InvalidInstanceID", "There are multiple interfaces attached to instance '%s'. Please specify an interface ID for the operation instead.", in.InstanceId)
	}
	return cloud.TableRoute{Kind: cloud.TargetPort, Target: string(v.Ports[0].Port.ID)}, nil
}

// wantedRoute is the table and the route that a request is about.
func (a *api) wantedRoute(ctx context.Context, in *shape.CreateRouteRequest) (*cloud.RouteTable, cloud.TableRoute, error) {
	t, err := a.routeTable(ctx, in.RouteTableId)
	if err != nil {
		return nil, cloud.TableRoute{}, err
	}
	to, err := destination(in.DestinationCidrBlock, in.DestinationIpv6CidrBlock)
	if err != nil {
		return nil, cloud.TableRoute{}, err
	}
	r, err := a.target(ctx, in)
	r.Destination = to
	return t, r, err
}

func (a *api) createRoute(ctx context.Context, in *shape.CreateRouteRequest) (*shape.CreateRouteResult, error) {
	t, r, err := a.wantedRoute(ctx, in)
	if err != nil {
		return nil, err
	}
	_, err = a.Network.AddTableRoute(ctx, t.ID, r)
	return &shape.CreateRouteResult{Return: new(true)}, err
}

func (a *api) replaceRoute(ctx context.Context, in *shape.ReplaceRouteRequest) error {
	t, r, err := a.wantedRoute(ctx, &shape.CreateRouteRequest{RouteTableId: in.RouteTableId, DestinationCidrBlock: in.DestinationCidrBlock,
		DestinationIpv6CidrBlock: in.DestinationIpv6CidrBlock, GatewayId: in.GatewayId, InstanceId: in.InstanceId, NatGatewayId: in.NatGatewayId,
		NetworkInterfaceId: in.NetworkInterfaceId, VpcPeeringConnectionId: in.VpcPeeringConnectionId, EgressOnlyInternetGatewayId: in.EgressOnlyInternetGatewayId})
	if err != nil {
		return err
	}
	_, err = a.Network.ReplaceTableRoute(ctx, t.ID, r)
	return err
}

func (a *api) deleteRoute(ctx context.Context, in *shape.DeleteRouteRequest) error {
	t, err := a.routeTable(ctx, in.RouteTableId)
	if err != nil {
		return err
	}
	to, err := destination(in.DestinationCidrBlock, in.DestinationIpv6CidrBlock)
	if err != nil {
		return err
	}
	_, err = a.Network.RemoveTableRoute(ctx, t.ID, to)
	return err
}

func (a *api) enablePropagation(ctx context.Context, in *shape.EnableVgwRoutePropagationRequest) error {
	return a.propagate(ctx, in.RouteTableId, in.GatewayId, true)
}

func (a *api) disablePropagation(ctx context.Context, in *shape.DisableVgwRoutePropagationRequest) error {
	return a.propagate(ctx, in.RouteTableId, in.GatewayId, false)
}

func (a *api) propagate(ctx context.Context, table, gateway string, on bool) error {
	t, err := a.routeTable(ctx, table)
	if err != nil {
		return err
	}
	g, err := a.gateway(ctx, vpnGatewayIDs, gateway)
	if err != nil {
		return err
	}
	_, err = a.Network.Propagate(ctx, t.ID, g.ID, on)
	if cloud.Is(err, cloud.Invalid) {
		return bad("Gateway.NotAttached", "The gateway '%s' is not attached to the VPC of route table '%s'.", gateway, table)
	}
	return err
}
