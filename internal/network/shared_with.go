package network

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// sharedWith tells whether a noun is shared with a project by name, for one of the uses. What is shared with
// every project is marked on the noun itself.
func (s *Service) sharedWith(ctx context.Context, id string, p cloud.ProjectID, uses ...cloud.ShareUse) (bool, error) {
	if p == "" {
		return false, nil
	}
	n, err := s.Shares.Count(ctx, cloud.Eq("noun_id", id), cloud.Eq("to", string(p)), cloud.In("use", uses))
	return n > 0, err
}

// reach completes a target: what is shared with the caller's project is shared as far as the caller is concerned.
func (s *Service) reach(ctx context.Context, t policy.Target, uses ...cloud.ShareUse) (policy.Target, error) {
	p := cloud.PrincipalOf(ctx).ProjectID
	if t.Shared || p == t.ProjectID {
		return t, nil
	}
	shared, err := s.sharedWith(ctx, t.ID, p, uses...)
	t.Shared = shared
	return t, err
}

// authorizeReach is policy.Authorize on a noun that may be shared with the caller.
func (s *Service) authorizeReach(ctx context.Context, a policy.Action, t policy.Target, uses ...cloud.ShareUse) error {
	t, err := s.reach(ctx, t, uses...)
	if err != nil {
		return err
	}
	return policy.Authorize(ctx, a, t)
}

// SharedWithCaller answers the ids of the nouns of a kind that are shared with the caller's project by name.
func (s *Service) SharedWithCaller(ctx context.Context, noun cloud.ShareNoun, uses ...cloud.ShareUse) (map[string]bool, error) {
	p := cloud.PrincipalOf(ctx).ProjectID
	if p == "" {
		return nil, nil
	}
	all, err := s.Shares.List(ctx, cloud.Where(cloud.Eq("to", string(p)), cloud.Eq("noun", string(noun)), cloud.In("use", uses)))
	ids := map[string]bool{}
	for _, sh := range all {
		ids[sh.NounID] = true
	}
	return ids, err
}
