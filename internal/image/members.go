package image

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// The statuses of a member. An image is listed for those that accepted it.
const (
	MemberPending  = "pending"
	MemberAccepted = "accepted"
	MemberRejected = "rejected"
)

// Members lists whom an image is shared with: all for its owner, itself for a member. Images
// that are not shared have none: Forbidden.
func (s *Service) Members(ctx context.Context, id cloud.ImageID) ([]cloud.ImageMember, error) {
	i, err := s.sharedImage(ctx, id)
	if err != nil {
		return nil, err
	}
	p := cloud.PrincipalOf(ctx)
	if i.ProjectID == p.ProjectID || policy.May(ctx, "image.see_all", target(ctx, i)) {
		return i.Members, nil
	}
	if m := member(i, p.ProjectID); m != nil {
		return []cloud.ImageMember{*m}, nil
	}
	return nil, cloud.NotFoundf("image", id)
}

// Member answers one member that the caller may see.
func (s *Service) Member(ctx context.Context, id cloud.ImageID, project cloud.ProjectID) (*cloud.ImageMember, error) {
	members, err := s.Members(ctx, id)
	if err != nil {
		return nil, err
	}
	for n := range members {
		if members[n].ProjectID == project {
			return &members[n], nil
		}
	}
	return nil, noMember(id, project)
}

// AddMember shares an image with a project, pending its consent. AlreadyExists if it is.
func (s *Service) AddMember(ctx context.Context, id cloud.ImageID, project cloud.ProjectID) (*cloud.ImageMember, error) {
	if project == "" || len(project) > nameMax {
		return nil, cloud.Invalidf("image", "member", "The member must be the id of a project.")
	}
	now := s.Now().UTC()
	added := cloud.ImageMember{ProjectID: project, Status: MemberPending, CreatedAt: now, UpdatedAt: now}
	err := s.editMembers(ctx, id, func(ctx context.Context, i *cloud.Image) error {
		if err := policy.Authorize(ctx, "image.share", target(ctx, i)); err != nil {
			return err
		}
		if member(i, project) != nil {
			return cloud.Errorf(cloud.AlreadyExists, "image", id, "Project %s is a member of image %s already.", project, id)
		}
		if len(i.Members) >= membersMax {
			return limitPassed("members", len(i.Members)+1, membersMax)
		}
		i.Members = append(slices.Clone(i.Members), added)
		return nil
	})
	return &added, err
}

// SetMemberStatus is a member's word on an image shared with it.
func (s *Service) SetMemberStatus(ctx context.Context, id cloud.ImageID, project cloud.ProjectID, status string) (*cloud.ImageMember, error) {
	if status != MemberPending && status != MemberAccepted && status != MemberRejected {
		return nil, cloud.Invalidf("image", "status", "'%s' is not a member status: use pending, accepted or rejected.", status)
	}
	var changed cloud.ImageMember
	err := s.editMembers(ctx, id, func(ctx context.Context, i *cloud.Image) error {
		if member(i, project) == nil {
			return noMember(id, project)
		}
		t := target(ctx, i)
		t.ProjectID = project
		if !policy.May(ctx, "image.accept", t) {
			return cloud.Errorf(cloud.Forbidden, "image", id, "Only project %s itself may say whether it takes image %s.", project, id)
		}
		i.Members = slices.Clone(i.Members)
		m := member(i, project)
		m.Status, m.UpdatedAt = status, s.Now().UTC()
		changed = *m
		return nil
	})
	return &changed, err
}

// RemoveMember stops sharing an image with a project. The owner may, not the member. NotFound if it was not shared.
func (s *Service) RemoveMember(ctx context.Context, id cloud.ImageID, project cloud.ProjectID) error {
	return s.editMembers(ctx, id, func(ctx context.Context, i *cloud.Image) error {
		if err := policy.Authorize(ctx, "image.share", target(ctx, i)); err != nil {
			return err
		}
		if member(i, project) == nil {
			return noMember(id, project)
		}
		i.Members = slices.DeleteFunc(slices.Clone(i.Members), func(m cloud.ImageMember) bool { return m.ProjectID == project })
		return nil
	})
}

func (s *Service) editMembers(ctx context.Context, id cloud.ImageID, edit func(context.Context, *cloud.Image) error) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		i, err := s.sharedImage(ctx, id)
		if err != nil {
			return err
		}
		if err = edit(ctx, i); err != nil {
			return err
		}
		return s.Images.Update(ctx, i)
	})
}

func (s *Service) sharedImage(ctx context.Context, id cloud.ImageID) (*cloud.Image, error) {
	i, err := s.Image(ctx, id)
	if err != nil {
		return nil, err
	}
	if i.Visibility != cloud.VisibilityShared {
		return nil, cloud.Errorf(cloud.Forbidden, "image", id, "Only shared images have members.")
	}
	return i, nil
}

func noMember(id cloud.ImageID, project cloud.ProjectID) error {
	return &cloud.Error{Kind: cloud.NotFound, Resource: "image member", ID: string(project),
		Message: "Member " + string(project) + " of image " + string(id) + " could not be found."}
}
