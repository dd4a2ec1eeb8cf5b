package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/store"
)

// 64 who count under a lock before they insert never pass the limit, and reach it.
func lockCounts(t *testing.T, s *store.Store) {
	const limit = 20
	full := errors.New("full")
	errs := together(64, func(n int) error {
		return s.Update(ctx, func(ctx context.Context) error {
			if err := s.Lock(ctx, "quota/p1"); err != nil {
				return err
			}
			have, err := s.Instances.Count(ctx, cloud.Eq("project_id", "p1"))
			if err != nil {
				return err
			}
			if have >= limit {
				return full
			}
			return s.Instances.Insert(ctx, instance(fmt.Sprint(n)))
		})
	})
	went := 0
	for _, err := range errs {
		switch {
		case err == nil:
			went++
		case !errors.Is(err, full):
			t.Fatal(err)
		}
	}
	have, err := s.Instances.Count(ctx)
	must(t, err)
	if went != limit || have != limit {
		t.Fatalf("%d went through, %d rows, limit %d", went, have, limit)
	}
}

// Transactions that lock two names in opposite orders all go through: a deadlock is
// resolved by running one of them again, and its After runs once.
func lockOrder(t *testing.T, s *store.Store) {
	var mu sync.Mutex
	ran := 0
	errs := together(16, func(n int) error {
		return s.Update(ctx, func(ctx context.Context) error {
			names := []string{"a", "b"}
			if n%2 == 1 {
				slices.Reverse(names)
			}
			for _, name := range names {
				if err := s.Lock(ctx, name); err != nil {
					return fmt.Errorf("lock: %w", err)
				}
			}
			s.After(ctx, func() { mu.Lock(); ran++; mu.Unlock() })
			return s.Instances.Insert(ctx, instance(fmt.Sprint(n)))
		})
	})
	must(t, errors.Join(errs...))
	if ran != 16 {
		t.Fatalf("After ran %d times for 16 transactions", ran)
	}
}

// 64 who take the first free address of 50, trying the next when it is taken, get
// each address once and no more.
func addressesOnce(t *testing.T, s *store.Store) {
	const free = 50
	none := errors.New("none left")
	errs := together(64, func(n int) error {
		return s.Update(ctx, func(ctx context.Context) error {
			for a := range free {
				u := &cloud.AddressUse{ID: fmt.Sprintf("s/10.0.0.%d", a), SubnetID: "s", Sort: fmt.Sprintf("%02x", a), PortID: cloud.PortID(fmt.Sprint(n))}
				switch err := s.AddressUses.Insert(ctx, u); {
				case err == nil:
					return nil
				case !cloud.Is(err, cloud.AlreadyExists):
					return err
				}
			}
			return none
		})
	})
	got := 0
	for _, err := range errs {
		switch {
		case err == nil:
			got++
		case !errors.Is(err, none):
			t.Fatal(err)
		}
	}
	rows, err := s.AddressUses.List(ctx, cloud.Query{})
	must(t, err)
	ports := map[cloud.PortID]bool{}
	for _, u := range rows {
		ports[u.PortID] = true
	}
	if got != free || len(rows) != free || len(ports) != free {
		t.Fatalf("%d succeeded, %d addresses for %d ports, want %d", got, len(rows), len(ports), free)
	}
}

// Many who read, add one and write, and try again on Conflict, lose nothing.
func noLostUpdates(t *testing.T, s *store.Store) {
	must(t, s.Instances.Insert(ctx, instance("a")))
	const each = 10
	errs := together(8, func(int) error {
		for n := 0; n < each; {
			i, err := s.Instances.Get(ctx, "a")
			if err != nil {
				return err
			}
			i.BootSerial++
			switch err := s.Instances.Update(ctx, i); {
			case err == nil:
				n++
			case !cloud.Is(err, cloud.Conflict):
				return err
			}
		}
		return nil
	})
	must(t, errors.Join(errs...))
	i, err := s.Instances.Get(ctx, "a")
	must(t, err)
	if i.BootSerial != 8*each {
		t.Fatalf("counted %d of %d", i.BootSerial, 8*each)
	}
}

// Of two states read in Views, the one with more in it has the larger generation, and equal
// generations are equal states, while many write.
func generation(t *testing.T, s *store.Store) {
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for w := range 6 {
		writers.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				id := fmt.Sprintf("%d-%d", w, n)
				_ = s.Update(ctx, func(ctx context.Context) error { // some fail on purpose
					if err := s.Instances.Insert(ctx, instance(id)); err != nil {
						return err
					}
					if n%5 == 0 {
						return errUndo
					}
					return s.Instances.Insert(ctx, instance(id+"b"))
				})
			}
		})
	}
	type state struct{ generation, rows int64 }
	var mu sync.Mutex
	var seen []state
	var most int64
	enough := func() int64 {
		mu.Lock()
		defer mu.Unlock()
		return most
	}
	errs := together(4, func(int) error {
		// Until enough was written meanwhile: on a busy machine the writers may start late.
		patience := time.Now().Add(time.Minute)
		for n := 0; n < 60 || enough() < 100 && time.Now().Before(patience); n++ {
			var one state
			err := s.View(ctx, func(ctx context.Context) (err error) {
				if one.rows, err = s.Instances.Count(ctx); err != nil {
					return err
				}
				one.generation, err = s.Generation(ctx)
				return err
			})
			if err != nil {
				return err
			}
			mu.Lock()
			seen, most = append(seen, one), max(most, one.rows)
			mu.Unlock()
		}
		return nil
	})
	close(stop)
	writers.Wait()
	must(t, errors.Join(errs...))
	slices.SortFunc(seen, func(a, b state) int {
		if a.generation != b.generation {
			return int(a.generation - b.generation)
		}
		return int(a.rows - b.rows)
	})
	for n := 1; n < len(seen); n++ {
		a, b := seen[n-1], seen[n]
		if b.rows < a.rows || a.generation == b.generation && a.rows != b.rows {
			t.Fatalf("generation %d had %d rows, generation %d has %d", a.generation, a.rows, b.generation, b.rows)
		}
	}
	if seen[0].rows == seen[len(seen)-1].rows {
		t.Fatal("nothing was written meanwhile: the test proves nothing")
	}
}

// What Update has acknowledged, everybody reads at once, also when its commit was
// shared with others'.
func acknowledgedIsThere(t *testing.T, s *store.Store) {
	errs := together(16, func(w int) error {
		for n := range 20 {
			id := cloud.InstanceID(fmt.Sprint(w, "-", n))
			if err := s.Instances.Insert(ctx, instance(string(id))); err != nil {
				return err
			}
			if _, err := s.Instances.Get(ctx, id); err != nil {
				return fmt.Errorf("acknowledged, but: %w", err)
			}
		}
		return nil
	})
	must(t, errors.Join(errs...))
}

// Transactions that share a commit keep their own fates: those that fail, panic or lose
// patience leave nothing, all others are there.
func mixedFates(t *testing.T, s *store.Store) {
	const n = 200
	errs := together(n, func(k int) (err error) {
		r := rand.New(rand.NewPCG(7, uint64(k)))
		ctx := ctx
		if k%5 == 3 {
			var stop func()
			ctx, stop = context.WithTimeout(ctx, time.Duration(r.IntN(8000))*time.Microsecond)
			defer stop()
		}
		defer func() {
			if recover() != nil {
				err = errUndo
			}
		}()
		return s.Update(ctx, func(ctx context.Context) error {
			if err := s.Instances.Insert(ctx, instance(fmt.Sprint(k))); err != nil {
				return err
			}
			if err := s.Instances.Insert(ctx, instance(fmt.Sprint(k, "b"))); err != nil {
				return err
			}
			switch k % 5 {
			case 1:
				return errUndo
			case 2:
				panic("boom")
			}
			return nil
		})
	})
	for k, err := range errs {
		if k%5 == 3 && err != nil && exists(t, s, ctx, cloud.InstanceID(fmt.Sprint(k))) != exists(t, s, ctx, cloud.InstanceID(fmt.Sprint(k, "b"))) {
			t.Errorf("half of transaction %d is there", k)
		}
		if k%5 == 3 && err != nil {
			continue // the answer may have been lost, but not half of it
		}
		want := k%5 == 0 || k%5 == 3 || k%5 == 4
		if (err == nil) != want {
			t.Errorf("transaction %d ended with %v", k, err)
		}
		for _, id := range []string{fmt.Sprint(k), fmt.Sprint(k, "b")} {
			if exists(t, s, ctx, cloud.InstanceID(id)) != want {
				t.Errorf("row %s of transaction %d: there should be %v", id, k, want)
			}
		}
	}
}

// A nudge wakes after the commit, others' topics and failed transactions do not, and
// after stop nothing does.
func nudge(t *testing.T, s *store.Store) {
	woken := make(chan string, 100)
	stop, err := s.Listen(ctx, "work", func() {
		if !exists(t, s, ctx, "a") {
			woken <- "too early"
			return
		}
		woken <- "work"
	})
	must(t, err)
	stopOther, err := s.Listen(ctx, "other", func() { woken <- "other" })
	must(t, err)
	_ = s.Update(ctx, func(ctx context.Context) error { s.Nudge(ctx, "other"); return errUndo })
	must(t, s.Update(ctx, func(ctx context.Context) error {
		s.Nudge(ctx, "work")
		return s.Instances.Insert(ctx, instance("a"))
	}))
	select {
	case got := <-woken:
		if got != "work" {
			t.Fatalf("woken: %s", got)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the nudge did not arrive")
	}
	stop()
	stop()
	s.Nudge(ctx, "work")
	s.Nudge(ctx, "other") // arrives after the one before
	if got := <-woken; got != "other" {
		t.Fatalf("after stop: %s", got)
	}
	stopOther()
}
