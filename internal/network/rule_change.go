package network

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// ChangeRule has edit change what a rule allows and what is said about it. The rule stays the same one, of its group and direction.
// AlreadyExists if the group has an equal one.
func (s *Service) ChangeRule(ctx context.Context, id cloud.RuleID, edit func(*RuleRequest)) (r *cloud.SecurityGroupRule, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		old, err := s.Rule(ctx, id)
		if err != nil {
			return err
		}
		if err := policy.Authorize(ctx, "security group rule.update", ruleTarget(old)); err != nil {
			return err
		}
		g, err := s.SecurityGroup(ctx, old.GroupID)
		if err != nil {
			return err
		}
		req := requestOf(old)
		edit(&req)
		req.GroupID, req.Direction = old.GroupID, old.Direction
		if r, err = s.ruleFor(ctx, g, req); err != nil {
			return err
		}
		r.ID, r.Meta, r.Revisions = old.ID, old.Meta, old.Revisions+1
		return s.replaceRule(ctx, old, r)
	})
	return r, err
}

func (s *Service) replaceRule(ctx context.Context, old, r *cloud.SecurityGroupRule) error {
	if r.Key != old.Key {
		if err := s.checkNewRule(ctx, r); err != nil {
			return err
		}
	}
	s.nudgeRule(ctx, old)
	s.nudgeRule(ctx, r)
	if err := s.Rules.Update(ctx, r); err != nil {
		return err
	}
	return s.reviseGroup(ctx, r.GroupID)
}

// requestOf is what would make a rule like another.
func requestOf(r *cloud.SecurityGroupRule) RuleRequest {
	return RuleRequest{GroupID: r.GroupID, Description: r.Description, Direction: r.Direction, IPv6: r.IPv6, AnyVersion: r.AnyVersion, Protocol: r.Protocol,
		PortMin: r.PortMin, PortMax: r.PortMax, RemotePrefix: r.RemotePrefix, RemoteGroup: r.RemoteGroup, RemoteAddresses: r.RemoteAddresses}
}

// nameGroup checks that rules of a group may name another. One of another routing domain has to be behind a peering.
func (s *Service) nameGroup(ctx context.Context, g *cloud.SecurityGroup, id cloud.SecurityGroupID) error {
	if id == "" {
		return nil
	}
	remote, err := s.SecurityGroup(ctx, id)
	if err != nil || g.RouterID == "" || remote.RouterID == "" || g.RouterID == remote.RouterID {
		return err
	}
	for _, ends := range [][2]cloud.RouterID{{g.RouterID, remote.RouterID}, {remote.RouterID, g.RouterID}} {
		n, err := s.Peerings.Count(ctx, cloud.Eq("router_id", string(ends[0])), cloud.Eq("accepter_router", string(ends[1])), cloud.Eq("state", string(cloud.PeeringActive)))
		if err != nil || n > 0 {
			return err
		}
	}
	return cloud.Errorf(cloud.NotFound, "security group", id, "Security groups %s and %s are of different routing domains, and no peering joins those.", g.ID, id)
}
