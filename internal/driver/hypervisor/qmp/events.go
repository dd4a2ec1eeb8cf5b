package qmp

import "context"

// listener receives the events of some names.
type listener struct {
	names map[string]bool
	ch    chan Event
}

// Listen collects events of the given names from now on, so that a command may be
// sent and its event awaited without missing it. The channel holds 64; later ones
// are dropped while it is full. cancel must be called.
func (c *Client) Listen(names ...string) (events <-chan Event, cancel func()) {
	l := &listener{names: map[string]bool{}, ch: make(chan Event, 64)}
	for _, n := range names {
		l.names[n] = true
	}
	c.mu.Lock()
	c.taps[l] = struct{}{}
	c.mu.Unlock()
	return l.ch, func() {
		c.mu.Lock()
		delete(c.taps, l)
		c.mu.Unlock()
	}
}

// Await returns the first event that match accepts, or the error of ctx or ErrClosed.
func (c *Client) Await(ctx context.Context, events <-chan Event, match func(Event) bool) (Event, error) {
	for {
		select {
		case e := <-events:
			if match(e) {
				return e, nil
			}
		case <-ctx.Done():
			return Event{}, ctx.Err()
		case <-c.done:
			return Event{}, ErrClosed
		}
	}
}

func (c *Client) event(e Event) {
	if c.handler != nil {
		c.handler(e)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for l := range c.taps {
		if !l.names[e.Name] {
			continue
		}
		select {
		case l.ch <- e:
		default:
		}
	}
}
