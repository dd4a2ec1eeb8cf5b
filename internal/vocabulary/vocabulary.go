// Package vocabulary holds the use cases on vocabularies: the cloud's dictionary of properties and tags that images,
// flavors, volumes and others may carry. People's tools read it to offer names and values; nothing is refused because
// it is not defined.
//
//	vocabulary ──< definition   a property with its schema, a group of properties, or a tag
//	     └──────< target        a kind of noun that it is about, with the prefix that properties have there
//
// It is not the properties themselves: those belong to their nouns. The dialects call it.
package vocabulary

import (
	"context"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// noun is a vocabulary in people's words.
const noun = "metadata namespace"

// changes is the lock of all changes. They are rare, and made by administrators; without it a definition could be made
// in a vocabulary that is just being deleted.
const changes = "vocabularies"

// Deps is what a Service is made of.
type Deps struct {
	Vocabularies cloud.Records[cloud.Vocabulary, cloud.VocabularyID]
	Definitions  cloud.Records[cloud.Definition, cloud.DefinitionID]
	Kinds        cloud.Records[cloud.TargetKind, string]
	Tx           cloud.Transactor
	Now          func() time.Time
}

// Service is the use cases on vocabularies. It is safe for concurrent use.
type Service struct{ Deps }

// New makes a Service.
func New(d Deps) *Service { return &Service{d} }

// Vocabulary answers one that the caller may see.
func (s *Service) Vocabulary(ctx context.Context, name string) (*cloud.Vocabulary, error) {
	return s.authorized(ctx, "vocabulary.get", name)
}

// Delete removes a vocabulary with all its definitions. A protected one is Forbidden.
func (s *Service) Delete(ctx context.Context, name string) error {
	return s.change(ctx, "vocabulary.delete", name, func(ctx context.Context, v *cloud.Vocabulary) error {
		if err := unprotected(v); err != nil {
			return err
		}
		if err := s.removeAll(ctx, ofVocabulary(v)); err != nil {
			return err
		}
		return s.Vocabularies.Delete(ctx, v.ID)
	})
}

// change runs f on a vocabulary that the caller may do a to, alone.
func (s *Service) change(ctx context.Context, a policy.Action, name string, f func(context.Context, *cloud.Vocabulary) error) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.Tx.Lock(ctx, changes); err != nil {
			return err
		}
		v, err := s.authorized(ctx, a, name)
		if err != nil {
			return err
		}
		return f(ctx, v)
	})
}

func (s *Service) authorized(ctx context.Context, a policy.Action, name string) (*cloud.Vocabulary, error) {
	v, err := s.Vocabularies.One(ctx, cloud.Eq("name", name))
	if err != nil {
		return nil, err
	}
	return v, policy.Authorize(ctx, a, target(v))
}

func target(v *cloud.Vocabulary) policy.Target {
	return policy.Target{Resource: noun, ID: v.Name, ProjectID: v.ProjectID, Shared: v.Visibility == cloud.VisibilityPublic}
}

// unprotected refuses to take anything out of a vocabulary that is protected.
func unprotected(v *cloud.Vocabulary) error {
	if v.Protected {
		return cloud.Errorf(cloud.Forbidden, noun, v.Name,
			"Metadata namespace %s is protected: nothing in it can be deleted. Set its protection to false first.", v.Name)
	}
	return nil
}
