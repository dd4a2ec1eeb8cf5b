package fleet

import (
	"context"
	"sync"
	"time"

	"github.com/nubo-cloud/nubo/internal/agentapi"
	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Run watches every host that has joined until ctx ends.
func (f *Fleet) Run(ctx context.Context) error {
	ctx = cloud.WithPrincipal(ctx, cloud.System())
	var wg sync.WaitGroup
	for _, id := range f.IDs() {
		a, err := f.Agent(ctx, id)
		if err != nil {
			continue // left meanwhile
		}
		wg.Add(2)
		go func() { defer wg.Done(); f.watch(ctx, id, a) }()
		go func() { defer wg.Done(); f.check(ctx, id, a) }()
	}
	wg.Wait()
	return nil
}

// watch passes a host's events on. When the way to it breaks it tries again.
func (f *Fleet) watch(ctx context.Context, id cloud.HostID, a agentapi.Agent) {
	for ctx.Err() == nil {
		err := a.Watch(ctx, func(e spec.Event) { f.dispatch(ctx, id, e) })
		if err != nil && ctx.Err() == nil {
			f.Log.Warn("lost the way to a host", "host", id, "error", err)
			wait(ctx, f.RetryPause)
		}
	}
}

func (f *Fleet) dispatch(ctx context.Context, id cloud.HostID, e spec.Event) {
	switch e.Kind {
	case spec.EventUp:
		f.up(ctx, id)
	case spec.EventGuest:
		for _, g := range f.onGuest {
			g(ctx, id, e.Guest)
		}
	case spec.EventVPN:
		for _, g := range f.onVPN {
			g(ctx, id, e.VPN)
		}
	}
}

// up has everything sent to a host, until it worked.
func (f *Fleet) up(ctx context.Context, id cloud.HostID) {
	for _, g := range f.onUp {
		for ctx.Err() == nil {
			err := g(ctx, id)
			if err == nil {
				break
			}
			f.Log.Warn("cannot send a host what it should have", "host", id, "error", err)
			wait(ctx, f.RetryPause)
		}
	}
}

// check is the self-check: it asks what is on the host and has the owners of each noun compare it
// with the store.
func (f *Fleet) check(ctx context.Context, id cloud.HostID, a agentapi.Agent) {
	ticker := time.NewTicker(f.CheckEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := f.Check(ctx, id, a); err != nil && ctx.Err() == nil {
			f.Log.Warn("self-check of a host failed", "host", id, "error", err)
		}
	}
}

// Check compares one host with the store now.
func (f *Fleet) Check(ctx context.Context, id cloud.HostID, a agentapi.Agent) error {
	inv, err := a.Inventory(ctx)
	if err != nil {
		return err
	}
	for _, g := range f.onInventory {
		if err := g(ctx, id, inv); err != nil {
			return err
		}
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
