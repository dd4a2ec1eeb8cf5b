package network

import (
	"context"
	"math"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// QoSRuleChange changes what is not nil.
type QoSRuleChange struct {
	Direction         *string
	Rate, Burst, Mark *int
}

// CreateQoSRule adds a rule of a kind to a policy, which may have one for each kind and direction.
func (s *Service) CreateQoSRule(ctx context.Context, id cloud.QoSPolicyID, k cloud.QoSKind, c QoSRuleChange) (made cloud.QoSRule, err error) {
	err = s.changeQoSRules(ctx, id, func(p *cloud.QoSPolicy) error {
		made = cloud.QoSRule{ID: cloud.QoSRuleID(cloud.NewID()), Kind: k}
		if k != cloud.QoSMark {
			made.Direction = "egress"
		}
		applyQoSRule(&made, c)
		p.Rules = append(slices.Clone(p.Rules), made)
		return checkQoSRule(p, made)
	})
	return made, err
}

// UpdateQoSRule changes a rule. What uses the policy follows at once.
func (s *Service) UpdateQoSRule(ctx context.Context, id cloud.QoSPolicyID, rule cloud.QoSRuleID, k cloud.QoSKind, c QoSRuleChange) (r cloud.QoSRule, err error) {
	err = s.changeQoSRules(ctx, id, func(p *cloud.QoSPolicy) error {
		i, err := qosRuleIndex(p, rule, k)
		if err != nil {
			return err
		}
		p.Rules = slices.Clone(p.Rules)
		applyQoSRule(&p.Rules[i], c)
		r = p.Rules[i]
		return checkQoSRule(p, r)
	})
	return r, err
}

// DeleteQoSRule removes a rule.
func (s *Service) DeleteQoSRule(ctx context.Context, id cloud.QoSPolicyID, rule cloud.QoSRuleID, k cloud.QoSKind) error {
	return s.changeQoSRules(ctx, id, func(p *cloud.QoSPolicy) error {
		i, err := qosRuleIndex(p, rule, k)
		if err != nil {
			return err
		}
		p.Rules = slices.Delete(slices.Clone(p.Rules), i, i+1)
		return nil
	})
}

// QoSRule answers one rule of a policy that the caller may see.
func (s *Service) QoSRule(ctx context.Context, id cloud.QoSPolicyID, rule cloud.QoSRuleID, k cloud.QoSKind) (cloud.QoSRule, error) {
	p, err := s.QoSPolicy(ctx, id)
	if err != nil {
		return cloud.QoSRule{}, err
	}
	i, err := qosRuleIndex(p, rule, k)
	if err != nil {
		return cloud.QoSRule{}, err
	}
	return p.Rules[i], nil
}

// QoSPolicyOfRule answers the id of the policy that a rule is in.
func (s *Service) QoSPolicyOfRule(ctx context.Context, rule cloud.QoSRuleID) (cloud.QoSPolicyID, error) {
	p, err := s.QoSPolicies.One(ctx, cloud.Eq("rules", string(rule)))
	if err != nil {
		return "", missing(err, "QoS rule", rule)
	}
	return p.ID, nil
}

func (s *Service) changeQoSRules(ctx context.Context, id cloud.QoSPolicyID, change func(*cloud.QoSPolicy) error) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		p, err := s.ownQoSPolicy(ctx, id, "QoS policy.update")
		if err != nil {
			return err
		}
		before := promising(p)
		if err := change(p); err != nil {
			return err
		}
		if !slices.Equal(before, promising(p)) {
			if err := s.checkPromisesKept(ctx, id); err != nil {
				return err
			}
		}
		p.Revisions++
		if err := s.QoSPolicies.Update(ctx, p); err != nil {
			return err
		}
		return s.nudgeQoS(ctx, id)
	})
}

func qosRuleIndex(p *cloud.QoSPolicy, rule cloud.QoSRuleID, k cloud.QoSKind) (int, error) {
	i := slices.IndexFunc(p.Rules, func(r cloud.QoSRule) bool { return r.ID == rule && r.Kind == k })
	if i < 0 {
		return 0, cloud.Errorf(cloud.NotFound, "QoS rule", string(rule), "QoS rule %s for policy %s could not be found.", rule, p.ID)
	}
	return i, nil
}

func applyQoSRule(r *cloud.QoSRule, c QoSRuleChange) {
	apply(&r.Direction, c.Direction)
	apply(&r.Rate, c.Rate)
	apply(&r.Burst, c.Burst)
	apply(&r.Mark, c.Mark)
}

// qosDirections are the directions that the rules of a kind may have.
var qosDirections = map[cloud.QoSKind][]string{
	cloud.QoSBandwidthLimit: {"egress", "ingress"}, cloud.QoSPacketLimit: {"egress", "ingress"}, cloud.QoSMark: {""},
	cloud.QoSMinimumBandwidth: {"egress", "ingress"}, cloud.QoSMinimumPackets: {"any", "egress", "ingress"},
}

// QoSMarks are the DSCP values that have a meaning (RFC 2474, 2597, 3246).
var QoSMarks = []int{0, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40, 46, 48, 56}

func checkQoSRule(p *cloud.QoSPolicy, r cloud.QoSRule) error {
	if !slices.Contains(qosDirections[r.Kind], r.Direction) {
		return cloud.Invalidf("QoS rule", "direction", "Invalid input for direction. Reason: '%s' is not in %v.", r.Direction, qosDirections[r.Kind])
	}
	if r.Kind == cloud.QoSMark && !slices.Contains(QoSMarks, r.Mark) {
		return cloud.Invalidf("QoS rule", "mark", "Invalid input for the DSCP mark. Reason: %d is not in %v.", r.Mark, QoSMarks)
	}
	for _, n := range []int{r.Rate, r.Burst} {
		if n < 0 || n > math.MaxInt32 {
			return cloud.Invalidf("QoS rule", "rate", "Invalid input for a rate. Reason: %d is not between 0 and %d.", n, math.MaxInt32)
		}
	}
	for _, other := range p.Rules {
		if other.ID != r.ID {
			if err := checkQoSPair(p, r, other); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkQoSPair refuses two rules of one kind for one direction, and a promise above the limit.
func checkQoSPair(p *cloud.QoSPolicy, r, other cloud.QoSRule) error {
	meet := r.Direction == other.Direction || r.Direction == "any" || other.Direction == "any"
	if r.Kind == other.Kind && meet {
		return cloud.Errorf(cloud.Conflict, "QoS rules", string(p.ID), "Rule %s conflicts with rule %s which already exists in QoS Policy %s.", r.Kind, other.Kind, p.ID)
	}
	promise, limit := r, other
	if isQoSLimit(r.Kind) {
		promise, limit = other, r
	}
	if meet && qosLimitOf[promise.Kind] == limit.Kind && promise.Rate > limit.Rate {
		return cloud.Errorf(cloud.Conflict, "QoS rule parameter", string(p.ID), "Unable to add the rule with value %d to the policy %s as the "+
			"existing rule of type %s has value %d.", r.Rate, p.ID, other.Kind, other.Rate)
	}
	return nil
}

func isQoSLimit(k cloud.QoSKind) bool {
	return k == cloud.QoSBandwidthLimit || k == cloud.QoSPacketLimit
}

// qosLimitOf is the limit that a promise must not exceed.
var qosLimitOf = map[cloud.QoSKind]cloud.QoSKind{cloud.QoSMinimumBandwidth: cloud.QoSBandwidthLimit, cloud.QoSMinimumPackets: cloud.QoSPacketLimit}
