package store

import (
	"slices"
	"strconv"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// builder writes one SELECT with its parameters.
type builder struct {
	strings.Builder
	d     *dialect
	shape *shape
	args  []any
	conds int
	// nothing: a condition cannot be true (an empty OpIn).
	nothing bool
}

func (t *table[T, ID]) newBuilder() *builder {
	return &builder{d: t.store.engine.dialect(), shape: t.shape}
}

func (b *builder) text(s string) { b.WriteString(s) }

// arg adds a parameter and answers its placeholder.
func (b *builder) arg(v any) string {
	b.args = append(b.args, v)
	return b.d.placeholder(len(b.args))
}

// and begins the next condition.
func (b *builder) and() {
	if b.conds == 0 {
		b.text(" WHERE ")
	} else {
		b.text(" AND ")
	}
	b.conds++
}

func (b *builder) where(conds []cloud.Cond) error {
	for _, c := range conds {
		if err := b.cond(c); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) cond(c cloud.Cond) error {
	col, err := b.shape.column(c.Column)
	if err != nil {
		return err
	}
	if col.kind == kindSet {
		return b.setCond(col, c)
	}
	if c.Op == cloud.OpIn {
		return b.inCond(col, c)
	}
	v, err := col.kind.encode(c.Value)
	if err != nil {
		return internalf(err, "condition on column %s of table %s", c.Column, b.shape.table)
	}
	name := quoted(col.name)
	switch c.Op {
	case cloud.OpEq, cloud.OpNe, cloud.OpLt, cloud.OpLe, cloud.OpGt, cloud.OpGe:
		b.and()
		if flag, ok := v.(int64); ok && col.kind == kindFlag {
			// Written out: a planner uses an index of the rows with ended = 0 only if it reads the 0.
			b.text(name + " " + string(c.Op) + " " + strconv.FormatInt(flag, 10))
			return nil
		}
		b.text(name + " " + string(c.Op) + " " + b.arg(v))
		return nil
	case cloud.OpPrefix, cloud.OpContains:
		return b.textCond(col, c.Op, v)
	}
	return internalf(nil, "no comparison %q", c.Op)
}

// textCond avoids LIKE and GLOB: their case rules and wildcards differ between the engines.
func (b *builder) textCond(col shapeColumn, op cloud.Op, v any) error {
	s, ok := v.(string)
	if !ok {
		return internalf(nil, "%s on column %s of table %s, which is not text", op, col.name, b.shape.table)
	}
	if s == "" {
		return nil // true of every text
	}
	b.and()
	if op == cloud.OpContains {
		b.text(b.d.find + "(" + quoted(col.name) + ", " + b.arg(s) + ") > 0")
		return nil
	}
	b.text(quoted(col.name) + " >= " + b.arg(s))
	if end, ok := prefixEnd(s); ok {
		b.and()
		b.text(quoted(col.name) + " < " + b.arg(end))
	}
	return nil
}

// prefixEnd is the smallest text that sorts after all texts beginning with s. It
// counts up the last character, not byte, so that the result is text too.
func prefixEnd(s string) (string, bool) {
	runes := []rune(s)
	for i := len(runes) - 1; i >= 0; i-- {
		switch r := runes[i]; {
		case r == 0x10FFFF:
			continue
		case r == 0xD7FF: // the next ones are surrogates, which text cannot hold
			return string(runes[:i]) + "\uE000", true
		default:
			return string(runes[:i]) + string(r+1), true
		}
	}
	return "", false
}

func (b *builder) inCond(col shapeColumn, c cloud.Cond) error {
	list, n, err := col.kind.encodeList(c.Value)
	if err != nil {
		return internalf(err, "condition on column %s of table %s", c.Column, b.shape.table)
	}
	if n == 0 {
		b.nothing = true
		return nil
	}
	p, err := b.listArg(list)
	if err != nil {
		return err
	}
	b.and()
	b.text(b.d.in(quoted(col.name), p, col.kind))
	return nil
}

func (b *builder) listArg(list any) (string, error) {
	v, err := b.d.list(list)
	if err != nil {
		return "", internalf(err, "list parameter")
	}
	return b.arg(v), nil
}

// setCond asks whether a value is, or some are, among a noun's.
func (b *builder) setCond(col shapeColumn, c cloud.Cond) error {
	values := c.Value
	switch c.Op {
	case cloud.OpIn:
	case cloud.OpEq, cloud.OpNe, cloud.OpContains:
		values = []any{c.Value}
	default:
		return internalf(nil, "%s on column %s of table %s, which is a set", c.Op, col.name, b.shape.table)
	}
	list, n, err := kindSet.encodeList(values)
	if err != nil {
		return internalf(err, "condition on column %s of table %s", c.Column, b.shape.table)
	}
	if n == 0 {
		b.nothing = true
		return nil
	}
	b.and()
	b.text("id ")
	if c.Op == cloud.OpNe {
		b.text("NOT ")
	}
	b.text("IN (SELECT id FROM " + quoted(setTable(b.shape.table)) + " WHERE col = " + b.arg(col.name) + " AND ")
	p, err := b.listArg(list)
	if err != nil {
		return err
	}
	b.text(b.d.in("value", p, kindSet) + ")")
	return nil
}

// ordering is the complete order of a query: its columns, then the id in the direction
// of the last of them, so that an index can be walked either way.
func (s *shape) ordering(q cloud.Query) ([]cloud.Order, error) {
	order := slices.Clone(q.Order)
	if len(order) == 0 {
		order = []cloud.Order{{Column: "created_at"}}
	}
	for i, o := range order {
		c, err := s.column(o.Column)
		if err != nil {
			return nil, err
		}
		if c.kind == kindSet {
			return nil, internalf(nil, "order by column %s of table %s, which is a set", o.Column, s.table)
		}
		if o.Column == "id" { // unique: what follows cannot matter
			order = order[:i+1]
			break
		}
	}
	if last := order[len(order)-1]; last.Column != "id" {
		order = append(order, cloud.Order{Column: "id", Desc: last.Desc})
	}
	if q.Reverse {
		for i := range order {
			order[i].Desc = !order[i].Desc
		}
	}
	return order, nil
}

// finds tells whether an index of several columns finds the rows that conditions ask for. SQLite, which has no statistics, would rather
// walk one that gives the order and find less: of a network of thousands of ports all, for the few that are its routers'.
func (s *shape) finds(where []cloud.Cond) bool {
	asked := func(column string) bool {
		return slices.ContainsFunc(where, func(c cloud.Cond) bool { return c.Column == column && (c.Op == cloud.OpEq || c.Op == cloud.OpIn) })
	}
	return slices.ContainsFunc(s.indexes, func(x index) bool {
		return x.where == "" && len(x.columns) > 1 && !slices.ContainsFunc(x.columns, func(column string) bool { return !asked(column) })
	})
}

// orderBy orders the rows of a query. All of them are sorted where an index finds few of them; a page of many is not.
func (b *builder) orderBy(order []cloud.Order, q cloud.Query) {
	before := ""
	if q.Limit == 0 && b.shape.finds(q.Where) {
		before = b.d.sorted
	}
	b.text(" ORDER BY ")
	for i, o := range order {
		if i > 0 {
			b.text(", ")
		}
		b.text(before + quoted(o.Column))
		if o.Desc {
			b.text(" DESC")
		}
	}
}

// behind restricts to the rows that sort behind the marker's values.
//
// With one direction it is a comparison of rows, which both engines do on an index.
// With mixed ones (a up, b down, id down) it is spelled out:
//
//	a >= A AND (a > A OR (a = A AND (b < B OR (b = B AND id < I))))
func (b *builder) behind(order []cloud.Order, marker []any) {
	b.and()
	if !mixed(order) {
		names, places := make([]string, len(order)), make([]string, len(order))
		for i, o := range order {
			names[i], places[i] = quoted(o.Column), b.arg(marker[i])
		}
		b.text("(" + strings.Join(names, ", ") + ") " + after(order[0]) + " (" + strings.Join(places, ", ") + ")")
		return
	}
	b.text(quoted(order[0].Column) + " " + after(order[0]) + "= " + b.arg(marker[0]))
	b.and()
	for i, o := range order {
		name := quoted(o.Column)
		b.text("(" + name + " " + after(o) + " " + b.arg(marker[i]))
		if i < len(order)-1 {
			b.text(" OR (" + name + " = " + b.arg(marker[i]) + " AND ")
		}
	}
	b.text(strings.Repeat("))", len(order)-1) + ")")
}

func mixed(order []cloud.Order) bool {
	return slices.ContainsFunc(order, func(o cloud.Order) bool { return o.Desc != order[0].Desc })
}

func after(o cloud.Order) string {
	if o.Desc {
		return "<"
	}
	return ">"
}
