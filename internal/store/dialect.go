package store

import (
	"encoding/json"
	"strconv"
	"strings"
)

// dialect is the few places where the two engines' SQL differs. Everything else is the same text.
type dialect struct {
	name     string
	numbered bool // $1 instead of ?
	// types of columns
	types map[kind]string
	// revision is the SQL of a fresh revision, returning what follows a statement that writes one.
	revision, returning string
	// in tests membership of a column in the list parameter at the placeholder.
	in func(column, placeholder string, k kind) string
	// list prepares a slice as that parameter.
	list func(v any) (any, error)
	// sorted, before a column to order by, keeps the planner from walking an index for the order.
	sorted string
	// find is the SQL of the position of a text within another, 0 if it is not there.
	find string
}

var sqliteDialect = &dialect{
	name: "sqlite", revision: "?", find: "instr", sorted: "+",
	types: map[kind]string{kindText: "TEXT", kindFold: "TEXT", kindNumber: "INTEGER",
		kindDouble: "REAL", kindFlag: "INTEGER", kindInstant: "INTEGER"},
	in: func(column, p string, _ kind) string {
		return column + " IN (SELECT value FROM json_each(" + p + "))"
	},
	list: func(v any) (any, error) {
		b, err := json.Marshal(v)
		return string(b), err
	},
}

// Text sorts by bytes on both engines: SQLite's default, collation "C" here.
var postgresDialect = &dialect{
	name: "postgres", numbered: true, find: "strpos",
	revision: "nextval('nubo_revision')", returning: " RETURNING revision",
	types: map[kind]string{kindText: `text COLLATE "C"`, kindFold: `text COLLATE "C"`, kindNumber: "bigint",
		kindDouble: "double precision", kindFlag: "bigint", kindInstant: "bigint"},
	in: func(column, p string, k kind) string {
		switch k {
		case kindText, kindFold, kindSet:
			return column + " = ANY(" + p + "::text[])"
		case kindDouble:
			return column + " = ANY(" + p + "::double precision[])"
		}
		return column + " = ANY(" + p + "::bigint[])"
	},
	list: func(v any) (any, error) { return v, nil },
}

// placeholder is the n-th parameter, from 1.
func (d *dialect) placeholder(n int) string {
	if d.numbered {
		return "$" + strconv.Itoa(n)
	}
	return "?"
}

// bind rewrites the question marks of a fixed statement; it must hold none in quotes.
func (d *dialect) bind(query string) string {
	if !d.numbered {
		return query
	}
	var b strings.Builder
	n := 0
	for part := range strings.SplitSeq(query, "?") {
		if n > 0 {
			b.WriteString(d.placeholder(n))
		}
		b.WriteString(part)
		n++
	}
	return b.String()
}

// write makes a statement for session.write: @revision stands for the new
// revision and must come before every other parameter.
func (d *dialect) write(query string) string {
	if d.revision == "?" {
		return strings.Replace(query, "@revision", "?", 1)
	}
	return d.bind(strings.Replace(query, "@revision", d.revision, 1)) + d.returning
}

// quoted is a name as SQL: several of ours are keywords (default, key, order).
func quoted(name string) string { return `"` + name + `"` }

func quotedList(names []string) string {
	q := make([]string, len(names))
	for i, n := range names {
		q[i] = quoted(n)
	}
	return strings.Join(q, ", ")
}
