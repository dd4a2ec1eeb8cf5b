package sim

import (
	"context"
	"fmt"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// EnsureVPN is agent.Fabric. Simulated peers are always there: a tunnel stands at once.
func (f *Fabric) EnsureVPN(ctx context.Context, v spec.VPN) error {
	if err := checkID("VPN", string(v.ID)); err != nil {
		return err
	}
	return f.change(ctx, func(h *Host) error {
		if held, ok := h.vpns[v.ID]; ok && held.Generation > v.Generation {
			return nil
		}
		for _, id := range networksOfVPN(v) {
			if _, ok := h.networks[id]; !ok {
				return fmt.Errorf("VPN %s: network %s: %w", v.ID, id, spec.ErrMissing)
			}
		}
		h.vpns[v.ID] = v
		for _, w := range h.watchers {
			go w(statusOf(v)) // the watcher may call back
		}
		return nil
	})
}

func networksOfVPN(v spec.VPN) []spec.NetworkID {
	ids := []spec.NetworkID{v.Link.Network}
	for _, o := range v.Outside {
		ids = append(ids, o.Network)
	}
	return ids
}

func statusOf(v spec.VPN) spec.VPNStatus {
	s := spec.VPNStatus{ID: v.ID, Up: true}
	for _, t := range v.Tunnels {
		s.Tunnels = append(s.Tunnels, spec.VPNTunnelStatus{ID: t.ID, Up: true})
	}
	return s
}

// RemoveVPN is agent.Fabric.
func (f *Fabric) RemoveVPN(ctx context.Context, id spec.VPNID) error {
	return f.change(ctx, func(h *Host) error {
		delete(h.vpns, id)
		return nil
	})
}

// VPNStatus is agent.Fabric.
func (f *Fabric) VPNStatus(ctx context.Context, id spec.VPNID) (spec.VPNStatus, error) {
	f.host.mu.Lock()
	defer f.host.mu.Unlock()
	v, ok := f.host.vpns[id]
	if !ok {
		return spec.VPNStatus{}, fmt.Errorf("VPN %s: %w", id, spec.ErrMissing)
	}
	return statusOf(v), ctx.Err()
}

// WatchVPNs is agent.Fabric.
func (f *Fabric) WatchVPNs(ctx context.Context, g func(spec.VPNStatus)) error {
	f.host.mu.Lock()
	f.host.watched++
	id := f.host.watched
	f.host.watchers[id] = g
	var now []spec.VPNStatus
	for _, v := range f.host.vpns {
		now = append(now, statusOf(v))
	}
	f.host.mu.Unlock()
	for _, s := range now {
		g(s)
	}
	<-ctx.Done()
	f.host.mu.Lock()
	defer f.host.mu.Unlock()
	delete(f.host.watchers, id)
	return nil
}
