package inventory

import (
	"context"
	"maps"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// CandidateRequest asks who could give something. The group named "" may be spread over a tree; each other group comes from one
// provider.
type CandidateRequest struct {
	Groups map[string]Want
	// Isolate keeps groups (but "") on different providers.
	Isolate bool
	// Root is what the root of the tree must have.
	Root Want
	// Subtrees are sets of groups, each of which must have one of its providers above all its others.
	Subtrees [][]string
	// Limit bounds the answer; 0: candidatesMax.
	Limit int
	// Flat leaves out what is spread over several providers of one tree.
	Flat bool
}

// candidatesMax bounds what is tried and answered when the request does not.
const candidatesMax = 1000

// Candidate is one way to give everything that was asked.
type Candidate struct {
	Held map[cloud.ProviderID]map[string]int
	// Groups says which providers serve each group.
	Groups map[string][]cloud.ProviderID
}

// Candidates are the ways, and the providers of all trees in them.
type Candidates struct {
	List  []Candidate
	Views []*View
}

// Candidates answers who could give what is asked. It reserves nothing.
func (s *Service) Candidates(ctx context.Context, r CandidateRequest) (Candidates, error) {
	var out Candidates
	if r.Limit <= 0 || r.Limit > candidatesMax {
		r.Limit = candidatesMax
	}
	err := s.read(ctx, func(b *books) error {
		if err := s.knownWords(ctx, r); err != nil {
			return err
		}
		trees := map[cloud.ProviderID]bool{}
		for _, root := range b.all() {
			if root.Root != root.ID || len(out.List) >= r.Limit {
				continue
			}
			found := b.treeCandidates(root, r)
			out.List = append(out.List, found[:min(len(found), r.Limit-len(out.List))]...)
		}
		for _, c := range out.List {
			for id := range c.Held {
				trees[b.views[id].Root] = true
			}
		}
		out.Views = slices.DeleteFunc(b.all(), func(v *View) bool { return !trees[v.Root] })
		return nil
	})
	return out, err
}

func (s *Service) knownWords(ctx context.Context, r CandidateRequest) error {
	for _, w := range append(slices.Collect(maps.Values(r.Groups)), r.Root) {
		classes, traits := w.words()
		if err := s.known(ctx, cloud.WordClass, classes); err != nil {
			return err
		}
		if err := s.known(ctx, cloud.WordTrait, traits); err != nil {
			return err
		}
	}
	return nil
}

// treeCandidates answers the ways to serve all groups from one tree and the providers that share with it.
func (b *books) treeCandidates(root *View, r CandidateRequest) []Candidate {
	if !r.Root.traitsFit(root.Traits) {
		return nil
	}
	t := b.tree(root)
	list := []Candidate{{Held: map[cloud.ProviderID]map[string]int{}, Groups: map[string][]cloud.ProviderID{}}}
	for _, name := range keys(r.Groups) {
		shares := t.serve(name, r.Groups[name], r.Flat)
		var next []Candidate
		for _, c := range list {
			for _, share := range shares {
				if joined, ok := c.join(name, share, r.Isolate); ok && t.gives(joined) && len(next) < candidatesMax {
					next = append(next, joined)
				}
			}
		}
		list = next
	}
	return slices.DeleteFunc(list, func(c Candidate) bool { return !t.uses(c) || !b.subtreesFit(c, r.Subtrees) })
}

// share is how one group could be served.
type share map[cloud.ProviderID]map[string]int

// join adds a share to a candidate, and tells whether that may be.
func (c Candidate) join(group string, s share, isolate bool) (Candidate, bool) {
	out := Candidate{Held: map[cloud.ProviderID]map[string]int{}, Groups: maps.Clone(c.Groups)}
	for id, held := range c.Held {
		out.Held[id] = maps.Clone(held)
	}
	for id, held := range s {
		if isolate && group != "" && c.servesNamed(id) {
			return out, false
		}
		if out.Held[id] == nil {
			out.Held[id] = map[string]int{}
		}
		for class, n := range held {
			out.Held[id][class] += n
		}
	}
	out.Groups[group] = keys(s)
	return out, true
}

func (c Candidate) servesNamed(id cloud.ProviderID) bool {
	for group, ids := range c.Groups {
		if group != "" && slices.Contains(ids, id) {
			return true
		}
	}
	return false
}

// subtreesFit tells whether for each set of groups one provider lies above, or is, all others.
func (b *books) subtreesFit(c Candidate, sets [][]string) bool {
	for _, groups := range sets {
		var ids []cloud.ProviderID
		for _, g := range groups {
			ids = append(ids, c.Groups[g]...)
		}
		common := slices.ContainsFunc(ids, func(top cloud.ProviderID) bool {
			return !slices.ContainsFunc(ids, func(id cloud.ProviderID) bool { return !b.below(id, top) })
		})
		if len(ids) > 0 && !common {
			return false
		}
	}
	return true
}

func (b *books) below(id, top cloud.ProviderID) bool {
	for v := b.views[id]; v != nil; v = b.views[v.Parent] {
		if v.ID == top {
			return true
		}
	}
	return false
}
