package store

import (
	"context"
	"encoding/json"
	"net/netip"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/store/pgtest"
)

// onBoth runs a test with the URL of an empty database on each engine.
func onBoth(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, "sqlite://"+filepath.Join(t.TempDir(), "nubo.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, pgtest.Start(t)) })
}

func mustOpen(t *testing.T, url string) *Store {
	t.Helper()
	s, err := Open(context.Background(), url, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // may be closed already
	return s
}

// TestEveryNoun stores each noun with every field set and gets back the same; each of its
// columns can be ordered by, and finds it by its value.
func TestEveryNoun(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		s := mustOpen(t, url)
		for i, table := range s.tables {
			t.Run(s.shapes[i].table, table.(interface{ check(*testing.T) }).check)
		}
	})
}

func (t *table[T, ID]) check(tt *testing.T) {
	ctx, noun := context.Background(), new(T)
	fillValue(reflect.ValueOf(noun).Elem())
	if err := t.Insert(ctx, noun); err != nil {
		tt.Fatal(err)
	}
	got, err := t.Get(ctx, t.def.id(noun))
	if err != nil {
		tt.Fatal(err)
	}
	if !reflect.DeepEqual(got, noun) {
		tt.Fatalf("got  %+v\nwant %+v", got, noun)
	}
	for _, c := range t.def.columns {
		t.checkColumn(tt, c, noun)
	}
}

func (t *table[T, ID]) checkColumn(tt *testing.T, c column[T], noun *T) {
	q := cloud.Query{Where: []cloud.Cond{cloud.Eq(c.name, c.of(noun))}, Order: []cloud.Order{{Column: c.name, Desc: true}}}
	if c.kind == kindSet {
		q = cloud.Where(cloud.In(c.name, c.of(noun)))
		if reflect.ValueOf(c.of(noun)).Len() == 0 {
			tt.Errorf("column %s is empty: the test proves nothing", c.name)
		}
	}
	found, err := t.List(context.Background(), q)
	if err != nil || len(found) != 1 {
		tt.Errorf("by column %s: %d rows, %v", c.name, len(found), err)
	}
}

// fillValue sets everything that JSON keeps to something.
func fillValue(v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 1, 2, 3, 4, 5, 678000, time.UTC)))
		return
	case netip.Addr:
		v.Set(reflect.ValueOf(netip.MustParseAddr("10.1.2.3")))
		return
	case netip.Prefix:
		v.Set(reflect.ValueOf(netip.MustParsePrefix("10.1.2.0/24")))
		return
	case json.RawMessage:
		v.Set(reflect.ValueOf(json.RawMessage(`{"a":1}`)))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("Text of it")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Float64:
		v.SetFloat(1.5)
	case reflect.Uint8:
		v.SetUint(9)
	case reflect.Interface:
		v.Set(reflect.ValueOf("anything"))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillValue(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fillValue(v.Index(0))
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fillValue(key)
		fillValue(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.Tag.Get("json") != "-" && f.Name != "Local" { // a local disk has no volume
				fillValue(v.Field(i))
			}
		}
	}
}

// TestNames: PostgreSQL cuts names at 63 bytes, and then they collide.
func TestNames(t *testing.T) {
	s := mustOpen(t, "sqlite::memory:")
	seen := map[string]bool{}
	for _, sh := range s.shapes {
		for _, i := range sh.indexes {
			if len(i.name) > 63 || seen[i.name] {
				t.Errorf("index name %s is too long or taken", i.name)
			}
			seen[i.name] = true
			for _, c := range i.columns {
				if col, err := sh.column(c); err != nil || col.kind == kindSet {
					t.Errorf("index %s: column %s: %v", i.name, c, err)
				}
			}
		}
	}
}
