package trace

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	queueLength = 1024        // entries that wait for the writer
	syncPeriod  = time.Second // how much may be lost with the machine
	bufferMax   = 64 << 10    // bytes held back between syncs
)

// Options of a Log.
type Options struct {
	Months int // to keep; 0: for ever
	// FederatedID, if set, tells what a provider calls a user; any, if none is named: programs of a person sign in by a
	// credential of this cloud. The writer asks, once per user and provider.
	FederatedID func(userID, providerID string) string
	Log         *slog.Logger
	Now         func() time.Time // nil: time.Now
}

// Log is appended to by one writer of its own.
type Log struct {
	dir     string
	options Options
	queue   chan Entry
	closing chan struct{}
	ended   chan struct{}
	once    sync.Once

	// The writer's.
	file    *os.File
	day     string
	pending []byte
	dirty   bool // something is written and not synced
	known   map[[2]string]string
}

// Open goes on with the log in a directory, which it makes, and removes what is too old.
func Open(dir string, o Options) (*Log, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the log of traces: %w", err)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	l := &Log{dir: dir, options: o, queue: make(chan Entry, queueLength), closing: make(chan struct{}), ended: make(chan struct{}), known: map[[2]string]string{}}
	if err := l.prune(l.now()); err != nil {
		return nil, err
	}
	go l.run()
	return l, nil
}

// Close writes all that was added before it and ends the writer. It may be called twice.
func (l *Log) Close() error {
	l.once.Do(func() { close(l.closing) })
	<-l.ended
	return nil
}

func (l *Log) now() time.Time { return l.options.Now().UTC().Truncate(time.Microsecond) }

// add waits while the queue is full: what was done must be known.
func (l *Log) add(e Entry) {
	select {
	case l.queue <- e:
	case <-l.closing: // the daemon has let go of its requests
	}
}

func (l *Log) run() {
	defer close(l.ended)
	tick := time.NewTicker(syncPeriod)
	defer tick.Stop()
	for {
		select {
		case e := <-l.queue:
			l.write(e)
		case <-tick.C:
			l.insist(l.sync)
		case <-l.closing:
			l.finish()
			return
		}
	}
}

func (l *Log) finish() {
	for len(l.queue) > 0 { // nobody else takes from it
		l.write(<-l.queue)
	}
	l.insist(l.leave)
}

func (l *Log) write(e Entry) {
	e.FederatedID = l.federatedID(e)
	line, err := json.Marshal(e)
	if err != nil { // texts and numbers can always be written
		l.options.Log.Error("an entry of the log of traces cannot be written", "error", err)
		return
	}
	if day := e.Time.Format(time.DateOnly); day > l.day { // never back: a reader is past it
		l.insist(func() error { return l.turn(day) })
	}
	l.pending = append(append(l.pending, line...), '\n')
	if len(l.pending) > bufferMax {
		l.insist(l.flush)
	}
}

// knownMax bounds what is remembered of users.
const knownMax = 10_000

func (l *Log) federatedID(e Entry) string {
	if e.FederatedID != "" || e.UserID == "" || l.options.FederatedID == nil {
		return e.FederatedID
	}
	key := [2]string{e.UserID, e.ProviderID}
	id, ok := l.known[key]
	if !ok {
		if id = l.options.FederatedID(e.UserID, e.ProviderID); id == "" && e.ProviderID != "" {
			return "" // perhaps the next time
		}
		if len(l.known) >= knownMax {
			clear(l.known)
		}
		l.known[key] = bounded(id)
	}
	return bounded(id)
}

// insist does something again until it succeeds: a full disk makes requests wait, not unknown. When the log is closed it is done once.
func (l *Log) insist(do func() error) {
	for {
		err := do()
		if err == nil {
			return
		}
		l.options.Log.Error("the log of traces cannot be written; requests wait for it", "error", err)
		select {
		case <-time.After(syncPeriod):
		case <-l.closing:
			if err := do(); err != nil {
				l.options.Log.Error("the end of the log of traces is lost", "error", err)
			}
			return
		}
	}
}

// turn goes on in the file of another day.
func (l *Log) turn(day string) error {
	if err := l.leave(); err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(l.dir, day+suffix), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(endLine(file), syncDir(l.dir), l.prune(l.now())); err != nil {
		return errors.Join(err, file.Close())
	}
	l.file, l.day = file, day
	return nil
}

// endLine ends a line that a loss of power cut short, so that the next is whole.
func endLine(f *os.File) error {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return err
	}
	var last [1]byte
	if _, err := f.ReadAt(last[:], info.Size()-1); err != nil || last[0] == '\n' {
		return err
	}
	_, err = f.Write([]byte{'\n'})
	return err
}

// flush hands over what is pending; what was taken is not handed over again.
func (l *Log) flush() error {
	for len(l.pending) > 0 {
		n, err := l.file.Write(l.pending)
		l.dirty = l.dirty || n > 0
		l.pending = l.pending[n:]
		if err != nil {
			return err
		}
		if n == 0 {
			return io.ErrShortWrite
		}
	}
	l.pending = nil
	return nil
}

func (l *Log) sync() error {
	if err := l.flush(); err != nil || !l.dirty {
		return err
	}
	if err := l.file.Sync(); err != nil {
		return err
	}
	l.dirty = false
	return nil
}

// leave lets go of the present file, whole.
func (l *Log) leave() error {
	if l.file == nil {
		return nil
	}
	if err := l.sync(); err != nil {
		return err
	}
	err := l.file.Close()
	l.file, l.day = nil, ""
	return err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
