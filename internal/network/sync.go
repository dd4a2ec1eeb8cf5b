package network

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// SyncHost sends a host everything it should have, in order, and has it remove what it should not. It
// waits until that is done. Call it when a host's agent has come up (spec.EventUp).
func (s *Service) SyncHost(ctx context.Context, host cloud.HostID) error {
	return s.fabric.hosts.Do(ctx, host)
}

// syncHost is one run for a host. The inventory is taken first: what it lists and no row wants afterwards is an orphan.
func (f *fabric) syncHost(ctx context.Context, host cloud.HostID) error {
	agent, err := f.agent(ctx, host)
	if err != nil {
		return err
	}
	inventory, err := agent.Inventory(ctx)
	if err != nil {
		return fmt.Errorf("inventory of host %s: %w", host, err)
	}
	wanted, err := f.s.wantedOn(ctx, host)
	if err != nil {
		return err
	}
	f.forgetHost(host)
	var failed error
	for _, level := range wanted.levels() {
		failed = errors.Join(failed, f.doAll(ctx, level))
	}
	return errors.Join(failed, f.removeOrphans(ctx, host, inventory, wanted))
}

// doAll runs keys side by side and waits for them all.
func (f *fabric) doAll(ctx context.Context, level []key) error { return each(ctx, level, f.objects.Do) }

// each calls do for all keys side by side and answers the first error when all have ended.
func each(ctx context.Context, level []key, do func(context.Context, key) error) error {
	var g errgroup.Group
	g.SetLimit(objectWorkers)
	for _, k := range level {
		g.Go(func() error { return do(ctx, k) })
	}
	return g.Wait()
}

// wanted is all that a host should have.
type wanted struct{ base, routers, vpns, ports, branches []key }

// levels are in the order in which a host can take them.
func (w wanted) levels() [][]key { return [][]key{w.base, w.routers, w.vpns, w.ports, w.branches} }

func (s *Service) wantedOn(ctx context.Context, host cloud.HostID) (w wanted, err error) {
	if err := s.placeWaiting(ctx); err != nil {
		return w, err
	}
	err = s.Tx.View(ctx, func(ctx context.Context) error {
		ports, err := s.Ports.List(ctx, cloud.Where(cloud.Eq("host_id", string(host)),
			cloud.In("owner", []string{string(cloud.OwnerInstance), string(cloud.OwnerTrunk)})))
		if err != nil {
			return err
		}
		for _, p := range ports {
			k := key{host, object{kindPort, string(p.ID)}}
			if p.Owner == cloud.OwnerTrunk {
				w.branches = append(w.branches, k)
			} else {
				w.ports = append(w.ports, k)
			}
		}
		routers, sides, err := s.routersOn(ctx, host, ports)
		if err != nil {
			return err
		}
		for _, r := range routers {
			w.routers = append(w.routers, key{host, object{kindRouter, string(r.ID)}})
		}
		if w.vpns, err = s.vpnsOn(ctx, host, routers); err != nil {
			return err
		}
		w.base, err = s.baseOf(ctx, host, append(ports, sides...))
		return err
	})
	return w, err
}

// routersOn are the routers that a host with these ports has, with the ports that they have there.
func (s *Service) routersOn(ctx context.Context, host cloud.HostID, bound []*cloud.Port) (routers []*cloud.Router, sides []*cloud.Port, err error) {
	own, err := s.Routers.List(ctx, cloud.Where(cloud.Eq("host_id", string(host))))
	if err != nil {
		return nil, nil, err
	}
	copies, err := s.copiesOn(ctx, bound)
	if err != nil {
		return nil, nil, err
	}
	routers = append(own, slices.DeleteFunc(copies, func(r *cloud.Router) bool { return r.HostID == host })...)
	ids := columnOf(routers, func(r *cloud.Router) string { return string(r.ID) })
	ports, err := s.Ports.List(ctx, cloud.Where(cloud.In("router_id", ids)))
	by := allBy(ports, func(p *cloud.Port) cloud.RouterID { return p.RouterID })
	for _, r := range routers {
		sides = append(sides, sidesOn(r, by[r.ID], host)...)
	}
	return routers, sides, err
}

// placeWaiting gives routers that were made before there was a host a host.
func (s *Service) placeWaiting(ctx context.Context) error {
	waiting, err := s.Routers.List(ctx, cloud.Where(cloud.Eq("host_id", "")))
	if err != nil {
		return err
	}
	for _, r := range waiting {
		if _, err := s.placedRouter(ctx, r.ID); err != nil {
			return err
		}
	}
	return nil
}

// RemoveOrphans has a host remove the networks, groups, routers and ports that it listed in an
// inventory and that no row wants there. Rows are read after the inventory, so that what was made in between is safe.
func (s *Service) RemoveOrphans(ctx context.Context, host cloud.HostID, inventory spec.Inventory) error {
	w, err := s.wantedOn(ctx, host)
	if err != nil {
		return err
	}
	return s.fabric.removeOrphans(ctx, host, inventory, w)
}

// removeOrphans looks again at each thing that is not wanted: its own run decides, on rows read then.
func (f *fabric) removeOrphans(ctx context.Context, host cloud.HostID, inventory spec.Inventory, w wanted) error {
	keep := map[key]bool{}
	for _, level := range w.levels() {
		for _, k := range level {
			keep[k] = true
		}
	}
	var failed error
	for _, level := range inventoryLevels(host, inventory) {
		var orphans []key
		for _, k := range level {
			if !keep[k] {
				orphans = append(orphans, k)
			}
		}
		failed = errors.Join(failed, f.doAll(ctx, orphans))
	}
	return failed
}

// inventoryLevels are in the order in which a host can let go.
func inventoryLevels(host cloud.HostID, i spec.Inventory) [][]key {
	return [][]key{keysOf(host, kindPort, i.Ports), keysOf(host, kindVPN, i.VPNs), keysOf(host, kindRouter, i.Routers),
		append(keysOf(host, kindGroup, i.Groups), keysOf(host, kindNetwork, i.Networks)...)}
}

func keysOf[ID ~string](host cloud.HostID, k kind, ids []ID) []key {
	out := make([]key, len(ids))
	for i, id := range ids {
		out[i] = key{host, object{k, string(id)}}
	}
	return out
}
