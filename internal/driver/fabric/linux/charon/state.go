package charon

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/strongswan/govici/vici"
)

// State is what the daemon says of a tunnel.
type State struct {
	Up     bool
	Reason string
}

// carrying are the states in which a child carries packets: one that is replaced does until it is deleted.
var carrying = []string{"INSTALLED", "REKEYING", "REKEYED", "UPDATING"}

// lookEvery is how often tunnels are looked at although nothing was announced.
const lookEvery = 5 * time.Second

// Watch tells of the states of tunnels, by id, now and when they change, until ctx ends or the daemon does.
func (d *Daemon) Watch(ctx context.Context, tell func(map[string]State)) error {
	s, err := d.dial(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	events := make(chan vici.Event, 64)
	s.NotifyEvents(events)
	if err := s.Subscribe("ike-updown", "child-updown", "log"); err != nil {
		return err
	}
	w := watch{reasons: map[string]string{}}
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		states, err := w.look(ctx, s)
		if err != nil {
			return err
		}
		tell(states)
		if err := w.wait(ctx, events, ticker.C); err != nil {
			return err
		}
	}
}

type watch struct {
	reasons map[string]string // by tunnel: what went wrong last
}

// wait returns when it is time to look again.
func (w *watch) wait(ctx context.Context, events <-chan vici.Event, tick <-chan time.Time) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick:
			return nil
		case e, open := <-events:
			if !open {
				return fmt.Errorf("charon has ended")
			}
			if e.Name != "log" || w.note(e.Message) {
				return nil
			}
		}
	}
}

// telling are the daemon's words that an owner can do something about, and ours.
var telling = []struct{ said, means string }{
	{"NO_PROPOSAL_CHOSEN", "the peer accepts none of the proposals"},
	{"no proposal found", "the peer proposes nothing that is accepted here"},
	{"AUTHENTICATION_FAILED", "authentication failed: secret or identity differ"},
	{"AUTH_FAILED", "authentication failed: secret or identity differ"},
	{"no shared key found", "authentication failed: secret or identity differ"},
	{"MAC mismatched", "authentication failed: secret or identity differ"},
	{"could not decrypt payloads", "authentication failed: secret or identity differ"},
	{"TS_UNACCEPTABLE", "the peer accepts none of the prefixes"},
	{"traffic selectors", "the peer's prefixes are others than those here"},
	{"no matching CHILD_SA config found", "the peer's prefixes are others than those here"},
	{"peer not responding", "the peer does not answer"},
	{"retransmits", "the peer does not answer"},
}

// note keeps what a line of the log means for its tunnel, if anything.
func (w *watch) note(line *vici.Message) bool {
	name, _ := line.Get("ikesa-name").(string)
	text, _ := line.Get("msg").(string)
	for _, t := range telling {
		if name != "" && strings.Contains(text, t.said) && w.reasons[idOf(name)] != t.means {
			w.reasons[idOf(name)] = t.means
			return true
		}
	}
	return false
}

// look asks for the state of all tunnels.
func (w *watch) look(ctx context.Context, s *vici.Session) (map[string]State, error) {
	have, err := names(ctx, s)
	if err != nil {
		return nil, err
	}
	states := map[string]State{}
	for _, name := range have {
		states[idOf(name)] = State{Reason: w.reasons[idOf(name)]}
	}
	ctx, cancel := context.WithTimeout(ctx, callMax)
	defer cancel()
	for m, err := range s.CallStreaming(ctx, "list-sas", "list-sa", nil) {
		if err != nil {
			return nil, fmt.Errorf("charon's tunnels: %w", err)
		}
		for _, name := range m.Keys() {
			sa, _ := m.Get(name).(*vici.Message)
			if id := idOf(name); stands(sa) {
				states[id] = State{Up: true}
				delete(w.reasons, id)
			}
		}
	}
	return states, nil
}

// stands tells whether any child of a connection carries packets.
func stands(sa *vici.Message) bool {
	if sa == nil {
		return false
	}
	children, _ := sa.Get("child-sas").(*vici.Message)
	if children == nil {
		return false
	}
	return slices.ContainsFunc(children.Keys(), func(key string) bool {
		c, _ := children.Get(key).(*vici.Message)
		if c == nil {
			return false
		}
		state, _ := c.Get("state").(string)
		return slices.Contains(carrying, state)
	})
}

// Keys names the keys that tunnels use now: they are others after new ones were agreed upon.
func (d *Daemon) Keys(ctx context.Context) (keys []string, err error) {
	s, err := d.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	for m, err := range s.CallStreaming(ctx, "list-sas", "list-sa", nil) {
		if err != nil {
			return nil, err
		}
		keys = append(keys, spis(m)...)
	}
	slices.Sort(keys)
	return keys, nil
}

// spis are the numbers of the associations of all children.
func spis(m *vici.Message) (out []string) {
	for _, name := range m.Keys() {
		sa, _ := m.Get(name).(*vici.Message)
		children, _ := sa.Get("child-sas").(*vici.Message)
		for _, key := range children.Keys() {
			c, _ := children.Get(key).(*vici.Message)
			out = append(out, fmt.Sprint(c.Get("spi-in")))
		}
	}
	return out
}
