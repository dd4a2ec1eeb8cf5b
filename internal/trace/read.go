package trace

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Filter selects entries; what is empty selects all.
type Filter struct {
	User         string // its id, its name, or what the provider calls it
	Project      string // its id
	Provider     string
	Since, Until time.Time // Until itself is out
}

func (f Filter) selects(e *Entry) bool {
	return (f.User == "" || f.User == e.UserID || f.User == e.User || f.User == e.FederatedID) &&
		(f.Project == "" || f.Project == e.ProjectID) && (f.Provider == "" || f.Provider == e.ProviderID) &&
		!e.Time.Before(f.Since) && (f.Until.IsZero() || e.Time.Before(f.Until))
}

// touches tells whether a day may have entries that f selects.
func (f Filter) touches(day string) bool {
	return day >= f.Since.UTC().Format(time.DateOnly) && (f.Until.IsZero() || day <= f.Until.UTC().Format(time.DateOnly))
}

// Reader goes through a log that may be written meanwhile.
type Reader struct {
	dir    string
	filter Filter
	day    string // where it stands
	offset int64
}

// NewReader begins at the first entry that the filter selects.
func NewReader(dir string, f Filter) *Reader { return &Reader{dir: dir, filter: f} }

// Read gives all entries that are there since the last Read, in order.
func (r *Reader) Read(give func(Entry) error) error {
	all, err := days(r.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // nothing has been done yet
	}
	if err != nil {
		return err
	}
	for _, day := range all {
		if day < r.day || !r.filter.touches(day) {
			continue
		}
		if day > r.day {
			r.day, r.offset = day, 0
		}
		if err := r.readDay(give); err != nil && !errors.Is(err, fs.ErrNotExist) { // it was pruned meanwhile
			return err
		}
	}
	return nil
}

func (r *Reader) readDay(give func(Entry) error) error {
	f, err := os.Open(filepath.Join(r.dir, r.day+suffix))
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Seek(r.offset, io.SeekStart); err != nil {
		return err
	}
	lines := bufio.NewReader(f)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil // what has no end is being written, or was cut short
		}
		if err != nil {
			return err
		}
		r.offset += int64(len(line))
		var e Entry
		if json.Unmarshal(line, &e) != nil || !r.filter.selects(&e) {
			continue // a line that a loss of power cut short says nothing
		}
		if err := give(e); err != nil {
			return err
		}
	}
}

// followPeriod is how often a log is looked at for more: it is written about as often.
const followPeriod = 500 * time.Millisecond

// Follow gives what is there and then what comes, until ctx ends.
func (r *Reader) Follow(ctx context.Context, give func(Entry) error) error {
	tick := time.NewTicker(followPeriod)
	defer tick.Stop()
	for {
		if err := r.Read(give); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// All collects what Read gives.
func (r *Reader) All() (all []Entry, err error) {
	err = r.Read(func(e Entry) error { all = append(all, e); return nil })
	return all, err
}
