package hypervisortest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// suite is one test: a fixture and words for what is done to it. Every word fails the test
// when it does not hold.
type suite struct {
	*testing.T
	f *Fixture
}

// patience is how long anything may take on a slow machine without acceleration.
const patience = 60 * time.Second

func (s *suite) hv() agent.Hypervisor { return s.f.Hypervisor }

func (s *suite) must(what string, err error) {
	s.Helper()
	if err != nil {
		s.Fatalf("%s: %v", what, err)
	}
}

func (s *suite) is(what string, err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Errorf("%s: got %v, want %v", what, err, want)
	}
}

func (s *suite) within() context.Context {
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	s.Cleanup(cancel)
	return ctx
}

// eventually waits until cond holds.
func (s *suite) eventually(what string, cond func() bool) {
	s.Helper()
	for end := time.Now().Add(patience); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			log, _ := s.hv().ConsoleLog(s.Context(), "g1", 2000)
			s.Fatalf("never: %s; console: %q", what, log)
		}
	}
}

func (s *suite) status(id spec.GuestID) spec.GuestStatus {
	s.Helper()
	st, err := s.hv().Status(s.within(), id)
	s.must("status", err)
	return st
}

func (s *suite) inState(id spec.GuestID, want spec.GuestState) {
	s.Helper()
	if st := s.status(id); st.State != want {
		s.Fatalf("guest is %s (%s), want %s", st.State, st.Reason, want)
	}
}

func (s *suite) reaches(id spec.GuestID, want spec.GuestState) {
	s.Helper()
	s.eventually("state "+string(want), func() bool { return s.status(id).State == want })
}

// up starts the guest g1 and waits for its system.
func (s *suite) up(change ...func(*agent.Launch)) agent.Launch {
	s.Helper()
	l := s.f.Launch("g1")
	for _, c := range change {
		c(&l)
	}
	s.must("start", s.hv().Start(s.within(), l, false))
	s.ready(1)
	return l
}

// ready waits until the guest's system has come up n times.
func (s *suite) ready(n int) {
	s.Helper()
	s.eventually("ready", func() bool { return s.timesReady() >= n })
}

func (s *suite) timesReady() int {
	log, err := s.hv().ConsoleLog(s.within(), "g1", 0)
	s.must("console log", err)
	return bytes.Count(log, []byte(s.f.Ready))
}

// watch collects what Watch tells until the test ends. It answers when Watch is watching.
func (s *suite) watch() <-chan spec.GuestStatus {
	ch := make(chan spec.GuestStatus, 100)
	ctx := &waitedFor{Context: s.Context(), waiting: make(chan struct{})}
	hv := s.hv()
	go hv.Watch(ctx, func(st spec.GuestStatus) { ch <- st })
	<-ctx.waiting
	return ch
}

// waitedFor is a context that tells when somebody waits for its end, which Watch does last.
type waitedFor struct {
	context.Context
	once    sync.Once
	waiting chan struct{}
}

func (w *waitedFor) Done() <-chan struct{} {
	w.once.Do(func() { close(w.waiting) })
	return w.Context.Done()
}

func (s *suite) told(ch <-chan spec.GuestStatus, want spec.GuestState) {
	s.Helper()
	end := time.After(patience)
	for {
		select {
		case st := <-ch:
			if st.ID == "g1" && st.State == want {
				return
			}
		case <-end:
			s.Fatalf("Watch never told %s", want)
		}
	}
}

func (s *suite) reopen() { s.f.Hypervisor = s.f.Reopen(func() {}) }

// reopenAfter lets something happen to the guest while there is no driver.
func (s *suite) reopenAfter(happens func(spec.GuestID)) {
	s.f.Hypervisor = s.f.Reopen(func() { happens("g1") })
}

func (s *suite) hasDisk(v spec.VolumeID) bool { return slices.Contains(s.status("g1").Disks, v) }
func (s *suite) hasNIC(p spec.PortID) bool    { return slices.Contains(s.status("g1").NICs, p) }

// readSome reads until want has been seen.
func (s *suite) readSome(r io.Reader, want string) {
	s.Helper()
	var got strings.Builder
	buf := make([]byte, 1024)
	for !strings.Contains(got.String(), want) {
		n, err := r.Read(buf)
		got.Write(buf[:n])
		if err != nil {
			s.Fatalf("read: %v after %q, want %q", err, got.String(), want)
		}
	}
}
