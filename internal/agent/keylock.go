package agent

import (
	"context"
	"sync"
)

// keyLock is one lock per key, made when first needed and gone when nobody holds
// or waits for it. Unlike a sync.Mutex, waiting ends with the context.
type keyLock struct {
	mu    sync.Mutex
	locks map[string]*keyEntry
}

type keyEntry struct {
	held  chan struct{} // full while held
	users int
}

// lock waits for the key. The function it answers lets go of it.
func (l *keyLock) lock(ctx context.Context, key string) (func(), error) {
	e := l.enter(key)
	select {
	case e.held <- struct{}{}:
		return func() { <-e.held; l.leave(key, e) }, nil
	case <-ctx.Done():
		l.leave(key, e)
		return nil, ctx.Err()
	}
}

func (l *keyLock) enter(key string) *keyEntry {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.locks == nil {
		l.locks = map[string]*keyEntry{}
	}
	e := l.locks[key]
	if e == nil {
		e = &keyEntry{held: make(chan struct{}, 1)}
		l.locks[key] = e
	}
	e.users++
	return e
}

func (l *keyLock) leave(key string, e *keyEntry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.users--; e.users == 0 {
		delete(l.locks, key)
	}
}
