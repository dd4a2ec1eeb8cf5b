package network

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// What a policy promises, the host of a port's instance has to keep: package compute counts it. Bandwidth can be promised only
// on a physical network; packets on any.

// promiseKinds are the kinds of rules that promise.
var promiseKinds = []cloud.QoSKind{cloud.QoSMinimumBandwidth, cloud.QoSMinimumPackets}

// PortPromises answers what ports ask of the hosts of their instances. Of a port that is an instance's already, it is what the
// host was asked to keep.
func (s *Service) PortPromises(ctx context.Context, ports []*cloud.Port) (map[cloud.PortID][]cloud.Promise, error) {
	policies, err := s.PortQoS(ctx, ports)
	if err != nil || len(policies) == 0 {
		return nil, err
	}
	on := map[cloud.NetworkID]bool{}
	for _, p := range ports {
		if policies[p.ID] != nil {
			on[p.NetworkID] = true
		}
	}
	networks, err := s.Networks.List(ctx, cloud.Where(cloud.In("id", keys(on))))
	physical := map[cloud.NetworkID]string{}
	for _, n := range networks {
		physical[n.ID] = n.Physical
	}
	of := map[cloud.PortID][]cloud.Promise{}
	for _, p := range ports {
		if q := policies[p.ID]; q != nil {
			of[p.ID] = promises(p, physical[p.NetworkID], q)
		}
	}
	return of, err
}

// Promises is PortPromises of all ports together, in their order.
func (s *Service) Promises(ctx context.Context, ports []*cloud.Port) ([]cloud.Promise, error) {
	of, err := s.PortPromises(ctx, ports)
	var all []cloud.Promise
	for _, p := range ports {
		all = append(all, of[p.ID]...)
	}
	return all, err
}

// promises are what a port on a physical network, or on none, asks by a policy.
func promises(p *cloud.Port, physical string, q *cloud.QoSPolicy) (list []cloud.Promise) {
	for _, r := range q.Rules {
		t := cloud.Traffic{Kind: r.Kind, Direction: r.Direction}
		if r.Kind == cloud.QoSMinimumBandwidth {
			t.Physical = physical
		}
		possible := r.Kind == cloud.QoSMinimumPackets || t.Physical != ""
		asked := p.Owner != cloud.OwnerInstance || slices.Contains(p.Promised, r.Kind)
		if slices.Contains(promiseKinds, r.Kind) && r.Rate > 0 && possible && asked {
			list = append(list, cloud.Promise{PortID: p.ID, Traffic: t, Rate: r.Rate})
		}
	}
	return list
}

// checkPromisable refuses to put a port on a network that no NIC carries under a policy that promises bandwidth: no host has any
// to keep for it.
func (s *Service) checkPromisable(ctx context.Context, p *cloud.Port, n *cloud.Network) error {
	if p.QoS == "" || n.Physical != "" {
		return nil
	}
	q, err := s.QoSPolicies.Get(ctx, p.QoS)
	if err != nil {
		return missing(err, "QoS policy", p.QoS)
	}
	for _, r := range q.Rules {
		if r.Kind == cloud.QoSMinimumBandwidth {
			return cloud.Errorf(cloud.Conflict, "QoS rule for port", string(p.ID), "Rule minimum_bandwidth is not supported by port %s: "+
				"its network %s is on no physical network.", p.ID, n.ID)
		}
	}
	return nil
}

// promising are the rules of a policy that promise.
func promising(q *cloud.QoSPolicy) []cloud.QoSRule {
	return slices.DeleteFunc(slices.Clone(q.Rules), func(r cloud.QoSRule) bool { return !slices.Contains(promiseKinds, r.Kind) })
}

// askPromises notes on a port that becomes an instance's which kinds of traffic it asks the host to keep.
func (s *Service) askPromises(ctx context.Context, p *cloud.Port) error {
	p.Promised = promiseKinds
	all, err := s.Promises(ctx, []*cloud.Port{p})
	p.Promised = nil
	for _, promise := range all {
		if !slices.Contains(p.Promised, promise.Kind) {
			p.Promised = append(p.Promised, promise.Kind)
		}
	}
	return err
}

// repromise asks the host of a port's instance to keep what the port's changed policy promises.
func (s *Service) repromise(ctx context.Context, p *cloud.Port) error {
	if len(p.Promised) == 0 || s.PromisesChanged == nil {
		return nil
	}
	asked, err := s.Promises(ctx, []*cloud.Port{p})
	if err != nil {
		return err
	}
	return s.PromisesChanged(ctx, p.InstanceID, p.ID, asked)
}

// checkPromisesKept refuses to change what instances were promised by changing the rules of their ports' policy: each would have
// to be asked for at its own host.
func (s *Service) checkPromisesKept(ctx context.Context, id cloud.QoSPolicyID) error {
	networks, err := s.Networks.List(ctx, cloud.Where(cloud.Eq("qos", string(id))))
	if err != nil {
		return err
	}
	uses := [][]cloud.Cond{{cloud.Eq("qos", string(id))}}
	for _, n := range networks {
		uses = append(uses, []cloud.Cond{cloud.Eq("network_id", string(n.ID)), cloud.Eq("qos", "")})
	}
	for _, where := range uses {
		kept, err := s.Ports.List(ctx, cloud.Where(where...), func(p *cloud.Port) bool { return len(p.Promised) > 0 })
		if err != nil {
			return err
		}
		if len(kept) > 0 {
			return cloud.Errorf(cloud.InUse, "QoS policy", id, "What QoS Policy %s promises cannot be changed while port %s of an instance relies on it: "+
				"give the port another policy.", id, kept[0].ID)
		}
	}
	return nil
}
