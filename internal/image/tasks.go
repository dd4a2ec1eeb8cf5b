package image

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// Task is an import that was asked for: under way, or ended.
type Task struct {
	Operation *cloud.Operation
	ImageID   cloud.ImageID
	Request   ImportRequest
}

// ImageTasks lists the imports of one image that the caller may see, oldest first.
func (s *Service) ImageTasks(ctx context.Context, id cloud.ImageID) ([]Task, error) {
	if _, err := s.Image(ctx, id); err != nil {
		return nil, err
	}
	return s.tasks(ctx, cloud.Query{Where: []cloud.Cond{cloud.Eq("subject", subject(id))}, Order: []cloud.Order{{Column: "created_at"}}})
}

// Tasks lists the imports of the caller's project, or of all, that q selects.
func (s *Service) Tasks(ctx context.Context, q cloud.Query) ([]Task, error) {
	if all, own := policy.Visible(ctx, "image.see_all"); !all {
		q.Where = append(q.Where[:len(q.Where):len(q.Where)], cloud.Eq("project_id", own))
	}
	return s.tasks(ctx, q)
}

// Task answers one import that the caller may see.
func (s *Service) Task(ctx context.Context, id cloud.OperationID) (Task, error) {
	found, err := s.Tasks(ctx, cloud.Where(cloud.Eq("id", id)))
	if err != nil {
		return Task{}, err
	}
	if len(found) == 0 {
		return Task{}, cloud.NotFoundf("task", id)
	}
	return found[0], nil
}

func (s *Service) tasks(ctx context.Context, q cloud.Query) ([]Task, error) {
	q.Where = append(q.Where[:len(q.Where):len(q.Where)], cloud.Eq("kind", kindImport))
	ops, err := s.Records.List(ctx, q)
	if err != nil {
		return nil, err
	}
	tasks := make([]Task, len(ops))
	for n, op := range ops {
		r, err := operation.Params[ImportRequest](op)
		if err != nil {
			return nil, err
		}
		tasks[n] = Task{Operation: op, ImageID: cloud.ImageID(operation.SubjectID(op)), Request: r}
	}
	return tasks, nil
}
