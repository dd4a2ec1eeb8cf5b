package vocabulary

import (
	"context"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Contents answers a vocabulary that the caller may see, and all that it defines, by name.
func (s *Service) Contents(ctx context.Context, name string) (*cloud.Vocabulary, []*cloud.Definition, error) {
	v, err := s.Vocabulary(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	found, err := s.Definitions.List(ctx, cloud.Query{Where: ofVocabulary(v), Order: []cloud.Order{{Column: "name"}}})
	return v, found, err
}

// Page is a part of a list of definitions.
type Page struct {
	// After is the name of the definition that the answer starts behind; NotFound if there is none.
	After string
	Order []cloud.Order
	Limit int
}

// Defined lists the definitions of one kind, a part at a time.
func (s *Service) Defined(ctx context.Context, name string, kind cloud.DefinitionKind, p Page) ([]*cloud.Definition, error) {
	v, err := s.Vocabulary(ctx, name)
	if err != nil {
		return nil, err
	}
	q := cloud.Query{Where: ofVocabulary(v, kind), Order: p.Order, Limit: p.Limit}
	if p.After != "" {
		after, err := s.defined(ctx, v, kind, p.After)
		if err != nil {
			return nil, err
		}
		q.After = string(after.ID)
	}
	return s.Definitions.List(ctx, q)
}

// Definition answers one definition of a vocabulary that the caller may see.
func (s *Service) Definition(ctx context.Context, name string, kind cloud.DefinitionKind, word string) (*cloud.Definition, error) {
	v, err := s.Vocabulary(ctx, name)
	if err != nil {
		return nil, err
	}
	return s.defined(ctx, v, kind, word)
}

// PropertyOn answers the definition of a property by the name that it has on one kind of noun, which begins with the
// prefix of that kind.
func (s *Service) PropertyOn(ctx context.Context, name, kind, word string) (*cloud.Definition, error) {
	v, err := s.Vocabulary(ctx, name)
	if err != nil {
		return nil, err
	}
	at := indexOf(v, kind)
	if at < 0 {
		return nil, noTarget(v, kind)
	}
	prefix := v.Targets[at].Prefix
	bare, ok := strings.CutPrefix(word, prefix)
	if !ok || prefix == "" {
		return nil, cloud.Errorf(cloud.NotFound, "metadata definition", word,
			"Property %s does not start with '%s', the prefix of resource type %s.", word, prefix, kind)
	}
	return s.defined(ctx, v, cloud.DefinitionProperty, bare)
}

// Define adds a definition. AlreadyExists if the vocabulary has one of its kind and name.
func (s *Service) Define(ctx context.Context, name string, d cloud.Definition) (*cloud.Definition, error) {
	err := s.change(ctx, "vocabulary.update", name, func(ctx context.Context, v *cloud.Vocabulary) error {
		return s.insertAll(ctx, v, []*cloud.Definition{&d})
	})
	return &d, err
}

// Redefine replaces a definition; it may get another name.
func (s *Service) Redefine(ctx context.Context, name, word string, to cloud.Definition) (*cloud.Definition, error) {
	if err := check(&to); err != nil {
		return nil, err
	}
	err := s.change(ctx, "vocabulary.update", name, func(ctx context.Context, v *cloud.Vocabulary) error {
		d, err := s.defined(ctx, v, to.Kind, word)
		if err != nil {
			return err
		}
		to.ID, to.VocabularyID, to.Meta = d.ID, d.VocabularyID, d.Meta
		return taken(s.Definitions.Update(ctx, &to), v, &to)
	})
	return &to, err
}

// SetTags makes names the tags that a vocabulary defines, or, if more is true, adds them to those that it has.
func (s *Service) SetTags(ctx context.Context, name string, names []string, more bool) error {
	return s.change(ctx, "vocabulary.update", name, func(ctx context.Context, v *cloud.Vocabulary) error {
		if !more {
			if err := s.removeFrom(ctx, v, cloud.DefinitionTag); err != nil {
				return err
			}
		}
		tags := make([]*cloud.Definition, len(names))
		for n, name := range names {
			tags[n] = &cloud.Definition{Kind: cloud.DefinitionTag, Name: name}
		}
		return s.insertAll(ctx, v, tags)
	})
}

// Undefine removes a definition. Forbidden if the vocabulary is protected.
func (s *Service) Undefine(ctx context.Context, name string, kind cloud.DefinitionKind, word string) error {
	return s.change(ctx, "vocabulary.update", name, func(ctx context.Context, v *cloud.Vocabulary) error {
		d, err := s.defined(ctx, v, kind, word)
		if err != nil {
			return err
		}
		if err := unprotected(v); err != nil {
			return err
		}
		return s.Definitions.Delete(ctx, d.ID)
	})
}

// UndefineAll removes all definitions of one kind. Forbidden if the vocabulary is protected.
func (s *Service) UndefineAll(ctx context.Context, name string, kind cloud.DefinitionKind) error {
	return s.change(ctx, "vocabulary.update", name, func(ctx context.Context, v *cloud.Vocabulary) error {
		if err := unprotected(v); err != nil {
			return err
		}
		return s.removeAll(ctx, ofVocabulary(v, kind))
	})
}

// removeFrom is UndefineAll for those who put others in their place: where there is nothing to lose, protection is no hindrance.
func (s *Service) removeFrom(ctx context.Context, v *cloud.Vocabulary, kind cloud.DefinitionKind) error {
	n, err := s.Definitions.Count(ctx, ofVocabulary(v, kind)...)
	if err != nil || n == 0 {
		return err
	}
	if err := unprotected(v); err != nil {
		return err
	}
	return s.removeAll(ctx, ofVocabulary(v, kind))
}

func (s *Service) removeAll(ctx context.Context, where []cloud.Cond) error {
	all, err := s.Definitions.List(ctx, cloud.Where(where...))
	if err != nil {
		return err
	}
	for _, d := range all {
		if err := s.Definitions.Delete(ctx, d.ID); err != nil {
			return err
		}
	}
	return nil
}

// insertAll adds definitions and writes into them what they became.
func (s *Service) insertAll(ctx context.Context, v *cloud.Vocabulary, ds []*cloud.Definition) error {
	for _, d := range ds {
		if err := check(d); err != nil {
			return err
		}
		d.ID, d.VocabularyID, d.Meta = cloud.DefinitionID(cloud.NewID()), v.ID, cloud.Meta{}
		if err := taken(s.Definitions.Insert(ctx, d), v, d); err != nil {
			return err
		}
	}
	return s.checkRoom(ctx, v)
}

// checkRoom refuses more definitions than a reader takes in at once.
func (s *Service) checkRoom(ctx context.Context, v *cloud.Vocabulary) error {
	for kind, words := range plural {
		n, err := s.Definitions.Count(ctx, ofVocabulary(v, kind)...)
		if err != nil {
			return err
		}
		if n > definitionsMax {
			return limitPassed(words)
		}
	}
	return nil
}

func (s *Service) defined(ctx context.Context, v *cloud.Vocabulary, kind cloud.DefinitionKind, word string) (*cloud.Definition, error) {
	d, err := s.Definitions.One(ctx, append(ofVocabulary(v, kind), cloud.Eq("name", word))...)
	if cloud.Is(err, cloud.NotFound) {
		return nil, cloud.Errorf(cloud.NotFound, "metadata definition", word, "Metadata namespace %s has no %s %s.", v.Name, called[kind], word)
	}
	return d, err
}

// taken says in words of the vocabulary that a name is.
func taken(err error, v *cloud.Vocabulary, d *cloud.Definition) error {
	if !cloud.Is(err, cloud.AlreadyExists) {
		return err
	}
	return cloud.Errorf(cloud.AlreadyExists, "metadata definition", d.Name, "Metadata namespace %s has a %s %s already.", v.Name, called[d.Kind], d.Name)
}

// ofVocabulary are the conditions of being among a vocabulary's definitions, of some kinds or all.
func ofVocabulary(v *cloud.Vocabulary, kinds ...cloud.DefinitionKind) []cloud.Cond {
	where := []cloud.Cond{cloud.Eq("vocabulary_id", v.ID)}
	if len(kinds) > 0 {
		where = append(where, cloud.In("kind", kinds))
	}
	return where
}
