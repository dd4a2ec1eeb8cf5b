package testcloud

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// ErrHost is the failure of a simulated host. It does not say whether the work was done.
var ErrHost = errors.New("simulated failure of the host")

// Faults decides which changes on hosts fail. It is safe for use from several goroutines.
type Faults struct {
	mu     sync.Mutex
	random *rand.Rand
	rate   float64
}

// Set makes a share of all changes fail from now on, half of them after the work was done. 0 ends it.
func (f *Faults) Set(seed uint64, rate float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.random, f.rate = rand.New(rand.NewPCG(seed, 0x6661756c74)), rate
}

// fate is what happens to one change.
type fate int

const (
	works       fate = iota
	failsBefore      // nothing was done
	failsAfter       // all was done
	lacksRoom        // nothing was done, and trying again will not help
)

func (f *Faults) draw() fate {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rate == 0 || f.random.Float64() >= f.rate {
		return works
	}
	return []fate{failsBefore, failsBefore, failsAfter, failsAfter, lacksRoom}[f.random.IntN(5)]
}

// Strike kills a life at one moment. The zero value never does. It is safe for use from several goroutines.
type Strike struct {
	mu sync.Mutex
	// points and commits count down to the one that kills; 0: none will.
	points, commits int
	afterCommit     bool
	struck          bool
}

// AtPoint kills at the n-th point between steps from now, counted from 1.
func (s *Strike) AtPoint(n int) { s.set(n, 0, false) }

// AtCommit kills at the n-th commit from now, just before or just after it.
func (s *Strike) AtCommit(n int, after bool) { s.set(0, n, after) }

// Never calls it off, and tells whether it had struck.
func (s *Strike) Never() (struck bool) {
	s.mu.Lock()
	struck = s.struck
	s.mu.Unlock()
	s.set(0, 0, false)
	return struck
}

func (s *Strike) set(points, commits int, after bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.points, s.commits, s.afterCommit, s.struck = points, commits, after, false
}

func (s *Strike) point() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count(&s.points)
}

func (s *Strike) commit(committed bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return committed == s.afterCommit && s.count(&s.commits)
}

func (s *Strike) count(n *int) bool {
	if *n == 0 {
		return false
	}
	*n--
	s.struck = s.struck || *n == 0
	return *n == 0
}

// gate is open while a life lives. Calls that passed it are waited for.
type gate struct {
	closed atomic.Bool
	calls  sync.RWMutex
}

func (g *gate) open()        { g.closed.Store(false) }
func (g *gate) close()       { g.closed.Store(true) }
func (g *gate) isOpen() bool { return !g.closed.Load() }

// wait returns when no call is inside. The gate must be closed.
func (g *gate) wait() {
	g.calls.Lock()
	defer g.calls.Unlock()
}

// pass runs work if the gate is open.
func (g *gate) pass(work func() error) error {
	g.calls.RLock()
	defer g.calls.RUnlock()
	if !g.isOpen() {
		return operation.ErrDead
	}
	return work()
}

// wire is the way from a life's agent to the drivers of a host.
type wire struct {
	gate   *gate
	faults *Faults
}

// needsRoom are the changes that a full host refuses.
var needsRoom = map[string]bool{"start guest": true, "ensure image": true, "ensure volume": true, "ensure snapshot": true,
	"prepare snapshot": true, "plug disk": true, "plug NIC": true, "resize disk": true}

// look is a call that changes nothing.
func (w wire) look(work func() error) error { return w.gate.pass(work) }

// change is a call that may fail by seed.
func (w wire) change(ctx context.Context, what string, work func() error) error {
	return w.gate.pass(func() error {
		f := w.faults.draw()
		switch {
		case f == lacksRoom && needsRoom[what]:
			return fmt.Errorf("%s: %w, simulated", what, spec.ErrNoSpace)
		case f == lacksRoom || f == failsBefore:
			return fmt.Errorf("%s: %w", what, ErrHost)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := work(); err != nil {
			return err
		}
		if f == failsAfter {
			return fmt.Errorf("%s, after it was done: %w", what, ErrHost)
		}
		return nil
	})
}
