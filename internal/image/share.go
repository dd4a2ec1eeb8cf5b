package image

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// Share changes who else may use an image, all or nothing. It may be repeated. An image that is public no more, or shared with a
// project for the first time, becomes a shared one; projects keep their places on the list while it is public.
func (s *Service) Share(ctx context.Context, id cloud.ImageID, with cloud.Sharing) (*cloud.Image, error) {
	var i *cloud.Image
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		var err error
		if i, err = s.authorized(ctx, "image.share", id); err != nil {
			return err
		}
		i.Members = slices.DeleteFunc(slices.Clone(i.Members), func(m cloud.ImageMember) bool { return slices.Contains(with.Remove, m.ProjectID) })
		now := s.Now().UTC()
		for _, p := range with.Add {
			if member(i, p) == nil {
				i.Members = append(i.Members, cloud.ImageMember{ProjectID: p, Status: MemberPending, CreatedAt: now, UpdatedAt: now})
			}
		}
		if len(i.Members) > membersMax {
			return limitPassed("members", len(i.Members), membersMax)
		}
		if err := s.show(ctx, i, with); err != nil {
			return err
		}
		return s.Images.Update(ctx, i)
	})
	return i, err
}

// show gives an image the visibility that follows from how it is shared.
func (s *Service) show(ctx context.Context, i *cloud.Image, with cloud.Sharing) error {
	everybody := i.Visibility == cloud.VisibilityPublic || i.Visibility == cloud.VisibilityCommunity
	switch {
	case with.Public != nil && *with.Public && !everybody:
		i.Visibility = cloud.VisibilityPublic
		return mayShow(ctx, i.Visibility, target(ctx, i))
	case with.Public != nil && !*with.Public && everybody, i.Visibility == cloud.VisibilityPrivate && len(with.Add) > 0:
		i.Visibility = cloud.VisibilityShared
	}
	return nil
}

// Lends tells whether the caller may use an image that stands for a snapshot, and with it the snapshot.
func (s *Service) Lends(ctx context.Context, id cloud.SnapshotID) (bool, error) {
	found, err := s.Images.List(ctx, cloud.Where(cloud.Eq("snapshots", id)), func(i *cloud.Image) bool {
		return policy.May(ctx, "image.get", target(ctx, i))
	})
	return len(found) > 0, err
}

// Standing is an image that stands for a snapshot; empty if none does.
func (s *Service) Standing(ctx context.Context, id cloud.SnapshotID) (cloud.ImageID, error) {
	found, err := s.Images.List(ctx, cloud.Query{Where: []cloud.Cond{cloud.Eq("snapshots", id)}, Limit: 1})
	if err != nil || len(found) == 0 {
		return "", err
	}
	return found[0].ID, nil
}

// ChangeLabels lets edit change the labels of an image. It may run more than once; the map is its own.
func (s *Service) ChangeLabels(ctx context.Context, id cloud.ImageID, edit func(labels map[string]string) error) error {
	_, err := s.Update(ctx, id, func(f *Facts) error { return edit(f.Labels) })
	return err
}
