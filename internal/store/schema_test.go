package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// oldFlavors is the table of flavors as an earlier program might have had it: one column
// less, one more, one of another type, no sets, and another unique index.
var oldFlavors = definition[cloud.Flavor, cloud.FlavorID]{
	table: "flavors", resource: "flavor",
	id: func(f *cloud.Flavor) cloud.FlavorID { return f.ID },
	columns: []column[cloud.Flavor]{
		text("name", func(f *cloud.Flavor) any { return f.Name }),
		number("memory_mib", func(f *cloud.Flavor) any { return f.MemoryMiB }),
		text("disk_gib", func(f *cloud.Flavor) any { return fmt.Sprint(f.DiskGiB) }),
		text("obsolete", func(f *cloud.Flavor) any { return "x" }),
	},
	indexes: []index{unique("obsolete", "obsolete", "name", "memory_mib"), by("disk_gib")},
}

// withFlavors is a Store of one table, on the engine of another.
func withFlavors(t *testing.T, e engine, def *definition[cloud.Flavor, cloud.FlavorID]) (*Store, error) {
	t.Helper()
	s := &Store{engine: e, cache: newCache(1 << 20), log: slog.Default()}
	s.Flavors = newTable(s, def)
	return s, s.prepare(context.Background())
}

func engineFor(t *testing.T, url string) engine {
	t.Helper()
	e, err := openEngine(context.Background(), url, Options{Log: slog.Default(), ConnectionsMax: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.close() }) // nothing to lose
	return e
}

// TestMigratedEqualsFresh: a table of an older program becomes what a new database has,
// and its rows are found by the new columns. Twice changes nothing.
func TestMigratedEqualsFresh(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		ctx := context.Background()
		e := engineFor(t, url)
		old, err := withFlavors(t, e, &oldFlavors)
		if err != nil {
			t.Fatal(err)
		}
		for n := range 1200 {
			f := &cloud.Flavor{ID: cloud.FlavorID(fmt.Sprintf("%04d", n)), Name: fmt.Sprint("n", n), Projects: []cloud.ProjectID{"p"}}
			f.VCPUs, f.DiskGiB = n%4, n%10
			if err := old.Flavors.Insert(ctx, f); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			s, err := withFlavors(t, e, &flavors)
			if err != nil {
				t.Fatal(err)
			}
			for cond, want := range map[*cloud.Cond]int64{{Column: "vcpus", Op: cloud.OpEq, Value: 3}: 300,
				{Column: "disk_gib", Op: cloud.OpGe, Value: 9}: 120, {Column: "projects", Op: cloud.OpEq, Value: "p"}: 1200} {
				if n, err := s.Flavors.Count(ctx, *cond); err != nil || n != want {
					t.Errorf("%v: %d rows, want %d, %v", *cond, n, want, err)
				}
			}
			err = s.Flavors.Insert(ctx, &cloud.Flavor{ID: "new", Name: "n1"})
			if !cloud.Is(err, cloud.AlreadyExists) {
				t.Errorf("the new unique index is not in force: %v", err)
			}
		}
		migrated := catalogue(t, e)
		if _, err := withFlavors(t, engineFor(t, freshURL(t, url)), &flavors); err != nil {
			t.Fatal(err)
		}
		fresh := catalogue(t, engineFor(t, freshURL(t, url)))
		if len(fresh) < 15 || !slices.Equal(migrated, fresh) {
			t.Errorf("migrated:\n%s\nfresh:\n%s", strings.Join(migrated, "\n"), strings.Join(fresh, "\n"))
		}
	})
}

// freshURL is a second database of the same test: a file beside the first, or a schema in it.
func freshURL(t *testing.T, url string) string {
	t.Helper()
	if strings.HasPrefix(url, "sqlite:") {
		return url + "-fresh"
	}
	e := engineFor(t, url)
	if err := e.update(context.Background(), func(on session) error {
		_, err := on.exec(context.Background(), "CREATE SCHEMA IF NOT EXISTS fresh")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return url + "&search_path=fresh"
}

// catalogue is what the engine itself says of columns and indexes.
func catalogue(t *testing.T, e engine) (out []string) {
	t.Helper()
	query := `SELECT m.name || ' ' || c.name || ' ' || c.type || ' ' || c."notnull" || ' ' || coalesce(c.dflt_value, '') FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'
		UNION ALL SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL`
	if e.dialect() == postgresDialect {
		query = `SELECT table_name || ' ' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '') || ' ' || coalesce(collation_name, '')
			FROM information_schema.columns WHERE table_schema = current_schema()
			UNION ALL SELECT replace(indexdef, current_schema() || '.', '') FROM pg_indexes WHERE schemaname = current_schema()`
	}
	err := e.read(context.Background(), func(on session) error {
		return on.query(context.Background(), query, nil, func(r row) error {
			var line string
			err := r.Scan(&line)
			out = append(out, line)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

// TestNewerIsRefused: a database of a newer program is left alone, and the error says what to do.
func TestNewerIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		ctx := context.Background()
		s := mustOpen(t, url)
		newer := strings.Replace(s.fingerprint(), fmt.Sprint(Version, " "), fmt.Sprint(Version+1, " "), 1)
		if err := s.writing(ctx, func(on session) error { return s.setMeta(ctx, on, "schema", newer) }); err != nil {
			t.Fatal(err)
		}
		_, err := Open(ctx, url, Options{})
		if err == nil || !strings.Contains(err.Error(), "upgrade nubo") {
			t.Fatalf("got %v", err)
		}
		if have, err := s.meta(ctx, "schema"); err != nil || have != newer {
			t.Errorf("the newer database was changed: %v", err)
		}
	})
}

// TestOpenedAtOnce: processes that start together on a new database all come up.
func TestOpenedAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		errs := make([]error, 6)
		var w sync.WaitGroup
		for n := range errs {
			w.Go(func() {
				s, err := Open(context.Background(), url, Options{ConnectionsMax: 2})
				if err == nil {
					err = s.Flavors.Insert(context.Background(), &cloud.Flavor{ID: cloud.FlavorID(fmt.Sprint(n)), Name: fmt.Sprint(n)})
					err = errors.Join(err, s.Close())
				}
				errs[n] = err
			})
		}
		w.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
	})
}

// TestTwoStores: what one process writes, another on the same database sees at once,
// whatever it remembers; locks, revisions and generations are shared.
func TestTwoStores(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		ctx := context.Background()
		a, b := mustOpen(t, url), mustOpen(t, url)
		if err := a.Instances.Insert(ctx, &cloud.Instance{ID: "i"}); err != nil {
			t.Fatal(err)
		}
		var last int64
		for n := range 40 {
			one, two := a, b
			if n%2 == 1 {
				one, two = b, a
			}
			i, err := one.Instances.Get(ctx, "i")
			if err != nil {
				t.Fatal(err)
			}
			if i.BootSerial != int64(n) {
				t.Fatalf("a stale row: %d instead of %d", i.BootSerial, n)
			}
			i.BootSerial++
			if n%4 == 0 { // a revision that is rolled back here may be given there
				_ = one.Update(ctx, func(ctx context.Context) error {
					undone := *i
					undone.BootSerial = -1
					_ = one.Instances.Update(ctx, &undone)
					_, _ = one.Instances.Get(ctx, "i")
					return errors.New("undo")
				})
			}
			if err := two.Instances.Update(ctx, i); err != nil {
				t.Fatal(err)
			}
			if seen, err := one.Instances.Get(ctx, "i"); err != nil || seen.BootSerial != i.BootSerial {
				t.Fatalf("the other process reads %d, not %d, %v", seen.BootSerial, i.BootSerial, err)
			}
			g, err := one.Generation(ctx)
			if err != nil || g <= last {
				t.Fatalf("generation %d after %d, %v", g, last, err)
			}
			last = g
		}
		countTogether(t, a, b)
	})
}

// countTogether: two processes that count under a lock pass no limit.
func countTogether(t *testing.T, stores ...*Store) {
	t.Helper()
	ctx := context.Background()
	full := errors.New("full")
	var w sync.WaitGroup
	for n := range 40 {
		w.Go(func() {
			s := stores[n%len(stores)]
			err := s.Update(ctx, func(ctx context.Context) error {
				if err := s.Lock(ctx, "flavors"); err != nil {
					return err
				}
				if have, err := s.Flavors.Count(ctx); err != nil || have >= 15 {
					return errors.Join(err, full)
				}
				return s.Flavors.Insert(ctx, &cloud.Flavor{ID: cloud.FlavorID(fmt.Sprint(n)), Name: fmt.Sprint(n)})
			})
			if err != nil && !errors.Is(err, full) {
				t.Error(err)
			}
		})
	}
	w.Wait()
	if n, err := stores[0].Flavors.Count(ctx); err != nil || n != 15 {
		t.Errorf("%d rows under a limit of 15, %v", n, err)
	}
}

// TestBackup: a copy made while others write is whole, is for its owner only, and counts
// on beyond the original.
func TestBackup(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	s := mustOpen(t, "sqlite://"+filepath.Join(dir, "nubo.db"))
	for n := range 100 {
		if err := s.Instances.Insert(ctx, &cloud.Instance{ID: cloud.InstanceID(fmt.Sprint(n))}); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "it's a copy.db")
	if err := s.Backup(ctx, path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy's mode is %v, %v", info.Mode(), err)
	}
	if err := s.Backup(ctx, path); err == nil {
		t.Error("a backup over an existing file did not fail")
	}
	if err := s.Instances.Insert(ctx, &cloud.Instance{ID: "later"}); err != nil {
		t.Fatal(err)
	}
	before, err := s.Generation(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		copied := mustOpen(t, "sqlite://"+path)
		g, err := copied.Generation(ctx)
		if err != nil || g <= before {
			t.Errorf("generation %d of the copy, the original had %d, %v", g, before, err)
		}
		before = g - 1 // the second opening goes on where the first was
		if n, err := copied.Instances.Count(ctx); err != nil || n != 100 {
			t.Errorf("%d rows in the copy, %v", n, err)
		}
		if err := copied.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRestoredElsewhere: a PostgreSQL database that finds itself in another cluster, whose
// transactions are numbered anew, still gives growing generations.
func TestRestoredElsewhere(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		if strings.HasPrefix(url, "sqlite:") {
			t.Skip("SQLite numbers its transactions itself: see TestBackup")
		}
		ctx := context.Background()
		s := mustOpen(t, url)
		before, err := s.Generation(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.writing(ctx, func(on session) error { return s.setMeta(ctx, on, "cluster", "another") }); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			again := mustOpen(t, url)
			after, err := again.Generation(ctx)
			if err != nil || after < before+1e9 {
				t.Fatalf("generation %d after %d, %v", after, before, err)
			}
		}
	})
}

// TestShortIDs: a database whose rows were written before there were short ids finds them by those.
func TestShortIDs(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		ctx, e, id := context.Background(), engineFor(t, url), cloud.FlavorID(cloud.NewID())
		old, err := withFlavors(t, e, &flavors)
		if err != nil {
			t.Fatal(err)
		}
		if err := old.Flavors.Insert(ctx, &cloud.Flavor{ID: id, Name: "old"}); err != nil {
			t.Fatal(err)
		}
		short := flavors
		short.short = true
		s, err := withFlavors(t, e, &short)
		if err != nil {
			t.Fatal(err)
		}
		found, err := s.Flavors.List(ctx, cloud.Where(cloud.In("short_id", []string{cloud.ShortID(id), "0123456789abcdef0"})))
		if err != nil || len(found) != 1 || found[0].ID != id {
			t.Errorf("found %v, %v", found, err)
		}
	})
}
