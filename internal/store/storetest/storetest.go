// Package storetest is the one suite that every database under package store must
// pass, and the quick way to a store for the tests of other packages.
//
// Each test says in its name and comment what it proves. The suite needs an empty
// Store per test; what only one engine has (a file that is killed, two processes on one
// database) is tested beside that engine.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/store"
)

// Memory opens a store that is gone when the test ends.
func Memory(t testing.TB) *store.Store { return Open(t, "sqlite::memory:") }

// Open opens the store at url and closes it when the test ends.
func Open(t testing.TB, url string) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), url, store.Options{})
	if err != nil {
		t.Fatalf("open %s: %v", url, err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// Run runs the whole suite; open answers an empty store for each test.
func Run(t *testing.T, open func(t *testing.T) *store.Store) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, s *store.Store)
	}{
		{"records/life of a row", lifeOfARow},
		{"records/lost update", lostUpdate},
		{"records/insert twice", insertTwice},
		{"records/results belong to the caller", resultsBelongToTheCaller},
		{"records/unique fields", uniqueFields},
		{"records/ledger", ledger},
		{"records/odd text", oddText},
		{"records/one", oneRow},
		{"query/comparisons", comparisons},
		{"query/text is bytes", textIsBytes},
		{"query/sets", sets},
		{"query/many values", manyValues},
		{"query/count and sum", countAndSum},
		{"query/mistakes", queryMistakes},
		{"paging/every order", pagingEveryOrder},
		{"paging/while rows come and go", pagingWhileRowsComeAndGo},
		{"paging/marker", pagingMarker},
		{"paging/keep", pagingKeep},
		{"paging/living and deleted", pagingLivingAndDeleted},
		{"transaction/commit and roll back", commitAndRollBack},
		{"transaction/goes on after a violation", goesOnAfterViolation},
		{"transaction/nested", nested},
		{"transaction/view is steady", viewIsSteady},
		{"transaction/misuse", misuse},
		{"transaction/after", after},
		{"transaction/rolled back rows are forgotten", rolledBackRowsAreForgotten},
		{"transaction/cancelled", cancelled},
		{"contention/lock", lockCounts},
		{"contention/lock order", lockOrder},
		{"contention/addresses", addressesOnce},
		{"contention/lost updates", noLostUpdates},
		{"contention/generation", generation},
		{"contention/mixed", mixedFates},
		{"contention/acknowledged is there", acknowledgedIsThere},
		{"nudge", nudge},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantKind fails unless err is of the kind, and answers it.
func wantKind(t testing.TB, err error, k cloud.Kind) *cloud.Error {
	t.Helper()
	e, ok := cloud.AsError(err)
	if !ok || e.Kind != k {
		t.Fatalf("got error %v, want one of kind %q", err, k)
	}
	return e
}

var errUndo = errors.New("undo")

// together runs n functions at once and answers their errors.
func together(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var w sync.WaitGroup
	for i := range n {
		w.Go(func() { errs[i] = f(i) })
	}
	w.Wait()
	return errs
}

func instance(id string, change ...func(*cloud.Instance)) *cloud.Instance {
	i := &cloud.Instance{ID: cloud.InstanceID(id), ProjectID: "p1", Name: "name-" + id, Phase: cloud.PhaseReady}
	for _, c := range change {
		c(i)
	}
	return i
}

func insertInstances(t testing.TB, s *store.Store, n int, change func(n int, i *cloud.Instance)) {
	t.Helper()
	must(t, s.Update(ctx, func(ctx context.Context) error {
		for k := range n {
			i := instance(fmt.Sprintf("i%05d", k))
			change(k, i)
			if err := s.Instances.Insert(ctx, i); err != nil {
				return err
			}
		}
		return nil
	}))
}

func ids(list []*cloud.Instance) []string {
	out := make([]string, len(list))
	for k, i := range list {
		out[k] = string(i.ID)
	}
	return out
}
