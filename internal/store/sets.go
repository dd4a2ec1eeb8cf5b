package store

import (
	"context"
	"slices"
)

// A set column (a port's security groups, a group's members) lives in a table
// beside its noun's: one row per value, so that "which ports are in this group" reads
// those ports alone. Update compares and writes only what changed.

func setTable(table string) string { return table + "_sets" }

type setValue struct{ column, value string }

// setValues are the values of all set columns of a noun, sorted, each once.
func (t *table[T, ID]) setValues(noun *T) ([]setValue, error) {
	var out []setValue
	for _, c := range t.def.columns {
		if c.kind != kindSet {
			continue
		}
		list, _, err := kindSet.encodeList(c.of(noun))
		if err != nil {
			return nil, internalf(err, "column %s of table %s", c.name, t.shape.table)
		}
		values, _ := list.([]string)
		values = slices.Sorted(slices.Values(values))
		for _, v := range slices.Compact(values) {
			out = append(out, setValue{c.name, v})
		}
	}
	return out, nil
}

// writeSets makes the noun's rows in the set table what they should be.
func (t *table[T, ID]) writeSets(ctx context.Context, on session, noun *T, fresh bool) error {
	if !t.shape.sets() {
		return nil
	}
	want, err := t.setValues(noun)
	if err != nil {
		return err
	}
	id, d, name := cleanText(string(t.def.id(noun))), t.store.engine.dialect(), quoted(setTable(t.shape.table))
	var have []setValue
	if !fresh {
		err := on.query(ctx, d.bind("SELECT col, value FROM "+name+" WHERE id = ?"), []any{id}, func(r row) error {
			var v setValue
			err := r.Scan(&v.column, &v.value)
			have = append(have, v)
			return err
		})
		if err != nil {
			return failed(err, "sets of %s", id)
		}
	}
	for _, v := range without(have, want) {
		if _, err := on.exec(ctx, d.bind("DELETE FROM "+name+" WHERE col = ? AND value = ? AND id = ?"), v.column, v.value, id); err != nil {
			return failed(err, "sets of %s", id)
		}
	}
	for _, v := range without(want, have) {
		if _, err := on.exec(ctx, d.bind("INSERT INTO "+name+" (col, value, id) VALUES (?, ?, ?)"), v.column, v.value, id); err != nil {
			return failed(err, "sets of %s", id)
		}
	}
	return nil
}

// without is what a has and b has not.
func without(a, b []setValue) []setValue {
	there := make(map[setValue]bool, len(b))
	for _, v := range b {
		there[v] = true
	}
	return slices.DeleteFunc(slices.Clone(a), func(v setValue) bool { return there[v] })
}

func (t *table[T, ID]) clearSets(ctx context.Context, on session, id string) error {
	if !t.shape.sets() {
		return nil
	}
	_, err := on.exec(ctx, t.store.engine.dialect().bind("DELETE FROM "+quoted(setTable(t.shape.table))+" WHERE id = ?"), id)
	return failed(err, "sets of %s", id)
}
