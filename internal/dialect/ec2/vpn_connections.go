package ec2

import (
	"context"
	"net/netip"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/network"
)

func (a *api) vpnConnectionActions() []*action {
	return []*action{
		serve("CreateVpnConnection", a.createConnection, "Type CustomerGatewayId VpnGatewayId Options TagSpecifications"),
		serve("DescribeVpnConnections", a.describeConnections, "VpnConnectionIds Filters"),
		done("DeleteVpnConnection", a.deleteConnection, "VpnConnectionId"),
		done("CreateVpnConnectionRoute", a.createConnectionRoute, "VpnConnectionId DestinationCidrBlock"),
		done("DeleteVpnConnectionRoute", a.deleteConnectionRoute, "VpnConnectionId DestinationCidrBlock"),
		serve("ModifyVpnConnection", a.modifyConnection, "VpnConnectionId CustomerGatewayId VpnGatewayId"),
		serve("ModifyVpnConnectionOptions", a.modifyConnectionOptions, "VpnConnectionId LocalIpv4NetworkCidr RemoteIpv4NetworkCidr"),
		serve("ModifyVpnTunnelOptions", a.modifyTunnel, "VpnConnectionId VpnTunnelOutsideIpAddress TunnelOptions SkipTunnelReplacement"),
	}
}

// connections lists those of gateways: a router's are not of this API.
func (a *api) connections(ctx context.Context, where ...cloud.Cond) ([]*cloud.VPNConnection, error) {
	return a.Network.ListVPNConnections(ctx, cloud.Where(append(where, own(ctx), cloud.Cond{Column: "peer_id", Op: cloud.OpNe, Value: ""})...))
}

func connectionID(c *cloud.VPNConnection) string { return string(c.ID) }

func (a *api) connection(ctx context.Context, text string) (*cloud.VPNConnection, error) {
	return findOne(ctx, connectionIDs, text, a.connections, connectionID)
}

// connectionRow is a connection with what it is shown with.
type connectionRow struct {
	*cloud.VPNConnection
	gateway   *cloud.Gateway
	peer      *cloud.VPNPeer
	addresses map[cloud.PortID]string // outside
}

func (a *api) connectionRows(ctx context.Context, where ...cloud.Cond) ([]connectionRow, error) {
	list, err := a.connections(ctx, where...)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	var serviceIDs, peerIDs []string
	for _, c := range list {
		serviceIDs, peerIDs = append(serviceIDs, string(c.ServiceID)), append(peerIDs, string(c.PeerID))
	}
	services, err := a.Network.ListVPNServices(ctx, cloud.Where(cloud.In("id", serviceIDs)))
	if err != nil {
		return nil, err
	}
	outside, err := a.Network.VPNAddresses(ctx, services)
	if err != nil {
		return nil, err
	}
	gateways, err := a.gatewaysOf(cloud.GatewayVPN)(ctx)
	if err != nil {
		return nil, err
	}
	peers, err := a.peers(ctx, cloud.In("id", peerIDs))
	if err != nil {
		return nil, err
	}
	return joinConnections(list, services, outside, gateways, peers), nil
}

func joinConnections(list []*cloud.VPNConnection, services []*cloud.VPNService, outside map[cloud.VPNServiceID][]*cloud.Port, gateways []*cloud.Gateway, peers []*cloud.VPNPeer) []connectionRow {
	gatewayOf, peerOf, addresses := map[cloud.GatewayID]*cloud.Gateway{}, map[cloud.VPNPeerID]*cloud.VPNPeer{}, map[cloud.PortID]string{}
	for _, g := range gateways {
		gatewayOf[g.ID] = g
	}
	for _, p := range peers {
		peerOf[p.ID] = p
	}
	of := map[cloud.VPNServiceID]*cloud.Gateway{}
	for _, v := range services {
		of[v.ID] = gatewayOf[v.GatewayID]
		for _, p := range outside[v.ID] {
			if len(p.Addresses) > 0 {
				addresses[p.ID] = p.Addresses[0].Address.String()
			}
		}
	}
	rows := make([]connectionRow, 0, len(list))
	for _, c := range list {
		if g, p := of[c.ServiceID], peerOf[c.PeerID]; g != nil && p != nil { // else it is going
			rows = append(rows, connectionRow{c, g, p, addresses})
		}
	}
	return rows
}

// state is pending until a host has all tunnels: some customer gateways dial once. A gateway that is attached to no VPC has none.
func (r connectionRow) state() string {
	if r.gateway.RouterID != "" && slices.ContainsFunc(r.Tunnels, func(t cloud.VPNTunnel) bool { return t.ChangedAt.IsZero() }) {
		return "pending"
	}
	return "available"
}

func (r connectionRow) show() (shape.VpnConnection, error) {
	document, err := r.document()
	out := shape.VpnConnection{VpnConnectionId: id(connectionIDs, r.ID), CustomerGatewayId: id(peerIDs, r.PeerID), VpnGatewayId: id(vpnGatewayIDs, r.gateway.ID),
		State: r.state(), Type: ipsec, Category: "VPN", CustomerGatewayConfiguration: document, Tags: tagsOf(r.Labels, r.Name), Routes: []shape.VpnStaticRoute{},
		Options: &shape.VpnConnectionOptions{StaticRoutesOnly: &r.StaticRoutes, LocalIpv4NetworkCidr: r.LocalSelector.String(), RemoteIpv4NetworkCidr: r.PeerSelector.String(),
			EnableAcceleration: new(bool), TunnelInsideIpVersion: "ipv4", OutsideIpAddressType: "PublicIpv4"}}
	for _, p := range r.PeerPrefixes {
		out.Routes = append(out.Routes, shape.VpnStaticRoute{DestinationCidrBlock: p.String(), Source: "Static", State: "available"})
	}
	for _, t := range r.Tunnels {
		out.Options.TunnelOptions = append(out.Options.TunnelOptions, showTunnel(t, r.addresses[t.PortID]))
		out.VgwTelemetry = append(out.VgwTelemetry, telemetry(r.VPNConnection, t, r.addresses[t.PortID]))
	}
	return out, err
}

func telemetry(c *cloud.VPNConnection, t cloud.VPNTunnel, outside string) shape.VgwTelemetry {
	routes, at := 0, t.ChangedAt
	if at.IsZero() {
		at = c.CreatedAt
	}
	out := shape.VgwTelemetry{OutsideIpAddress: outside, Status: "DOWN", StatusMessage: t.Reason, LastStatusChange: &at, AcceptedRouteCount: &routes}
	if t.Up {
		out.Status, routes = "UP", len(c.PeerPrefixes)
	}
	return out
}

var connectionFields = fields[connectionRow]{
	"bgp-asn":                   one(func(r connectionRow) string { return showPeer(r.peer).BgpAsn }),
	"customer-gateway-id":       one(func(r connectionRow) string { return id(peerIDs, r.PeerID) }),
	"option.static-routes-only": one(func(r connectionRow) string { return onlyIf(r.StaticRoutes, "true") + onlyIf(!r.StaticRoutes, "false") }),
	"route.destination-cidr-block": func(r connectionRow) (out []string) {
		for _, p := range r.PeerPrefixes {
			out = append(out, p.String())
		}
		return out
	},
	"state":             one(connectionRow.state),
	"type":              one(func(connectionRow) string { return ipsec }),
	"vpn-connection-id": one(func(r connectionRow) string { return id(connectionIDs, r.ID) }),
	"vpn-gateway-id":    one(func(r connectionRow) string { return id(vpnGatewayIDs, r.gateway.ID) }),
}

func (a *api) describeConnections(ctx context.Context, in *shape.DescribeVpnConnectionsRequest) (*shape.DescribeVpnConnectionsResult, error) {
	n := noun[connectionRow]{ids: connectionIDs, list: a.connectionRows, id: func(r connectionRow) string { return string(r.ID) },
		place: func(r connectionRow) string { return place(r.CreatedAt, r.ID) }, fields: connectionFields,
		tags: func(r connectionRow) []shape.Tag { return tagsOf(r.Labels, r.Name) }}
	rows, _, err := n.describe(ctx, ask{in.VpnConnectionIds, in.Filters, nil, ""})
	if err != nil {
		return nil, err
	}
	out := &shape.DescribeVpnConnectionsResult{}
	for _, r := range rows {
		shown, err := r.show()
		if err != nil {
			return nil, err
		}
		out.VpnConnections = append(out.VpnConnections, shown)
	}
	return out, nil
}

func (a *api) showConnection(ctx context.Context, c *cloud.VPNConnection) (*shape.VpnConnection, error) {
	rows, err := a.connectionRows(ctx, cloud.Eq("id", c.ID))
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	shown, err := rows[0].show()
	return &shown, err
}

func (a *api) createConnection(ctx context.Context, in *shape.CreateVpnConnectionRequest) (*shape.CreateVpnConnectionResult, error) {
	if err := checkType(in.Type); err != nil {
		return nil, err
	}
	words, err := labelWords(in.TagSpecifications, "vpn-connection")
	if err != nil {
		return nil, err
	}
	p, err := findOne(ctx, peerIDs, in.CustomerGatewayId, a.peers, peerID)
	if err != nil {
		return nil, err
	}
	g, err := a.gateway(ctx, vpnGatewayIDs, in.VpnGatewayId)
	if err != nil {
		return nil, err
	}
	r := network.GatewayConnectionRequest{Words: words, GatewayID: g.ID, PeerID: p.ID}
	if err := readConnectionOptions(&r, in.Options); err != nil {
		return nil, err
	}
	c, err := a.Network.CreateGatewayConnection(ctx, r)
	if err != nil {
		return nil, err
	}
	shown, err := a.showConnection(ctx, c)
	return &shape.CreateVpnConnectionResult{VpnConnection: shown}, err
}

func readConnectionOptions(r *network.GatewayConnectionRequest, in *shape.VpnConnectionOptionsSpecification) (err error) {
	if in == nil {
		return nil
	}
	r.StaticRoutes = in.StaticRoutesOnly != nil && *in.StaticRoutesOnly
	for _, s := range []struct {
		text string
		to   *netip.Prefix
	}{{in.LocalIpv4NetworkCidr, &r.LocalSelector}, {in.RemoteIpv4NetworkCidr, &r.PeerSelector}} {
		if s.text == "" {
			continue
		}
		if *s.to, err = readPrefix(s.text, false); err != nil {
			return err
		}
	}
	if len(in.TunnelOptions) > len(r.Tunnels) {
		return invalidParameter("A VPN connection has %d tunnels, not %d.", len(r.Tunnels), len(in.TunnelOptions))
	}
	for i, t := range in.TunnelOptions {
		if r.Tunnels[i], err = readTunnel(t); err != nil {
			return err
		}
	}
	return nil
}

func (a *api) deleteConnection(ctx context.Context, in *shape.DeleteVpnConnectionRequest) error {
	c, err := a.connection(ctx, in.VpnConnectionId)
	if err != nil {
		return err
	}
	return a.Network.DeleteVPNConnection(ctx, c.ID)
}

func (a *api) createConnectionRoute(ctx context.Context, in *shape.CreateVpnConnectionRouteRequest) error {
	return a.changeRoute(ctx, in.VpnConnectionId, in.DestinationCidrBlock, a.Network.AddConnectionRoute)
}

func (a *api) deleteConnectionRoute(ctx context.Context, in *shape.DeleteVpnConnectionRouteRequest) error {
	err := a.changeRoute(ctx, in.VpnConnectionId, in.DestinationCidrBlock, a.Network.RemoveConnectionRoute)
	if e, ok := cloud.AsError(err); ok && e.Resource == "VPN connection route" {
		return bad("InvalidRoute.NotFound", "The VPN connection has no route to %s.", in.DestinationCidrBlock)
	}
	return err
}

func (a *api) changeRoute(ctx context.Context, connection, block string, change func(context.Context, cloud.VPNConnectionID, netip.Prefix) (*cloud.VPNConnection, error)) error {
	c, err := a.connection(ctx, connection)
	if err != nil {
		return err
	}
	p, err := readPrefix(block, false)
	if err != nil {
		return err
	}
	_, err = change(ctx, c.ID, p)
	return err
}

func (a *api) modifyTunnel(ctx context.Context, in *shape.ModifyVpnTunnelOptionsRequest) (*shape.ModifyVpnTunnelOptionsResult, error) {
	c, err := a.connection(ctx, in.VpnConnectionId)
	if err != nil {
		return nil, err
	}
	outside, err := netip.ParseAddr(in.VpnTunnelOutsideIpAddress)
	if err != nil {
		return nil, invalidParameter("Value (%s) for parameter vpnTunnelOutsideIpAddress is invalid.", in.VpnTunnelOutsideIpAddress)
	}
	change, err := readTunnel(shape.VpnTunnelOptionsSpecification(*in.TunnelOptions))
	if err != nil {
		return nil, err
	}
	if c, err = a.Network.UpdateTunnel(ctx, c.ID, outside, change); err != nil {
		return nil, err
	}
	shown, err := a.showConnection(ctx, c)
	return &shape.ModifyVpnTunnelOptionsResult{VpnConnection: shown}, err
}
