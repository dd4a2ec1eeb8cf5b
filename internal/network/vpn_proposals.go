package network

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// VPNProposalChange is a proposal, or a change of one: of what is not nil.
type VPNProposalChange struct {
	ProjectID         cloud.ProjectID // of a new one; empty: the caller's
	Name, Description *string

	Encryption, Authentication, Group *string
	IKEVersion, Phase1                *string
	Encapsulation, Transform          *string
	Lifetime                          *time.Duration
}

// The uses of proposals.
const (
	UseIKE = "ike"
	UseESP = "esp"
)

// lifetimeMin keeps new keys from being agreed upon all the time.
const lifetimeMin = 60 * time.Second

// CreateVPNProposal makes a proposal.
func (s *Service) CreateVPNProposal(ctx context.Context, use string, c VPNProposalChange) (*cloud.VPNProposal, error) {
	c.ProjectID = owner(ctx, c.ProjectID)
	if err := policy.Authorize(ctx, "VPN proposal.create", vpnTarget("VPN proposal", c.ProjectID, "")); err != nil {
		return nil, err
	}
	if c.ProjectID == "" {
		return nil, cloud.Invalidf("VPN proposal", "project_id", "A policy needs a project.")
	}
	p := newProposal(use)
	p.ProjectID = c.ProjectID
	if err := changeProposal(p, c); err != nil {
		return nil, err
	}
	return p, s.VPNProposals.Insert(ctx, p)
}

// newProposal is one of whose maker said nothing. Clients know these defaults.
func newProposal(use string) *cloud.VPNProposal {
	p := &cloud.VPNProposal{ID: cloud.VPNProposalID(cloud.NewID()), Use: use, Encryption: "aes-128", Authentication: "sha1", Group: "group5", Lifetime: time.Hour}
	if use == UseIKE {
		p.IKEVersion, p.Phase1 = "v1", "main"
	} else {
		p.Encapsulation, p.Transform = "tunnel", "esp"
	}
	return p
}

func changeProposal(p *cloud.VPNProposal, c VPNProposalChange) error {
	apply(&p.Name, c.Name)
	apply(&p.Description, c.Description)
	apply(&p.Lifetime, c.Lifetime)
	if p.Lifetime < lifetimeMin {
		return cloud.Invalidf("VPN proposal", "lifetime", "Invalid input for lifetime. Reason: '%d' is too small - must be at least '60'.", int(p.Lifetime/time.Second))
	}
	for _, w := range []struct {
		field  string
		to     *string
		change *string
		words  []string
	}{
		{"encryption_algorithm", &p.Encryption, c.Encryption, cloud.VPNWords.Encryption},
		{"auth_algorithm", &p.Authentication, c.Authentication, cloud.VPNWords.Authentication},
		{"pfs", &p.Group, c.Group, cloud.VPNWords.Groups},
		{"ike_version", &p.IKEVersion, c.IKEVersion, []string{"v1", "v2"}},
		{"phase1_negotiation_mode", &p.Phase1, c.Phase1, []string{"main", "aggressive"}},
		{"encapsulation_mode", &p.Encapsulation, c.Encapsulation, []string{"tunnel", "transport"}},
		{"transform_protocol", &p.Transform, c.Transform, []string{"esp", "ah", "ah-esp"}},
	} {
		if w.change != nil && !slices.Contains(w.words, *w.change) {
			return cloud.Invalidf("VPN proposal", w.field, "Invalid input for %s. Reason: '%s' is not in ['%s'].", w.field, *w.change, strings.Join(w.words, "', '"))
		}
		apply(w.to, w.change)
	}
	return nil
}

// VPNProposal answers one proposal of a use that the caller may see.
func (s *Service) VPNProposal(ctx context.Context, use string, id cloud.VPNProposalID) (*cloud.VPNProposal, error) {
	p, err := s.VPNProposals.Get(ctx, id)
	if err == nil && p.Use != use {
		err = cloud.NotFoundf("VPN proposal", id)
	}
	if err != nil {
		return nil, missing(err, proposalWords[use], id)
	}
	return p, policy.Authorize(ctx, "VPN proposal.get", vpnTarget(proposalWords[use], p.ProjectID, string(id)))
}

var proposalWords = map[string]string{UseIKE: "IKE proposal", UseESP: "ESP proposal"}

// ListVPNProposals lists the proposals of a use that the caller may see.
func (s *Service) ListVPNProposals(ctx context.Context, use string, q cloud.Query, keep ...func(*cloud.VPNProposal) bool) ([]*cloud.VPNProposal, error) {
	q.Where = append(slices.Clone(q.Where), cloud.Eq("use", use))
	return s.VPNProposals.List(ctx, visible(ctx, "VPN proposal.get", q), keep...)
}

// UpdateVPNProposal changes a proposal that no connection uses.
func (s *Service) UpdateVPNProposal(ctx context.Context, use string, id cloud.VPNProposalID, c VPNProposalChange) (p *cloud.VPNProposal, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if p, err = s.freeProposal(ctx, use, id, "VPN proposal.update"); err != nil {
			return err
		}
		if err := changeProposal(p, c); err != nil {
			return err
		}
		p.Revisions++
		return s.VPNProposals.Update(ctx, p)
	})
	return p, err
}

// DeleteVPNProposal removes a proposal that no connection uses.
func (s *Service) DeleteVPNProposal(ctx context.Context, use string, id cloud.VPNProposalID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if _, err := s.freeProposal(ctx, use, id, "VPN proposal.delete"); err != nil {
			return err
		}
		return s.VPNProposals.Delete(ctx, id)
	})
}

// lockProposal makes whoever changes, deletes or uses a proposal wait for each other.
func (s *Service) lockProposal(ctx context.Context, id cloud.VPNProposalID) error {
	return s.Tx.Lock(ctx, "VPN proposal/"+string(id))
}

// freeProposal locks and answers a proposal that the caller may change and that nothing uses.
func (s *Service) freeProposal(ctx context.Context, use string, id cloud.VPNProposalID, action policy.Action) (*cloud.VPNProposal, error) {
	if err := s.lockProposal(ctx, id); err != nil {
		return nil, err
	}
	p, err := s.VPNProposal(ctx, use, id)
	if err != nil {
		return nil, err
	}
	if err := policy.Authorize(ctx, action, vpnTarget(proposalWords[use], p.ProjectID, string(id))); err != nil {
		return nil, err
	}
	n, err := s.VPNConnections.Count(ctx, cloud.Eq(use, string(id)))
	if err == nil && n > 0 {
		err = cloud.Errorf(cloud.InUse, proposalWords[use], id, "Policy %s is in use by an existing IPsec site connection and can't be updated or deleted", id)
	}
	return p, err
}
