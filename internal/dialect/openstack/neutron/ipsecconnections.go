package neutron

import (
	"context"
	"net/netip"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

func (a *api) ipsecConnections() resource[cloud.VPNConnection, cloud.VPNConnectionID] {
	type connection = cloud.VPNConnection
	columns := openstack.SortColumns{"description": "description", "vpnservice_id": "service_id", "ikepolicy_id": "ike", "ipsecpolicy_id": "esp", "peer_address": "peer_address",
		"peer_id": "peer_identity", "local_id": "local_identity", "local_ep_group_id": "local_endpoints", "peer_ep_group_id": "peer_endpoints", "initiator": "initiator"}
	fs := filters[connection]{"admin_state_up": byBool[connection]("admin_up"), "mtu": byInt[connection]("mtu"), "status": byShown(connectionStatus), "revision_number": nil}
	for name, column := range columns {
		if name != "description" {
			fs[name] = byText[connection](column)
		}
	}
	columns["admin_state_up"], columns["mtu"] = "admin_up", "mtu"
	return resource[connection, cloud.VPNConnectionID]{one: "ipsec_site_connection", many: "ipsec_site_connections", path: "/v2.0/vpn/ipsec-site-connections",
		filters: common(fs), sort: namedSort(columns), list: a.net.ListVPNConnections, get: a.net.VPNConnection, remove: a.net.DeleteVPNConnection,
		id: func(c *connection) cloud.VPNConnectionID { return c.ID }, show: showConnections}
}

func (a *api) ipsecConnectionRoutes(s *openstack.Service) {
	r := a.ipsecConnections()
	routes(a, s, r)
	s.Handle("POST "+r.path, creates(a, r, a.createConnection))
	s.Handle("PUT "+r.path+"/{id}", updates(a, r, a.updateConnection))
}

func connectionStatus(c *cloud.VPNConnection) string {
	return vpnStatus(c.Up() && c.AdminUp, c.Tunnels[0].ChangedAt, "")
}

func showConnections(_ context.Context, connections []*cloud.VPNConnection) ([]object, error) {
	shown := make([]object, len(connections))
	for i, c := range connections {
		shown[i] = object{"id": c.ID, "name": c.Name, "description": c.Description, "tenant_id": c.ProjectID, "project_id": c.ProjectID,
			"vpnservice_id": c.ServiceID, "ikepolicy_id": orNull(c.IKE), "ipsecpolicy_id": orNull(c.ESP), "peer_address": c.PeerAddress, "peer_id": c.PeerIdentity,
			"local_id": c.LocalIdentity, "peer_cidrs": showPrefixes(c.PeerPrefixes), "local_ep_group_id": orNull(c.LocalEndpoints), "peer_ep_group_id": orNull(c.PeerEndpoints),
			"route_mode": "static", "mtu": c.MTU, "initiator": c.Initiator, "auth_mode": "psk", "psk": c.Tunnels[0].Secret, "admin_state_up": c.AdminUp,
			"dpd":    object{"action": c.DPDAction, "interval": int(c.DPDInterval / time.Second), "timeout": int(c.DPDTimeout / time.Second)},
			"status": connectionStatus(c), "status_reason": orNull(c.Tunnels[0].Reason)}
	}
	return shown, nil
}

// dpdIn says how a peer that is gone is noticed.
type dpdIn struct {
	Action   text    `json:"action"`
	Interval integer `json:"interval"`
	Timeout  integer `json:"timeout"`
}

// connectionIn is an IPsec site connection in a request.
type connectionIn struct {
	owner
	Name           text                         `json:"name"`
	Description    text                         `json:"description"`
	ServiceID      text                         `json:"vpnservice_id"`
	IKE            text                         `json:"ikepolicy_id"`
	ESP            text                         `json:"ipsecpolicy_id"`
	PeerAddress    text                         `json:"peer_address"`
	PeerID         text                         `json:"peer_id"`
	LocalID        text                         `json:"local_id"`
	PeerPrefixes   openstack.Optional[[]string] `json:"peer_cidrs"`
	LocalEndpoints text                         `json:"local_ep_group_id"`
	PeerEndpoints  text                         `json:"peer_ep_group_id"`
	MTU            integer                      `json:"mtu"`
	Initiator      text                         `json:"initiator"`
	Secret         text                         `json:"psk"`
	DPD            openstack.Optional[dpdIn]    `json:"dpd"`
	AdminUp        boolean                      `json:"admin_state_up"`
}

func (a *api) createConnection(ctx context.Context, in connectionIn) (*cloud.VPNConnection, error) {
	for name, field := range map[string]text{"vpnservice_id": in.ServiceID, "ikepolicy_id": in.IKE, "ipsecpolicy_id": in.ESP,
		"peer_address": in.PeerAddress, "peer_id": in.PeerID, "psk": in.Secret} {
		if !field.Set {
			return nil, notSpecified(name)
		}
	}
	change, err := in.change()
	if err != nil {
		return nil, err
	}
	return a.net.CreateVPNConnection(ctx, network.VPNConnectionRequest{ProjectID: in.project(), ServiceID: cloud.VPNServiceID(in.ServiceID.Value),
		IKE: cloud.VPNProposalID(in.IKE.Value), ESP: cloud.VPNProposalID(in.ESP.Value), VPNConnectionChange: change})
}

func (a *api) updateConnection(ctx context.Context, id cloud.VPNConnectionID, in connectionIn) (*cloud.VPNConnection, error) {
	for name, field := range map[string]text{"vpnservice_id": in.ServiceID, "ikepolicy_id": in.IKE, "ipsecpolicy_id": in.ESP} {
		if field.Set {
			return nil, readOnly(name)
		}
	}
	change, err := in.change()
	if err != nil {
		return nil, err
	}
	return a.net.UpdateVPNConnection(ctx, id, change)
}

func (in connectionIn) change() (network.VPNConnectionChange, error) {
	c := network.VPNConnectionChange{Name: textPtr(in.Name), Description: textPtr(in.Description), AdminUp: boolPtr(in.AdminUp),
		PeerAddress: textPtr(in.PeerAddress), PeerIdentity: textPtr(in.PeerID), LocalIdentity: textPtr(in.LocalID), Initiator: textPtr(in.Initiator),
		Secret: textPtr(in.Secret), LocalEndpoints: idPtr[cloud.EndpointGroupID](in.LocalEndpoints), PeerEndpoints: idPtr[cloud.EndpointGroupID](in.PeerEndpoints),
		DPDAction: textPtr(in.DPD.Value.Action), DPDInterval: secondsPtr(in.DPD.Value.Interval), DPDTimeout: secondsPtr(in.DPD.Value.Timeout)}
	if in.MTU.Set {
		mtu := int(in.MTU.Value)
		c.MTU = &mtu
	}
	if !in.PeerPrefixes.Set {
		return c, nil
	}
	prefixes, err := networksIn(in.PeerPrefixes.Value)
	c.PeerPrefixes = &prefixes
	return c, err
}

// networksIn reads prefixes, which end where their length says.
func networksIn(texts []string) ([]netip.Prefix, error) {
	prefixes, err := parsePrefixes("peer_cidrs", texts)
	for _, p := range prefixes {
		if err == nil && p != p.Masked() {
			err = cloud.Invalidf("VPN connection", "peer_cidr", "ipsec_site_connection peer cidr %s is invalid CIDR", p)
		}
	}
	return prefixes, err
}

func secondsPtr(n integer) *time.Duration {
	if !n.Set {
		return nil
	}
	d := secondsOf(n)
	return &d
}
