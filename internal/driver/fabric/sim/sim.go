// Package sim is a Fabric in memory: it keeps the contract and moves no packet. It takes
// seeded times and fails by seed, before the work or after it, as real hosts do.
//
// A thousand of them fit in one process (package daemon's --simulate, testcloud).
package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// ErrFault is what a simulated fault returns.
var ErrFault = errors.New("simulated fault of the fabric")

// Options say how the simulated host behaves. The zero Options never wait or fail.
type Options struct {
	// Seed makes the same calls take the same times and faults again.
	Seed uint64
	// TimeMin and TimeMax bound how long a call that changes something takes.
	TimeMin, TimeMax time.Duration
	// FailBefore is the share of changing calls that fail with nothing done;
	// FailAfter of those that do the work, then say no.
	FailBefore, FailAfter float64
}

// Host is what outlives a process: hand it on to New to simulate a restart.
// The zero Host is empty and ready. It may be used by one Fabric at a time.
type Host struct {
	mu       sync.Mutex
	networks map[spec.NetworkID]spec.Network
	groups   map[spec.GroupID]spec.SecurityGroup
	ports    map[spec.PortID]plugged
	routers  map[spec.RouterID]spec.Router
	metered  map[meterAt]time.Time // since when
	vpns     map[spec.VPNID]spec.VPN
	watchers map[int]func(spec.VPNStatus)
	watched  int
}

// meterAt is a meter at a router.
type meterAt struct {
	router spec.RouterID
	meter  spec.MeterID
}

type plugged struct {
	doc   spec.Port
	since time.Time
}

var _ agent.Fabric = (*Fabric)(nil)

// Fabric is agent.Fabric on a Host.
type Fabric struct {
	host    *Host
	options Options
	chance  sync.Mutex
	random  *rand.Rand
}

// New simulates a process on the host.
func New(h *Host, o Options) *Fabric {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.networks == nil {
		h.networks, h.groups = map[spec.NetworkID]spec.Network{}, map[spec.GroupID]spec.SecurityGroup{}
		h.ports, h.routers = map[spec.PortID]plugged{}, map[spec.RouterID]spec.Router{}
		h.metered = map[meterAt]time.Time{}
		h.vpns, h.watchers = map[spec.VPNID]spec.VPN{}, map[int]func(spec.VPNStatus){}
	}
	return &Fabric{host: h, options: o, random: rand.New(rand.NewPCG(o.Seed, 0xfab))}
}

// change does one piece of work the way the options say.
func (f *Fabric) change(ctx context.Context, work func(h *Host) error) error {
	wait, fate := f.draw()
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
	}
	if fate < f.options.FailBefore {
		return ErrFault
	}
	f.host.mu.Lock()
	defer f.host.mu.Unlock()
	if err := work(f.host); err != nil {
		return err
	}
	if fate < f.options.FailBefore+f.options.FailAfter {
		return fmt.Errorf("%w after the work", ErrFault)
	}
	return nil
}

func (f *Fabric) draw() (time.Duration, float64) {
	f.chance.Lock()
	defer f.chance.Unlock()
	wait := f.options.TimeMin
	if span := f.options.TimeMax - f.options.TimeMin; span > 0 {
		wait += time.Duration(f.random.Int64N(int64(span)))
	}
	return wait, f.random.Float64()
}

var idPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$`)

func checkID(kind, id string) error {
	if !idPattern.MatchString(id) {
		return fmt.Errorf("%s id %q: %w", kind, id, spec.ErrInvalid)
	}
	return nil
}

// EnsureNetwork is agent.Fabric.
func (f *Fabric) EnsureNetwork(ctx context.Context, n spec.Network) error {
	if err := checkID("network", string(n.ID)); err != nil {
		return err
	}
	return f.change(ctx, func(h *Host) error {
		if h.networks[n.ID].Generation <= n.Generation {
			h.networks[n.ID] = n
		}
		return nil
	})
}

// RemoveNetwork is agent.Fabric. A network with ports or routers on it is spec.ErrBusy.
func (f *Fabric) RemoveNetwork(ctx context.Context, id spec.NetworkID) error {
	return f.change(ctx, func(h *Host) error {
		for _, p := range h.ports {
			if p.doc.Network == id {
				return fmt.Errorf("network %s: port %s is on it: %w", id, p.doc.ID, spec.ErrBusy)
			}
		}
		for _, r := range h.routers {
			if slices.Contains(networksOf(r), id) {
				return fmt.Errorf("network %s: router %s is on it: %w", id, r.ID, spec.ErrBusy)
			}
		}
		for _, v := range h.vpns {
			if slices.Contains(networksOfVPN(v), id) {
				return fmt.Errorf("network %s: VPN %s is on it: %w", id, v.ID, spec.ErrBusy)
			}
		}
		delete(h.networks, id)
		return nil
	})
}

// EnsureGroup is agent.Fabric.
func (f *Fabric) EnsureGroup(ctx context.Context, g spec.SecurityGroup) error {
	if err := checkID("group", string(g.ID)); err != nil {
		return err
	}
	for _, r := range g.Rules {
		if r.Direction != spec.Ingress && r.Direction != spec.Egress {
			return fmt.Errorf("group %s: direction %q: %w", g.ID, r.Direction, spec.ErrInvalid)
		}
	}
	return f.change(ctx, func(h *Host) error {
		if held, ok := h.groups[g.ID]; !ok || held.Generation <= g.Generation {
			h.groups[g.ID] = g
		}
		return nil
	})
}

// RemoveGroup is agent.Fabric. A group that ports are in is spec.ErrBusy.
func (f *Fabric) RemoveGroup(ctx context.Context, id spec.GroupID) error {
	return f.change(ctx, func(h *Host) error {
		for _, p := range h.ports {
			if slices.Contains(p.doc.Groups, id) {
				return fmt.Errorf("group %s: port %s is in it: %w", id, p.doc.ID, spec.ErrBusy)
			}
		}
		delete(h.groups, id)
		return nil
	})
}

// EnsurePort is agent.Fabric. There is no tap of that name anywhere.
func (f *Fabric) EnsurePort(ctx context.Context, p spec.Port) (agent.Tap, error) {
	if err := checkID("port", string(p.ID)); err != nil {
		return agent.Tap{}, err
	}
	if _, err := net.ParseMAC(p.MAC); err != nil {
		return agent.Tap{}, fmt.Errorf("port %s: MAC address %q: %w", p.ID, p.MAC, spec.ErrInvalid)
	}
	if m := p.QoS.Mark; m != nil && (*m < 0 || *m > 63) {
		return agent.Tap{}, fmt.Errorf("port %s: DSCP %d: %w", p.ID, *m, spec.ErrInvalid)
	}
	var t agent.Tap
	err := f.change(ctx, func(h *Host) error {
		held, here := h.ports[p.ID]
		if here && held.doc.Generation > p.Generation {
			t = tap(held.doc)
			return nil
		}
		if _, ok := h.networks[p.Network]; !ok {
			return fmt.Errorf("port %s: network %s: %w", p.ID, p.Network, spec.ErrMissing)
		}
		if b := p.Branch; b != nil && h.ports[b.Parent].doc.ID == "" {
			return fmt.Errorf("port %s: port %s, which carries its frames: %w", p.ID, b.Parent, spec.ErrMissing)
		}
		for _, g := range p.Groups {
			if _, ok := h.groups[g]; !ok {
				return fmt.Errorf("port %s: security group %s: %w", p.ID, g, spec.ErrMissing)
			}
		}
		if !here {
			held.since = time.Now()
		}
		held.doc = p
		h.ports[p.ID] = held
		t = tap(p)
		return nil
	})
	if err != nil {
		return agent.Tap{}, err
	}
	return t, nil
}

func tap(p spec.Port) agent.Tap {
	return agent.Tap{Name: "sim-" + string(p.ID), Namespace: "/run/netns/sim-" + string(p.Network)}
}

// RemovePort is agent.Fabric.
func (f *Fabric) RemovePort(ctx context.Context, id spec.PortID) error {
	return f.change(ctx, func(h *Host) error {
		delete(h.ports, id)
		return nil
	})
}

// EnsureRouter is agent.Fabric.
func (f *Fabric) EnsureRouter(ctx context.Context, r spec.Router) error {
	if err := checkID("router", string(r.ID)); err != nil {
		return err
	}
	for _, m := range r.Meters {
		if err := checkID("meter", string(m.ID)); err != nil {
			return err
		}
	}
	if r.Domain != nil {
		if err := r.Domain.Check(); err != nil {
			return fmt.Errorf("router %s: %w", r.ID, err)
		}
	}
	return f.change(ctx, func(h *Host) error {
		if held, ok := h.routers[r.ID]; ok && held.Generation > r.Generation {
			return nil
		}
		for _, id := range networksOf(r) {
			if _, ok := h.networks[id]; !ok {
				return fmt.Errorf("router %s: network %s: %w", r.ID, id, spec.ErrMissing)
			}
		}
		h.routers[r.ID] = r
		h.meter(r.ID, r.Meters)
		return nil
	})
}

// RemoveRouter is agent.Fabric.
func (f *Fabric) RemoveRouter(ctx context.Context, id spec.RouterID) error {
	return f.change(ctx, func(h *Host) error {
		delete(h.routers, id)
		h.meter(id, nil)
		return nil
	})
}

// Adopt is agent.Fabric: the Host has kept everything.
func (f *Fabric) Adopt(ctx context.Context) error { return ctx.Err() }

// Inventory is agent.Fabric.
func (f *Fabric) Inventory(ctx context.Context) (agent.FabricInventory, error) {
	f.host.mu.Lock()
	defer f.host.mu.Unlock()
	return agent.FabricInventory{
		Networks: keys(f.host.networks), Ports: keys(f.host.ports),
		Routers: keys(f.host.routers), Groups: keys(f.host.groups),
		VPNs: keys(f.host.vpns),
	}, ctx.Err()
}

// PortStats is agent.Fabric. A simulated guest sends and receives steadily, some more than others.
func (f *Fabric) PortStats(ctx context.Context, id spec.PortID) (spec.NICStats, error) {
	f.host.mu.Lock()
	defer f.host.mu.Unlock()
	p, ok := f.host.ports[id]
	if !ok {
		return spec.NICStats{}, fmt.Errorf("port %s: %w", id, spec.ErrMissing)
	}
	rate := int64(1)
	for _, c := range p.doc.MAC {
		rate = rate*31%97 + int64(c)
	}
	packets := rate * int64(time.Since(p.since)/time.Second)
	return spec.NICStats{Port: id, MAC: p.doc.MAC, ReceivedPackets: packets, SentPackets: packets / 2,
		ReceivedBytes: packets * 900, SentBytes: packets / 2 * 200}, ctx.Err()
}

// Close is agent.Fabric.
func (f *Fabric) Close() error { return nil }

func networksOf(r spec.Router) []spec.NetworkID {
	var out []spec.NetworkID
	for _, i := range r.Interfaces {
		out = append(out, i.Network)
	}
	if r.Gateway != nil {
		out = append(out, r.Gateway.Network)
	}
	return out
}

func keys[K ~string, V any](m map[K]V) []K {
	out := make([]K, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
