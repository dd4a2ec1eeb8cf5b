// Package nft brings nftables tables to a wanted content: it compares what is
// wanted with what it applied last and hands the difference to the kernel as one
// atomic script.
//
// It uses the nft program, not netlink. A script is what an operator reads in
// `nft list ruleset`, its grammar has every expression (raw payload, verdict maps,
// concatenations), the kernel applies it as one transaction either way, and one run costs some
// milliseconds. It does not know what the rules mean; package linux writes them.
//
// Everything put into a script must come from typed values (addresses, numbers,
// names made by us): there is no quoting.
package nft

import (
	"slices"
	"strings"
)

// Table is one nftables table.
type Table struct {
	Family, Name string
	Sets         []Set
	Chains       []Chain
}

// Set is a named set or, if its Type is "key : value", a map.
type Set struct {
	Name, Type string
	// Elements are "key" or "key : value". Order means nothing.
	Elements []string
}

// Chain is a list of rules; with a Hook it is a base chain.
type Chain struct {
	Name string
	// Hook is for example "type filter hook forward priority 0; policy accept;".
	Hook  string
	Rules []string
}

// Replace is the script that makes the tables from nothing, or anew, in one transaction.
func Replace(tables []Table) string {
	var b strings.Builder
	for _, t := range tables {
		line(&b, "table", t.Family, t.Name, "{ }")
		line(&b, "delete table", t.Family, t.Name)
		t.write(&b)
	}
	return b.String()
}

// Delete is the script that removes tables, whether they are there or not.
func Delete(tables []Table) string {
	var b strings.Builder
	for _, t := range tables {
		line(&b, "table", t.Family, t.Name, "{ }")
		line(&b, "delete table", t.Family, t.Name)
	}
	return b.String()
}

func (t Table) write(b *strings.Builder) {
	line(b, "table", t.Family, t.Name, "{")
	for _, s := range t.Sets {
		line(b, " ", s.kind(), s.Name, "{", s.spec(), "}")
	}
	for _, c := range t.Chains {
		line(b, "  chain", c.Name, "{", c.Hook)
		for _, r := range c.Rules {
			line(b, "   ", r)
		}
		line(b, "  }")
	}
	line(b, "}")
	for _, s := range t.Sets {
		element(b, "add", t, s.Name, s.Elements)
	}
}

func (s Set) kind() string {
	if strings.Contains(s.Type, " : ") {
		return "map"
	}
	return "set"
}

func (s Set) spec() string { return "type " + s.Type + ";" }

// Change is the script that turns old into want; empty if nothing is to do. Both
// must have the same tables, with base chains hooked alike: ok is false if not.
func Change(old, want []Table) (script string, ok bool) {
	if len(old) != len(want) {
		return "", false
	}
	var b strings.Builder
	for i := range want {
		if old[i].Family != want[i].Family || old[i].Name != want[i].Name || !change(&b, old[i], want[i]) {
			return "", false
		}
	}
	return b.String(), true
}

// change writes what is added first, then contents, then what goes: nothing is
// ever referred to before it is there or after it is gone.
func change(b *strings.Builder, old, want Table) bool {
	oldSets, oldChains := setsByName(old), chainsByName(old)
	for _, s := range want.Sets {
		if have, found := oldSets[s.Name]; !found {
			line(b, "add", s.kind(), want.Family, want.Name, s.Name, "{", s.spec(), "}")
		} else if have.Type != s.Type {
			return false
		}
	}
	for _, c := range want.Chains {
		if have, found := oldChains[c.Name]; !found {
			line(b, "add chain", want.Family, want.Name, c.Name, hook(c))
		} else if have.Hook != c.Hook {
			return false
		}
	}
	for _, s := range want.Sets {
		have := oldSets[s.Name].Elements
		element(b, "delete", want, s.Name, missing(have, s.Elements))
		element(b, "add", want, s.Name, missing(s.Elements, have))
	}
	changeRules(b, oldChains, want)
	removeGone(b, old, want)
	return true
}

func hook(c Chain) string {
	if c.Hook == "" {
		return ""
	}
	return "{ " + c.Hook + " }"
}

func changeRules(b *strings.Builder, old map[string]Chain, want Table) {
	for _, c := range want.Chains {
		have, found := old[c.Name]
		if found && slices.Equal(have.Rules, c.Rules) {
			continue
		}
		if found {
			line(b, "flush chain", want.Family, want.Name, c.Name)
		}
		for _, r := range c.Rules {
			line(b, "add rule", want.Family, want.Name, c.Name, r)
		}
	}
}

func removeGone(b *strings.Builder, old, want Table) {
	sets, chains := setsByName(want), chainsByName(want)
	var gone []string
	for _, c := range old.Chains {
		if _, kept := chains[c.Name]; !kept {
			gone = append(gone, c.Name)
		}
	}
	for _, name := range gone {
		line(b, "flush chain", old.Family, old.Name, name)
	}
	for _, s := range old.Sets {
		if _, kept := sets[s.Name]; !kept {
			line(b, "flush", s.kind(), old.Family, old.Name, s.Name)
			line(b, "delete", s.kind(), old.Family, old.Name, s.Name)
		}
	}
	for _, name := range gone {
		line(b, "delete chain", old.Family, old.Name, name)
	}
}

func element(b *strings.Builder, verb string, t Table, set string, elements []string) {
	if len(elements) > 0 {
		line(b, verb, "element", t.Family, t.Name, set, "{", strings.Join(elements, ", "), "}")
	}
}

// missing lists what is in a and not in b.
func missing(a, b []string) []string {
	have := make(map[string]bool, len(b))
	for _, s := range b {
		have[s] = true
	}
	var out []string
	for _, s := range a {
		if !have[s] {
			out = append(out, s)
		}
	}
	return out
}

func setsByName(t Table) map[string]Set {
	m := make(map[string]Set, len(t.Sets))
	for _, s := range t.Sets {
		m[s.Name] = s
	}
	return m
}

func chainsByName(t Table) map[string]Chain {
	m := make(map[string]Chain, len(t.Chains))
	for _, c := range t.Chains {
		m[c.Name] = c
	}
	return m
}

func line(b *strings.Builder, words ...string) {
	b.WriteString(strings.TrimRight(strings.Join(words, " "), " "))
	b.WriteByte('\n')
}
