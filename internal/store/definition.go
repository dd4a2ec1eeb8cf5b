package store

import (
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// definition says how one noun is stored. It is data: nouns_*.go hold one per noun.
type definition[T any, ID ~string] struct {
	table    string // name in the database
	resource string // name in errors
	id       func(*T) ID
	columns  []column[T]
	indexes  []index
	// ledger: rows are added, never changed or removed.
	ledger bool
	// other is a table of the same columns that rows move to: a page may start behind one that lies there.
	other string
	// short: rows are found by the short form of their id, too.
	short bool
}

// shortened is the definition with what short asks for.
func (d *definition[T, ID]) shortened() *definition[T, ID] {
	if !d.short {
		return d
	}
	with := *d
	with.columns = append(slices.Clone(d.columns), text("short_id", func(t *T) any { return cloud.ShortID(d.id(t)) }))
	with.indexes = append(slices.Clone(d.indexes), unique("id", "short_id")) // equal short ids are equal ids
	return &with
}

// markerTables are where the row that a page starts behind may lie.
func (d *definition[T, ID]) markerTables() []string {
	if d.other == "" {
		return []string{d.table}
	}
	return []string{d.table, d.other}
}

// index is an index of a table. A unique one says in field what is taken when it is violated.
type index struct {
	columns []string
	unique  bool
	field   string // for unique: the column that the error names
	where   string // SQL, for partial ones; the same text on both engines
	name    string // made from the columns when empty
}

// by is an index for filtering and paging: the id is added as the last column.
func by(columns ...string) index { return index{columns: columns} }

// unique makes rows with equal columns collide; the error names field.
func unique(field string, columns ...string) index {
	return index{columns: columns, unique: true, field: field}
}

// only makes an index hold nothing but the rows for which the condition is true. Other
// than on unique indexes it must be about a flag: conditions on those are the only ones
// that a planner sees the value of.
func (i index) only(where string) index {
	i.where = where
	return i
}

// shape is a definition without its types: what the schema and the queries need.
type shape struct {
	table    string
	resource string
	columns  []shapeColumn // id, revision and the times first
	indexes  []index
	ledger   bool
}

type shapeColumn struct {
	name string
	kind kind
}

// metaColumns are the columns that every table has.
var metaColumns = []shapeColumn{
	{"id", kindText}, {"revision", kindNumber}, {"created_at", kindInstant}, {"updated_at", kindInstant}}

func (d *definition[T, ID]) shape() *shape {
	s := &shape{table: d.table, resource: d.resource, columns: slices.Clone(metaColumns), ledger: d.ledger}
	s.indexes = append([]index{by("created_at")}, d.indexes...)
	for _, c := range d.columns {
		s.columns = append(s.columns, shapeColumn{c.name, c.kind})
	}
	for i := range s.indexes {
		s.indexes[i].name = s.indexName(s.indexes[i])
	}
	return s
}

func (s *shape) indexName(i index) string {
	name := s.table
	for _, c := range i.columns {
		name += "_" + c
	}
	if i.unique {
		return name + "_key"
	}
	return name + "_idx"
}

// column finds a column by name.
func (s *shape) column(name string) (shapeColumn, error) {
	for _, c := range s.columns {
		if c.name == name {
			return c, nil
		}
	}
	names := make([]string, len(s.columns))
	for i, c := range s.columns {
		names[i] = c.name
	}
	return shapeColumn{}, internalf(nil, "table %s has no column %q; it has %v", s.table, name, names)
}

// sets tells whether any column is a set.
func (s *shape) sets() bool {
	return slices.ContainsFunc(s.columns, func(c shapeColumn) bool { return c.kind == kindSet })
}

// stored gives access to the Meta that every noun embeds.
func stored[T any](t *T) *cloud.Meta { return any(t).(interface{ Stored() *cloud.Meta }).Stored() }
