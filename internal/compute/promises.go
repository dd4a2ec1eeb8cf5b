package compute

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/placement"
)

// Few instances are promised traffic, so it is not kept in room: a host is counted only for a request that asks, and room
// knows what each can promise at most.

// addPromises adds up promises of the same traffic; nil for none.
func addPromises(list []cloud.Promise) map[cloud.Traffic]int {
	if len(list) == 0 {
		return nil
	}
	sum := map[cloud.Traffic]int{}
	for _, p := range list {
		sum[p.Traffic] += p.Rate
	}
	return sum
}

// countPromises takes what a host has promised, and others claim, from what a candidate can promise.
func (s *Service) countPromises(ctx context.Context, id cloud.HostID, req placement.Request, c *placement.Candidate) error {
	if len(req.Promises) == 0 {
		return nil
	}
	promising := func(in *cloud.Instance) bool { return len(in.Promises) > 0 }
	instances, err := s.Instances.List(ctx, cloud.Where(cloud.Eq("host_id", id)), promising)
	if err != nil {
		return err
	}
	for _, in := range instances {
		for t, rate := range addPromises(in.Promises) {
			c.Promises[t] -= rate
		}
	}
	return s.countPromiseClaims(ctx, id, c)
}

func (s *Service) countPromiseClaims(ctx context.Context, id cloud.HostID, c *placement.Candidate) error {
	parts := map[cloud.ProviderID]bool{}
	for t := range c.Promises {
		parts[t.Provider(id)] = true
	}
	for part := range parts {
		claims, err := s.Claims.List(ctx, cloud.Where(cloud.Eq("provider", part)))
		if err != nil {
			return err
		}
		for t := range c.Promises {
			for _, claim := range claims {
				if claim.Provider == t.Provider(id) {
					c.Promises[t] -= claim.Held[t.Class()]
				}
			}
		}
	}
	return nil
}

// promise makes an instance's host keep for one of its ports what is asked, in place of what it kept. in is written by the
// caller. NoCapacity if the host has not that much left.
func (s *Service) promise(ctx context.Context, in *cloud.Instance, port cloud.PortID, asked []cloud.Promise) error {
	var others []cloud.Promise
	for _, p := range in.Promises {
		if p.PortID != port {
			others = append(others, p)
		}
	}
	if err := s.claimPromises(ctx, in, port, asked); err != nil {
		return err
	}
	in.Promises = append(others, asked...)
	return nil
}

func (s *Service) claimPromises(ctx context.Context, in *cloud.Instance, port cloud.PortID, asked []cloud.Promise) error {
	more := addPromises(asked)
	for _, p := range in.Promises {
		if _, again := more[p.Traffic]; again && p.PortID == port {
			more[p.Traffic] -= p.Rate
		}
	}
	if in.HostID == "" || len(more) == 0 {
		return nil
	}
	fits, c, err := s.claim(ctx, placement.Request{Promises: more}, in.HostID, counted{})
	if err == nil && !fits && placement.Reject(placement.Request{Promises: more}, c)&placement.NoTraffic != 0 {
		return cloud.Errorf(cloud.NoCapacity, resource, in.ID, "The instance's host cannot promise that to port %s: it has %s.", port, placement.NoTraffic)
	}
	return err
}

// PromisesChanged makes an instance's host keep for a port what its changed policy asks. It is called in the transaction that
// changes the policy.
func (s *Service) PromisesChanged(ctx context.Context, id cloud.InstanceID, port cloud.PortID, asked []cloud.Promise) error {
	in, err := s.Instances.Get(ctx, id)
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.promise(ctx, in, port, asked); err != nil {
		return err
	}
	return s.Instances.Update(ctx, in)
}
