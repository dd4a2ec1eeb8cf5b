package operator

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"

	"github.com/nubo-cloud/nubo/internal/mapping"
)

// Attributes under which rules find what an OpenID provider says of a person.
const (
	subject = "HTTP_OIDC_SUB"
	email   = "HTTP_OIDC_EMAIL"
	issued  = "HTTP_OIDC_ISS"
)

// The same of what a SAML provider says.
const (
	samlSubject  = "MELLON_NAME_ID"
	samlEmail    = "mail"
	samlEntitled = "eduPersonEntitlement"
)

// openIDEntitled are the attributes that hold entitlements of OpenID; providers move from the first to the second.
var openIDEntitled = []string{"OIDC-eduperson_entitlement", "OIDC-entitlements"}

// peopleRules give everybody whom the issuer vouches for a user, named by the id that stays, with the e-mail address where
// it is said. The first user that a mapping gives is the one.
func peopleRules(issuer string) []mapping.Rule {
	from := mapping.Remote{Type: issued, AnyOneOf: &[]string{issuer}}
	return []mapping.Rule{
		{Local: []mapping.Local{{User: &mapping.User{Name: "{0}", Email: "{1}"}}}, Remote: []mapping.Remote{{Type: subject}, {Type: email}, from}},
		{Local: []mapping.Local{{User: &mapping.User{Name: "{0}"}}}, Remote: []mapping.Remote{{Type: subject}, from}},
	}
}

// samlPeopleRules are peopleRules for people of a SAML provider, whoever of its feed vouches for them.
func samlPeopleRules() []mapping.Rule {
	return []mapping.Rule{
		{Local: []mapping.Local{{User: &mapping.User{Name: "{0}", Email: "{1}"}}}, Remote: []mapping.Remote{{Type: samlSubject}, {Type: samlEmail}}},
		{Local: []mapping.Local{{User: &mapping.User{Name: "{0}"}}}, Remote: []mapping.Remote{{Type: samlSubject}}},
	}
}

// forPeople tells whether a rule is one of peopleRules, of whatever issuer.
func forPeople(r mapping.Rule) bool {
	if slices.ContainsFunc(samlPeopleRules(), func(p mapping.Rule) bool { return same(p, r) }) {
		return true
	}
	last := len(r.Remote) - 1
	if last < 1 || r.Remote[last].AnyOneOf == nil || len(*r.Remote[last].AnyOneOf) != 1 {
		return false
	}
	return slices.ContainsFunc(peopleRules((*r.Remote[last].AnyOneOf)[0]), func(p mapping.Rule) bool { return same(p, r) })
}

// memberRules put those who have one of the entitlements into a group, whichever of the attributes says so.
func memberRules(group string, attributes, entitlements []string) (rules []mapping.Rule) {
	for _, attribute := range attributes {
		rules = append(rules, mapping.Rule{Local: []mapping.Local{{Group: &mapping.Group{ID: group}}},
			Remote: []mapping.Remote{{Type: attribute, Entitlement: true, AnyOneOf: &entitlements}}})
	}
	return rules
}

// groupOf is the group that a rule puts people into by entitlements, if that is all it does.
func groupOf(r mapping.Rule) (id string, ok bool) {
	if len(r.Remote) != 1 || !r.Remote[0].Entitlement || !slices.Contains(append([]string{samlEntitled}, openIDEntitled...), r.Remote[0].Type) ||
		len(r.Local) != 1 || r.Local[0].Group == nil {
		return "", false
	}
	id = r.Local[0].Group.ID
	return id, same(r.Local[0], mapping.Local{Group: &mapping.Group{ID: id}})
}

// forGroup tells whether a rule does nothing but put people into a group by entitlements.
func forGroup(r mapping.Rule, group string) bool {
	id, ok := groupOf(r)
	return ok && id == group
}

// same compares what would be written.
func same(a, b any) bool { return reflect.DeepEqual(plain(a), plain(b)) }

// ensurePeople has a provider's mapping begin with the rules that let its people in.
func (c *Cloud) ensurePeople(ctx context.Context, p Provider) error {
	rules, whose := peopleRules(p.Issuer), p.Issuer
	if p.SAML.source() != nil {
		rules, whose = samlPeopleRules(), p.ID
	}
	return c.ensureRules(ctx, p.Mapping, "everybody of "+whose+" comes in", func(have []mapping.Rule) []mapping.Rule {
		return append(rules, slices.DeleteFunc(have, forPeople)...)
	})
}

// ensureMembers has a mapping end with rules that put people into a group by entitlements, and have no others of the kind.
func (c *Cloud) ensureMembers(ctx context.Context, id string, rules []mapping.Rule) error {
	group := rules[0].Local[0].Group.ID
	return c.ensureRules(ctx, id, "who has the entitlement is in the group", func(have []mapping.Rule) []mapping.Rule {
		return append(slices.DeleteFunc(have, func(r mapping.Rule) bool { return forGroup(r, group) }), rules...)
	})
}

// ensureRules has a mapping's rules be what change makes of them. Rules that others wrote stay as they are.
func (c *Cloud) ensureRules(ctx context.Context, id, why string, change func([]mapping.Rule) []mapping.Rule) error {
	n := noun{"mapping", id, "mapping", c.identity.path(federation, mappings, id)}
	have, rules, err := c.rules(ctx, id)
	if err != nil {
		return err
	}
	wanted := change(slices.Clone(rules))
	if have == nil {
		_, err := c.makeNoun(ctx, c.identity, http.MethodPut, n, object{"rules": wanted})
		return err
	}
	if same(rules, wanted) {
		c.tell(Change{Did: Found, What: n.what, Name: id})
		return nil
	}
	if err := c.identity.call(ctx, http.MethodPatch, n.address, object{n.key: object{"rules": wanted}}, nil); err != nil {
		return fmt.Errorf("mapping %s cannot be changed: %w", id, err)
	}
	c.tell(Change{Did: Changed, What: n.what, Name: id, Detail: why})
	return nil
}

// rules reads a mapping; nil without one.
func (c *Cloud) rules(ctx context.Context, id string) (object, []mapping.Rule, error) {
	have, err := c.identity.get(ctx, c.identity.path(federation, mappings, id), "mapping")
	if err != nil || have == nil {
		return nil, nil, err
	}
	rules, err := rulesOf(have)
	return have, rules, err
}

func rulesOf(m object) (rules []mapping.Rule, err error) {
	raw, err := json.Marshal(m["rules"])
	if err == nil {
		err = json.Unmarshal(raw, &rules)
	}
	if err != nil {
		return nil, fmt.Errorf("the rules of mapping %s cannot be read: %w", text(m, "id"), err)
	}
	return rules, nil
}
