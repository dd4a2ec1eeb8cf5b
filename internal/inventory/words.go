package inventory

import (
	"context"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// custom begins the words that operators make; all others are standard ones.
const custom = "CUSTOM_"

// standard are the words of a kind that nobody makes or removes: those that schedulers share, and for what this cloud's hosts
// are on.
func (s *Service) standard(kind cloud.WordKind) []string {
	if kind != cloud.WordTrait || len(s.Physical) == 0 {
		return standard[kind]
	}
	words := append(slices.Clone(standard[kind]), cloud.TraitNormalNIC)
	for _, name := range s.Physical {
		words = append(words, cloud.PhysicalTrait(name))
	}
	return words
}

// ListWords answers the words of a kind, standard ones first.
func (s *Service) ListWords(ctx context.Context, kind cloud.WordKind) ([]*cloud.Word, error) {
	if err := s.MayRead(ctx); err != nil {
		return nil, err
	}
	own, err := s.Words.List(ctx, cloud.Query{Where: []cloud.Cond{cloud.Eq("kind", kind)}, Order: []cloud.Order{{Column: "name"}}})
	if err != nil {
		return nil, err
	}
	names := s.standard(kind)
	out := make([]*cloud.Word, 0, len(names)+len(own))
	for _, name := range names {
		out = append(out, &cloud.Word{ID: cloud.WordID(kind, name), Kind: kind, Name: name})
	}
	return append(out, own...), nil
}

// Word answers one word; NotFound if there is none.
func (s *Service) Word(ctx context.Context, kind cloud.WordKind, name string) (*cloud.Word, error) {
	if err := s.MayRead(ctx); err != nil {
		return nil, err
	}
	if slices.Contains(s.standard(kind), name) {
		return &cloud.Word{ID: cloud.WordID(kind, name), Kind: kind, Name: name}, nil
	}
	w, err := s.Words.Get(ctx, cloud.WordID(kind, name))
	if cloud.Is(err, cloud.NotFound) {
		return nil, cloud.Errorf(cloud.NotFound, string(kind), name, "No such %s: %s.", kind, name)
	}
	return w, err
}

// AddWord makes a word of the operator's own. made is false, without an error, when it was there.
func (s *Service) AddWord(ctx context.Context, kind cloud.WordKind, name string) (made bool, err error) {
	if err := s.MayManage(ctx); err != nil {
		return false, err
	}
	if err := checkCustom(kind, name); err != nil || slices.Contains(s.standard(kind), name) {
		return false, err
	}
	err = s.Words.Insert(ctx, &cloud.Word{ID: cloud.WordID(kind, name), Kind: kind, Name: name})
	if cloud.Is(err, cloud.AlreadyExists) {
		return false, nil
	}
	return err == nil, err
}

const wordMax = 255

func checkCustom(kind cloud.WordKind, name string) error {
	rest, ok := strings.CutPrefix(name, custom)
	bad := strings.ContainsFunc(rest, func(c rune) bool { return (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' })
	if !ok || rest == "" || bad || len(name) > wordMax {
		return cloud.Invalidf(string(kind), "name", "The %s %s is invalid: it must be %s and then upper-case letters, digits and underscores, %d characters at most.", kind, name, custom, wordMax)
	}
	return nil
}

// RemoveWord removes a word of the operator's own that nobody uses.
func (s *Service) RemoveWord(ctx context.Context, kind cloud.WordKind, name string) error {
	return s.change(ctx, func(ctx context.Context, b *books) error {
		if slices.Contains(s.standard(kind), name) {
			return cloud.Invalidf(string(kind), "name", "Cannot delete standard %s %s.", kind, name)
		}
		if b.uses(kind, name) {
			return cloud.Errorf(cloud.InUse, string(kind), name, "The %s %s is in use by a resource provider.", kind, name)
		}
		err := s.Words.Delete(ctx, cloud.WordID(kind, name))
		if cloud.Is(err, cloud.NotFound) {
			return cloud.Errorf(cloud.NotFound, string(kind), name, "No such %s: %s.", kind, name)
		}
		return err
	})
}

func (b *books) uses(kind cloud.WordKind, name string) bool {
	for _, v := range b.views {
		_, stocked := v.Stock[name]
		if kind == cloud.WordClass && stocked || kind == cloud.WordTrait && slices.Contains(v.Traits, name) {
			return true
		}
	}
	return false
}

// RenameWord gives a class of the operator's own another name, wherever it is used.
func (s *Service) RenameWord(ctx context.Context, name, to string) error {
	return s.change(ctx, func(ctx context.Context, b *books) error {
		kind := cloud.WordClass
		if slices.Contains(s.standard(kind), name) {
			return cloud.Invalidf(string(kind), "name", "Cannot update standard resource class %s.", name)
		}
		if err := checkCustom(kind, to); err != nil {
			return err
		}
		w, err := s.Words.Get(ctx, cloud.WordID(kind, name))
		if cloud.Is(err, cloud.NotFound) {
			return cloud.Errorf(cloud.NotFound, string(kind), name, "No such resource class: %s.", name)
		}
		if err != nil {
			return err
		}
		if b.uses(kind, name) {
			return cloud.Errorf(cloud.InUse, string(kind), name, "The resource class %s is in use by a resource provider.", name)
		}
		if err := s.Words.Delete(ctx, w.ID); err != nil {
			return err
		}
		return s.Words.Insert(ctx, &cloud.Word{ID: cloud.WordID(kind, to), Kind: kind, Name: to})
	})
}

// known refuses words that are neither standard nor an operator's.
func (s *Service) known(ctx context.Context, kind cloud.WordKind, names []string) error {
	var ask []string
	for _, name := range names {
		if !slices.Contains(s.standard(kind), name) {
			ask = append(ask, cloud.WordID(kind, name))
		}
	}
	if len(ask) == 0 {
		return nil
	}
	found, err := s.Words.List(ctx, cloud.Where(cloud.In("id", ask)))
	if err != nil {
		return err
	}
	for _, w := range found {
		ask = slices.DeleteFunc(ask, func(id string) bool { return id == w.ID })
	}
	if len(ask) > 0 {
		_, name, _ := strings.Cut(ask[0], "/")
		return cloud.Invalidf(string(kind), "name", "No such %s: %s.", kind, name)
	}
	return nil
}
