package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// ErrFault is the failure of a simulated host. As with a real one, it does not
// say whether the work was done.
var ErrFault = errors.New("simulated fault")

// Outcome is what happens to one change.
type Outcome int

// The outcomes: it works; it fails and did nothing; it does the work, then fails.
const (
	Works Outcome = iota
	FailsBefore
	FailsAfter
)

// faults decides how long changes take and which fail.
type faults struct {
	mu     *sync.Mutex
	random *rand.Rand
	next   map[string][]Outcome
	o      Options
}

func newFaults(o Options) faults {
	return faults{mu: &sync.Mutex{}, random: rand.New(rand.NewPCG(o.Seed, 0x626c6f636b)), next: map[string][]Outcome{}, o: o}
}

// Next decides the outcomes of the next calls of a method ("EnsureVolume") before chance does.
func (p *Pool) Next(method string, outcomes ...Outcome) {
	p.faults.mu.Lock()
	defer p.faults.mu.Unlock()
	p.faults.next[method] = append(p.faults.next[method], outcomes...)
}

func (f *faults) decide(method string) (Outcome, time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delay := f.o.DelayMin
	if spread := f.o.DelayMax - f.o.DelayMin; spread > 0 {
		delay += time.Duration(f.random.Int64N(int64(spread)))
	}
	if queue := f.next[method]; len(queue) > 0 {
		f.next[method] = queue[1:]
		return queue[0], delay
	}
	if f.o.FaultRate <= 0 || f.random.Float64() >= f.o.FaultRate {
		return Works, delay
	}
	return FailsBefore + Outcome(f.random.IntN(2)), delay
}

// change runs work with its simulated time and fault.
func (p *Pool) change(ctx context.Context, method string, work func() error) error {
	outcome, delay := p.faults.decide(method)
	if err := wait(ctx, delay); err != nil {
		return err
	}
	if outcome == FailsBefore {
		return fmt.Errorf("%s: %w", method, ErrFault)
	}
	if err := work(); err != nil {
		return err
	}
	if outcome == FailsAfter {
		return fmt.Errorf("%s: %w", method, ErrFault)
	}
	return nil
}

// wait is simulated work: it takes the time and does nothing.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
