package network

import (
	"context"
	"net/netip"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// AddressRequest asks for one address: on a subnet, a certain one, or both.
type AddressRequest struct {
	SubnetID cloud.SubnetID
	Address  netip.Addr
}

// PortRequest asks for a port. Nil means: the default.
type PortRequest struct {
	ProjectID         cloud.ProjectID // empty: the caller's
	NetworkID         cloud.NetworkID
	Name, Description string
	AdminUp           *bool
	MAC               string
	Fixed             *[]AddressRequest // nil: one per IP version; empty: none
	PortSecurity      *bool
	Groups            *[]cloud.SecurityGroupID // nil: the project's default group
	AllowedPairs      []cloud.AddressPair
	DHCPOptions       []cloud.DHCPOption
	DNSName           string
	DNSDomain         string
	QoS               cloud.QoSPolicyID
	Tags              []string
	// OwnerText and DeviceText are the client's own. OwnerReserved: the text claims to be the cloud.
	OwnerText, DeviceText string
	OwnerReserved         bool
	// Binding, for operators.
	HostID   *cloud.HostID
	VNICType string
	Profile  map[string]any
	Trusted  *bool
}

func portTarget(p *cloud.Port) policy.Target {
	return policy.Target{Resource: "port", ID: string(p.ID), ProjectID: p.ProjectID}
}

// CreatePort makes a port for a client's own uses, or for an instance to come.
func (s *Service) CreatePort(ctx context.Context, r PortRequest) (p *cloud.Port, err error) {
	r.ProjectID = owner(ctx, r.ProjectID)
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		n, err := s.lockedNetwork(ctx, r.NetworkID)
		if err != nil {
			return err
		}
		if err := s.authorizePort(ctx, n, r); err != nil {
			return err
		}
		if p, err = s.newClientPort(ctx, n, r); err != nil {
			return err
		}
		if err := s.Quota.Reserve(ctx, p.ProjectID, map[string]int64{cloud.QuotaPorts: 1}); err != nil {
			return err
		}
		return s.insertPort(ctx, n, p, r.MAC, r.Fixed)
	})
	return p, err
}

func (s *Service) authorizePort(ctx context.Context, n *cloud.Network, r PortRequest) error {
	if err := s.authorizeAttach(ctx, n); err != nil {
		return err
	}
	own := policy.Target{Resource: "port", ProjectID: r.ProjectID}
	bind := r.HostID != nil || len(r.Profile) > 0 || r.Trusted != nil
	if err := authorizeAll(ctx, map[policy.Action]bool{"port.create": true, "port.bind": bind}, own); err != nil {
		return err
	}
	ofNetwork := policy.Target{Resource: "port", ProjectID: n.ProjectID}
	return authorizeAll(ctx, map[policy.Action]bool{"port.address": r.MAC != "" || namesAddress(r.Fixed),
		"port.security": r.PortSecurity != nil || len(r.AllowedPairs) > 0, "port.owner": r.OwnerReserved}, ofNetwork)
}

// authorizeAttach asks whether the caller, who sees the network, may make ports on it. Being external does not
// make a network shared: guests belong behind routers.
func (s *Service) authorizeAttach(ctx context.Context, n *cloud.Network) error {
	t := networkTarget(n)
	t.Shared = n.Shared
	t, err := s.reach(ctx, t, cloud.UseShared)
	if err != nil || policy.May(ctx, "network.attach", t) {
		return err
	}
	return cloud.Errorf(cloud.Forbidden, "network", n.ID, "It is not allowed to create an interface on network %s", n.ID)
}

func namesAddress(fixed *[]AddressRequest) bool {
	if fixed == nil {
		return false
	}
	for _, f := range *fixed {
		if f.Address.IsValid() {
			return true
		}
	}
	return false
}

func (s *Service) newClientPort(ctx context.Context, n *cloud.Network, r PortRequest) (*cloud.Port, error) {
	p := &cloud.Port{ID: cloud.PortID(cloud.NewID()), ProjectID: r.ProjectID, NetworkID: n.ID, Name: r.Name, Description: r.Description,
		AdminUp: or(r.AdminUp, true), OwnerText: r.OwnerText, DeviceText: r.DeviceText, PortSecurity: or(r.PortSecurity, n.PortSecurity),
		AllowedPairs: r.AllowedPairs, DHCPOptions: r.DHCPOptions, DNSName: r.DNSName, DNSDomain: r.DNSDomain, QoS: r.QoS, Tags: r.Tags, VNICType: r.VNICType, Profile: r.Profile,
		Trusted: r.Trusted, HostID: or(r.HostID, "")}
	if p.ProjectID == "" {
		return nil, cloud.Invalidf("port", "project_id", "A port needs a project.")
	}
	groups, err := s.portGroups(ctx, n, p, r.Groups)
	if err != nil {
		return nil, err
	}
	p.SecurityGroups = groups
	if err := s.useQoS(ctx, r.QoS); err != nil {
		return nil, err
	}
	if err := s.checkPromisable(ctx, p, n); err != nil {
		return nil, err
	}
	return p, checkPort(p)
}

// insertPort gives a port its MAC and addresses and stores it. The network is locked.
func (s *Service) insertPort(ctx context.Context, n *cloud.Network, p *cloud.Port, mac string, fixed *[]AddressRequest) (err error) {
	if mac == "" {
		p.MAC, err = s.newMAC(ctx, n.ID)
	} else {
		p.MAC, err = s.takeMAC(ctx, n.ID, mac)
	}
	if err != nil {
		return err
	}
	if p.Addresses, err = s.addressPort(ctx, p, fixed); err != nil {
		return err
	}
	if err := s.Ports.Insert(ctx, p); err != nil {
		return err
	}
	s.nudgePort(ctx, p, nil)
	return nil
}

// savePort stores a changed port and tells the hosts.
func (s *Service) savePort(ctx context.Context, p *cloud.Port) error {
	old, err := s.Ports.Get(ctx, p.ID)
	if err != nil {
		return missing(err, "port", p.ID)
	}
	p.Revisions++
	if err := s.Ports.Update(ctx, p); err != nil {
		return err
	}
	s.nudgePort(ctx, p, old)
	if shownOtherwise(p, old) {
		s.retell(ctx, p.InstanceID)
	}
	if err := s.followParent(ctx, p, old); err != nil {
		return err
	}
	return s.followBranch(ctx, p, old)
}

// removePort deletes a port's row and gives back what it held. Floating IPs that led to it lead nowhere, or pass with it.
func (s *Service) removePort(ctx context.Context, p *cloud.Port) error {
	if !ownedByCloud(p) {
		if err := s.nudgeRoutesTo(ctx, p.ID); err != nil {
			return err
		}
	}
	if err := s.detachFloating(ctx, p.ID, func(*cloud.FloatingIP) bool { return true }); err != nil {
		return err
	}
	if err := s.detachForwardings(ctx, p.ID, func(netip.Addr) bool { return true }); err != nil {
		return err
	}
	if err := s.release(ctx, p.Addresses); err != nil {
		return err
	}
	if err := s.Ports.Delete(ctx, p.ID); err != nil {
		return missing(err, "port", p.ID)
	}
	s.nudgePort(ctx, p, nil)
	return nil
}

// Port answers one port that the caller may see, as its owner or its network's.
func (s *Service) Port(ctx context.Context, id cloud.PortID) (*cloud.Port, error) {
	p, err := s.Ports.Get(ctx, id)
	if err != nil {
		return nil, missing(err, "port", id)
	}
	if policy.May(ctx, "port.get", portTarget(p)) {
		return p, nil
	}
	n, err := s.Networks.Get(ctx, p.NetworkID)
	if err != nil {
		return nil, missing(err, "port", id)
	}
	return p, policy.Authorize(ctx, "port.get", policy.Target{Resource: "port", ID: string(id), ProjectID: n.ProjectID})
}

// ListPorts lists the ports of the caller's project, or all.
func (s *Service) ListPorts(ctx context.Context, q cloud.Query, keep ...func(*cloud.Port) bool) ([]*cloud.Port, error) {
	return s.Ports.List(ctx, visible(ctx, "port.get", q), keep...)
}

// visible bounds a query to what the caller may list.
func visible(ctx context.Context, action policy.Action, q cloud.Query) cloud.Query {
	if all, own := policy.Visible(ctx, action); !all {
		q.Where = append(append([]cloud.Cond(nil), q.Where...), cloud.Eq("project_id", string(own)))
	}
	return q
}

// DeletePort removes a port. Those of routers, floating IPs and our own go with what they are for.
func (s *Service) DeletePort(ctx context.Context, id cloud.PortID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		p, _, err := s.ownPort(ctx, id, "port.delete")
		if err != nil {
			return err
		}
		if err := s.checkUntrunked(ctx, p); err != nil {
			return err
		}
		if whose, ours := ownerWords[p.Owner]; ours {
			return cloud.Errorf(cloud.InUse, "service port", id, "Port %s cannot be deleted directly via the port API: it belongs to a %s.", id, whose)
		}
		if err := s.removePort(ctx, p); err != nil {
			return err
		}
		if p.Owner == cloud.OwnerInstance && s.PortGone != nil {
			s.Tx.After(ctx, func() { s.PortGone(p.InstanceID, id) })
		}
		return nil
	})
}

// DeleteFreePort is DeletePort for a port that nothing has. InUse otherwise.
func (s *Service) DeleteFreePort(ctx context.Context, id cloud.PortID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		p, _, err := s.ownPort(ctx, id, "port.delete")
		if err != nil {
			return err
		}
		if p.Owner != cloud.OwnerNone || p.DeviceText != "" {
			return cloud.Errorf(cloud.InUse, "port", id, "Port %s is in use: detach it first.", id)
		}
		return s.DeletePort(ctx, id)
	})
}

var ownerWords = map[cloud.PortOwner]string{cloud.OwnerRouterInterface: "router's interface", cloud.OwnerRouterCopy: "router's interface", cloud.OwnerRouterExit: "router's way to its gateway",
	cloud.OwnerRouterGateway: "router's gateway", cloud.OwnerFloatingIP: "floating IP", cloud.OwnerNATGateway: "NAT gateway", cloud.OwnerVPN: "VPN service",
	cloud.OwnerRouterLink: "router's link to another"}

// ownPort locks and answers a port, with its network, that the caller may change: as
// owner of either.
func (s *Service) ownPort(ctx context.Context, id cloud.PortID, action policy.Action) (*cloud.Port, *cloud.Network, error) {
	p, err := s.Port(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	if err := s.lockNetwork(ctx, p.NetworkID); err != nil {
		return nil, nil, err
	}
	if p, err = s.Port(ctx, id); err != nil { // again: it may have changed while we waited
		return nil, nil, err
	}
	n, err := s.Networks.Get(ctx, p.NetworkID)
	if err != nil {
		return nil, nil, missing(err, "network", p.NetworkID)
	}
	if policy.May(ctx, action, policy.Target{ProjectID: n.ProjectID}) {
		return p, n, nil
	}
	return p, n, policy.Authorize(ctx, action, portTarget(p))
}
