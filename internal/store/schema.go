package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Version is the number of the schema. A change of a table's columns or indexes
// needs no new one: it is found by comparing and made by prepare. Raise it, and add to
// migrations, when documents or the meaning of columns change; processes of an
// older version then refuse the database.
const Version = 1

// migrations[n] leads from version n to n+1, before the tables are compared. Each must be
// safe to run twice. After any of them all columns are computed again from the documents.
var migrations = map[int]func(ctx context.Context, on session, d *dialect) error{}

// tableState is what the database says of a table: column name to type, index name to SQL.
// It is kept beside the tables, so that no engine's catalogue must be read.
type tableState struct {
	Columns map[string]string `json:"columns"`
	Indexes map[string]string `json:"indexes"`
	Sets    bool              `json:"sets"`
}

func (s *shape) state(d *dialect) tableState {
	st := tableState{Columns: map[string]string{}, Indexes: map[string]string{}, Sets: s.sets()}
	for _, c := range s.columns {
		if c.kind != kindSet {
			st.Columns[c.name] = d.types[c.kind]
		}
	}
	for _, i := range s.indexes {
		st.Indexes[i.name] = s.indexSQL(i)
	}
	return st
}

func (s *shape) indexSQL(i index) string {
	// The revision is not in any index: lists would read keys a little faster (4.8 ms for 5.5 ms per
	// thousand), but each write would touch every index (0.37 ms for 0.26 ms).
	columns, kind := slices.Clone(i.columns), "INDEX"
	if i.unique {
		kind = "UNIQUE INDEX"
	} else {
		columns = append(columns, "id")
	}
	sql := "CREATE " + kind + " " + quoted(i.name) + " ON " + quoted(s.table) + " (" + quotedList(columns) + ")"
	if i.where != "" {
		sql += " WHERE " + i.where
	}
	return sql
}

// createSQL makes the table without its indexes.
func (s *shape) createSQL(d *dialect) string {
	var b strings.Builder
	b.WriteString("CREATE TABLE " + quoted(s.table) + " (id " + d.types[kindText] + " PRIMARY KEY NOT NULL")
	for _, c := range s.columns[1:] {
		if c.kind != kindSet {
			b.WriteString(", " + columnSQL(d, c.name, c.kind))
		}
	}
	b.WriteString(", doc text NOT NULL)")
	return b.String()
}

func columnSQL(d *dialect, name string, k kind) string {
	zero := "0"
	if k == kindText || k == kindFold {
		zero = "''"
	}
	return quoted(name) + " " + d.types[k] + " NOT NULL DEFAULT " + zero
}

func (s *shape) createSetsSQL(d *dialect) []string {
	name, txt := setTable(s.table), d.types[kindText]
	return []string{
		"CREATE TABLE " + quoted(name) + " (col " + txt + " NOT NULL, value " + txt + " NOT NULL, id " + txt +
			" NOT NULL, PRIMARY KEY (col, value, id))",
		"CREATE INDEX " + quoted(name+"_id_idx") + " ON " + quoted(name) + " (id)",
	}
}

// prepare makes the database what this program needs: creates what is missing, runs
// migrations, adds and fills columns, makes and drops indexes. Processes that start
// at once take turns; the second finds nothing to do.
func (s *Store) prepare(ctx context.Context) error {
	want := s.fingerprint()
	if have, err := s.meta(ctx, "schema"); err == nil && have == want {
		return s.afterRestore(ctx)
	}
	err := s.engine.alone(ctx, func(on session) error {
		for _, q := range s.engine.dialect().base() {
			if _, err := on.exec(ctx, q); err != nil {
				return err
			}
		}
		if err := s.migrate(ctx, on); err != nil {
			return err
		}
		return s.setMeta(ctx, on, "schema", want)
	})
	if err != nil {
		return failed(err, "prepare the database")
	}
	return s.afterRestore(ctx)
}

// base makes what exists before any table of ours.
func (d *dialect) base() []string {
	meta := "CREATE TABLE IF NOT EXISTS nubo_meta (name " + d.types[kindText] + " PRIMARY KEY NOT NULL, value text NOT NULL)"
	if d.numbered {
		return []string{meta, "CREATE SEQUENCE IF NOT EXISTS nubo_revision"}
	}
	return []string{meta, "CREATE TABLE IF NOT EXISTS nubo_counter (n INTEGER NOT NULL)",
		"INSERT INTO nubo_counter (n) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM nubo_counter)"}
}

// fingerprint is the whole schema as text, with its version.
func (s *Store) fingerprint() string {
	all := map[string]tableState{}
	for _, sh := range s.shapes {
		all[sh.table] = sh.state(s.engine.dialect())
	}
	b, err := json.Marshal(all)
	if err != nil {
		panic("store: a map of strings does not encode: " + err.Error())
	}
	return strconv.Itoa(Version) + " " + string(b)
}

// migrate brings each table from the state the database says it has to the wanted one.
func (s *Store) migrate(ctx context.Context, on session) error {
	d := s.engine.dialect()
	old, err := metaIn(ctx, on, d, "schema")
	if err != nil {
		return err
	}
	have := map[string]tableState{}
	version := Version
	if old != "" {
		number, states, _ := strings.Cut(old, " ")
		if version, err = strconv.Atoi(number); err != nil {
			return fmt.Errorf("schema version: %w", err)
		}
		if err := json.Unmarshal([]byte(states), &have); err != nil {
			return fmt.Errorf("schema description: %w", err)
		}
	}
	if version > Version {
		return unavailable(nil, "the database has schema version %d and was written by a newer nubo; this one knows up to %d: upgrade nubo", version, Version)
	}
	for v := version; v < Version; v++ {
		if m := migrations[v]; m != nil {
			if err := m(ctx, on, d); err != nil {
				return fmt.Errorf("migration from version %d: %w", v, err)
			}
		}
	}
	for i, sh := range s.shapes {
		before, there := have[sh.table]
		if err := s.migrateTable(ctx, on, s.tables[i], sh, before, there, version < Version); err != nil {
			return fmt.Errorf("table %s: %w", sh.table, err)
		}
	}
	return nil
}

func (s *Store) migrateTable(ctx context.Context, on session, t reindexer, sh *shape, have tableState, there, refill bool) error {
	d := s.engine.dialect()
	want := sh.state(d)
	var steps []string
	if !there {
		steps = append(steps, sh.createSQL(d))
	} else {
		steps = append(steps, dropIndexes(have, want)...)
		steps = append(steps, alterColumns(d, sh, have, want)...)
		refill = refill || len(steps) > 0
	}
	if want.Sets && !have.Sets {
		steps = append(steps, sh.createSetsSQL(d)...)
		refill = true
	}
	for _, q := range steps {
		if _, err := on.exec(ctx, q); err != nil {
			return err
		}
	}
	if there && refill {
		if err := t.reindex(ctx, on); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want.Indexes)) {
		if have.Indexes[name] != want.Indexes[name] {
			if _, err := on.exec(ctx, want.Indexes[name]); err != nil {
				return err
			}
		}
	}
	return nil
}

// dropIndexes drops the indexes that are gone or were changed; changed ones are made again.
func dropIndexes(have, want tableState) (steps []string) {
	for _, name := range slices.Sorted(maps.Keys(have.Indexes)) {
		if have.Indexes[name] != want.Indexes[name] {
			steps = append(steps, "DROP INDEX IF EXISTS "+quoted(name))
		}
	}
	return steps
}

func alterColumns(d *dialect, sh *shape, have, want tableState) (steps []string) {
	table := "ALTER TABLE " + quoted(sh.table)
	for _, name := range slices.Sorted(maps.Keys(have.Columns)) {
		if have.Columns[name] != want.Columns[name] {
			steps = append(steps, table+" DROP COLUMN "+quoted(name))
		}
	}
	for _, c := range sh.columns {
		if c.kind != kindSet && have.Columns[c.name] != want.Columns[c.name] {
			steps = append(steps, table+" ADD COLUMN "+columnSQL(d, c.name, c.kind))
		}
	}
	return steps
}

// reindexer computes the columns of all rows again from their documents.
type reindexer interface {
	reindex(ctx context.Context, on session) error
}

// reindex leaves revisions as they are: the nouns do not change.
func (t *table[T, ID]) reindex(ctx context.Context, on session) error {
	d, name := t.store.engine.dialect(), quoted(t.shape.table)
	assign := "id = id"
	for _, c := range t.def.columns {
		if c.kind != kindSet {
			assign += ", " + quoted(c.name) + " = ?"
		}
	}
	update := d.bind("UPDATE " + name + " SET " + assign + " WHERE id = ?")
	read := d.bind("SELECT id, revision, doc FROM " + name + " WHERE id > ? ORDER BY id LIMIT 500")
	for last := ""; ; {
		var rows []*T
		err := on.query(ctx, read, []any{last}, func(r row) error {
			var key rowKey
			var doc []byte
			if err := r.Scan(&key.id, &key.revision, &doc); err != nil {
				return err
			}
			noun := new(T)
			rows, last = append(rows, noun), key.id
			return json.Unmarshal(doc, noun)
		})
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, noun := range rows {
			if err := t.refill(ctx, on, update, noun); err != nil {
				return err
			}
		}
	}
}

func (t *table[T, ID]) refill(ctx context.Context, on session, update string, noun *T) error {
	args, err := t.values(noun)
	if err != nil {
		return err
	}
	args = append(args[2:len(args)-1], cleanText(string(t.def.id(noun)))) // without times and document
	if _, err := on.exec(ctx, update, args...); err != nil {
		return err
	}
	return t.writeSets(ctx, on, noun, false)
}

// meta reads one fact that the store keeps about itself; "" if it is not there.
func (s *Store) meta(ctx context.Context, name string) (value string, err error) {
	err = s.engine.read(ctx, func(on session) error {
		value, err = metaIn(ctx, on, s.engine.dialect(), name)
		return err
	})
	return value, err
}

func metaIn(ctx context.Context, on session, d *dialect, name string) (value string, err error) {
	_, err = one(ctx, on, d.bind("SELECT value FROM nubo_meta WHERE name = ?"), []any{name}, &value)
	return value, err
}

func (s *Store) setMeta(ctx context.Context, on session, name, value string) error {
	_, err := on.exec(ctx, s.engine.dialect().bind("INSERT INTO nubo_meta (name, value) VALUES (?, ?)"+
		" ON CONFLICT (name) DO UPDATE SET value = excluded.value"), name, value)
	return err
}

// restoredMark is set in a backup. Its first opening finds the mark and counts on
// from the time of day in microseconds: more than the original ever counted, so
// that hosts which saw later states of the original still see numbers grow.
const restoredMark = "restored"

func (s *Store) afterRestore(ctx context.Context) error {
	if e, ok := s.engine.(*postgresEngine); ok {
		return failed(e.settle(ctx, s), "settle in this PostgreSQL cluster")
	}
	mark, err := s.meta(ctx, restoredMark)
	if err != nil || mark == "" {
		return failed(err, "read the database's marks")
	}
	return s.engine.alone(ctx, func(on session) error {
		if err := on.countFrom(ctx, time.Now().UnixMicro()); err != nil {
			return failed(err, "count on after a restore")
		}
		return failed(s.setMeta(ctx, on, restoredMark, ""), "count on after a restore")
	})
}
