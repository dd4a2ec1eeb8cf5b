package inventory

import (
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// sharesWithGroups marks a provider whose stock the members of its groups may use.
const sharesWithGroups = "MISC_SHARES_VIA_AGGREGATE"

// tree is what can serve together: the providers of one tree, and those that share with one of them.
type tree struct {
	books   *books
	root    *View
	members []*View
	sharing []*View
}

func (b *books) tree(root *View) tree {
	t := tree{books: b, root: root}
	var groups []string
	for _, v := range b.all() {
		if v.Root == root.ID {
			t.members = append(t.members, v)
			groups = append(groups, v.Groups...)
		}
	}
	for _, v := range b.all() {
		if v.Root != root.ID && slices.Contains(v.Traits, sharesWithGroups) &&
			slices.ContainsFunc(v.Groups, func(g string) bool { return slices.Contains(groups, g) }) {
			t.sharing = append(t.sharing, v)
		}
	}
	return t
}

// uses tells whether a candidate is this tree's: one that only sharing providers serve is theirs.
func (t tree) uses(c Candidate) bool {
	return slices.ContainsFunc(t.members, func(v *View) bool { return c.Held[v.ID] != nil })
}

// gives tells whether every provider of a candidate has all that is asked of it together.
func (t tree) gives(c Candidate) bool {
	for id, held := range c.Held {
		if !t.books.views[id].gives(held) {
			return false
		}
	}
	return true
}

// serve answers the ways to serve one group.
func (t tree) serve(name string, w Want, flat bool) []share {
	if name != "" || flat && len(t.sharing) == 0 {
		return t.single(w)
	}
	return t.spread(w)
}

// allowed are the providers that may serve a group, whatever they have.
func (t tree) allowed(w Want) []*View {
	all := slices.Concat(t.members, t.sharing)
	return slices.DeleteFunc(all, func(v *View) bool {
		return w.Tree != "" && !t.books.inTree(v, w.Tree) || !t.books.inGroups(v, w) || w.forbids(v.Traits)
	})
}

// single serves a group from one provider.
func (t tree) single(w Want) []share {
	var out []share
	for _, v := range t.allowed(w) {
		if w.traitsFit(v.Traits) && v.gives(w.Resources) {
			out = append(out, share{v.ID: w.Resources})
		}
	}
	return out
}

// spread serves each class of a group from whichever provider has it; together they must have the traits.
func (t tree) spread(w Want) []share {
	allowed := t.allowed(w)
	ways := []share{{}}
	for _, class := range keys(w.Resources) {
		amount := map[string]int{class: w.Resources[class]}
		var next []share
		for _, way := range ways {
			for _, v := range allowed {
				if v.gives(amount) && len(next) < candidatesMax {
					next = append(next, way.with(v.ID, class, w.Resources[class]))
				}
			}
		}
		ways = next
	}
	return slices.DeleteFunc(ways, func(s share) bool {
		var traits []string
		for id := range s {
			traits = append(traits, t.books.views[id].Traits...)
		}
		return !w.traitsFit(traits)
	})
}

func (s share) with(id cloud.ProviderID, class string, n int) share {
	out := share{}
	for other, held := range s {
		out[other] = held
	}
	held := map[string]int{class: n}
	for c, m := range s[id] {
		held[c] = m
	}
	out[id] = held
	return out
}
