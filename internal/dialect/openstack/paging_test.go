package openstack_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/dialect/openstack/openstacktest"
	"github.com/nubo-cloud/nubo/internal/testcloud"
)

// reader pages through the lists of a cloud that is full of rows.
type reader struct {
	*attacker
	rows     int
	families map[string]family
	visitors int // how many came
}

// listed is one line of testdata/paging.txt.
type listed struct {
	path, key string
	sorts     []string
}

func pagedLists(t *testing.T) (lists []listed) {
	text, err := os.ReadFile("testdata/paging.txt")
	must(t, err)
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if words := strings.Fields(line); words[0] != "#" {
			lists = append(lists, listed{words[0], words[1], words[2:]})
		}
	}
	return lists
}

// Every list shows each row that stood the whole time once, in order, by every documented key, up and down, by markers and by
// links, on pages of any size, while other rows come and go between the pages.
func TestEveryListPages(t *testing.T) {
	rows := 2500
	if testing.Short() {
		rows = 400
	}
	a := &attacker{t: t, cloud: testcloud.New(t, testcloud.Options{}), names: map[string]string{"FLOATING": seeded(0), "POLICY": seeded(0), "SERVER": seeded(0)}}
	a.handler = a.cloud.Handler()
	a.signIn()
	x := &reader{attacker: a, rows: rows}
	x.seed()
	for _, l := range pagedLists(t) {
		t.Run(l.path, func(t *testing.T) {
			a.t = t
			x.pages(l)
		})
	}
}

// pages walks a list in every order.
func (x *reader) pages(l listed) {
	l.path = x.expand(l.path)
	switch {
	case strings.HasSuffix(l.path, "/os-server-groups"):
		x.complete(l, x.byOffset(l))
	case len(l.sorts) == 0:
		x.complete(l, x.walk(l, url.Values{}, true))
	}
	for i, key := range l.sorts {
		up := x.walk(l, sortedBy(key, "asc"), i%2 == 0)
		down := x.walk(l, sortedBy(key, "desc"), i%2 == 1)
		x.complete(l, up)
		slices.Reverse(down)
		if !slices.Equal(ids(up), ids(down)) {
			x.t.Errorf("by %s: down is not up reversed", key)
		}
		x.ordered(key, up)
	}
	if len(l.sorts) > 1 {
		x.complete(l, x.walk(l, url.Values{"sort_key": l.sorts[:2], "sort_dir": {"asc", "desc"}}, false))
	}
	if strings.HasPrefix(l.path, "/network/") {
		x.backwards(l)
	}
}

func sortedBy(key, dir string) url.Values { return url.Values{"sort_key": {key}, "sort_dir": {dir}} }

type shown = map[string]any

func idOf(o shown) string {
	if inner, ok := o["keypair"].(map[string]any); ok {
		o = inner
	}
	for _, key := range []string{"id", "namespace", "name", "request_id"} {
		if id, ok := o[key].(string); ok {
			return id
		}
	}
	return ""
}

func ids(list []shown) []string {
	out := make([]string, len(list))
	for i, o := range list {
		out[i] = idOf(o)
	}
	return out
}

// complete wants each seeded row once.
func (x *reader) complete(l listed, list []shown) {
	x.t.Helper()
	seen := map[string]int{}
	for _, id := range ids(list) {
		seen[id]++
	}
	for n := range x.rows {
		if seen[seeded(n)] != 1 {
			x.t.Fatalf("%s: row %d of %d was seen %d times among %d", l.path, n, x.rows, seen[seeded(n)], len(list))
		}
	}
}

// ordered wants the values of a key that rows show to grow; null is before all others.
func (x *reader) ordered(key string, list []shown) {
	x.t.Helper()
	for i := 1; i < len(list); i++ {
		a, b := list[i-1][key], list[i][key]
		if smaller(b, a) {
			x.t.Errorf("by %s: %v comes before %v", key, a, b)
			return
		}
	}
}

func smaller(a, b any) bool {
	switch b := b.(type) {
	case string:
		a, ok := a.(string)
		if n, err := strconv.Atoi(a); err == nil {
			if m, err := strconv.Atoi(b); err == nil {
				return n < m // some numbers are shown as texts
			}
		}
		return ok && a < b || !ok
	case float64:
		a, ok := a.(float64)
		return ok && a < b || !ok
	case bool:
		return b && a == false
	}
	return false
}

// sizes of pages, one after the other.
var sizes = []int{400, 7, 1000, 333}

// walk reads all pages, by links or by markers, and answers what was seeded.
func (x *reader) walk(l listed, q url.Values, byLinks bool) (list []shown) {
	x.t.Helper()
	guest := 0
	for page := 0; ; page++ {
		if q.Get("limit") == "" || !byLinks {
			q.Set("limit", fmt.Sprint(sizes[page%len(sizes)]))
		}
		got, next := x.page(l, l.path+"?"+q.Encode())
		for _, o := range got {
			if standing(idOf(o)) {
				list = append(list, o)
			}
		}
		if len(got) == 0 || byLinks && next == "" {
			return list
		}
		last := idOf(got[len(got)-1])
		guest = x.comeAndGo(l, guest, last)
		if !byLinks {
			q.Set("marker", last)
			continue
		}
		u, err := url.Parse(next)
		must(x.t, err)
		q = u.Query()
	}
}

// byOffset reads a list that has no markers; nothing may come or go.
func (x *reader) byOffset(l listed) (list []shown) {
	for {
		got, _ := x.page(l, fmt.Sprintf("%s?limit=300&offset=%d", l.path, len(list)))
		if len(got) == 0 {
			return list
		}
		list = append(list, got...)
	}
}

// backwards reads a list from its end by page_reverse.
func (x *reader) backwards(l listed) {
	x.t.Helper()
	q := sortedBy("id", "asc")
	q.Set("limit", "600")
	q.Set("page_reverse", "True")
	var list []shown
	for {
		got, _ := x.page(l, l.path+"?"+q.Encode())
		if len(got) == 0 {
			break
		}
		list = append(slices.Clone(got), list...)
		q.Set("marker", idOf(got[0]))
	}
	x.complete(l, list)
	x.ordered("id", list)
}

// page asks for one page, and answers its rows and the link to the next.
func (x *reader) page(l listed, target string) ([]shown, string) {
	x.t.Helper()
	w := x.ask(target)
	var body map[string]json.RawMessage
	if w.Code != http.StatusOK || json.Unmarshal(w.Body.Bytes(), &body) != nil {
		x.t.Fatalf("%s: %d %s", target, w.Code, w.Body)
	}
	var list []shown
	must(x.t, json.Unmarshal(body[l.key], &list))
	return list, nextOf(body, l.key)
}

func (x *reader) ask(target string) *httptest.ResponseRecorder {
	r := openstacktest.Request{Method: http.MethodGet, Path: target}
	on := *x.attacker
	switch {
	case strings.HasPrefix(target, "/compute"):
		on.versions, r.Version = "compute", "2.96"
	case strings.HasPrefix(target, "/volume"):
		on.versions, r.Version = "volume", "3.60"
	}
	return on.send(r)
}

// nextOf finds the link to the next page in each service's form.
func nextOf(body map[string]json.RawMessage, key string) string {
	var next string
	var links struct{ Next *string }
	var list []struct{ Rel, Href string }
	switch {
	case json.Unmarshal(body["next"], &next) == nil:
	case json.Unmarshal(body["links"], &links) == nil && links.Next != nil:
		next = *links.Next
	case json.Unmarshal(body["links"], &list) == nil, json.Unmarshal(body[key+"_links"], &list) == nil, json.Unmarshal(body[strings.TrimSuffix(key, "s")+"_links"], &list) == nil:
		for _, link := range list {
			if link.Rel == "next" {
				next = link.Href
			}
		}
	}
	return next
}

// comeAndGo puts one row among the others and takes an earlier one away, but none that a page ended with.
func (x *reader) comeAndGo(l listed, n int, marker string) int {
	x.t.Helper()
	f, moves := x.families[strings.TrimSuffix(l.path, "/detail")]
	if !moves {
		return n
	}
	x.visitors++
	must(x.t, f.insert(context.Background(), visitor(x.visitors), x.visitors*37))
	if gone := visitor(n); n > 0 && gone != marker {
		must(x.t, f.remove(context.Background(), gone))
	}
	return x.visitors
}
