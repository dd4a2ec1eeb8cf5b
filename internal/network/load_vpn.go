package network

import (
	"context"
	"net/netip"

	"github.com/nubo-cloud/nubo/internal/agentapi"
	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// hostOfVPN is the host of a VPN service's router.
func (s *Service) hostOfVPN(ctx context.Context, id cloud.VPNServiceID) ([]cloud.HostID, error) {
	v, err := s.VPNServices.Get(ctx, id)
	if cloud.Is(err, cloud.NotFound) || err == nil && v.RouterID == "" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r, err := s.placedRouter(ctx, v.RouterID)
	if r == nil || err != nil || r.HostID == "" {
		return nil, err
	}
	return []cloud.HostID{r.HostID}, nil
}

// vpnsOn are the VPN services of routers, on the host that is their routers' own.
func (s *Service) vpnsOn(ctx context.Context, host cloud.HostID, routers []*cloud.Router) ([]key, error) {
	var ids []cloud.RouterID
	for _, r := range routers {
		if r.HostID == host {
			ids = append(ids, r.ID)
		}
	}
	services, err := s.VPNServices.List(ctx, cloud.Where(cloud.In("router_id", ids)))
	return keysOf(host, kindVPN, columnOf(services, func(v *cloud.VPNService) cloud.VPNServiceID { return v.ID })), err
}

// nudgeVPNs has the VPN services of a router looked at: they are where it is, and lead to what it is on.
func (f *fabric) nudgeVPNs(ctx context.Context, id cloud.RouterID) error {
	services, err := f.s.VPNServices.List(ctx, cloud.Where(cloud.Eq("router_id", string(id))))
	for _, v := range services {
		f.objects.Nudge(key{object: object{kindVPN, string(v.ID)}})
	}
	return err
}

// pushVPN makes a VPN service right on one host.
func (f *fabric) pushVPN(ctx context.Context, agent agentapi.Agent, k key) error {
	defer f.locks.lock(k)()
	doc, wanted, err := f.s.loadVPN(ctx, k.Host, cloud.VPNServiceID(k.ID))
	if err != nil {
		return err
	}
	if !wanted {
		return f.remove(k, agent.RemoveVPN(ctx, spec.VPNID(k.ID)))
	}
	plain := doc
	plain.Generation = 0
	err = f.send(k, plain, func() error { return agent.EnsureVPN(ctx, doc) })
	if unable, why := cannot(err); unable {
		// The owner reads it; whether the host can now is seen when the loop tries again.
		f.s.ObserveVPN(ctx, k.Host, spec.VPNStatus{ID: doc.ID, Reason: why})
	}
	return err
}

// vpnPorts are the ports of a VPN service.
func (s *Service) vpnPorts(ctx context.Context, id cloud.VPNServiceID) ([]*cloud.Port, error) {
	return s.Ports.List(ctx, cloud.Where(cloud.Eq("device_text", string(id)), cloud.Eq("owner", string(cloud.OwnerVPN))))
}

// vpnRows is all that a VPN service's document is made of.
type vpnRows struct {
	service     *cloud.VPNService
	router      *cloud.Router
	connections []*cloud.VPNConnection
	proposals   map[cloud.VPNProposalID]*cloud.VPNProposal
	groups      map[cloud.EndpointGroupID]*cloud.EndpointGroup
	inside      map[cloud.SubnetID]*cloud.Subnet // that the router is on
	ports       []*cloud.Port                    // the service's
	routerRows                                   // what tells of the ports
}

func (s *Service) loadVPN(ctx context.Context, host cloud.HostID, id cloud.VPNServiceID) (doc spec.VPN, wanted bool, err error) {
	err = s.Tx.View(ctx, func(ctx context.Context) error {
		rows, err := s.vpnRows(ctx, host, id)
		if wanted = rows != nil; err != nil || !wanted {
			return err
		}
		generation, err := s.Generations.Generation(ctx)
		doc = planVPN(rows, generation)
		return err
	})
	return doc, wanted, err
}

// vpnRows reads what a document is made of; nil: the service is not on that host.
func (s *Service) vpnRows(ctx context.Context, host cloud.HostID, id cloud.VPNServiceID) (*vpnRows, error) {
	v, err := s.VPNServices.Get(ctx, id)
	if cloud.Is(err, cloud.NotFound) || err == nil && v.RouterID == "" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r, err := s.Routers.Get(ctx, v.RouterID)
	if err != nil || r.HostID != host {
		return nil, err
	}
	rows := &vpnRows{service: v, router: r}
	if rows.inside, err = s.subnetsInside(ctx, r.ID); err != nil {
		return nil, err
	}
	if err := s.loadVPNSides(ctx, rows); err != nil {
		return nil, err
	}
	return rows, s.loadConnections(ctx, rows)
}

// loadVPNSides reads the service's ports, and what they are on.
func (s *Service) loadVPNSides(ctx context.Context, rows *vpnRows) (err error) {
	if rows.ports, err = s.vpnPorts(ctx, rows.service.ID); err != nil {
		return err
	}
	subnets, err := s.Subnets.List(ctx, cloud.Where(cloud.In("id", subnetIDs(rows.ports))))
	if err != nil {
		return err
	}
	networks, err := s.Networks.List(ctx, cloud.Where(cloud.In("id", columnOf(rows.ports, networkOf))))
	rows.routerRows = routerRows{subnets: byID(subnets, func(sub *cloud.Subnet) cloud.SubnetID { return sub.ID }),
		networks: byID(networks, func(n *cloud.Network) cloud.NetworkID { return n.ID })}
	return err
}

// loadConnections reads the service's connections, with their secrets, and what they name.
func (s *Service) loadConnections(ctx context.Context, rows *vpnRows) (err error) {
	if rows.connections, err = s.VPNConnections.List(ctx, cloud.Where(cloud.Eq("service_id", string(rows.service.ID)))); err != nil {
		return err
	}
	if err := s.unseal(ctx, rows.connections...); err != nil {
		return err
	}
	var proposals []cloud.VPNProposalID
	for _, c := range rows.connections {
		proposals = append(proposals, c.IKE, c.ESP)
	}
	list, err := s.VPNProposals.List(ctx, cloud.Where(cloud.In("id", proposals)))
	if err != nil {
		return err
	}
	rows.proposals = byID(list, func(p *cloud.VPNProposal) cloud.VPNProposalID { return p.ID })
	rows.groups, err = s.groupsOf(ctx, rows.connections)
	return err
}

// groupsOf are the endpoint groups that connections name.
func (s *Service) groupsOf(ctx context.Context, connections []*cloud.VPNConnection) (map[cloud.EndpointGroupID]*cloud.EndpointGroup, error) {
	var ids []cloud.EndpointGroupID
	for _, c := range connections {
		ids = append(ids, c.LocalEndpoints, c.PeerEndpoints)
	}
	groups, err := s.EndpointGroups.List(ctx, cloud.Where(cloud.In("id", ids)))
	return byID(groups, func(g *cloud.EndpointGroup) cloud.EndpointGroupID { return g.ID }), err
}

// tunnelRoutes lead from a router to what lies behind the peers of its VPN services. A routing domain's lead there by its tables.
func (s *Service) tunnelRoutes(ctx context.Context, r *cloud.Router) (routes []cloud.Route, err error) {
	if r.Domain != nil {
		return nil, nil
	}
	services, err := s.VPNServices.List(ctx, cloud.Where(cloud.Eq("router_id", string(r.ID)), cloud.Eq("admin_up", true)))
	if err != nil || len(services) == 0 {
		return nil, err
	}
	ids := columnOf(services, func(v *cloud.VPNService) cloud.VPNServiceID { return v.ID })
	connections, err := s.VPNConnections.List(ctx, cloud.Where(cloud.In("service_id", ids), cloud.Eq("admin_up", true)))
	if err != nil {
		return nil, err
	}
	groups, err := s.groupsOf(ctx, connections)
	if err != nil {
		return nil, err
	}
	ends, err := s.linkEnds(ctx, services)
	for _, c := range connections {
		for _, p := range behindPeer(c, groups) {
			if hop := ends[c.ServiceID].of(p); hop.IsValid() {
				routes = append(routes, cloud.Route{Destination: p, NextHop: hop})
			}
		}
	}
	return routes, err
}

// hops are next hops, one per family.
type hops []netip.Addr

// of is the hop for a prefix, invalid if there is none of its family.
func (h hops) of(p netip.Prefix) netip.Addr {
	for _, a := range h {
		if a.Is4() == p.Addr().Is4() {
			return a
		}
	}
	return netip.Addr{}
}

// linkEnds are the addresses of VPN services on the links to their routers.
func (s *Service) linkEnds(ctx context.Context, services []*cloud.VPNService) (map[cloud.VPNServiceID]hops, error) {
	links := columnOf(services, func(v *cloud.VPNService) cloud.NetworkID { return v.NetworkID })
	ports, err := s.Ports.List(ctx, cloud.Where(cloud.In("network_id", links), cloud.Eq("owner", string(cloud.OwnerVPN))))
	ends := make(map[cloud.VPNServiceID]hops, len(ports))
	for _, p := range ports {
		ends[cloud.VPNServiceID(p.DeviceText)] = addressesOf(p)
	}
	return ends, err
}
