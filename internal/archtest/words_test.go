package archtest

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// leak is a word that belongs to a dialect, and where it may be used. Identifiers and strings are looked
// at. Comments are not: saying where something was learnt, or what others call it, is useful.
type leak struct {
	words   []string // lower case
	allowed []string // folders, beside tests
	because string
}

const coreIsNeutral = "the first dialect must not become the model: a second one reads the same core"

// seenFromGuests are packages whose business is what guests read: layouts that clouds before us have shaped.
var seenFromGuests = []string{"internal/metadata", "internal/minimal"}

var leaks = []leak{
	{[]string{"nova", "neutron", "keystone", "glance", "cinder", "cinderv3", "openstack"},
		append([]string{"internal/dialect/openstack", "internal/daemon", "cmd", "test", "internal/testcloud",
			"internal/operator"}, seenFromGuests...), coreIsNeutral},
	{[]string{"tenant", "tenants"}, []string{"internal/dialect/openstack", "test"}, "the word inside is project"},
	{[]string{"runinstances", "describeinstances", "clienttoken", "eni", "ebs", "vpc", "igw", "eigw", "vgw", "cgw", "eip", "eipalloc", "dopt", "imds"},
		append([]string{"internal/dialect/ec2", "internal/dialect/wire", "test"}, seenFromGuests...), coreIsNeutral},
	{[]string{"vmsize", "nsg"}, []string{"internal/dialect/azure", "test"}, coreIsNeutral},
}

// excused are known uses, "file: word", each with its reason.
var excused = map[string]string{
	"internal/identity/catalog.go: keystone":      "the catalog's rows name services as they are called outside",
	"internal/identity/catalog.go: nova":          "the same",
	"internal/identity/catalog.go: glance":        "the same",
	"internal/identity/catalog.go: neutron":       "the same",
	"internal/identity/catalog.go: cinderv3":      "the same",
	"internal/identity/catalog.go: tenant":        "operators' endpoint templates may hold $(tenant_id)s",
	"internal/config/config.go: nova":             "the default zone's name, which clients' defaults expect",
	"internal/driver/block/file/tools.go: vpc":    "qemu-img's name of the VHD format",
	"internal/volume/volumetest/host.go: nova":    "the default zone's name",
	"internal/compute/instances.go: tenants":      "known bad: the sentence that Nova's clients expect belongs in dialect/openstack/nova",
	"internal/network/subnet_pool_cut.go: tenant": "known bad: the sentence that Neutron's clients expect belongs in dialect/openstack/neutron",
	"internal/operator/access_key.go: tenant":     "the API's word for the project of an access key",
	"internal/testcloud/tenant.go: tenant":        "known bad: it is a project with a member",
}

// TestDialectWordsStayInDialects proves that no package outside a dialect speaks it.
func TestDialectWordsStayInDialects(t *testing.T) {
	used := map[string]bool{}
	all := source(t)
	for _, f := range all.files {
		if f.test || under(f.path, "internal/archtest") {
			continue
		}
		for where, word := range spoken(f) {
			l := leakOf(word)
			if l == nil || under(f.path, l.allowed...) {
				continue
			}
			if key := f.path + ": " + word; excused[key] != "" {
				used[key] = true
				continue
			}
			t.Errorf("%s:%d says %q, a word that must not be there, because %s", f.path, all.fset.Position(where).Line, word, l.because)
		}
	}
	for key := range excused {
		if !used[key] {
			t.Errorf("the exception %q excuses nothing any more: remove it", key)
		}
	}
}

func leakOf(word string) *leak {
	for i := range leaks {
		if slices.Contains(leaks[i].words, word) {
			return &leaks[i]
		}
	}
	return nil
}

var letters = regexp.MustCompile(`[A-Za-z][A-Za-z0-9]*`)

// spoken yields the lower-case words of f's identifiers and strings, with their places. Import paths are not
// looked at: the tests of imports do.
func spoken(f file) func(yield func(where token.Pos, word string) bool) {
	return func(yield func(where token.Pos, word string) bool) {
		paths := map[ast.Node]bool{}
		for _, i := range f.ast.Imports {
			paths[i.Path] = true
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Ident:
				sayAll(n.Pos(), camel(n.Name), yield)
			case *ast.BasicLit:
				if n.Kind == token.STRING && !paths[n] {
					for _, w := range letters.FindAllString(n.Value, -1) {
						sayAll(n.Pos(), camel(w), yield)
					}
				}
			}
			return true
		})
	}
}

func sayAll(at token.Pos, words []string, yield func(token.Pos, string) bool) {
	for _, w := range words {
		yield(at, w) // its caller never stops early
	}
}

// camel splits "novaServerID" into nova, server, id.
func camel(s string) []string {
	var out []string
	runes, start := []rune(s), 0
	for i := 1; i <= len(runes); i++ {
		end := i == len(runes) ||
			unicode.IsUpper(runes[i]) && !unicode.IsUpper(runes[i-1]) ||
			i+1 < len(runes) && unicode.IsUpper(runes[i]) && unicode.IsLower(runes[i+1])
		if end {
			out = append(out, strings.ToLower(string(runes[start:i])))
			start = i
		}
	}
	return out
}

// TestCamel proves that words are found inside identifiers.
func TestCamel(t *testing.T) {
	for in, want := range map[string]string{"novaServerID": "nova server id", "VMSize": "vm size", "Tenant": "tenant", "listEBSVolumes": "list ebs volumes"} {
		if got := strings.Join(camel(in), " "); got != want {
			t.Errorf("camel(%q) = %q, want %q", in, got, want)
		}
	}
}
