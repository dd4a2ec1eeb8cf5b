package storetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/store"
)

// orders are the sort keys of an instance, with the comparison in Go.
var orders = map[string]func(a, b *cloud.Instance) int{
	"name":       func(a, b *cloud.Instance) int { return cmp.Compare(a.Name, b.Name) },
	"vcpus":      func(a, b *cloud.Instance) int { return cmp.Compare(a.Flavor.VCPUs, b.Flavor.VCPUs) },
	"created_at": func(a, b *cloud.Instance) int { return a.CreatedAt.Compare(b.CreatedAt) },
	"updated_at": func(a, b *cloud.Instance) int { return a.UpdatedAt.Compare(b.UpdatedAt) },
	"locked":     func(a, b *cloud.Instance) int { return cmp.Compare(number(a.Locked), number(b.Locked)) },
	"id":         func(a, b *cloud.Instance) int { return cmp.Compare(a.ID, b.ID) },
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// sorted is the rows in an order, ties by id in the direction of the last key.
func sorted(rows []*cloud.Instance, order []cloud.Order) []*cloud.Instance {
	out := slices.Clone(rows)
	keys := append(slices.Clone(order), cloud.Order{Column: "id", Desc: order[len(order)-1].Desc})
	slices.SortFunc(out, func(a, b *cloud.Instance) int {
		for _, o := range keys {
			if c := orders[o.Column](a, b); c != 0 && o.Desc {
				return -c
			} else if c != 0 {
				return c
			}
		}
		return 0
	})
	return out
}

func fillForPaging(t *testing.T, s *store.Store, n int) []*cloud.Instance {
	t.Helper()
	base := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	insertInstances(t, s, n, func(k int, i *cloud.Instance) {
		i.Name = fmt.Sprint("n", k*7919%100) // many ties
		i.Flavor.VCPUs = k * 31 % 5
		i.Locked = k%3 == 0
		i.CreatedAt = base.Add(time.Duration(k*6151%50) * time.Second)
	})
	all, err := s.Instances.List(ctx, cloud.Query{})
	must(t, err)
	if len(all) != n {
		t.Fatalf("%d of %d rows", len(all), n)
	}
	return all
}

// Pages of any order, forwards and backwards, put together are the whole list in that order.
func pagingEveryOrder(t *testing.T, s *store.Store) {
	all := fillForPaging(t, s, 2500)
	var cases [][]cloud.Order
	for column := range orders {
		cases = append(cases, []cloud.Order{{Column: column}}, []cloud.Order{{Column: column, Desc: true}})
	}
	for _, desc := range [][3]bool{{false, true, false}, {true, false, false}, {false, false, true}, {true, true, false}, {false, false, false}} {
		cases = append(cases, []cloud.Order{{Column: "vcpus", Desc: desc[0]}, {Column: "name", Desc: desc[1]}, {Column: "created_at", Desc: desc[2]}})
	}
	for _, order := range cases {
		want := ids(sorted(all, order))
		got, err := s.Instances.List(ctx, cloud.Query{Order: order})
		must(t, err)
		if !slices.Equal(ids(got), want) {
			t.Errorf("order %v: the whole list is wrong", order)
			continue
		}
		if pages := collect(t, s.Instances, cloud.Query{Order: order, Limit: 333}); !slices.Equal(pages, want) {
			t.Errorf("order %v: pages forwards are wrong: %d rows of %d", order, len(pages), len(want))
		}
		if pages := collect(t, s.Instances, cloud.Query{Order: order, Limit: 333, Reverse: true}); !slices.Equal(pages, want) {
			t.Errorf("order %v: pages backwards are wrong: %d rows of %d", order, len(pages), len(want))
		}
	}
}

// collect puts all pages together, in order.
func collect(t *testing.T, s cloud.Lister[cloud.Instance], q cloud.Query) (out []string) {
	t.Helper()
	for {
		page, err := s.List(ctx, q)
		must(t, err)
		if len(page) == 0 {
			return out
		}
		if len(page) > q.Limit {
			t.Fatalf("a page has %d rows, the limit is %d", len(page), q.Limit)
		}
		if q.Reverse {
			out, q.After = append(ids(page), out...), string(page[0].ID)
		} else {
			out, q.After = append(out, ids(page)...), string(page[len(page)-1].ID)
		}
	}
}

// While others insert and delete, pages show every row that was there all the
// time exactly once.
func pagingWhileRowsComeAndGo(t *testing.T, s *store.Store) {
	all := fillForPaging(t, s, 1000)
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- comeAndGo(s, stop) }()
	for column := range orders {
		for _, desc := range []bool{false, true} {
			if column == "updated_at" && desc {
				continue // new rows keep coming first; covered by created_at
			}
			seen := map[string]int{}
			for _, id := range collect(t, s.Instances, cloud.Query{Order: []cloud.Order{{Column: column, Desc: desc}}, Limit: 100, Where: []cloud.Cond{cloud.Eq("project_id", "p1")}}) {
				seen[id]++
			}
			for _, i := range all {
				if seen[string(i.ID)] != 1 {
					t.Errorf("by %s (descending: %v): %s was seen %d times", column, desc, i.ID, seen[string(i.ID)])
					break
				}
			}
		}
	}
	close(stop)
	must(t, <-done)
}

// comeAndGo inserts and deletes rows of another project among those that are paged.
func comeAndGo(s *store.Store, stop chan struct{}) error {
	for n := 0; ; n++ {
		select {
		case <-stop:
			return nil
		default:
		}
		id := fmt.Sprintf("i%05d-visitor", n%1000)
		if err := s.Instances.Insert(ctx, instance(id, func(i *cloud.Instance) { i.Name = fmt.Sprint("n", n%100); i.ProjectID = "p2" })); err != nil {
			return err
		}
		if err := s.Instances.Delete(ctx, cloud.InstanceID(id)); err != nil {
			return err
		}
	}
}

// A marker that is not there is the client's mistake; one that the conditions
// exclude still marks its place.
func pagingMarker(t *testing.T, s *store.Store) {
	fillForPaging(t, s, 30)
	_, err := s.Instances.List(ctx, cloud.Query{After: "nobody"})
	e := wantKind(t, err, cloud.Invalid)
	if e.Field != "marker" {
		t.Errorf("the error is about %q", e.Field)
	}
	q := cloud.Query{Order: []cloud.Order{{Column: "id"}}, After: "i00010", Where: []cloud.Cond{cloud.In("id", []string{"i00005", "i00015", "i00016"})}}
	got, err := s.Instances.List(ctx, q)
	must(t, err)
	if !slices.Equal(ids(got), []string{"i00015", "i00016"}) {
		t.Errorf("got %v", ids(got))
	}
	got, err = s.Instances.List(ctx, cloud.Query{Order: []cloud.Order{{Column: "id"}}, Reverse: true, Limit: 2})
	must(t, err)
	if !slices.Equal(ids(got), []string{"i00028", "i00029"}) {
		t.Errorf("the last page is %v", ids(got))
	}
}

// Limit counts kept rows, however rare they are, and keep may use the store.
func pagingKeep(t *testing.T, s *store.Store) {
	fillForPaging(t, s, 1500)
	rare := func(i *cloud.Instance) bool { return i.ID == "i00003" || i.ID > "i01490" }
	q := cloud.Query{Order: []cloud.Order{{Column: "id"}}, Limit: 4}
	got, err := s.Instances.List(ctx, q, rare)
	must(t, err)
	if want := []string{"i00003", "i01491", "i01492", "i01493"}; !slices.Equal(ids(got), want) {
		t.Errorf("got %v, want %v", ids(got), want)
	}
	q.Reverse, q.After = true, "i01493"
	got, err = s.Instances.List(ctx, q, rare)
	must(t, err)
	if want := []string{"i00003", "i01491", "i01492"}; !slices.Equal(ids(got), want) {
		t.Errorf("backwards: got %v, want %v", ids(got), want)
	}
	must(t, s.Update(ctx, func(ctx context.Context) error {
		got, err = s.Instances.List(ctx, cloud.Query{Order: []cloud.Order{{Column: "id"}}}, func(i *cloud.Instance) bool {
			_, err := s.Instances.Get(ctx, i.ID)
			return err == nil && i.ID < "i00010"
		})
		return err
	}))
	if len(got) != 10 {
		t.Errorf("kept %d of 10", len(got))
	}
}

// Rows that are and rows that were can be listed as one, by every order and in pages of either direction, and a list of one kind may
// go on behind a row of the other.
func pagingLivingAndDeleted(t *testing.T, s *store.Store) {
	all := fillForPaging(t, s, 300)
	must(t, s.Update(ctx, func(ctx context.Context) error {
		for k, i := range all {
			if k%3 != 0 {
				continue
			}
			if err := s.DeletedInstances.Insert(ctx, i); err != nil {
				return err
			}
			if err := s.Instances.Delete(ctx, i.ID); err != nil {
				return err
			}
		}
		return nil
	}))
	for column := range orders {
		for _, desc := range []bool{false, true} {
			order := []cloud.Order{{Column: column, Desc: desc}}
			want := ids(sorted(all, order))
			for _, reverse := range []bool{false, true} {
				if pages := collect(t, s.AllInstances, cloud.Query{Order: order, Limit: 37, Reverse: reverse}); !slices.Equal(pages, want) {
					t.Errorf("by %s (descending: %v, reverse: %v): %d rows of %d, or out of order", column, desc, reverse, len(pages), len(want))
				}
			}
			behind, err := s.Instances.List(ctx, cloud.Query{Order: order, After: want[200]})
			must(t, err)
			for _, i := range behind {
				if slices.Index(want, string(i.ID)) <= 200 {
					t.Errorf("by %s (descending: %v): %s is not behind the marker", column, desc, i.ID)
				}
			}
		}
	}
}
