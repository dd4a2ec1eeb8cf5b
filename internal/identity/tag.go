package identity

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// changeTags lets f make a project's new tags from the old ones.
func (s *Service) changeTags(ctx context.Context, id cloud.ProjectID, f func([]string) ([]string, error)) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		p, err := s.Projects.Get(ctx, id)
		if err := allow(ctx, "project.manage", projectTarget(p), err); err != nil {
			return err
		}
		tags, err := f(slices.Clone(p.Tags))
		if err != nil {
			return err
		}
		_, err = s.UpdateProject(ctx, id, ProjectChange{Tags: &tags})
		return err
	})
}

// TagProject adds a tag; the project may have it already.
func (s *Service) TagProject(ctx context.Context, id cloud.ProjectID, tag string) error {
	return s.changeTags(ctx, id, func(tags []string) ([]string, error) {
		if slices.Contains(tags, tag) {
			return tags, nil
		}
		return append(tags, tag), nil
	})
}

// UntagProject takes a tag away; NotFound if the project does not have it.
func (s *Service) UntagProject(ctx context.Context, id cloud.ProjectID, tag string) error {
	return s.changeTags(ctx, id, func(tags []string) ([]string, error) {
		if !slices.Contains(tags, tag) {
			return nil, cloud.NotFoundf("project tag", tag)
		}
		return without(tags, tag), nil
	})
}
