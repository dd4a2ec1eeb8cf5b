package network

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// A port has its own policy, or else its network's: but what the cloud itself plugs (routers, floating IPs, services) is
// bounded only by a policy of its own.

// nudgeQoS tells the hosts about all that uses a policy.
func (s *Service) nudgeQoS(ctx context.Context, id cloud.QoSPolicyID) error {
	ports, err := s.Ports.List(ctx, cloud.Where(cloud.Eq("qos", string(id)), isBound))
	if err != nil {
		return err
	}
	for _, p := range ports {
		s.nudgeOn(ctx, p.HostID, kindPort, string(p.ID))
	}
	networks, err := s.Networks.List(ctx, cloud.Where(cloud.Eq("qos", string(id))))
	if err != nil {
		return err
	}
	for _, n := range networks {
		if err := s.nudgePortsOf(ctx, n.ID); err != nil {
			return err
		}
	}
	return s.nudgeQoSRouters(ctx, id)
}

// nudgePortsOf tells the hosts about the ports that have their network's policy.
func (s *Service) nudgePortsOf(ctx context.Context, id cloud.NetworkID) error {
	ports, err := s.Ports.List(ctx, cloud.Where(cloud.Eq("network_id", string(id)), cloud.Eq("qos", ""), isBound))
	for _, p := range ports {
		s.nudgeOn(ctx, p.HostID, kindPort, string(p.ID))
	}
	return err
}

func (s *Service) nudgeQoSRouters(ctx context.Context, id cloud.QoSPolicyID) error {
	floating, err := s.FloatingIPs.List(ctx, cloud.Where(cloud.Eq("qos", string(id))))
	if err != nil {
		return err
	}
	for _, f := range floating {
		s.nudgeRouter(ctx, f.RouterID)
	}
	routers, err := s.Routers.List(ctx, cloud.Where(cloud.Eq("qos", string(id))))
	for _, r := range routers {
		s.nudgeRouter(ctx, r.ID)
	}
	return err
}

// NetworkQoS answers the policies that ports have from their networks.
func (s *Service) NetworkQoS(ctx context.Context, ports []*cloud.Port) (map[cloud.NetworkID]cloud.QoSPolicyID, error) {
	of := map[cloud.NetworkID]cloud.QoSPolicyID{}
	for _, p := range ports {
		if p.Owner == cloud.OwnerNone || p.Owner == cloud.OwnerInstance {
			of[p.NetworkID] = ""
		}
	}
	networks, err := s.Networks.List(ctx, cloud.Where(cloud.In("id", keys(of))), func(n *cloud.Network) bool { return n.QoS != "" })
	for _, n := range networks {
		of[n.ID] = n.QoS
	}
	return of, err
}

// PortQoS answers the policies in force on ports. A port without one is not in the answer.
func (s *Service) PortQoS(ctx context.Context, ports []*cloud.Port) (map[cloud.PortID]*cloud.QoSPolicy, error) {
	of, err := s.NetworkQoS(ctx, ports)
	if err != nil {
		return nil, err
	}
	named := map[cloud.QoSPolicyID]bool{}
	for _, p := range ports {
		named[effectiveQoS(p, of)] = true
	}
	policies, err := s.qosByID(ctx, named)
	in := map[cloud.PortID]*cloud.QoSPolicy{}
	for _, p := range ports {
		if q := policies[effectiveQoS(p, of)]; q != nil {
			in[p.ID] = q
		}
	}
	return in, err
}

func effectiveQoS(p *cloud.Port, of map[cloud.NetworkID]cloud.QoSPolicyID) cloud.QoSPolicyID {
	if p.QoS != "" || p.Owner != cloud.OwnerNone && p.Owner != cloud.OwnerInstance {
		return p.QoS
	}
	return of[p.NetworkID]
}

func (s *Service) qosByID(ctx context.Context, named map[cloud.QoSPolicyID]bool) (map[cloud.QoSPolicyID]*cloud.QoSPolicy, error) {
	delete(named, "")
	if len(named) == 0 {
		return nil, nil
	}
	policies, err := s.QoSPolicies.List(ctx, cloud.Where(cloud.In("id", keys(named))))
	return byID(policies, func(p *cloud.QoSPolicy) cloud.QoSPolicyID { return p.ID }), err
}

// firstQoS gives a new network the policy it is to have: the one named, or its project's default.
func (s *Service) firstQoS(ctx context.Context, n *cloud.Network, named *cloud.QoSPolicyID) (err error) {
	if named == nil {
		n.QoS, err = s.defaultQoS(ctx, n.ProjectID)
		return err
	}
	n.QoS = *named
	return s.useQoS(ctx, n.QoS)
}

func (s *Service) changeNetworkQoS(ctx context.Context, n *cloud.Network, change *cloud.QoSPolicyID) error {
	if !changes(change, n.QoS) {
		return nil
	}
	if err := s.nudgePortsOf(ctx, n.ID); err != nil {
		return err
	}
	return s.changeQoS(ctx, &n.QoS, change)
}

// repromiseInherited asks for what the ports that have their network's policy are promised by its new one.
func (s *Service) repromiseInherited(ctx context.Context, id cloud.NetworkID) error {
	ports, err := s.Ports.List(ctx, cloud.Where(cloud.Eq("network_id", string(id)), cloud.Eq("qos", ""), isBound))
	if err != nil {
		return err
	}
	for _, p := range ports {
		if err := s.repromise(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// SeesQoSDrivers answers nil if the caller may see how each kind of rule is kept.
func (s *Service) SeesQoSDrivers(ctx context.Context) error {
	return policy.Authorize(ctx, "QoS driver.get", policy.Target{Resource: "QoS driver"})
}
