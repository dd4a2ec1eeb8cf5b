package network

import (
	"context"
	"errors"
	"fmt"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// PlugInstance makes everything an instance's ports need ready on its host (networks, groups,
// routers, then the ports) and waits for it. The ports must be bound to the host. It may be
// repeated. Do not call it in a transaction.
func (s *Service) PlugInstance(ctx context.Context, id cloud.InstanceID, host cloud.HostID) error {
	ports, err := s.instancePorts(ctx, id)
	if err != nil {
		return err
	}
	return s.plug(ctx, ports, host)
}

// PlugPort is PlugInstance for one port.
func (s *Service) PlugPort(ctx context.Context, id cloud.PortID, host cloud.HostID) error {
	p, err := s.Ports.Get(ctx, id)
	if err != nil {
		return missing(err, "port", id)
	}
	return s.plug(ctx, []*cloud.Port{p}, host)
}

func (s *Service) plug(ctx context.Context, ports []*cloud.Port, host cloud.HostID) error {
	if len(ports) == 0 {
		return nil
	}
	base, err := s.baseOf(ctx, host, ports)
	if err != nil {
		return err
	}
	if err := each(ctx, base, s.fabric.ready); err != nil {
		return plugFailed(host, err)
	}
	if err := s.plugRouters(ctx, ports, host); err != nil {
		return err
	}
	for _, p := range ports {
		if err := s.fabric.plugPort(ctx, key{host, object{kindPort, string(p.ID)}}); err != nil {
			return plugFailed(host, err)
		}
	}
	if err := s.markUp(ctx, ports, host); err != nil {
		return err
	}
	return s.plugBranches(ctx, ports, host)
}

// plugFailed keeps the host's words for the log. Compute tries again.
func plugFailed(host cloud.HostID, err error) error {
	if _, ok := cloud.AsError(err); ok {
		return err
	}
	return &cloud.Error{Kind: cloud.Unavailable, Resource: "network", ID: string(host), Message: "The host could not make the network ready yet.", Cause: err}
}

// plugRouters makes the routers on the ports' networks ready. One that fails does not keep the
// instance from starting: it is tried again by itself.
func (s *Service) plugRouters(ctx context.Context, ports []*cloud.Port, host cloud.HostID) error {
	var networks []string
	for _, p := range ports {
		networks = union(networks, []string{string(p.NetworkID)})
	}
	sides, err := s.Ports.List(ctx, cloud.Where(cloud.In("network_id", networks), isRouterInterface))
	if err != nil {
		return err
	}
	for _, side := range sides {
		r, err := s.placedRouter(ctx, side.RouterID)
		if err != nil {
			return err
		}
		if r != nil {
			s.plugRouter(ctx, r, host)
		}
	}
	return ctx.Err()
}

// plugRouter makes a router ready on the host of a port on one of its networks, if it runs there, and elsewhere soon.
func (s *Service) plugRouter(ctx context.Context, r *cloud.Router, host cloud.HostID) {
	o := object{kindRouter, string(r.ID)}
	if r.HostID != "" && r.HostID != host {
		s.fabric.objects.Nudge(key{r.HostID, o})
	}
	if r.HostID != host && !r.Distributed {
		return
	}
	if err := s.fabric.objects.Do(ctx, key{host, o}); err != nil {
		s.Log.Warn("router is not ready; the instance starts without it", "router", r.ID, "host", host, "error", err)
	}
}

func (f *fabric) plugPort(ctx context.Context, k key) error {
	agent, err := f.agent(ctx, k.Host)
	if err != nil {
		return err
	}
	err = f.pushPort(ctx, agent, k, true)
	if errors.Is(err, spec.ErrMissing) { // removed again since we brought it
		if err = f.pushBase(ctx, agent, k); err == nil {
			err = f.pushPort(ctx, agent, k, true)
		}
	}
	if err != nil {
		return fmt.Errorf("plug port %s on host %s: %w", k.ID, k.Host, err)
	}
	return nil
}

// markUp notes that ports are plugged. What changed about them meanwhile is sent after that by savePort's nudge.
func (s *Service) markUp(ctx context.Context, ports []*cloud.Port, host cloud.HostID) error {
	return s.setUp(ctx, ports, host, true)
}

func (s *Service) setUp(ctx context.Context, ports []*cloud.Port, host cloud.HostID, up bool) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		for _, was := range ports {
			p, err := s.Ports.Get(ctx, was.ID)
			if cloud.Is(err, cloud.NotFound) {
				continue
			}
			if err != nil {
				return err
			}
			if p.HostID != host || p.Up == up {
				continue
			}
			p.Up = up
			if err := s.savePort(ctx, p); err != nil {
				return err
			}
		}
		return nil
	})
}

// UnplugInstance takes an instance's ports off a host. Rows stay. It may be repeated. The rows say that the
// ports are down even if the host cannot be reached, which is an error.
func (s *Service) UnplugInstance(ctx context.Context, id cloud.InstanceID, host cloud.HostID) error {
	ports, err := s.instancePorts(ctx, id)
	if err != nil {
		return err
	}
	return s.unplug(ctx, ports, host)
}

// UnplugPort takes one port off a host, after its instance was relieved of it. A port that is gone is no error, and one that
// another instance has on the host by now stays: the guest that lost it may have taken its time.
func (s *Service) UnplugPort(ctx context.Context, id cloud.PortID, host cloud.HostID) error {
	p, err := s.Ports.Get(ctx, id)
	if err == nil && p.InstanceID != "" && p.HostID == host {
		return nil
	}
	if err != nil && !cloud.Is(err, cloud.NotFound) {
		return err
	}
	return s.unplug(ctx, []*cloud.Port{{ID: id}}, host)
}

func (s *Service) unplug(ctx context.Context, ports []*cloud.Port, host cloud.HostID) error {
	if len(ports) == 0 || host == "" {
		return nil
	}
	if err := s.setUp(ctx, ports, host, false); err != nil {
		return err
	}
	agent, err := s.fabric.agent(ctx, host)
	if err != nil {
		return plugFailed(host, err)
	}
	for _, p := range ports {
		if err := s.fabric.unplugPort(ctx, agent, key{host, object{kindPort, string(p.ID)}}); err != nil {
			return plugFailed(host, err)
		}
	}
	return nil
}
