package openid

import (
	"container/list"
	"crypto/sha256"
	"io"
	"strconv"
	"sync"
	"time"
)

// fingerprint stands for a token and the settings that it was judged by. What is kept holds no token.
type fingerprint [sha256.Size]byte

func fingerprintOf(s Settings, token string) fingerprint {
	h := sha256.New()
	parts := []string{s.Issuer, s.ClientID, s.ClientSecret, s.IntrospectionEndpoint, strconv.FormatBool(s.Introspect), token}
	for _, part := range append(parts, s.Audiences...) {
		io.WriteString(h, strconv.Itoa(len(part))+":") // a hash takes everything
		io.WriteString(h, part)
	}
	return fingerprint(h.Sum(nil))
}

// result is what came of a check.
type result struct {
	of     fingerprint
	person *Person
	err    error
	until  time.Time
	bytes  int
}

// entryBytes is what a result takes beside its claims, about.
const entryBytes = 512

// results keeps those used last, as many as fit into a number of bytes. It is safe for concurrent use.
type results struct {
	mu         sync.Mutex
	room, used int
	order      *list.List // of *result; the one used last in front
	at         map[fingerprint]*list.Element
}

func newResults(room int) *results {
	return &results{room: room, order: list.New(), at: map[fingerprint]*list.Element{}}
}

func (rs *results) get(of fingerprint, now time.Time) (*result, bool) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	e := rs.at[of]
	if e == nil {
		return nil, false
	}
	r := e.Value.(*result)
	if !now.Before(r.until) {
		rs.remove(e)
		return nil, false
	}
	rs.order.MoveToFront(e)
	return r, true
}

func (rs *results) put(r *result) {
	r.bytes = entryBytes
	if r.person != nil {
		for name, value := range r.person.Claims {
			r.bytes += len(name) + len(value)
		}
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if e := rs.at[r.of]; e != nil {
		rs.remove(e)
	}
	rs.at[r.of] = rs.order.PushFront(r)
	rs.used += r.bytes
	for rs.used > rs.room && rs.order.Len() > 0 {
		rs.remove(rs.order.Back())
	}
}

func (rs *results) remove(e *list.Element) {
	r := rs.order.Remove(e).(*result)
	delete(rs.at, r.of)
	rs.used -= r.bytes
}
