package ec2_test

import (
	"context"
	"encoding/xml"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2"
	"github.com/nubo-cloud/nubo/internal/idempotency"
	"github.com/nubo-cloud/nubo/internal/testcloud"
)

// world is a whole cloud with the API on it, and one account in it. Requests are not signed here: auth_test.go is about that.
type world struct {
	*testcloud.Cloud
	*testcloud.Tenant
	t        testing.TB
	api      *ec2.Handler
	accounts *accounts
}

func newWorld(t testing.TB) *world { return newWorldWith(t, testcloud.Options{}) }

func newWorldWith(t testing.TB, o testcloud.Options) *world {
	c := testcloud.New(t, o)
	s := c.Services()
	repeats := idempotency.New(idempotency.Deps{Records: c.Store.Idempotencies, Tx: c.Store, Now: s.Compute.Now})
	keys := &accounts{}
	h := ec2.New(ec2.Deps{Keys: keys, Compute: s.Compute, Network: s.Network, Volumes: s.Volume, Images: s.Image, Quota: s.Quota, Repeats: repeats,
		Log: slog.New(slog.DiscardHandler), Config: ec2.Config{Regions: []string{"test-1", "us-east-1"}, Types: map[string]string{"t3.micro": "m1.tiny", "t3.small": "m1.small", "t3.medium": "m1.medium"}}})
	return &world{Cloud: c, Tenant: c.Tenant(t), t: t, api: h, accounts: keys}
}

// accounts stands in for identity: projects get numbers in the order in which they are seen, and nobody signs.
type accounts struct {
	ec2.Keys
	mu   sync.Mutex
	seen []cloud.ProjectID
}

const firstAccount = 123456789012

func (a *accounts) number(id cloud.ProjectID) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := slices.Index(a.seen, id)
	if i < 0 {
		i = len(a.seen)
		a.seen = append(a.seen, id)
	}
	return strconv.Itoa(firstAccount + i)
}

func (a *accounts) Accounts(_ context.Context, ids ...cloud.ProjectID) (map[cloud.ProjectID]string, error) {
	numbers := map[cloud.ProjectID]string{}
	for _, id := range ids {
		numbers[id] = a.number(id)
	}
	return numbers, nil
}

func (a *accounts) AccountProject(_ context.Context, number string) (cloud.ProjectID, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n, err := strconv.Atoi(number)
	if i := n - firstAccount; err == nil && i >= 0 && i < len(a.seen) {
		return a.seen[i], nil
	}
	return "", cloud.NotFoundf("project", number)
}

// other is another account in the same cloud, and its number.
func (w *world) other() (*world, string) {
	o := *w
	o.Tenant = w.Cloud.Tenant(w.t)
	w.accounts.number(w.Project)
	return &o, w.accounts.number(o.Project)
}

// try performs an action; parameters are names and values in turn.
func (w *world) try(action string, parameters ...string) (*element, error) {
	w.t.Helper()
	values := url.Values{}
	for i := 0; i < len(parameters); i += 2 {
		values.Set(parameters[i], parameters[i+1])
	}
	answer, err := w.api.Perform(w.Context(), &ec2.Call{Action: action, Parameters: values, Region: "test-1", Host: "cloud.example:8700"})
	if err != nil {
		return nil, err
	}
	var root element
	if err := xml.Unmarshal(answer, &root); err != nil {
		w.t.Fatalf("%s: %v\n%s", action, err, answer)
	}
	return &root, nil
}

// unlimited lifts quotas of the account.
func (w *world) unlimited(quotas ...string) {
	w.t.Helper()
	limits := map[string]int64{}
	for _, name := range quotas {
		limits[name] = cloud.Unlimited
	}
	if err := w.Services().Quota.Set(w.Admin(), cloud.QuotaID(w.Project), limits); err != nil {
		w.t.Fatal(err)
	}
}

// do is try for what has to succeed.
func (w *world) do(action string, parameters ...string) *element {
	w.t.Helper()
	e, err := w.try(action, parameters...)
	if err != nil {
		w.t.Fatalf("%s %v: %v", action, parameters, err)
	}
	return e
}

// refused is try for what has to fail with a code.
func (w *world) refused(code, action string, parameters ...string) {
	w.t.Helper()
	_, err := w.try(action, parameters...)
	if err == nil {
		w.t.Errorf("%s %v succeeded; want %s", action, parameters, code)
	} else if got, message := ec2.FaultOf(err); got != code {
		w.t.Errorf("%s %v: %s: %s; want %s", action, parameters, got, message, code)
	}
}

// element is an XML element of an answer.
type element struct {
	XMLName xml.Name
	Text    string    `xml:",chardata"`
	Inner   []element `xml:",any"`
}

// all are the elements at a path of names; lists are walked through. An item of a list of texts is its text.
func (e *element) all(path string) []*element {
	found := []*element{e}
	for name := range strings.SplitSeq(path, "/") {
		var next []*element
		for _, f := range found {
			for i := range f.Inner {
				if f.Inner[i].XMLName.Local == name {
					next = append(next, f.Inner[i].items()...)
				}
			}
		}
		found = next
	}
	return found
}

func (e *element) items() []*element {
	if len(e.Inner) == 0 || e.Inner[0].XMLName.Local != "item" {
		return []*element{e}
	}
	var items []*element
	for i := range e.Inner {
		items = append(items, &e.Inner[i])
	}
	return items
}

// get is the text at a path, of the first such element; empty if there is none.
func (e *element) get(path string) string {
	if found := e.all(path); len(found) > 0 {
		return strings.TrimSpace(found[0].Text)
	}
	return ""
}

// texts are the texts at a path.
func (e *element) texts(path string) (texts []string) {
	for _, f := range e.all(path) {
		if text := strings.TrimSpace(f.Text); text != "" {
			texts = append(texts, text)
		}
	}
	return texts
}

// filtersWork asks once per filter: each must let through what it was read of, and nothing when another value is asked for. row is
// the path of the rows, want the values that one row has.
func (w *world) filtersWork(action, row string, want map[string]string, base ...string) {
	w.t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		hit := append(slices.Clone(base), "Filter.1.Name", name, "Filter.1.Value.1", "no such value", "Filter.1.Value.2", want[name])
		if n := len(w.do(action, hit...).all(row)); n == 0 {
			w.t.Errorf("%s: filter %s=%s finds nothing", action, name, want[name])
		}
		miss := append(slices.Clone(base), "Filter.1.Name", name, "Filter.1.Value.1", "no such value")
		if found := w.do(action, miss...).texts(row); len(found) != 0 {
			w.t.Errorf("%s: filter %s=no such value finds %v", action, name, found)
		}
	}
}
