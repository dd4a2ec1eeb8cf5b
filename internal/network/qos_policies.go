package network

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// QoSPolicyRequest asks for a QoS policy.
type QoSPolicyRequest struct {
	ProjectID         cloud.ProjectID // empty: the caller's
	Name, Description string
	Shared, Default   bool
}

func qosTarget(p *cloud.QoSPolicy) policy.Target {
	return policy.Target{Resource: "QoS policy", ID: string(p.ID), ProjectID: p.ProjectID, Shared: p.Shared}
}

// CreateQoSPolicy makes a policy without rules.
func (s *Service) CreateQoSPolicy(ctx context.Context, r QoSPolicyRequest) (p *cloud.QoSPolicy, err error) {
	r.ProjectID = owner(ctx, r.ProjectID)
	asked := map[policy.Action]bool{"QoS policy.create": true, "QoS policy.share": r.Shared}
	if err := authorizeAll(ctx, asked, policy.Target{Resource: "QoS policy", ProjectID: r.ProjectID}); err != nil {
		return nil, err
	}
	if r.ProjectID == "" {
		return nil, cloud.Invalidf("QoS policy", "project_id", "A QoS policy needs a project.")
	}
	p = &cloud.QoSPolicy{ID: cloud.QoSPolicyID(cloud.NewID()), ProjectID: r.ProjectID, Name: r.Name, Description: r.Description,
		Shared: r.Shared, Default: r.Default}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.onlyDefaultQoS(ctx, p); err != nil {
			return err
		}
		if err := s.QoSPolicies.Insert(ctx, p); err != nil {
			return err
		}
		return s.shareWithAll(ctx, cloud.ShareQoSPolicy, string(p.ID), p.ProjectID, cloud.UseShared, p.Shared)
	})
	return p, err
}

// onlyDefaultQoS refuses a second default policy of one project.
func (s *Service) onlyDefaultQoS(ctx context.Context, p *cloud.QoSPolicy) error {
	if !p.Default {
		return nil
	}
	id, err := s.defaultQoS(ctx, p.ProjectID)
	if err != nil || id == "" || id == p.ID {
		return err
	}
	return cloud.Errorf(cloud.AlreadyExists, "default QoS policy", id, "A default QoS policy exists for project %s: %s.", p.ProjectID, id)
}

// defaultQoS is the policy of a project's new networks, empty if it has none.
func (s *Service) defaultQoS(ctx context.Context, id cloud.ProjectID) (cloud.QoSPolicyID, error) {
	p, err := s.QoSPolicies.One(ctx, cloud.Eq("project_id", string(id)), cloud.Eq("default", true))
	if cloud.Is(err, cloud.NotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return p.ID, nil
}

// QoSPolicy answers one policy that the caller may see.
func (s *Service) QoSPolicy(ctx context.Context, id cloud.QoSPolicyID) (*cloud.QoSPolicy, error) {
	p, err := s.QoSPolicies.Get(ctx, id)
	if err != nil {
		return nil, missing(err, "QoS policy", id)
	}
	return p, s.authorizeReach(ctx, "QoS policy.get", qosTarget(p), cloud.UseShared)
}

// ListQoSPolicies lists what the caller may see: its project's, and those shared with it.
func (s *Service) ListQoSPolicies(ctx context.Context, q cloud.Query, keep ...func(*cloud.QoSPolicy) bool) ([]*cloud.QoSPolicy, error) {
	all, own := policy.Visible(ctx, "QoS policy.get")
	if all {
		return s.QoSPolicies.List(ctx, q, keep...)
	}
	with, err := s.SharedWithCaller(ctx, cloud.ShareQoSPolicy, cloud.UseShared)
	if err != nil {
		return nil, err
	}
	return listUnion(ctx, s.QoSPolicies, q, qosPolicyColumn, func(p *cloud.QoSPolicy) string { return string(p.ID) }, keep,
		cloud.Eq("project_id", string(own)), cloud.Eq("shared", true), cloud.In("id", keys(with)))
}

// QoSPolicyChange changes what is not nil.
type QoSPolicyChange struct {
	Name, Description *string
	Shared, Default   *bool
	Tags              *[]string
}

// UpdateQoSPolicy changes a policy's words and who may use it. InUse while those need it who may not any more.
func (s *Service) UpdateQoSPolicy(ctx context.Context, id cloud.QoSPolicyID, c QoSPolicyChange) (p *cloud.QoSPolicy, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if p, err = s.ownQoSPolicy(ctx, id, "QoS policy.update"); err != nil {
			return err
		}
		if err := s.shareQoSPolicy(ctx, p, c.Shared); err != nil {
			return err
		}
		apply(&p.Name, c.Name)
		apply(&p.Description, c.Description)
		apply(&p.Default, c.Default)
		apply(&p.Tags, c.Tags)
		if err := s.onlyDefaultQoS(ctx, p); err != nil {
			return err
		}
		p.Revisions++
		return s.QoSPolicies.Update(ctx, p)
	})
	return p, err
}

// shareQoSPolicy makes that a policy is, or is not, everybody's be so.
func (s *Service) shareQoSPolicy(ctx context.Context, p *cloud.QoSPolicy, on *bool) error {
	if !changes(on, p.Shared) {
		return nil
	}
	if err := policy.Authorize(ctx, "QoS policy.share", qosTarget(p)); err != nil {
		return err
	}
	p.Shared = *on
	if err := s.shareWithAll(ctx, cloud.ShareQoSPolicy, string(p.ID), p.ProjectID, cloud.UseShared, *on); err != nil {
		return err
	}
	return s.coverUsers(ctx, cloud.ShareQoSPolicy, string(p.ID), cloud.UseShared)
}

// ownQoSPolicy locks and answers a policy that the caller may change.
func (s *Service) ownQoSPolicy(ctx context.Context, id cloud.QoSPolicyID, action policy.Action) (*cloud.QoSPolicy, error) {
	if err := s.lockQoSPolicy(ctx, id); err != nil {
		return nil, err
	}
	p, err := s.QoSPolicy(ctx, id)
	if err != nil {
		return nil, err
	}
	return p, s.authorizeReach(ctx, action, qosTarget(p), cloud.UseShared)
}

// lockQoSPolicy makes whoever changes, deletes or begins to use a policy wait for each other.
func (s *Service) lockQoSPolicy(ctx context.Context, id cloud.QoSPolicyID) error {
	return s.Tx.Lock(ctx, "QoS policy/"+string(id))
}

// DeleteQoSPolicy removes a policy that nothing uses.
func (s *Service) DeleteQoSPolicy(ctx context.Context, id cloud.QoSPolicyID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if _, err := s.ownQoSPolicy(ctx, id, "QoS policy.delete"); err != nil {
			return err
		}
		if err := s.checkQoSUnused(ctx, id); err != nil {
			return err
		}
		if err := s.unshare(ctx, string(id)); err != nil {
			return err
		}
		return s.QoSPolicies.Delete(ctx, id)
	})
}

func (s *Service) checkQoSUnused(ctx context.Context, id cloud.QoSPolicyID) error {
	uses := map[string]func(context.Context, ...cloud.Cond) (int64, error){"port": s.Ports.Count, "network": s.Networks.Count,
		"floating IP": s.FloatingIPs.Count, "router": s.Routers.Count}
	for noun, count := range uses {
		n, err := count(ctx, cloud.Eq("qos", string(id)))
		if err != nil {
			return err
		}
		if n > 0 {
			return cloud.Errorf(cloud.InUse, "QoS policy", id, "QoS Policy %s is used by %d %s(s).", id, n, noun)
		}
	}
	return nil
}

// useQoS checks that the caller may use the policy that something is to have; it stays until the use is written.
func (s *Service) useQoS(ctx context.Context, id cloud.QoSPolicyID) error {
	if id == "" {
		return nil
	}
	if err := s.lockQoSPolicy(ctx, id); err != nil {
		return err
	}
	_, err := s.QoSPolicy(ctx, id)
	return err
}

// changeQoS puts another policy into dst, if there is a change.
func (s *Service) changeQoS(ctx context.Context, dst, change *cloud.QoSPolicyID) error {
	if change == nil || *change == *dst {
		return nil
	}
	*dst = *change
	return s.useQoS(ctx, *change)
}
