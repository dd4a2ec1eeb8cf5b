package entitlement

import "slices"

// Entitlement is one URN, taken apart. Its texts are in clear, without percent signs for other characters.
type Entitlement struct {
	Namespace string   // "urn:mace:egi.eu", in small letters: case means nothing there
	Group     []string // the group, its subgroup, that one's…; empty for a capability
	Role      string   // in the last of them; empty: none is said
	Resource  []string // the resource, its part, that one's…; empty for a group
	Actions   []string // on the last of them, sorted
	Authority string   // who says so; empty: nobody is named

	// subject is all but actions and authority, in the one spelling that equals have.
	subject string
}

// Match tells whether who has one entitlement has what the other demands: the same group in the same role, or the same
// resource with all the actions wanted. Another authority may say so, unless want names one.
func Match(have, want *Entitlement) bool {
	return have.subject == want.subject && (want.Authority == "" || have.Authority == want.Authority) && have.allows(want.Actions)
}

// allows leaves what names no action alone: one guideline reads it as all of them, sites as none.
func (e *Entitlement) allows(wanted []string) bool {
	if len(wanted) == 0 {
		return len(e.Actions) == 0
	}
	return !slices.ContainsFunc(wanted, func(a string) bool { return !slices.Contains(e.Actions, a) })
}

// Read is Parse for what may be no entitlement: any other text matches itself.
func Read(text string) Entitlement {
	e, err := Parse(text)
	if err != nil {
		return Entitlement{subject: text}
	}
	return e
}
