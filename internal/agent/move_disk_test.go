package agent_test

import (
	"context"
	"testing"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/driver/block/pools"
	blocksim "github.com/nubo-cloud/nubo/internal/driver/block/sim"
	hypervisorsim "github.com/nubo-cloud/nubo/internal/driver/hypervisor/sim"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// endless is a hypervisor whose moves take until they are interrupted, while slow is open.
type endless struct {
	agent.Hypervisor
	slow  bool
	begun chan struct{}
}

func (h *endless) MoveDisk(ctx context.Context, id spec.GuestID, v spec.VolumeID, to spec.BlockSource, settle agent.Settle) error {
	if !h.slow {
		return h.Hypervisor.MoveDisk(ctx, id, v, to, settle)
	}
	h.begun <- struct{}{}
	<-ctx.Done()
	return ctx.Err()
}

// A guest that has nothing to do but to have its volume moved does not keep anybody waiting; one that is wanted otherwise, or not
// at all, is changed at once, and the move begins again.
func TestMoveGivesWay(t *testing.T) {
	h := newHost()
	a := h.agent(t, hypervisorsim.Options{})
	hv := &endless{Hypervisor: a.Hypervisor, slow: true, begun: make(chan struct{})}
	a.Hypervisor = hv
	second := blocksim.NewPool(blocksim.Options{Name: "second"})
	a.Block = pools.Set{{Member: h.pool, Name: "default"}, {Member: second, Name: "second"}}
	g := h.prepare(t, a, "g")
	_, err := a.EnsureGuest(t.Context(), g)
	ok(t, err)
	moved := make(chan error)
	begin := func() {
		go func() {
			_, err := a.EnsureVolume(t.Context(), spec.Volume{ID: "g-root", Generation: 2, SizeBytes: 1 << 20, Pool: "second", Move: true})
			moved <- err
		}()
	}
	begin()
	<-hv.begun
	g.Generation++
	s, err := a.EnsureGuest(t.Context(), g)
	ok(t, err)
	if s.Generation != g.Generation || s.State != spec.GuestRunning {
		t.Errorf("%+v", s)
	}
	g.Generation, g.Power = g.Generation+1, spec.PowerPaused
	s, err = a.EnsureGuest(t.Context(), g)
	ok(t, err)
	if err := <-moved; s.State != spec.GuestPaused || err == nil {
		t.Errorf("%+v, and the move ended with %v", s, err)
	}
	begin()
	<-hv.begun
	ok(t, a.RemoveGuest(t.Context(), "g", g.Generation))
	if err := <-moved; err == nil {
		t.Error("the volume of a guest that was removed has moved under it")
	}
	hv.slow = false
	begin()
	ok(t, <-moved)
	if s, err := a.Block.VolumeStatus(t.Context(), "g-root"); err != nil || s.Pool != "second" {
		t.Errorf("%+v, %v", s, err)
	}
}
