package vocabulary

import (
	"context"
	"slices"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// Known lists the kinds of nouns that vocabularies may be about, by name.
func (s *Service) Known(ctx context.Context) ([]*cloud.TargetKind, error) {
	if err := policy.Authorize(ctx, "vocabulary.kinds", policy.Target{Resource: "resource type"}); err != nil {
		return nil, err
	}
	return s.Kinds.List(ctx, cloud.Query{Order: []cloud.Order{{Column: "id"}}})
}

// EnsureKinds makes these kinds known. It may be called again.
func (s *Service) EnsureKinds(ctx context.Context, names []string) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.Tx.Lock(ctx, changes); err != nil { // several processes may start at once
			return err
		}
		return s.makeKnown(ctx, names)
	})
}

func (s *Service) makeKnown(ctx context.Context, names []string) error {
	known, err := s.Kinds.List(ctx, cloud.Where(cloud.In("id", names)))
	if err != nil {
		return err
	}
	for _, name := range names {
		if slices.ContainsFunc(known, func(k *cloud.TargetKind) bool { return k.Name == name }) {
			continue
		}
		if err := s.Kinds.Insert(ctx, &cloud.TargetKind{Name: name}); err != nil {
			return err
		}
	}
	return nil
}

// Associate makes a vocabulary be about a kind of noun. AlreadyExists if it is.
func (s *Service) Associate(ctx context.Context, name string, t cloud.Target) (cloud.Target, error) {
	now := s.Now().UTC()
	err := s.change(ctx, "vocabulary.update", name, func(ctx context.Context, v *cloud.Vocabulary) error {
		if err := associate(v, t, now); err != nil {
			return err
		}
		if err := s.keepKinds(ctx, v); err != nil {
			return err
		}
		return s.Vocabularies.Update(ctx, v)
	})
	t.CreatedAt, t.UpdatedAt = now, now
	return t, err
}

// Dissociate ends what Associate made. NotFound if it did not.
func (s *Service) Dissociate(ctx context.Context, name, kind string) error {
	return s.change(ctx, "vocabulary.update", name, func(ctx context.Context, v *cloud.Vocabulary) error {
		if err := unprotected(v); err != nil {
			return err
		}
		at := indexOf(v, kind)
		if at < 0 {
			return noTarget(v, kind)
		}
		v.Targets = slices.Delete(slices.Clone(v.Targets), at, at+1)
		return s.Vocabularies.Update(ctx, v)
	})
}

// noTarget is the NotFound of a kind that a vocabulary is not about.
func noTarget(v *cloud.Vocabulary, kind string) error {
	return cloud.Errorf(cloud.NotFound, "resource type association", kind,
		"Resource type %s is not associated with metadata namespace %s.", kind, v.Name)
}

func associate(v *cloud.Vocabulary, t cloud.Target, now time.Time) error {
	if err := checkTarget(t); err != nil {
		return err
	}
	if indexOf(v, t.Kind) >= 0 {
		return cloud.Errorf(cloud.AlreadyExists, "resource type association", t.Kind,
			"Resource type %s is associated with metadata namespace %s already.", t.Kind, v.Name)
	}
	if len(v.Targets) >= definitionsMax {
		return limitPassed("resource type associations")
	}
	t.CreatedAt, t.UpdatedAt = now, now
	v.Targets = append(slices.Clone(v.Targets), t)
	return nil
}

func indexOf(v *cloud.Vocabulary, kind string) int {
	return slices.IndexFunc(v.Targets, func(t cloud.Target) bool { return t.Kind == kind })
}

// keepKinds makes the kinds known that a vocabulary is about.
func (s *Service) keepKinds(ctx context.Context, v *cloud.Vocabulary) error {
	names := make([]string, len(v.Targets))
	for n, t := range v.Targets {
		names[n] = t.Kind
	}
	return s.makeKnown(ctx, names)
}
