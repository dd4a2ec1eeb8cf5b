package vocabulary

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// Facts are what a vocabulary's maker says of it.
type Facts struct {
	Name        string
	Title       string
	Description string
	Visibility  cloud.Visibility // empty: private
	Protected   bool
	ProjectID   cloud.ProjectID // owner; empty: the caller's project, or who owns it already
}

// CreateRequest asks for a vocabulary with all that is in it.
type CreateRequest struct {
	Facts
	Targets     []cloud.Target
	Definitions []*cloud.Definition // they get their ids and times
}

// Create makes a vocabulary whole, or not at all. AlreadyExists if the name is taken.
func (s *Service) Create(ctx context.Context, r CreateRequest) (*cloud.Vocabulary, error) {
	if err := policy.Authorize(ctx, "vocabulary.create", policy.Target{Resource: noun}); err != nil {
		return nil, err
	}
	v := &cloud.Vocabulary{ID: cloud.VocabularyID(cloud.NewID()), ProjectID: cloud.PrincipalOf(ctx).ProjectID}
	if err := r.Facts.apply(v); err != nil {
		return nil, err
	}
	now := s.Now().UTC()
	for _, t := range r.Targets {
		if err := associate(v, t, now); err != nil {
			return nil, err
		}
	}
	return v, s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.Tx.Lock(ctx, changes); err != nil {
			return err
		}
		if err := s.keepKinds(ctx, v); err != nil {
			return err
		}
		if err := s.Vocabularies.Insert(ctx, v); err != nil {
			return err
		}
		return s.insertAll(ctx, v, r.Definitions)
	})
}

// Update replaces what is said of a vocabulary. Its targets and definitions stay.
func (s *Service) Update(ctx context.Context, name string, f Facts) (*cloud.Vocabulary, error) {
	var changed *cloud.Vocabulary
	err := s.change(ctx, "vocabulary.update", name, func(ctx context.Context, v *cloud.Vocabulary) error {
		if err := f.apply(v); err != nil {
			return err
		}
		changed = v
		return s.Vocabularies.Update(ctx, v)
	})
	return changed, err
}

func (f Facts) apply(v *cloud.Vocabulary) error {
	if err := f.check(); err != nil {
		return err
	}
	v.Name, v.Title, v.Description, v.Protected = f.Name, f.Title, f.Description, f.Protected
	v.Visibility = f.Visibility
	if f.Visibility == "" {
		v.Visibility = cloud.VisibilityPrivate
	}
	if f.ProjectID != "" {
		v.ProjectID = f.ProjectID
	}
	return nil
}

func (f Facts) check() error {
	if err := checkName("namespace", f.Name); err != nil {
		return err
	}
	if f.Visibility != "" && f.Visibility != cloud.VisibilityPublic && f.Visibility != cloud.VisibilityPrivate {
		return cloud.Invalidf(noun, "visibility", "'%s' is no visibility of a metadata namespace: use public or private.", f.Visibility)
	}
	if err := checkLength("display_name", f.Title, NameMax); err != nil {
		return err
	}
	if err := checkLength("owner", string(f.ProjectID), OwnerMax); err != nil {
		return err
	}
	return checkLength("description", f.Description, DescriptionMax)
}
