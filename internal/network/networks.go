package network

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// How a network is carried. One host needs no encapsulation; external networks
// stand on the host's own links.
const (
	KindLocal = "local"
	KindFlat  = "flat"
	KindVLAN  = "vlan"

	KindGENEVE = "geneve"
	KindGRE    = "gre"
	KindVXLAN  = "vxlan"
)

// NetworkRequest asks for a network. Nil means: the default.
type NetworkRequest struct {
	ProjectID    cloud.ProjectID // empty: the caller's
	Name         string
	Description  string
	AdminUp      *bool
	Shared       bool
	External     bool
	Default      bool
	MTU          int // 0: the cloud's
	PortSecurity *bool
	DNSDomain    string
	QoS          *cloud.QoSPolicyID // nil: the project's default
	Zones        []string
	Tags         []string
	Provider     Provider
	More         []Provider // segments besides the one that carries it
	Auto         bool       // the project's own, of AutoTopology
	domain       cloud.RouterID
}

func networkTarget(n *cloud.Network) policy.Target {
	return policy.Target{Resource: "network", ID: string(n.ID), ProjectID: n.ProjectID, Shared: n.Shared || n.External && !n.Restricted}
}

// CreateNetwork makes a network.
func (s *Service) CreateNetwork(ctx context.Context, r NetworkRequest) (n *cloud.Network, err error) {
	r.ProjectID = owner(ctx, r.ProjectID)
	if err := s.checkNetworkRequest(ctx, &r); err != nil {
		return nil, err
	}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.Quota.Reserve(ctx, r.ProjectID, map[string]int64{cloud.QuotaNetworks: 1}); err != nil {
			return err
		}
		if _, err := s.defaultGroup(ctx, r.ProjectID); err != nil {
			return err
		}
		n = newNetwork(r)
		if err := s.firstSegments(ctx, n, r.More); err != nil {
			return err
		}
		if err := s.firstQoS(ctx, n, r.QoS); err != nil {
			return err
		}
		if err := s.onlyDefault(ctx, n); err != nil {
			return err
		}
		if n.Unserved, err = s.hostsWithout(ctx, cloud.DutyDHCP); err != nil {
			return err
		}
		if err := s.Networks.Insert(ctx, n); err != nil {
			return err
		}
		return s.shareNetwork(ctx, n)
	})
	return n, err
}

// shareNetwork keeps as shares with every project what the network's own marks say.
func (s *Service) shareNetwork(ctx context.Context, n *cloud.Network) error {
	if err := s.shareWithAll(ctx, cloud.ShareNetwork, string(n.ID), n.ProjectID, cloud.UseShared, n.Shared); err != nil {
		return err
	}
	return s.shareWithAll(ctx, cloud.ShareNetwork, string(n.ID), n.ProjectID, cloud.UseExternal, n.External && !n.Restricted)
}

func newNetwork(r NetworkRequest) *cloud.Network {
	return &cloud.Network{ID: cloud.NetworkID(cloud.NewID()), ProjectID: r.ProjectID, Name: r.Name, Description: r.Description,
		AdminUp: or(r.AdminUp, true), Shared: r.Shared, External: r.External, Default: r.Default, MTU: r.MTU,
		PortSecurity: or(r.PortSecurity, true), DNSDomain: r.DNSDomain, Zones: r.Zones, Tags: r.Tags, Auto: r.Auto, RouterID: r.domain,
		Kind: r.Provider.Kind, Physical: r.Provider.Physical, Segment: r.Provider.Segment}
}

func (s *Service) checkNetworkRequest(ctx context.Context, r *NetworkRequest) error {
	t := policy.Target{Resource: "network", ProjectID: r.ProjectID}
	asked := map[policy.Action]bool{"network.create": true, "network.share": r.Shared, "network.external": r.External || r.Default,
		"network.provider": r.Provider != Provider{} || len(r.More) > 0}
	if err := authorizeAll(ctx, asked, t); err != nil {
		return err
	}
	if r.ProjectID == "" {
		return cloud.Invalidf("network", "project_id", "A network needs a project.")
	}
	if r.Default && !r.External {
		return cloud.Invalidf("network", "is_default", "Only an external network can be the default one.")
	}
	if r.MTU == 0 {
		r.MTU = s.Config.MTU
	}
	if err := s.checkMTU(r.MTU); err != nil {
		return err
	}
	return s.checkProvider(r)
}

// authorizeAll asks policy about each action that is wanted.
func authorizeAll(ctx context.Context, asked map[policy.Action]bool, t policy.Target) error {
	for action, wanted := range asked {
		if !wanted {
			continue
		}
		if err := policy.Authorize(ctx, action, t); err != nil {
			return err
		}
	}
	return nil
}

// The least MTU is what IPv4 asks of every link.
const mtuMin = 68

func (s *Service) checkMTU(mtu int) error {
	if mtu < mtuMin || mtu > s.Config.MTU {
		return cloud.Invalidf("network", "mtu", "The MTU must lie between %d and %d bytes, not %d.", mtuMin, s.Config.MTU, mtu)
	}
	return nil
}

// onlyDefault refuses a second default external network.
func (s *Service) onlyDefault(ctx context.Context, n *cloud.Network) error {
	if !n.Default {
		return nil
	}
	others, err := s.Networks.List(ctx, cloud.Where(cloud.Eq("external", true)), func(o *cloud.Network) bool { return o.Default && o.ID != n.ID })
	if err != nil || len(others) == 0 {
		return err
	}
	return cloud.Errorf(cloud.AlreadyExists, "default external network", others[0].ID,
		"A default external network already exists: %s.", others[0].ID)
}

// Network answers one network that the caller may see.
func (s *Service) Network(ctx context.Context, id cloud.NetworkID) (*cloud.Network, error) {
	n, err := s.Networks.Get(ctx, id)
	if err != nil {
		return nil, missing(err, "network", id)
	}
	return n, s.authorizeReach(ctx, "network.get", networkTarget(n), cloud.UseShared, cloud.UseExternal)
}

// missing gives the store's NotFound the noun's own words.
func missing[ID ~string](err error, resource string, id ID) error {
	if cloud.Is(err, cloud.NotFound) {
		return cloud.NotFoundf(resource, id)
	}
	return err
}

// ListNetworks lists what the caller may see: its project's, shared and external ones.
func (s *Service) ListNetworks(ctx context.Context, q cloud.Query, keep ...func(*cloud.Network) bool) ([]*cloud.Network, error) {
	all, own := policy.Visible(ctx, "network.get")
	if all {
		return s.Networks.List(ctx, q, keep...)
	}
	with, err := s.SharedWithCaller(ctx, cloud.ShareNetwork, cloud.UseShared, cloud.UseExternal)
	if err != nil {
		return nil, err
	}
	return listUnion(ctx, s.Networks, q, networkColumn, func(n *cloud.Network) string { return string(n.ID) }, keep,
		cloud.Eq("project_id", string(own)), cloud.Eq("open", true), cloud.In("id", keys(with)))
}

// NetworkChange changes what is not nil.
type NetworkChange struct {
	Name, Description *string
	AdminUp           *bool
	Shared            *bool
	External          *bool
	Default           *bool
	MTU               *int
	PortSecurity      *bool
	DNSDomain         *string
	QoS               *cloud.QoSPolicyID
	Provider          *Provider
	Tags              *[]string
}

// UpdateNetwork changes a network.
func (s *Service) UpdateNetwork(ctx context.Context, id cloud.NetworkID, c NetworkChange) (n *cloud.Network, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if n, err = s.lockedNetwork(ctx, id); err != nil {
			return err
		}
		if err := s.checkNetworkChange(ctx, n, c); err != nil {
			return err
		}
		applyNetworkChange(n, c)
		if err := s.changeNetworkQoS(ctx, n, c.QoS); err != nil {
			return err
		}
		if n.Default && !n.External {
			return cloud.Invalidf("network", "is_default", "Only an external network can be the default one.")
		}
		if err := s.onlyDefault(ctx, n); err != nil {
			return err
		}
		n.Revisions++
		s.nudge(ctx, kindNetwork, string(id))
		if err := s.nudgeRoutersOf(ctx, id); err != nil { // their interfaces have its MTU
			return err
		}
		if err := s.shareNetwork(ctx, n); err != nil {
			return err
		}
		if err := s.Networks.Update(ctx, n); err != nil || c.QoS == nil {
			return err
		}
		return s.repromiseInherited(ctx, id)
	})
	return n, err
}

func applyNetworkChange(n *cloud.Network, c NetworkChange) {
	apply(&n.Name, c.Name)
	apply(&n.Description, c.Description)
	apply(&n.AdminUp, c.AdminUp)
	apply(&n.Shared, c.Shared)
	if changes(c.External, n.External) {
		n.External, n.Restricted = *c.External, false
	}
	apply(&n.Default, c.Default)
	apply(&n.MTU, c.MTU)
	apply(&n.PortSecurity, c.PortSecurity)
	apply(&n.DNSDomain, c.DNSDomain)
	apply(&n.Tags, c.Tags)
}

func (s *Service) checkNetworkChange(ctx context.Context, n *cloud.Network, c NetworkChange) error {
	asked := map[policy.Action]bool{"network.update": true, "network.share": changes(c.Shared, n.Shared),
		"network.external": changes(c.External, n.External) || changes(c.Default, n.Default), "network.provider": c.Provider != nil}
	t, err := s.reach(ctx, networkTarget(n), cloud.UseShared, cloud.UseExternal)
	if err != nil {
		return err
	}
	if err := authorizeAll(ctx, asked, t); err != nil {
		return err
	}
	if c.Provider != nil {
		return cloud.Invalidf("network", "provider:network_type", "How a network is carried cannot be changed.")
	}
	if c.MTU != nil {
		if err := s.checkMTU(*c.MTU); err != nil {
			return err
		}
	}
	if changes(c.External, n.External) {
		return s.checkExternalChange(ctx, n)
	}
	if n.Shared && c.Shared != nil && !*c.Shared {
		return s.checkUnshare(ctx, n)
	}
	return nil
}

func changes[T comparable](p *T, old T) bool { return p != nil && *p != old }

// checkExternalChange keeps the kind of a network that is in use: its bridge stands elsewhere.
func (s *Service) checkExternalChange(ctx context.Context, n *cloud.Network) error {
	used, err := s.Ports.List(ctx, cloud.Where(cloud.Eq("network_id", string(n.ID))), func(p *cloud.Port) bool { return p.Owner != cloud.OwnerService })
	if err != nil || len(used) == 0 {
		return err
	}
	return cloud.Errorf(cloud.InUse, "external network", n.ID,
		"External network %s cannot be changed to or from external while it has ports.", n.ID)
}

// checkUnshare refuses to take a network away from projects that use it.
func (s *Service) checkUnshare(ctx context.Context, n *cloud.Network) error {
	with, err := s.Shares.List(ctx, cloud.Where(cloud.Eq("noun_id", string(n.ID)), cloud.Eq("use", string(cloud.UseShared))))
	if err != nil {
		return err
	}
	receivers := columnOf(with, func(sh *cloud.Share) cloud.ProjectID { return sh.To })
	foreign, err := s.Ports.List(ctx, cloud.Where(cloud.Eq("network_id", string(n.ID))), func(p *cloud.Port) bool {
		return p.ProjectID != n.ProjectID && p.ProjectID != "" && p.Owner != cloud.OwnerService && !slices.Contains(receivers, p.ProjectID)
	})
	if err != nil || len(foreign) == 0 {
		return err
	}
	return cloud.Errorf(cloud.Conflict, "shared network", n.ID, "Unable to reconfigure sharing settings for network %s. Multiple projects are using it.", n.ID)
}

// DeleteNetwork removes a network with its subnets and the floating IPs on it that lead nowhere. InUse while it has ports
// other than theirs and our own service port.
func (s *Service) DeleteNetwork(ctx context.Context, id cloud.NetworkID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		n, err := s.lockedNetwork(ctx, id)
		if err != nil {
			return err
		}
		if err := s.authorizeReach(ctx, "network.delete", networkTarget(n), cloud.UseShared, cloud.UseExternal); err != nil {
			return err
		}
		if err := s.emptyNetwork(ctx, n); err != nil {
			return err
		}
		if err := s.unshare(ctx, string(id)); err != nil {
			return err
		}
		if err := s.dropSegments(ctx, id); err != nil {
			return err
		}
		s.nudge(ctx, kindNetwork, string(id))
		return s.Networks.Delete(ctx, id)
	})
}

func (s *Service) emptyNetwork(ctx context.Context, n *cloud.Network) error {
	if err := s.dropIdleFloating(ctx, n.ID); err != nil {
		return err
	}
	ports, err := s.Ports.List(ctx, cloud.Where(cloud.Eq("network_id", string(n.ID))))
	if err != nil {
		return err
	}
	for _, p := range ports {
		if p.Owner != cloud.OwnerService {
			return cloud.Errorf(cloud.InUse, "network", n.ID, "Unable to complete operation on network %s. "+
				"There are one or more ports still in use on the network, id for these ports is: %s", n.ID, p.ID)
		}
	}
	for _, p := range ports {
		if err := s.removePort(ctx, p); err != nil {
			return err
		}
	}
	return deleteWhere(ctx, s.Subnets, func(sub *cloud.Subnet) cloud.SubnetID { return sub.ID }, cloud.Eq("network_id", string(n.ID)))
}
