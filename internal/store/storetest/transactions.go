package storetest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/store"
)

func exists(t *testing.T, s *store.Store, ctx context.Context, id cloud.InstanceID) bool {
	t.Helper()
	_, err := s.Instances.Get(ctx, id)
	if err != nil && !cloud.Is(err, cloud.NotFound) {
		t.Fatal(err)
	}
	return err == nil
}

// All of a transaction is there or nothing, also when it ends in a panic, and it
// sees its own changes before.
func commitAndRollBack(t *testing.T, s *store.Store) {
	body := func(end error) func(ctx context.Context) error {
		return func(ctx context.Context) error {
			must(t, s.Instances.Insert(ctx, instance("a")))
			must(t, s.Instances.Insert(ctx, instance("b")))
			if !exists(t, s, ctx, "a") {
				t.Error("a transaction does not see what it inserted")
			}
			if list, err := s.Instances.List(ctx, cloud.Query{}); err != nil || len(list) != 2 {
				t.Errorf("a transaction lists %v, %v", ids(list), err)
			}
			return end
		}
	}
	if err := s.Update(ctx, body(errUndo)); err != errUndo { // as it is, not wrapped
		t.Fatalf("Update answered %v", err)
	}
	func() {
		defer func() {
			if recover() != "boom" {
				t.Error("the panic did not reach the caller")
			}
		}()
		_ = s.Update(ctx, func(ctx context.Context) error {
			must(t, body(nil)(ctx))
			panic("boom")
		})
	}()
	if exists(t, s, ctx, "a") {
		t.Fatal("a row of a failed transaction is there")
	}
	must(t, s.Update(ctx, body(nil)))
	if !exists(t, s, ctx, "a") || !exists(t, s, ctx, "b") {
		t.Fatal("a committed row is not there")
	}
}

// A caller may go on after AlreadyExists and keeps what it wrote before.
func goesOnAfterViolation(t *testing.T, s *store.Store) {
	must(t, s.Flavors.Insert(ctx, &cloud.Flavor{ID: "1", Name: "taken"}))
	must(t, s.Update(ctx, func(ctx context.Context) error {
		must(t, s.Instances.Insert(ctx, instance("a")))
		wantKind(t, s.Flavors.Insert(ctx, &cloud.Flavor{ID: "2", Name: "taken"}), cloud.AlreadyExists)
		wantKind(t, s.Instances.Insert(ctx, instance("a")), cloud.AlreadyExists)
		wantKind(t, s.Instances.Delete(ctx, "nobody"), cloud.NotFound)
		return s.Flavors.Insert(ctx, &cloud.Flavor{ID: "2", Name: "free"})
	}))
	if !exists(t, s, ctx, "a") {
		t.Fatal("the row written before the violation is not there")
	}
	_, err := s.Flavors.Get(ctx, "2")
	must(t, err)
}

// An inner Update is part of the outer one: its error undoes nothing by itself.
func nested(t *testing.T, s *store.Store) {
	must(t, s.Update(ctx, func(ctx context.Context) error {
		err := s.Update(ctx, func(ctx context.Context) error {
			must(t, s.Instances.Insert(ctx, instance("a")))
			return errUndo
		})
		if !errors.Is(err, errUndo) {
			t.Errorf("the inner Update answered %v", err)
		}
		return s.View(ctx, func(ctx context.Context) error {
			if !exists(t, s, ctx, "a") {
				t.Error("a View in the Update does not see its rows")
			}
			return nil
		})
	}))
	if !exists(t, s, ctx, "a") {
		t.Fatal("the inner Update's row is not there though the outer one went well")
	}
}

// A View sees one state from its first read on, also through the cache.
func viewIsSteady(t *testing.T, s *store.Store) {
	insertInstances(t, s, 20, func(n int, i *cloud.Instance) {})
	must(t, s.View(ctx, func(view context.Context) error {
		before, err := s.Instances.List(view, cloud.Query{})
		must(t, err)
		generation, err := s.Generation(view)
		must(t, err)
		i, err := s.Instances.Get(ctx, "i00003")
		must(t, err)
		i.Name = "changed"
		must(t, s.Instances.Update(ctx, i))
		must(t, s.Instances.Delete(ctx, "i00004"))
		must(t, s.Instances.Insert(ctx, instance("new")))
		if now, err := s.Instances.List(ctx, cloud.Query{}); err != nil || len(now) != 20 {
			t.Errorf("others see %d rows, %v", len(now), err)
		}
		again, err := s.Instances.List(view, cloud.Query{})
		must(t, err)
		if !slices.EqualFunc(before, again, func(a, b *cloud.Instance) bool { return a.ID == b.ID && a.Revision == b.Revision && a.Name == b.Name }) {
			t.Error("the View's list changed")
		}
		if i, err := s.Instances.Get(view, "i00003"); err != nil || i.Name == "changed" {
			t.Errorf("the View sees %v, %v", i, err)
		}
		if exists(t, s, view, "new") || !exists(t, s, view, "i00004") {
			t.Error("the View sees later inserts or deletes")
		}
		if again, err := s.Generation(view); err != nil || again != generation {
			t.Errorf("the View's generation went from %d to %d, %v", generation, again, err)
		}
		return nil
	}))
}

// Using transactions wrongly is told at once.
func misuse(t *testing.T, s *store.Store) {
	var escaped context.Context
	must(t, s.View(ctx, func(ctx context.Context) error {
		wantKind(t, s.Update(ctx, func(context.Context) error { t.Error("ran"); return nil }), cloud.Internal)
		wantKind(t, s.Instances.Insert(ctx, instance("a")), cloud.Internal)
		wantKind(t, s.Lock(ctx, "x"), cloud.Internal)
		return nil
	}))
	wantKind(t, s.Lock(ctx, "x"), cloud.Internal)
	must(t, s.Update(ctx, func(ctx context.Context) error { escaped = ctx; return nil }))
	_, err := s.Instances.Get(escaped, "a")
	wantKind(t, err, cloud.Internal)
	wantKind(t, s.Instances.Insert(escaped, instance("a")), cloud.Internal)
}

// After runs what it was given in order, when the rows are there for others, and not if they
// never will be.
func after(t *testing.T, s *store.Store) {
	var ran []string
	add := func(what string) func() { return func() { ran = append(ran, what) } }
	must(t, s.Update(ctx, func(tx context.Context) error {
		s.After(tx, add("1"))
		must(t, s.Instances.Insert(tx, instance("a")))
		must(t, s.Update(tx, func(tx context.Context) error { s.After(tx, add("2")); return nil }))
		s.After(tx, func() {
			if !exists(t, s, ctx, "a") {
				t.Error("After ran before the row was there")
			}
			must(t, s.Instances.Insert(ctx, instance("b")))
		})
		s.After(tx, add("3"))
		if len(ran) != 0 {
			t.Error("After ran within the transaction")
		}
		return nil
	}))
	_ = s.Update(ctx, func(tx context.Context) error { s.After(tx, add("undone")); return errUndo })
	s.After(ctx, add("4"))
	must(t, s.View(ctx, func(tx context.Context) error { s.After(tx, add("5")); return nil }))
	if want := []string{"1", "2", "3", "4", "5"}; !slices.Equal(ran, want) {
		t.Fatalf("ran %v, want %v", ran, want)
	}
}

// Rows that were read inside a transaction which then failed are not taken for
// later ones.
func rolledBackRowsAreForgotten(t *testing.T, s *store.Store) {
	must(t, s.Instances.Insert(ctx, instance("a")))
	set := func(name string, end error) error {
		return s.Update(ctx, func(ctx context.Context) error {
			i, err := s.Instances.Get(ctx, "a")
			must(t, err)
			i.Name = name
			must(t, s.Instances.Update(ctx, i))
			i, err = s.Instances.Get(ctx, "a")
			must(t, err)
			list, err := s.Instances.List(ctx, cloud.Query{})
			must(t, err)
			if i.Name != name || list[0].Name != name {
				t.Errorf("the transaction reads %s and %s, wrote %s", i.Name, list[0].Name, name)
			}
			return end
		})
	}
	for range 3 {
		if err := set("undone", errUndo); !errors.Is(err, errUndo) {
			t.Fatal(err)
		}
		must(t, set("done", nil))
		i, err := s.Instances.Get(ctx, "a")
		must(t, err)
		list, err := s.Instances.List(ctx, cloud.Query{})
		must(t, err)
		if i.Name != "done" || list[0].Name != "done" {
			t.Fatalf("read %s and %s", i.Name, list[0].Name)
		}
	}
}

// Who waits for a lock or for the writer stops waiting when its context ends, and the
// store goes on.
func cancelled(t *testing.T, s *store.Store) {
	held, end := make(chan struct{}), make(chan struct{})
	first := make(chan error, 1)
	go func() {
		first <- s.Update(ctx, func(ctx context.Context) error {
			if err := s.Lock(ctx, "x"); err != nil {
				return err
			}
			close(held)
			<-end
			return s.Instances.Insert(ctx, instance("first"))
		})
	}()
	<-held
	short, stop := context.WithTimeout(ctx, 50*time.Millisecond)
	defer stop()
	err := s.Update(short, func(ctx context.Context) error {
		if err := s.Lock(ctx, "x"); err != nil {
			return err
		}
		return s.Instances.Insert(ctx, instance("second"))
	})
	e := wantKind(t, err, cloud.Unavailable)
	if !errors.Is(e, context.DeadlineExceeded) {
		t.Errorf("the error does not say why: %v", e)
	}
	close(end)
	must(t, <-first)
	if !exists(t, s, ctx, "first") || exists(t, s, ctx, "second") {
		t.Error("the wrong row is there")
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	wantKind(t, s.Instances.Insert(gone, instance("third")), cloud.Unavailable)
	must(t, s.Instances.Insert(ctx, instance("third")))
}
