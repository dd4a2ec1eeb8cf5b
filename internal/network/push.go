package network

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nubo-cloud/nubo/internal/agentapi"
	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/reconcile"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// push makes one object right on one host: plans its document, and sends it if the host does not
// have it, or has the host remove it. A host that is down is not tried again: when it is back it gets everything.
func (f *fabric) push(ctx context.Context, k key) error {
	agent, err := f.agent(ctx, k.Host)
	if err != nil {
		return err
	}
	err = f.pushTo(ctx, agent, k)
	if errors.Is(err, spec.ErrMissing) {
		// The host lacks what this stands on: bring that first.
		if err = f.pushBase(ctx, agent, k); err == nil {
			err = f.pushTo(ctx, agent, k)
		}
	}
	if err != nil {
		return fmt.Errorf("%s %s on host %s: %w", k.Kind, k.ID, k.Host, err)
	}
	return nil
}

func (f *fabric) agent(ctx context.Context, host cloud.HostID) (agentapi.Agent, error) {
	agent, err := f.s.Hosts.Agent(ctx, host)
	if cloud.Is(err, cloud.Unavailable) || cloud.Is(err, cloud.NotFound) {
		return nil, fmt.Errorf("%w: %w", reconcile.ErrDrop, err)
	}
	return agent, err
}

func (f *fabric) pushTo(ctx context.Context, agent agentapi.Agent, k key) error {
	switch k.Kind {
	case kindNetwork:
		return f.pushNetwork(ctx, agent, k)
	case kindGroup:
		return f.pushGroup(ctx, agent, k)
	case kindRouter:
		return f.pushRouter(ctx, agent, k)
	default:
		return f.pushPort(ctx, agent, k, false)
	}
}

func (f *fabric) pushNetwork(ctx context.Context, agent agentapi.Agent, k key) error {
	defer f.locks.lock(k)()
	doc, wanted, err := f.s.loadNetwork(ctx, k.Host, cloud.NetworkID(k.ID))
	if err != nil {
		return err
	}
	if !wanted {
		return f.remove(k, agent.RemoveNetwork(ctx, spec.NetworkID(k.ID)))
	}
	plain := doc
	plain.Generation = 0
	return f.send(k, plain, func() error { return agent.EnsureNetwork(ctx, doc) })
}

func (f *fabric) pushGroup(ctx context.Context, agent agentapi.Agent, k key) error {
	defer f.locks.lock(k)()
	doc, wanted, err := f.s.loadGroup(ctx, k.Host, cloud.SecurityGroupID(k.ID))
	if err != nil {
		return err
	}
	if !wanted {
		return f.remove(k, agent.RemoveGroup(ctx, spec.GroupID(k.ID)))
	}
	plain := doc
	plain.Generation = 0
	return f.send(k, plain, func() error { return agent.EnsureGroup(ctx, doc) })
}

func (f *fabric) pushRouter(ctx context.Context, agent agentapi.Agent, k key) error {
	defer f.locks.lock(k)()
	doc, wanted, err := f.s.loadRouter(ctx, k.Host, cloud.RouterID(k.ID))
	if err != nil {
		return err
	}
	if !wanted {
		return f.remove(k, agent.RemoveRouter(ctx, spec.RouterID(k.ID)))
	}
	plain := doc
	plain.Generation = 0
	return f.send(k, plain, func() error { return agent.EnsureRouter(ctx, doc) })
}

// pushPort is also how a port is first plugged, which is when its row does not yet say that it is up.
func (f *fabric) pushPort(ctx context.Context, agent agentapi.Agent, k key, plugging bool) error {
	defer f.locks.lock(k)()
	doc, want, err := f.s.loadPort(ctx, k.Host, cloud.PortID(k.ID))
	if err != nil {
		return err
	}
	switch {
	case want == absent && plugging:
		return cloud.Errorf(cloud.Conflict, "port", k.ID, "Port %s is not bound to host %s.", k.ID, k.Host)
	case want == absent:
		return f.remove(k, agent.RemovePort(ctx, spec.PortID(k.ID)))
	case want == asIs && !plugging:
		return nil
	}
	plain := doc
	plain.Generation = 0
	if plugging { // the guest's NIC depends on it: ask the host even if it should have it
		f.remember(k, true, nil)
	}
	return f.send(k, plain, func() error { return agent.EnsurePort(ctx, doc) })
}

// send hands a document to the host unless it accepted an equal one last. plain is the document without its generation.
func (f *fabric) send(k key, plain any, ensure func() error) error {
	text, err := json.Marshal(plain)
	if err != nil {
		return fmt.Errorf("encode document: %w", err)
	}
	hash := sha256.Sum256(text)
	if f.has(k, hash) {
		return nil
	}
	f.remember(k, true, nil) // from here on it may be there, whatever the answer
	if err := ensure(); err != nil {
		return err
	}
	f.remember(k, true, &hash)
	return nil
}

// remove notes the answer to a Remove.
func (f *fabric) remove(k key, err error) error {
	f.remember(k, err != nil, nil)
	return err
}

// pushBase sends what an object stands on, even if we think that the host has it.
func (f *fabric) pushBase(ctx context.Context, agent agentapi.Agent, k key) error {
	base, err := f.s.standsOn(ctx, k)
	if err != nil {
		return err
	}
	for _, b := range base {
		f.remember(b, true, nil)
		if err := f.pushTo(ctx, agent, b); err != nil {
			return err
		}
	}
	return nil
}

// standsOn lists what must be on a host before an object can be: networks, then groups.
func (s *Service) standsOn(ctx context.Context, k key) (base []key, err error) {
	err = s.Tx.View(ctx, func(ctx context.Context) error {
		var ports []*cloud.Port
		switch k.Kind {
		case kindPort:
			p, err := s.Ports.Get(ctx, cloud.PortID(k.ID))
			if err != nil {
				return missing(err, "port", k.ID)
			}
			ports = []*cloud.Port{p}
		case kindRouter:
			if ports, err = s.Ports.List(ctx, cloud.Where(cloud.Eq("router_id", k.ID))); err != nil {
				return err
			}
		}
		base, err = s.baseOf(ctx, k.Host, ports)
		return err
	})
	return base, err
}

// baseOf lists the networks and groups that ports need on a host, groups that rules name as remote first.
func (s *Service) baseOf(ctx context.Context, host cloud.HostID, ports []*cloud.Port) ([]key, error) {
	var base, groups []key
	var own []cloud.SecurityGroupID
	for _, p := range ports {
		base = union(base, []key{{host, object{kindNetwork, string(p.NetworkID)}}})
		if p.PortSecurity {
			own = union(own, p.SecurityGroups)
		}
	}
	var ids []string
	for _, g := range own {
		ids = append(ids, string(g))
		groups = append(groups, key{host, object{kindGroup, string(g)}})
	}
	if len(own) == 0 {
		return base, nil
	}
	rules, err := s.Rules.List(ctx, cloud.Where(cloud.In("group_id", ids), cloud.Cond{Column: "remote_group", Op: cloud.OpNe, Value: ""}))
	for _, r := range rules {
		base = union(base, []key{{host, object{kindGroup, string(r.RemoteGroup)}}})
	}
	return union(base, groups), err
}

// unplugPort has a host remove a port whatever its row says.
func (f *fabric) unplugPort(ctx context.Context, agent agentapi.Agent, k key) error {
	defer f.locks.lock(k)()
	return f.remove(k, agent.RemovePort(ctx, spec.PortID(k.ID)))
}
