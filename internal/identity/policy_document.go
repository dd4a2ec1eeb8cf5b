package identity

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// policyTextMax bounds a policy document in bytes.
const policyTextMax = 1 << 20

// PolicyDocumentChange is what an update sets; nil stays.
type PolicyDocumentChange struct {
	Type, Text *string
	Extra      map[string]any
}

func checkPolicyDocument(d *cloud.PolicyDocument) error {
	if err := validName("policy", d.Type, nameMax); err != nil {
		return cloud.Invalidf("policy", "type", "A policy needs a type of %d characters at most.", nameMax)
	}
	if len(d.Text) > policyTextMax {
		return cloud.Invalidf("policy", "blob", "A policy has a blob of %d bytes at most.", policyTextMax)
	}
	return nil
}

// CreatePolicyDocument keeps a document under a new id.
func (s *Service) CreatePolicyDocument(ctx context.Context, d cloud.PolicyDocument) (*cloud.PolicyDocument, error) {
	if err := policy.Authorize(ctx, "policy document.manage", policy.Target{}); err != nil {
		return nil, err
	}
	if err := checkPolicyDocument(&d); err != nil {
		return nil, err
	}
	d.ID = cloud.PolicyDocumentID(cloud.NewHexID())
	return &d, s.PolicyDocuments.Insert(ctx, &d)
}

// PolicyDocument answers one.
func (s *Service) PolicyDocument(ctx context.Context, id cloud.PolicyDocumentID) (*cloud.PolicyDocument, error) {
	if err := policy.Authorize(ctx, "policy document.get", policy.Target{}); err != nil {
		return nil, err
	}
	return s.PolicyDocuments.Get(ctx, id)
}

// ListPolicyDocuments lists those of a type; empty: all.
func (s *Service) ListPolicyDocuments(ctx context.Context, kind string, f Filter) ([]*cloud.PolicyDocument, error) {
	if err := policy.Authorize(ctx, "policy document.get", policy.Target{}); err != nil {
		return nil, err
	}
	q := cloud.Query{After: f.Marker, Limit: f.Limit}
	if kind != "" {
		q.Where = []cloud.Cond{cloud.Eq("type", kind)}
	}
	return s.PolicyDocuments.List(ctx, q, func(d *cloud.PolicyDocument) bool { return f.matches("type", d.Type) })
}

// UpdatePolicyDocument changes one.
func (s *Service) UpdatePolicyDocument(ctx context.Context, id cloud.PolicyDocumentID, c PolicyDocumentChange) (d *cloud.PolicyDocument, err error) {
	if err := policy.Authorize(ctx, "policy document.manage", policy.Target{}); err != nil {
		return nil, err
	}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if d, err = s.PolicyDocuments.Get(ctx, id); err != nil {
			return err
		}
		set(&d.Type, c.Type)
		set(&d.Text, c.Text)
		d.Extra = merged(d.Extra, c.Extra)
		if err := checkPolicyDocument(d); err != nil {
			return err
		}
		return s.PolicyDocuments.Update(ctx, d)
	})
	return d, err
}

// DeletePolicyDocument removes one, also from the endpoints it is for.
func (s *Service) DeletePolicyDocument(ctx context.Context, id cloud.PolicyDocumentID) error {
	if err := policy.Authorize(ctx, "policy document.manage", policy.Target{}); err != nil {
		return err
	}
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.forgetPolicyDocument(ctx, id); err != nil {
			return err
		}
		return s.PolicyDocuments.Delete(ctx, id)
	})
}
