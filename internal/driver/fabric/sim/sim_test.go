package sim

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/driver/fabric/fabrictest"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// The simulated fabric keeps the contract.
func TestContract(t *testing.T) {
	fabrictest.Run(t, func(t *testing.T) fabrictest.Subject {
		h := &Host{}
		return fabrictest.Subject{Fabric: New(h, Options{}), Restart: func() agent.Fabric { return New(h, Options{}) }}
	})
}

// Faults come at both moments, in the same order for the same seed, and repeating ends well.
func TestFaults(t *testing.T) {
	history := func(seed uint64) (said []string) {
		h := &Host{}
		f := New(h, Options{Seed: seed, FailBefore: 0.3, FailAfter: 0.3})
		for i := range 60 {
			id := spec.NetworkID(fmt.Sprint("n", i))
			for tries := 0; ; tries++ {
				err := f.EnsureNetwork(context.Background(), fabrictest.Network(id))
				_, done := h.networks[id]
				said = append(said, fmt.Sprint(err != nil, done))
				if err == nil {
					break
				}
				if !errors.Is(err, ErrFault) || tries > 100 {
					t.Fatal(err)
				}
			}
		}
		return said
	}
	one, same, other := history(1), history(1), history(2)
	if fmt.Sprint(one) != fmt.Sprint(same) {
		t.Error("the same seed gives different faults")
	}
	if fmt.Sprint(one) == fmt.Sprint(other) {
		t.Error("different seeds give the same faults")
	}
	seen := map[string]bool{}
	for _, s := range one {
		seen[s] = true
	}
	if !seen["true true"] || !seen["true false"] {
		t.Errorf("faults seen: %v; want some before and some after the work", seen)
	}
}

// A call takes as long as it was told, and ends when its context does.
func TestTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := New(&Host{}, Options{TimeMin: time.Second, TimeMax: 2 * time.Second})
		began := time.Now()
		if err := f.EnsureNetwork(context.Background(), fabrictest.Network("n")); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < time.Second || took > 2*time.Second {
			t.Errorf("took %s", took)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		if err := f.EnsureNetwork(ctx, fabrictest.Network("m")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	})
}
