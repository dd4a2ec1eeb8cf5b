package network

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// ShareRequest asks to share a noun with a project, or with cloud.AllProjects.
type ShareRequest struct {
	ProjectID cloud.ProjectID // empty: the caller's
	Noun      cloud.ShareNoun
	NounID    string
	Use       cloud.ShareUse
	To        cloud.ProjectID
}

func shareTarget(sh *cloud.Share) policy.Target {
	return policy.Target{Resource: "share", ID: string(sh.ID), ProjectID: sh.ProjectID}
}

// CreateShare shares a noun that the caller's project owns. AlreadyExists if it is shared so already.
func (s *Service) CreateShare(ctx context.Context, r ShareRequest) (sh *cloud.Share, err error) {
	r.ProjectID = owner(ctx, r.ProjectID)
	if r.To == "" {
		return nil, cloud.Invalidf("share", "to", "A share needs a project to share with, or '%s' for all.", cloud.AllProjects)
	}
	asked := map[policy.Action]bool{"share.create": true, "share.all": r.To == cloud.AllProjects}
	if err := authorizeAll(ctx, asked, policy.Target{Resource: "share", ProjectID: r.ProjectID}); err != nil {
		return nil, err
	}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.Quota.Reserve(ctx, r.ProjectID, map[string]int64{cloud.QuotaShares: 1}); err != nil {
			return err
		}
		sh, err = s.insertShare(ctx, r)
		return err
	})
	return sh, err
}

func (s *Service) insertShare(ctx context.Context, r ShareRequest) (*cloud.Share, error) {
	kind, err := s.shareable(r.Noun, r.Use)
	if err != nil {
		return nil, err
	}
	noun, err := kind.find(ctx, r.NounID)
	if err != nil {
		return nil, err
	}
	if noun.ProjectID != cloud.PrincipalOf(ctx).ProjectID && !policy.May(ctx, "share.any_noun", policy.Target{}) {
		return nil, cloud.Invalidf("share", "noun", "Invalid input for operation: Only admins can manipulate policies on objects they do not own.")
	}
	sh := &cloud.Share{ID: cloud.ShareID(cloud.NewID()), ProjectID: r.ProjectID, Noun: r.Noun, NounID: r.NounID, Use: r.Use, To: r.To}
	if err := s.checkSuits(ctx, sh); err != nil {
		return nil, err
	}
	if err := s.Shares.Insert(ctx, sh); err != nil {
		if cloud.Is(err, cloud.AlreadyExists) {
			return nil, cloud.Errorf(cloud.AlreadyExists, "share", r.NounID, "An RBAC policy already exists with those values.")
		}
		return nil, err
	}
	return sh, s.markShared(ctx, kind, sh)
}

// checkSuits refuses a receiver who could not use the noun.
func (s *Service) checkSuits(ctx context.Context, sh *cloud.Share) error {
	kind, err := s.shareable(sh.Noun, sh.Use)
	if err != nil || kind.suits == nil {
		return err
	}
	return kind.suits(ctx, sh.NounID, sh.To)
}

// markShared makes a noun's own marks follow from what it is shared with now.
func (s *Service) markShared(ctx context.Context, kind shareable, changed *cloud.Share) error {
	all, err := s.Shares.List(ctx, cloud.Where(cloud.Eq("noun_id", changed.NounID), cloud.Eq("use", string(changed.Use))))
	if err != nil {
		return err
	}
	m := sharing{use: changed.Use}
	for _, sh := range all {
		m.some = true
		m.all = m.all || sh.To == cloud.AllProjects
	}
	return kind.mark(ctx, changed.NounID, m)
}

// Share answers one share that the caller may see.
func (s *Service) Share(ctx context.Context, id cloud.ShareID) (*cloud.Share, error) {
	sh, err := s.Shares.Get(ctx, id)
	if err != nil {
		return nil, missing(err, "share", id)
	}
	return sh, policy.Authorize(ctx, "share.get", shareTarget(sh))
}

// ListShares lists what the caller's project shares, or all.
func (s *Service) ListShares(ctx context.Context, q cloud.Query, keep ...func(*cloud.Share) bool) ([]*cloud.Share, error) {
	return s.Shares.List(ctx, visible(ctx, "share.get", q), keep...)
}

// UpdateShare gives a share another receiver. InUse while the old one needs it.
func (s *Service) UpdateShare(ctx context.Context, id cloud.ShareID, to cloud.ProjectID) (sh *cloud.Share, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if sh, err = s.Share(ctx, id); err != nil {
			return err
		}
		asked := map[policy.Action]bool{"share.update": true, "share.all": to == cloud.AllProjects}
		if err := authorizeAll(ctx, asked, shareTarget(sh)); err != nil {
			return err
		}
		if to == "" || to == sh.To {
			return nil
		}
		sh.To = to
		if err := s.checkSuits(ctx, sh); err != nil {
			return err
		}
		if err := s.Shares.Update(ctx, sh); err != nil {
			return err
		}
		return s.settleShare(ctx, sh)
	})
	return sh, err
}

// DeleteShare takes a share back. InUse while its receivers need it.
func (s *Service) DeleteShare(ctx context.Context, id cloud.ShareID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		sh, err := s.Share(ctx, id)
		if err != nil {
			return err
		}
		if err := policy.Authorize(ctx, "share.delete", shareTarget(sh)); err != nil {
			return err
		}
		if err := s.Shares.Delete(ctx, id); err != nil {
			return err
		}
		return s.settleShare(ctx, sh)
	})
}

// settleShare checks that what is left of a noun's shares is enough, after one changed or went.
func (s *Service) settleShare(ctx context.Context, sh *cloud.Share) error {
	kind, err := s.shareable(sh.Noun, sh.Use)
	if err != nil {
		return err
	}
	if err := s.coverUsers(ctx, sh.Noun, sh.NounID, sh.Use); err != nil {
		return err
	}
	return s.markShared(ctx, kind, sh)
}

// coverUsers refuses to leave projects that use a noun without a share of it.
func (s *Service) coverUsers(ctx context.Context, noun cloud.ShareNoun, id string, use cloud.ShareUse) error {
	kind, err := s.shareable(noun, use)
	if err != nil {
		return err
	}
	owned, err := kind.find(ctx, id)
	if err != nil {
		return err
	}
	users, err := kind.users(ctx, id, use)
	if err != nil {
		return err
	}
	left, err := s.Shares.List(ctx, cloud.Where(cloud.Eq("noun_id", id), cloud.Eq("use", string(use))))
	if err != nil {
		return err
	}
	covered := map[cloud.ProjectID]bool{owned.ProjectID: true, "": true}
	for _, l := range left {
		covered[l.To] = true
	}
	for _, user := range users {
		if !covered[cloud.AllProjects] && !covered[user] {
			return cloud.Errorf(cloud.InUse, "share", id, "RBAC policy on object %s cannot be removed because other objects depend on it. "+
				"Details: project %s uses it.", id, user)
		}
	}
	return nil
}

// shareWithAll makes that a noun is, or is not, shared with every project be so: for its own attributes.
func (s *Service) shareWithAll(ctx context.Context, noun cloud.ShareNoun, id string, project cloud.ProjectID, use cloud.ShareUse, on bool) error {
	sh, err := s.Shares.One(ctx, cloud.Eq("noun_id", id), cloud.Eq("to", string(cloud.AllProjects)), cloud.Eq("use", string(use)))
	switch {
	case cloud.Is(err, cloud.NotFound) && on:
		return s.Shares.Insert(ctx, &cloud.Share{ID: cloud.ShareID(cloud.NewID()), ProjectID: project, Noun: noun, NounID: id, Use: use, To: cloud.AllProjects})
	case cloud.Is(err, cloud.NotFound) || err == nil && on:
		return nil
	case err != nil:
		return err
	}
	return s.Shares.Delete(ctx, sh.ID)
}

// unshare forgets all shares of a noun that goes.
func (s *Service) unshare(ctx context.Context, id string) error {
	return deleteWhere(ctx, s.Shares, func(sh *cloud.Share) cloud.ShareID { return sh.ID }, cloud.Eq("noun_id", id))
}
