package charon

import (
	"context"
	"errors"
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

// lookEvery is how often tunnels are looked at although nothing was announced.
const lookEvery = 5 * time.Second

// Watch tells of the states of tunnels, by id, now, when they change and when it is asked to look again, until ctx ends or the
// daemon does.
func (d *Daemon) Watch(ctx context.Context, again <-chan struct{}, tell func(map[string]State)) error {
	changes, up, err := d.listen(ctx, "child-updown", 64)
	if err != nil {
		return err
	}
	defer changes.Close()
	words, log, err := d.listen(ctx, "log", 64)
	if err != nil {
		return err
	}
	defer words.Close()
	w := watch{daemon: d, session: changes, reasons: map[string]string{}, missing: map[startedChild]time.Time{}}
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		states, err := w.look(ctx)
		if err != nil {
			return err
		}
		tell(states)
		if err := w.wait(ctx, up, log, again, ticker.C); err != nil {
			return err
		}
	}
}

type watch struct {
	daemon  *Daemon
	session *vici.Session
	reasons map[string]string // by tunnel: what went wrong last
	missing map[startedChild]time.Time
}

var errEnded = errors.New("charon has ended")

// wait returns when it is time to look again.
func (w *watch) wait(ctx context.Context, up, log <-chan vici.Event, again <-chan struct{}, tick <-chan time.Time) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick:
			return nil
		case <-again:
			return nil
		case _, open := <-up:
			if !open {
				return errEnded
			}
			return nil
		case e, open := <-log:
			if !open {
				return errEnded
			}
			if w.note(e.Message) {
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

// look asks for the state of all tunnels, and has those begin again that nobody begins any more.
func (w *watch) look(ctx context.Context) (map[string]State, error) {
	conns, err := w.daemon.connections(ctx)
	if err != nil {
		return nil, err
	}
	states := map[string]State{}
	for name := range conns {
		states[idOf(name)] = State{Reason: w.reasons[idOf(name)]}
	}
	sas, err := w.daemon.associations(ctx)
	if err != nil {
		return nil, err
	}
	for _, sa := range sas {
		if id := idOf(sa.name); sa.carries() {
			states[id] = State{Up: true}
			delete(w.reasons, id)
		}
	}
	w.restart(ctx, conns, sas)
	return states, nil
}

// Keys names the keys that tunnels use now: they are others after new ones were agreed upon.
func (d *Daemon) Keys(ctx context.Context) (keys []string, err error) {
	sas, err := d.associations(ctx)
	for _, sa := range sas {
		for _, c := range sa.children {
			keys = append(keys, c.key)
		}
	}
	slices.Sort(keys)
	return keys, err
}
