package compute

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// A template keeps what dialects wrote. Nothing here reads it: who makes an instance of one does, in the words it was written in.

// templateVersionsMax bounds what one template's row holds.
const templateVersionsMax = 500

func templateTarget(t *cloud.InstanceTemplate) policy.Target {
	return policy.Target{Resource: "instance template", ID: string(t.ID), ProjectID: t.ProjectID}
}

// CreateTemplate makes a template with its first version, which is the default one. AlreadyExists if the project has one of that name.
func (s *Service) CreateTemplate(ctx context.Context, name string, labels map[string]string, first cloud.TemplateVersion) (*cloud.InstanceTemplate, error) {
	p := cloud.PrincipalOf(ctx)
	if err := policy.Authorize(ctx, "instance template.create", policy.Target{Resource: "instance template", ProjectID: p.ProjectID}); err != nil {
		return nil, err
	}
	if name == "" {
		return nil, cloud.Invalidf("instance template", "name", "An instance template needs a name.")
	}
	t := &cloud.InstanceTemplate{ID: cloud.InstanceTemplateID(cloud.NewID()), ProjectID: p.ProjectID, UserID: p.UserID, Name: name, Default: 1, Meta: cloud.Meta{Labels: labels}}
	s.appendVersion(ctx, t, first)
	return t, s.Templates.Insert(ctx, t)
}

// appendVersion numbers, dates and signs a version.
func (s *Service) appendVersion(ctx context.Context, t *cloud.InstanceTemplate, v cloud.TemplateVersion) {
	t.Latest++
	v.Number, v.UserID, v.CreatedAt = t.Latest, cloud.PrincipalOf(ctx).UserID, s.Now().UTC().Format(time.RFC3339)
	t.Versions = append(slices.Clip(t.Versions), v)
}

// Template answers one template that the caller may see.
func (s *Service) Template(ctx context.Context, id cloud.InstanceTemplateID) (*cloud.InstanceTemplate, error) {
	t, err := s.Templates.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return t, policy.Authorize(ctx, "instance template.get", templateTarget(t))
}

// ListTemplates lists the templates of the caller's project, or all.
func (s *Service) ListTemplates(ctx context.Context, q cloud.Query, keep ...func(*cloud.InstanceTemplate) bool) ([]*cloud.InstanceTemplate, error) {
	if all, own := policy.Visible(ctx, "instance template.get"); !all {
		q.Where = append(slices.Clip(q.Where), cloud.Eq("project_id", own))
	}
	return s.Templates.List(ctx, q, keep...)
}

// AddTemplateVersion adds a version and answers the template, in which it is the last.
func (s *Service) AddTemplateVersion(ctx context.Context, id cloud.InstanceTemplateID, v cloud.TemplateVersion) (*cloud.InstanceTemplate, error) {
	return s.changeTemplate(ctx, id, func(ctx context.Context, t *cloud.InstanceTemplate) error {
		if len(t.Versions) >= templateVersionsMax {
			return &cloud.Error{Kind: cloud.QuotaExceeded, Resource: "instance template", ID: string(id),
				Message: "The instance template has as many versions as it can have: delete some first."}
		}
		s.appendVersion(ctx, t, v)
		return nil
	})
}

// DefaultTemplateVersion makes a version the one to take when none is named.
func (s *Service) DefaultTemplateVersion(ctx context.Context, id cloud.InstanceTemplateID, version int) (*cloud.InstanceTemplate, error) {
	return s.changeTemplate(ctx, id, func(_ context.Context, t *cloud.InstanceTemplate) error {
		t.Default = version
		return checkVersion(t, version)
	})
}

// ChangeTemplateLabels changes the labels of a template.
func (s *Service) ChangeTemplateLabels(ctx context.Context, id cloud.InstanceTemplateID, edit func(labels map[string]string) error) (*cloud.InstanceTemplate, error) {
	return s.changeTemplate(ctx, id, func(_ context.Context, t *cloud.InstanceTemplate) error {
		return t.EditLabels(edit)
	})
}

// DeleteTemplateVersion removes a version other than the default one.
func (s *Service) DeleteTemplateVersion(ctx context.Context, id cloud.InstanceTemplateID, version int) (*cloud.InstanceTemplate, error) {
	return s.changeTemplate(ctx, id, func(_ context.Context, t *cloud.InstanceTemplate) error {
		if err := checkVersion(t, version); err != nil {
			return err
		}
		if version == t.Default {
			return cloud.Errorf(cloud.WrongState, "instance template version", strconv.Itoa(version),
				"Version %d is the default one of template %s: make another the default first.", version, t.Name)
		}
		t.Versions = slices.DeleteFunc(slices.Clone(t.Versions), func(v cloud.TemplateVersion) bool { return v.Number == version })
		return nil
	})
}

// checkVersion is NotFound if the template has no version of that number.
func checkVersion(t *cloud.InstanceTemplate, number int) error {
	if slices.ContainsFunc(t.Versions, func(v cloud.TemplateVersion) bool { return v.Number == number }) {
		return nil
	}
	return cloud.Errorf(cloud.NotFound, "instance template version", strconv.Itoa(number), "Instance template %s has no version %d.", t.Name, number)
}

func (s *Service) changeTemplate(ctx context.Context, id cloud.InstanceTemplateID, change func(context.Context, *cloud.InstanceTemplate) error) (t *cloud.InstanceTemplate, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if t, err = s.ownTemplate(ctx, id, "instance template.update"); err != nil {
			return err
		}
		if err := change(ctx, t); err != nil {
			return err
		}
		return s.Templates.Update(ctx, t)
	})
	return t, err
}

func (s *Service) ownTemplate(ctx context.Context, id cloud.InstanceTemplateID, action policy.Action) (*cloud.InstanceTemplate, error) {
	if err := s.Tx.Lock(ctx, "instance-template/"+string(id)); err != nil {
		return nil, err
	}
	t, err := s.Template(ctx, id)
	if err != nil {
		return nil, err
	}
	return t, policy.Authorize(ctx, action, templateTarget(t))
}

// DeleteTemplate removes a template with all its versions; what was made of it stays.
func (s *Service) DeleteTemplate(ctx context.Context, id cloud.InstanceTemplateID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if _, err := s.ownTemplate(ctx, id, "instance template.delete"); err != nil {
			return err
		}
		return s.Templates.Delete(ctx, id)
	})
}
