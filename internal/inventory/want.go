package inventory

import (
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Want is what is asked of providers.
type Want struct {
	// Resources is how much of each class.
	Resources map[string]int
	// Traits: of each list at least one. NotTraits: none.
	Traits    [][]string
	NotTraits []string
	// Groups: of each list at least one. NotGroups: none.
	Groups    [][]string
	NotGroups []string
	// Tree names a provider of the tree that must be used; empty: any.
	Tree cloud.ProviderID
}

func (w Want) traitsFit(traits []string) bool {
	for _, oneOf := range w.Traits {
		if !slices.ContainsFunc(oneOf, func(t string) bool { return slices.Contains(traits, t) }) {
			return false
		}
	}
	return !w.forbids(traits)
}

func (w Want) forbids(traits []string) bool {
	return slices.ContainsFunc(w.NotTraits, func(t string) bool { return slices.Contains(traits, t) })
}

// words are all traits and classes that a Want names.
func (w Want) words() (classes, traits []string) {
	for _, list := range w.Traits {
		traits = append(traits, list...)
	}
	return keys(w.Resources), append(traits, w.NotTraits...)
}
