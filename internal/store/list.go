package store

import (
	"context"
	"math"
	"slices"
	"strconv"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Sizes of the pieces in which List reads: documents fetched by one statement, and keys
// read at once when a keep function decides how many are needed.
const (
	docsPerQuery = 500
	chunkMin     = 64
	chunkMax     = 4096
)

// List implements cloud.Records.
//
// It reads ids and revisions first, takes the rows that are remembered at that
// revision from the cache, and fetches the documents of the others together: the
// number of statements does not grow with the number of rows.
func (t *table[T, ID]) List(ctx context.Context, q cloud.Query, keep ...func(*T) bool) (out []*T, err error) {
	if len(keep) == 0 {
		err = t.store.viewing(ctx, func(on session) error {
			out, err = t.page(ctx, on, q)
			return err
		})
	} else {
		// keep runs outside the connection's turn: it may use the store itself.
		err = t.store.View(ctx, func(ctx context.Context) error {
			out, err = t.filtered(ctx, q, keep)
			return err
		})
	}
	if err != nil {
		return nil, err
	}
	for i := range out {
		out[i] = t.copy(out[i])
	}
	if q.Reverse {
		slices.Reverse(out)
	}
	return out, nil
}

// filtered reads pages that grow until enough rows were kept. The order is that of
// reading: Reverse is not undone yet.
func (t *table[T, ID]) filtered(ctx context.Context, q cloud.Query, keep []func(*T) bool) ([]*T, error) {
	want := q.Limit
	if want <= 0 {
		want = math.MaxInt
	}
	var kept []*T
	for chunk := min(max(q.Limit*2, chunkMin), chunkMax); ; chunk = min(chunk*4, chunkMax) {
		q.Limit = chunk
		var page []*T
		err := t.store.txOf(ctx).use(func(on session) (err error) {
			page, err = t.page(ctx, on, q)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, noun := range page {
			if keeps(noun, keep) {
				if kept = append(kept, noun); len(kept) == want {
					return kept, nil
				}
			}
		}
		if len(page) < chunk {
			return kept, nil
		}
		q.After = string(t.def.id(page[len(page)-1]))
	}
}

func keeps[T any](noun *T, keep []func(*T) bool) bool {
	for _, k := range keep {
		if k != nil && !k(noun) {
			return false
		}
	}
	return true
}

// page reads the rows of one query, in the order of reading. They are shared: copy
// them before they leave the package.
func (t *table[T, ID]) page(ctx context.Context, on session, q cloud.Query) ([]*T, error) {
	order, err := t.shape.ordering(q)
	if err != nil {
		return nil, err
	}
	what := "id, revision"
	if !on.steady() {
		what += ", doc" // the next statement might see other rows
	}
	b := t.newBuilder()
	b.text("SELECT " + what + " FROM " + quoted(t.shape.table))
	if err := b.where(q.Where); err != nil {
		return nil, err
	}
	if q.After != "" {
		marker, err := t.marker(ctx, on, order, q.After)
		if err != nil {
			return nil, err
		}
		b.behind(order, marker)
	}
	if b.nothing {
		return nil, nil
	}
	b.orderBy(order, q)
	if q.Limit > 0 {
		b.text(" LIMIT " + strconv.Itoa(q.Limit))
	}
	if on.steady() {
		return t.readKeys(ctx, on, b)
	}
	return t.readRows(ctx, on, b)
}

// marker reads the values that the row of that id is sorted by.
func (t *table[T, ID]) marker(ctx context.Context, on session, order []cloud.Order, id string) ([]any, error) {
	names, values, dest := make([]string, len(order)), make([]any, len(order)), make([]any, len(order))
	for i, o := range order {
		names[i], dest[i] = o.Column, &values[i]
	}
	for _, table := range t.def.markerTables() {
		query := "SELECT " + quotedList(names) + " FROM " + quoted(table) + " WHERE id = ?"
		found, err := one(ctx, on, t.store.engine.dialect().bind(query), []any{cleanText(id)}, dest...)
		if err != nil {
			return nil, failed(err, "marker in %s", table)
		}
		if found {
			return values, nil
		}
	}
	return nil, cloud.Invalidf(t.shape.resource, "marker", "Marker %s could not be found.", id)
}

// readRows reads whole rows with one statement.
func (t *table[T, ID]) readRows(ctx context.Context, on session, b *builder) (out []*T, err error) {
	err = on.query(ctx, b.String(), b.args, func(r row) error {
		var key rowKey
		var doc []byte
		if err := r.Scan(&key.id, &key.revision, &doc); err != nil {
			return err
		}
		noun, err := t.remembered(on, key, doc)
		out = append(out, noun)
		return err
	})
	return out, failed(err, "list %s", t.shape.table)
}

func (t *table[T, ID]) remembered(on session, key rowKey, doc []byte) (*T, error) {
	if hit := t.store.cache.get(t.shape, key); hit != nil {
		return hit.(*T), nil
	}
	return t.decode(on, key, doc)
}

// readKeys reads ids and revisions, then the documents that are not remembered.
func (t *table[T, ID]) readKeys(ctx context.Context, on session, b *builder) ([]*T, error) {
	var keys []rowKey
	err := on.query(ctx, b.String(), b.args, func(r row) error {
		var key rowKey
		err := r.Scan(&key.id, &key.revision)
		keys = append(keys, key)
		return err
	})
	if err != nil {
		return nil, failed(err, "list %s", t.shape.table)
	}
	found := make([]any, len(keys))
	if t.store.cache.fill(t.shape, keys, found) > 0 {
		if err := t.fetch(ctx, on, keys, found); err != nil {
			return nil, err
		}
	}
	out := make([]*T, len(keys))
	for i, noun := range found {
		out[i] = noun.(*T)
	}
	return out, nil
}

// fetch reads the documents of the keys not found yet.
func (t *table[T, ID]) fetch(ctx context.Context, on session, keys []rowKey, found []any) error {
	place := map[string]int{}
	var missing []string
	for i, key := range keys {
		if found[i] == nil {
			place[key.id] = i
			missing = append(missing, key.id)
		}
	}
	for ids := range slices.Chunk(missing, docsPerQuery) {
		b := t.newBuilder()
		b.text("SELECT id, revision, doc FROM " + quoted(t.shape.table))
		if err := b.where([]cloud.Cond{cloud.In("id", ids)}); err != nil {
			return err
		}
		err := on.query(ctx, b.String(), b.args, func(r row) error {
			var key rowKey
			var doc []byte
			if err := r.Scan(&key.id, &key.revision, &doc); err != nil {
				return err
			}
			noun, err := t.decode(on, key, doc)
			found[place[key.id]] = noun
			return err
		})
		if err != nil {
			return failed(err, "list %s", t.shape.table)
		}
	}
	if i := slices.Index(found, nil); i >= 0 {
		return internalf(nil, "%s %s vanished from an unchanging state", t.shape.resource, keys[i].id)
	}
	return nil
}
