package agent

import (
	"context"
	"errors"
	"fmt"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// moveOpen brings a volume to another pool under the guest that has it open: the guest's lock and the volume's are held. What
// is wanted of the guest meanwhile goes before: the move ends early, to be asked for again.
func (a *Agent) moveOpen(ctx context.Context, guest spec.GuestID, v spec.Volume) (spec.VolumeStatus, error) {
	pools, ok := a.Block.(Mover)
	if !ok {
		return spec.VolumeStatus{}, fmt.Errorf("volume %s is open in guest %s, and there is but one pool: %w", v.ID, guest, spec.ErrNotSupported)
	}
	ctx, done := a.givesWay(ctx, guest)
	defer done()
	target, err := pools.PrepareMove(ctx, v)
	if err != nil {
		return spec.VolumeStatus{}, fmt.Errorf("prepare pool: %w", err)
	}
	if v.Encryption != nil {
		target.Key = v.Encryption.Key
	}
	err = a.Hypervisor.MoveDisk(ctx, guest, v.ID, target, func(ctx context.Context, at spec.BlockSource) error {
		return pools.SwitchVolume(ctx, v.ID, at)
	})
	if errors.Is(err, spec.ErrMissing) {
		return spec.VolumeStatus{}, fmt.Errorf("guest %s let go of volume %s meanwhile (%v): %w", guest, v.ID, err, spec.ErrBusy)
	}
	if err != nil {
		return spec.VolumeStatus{}, fmt.Errorf("move disk: %w", err)
	}
	return a.Block.EnsureVolume(ctx, v)
}

// givesWay makes a context for the move of a guest's disk, which may take hours and ends early by endMove.
func (a *Agent) givesWay(ctx context.Context, id spec.GuestID) (_ context.Context, done func()) {
	ctx, cancel := context.WithCancel(ctx)
	a.mu.Lock()
	a.moves[id] = cancel
	a.mu.Unlock()
	return ctx, func() {
		a.mu.Lock()
		delete(a.moves, id)
		a.mu.Unlock()
		cancel()
	}
}

// endMove ends the move of a guest's disk, if there is one under way.
func (a *Agent) endMove(id spec.GuestID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if cancel := a.moves[id]; cancel != nil {
		cancel()
	}
}

// asWanted tells of a guest that need not wait for a move of its disks, which changes nothing that a document tells. Any other
// guest has the move end.
func (a *Agent) asWanted(ctx context.Context, id spec.GuestID) (s spec.GuestStatus, yes bool) {
	a.mu.Lock()
	moves := a.moves[id] != nil
	a.mu.Unlock()
	g, _, ok := a.wanted(id)
	if !ok || !moves {
		return s, false
	}
	s, err := a.observe(ctx, id)
	if err != nil || !matches(g, s) {
		a.endMove(id)
		return s, false
	}
	a.settle(id, g.Generation)
	s.Generation = g.Generation
	return s, true
}
