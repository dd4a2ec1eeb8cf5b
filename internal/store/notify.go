package store

import (
	"context"
	"sync"
)

// Nudge wakes those who Listen to a topic, in this process and in every other one that
// shares the database, once ctx's transaction is on disk. A nudge may get lost when the
// connection to PostgreSQL breaks: listeners must also look from time to time.
func (s *Store) Nudge(ctx context.Context, topic string) {
	s.After(ctx, func() {
		if err := s.engine.notify(context.WithoutCancel(ctx), topic); err != nil {
			s.log.Warn("nudge not sent", "topic", topic, "error", err)
		}
	})
}

// Listen calls f after nudges of a topic, on a goroutine of its own, one call at a
// time; nudges that come during a call make one more. It also calls f after a break
// in which nudges may have been lost. Stop waits for nothing and may be called twice.
func (s *Store) Listen(ctx context.Context, topic string, f func()) (stop func(), err error) {
	wake, done := make(chan struct{}, 1), make(chan struct{})
	unlisten, err := s.engine.listen(topic, func() {
		select {
		case wake <- struct{}{}:
		default: // one call is waiting already
		}
	})
	if err != nil {
		return nil, failed(err, "listen")
	}
	go func() {
		for {
			select {
			case <-wake:
				f()
			case <-done:
				return
			case <-ctx.Done():
				unlisten()
				return
			}
		}
	}()
	var once sync.Once
	return func() {
		once.Do(func() {
			unlisten()
			close(done)
		})
	}, nil
}

// topics are the listeners in this process.
type topics struct {
	mu        sync.Mutex
	listeners map[string]map[*func()]struct{}
}

func (t *topics) add(topic string, f func()) (remove func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.listeners == nil {
		t.listeners = map[string]map[*func()]struct{}{}
	}
	if t.listeners[topic] == nil {
		t.listeners[topic] = map[*func()]struct{}{}
	}
	key := &f
	t.listeners[topic][key] = struct{}{}
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.listeners[topic], key)
	}
}

// wake calls the listeners of a topic; they must not block.
func (t *topics) wake(topic string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for f := range t.listeners[topic] {
		(*f)()
	}
}

// wakeAll is for when it is not known what was missed.
func (t *topics) wakeAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, fs := range t.listeners {
		for f := range fs {
			(*f)()
		}
	}
}
