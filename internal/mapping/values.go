package mapping

import (
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/entitlement"
)

// values are what an assertion says of one attribute. Each is read as an entitlement once, for all rules that compare it as one.
type values struct {
	texts []string
	read  []entitlement.Entitlement
}

// newValues takes the text of several values apart.
func newValues(text string) *values { return &values{texts: strings.Split(text, ";")} }

func (v *values) entitlement(i int) *entitlement.Entitlement {
	if v.read == nil {
		v.read = entitlements(v.texts)
	}
	return &v.read[i]
}

func entitlements(texts []string) []entitlement.Entitlement {
	all := make([]entitlement.Entitlement, len(texts))
	for i, text := range texts {
		all[i] = entitlement.Read(text)
	}
	return all
}

// fits says whether a value is one of the list's, as a text, as an entitlement, or found by an expression.
func (m *Remote) fits(list []string, have *values, i int) (bool, error) {
	switch {
	case m.Entitlement:
		return m.entitles(have.entitlement(i)), nil
	case !m.Regex:
		return slices.Contains(list, have.texts[i]), nil
	}
	for _, re := range m.expressions {
		if found, err := re.MatchString(have.texts[i]); found || err != nil {
			return found, err
		}
	}
	return false, nil
}

func (m *Remote) entitles(have *entitlement.Entitlement) bool {
	for i := range m.entitlements {
		if entitlement.Match(have, &m.entitlements[i]) {
			return true
		}
	}
	return false
}
