package identity

import (
	"context"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// Filter selects from a list. A noun leaves out of account what it does not have.
type Filter struct {
	Name     string // whatever the case
	DomainID cloud.DomainID
	ParentID cloud.ProjectID
	Enabled  *bool
	// Tags must all be there, TagsAny at least one of them, NotTags not all, NotTagsAny none.
	Tags, TagsAny, NotTags, NotTagsAny []string
	Matches                            []Match
	Known                              cloud.FederatedID // what a provider calls a user: those parts that are set
	Limit                              int
	Marker                             string
}

// Match compares part of a text. Op is "contains", "startswith", "endswith" or "exact", with an i in
// front to disregard case.
type Match struct{ Field, Op, Value string }

// holds tells whether a text matches.
func (m Match) holds(text string) bool {
	op, value := m.Op, m.Value
	if rest, ok := strings.CutPrefix(op, "i"); ok {
		op, value, text = rest, strings.ToLower(value), strings.ToLower(text)
	}
	switch op {
	case "contains":
		return strings.Contains(text, value)
	case "startswith":
		return strings.HasPrefix(text, value)
	case "endswith":
		return strings.HasSuffix(text, value)
	}
	return text == value
}

// MatchOps lists what Match.Op may be.
var MatchOps = []string{"contains", "icontains", "startswith", "istartswith", "endswith", "iendswith", "exact", "iexact"}

// texts tells whether a noun's name and description match.
func (f Filter) texts(name, description string) bool {
	return f.matches("name", name) && f.matches("description", description)
}

// matches tells whether a text is what every Match about its field wants.
func (f Filter) matches(field, text string) bool {
	return !slices.ContainsFunc(f.Matches, func(m Match) bool { return m.Field == field && !m.holds(text) })
}

func (f Filter) tags(have []string) bool {
	in := func(tag string) bool { return slices.Contains(have, tag) }
	all := func(tags []string) bool {
		return !slices.ContainsFunc(tags, func(t string) bool { return !in(t) })
	}
	return all(f.Tags) && (len(f.TagsAny) == 0 || slices.ContainsFunc(f.TagsAny, in)) &&
		(len(f.NotTags) == 0 || !all(f.NotTags)) && !slices.ContainsFunc(f.NotTagsAny, in)
}

// query is the part of a Filter that the store selects by. Ordered by name.
func (f Filter) query(where ...cloud.Cond) cloud.Query {
	if f.Name != "" {
		where = append(where, cloud.Eq("name_lower", f.Name))
	}
	if f.DomainID != "" {
		where = append(where, cloud.Eq("domain_id", f.DomainID))
	}
	if f.Enabled != nil {
		where = append(where, cloud.Eq("enabled", *f.Enabled))
	}
	return cloud.Query{Where: where, Order: []cloud.Order{{Column: "name"}}, After: f.Marker, Limit: f.Limit}
}

// listDomain says which domain a list is bounded to: the asked one for those who read everything, the
// caller's for those who read that one, Forbidden for others.
func listDomain(ctx context.Context, a policy.Action, asked cloud.DomainID) (cloud.DomainID, error) {
	err := policy.Authorize(ctx, a, policy.Target{})
	if err == nil {
		return asked, nil
	}
	own := cloud.PrincipalOf(ctx).DomainID
	if own == "" || asked != "" && asked != own {
		return "", err
	}
	return own, policy.Authorize(ctx, a, policy.Target{DomainID: own})
}

// allow authorises an action on a noun that was looked up with the result err. Who may not act is told so,
// whether or not the noun exists, so that the answer does not show that.
func allow(ctx context.Context, a policy.Action, t policy.Target, err error) error {
	if err != nil && !cloud.Is(err, cloud.NotFound) {
		return err
	}
	if denied := policy.Authorize(ctx, a, t); denied != nil {
		return denied
	}
	return err
}

// validName bounds names as the Identity API does.
func validName(resource, name string, max int) error {
	if strings.TrimSpace(name) == "" {
		return cloud.Invalidf(resource, "name", "Invalid input for field 'name': it must not be empty.")
	}
	if len([]rune(name)) > max {
		return cloud.Invalidf(resource, "name", "Invalid input for field 'name': it is longer than %d characters.", max)
	}
	return nil
}

// Bounds of names in characters.
const (
	projectNameMax = 64
	nameMax        = 255
)

// merged is a copy of have with the changes put in.
func merged(have, changes map[string]any) map[string]any {
	if len(changes) == 0 {
		return have
	}
	m := map[string]any{}
	for k, v := range have {
		m[k] = v
	}
	for k, v := range changes {
		m[k] = v
	}
	return m
}

// mergedOptions is merged, where null takes an option away.
func mergedOptions(have, changes map[string]any) map[string]any {
	m := merged(have, changes)
	for k, v := range changes {
		if v == nil {
			delete(m, k)
		}
	}
	return m
}

// set puts a value in place if there is one.
func set[T any](dst *T, v *T) {
	if v != nil {
		*dst = *v
	}
}
