package policy

import (
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// MayRequest tells whether the caller's access rules allow a request: services are the names the API goes
// by, paths the forms its path has with and without the prefix the API is served under. A caller without
// rules may request anything that its roles allow.
//
// In a rule's path {name} and * stand for one segment or part of one, ** for any number.
func MayRequest(p *cloud.Principal, services []string, method string, paths ...string) bool {
	if len(p.AccessRules) == 0 {
		return true
	}
	return slices.ContainsFunc(p.AccessRules, func(r cloud.AccessRule) bool {
		return r.Method == method && slices.Contains(services, r.Service) &&
			slices.ContainsFunc(paths, func(path string) bool { return matchPath(r.Path, path) })
	})
}

// matchPath follows the pattern through the path, keeping at each step all places where it may be. That takes
// time in proportion to pattern times path, whatever the wildcards.
func matchPath(pattern, path string) bool {
	at := make([]bool, len(path)+1)
	at[0] = true
	for pattern != "" {
		var step func(at []bool, path string)
		switch end := strings.IndexByte(pattern, '}'); {
		case strings.HasPrefix(pattern, "**"):
			pattern, step = pattern[2:], anything
		case pattern[0] == '*':
			pattern, step = pattern[1:], segment
		case pattern[0] == '{' && end > 0:
			pattern, step = pattern[end+1:], segment
		default:
			c := pattern[0]
			pattern, step = pattern[1:], func(at []bool, path string) { literal(at, path, c) }
		}
		step(at, path)
	}
	return at[len(path)]
}

// literal moves every place behind one character.
func literal(at []bool, path string, c byte) {
	for i := len(path); i > 0; i-- {
		at[i] = at[i-1] && path[i-1] == c
	}
	at[0] = false
}

// segment moves every place behind one or more characters that are no slash.
func segment(at []bool, path string) {
	before := at[0]
	at[0] = false
	for i := 1; i <= len(path); i++ {
		here := at[i]
		at[i] = (before || at[i-1]) && path[i-1] != '/'
		before = here
	}
}

// anything makes every place at or behind one that was reached reachable.
func anything(at []bool, _ string) {
	for i := 1; i < len(at); i++ {
		at[i] = at[i] || at[i-1]
	}
}
