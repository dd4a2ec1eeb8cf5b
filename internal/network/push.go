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
	case kindNetwork, kindGroup:
		return f.pushShared(ctx, agent, k)
	case kindRouter:
		return f.pushRouter(ctx, agent, k)
	case kindVPN:
		return f.pushVPN(ctx, agent, k)
	default:
		return f.pushPort(ctx, agent, k, false)
	}
}

// pushShared makes a network or group right on one host. The document is planned with the host's turn taken: who
// waits for this run wants a state that is no older.
func (f *fabric) pushShared(ctx context.Context, agent agentapi.Agent, k key) error {
	defer f.locks.lock(k)()
	doc, err := f.s.plan(ctx, k.object, whole)
	if err != nil {
		return err
	}
	return f.sendShared(ctx, agent, k, doc)
}

// pushPlanned is pushShared with a document that was planned for several hosts.
func (f *fabric) pushPlanned(ctx context.Context, agent agentapi.Agent, k key, doc planned) error {
	defer f.locks.lock(k)()
	if held, ok := f.held(k); ok && held.generation > doc.sum.generation {
		return nil // somebody sent a newer one meanwhile
	}
	return f.sendShared(ctx, agent, k, doc)
}

// sendShared sends a document if the host needs it, or has the host remove it. The key's lock is held.
func (f *fabric) sendShared(ctx context.Context, agent agentapi.Agent, k key, doc planned) error {
	needed, err := f.s.needs(ctx, k)
	if err != nil {
		return err
	}
	if !needed || !doc.exists {
		return f.removeShared(ctx, agent, k)
	}
	return f.sendSum(k, doc.sum, func() error {
		if k.Kind == kindNetwork {
			return agent.EnsureNetwork(ctx, doc.networkOn(k.Host))
		}
		return agent.EnsureGroup(ctx, doc.group)
	})
}

func (f *fabric) removeShared(ctx context.Context, agent agentapi.Agent, k key) error {
	if k.Kind == kindNetwork {
		return f.remove(k, agent.RemoveNetwork(ctx, spec.NetworkID(k.ID)))
	}
	return f.remove(k, agent.RemoveGroup(ctx, spec.GroupID(k.ID)))
}

func hashOf(doc any) (hash [sha256.Size]byte, err error) {
	text, err := json.Marshal(doc)
	if err != nil {
		return hash, fmt.Errorf("encode document: %w", err)
	}
	return sha256.Sum256(text), nil
}

// ready makes sure that a host has a network or group before a port is plugged into it. If it has the document but
// for other ports' names and addresses, which the loop brings, that is enough: the new port's own come with the port.
func (f *fabric) ready(ctx context.Context, k key) error {
	doc, err := f.s.plan(ctx, k.object, head)
	if err != nil {
		return err
	}
	if held, ok := f.held(k); ok && doc.exists && held.head == doc.sum.head {
		return nil
	}
	return f.objects.Do(ctx, k)
}

// pushRouter takes down what a router's counters show before it sends anything: a change may end them.
func (f *fabric) pushRouter(ctx context.Context, agent agentapi.Agent, k key) error {
	defer f.locks.lock(k)()
	doc, wanted, err := f.s.loadRouter(ctx, k.Host, cloud.RouterID(k.ID))
	if err != nil {
		return err
	}
	if !wanted {
		if err := f.s.keepReadings(ctx, agent, k); err != nil {
			return err
		}
		if err := f.remove(k, agent.RemoveRouter(ctx, spec.RouterID(k.ID))); err != nil {
			return err
		}
		return f.leaveNetworks(ctx, k)
	}
	plain := doc
	plain.Generation = 0
	return f.send(k, plain, func() error {
		if err := f.s.keepReadings(ctx, agent, k); err != nil {
			return err
		}
		return agent.EnsureRouter(ctx, doc)
	})
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
		if err := f.remove(k, agent.RemovePort(ctx, spec.PortID(k.ID))); err != nil {
			return err
		}
		return f.branchIs(ctx, k, doc, false)
	case want == asIs && !plugging:
		return nil
	}
	plain := doc
	plain.Generation = 0
	if plugging { // the guest's NIC depends on it: ask the host even if it should have it
		f.remember(k, true, nil)
	}
	if err := f.send(k, plain, func() error { return agent.EnsurePort(ctx, doc) }); err != nil {
		return err
	}
	return f.branchIs(ctx, k, doc, true)
}

// branchIs notes whether a host has a port that a trunk carries; of others, who plugs them says so.
func (f *fabric) branchIs(ctx context.Context, k key, doc spec.Port, up bool) error {
	if doc.Branch == nil {
		return nil
	}
	return f.s.setUp(ctx, []*cloud.Port{{ID: cloud.PortID(k.ID)}}, k.Host, up)
}

// send hands a document to the host unless it accepted an equal one last. plain is the document without its generation.
func (f *fabric) send(k key, plain any, ensure func() error) error {
	hash, err := hashOf(plain)
	if err != nil {
		return err
	}
	return f.sendSum(k, sum{whole: hash}, ensure)
}

func (f *fabric) sendSum(k key, now sum, ensure func() error) error {
	if held, ok := f.held(k); ok && held.whole == now.whole {
		f.remember(k, true, &now) // as of now: an older one must not follow
		return nil
	}
	f.remember(k, true, f.certain(k, now)) // from here on it may be there, whatever the answer
	if err := ensure(); err != nil {
		return err
	}
	f.remember(k, true, &now)
	return nil
}

// certain is what a host holds of a document also while another is sent: the head, if both have the same.
func (f *fabric) certain(k key, next sum) *sum {
	held, ok := f.held(k)
	if !ok || held.head != next.head || next.head == (sum{}).head {
		return nil
	}
	return &sum{head: held.head, generation: held.generation}
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
			r, err := s.Routers.Get(ctx, cloud.RouterID(k.ID))
			if err != nil {
				return missing(err, "router", k.ID)
			}
			if ports, err = s.Ports.List(ctx, cloud.Where(cloud.Eq("router_id", k.ID))); err != nil {
				return err
			}
			ports = sidesOn(r, ports, k.Host)
		case kindVPN:
			if ports, err = s.vpnPorts(ctx, cloud.VPNServiceID(k.ID)); err != nil {
				return err
			}
		}
		if base, err = s.baseOf(ctx, k.Host, ports); err != nil || k.Kind != kindPort {
			return err
		}
		parent, err := s.parentOf(ctx, ports[0])
		if parent != nil {
			base = append(base, key{k.Host, object{kindPort, string(parent.ID)}})
		}
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
