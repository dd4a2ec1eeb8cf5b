package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// table implements cloud.Records for one noun.
type table[T any, ID ~string] struct {
	store *Store
	def   *definition[T, ID]
	shape *shape
	copy  func(*T) *T

	getRevision, getDoc, insert, update, remove string
}

func newTable[T any, ID ~string](s *Store, def *definition[T, ID]) *table[T, ID] {
	def = def.shortened()
	t := &table[T, ID]{store: s, def: def, shape: def.shape(), copy: copier[T]()}
	d, name := s.engine.dialect(), quoted(def.table)
	columns := []string{"revision", "id", "created_at", "updated_at"}
	for _, c := range def.columns {
		if c.kind != kindSet {
			columns = append(columns, c.name)
		}
	}
	columns = append(columns, "doc")
	t.getRevision = d.bind("SELECT revision FROM " + name + " WHERE id = ?")
	t.getDoc = d.bind("SELECT revision, doc FROM " + name + " WHERE id = ?")
	t.insert = d.write("INSERT INTO " + name + " (" + quotedList(columns) + ") VALUES (@revision" +
		strings.Repeat(", ?", len(columns)-1) + ")")
	assign := "revision = @revision"
	for _, c := range columns[2:] {
		assign += ", " + quoted(c) + " = ?"
	}
	t.update = d.write("UPDATE " + name + " SET " + assign + " WHERE id = ? AND revision = ?")
	t.remove = d.bind("DELETE FROM " + name + " WHERE id = ?")
	s.shapes = append(s.shapes, t.shape)
	s.tables = append(s.tables, t)
	return t
}

// Get implements cloud.Records.
func (t *table[T, ID]) Get(ctx context.Context, id ID) (*T, error) {
	var noun *T
	key := rowKey{id: cleanText(string(id))}
	err := t.store.reading(ctx, func(on session) error {
		found, err := one(ctx, on, t.getRevision, []any{key.id}, &key.revision)
		if err != nil {
			return failed(err, "get %s %s", t.shape.resource, id)
		}
		if !found {
			return cloud.NotFoundf(t.shape.resource, id)
		}
		if hit := t.store.cache.get(t.shape, key); hit != nil {
			noun = hit.(*T)
			return nil
		}
		var doc []byte
		found, err = one(ctx, on, t.getDoc, []any{key.id}, &key.revision, &doc)
		if err != nil {
			return failed(err, "get %s %s", t.shape.resource, id)
		}
		if !found {
			return cloud.NotFoundf(t.shape.resource, id)
		}
		noun, err = t.decode(on, key, doc)
		return err
	})
	if err != nil {
		return nil, err
	}
	return t.copy(noun), nil
}

// decode makes a noun of its document and remembers it if it is committed.
func (t *table[T, ID]) decode(on session, key rowKey, doc []byte) (*T, error) {
	noun := new(T)
	if err := json.Unmarshal(doc, noun); err != nil {
		return nil, failed(err, "decode %s %s", t.shape.resource, key.id)
	}
	stored(noun).Revision = key.revision
	if key.revision <= on.committed() {
		t.store.cache.put(t.shape, key, noun, 2*len(doc)+300)
	}
	return noun, nil
}

// One implements cloud.Records.
func (t *table[T, ID]) One(ctx context.Context, where ...cloud.Cond) (*T, error) {
	found, err := t.List(ctx, cloud.Query{Where: where, Limit: 2})
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, cloud.NotFoundf(t.shape.resource, described(where))
	case len(found) > 1:
		return nil, internalf(nil, "more than one %s matches %v", t.shape.resource, where)
	}
	return found[0], nil
}

// described names what was looked for by the last condition's value, which is the most telling one.
func described(where []cloud.Cond) string {
	if len(where) == 0 {
		return ""
	}
	return fmt.Sprint(where[len(where)-1].Value)
}

// Insert implements cloud.Records.
func (t *table[T, ID]) Insert(ctx context.Context, noun *T) error {
	meta := stored(noun)
	before := *meta
	now := time.Now().UTC().Truncate(time.Microsecond)
	if meta.CreatedAt.IsZero() {
		meta.CreatedAt = now
	}
	if meta.UpdatedAt.IsZero() {
		meta.UpdatedAt = meta.CreatedAt
	}
	err := t.store.writing(ctx, func(on session) error {
		args, err := t.values(noun)
		if err != nil {
			return err
		}
		args = append([]any{cleanText(string(t.def.id(noun)))}, args...)
		revision, _, err := on.write(ctx, t.insert, args)
		if err != nil {
			return t.writeError(err, noun)
		}
		meta.Revision = revision
		return t.writeSets(ctx, on, noun, true)
	})
	if err != nil {
		*meta = before
	}
	return err
}

// Update implements cloud.Records.
func (t *table[T, ID]) Update(ctx context.Context, noun *T) error {
	if t.def.ledger {
		return internalf(nil, "the %s table is append-only", t.shape.table)
	}
	meta, id := stored(noun), t.def.id(noun)
	before := *meta
	meta.UpdatedAt = time.Now().UTC().Truncate(time.Microsecond)
	err := t.store.writing(ctx, func(on session) error {
		args, err := t.values(noun)
		if err != nil {
			return err
		}
		args = append(args, cleanText(string(id)), before.Revision)
		revision, rows, err := on.write(ctx, t.update, args)
		if err != nil {
			return t.writeError(err, noun)
		}
		if rows == 0 {
			return t.lost(ctx, on, id)
		}
		meta.Revision = revision
		return t.writeSets(ctx, on, noun, false)
	})
	if err != nil {
		*meta = before
	}
	return err
}

// lost tells why an Update found no row.
func (t *table[T, ID]) lost(ctx context.Context, on session, id ID) error {
	found, err := one(ctx, on, t.getRevision, []any{cleanText(string(id))}, new(int64))
	if err != nil {
		return failed(err, "update %s %s", t.shape.resource, id)
	}
	if !found {
		return cloud.NotFoundf(t.shape.resource, id)
	}
	if tx := t.store.txOf(ctx); tx != nil && !on.steady() {
		tx.stale = true
	}
	return cloud.Errorf(cloud.Conflict, t.shape.resource, id,
		"%s %s was changed by somebody else.", cloud.Title(t.shape.resource), id)
}

// Delete implements cloud.Records.
func (t *table[T, ID]) Delete(ctx context.Context, id ID) error {
	if t.def.ledger {
		return internalf(nil, "the %s table is append-only", t.shape.table)
	}
	return t.store.writing(ctx, func(on session) error {
		key := cleanText(string(id))
		rows, err := on.exec(ctx, t.remove, key)
		if err != nil {
			return failed(err, "delete %s %s", t.shape.resource, id)
		}
		if rows == 0 {
			return cloud.NotFoundf(t.shape.resource, id)
		}
		return t.clearSets(ctx, on, key)
	})
}

// Count implements cloud.Records.
func (t *table[T, ID]) Count(ctx context.Context, where ...cloud.Cond) (int64, error) {
	return t.aggregate(ctx, "count(*)", where)
}

// Sum implements cloud.Records.
func (t *table[T, ID]) Sum(ctx context.Context, name string, where ...cloud.Cond) (int64, error) {
	c, err := t.shape.column(name)
	if err != nil {
		return 0, err
	}
	if c.kind != kindNumber && c.kind != kindFlag {
		return 0, internalf(nil, "column %s of table %s cannot be summed", name, t.shape.table)
	}
	return t.aggregate(ctx, "CAST(coalesce(sum("+quoted(name)+"), 0) AS bigint)", where)
}

func (t *table[T, ID]) aggregate(ctx context.Context, what string, where []cloud.Cond) (n int64, err error) {
	b := t.newBuilder()
	b.text("SELECT " + what + " FROM " + quoted(t.shape.table))
	if err := b.where(where); err != nil {
		return 0, err
	}
	if b.nothing {
		return 0, nil
	}
	err = t.store.reading(ctx, func(on session) error {
		_, err := one(ctx, on, b.String(), b.args, &n)
		return failed(err, "count %s", t.shape.table)
	})
	return n, err
}

// values are the columns' values after revision and id, and the document.
func (t *table[T, ID]) values(noun *T) ([]any, error) {
	meta := stored(noun)
	args := make([]any, 0, len(t.def.columns)+8)
	args = append(args, micros(meta.CreatedAt), micros(meta.UpdatedAt))
	for _, c := range t.def.columns {
		if c.kind == kindSet {
			continue
		}
		v, err := c.kind.encode(c.of(noun))
		if err != nil {
			return nil, internalf(err, "column %s of table %s", c.name, t.shape.table)
		}
		args = append(args, v)
	}
	doc, err := json.Marshal(noun)
	if err != nil {
		return nil, internalf(err, "encode %s %s", t.shape.resource, t.def.id(noun))
	}
	return append(args, string(doc)), nil
}

// writeError makes AlreadyExists of a broken constraint.
func (t *table[T, ID]) writeError(err error, noun *T) error {
	var v *violation
	if !errors.As(err, &v) {
		return failed(err, "write %s %s", t.shape.resource, t.def.id(noun))
	}
	field := t.shape.taken(v)
	value := string(t.def.id(noun))
	for _, c := range t.def.columns {
		if c.name == field {
			value = shown(c.of(noun))
		}
	}
	return &cloud.Error{Kind: cloud.AlreadyExists, Resource: t.shape.resource, ID: string(t.def.id(noun)), Field: field,
		Message: fmt.Sprintf("%s with %s %q already exists.", cloud.Title(t.shape.resource), field, value), Cause: v.cause}
}

// shown is a column's value as a person reads it.
func shown(v any) string {
	if s, err := encodeText(v); err == nil {
		return s
	}
	return fmt.Sprint(v)
}

// taken is the field whose uniqueness was violated.
func (s *shape) taken(v *violation) string {
	for _, i := range s.indexes {
		if i.unique && (i.name == v.index || strings.Join(i.columns, ",") == strings.Join(v.columns, ",")) {
			return i.field
		}
	}
	return "id"
}
