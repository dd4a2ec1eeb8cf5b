package federation

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/mapping"
	"github.com/nubo-cloud/nubo/internal/mapping/mappingtest"
	"github.com/nubo-cloud/nubo/test/cloudtest"
)

const pairs = 100_000

// Rules put together by chance, applied to assertions put together by chance, give what they give in Keystone.
func TestRandomMappings(t *testing.T) {
	o := newOracle(t)
	r := chance{rand.New(rand.NewPCG(1, 2))}
	kinds := map[string]int{}
	for range pairs {
		kind := o.compare(t, r.pair(t)).Error
		kinds[kind]++
		if t.Failed() {
			return
		}
	}
	t.Logf("%d pairs: %d have a result, %d no rule, %d are refused", pairs, kinds[""], kinds["no rule"], kinds["refused"])
	if kinds[""] < pairs/4 || kinds["no rule"] < pairs/20 || kinds["refused"] < pairs/100 {
		t.Error("chance does not reach all kinds of outcomes")
	}
}

type chance struct{ *rand.Rand }

func (r chance) pair(t *testing.T) mappingtest.Pair {
	t.Helper()
	p := mappingtest.Pair{Assertion: map[string]string{}}
	for _, name := range attributes {
		if r.IntN(10) > 0 {
			p.Assertion[name] = strings.Join(r.some(values, 4), ";")
		}
	}
	var rules []mapping.Rule
	for range 1 + r.IntN(3) {
		rules = append(rules, r.rule(p.Assertion))
	}
	var err error
	p.Rules, err = json.Marshal(rules)
	cloudtest.Check(t, err)
	return p
}

var (
	attributes  = []string{"HTTP_OIDC_SUB", "HTTP_OIDC_EMAIL", "OIDC-groups", "openstack_user"}
	values      = []string{"", "a", "b", "A", "bob smith", "it's", `"q"`, `it's "q"`, `back\slash`, "tab\there", "new\nline", "näh", "日本", "\u200b", "\U0001F600", "{0}", "}", "['x', 'y']", "[1, 2]", "[", "name", "7", "urn:mace:egi.eu:group:ops:role=vm_operator#aai.egi.eu", "a@b.c", `JSON:{"name":"g","domain":{"id":"d"}}`}
	expressions = []string{"^a$", "b", "^urn:mace:egi.eu:group:[^:]*:role=", "(?i)A", `\d`, `\w+ \w+`, `^(?!a)`, `[[a]`, `.`, `a|b`, "^$", `@.*\.c\Z`, `(?P<x>.)(?P=x)`, `x{,2}`, `[^]]`, `\\`, `é|ä`, `^\s`}
	templates   = []string{"{0}", "{0}", "{0}", "fixed", "", "{{0}}", "{}", "{0}-{0}", "kept"}
	demanding   = []string{"{1}", "{2}", "{0} {1}", "{", "}", "{}{}", "{0}{}", "{x}", "a name"}
)

// template is one that most rules can fill, and at times one that few can, or none.
func (r chance) template() string {
	if r.IntN(20) == 0 {
		return r.one(demanding)
	}
	return r.one(templates)
}

// some are up to n of a list, one at least.
func (r chance) some(of []string, n int) []string {
	out := make([]string, 1+r.IntN(n))
	for i := range out {
		out[i] = r.one(of)
	}
	return out
}

func (r chance) one(of []string) string { return of[r.IntN(len(of))] }

func (r chance) rule(a map[string]string) (rule mapping.Rule) {
	for range 1 + r.IntN(3) {
		rule.Remote = append(rule.Remote, r.remote(a))
	}
	rule.Local = []mapping.Local{}
	for range r.IntN(4) {
		rule.Local = append(rule.Local, r.local())
	}
	return rule
}

func (r chance) remote(a map[string]string) mapping.Remote {
	m := mapping.Remote{Type: r.one(attributes)}
	from := append(strings.Split(a[m.Type], ";"), r.one(values))
	if r.IntN(2) == 0 {
		m.Regex, from = true, expressions
	}
	list := r.some(from, 3)
	if r.IntN(20) == 0 {
		list = []string{}
	}
	switch r.IntN(8) {
	case 0, 1:
		m.AnyOneOf = &list
	case 2:
		m.NotAnyOf = &list
	case 3:
		m.Whitelist = &list
	case 4:
		m.Blacklist = &list
	default:
		m.Regex = false
	}
	return m
}

func (r chance) local() (l mapping.Local) {
	if r.IntN(2) == 0 {
		l.User = &mapping.User{Name: r.template(), Email: r.template(), Domain: r.domain()}
		if r.IntN(4) == 0 {
			l.User.Type = r.one([]string{"ephemeral", "local"})
		}
	}
	switch r.IntN(6) {
	case 0:
		l.Group = &mapping.Group{ID: "g" + r.template()}
	case 1:
		l.Group = &mapping.Group{Name: "g" + r.template(), Domain: &mapping.Domain{Name: "d" + r.template()}}
	case 2, 3:
		groups := r.template()
		l.Groups, l.Domain = &groups, r.domain()
	case 4:
		ids := r.template()
		l.GroupIDs = &ids
	case 5:
		l.Projects = []mapping.Project{{Name: "p" + r.template(), Roles: []mapping.Role{{Name: "r" + r.template()}}}}
	}
	return l
}

// domain is none at times.
func (r chance) domain() *mapping.Domain {
	switch r.IntN(4) {
	case 0:
		return nil
	case 1:
		return &mapping.Domain{Name: "d"}
	}
	return &mapping.Domain{ID: "d" + r.template()}
}
