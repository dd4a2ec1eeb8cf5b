package store

import (
	"container/list"
	"sync"
)

// cache remembers decoded rows, so that a list of a thousand decodes its documents
// once. It is never asked "what is row x?", only "do you have row x at revision
// r?", with r read in the caller's own transaction: what it holds cannot be stale.
//
// It is bounded by the bytes of the documents and drops what was used longest ago.
type cache struct {
	mu       sync.Mutex
	bytes    int
	bytesMax int
	rows     map[cacheKey]*list.Element
	order    list.List // most recently used first
}

type cacheKey struct {
	table *shape
	id    string
}

type cached struct {
	key      cacheKey
	revision int64
	noun     any // *T, shared: never written
	bytes    int
}

func newCache(bytesMax int) *cache {
	return &cache{bytesMax: bytesMax, rows: map[cacheKey]*list.Element{}}
}

// rowKey is a row at a revision.
type rowKey struct {
	id       string
	revision int64
}

// get is the row, nil if it is not remembered at that revision.
func (c *cache) get(s *shape, k rowKey) any {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lookup(s, k)
}

// fill sets out[i] to row keys[i] where it is remembered, and answers how many are not.
func (c *cache) fill(s *shape, keys []rowKey, out []any) (missing int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, k := range keys {
		if out[i] = c.lookup(s, k); out[i] == nil {
			missing++
		}
	}
	return missing
}

func (c *cache) lookup(s *shape, k rowKey) any {
	e := c.rows[cacheKey{s, k.id}]
	if e == nil || e.Value.(*cached).revision != k.revision {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*cached).noun
}

// put remembers a committed row. A newer revision is kept against an older one.
func (c *cache) put(s *shape, k rowKey, noun any, bytes int) {
	if bytes > c.bytesMax/16 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := cacheKey{s, k.id}
	if e := c.rows[key]; e != nil {
		if e.Value.(*cached).revision >= k.revision {
			return
		}
		c.drop(e)
	}
	c.rows[key] = c.order.PushFront(&cached{key, k.revision, noun, bytes})
	c.bytes += bytes
	for c.bytes > c.bytesMax {
		c.drop(c.order.Back())
	}
}

func (c *cache) drop(e *list.Element) {
	row := c.order.Remove(e).(*cached)
	delete(c.rows, row.key)
	c.bytes -= row.bytes
}
