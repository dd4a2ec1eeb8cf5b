package network

import (
	"context"
	"net/netip"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// FloatingIPRequest asks for a floating IP.
type FloatingIPRequest struct {
	ProjectID          cloud.ProjectID // empty: the caller's
	NetworkID          cloud.NetworkID // external; empty: the cloud's default one
	SubnetID           cloud.SubnetID  // empty: any of the network's
	Address            netip.Addr      // invalid: any
	Target             TargetRequest
	Description        string
	DNSName, DNSDomain string
	QoS                cloud.QoSPolicyID
	Tags               []string
}

func floatingTarget(f *cloud.FloatingIP) policy.Target {
	return policy.Target{Resource: "floating IP", ID: string(f.ID), ProjectID: f.ProjectID}
}

// CreateFloatingIP takes an address on an external network and leads it to a port, if one is named.
func (s *Service) CreateFloatingIP(ctx context.Context, r FloatingIPRequest) (f *cloud.FloatingIP, err error) {
	r.ProjectID = owner(ctx, r.ProjectID)
	asked := map[policy.Action]bool{"floating IP.create": true, "floating IP.address": r.Address.IsValid()}
	if err := authorizeAll(ctx, asked, policy.Target{Resource: "floating IP", ProjectID: r.ProjectID}); err != nil {
		return nil, err
	}
	if r.ProjectID == "" {
		return nil, cloud.Invalidf("floating IP", "project_id", "A floating IP needs a project.")
	}
	if err := checkDNSName("floating IP", "dns_name", r.DNSName); err != nil {
		return nil, err
	}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.Quota.Reserve(ctx, r.ProjectID, map[string]int64{cloud.QuotaFloatingIPs: 1}); err != nil {
			return err
		}
		if err := s.useQoS(ctx, r.QoS); err != nil {
			return err
		}
		if f, err = s.takeFloating(ctx, r); err != nil {
			return err
		}
		if r.Target.PortID != "" {
			if err := s.lead(ctx, f, r.Target); err != nil {
				return err
			}
		}
		if err := s.FloatingIPs.Insert(ctx, f); err != nil {
			return err
		}
		return s.record(ctx, cloud.UsageAddressHeld, f)
	})
	return f, err
}

// takeFloating makes the port that holds the address.
func (s *Service) takeFloating(ctx context.Context, r FloatingIPRequest) (*cloud.FloatingIP, error) {
	n, err := s.externalOr(ctx, r.NetworkID)
	if err != nil {
		return nil, err
	}
	f := &cloud.FloatingIP{ID: cloud.FloatingIPID(cloud.NewID()), ProjectID: r.ProjectID, Description: r.Description,
		NetworkID: n.ID, DNSName: r.DNSName, DNSDomain: r.DNSDomain, QoS: r.QoS, Tags: r.Tags}
	p := &cloud.Port{ID: cloud.PortID(cloud.NewID()), NetworkID: n.ID, AdminUp: true, Owner: cloud.OwnerFloatingIP, DeviceText: string(f.ID)}
	if err := s.insertPort(ctx, n, p, "", &[]AddressRequest{}); err != nil {
		return nil, err
	}
	a, err := s.floatingAddress(ctx, p, r)
	if err != nil {
		return nil, err
	}
	p.Addresses = []cloud.PortAddress{a}
	f.PortID, f.Address = p.ID, a.Address
	return f, s.Ports.Update(ctx, p)
}

// externalOr is an external network, locked: the one named, or the default.
func (s *Service) externalOr(ctx context.Context, id cloud.NetworkID) (*cloud.Network, error) {
	if id == "" {
		n, err := s.defaultOutside(ctx)
		if err != nil {
			return nil, err
		}
		id = n.ID
	}
	return s.externalNetwork(ctx, id)
}

// defaultOutside is the external network for those who name none. Unsupported if there is none at all.
func (s *Service) defaultOutside(ctx context.Context) (*cloud.Network, error) {
	outside, err := s.Networks.List(ctx, cloud.Where(cloud.Eq("external", true)))
	if err != nil {
		return nil, err
	}
	if len(outside) == 0 {
		return nil, cloud.Errorf(cloud.Unsupported, "network", "", "This cloud has no external network that anything could lead to.")
	}
	return outside[max(slices.IndexFunc(outside, func(n *cloud.Network) bool { return n.Default }), 0)], nil
}

func (s *Service) floatingAddress(ctx context.Context, p *cloud.Port, r FloatingIPRequest) (cloud.PortAddress, error) {
	subnets, err := s.usableSubnets(ctx, p)
	if err != nil {
		return cloud.PortAddress{}, err
	}
	four := keepSubnets(subnets, func(sub *cloud.Subnet) bool { return sub.Prefix.Addr().Is4() })
	if r.SubnetID != "" || r.Address.IsValid() {
		if r.Address.IsValid() && !r.Address.Is4() {
			return cloud.PortAddress{}, cloud.Invalidf("floating IP", "floating_ip_address", "A floating IP is an IPv4 address.")
		}
		return s.takeOne(ctx, p, four, AddressRequest{SubnetID: r.SubnetID, Address: r.Address})
	}
	if len(four) == 0 {
		return cloud.PortAddress{}, cloud.Invalidf("floating IP", "floating_network_id",
			"Bad floating IP request: Network %s does not contain any IPv4 subnet.", p.NetworkID)
	}
	a, err := s.allocateAny(ctx, four, p.ID)
	if cloud.Is(err, cloud.NoCapacity) {
		err = cloud.Errorf(cloud.NoCapacity, "external address", p.NetworkID, "Unable to find any IP address on external network %s.", p.NetworkID)
	}
	return a, err
}

// record writes the ledger's line about a floating IP.
func (s *Service) record(ctx context.Context, kind cloud.UsageKind, f *cloud.FloatingIP) error {
	return s.Usage.Insert(ctx, &cloud.UsageEvent{ID: cloud.UsageID(cloud.NewID()), Kind: kind, At: s.Now(), ProjectID: f.ProjectID,
		UserID: cloud.PrincipalOf(ctx).UserID, Subject: string(f.ID), Address: f.Address.String()})
}

// FloatingIP answers one floating IP that the caller may see.
func (s *Service) FloatingIP(ctx context.Context, id cloud.FloatingIPID) (*cloud.FloatingIP, error) {
	f, err := s.FloatingIPs.Get(ctx, id)
	if err != nil {
		return nil, missing(err, "floating IP", id)
	}
	return f, policy.Authorize(ctx, "floating IP.get", floatingTarget(f))
}

// ListFloatingIPs lists the floating IPs of the caller's project, or all, but for those that pass with a port: they are seen on it.
func (s *Service) ListFloatingIPs(ctx context.Context, q cloud.Query, keep ...func(*cloud.FloatingIP) bool) ([]*cloud.FloatingIP, error) {
	q.Where = append(slices.Clip(q.Where), cloud.Eq("passing", false))
	return s.FloatingIPs.List(ctx, visible(ctx, "floating IP.get", q), keep...)
}

// FloatingIPChange changes what is not nil. A Target without a port leads nowhere.
type FloatingIPChange struct {
	Target      *TargetRequest
	Description *string
	QoS         *cloud.QoSPolicyID
	Tags        *[]string
}

// UpdateFloatingIP changes a floating IP, mostly where it leads. Packets have taken the new way when it answers, unless
// a host is slow: who logs in at once reaches the new target, not the old one.
func (s *Service) UpdateFloatingIP(ctx context.Context, id cloud.FloatingIPID, c FloatingIPChange) (f *cloud.FloatingIP, err error) {
	var before cloud.RouterID
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if f, err = s.ownFloating(ctx, id, "floating IP.update"); err != nil {
			return err
		}
		before = f.RouterID
		apply(&f.Description, c.Description)
		apply(&f.Tags, c.Tags)
		if err := s.changeQoS(ctx, &f.QoS, c.QoS); err != nil {
			return err
		}
		s.nudgeRouter(ctx, f.RouterID)
		if c.Target != nil {
			if err := s.relead(ctx, f, *c.Target); err != nil {
				return err
			}
		}
		f.Revisions++
		return s.FloatingIPs.Update(ctx, f)
	})
	if err == nil && c.Target != nil {
		s.fabric.settleRouters(ctx, union([]cloud.RouterID{before}, []cloud.RouterID{f.RouterID}))
	}
	return f, err
}

func (s *Service) ownFloating(ctx context.Context, id cloud.FloatingIPID, action policy.Action) (*cloud.FloatingIP, error) {
	f, err := s.FloatingIP(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := policy.Authorize(ctx, action, floatingTarget(f)); err != nil {
		return nil, err
	}
	return f, refusePassing(f)
}

// DeleteFloatingIP gives an address back, wherever it leads. Conflict while it has port forwardings.
func (s *Service) DeleteFloatingIP(ctx context.Context, id cloud.FloatingIPID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		f, err := s.ownFloating(ctx, id, "floating IP.delete")
		if err != nil {
			return err
		}
		if len(f.Forwardings) > 0 {
			return cloud.Errorf(cloud.Conflict, "floating IP with forwardings", id, "Floating IP %s cannot be deleted: it has %d port forwardings.", id, len(f.Forwardings))
		}
		if err := s.refuseNATs(ctx, f); err != nil {
			return err
		}
		if err := s.lockNetwork(ctx, f.NetworkID); err != nil {
			return err
		}
		return s.removeFloating(ctx, f)
	})
}

// ReleaseFloatingIP is DeleteFloatingIP for one that leads nowhere. InUse otherwise.
func (s *Service) ReleaseFloatingIP(ctx context.Context, id cloud.FloatingIPID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		f, err := s.ownFloating(ctx, id, "floating IP.delete")
		if err != nil {
			return err
		}
		if f.TargetPort != "" {
			return cloud.Errorf(cloud.InUse, "floating IP", id, "Floating IP %s leads to port %s: take it away from there first.", f.Address, f.TargetPort)
		}
		return s.DeleteFloatingIP(ctx, id)
	})
}

// removeFloating removes a floating IP on a network that is locked.
func (s *Service) removeFloating(ctx context.Context, f *cloud.FloatingIP) error {
	s.nudgeRouter(ctx, f.RouterID)
	if err := s.retellPort(ctx, f.TargetPort); err != nil {
		return err
	}
	if err := s.FloatingIPs.Delete(ctx, f.ID); err != nil {
		return missing(err, "floating IP", f.ID)
	}
	p, err := s.Ports.Get(ctx, f.PortID)
	if err == nil {
		err = s.removePort(ctx, p)
	}
	if err != nil && !cloud.Is(err, cloud.NotFound) {
		return err
	}
	return s.record(ctx, cloud.UsageAddressReleased, f)
}

// dropIdleFloating removes the floating IPs of a network that lead nowhere: nobody loses a connection by it.
func (s *Service) dropIdleFloating(ctx context.Context, id cloud.NetworkID) error {
	idle, err := s.FloatingIPs.List(ctx, cloud.Where(cloud.Eq("network_id", string(id)), cloud.Eq("target_port", "")))
	if err != nil {
		return err
	}
	for _, f := range idle {
		if err := s.removeFloating(ctx, f); err != nil {
			return err
		}
	}
	return nil
}
