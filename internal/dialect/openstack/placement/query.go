package placement

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/inventory"
)

var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$`)

func isUUID(s string) bool { return uuid.MatchString(s) }

var zeroTime time.Time

// lastOf is when the newest of some words was made.
func lastOf(list []*cloud.Word) (t time.Time) {
	for _, w := range list {
		if w.UpdatedAt.After(t) {
			t = w.UpdatedAt
		}
	}
	return t
}

func latest(list []*inventory.View) (t time.Time) {
	for _, v := range list {
		if v.UpdatedAt.After(t) {
			t = v.UpdatedAt
		}
	}
	return t
}

// onlyKeys refuses query parameters that are none of the names.
func onlyKeys(r *http.Request, names ...string) error {
	for key := range r.URL.Query() {
		if !slices.Contains(names, key) {
			return unexpected(key)
		}
	}
	return nil
}

func unexpected(key string) error {
	return cloud.Invalidf("request", key, "Invalid query string parameters: Additional properties are not allowed ('%s' was unexpected)", key)
}

// providerKeys are the parameters of the list of providers, each with the microversion it came with.
var providerKeys = map[string]int{"name": 0, "uuid": 0, "member_of": 3, "resources": 4, "in_tree": 14, "required": 18}

func providerFilter(r *http.Request) (inventory.Filter, error) {
	q := r.URL.Query()
	for key := range q {
		if minor, known := providerKeys[key]; !known || !atLeast(r, minor) {
			return inventory.Filter{}, unexpected(key)
		}
	}
	for _, key := range []string{"uuid", "in_tree"} {
		if id := q.Get(key); q.Has(key) && !isUUID(id) {
			return inventory.Filter{}, cloud.Invalidf("request", key, "Invalid query string parameters: '%s' is not a 'uuid'", id)
		}
	}
	w, err := wantOf(r, q, "")
	return inventory.Filter{ID: cloud.ProviderID(q.Get("uuid")), Name: q.Get("name"), Tree: w.Tree, Want: w}, err
}

// wantOf reads the parameters of one group: those whose name ends with its suffix.
func wantOf(r *http.Request, q url.Values, suffix string) (w inventory.Want, err error) {
	if text := q.Get("resources" + suffix); q.Has("resources" + suffix) {
		if w.Resources, err = parseResources(text); err != nil {
			return w, err
		}
	}
	for _, text := range q["required"+suffix] {
		if err := parseRequired(r, text, &w); err != nil {
			return w, err
		}
	}
	if len(q["member_of"+suffix]) > 1 && !atLeast(r, 24) {
		return w, cloud.Invalidf("request", "member_of", "Multiple member_of parameters are not supported before 1.24.")
	}
	for _, text := range q["member_of"+suffix] {
		if err := parseMemberOf(r, text, &w); err != nil {
			return w, err
		}
	}
	w.Tree = cloud.ProviderID(q.Get("in_tree" + suffix))
	if w.Tree != "" && !isUUID(string(w.Tree)) {
		return w, cloud.Invalidf("request", "in_tree", "Expected 'in_tree' parameter to be a UUID, not '%s'", w.Tree)
	}
	return w, nil
}

// parseResources reads "VCPU:2,MEMORY_MB:512".
func parseResources(text string) (map[string]int, error) {
	out := map[string]int{}
	for _, part := range strings.Split(text, ",") {
		class, amount, ok := strings.Cut(part, ":")
		n, err := strconv.ParseInt(amount, 10, 32)
		if !ok || class == "" || err != nil || n < 1 {
			return nil, cloud.Invalidf("request", "resources", "Badly formed resources parameter. Expected resources query string parameter in form: ?resources=VCPU:2,MEMORY_MB:1024. Got: %s.", text)
		}
		if _, twice := out[class]; twice {
			return nil, cloud.Invalidf("request", "resources", "Badly formed resources parameter: %s stands there twice.", class)
		}
		out[class] = int(n)
	}
	return out, nil
}

// parseRequired reads "A,!B", and from 1.39 on "in:A,B".
func parseRequired(r *http.Request, text string, w *inventory.Want) error {
	bad := cloud.Invalidf("request", "required", "Invalid query string parameters: Expected 'required' parameter value of the form: HW_CPU_X86_VMX,CUSTOM_MAGIC. Got: '%s'", text)
	if list, ok := strings.CutPrefix(text, "in:"); ok {
		names := strings.Split(list, ",")
		if !atLeast(r, 39) || slices.ContainsFunc(names, func(n string) bool { return n == "" || n[0] == '!' }) {
			return bad
		}
		w.Traits = append(w.Traits, names)
		return nil
	}
	for _, name := range strings.Split(text, ",") {
		forbidden, not := strings.CutPrefix(name, "!")
		switch {
		case forbidden == "" || not && !atLeast(r, 22):
			return bad
		case not:
			w.NotTraits = append(w.NotTraits, forbidden)
		default:
			w.Traits = append(w.Traits, []string{name})
		}
	}
	return nil
}

// parseMemberOf reads "UUID", "in:UUID,UUID", and from 1.32 on the same after "!".
func parseMemberOf(r *http.Request, text string, w *inventory.Want) error {
	rest, not := strings.CutPrefix(text, "!")
	list, in := strings.CutPrefix(rest, "in:")
	ids := strings.Split(list, ",")
	if not && !atLeast(r, 32) || !in && len(ids) > 1 || slices.ContainsFunc(ids, func(id string) bool { return !isUUID(id) }) {
		return cloud.Invalidf("request", "member_of", "Invalid query string parameters: Expected 'member_of' parameter to contain valid UUID(s), in the form UUID or in:UUID,UUID. Got: %s", text)
	}
	if not {
		w.NotGroups = append(w.NotGroups, ids...)
		return nil
	}
	w.Groups = append(w.Groups, ids)
	return nil
}
