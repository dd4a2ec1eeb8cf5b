package openstack_test

import (
	"cmp"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack/openstacktest"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// need is what a caller needs for a request: an action of the policy, about something.
type need struct {
	action policy.Action
	// about is "" for a thing of the project that the scripts act in, "mine" for one of the caller's own project and user, "project"
	// for the same where the caller must have a project, "domain" for one of another project of the domain, "shared" for one that everybody
	// may read and "cloud" for what has no owner.
	about string
}

// tableLine says of a route what a request to it needs, if all the words are keys of the request's body or query.
type tableLine struct {
	route, pattern string
	words          []string
	needs          []need
	// public routes take callers without a token; closed ones are in no version that is served, or never succeed; bearer ones are open to
	// whoever has the secret that the request is about.
	public, closed, bearer bool
}

func (line *tableLine) name() string {
	return strings.Join(append([]string{line.route}, line.words...), " ")
}

// accessTable is testdata/policy/SERVICE.txt: a line a route.
type accessTable struct {
	lines []tableLine
	mux   *http.ServeMux
}

func readTable(t testing.TB, s service) *accessTable {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "policy", s.name+".txt"))
	must(t, err)
	table := &accessTable{mux: http.NewServeMux()}
	seen := map[string]bool{}
	for _, text := range strings.Split(string(text), "\n") {
		text, _, _ = strings.Cut(text, "#")
		if strings.TrimSpace(text) == "" {
			continue
		}
		line := parseLine(t, s, text)
		if table.lines = append(table.lines, line); !seen[line.pattern] {
			table.mux.HandleFunc(line.pattern, func(http.ResponseWriter, *http.Request) {})
		}
		seen[line.pattern] = true
	}
	return table
}

func parseLine(t testing.TB, s service, text string) tableLine {
	t.Helper()
	head, needs, ok := strings.Cut(text, ": ")
	fields := strings.Fields(head)
	if !ok || len(fields) < 2 {
		t.Fatalf("policy of %s: %q is no line", s.name, text)
	}
	line := tableLine{route: fields[0] + " " + fields[1], pattern: fields[0] + " " + s.prefix + fields[1], words: fields[2:]}
	for _, word := range strings.Split(needs, ",") {
		switch word = strings.TrimSpace(word); word {
		case "anybody":
			line.public = true
		case "closed":
			line.closed = true
		case "bearer":
			line.bearer = true
		case "everybody":
		default:
			action, about, _ := strings.Cut(word, " @")
			if policy.Actions()[policy.Action(action)] == nil {
				t.Errorf("policy of %s: %s needs %q, which no policy has", s.name, line.route, action)
			}
			if !slices.Contains([]string{"", "mine", "project", "domain", "shared", "cloud"}, about) {
				t.Errorf("policy of %s: %s is about %q", s.name, line.route, about)
			}
			line.needs = append(line.needs, need{policy.Action(action), about})
		}
	}
	return line
}

// find answers the line with the most words of those that a request has.
func (table *accessTable) find(r openstacktest.Request) *tableLine {
	path, query, _ := strings.Cut(r.Path, "?")
	_, pattern := table.mux.Handler(&http.Request{Method: r.Method, URL: &url.URL{Path: path}})
	var best *tableLine
	for i, line := range table.lines {
		missing := slices.ContainsFunc(line.words, func(w string) bool {
			return !strings.Contains(r.Body, `"`+w+`"`) && !strings.Contains(query, w)
		})
		if line.pattern == pattern && !missing && (best == nil || len(line.words) > len(best.words)) {
			best = &table.lines[i]
		}
	}
	return best
}

// allows tells whether the policy lets a caller do what a line's requests do, to the things of the owner.
func (line *tableLine) allows(p, owner *cloud.Principal) bool {
	if line.public {
		return true
	}
	if p == nil {
		return false
	}
	return !slices.ContainsFunc(line.needs, func(n need) bool { return !n.met(p, owner) })
}

func (n need) met(p, owner *cloud.Principal) bool {
	target := policy.Target{ID: "x", ProjectID: owner.ProjectID, DomainID: owner.ProjectDomainID, UserID: owner.UserID}
	switch n.about {
	case "mine", "project":
		if n.about == "project" && p.ProjectID == "" {
			return false
		}
		target = policy.Target{ProjectID: p.ProjectID, DomainID: cmp.Or(p.DomainID, p.ProjectDomainID), UserID: p.UserID}
	case "domain":
		target.ProjectID, target.UserID = "another", "another"
	case "shared":
		target.Shared = true
	case "cloud":
		target = policy.Target{}
	}
	return policy.Actions()[n.action](p, target)
}

// mine tells whether what a line's requests are about is the caller's own, whoever it is.
func (line *tableLine) mine() bool {
	return slices.ContainsFunc(line.needs, func(n need) bool { return n.about == "mine" })
}

// makes tells whether a line's requests make something in the caller's project.
func (line *tableLine) makes() bool {
	return slices.ContainsFunc(line.needs, func(n need) bool { return n.about == "project" })
}
