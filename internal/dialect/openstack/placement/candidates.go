package placement

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/inventory"
)

// groupKeys are the parameters that may carry the suffix of a group, each with the microversion it came with.
var groupKeys = map[string]int{"resources": 10, "required": 17, "member_of": 21, "in_tree": 31}

// requestKeys are the parameters about all groups.
var requestKeys = map[string]int{"limit": 16, "group_policy": 25, "root_required": 35, "same_subtree": 36}

// suffixes of groups are numbers from 1.25 on, and words from 1.33 on.
var (
	numberSuffix = regexp.MustCompile(`^[1-9][0-9]*$`)
	wordSuffix   = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)
)

func candidateRequest(r *http.Request) (c inventory.CandidateRequest, err error) {
	q := r.URL.Query()
	suffixes, err := groupSuffixes(r, q)
	if err != nil {
		return c, err
	}
	c = inventory.CandidateRequest{Groups: map[string]inventory.Want{}, Flat: !atLeast(r, 29)}
	for _, suffix := range suffixes {
		if c.Groups[suffix], err = wantOf(r, q, suffix); err != nil {
			return c, err
		}
	}
	if err := checkGroups(r, q, c.Groups); err != nil {
		return c, err
	}
	c.Isolate = q.Get("group_policy") == "isolate"
	return c, wholeRequest(r, q, &c)
}

// wholeRequest reads what is asked about all groups together.
func wholeRequest(r *http.Request, q url.Values, c *inventory.CandidateRequest) error {
	if text := q.Get("limit"); q.Has("limit") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return cloud.Invalidf("request", "limit", "Invalid query string parameters: '%s' is not a limit of at least 1", text)
		}
		c.Limit = n
	}
	if text := q.Get("root_required"); q.Has("root_required") {
		if err := parseRequired(r, text, &c.Root); err != nil {
			return err
		}
	}
	for _, text := range q["same_subtree"] {
		groups := strings.Split(text, ",")
		for _, g := range groups {
			if _, ok := c.Groups[g]; !ok || g == "" {
				return cloud.Invalidf("request", "same_subtree", "Real suffixes should be specified in same_subtree: '%s' is none.", g)
			}
		}
		c.Subtrees = append(c.Subtrees, groups)
	}
	return nil
}

// groupSuffixes finds the groups that the parameters are about, and refuses unknown parameters.
func groupSuffixes(r *http.Request, q url.Values) ([]string, error) {
	var out []string
	for key := range q {
		if minor, ok := requestKeys[key]; ok && atLeast(r, minor) {
			continue
		}
		suffix, ok := groupSuffix(r, key)
		if !ok {
			return nil, unexpected(key)
		}
		if !slices.Contains(out, suffix) {
			out = append(out, suffix)
		}
	}
	return out, nil
}

func groupSuffix(r *http.Request, key string) (string, bool) {
	for name, minor := range groupKeys {
		suffix, ok := strings.CutPrefix(key, name)
		if !ok || !atLeast(r, minor) {
			continue
		}
		if suffix == "" || atLeast(r, 25) && numberSuffix.MatchString(suffix) || atLeast(r, 33) && wordSuffix.MatchString(suffix) {
			return suffix, true
		}
	}
	return "", false
}

func checkGroups(r *http.Request, q url.Values, groups map[string]inventory.Want) error {
	named, resources := 0, false
	for suffix, w := range groups {
		if suffix != "" {
			named++
		}
		resources = resources || len(w.Resources) > 0
		if len(w.Resources) == 0 && !(suffix != "" && atLeast(r, 36) && inSubtree(q, suffix)) {
			return cloud.Invalidf("request", "resources", "Query parameters of group '%s' must come with its 'resources%s'.", suffix, suffix)
		}
	}
	if !resources {
		return cloud.Invalidf("request", "resources", "Invalid query string parameters: 'resources' is a required property")
	}
	policy := q.Get("group_policy")
	if q.Has("group_policy") && policy != "none" && policy != "isolate" {
		return cloud.Invalidf("request", "group_policy", "Invalid query string parameters: '%s' is not one of ['none', 'isolate']", policy)
	}
	if named > 1 && policy == "" {
		return cloud.Invalidf("request", "group_policy", "The \"group_policy\" parameter is required when specifying more than one \"resources{N}\" parameter.")
	}
	return nil
}

func inSubtree(q url.Values, suffix string) bool {
	return slices.ContainsFunc(q["same_subtree"], func(text string) bool { return slices.Contains(strings.Split(text, ","), suffix) })
}

func (a *api) listCandidates(w http.ResponseWriter, r *http.Request) error {
	req, err := candidateRequest(r)
	if err != nil {
		return err
	}
	found, err := a.Inventory.Candidates(r.Context(), req)
	if err != nil {
		return err
	}
	requests := make([]any, len(found.List))
	for i, c := range found.List {
		requests[i] = candidate(r, c)
	}
	return write(w, r, http.StatusOK, zeroTime, map[string]any{"allocation_requests": requests, "provider_summaries": summaries(r, req, found)})
}

// candidate is a list before 1.12, then an object; from 1.34 on it tells who serves which group.
func candidate(r *http.Request, c inventory.Candidate) map[string]any {
	if !atLeast(r, 12) {
		list := []any{}
		for id, held := range c.Held {
			list = append(list, map[string]any{"resource_provider": map[string]any{"uuid": id}, "resources": held})
		}
		return map[string]any{"allocations": list}
	}
	all := map[string]any{}
	for id, held := range c.Held {
		all[string(id)] = map[string]any{"resources": held}
	}
	m := map[string]any{"allocations": all}
	if atLeast(r, 34) {
		m["mappings"] = c.Groups
	}
	return m
}

// summaries are of all providers of the trees from 1.29 on, before of those that would give something. All their classes
// are shown from 1.27 on, before those asked for.
func summaries(r *http.Request, req inventory.CandidateRequest, found inventory.Candidates) map[string]any {
	out := map[string]any{}
	for _, v := range found.Views {
		gives := slices.ContainsFunc(found.List, func(c inventory.Candidate) bool { return c.Held[v.ID] != nil })
		if gives || atLeast(r, 29) {
			out[string(v.ID)] = summary(r, req, v)
		}
	}
	return out
}

func summary(r *http.Request, req inventory.CandidateRequest, v *inventory.View) map[string]any {
	resources := map[string]any{}
	for class, s := range v.Stock {
		if atLeast(r, 27) || asked(req, class) {
			resources[class] = map[string]any{"capacity": s.Capacity(), "used": v.Used[class]}
		}
	}
	m := map[string]any{"resources": resources}
	if atLeast(r, 17) {
		m["traits"] = texts(v.Traits)
	}
	if atLeast(r, 29) {
		m["parent_provider_uuid"], m["root_provider_uuid"] = orNull(string(v.Parent)), v.Root
	}
	return m
}

func asked(req inventory.CandidateRequest, class string) bool {
	for _, w := range req.Groups {
		if w.Resources[class] > 0 {
			return true
		}
	}
	return false
}
