package linux

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// patrolShare bounds the patrol to this part of one core: after an object it
// rests this many times as long as the object took.
const patrolShare = 9

// patrol compares the kernel with what is wanted, object by object, round after
// round, and repairs.
func (f *Fabric) patrol() {
	if f.options.VerifyInterval < 0 {
		return
	}
	for f.rest(f.options.VerifyInterval) {
		for _, check := range f.checks() {
			began := time.Now()
			if err := check(context.Background()); err != nil {
				f.log.Error("fabric differs from what is wanted and could not be repaired", "error", err)
			}
			if !f.rest(patrolShare * time.Since(began)) {
				return
			}
		}
	}
}

// rest waits; false if the fabric was closed meanwhile.
func (f *Fabric) rest(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-f.closed:
		return false
	case <-timer.C:
		return true
	}
}

// Verify compares everything in use with the kernel at once and repairs what differs.
func (f *Fabric) Verify(ctx context.Context) error {
	var all error
	for _, check := range f.checks() {
		all = errors.Join(all, check(ctx))
	}
	return all
}

// checks are one function for each network, router and VPN this process has worked on.
func (f *Fabric) checks() []func(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []func(context.Context) error
	for _, n := range f.networks {
		out = append(out, func(ctx context.Context) error { return f.verifyNetwork(ctx, n) })
	}
	for _, r := range f.routers {
		out = append(out, func(ctx context.Context) error { return f.verifyRouter(ctx, r) })
	}
	for _, v := range f.vpns {
		out = append(out, func(ctx context.Context) error { return f.verifyVPN(ctx, v) })
	}
	return out
}

func (f *Fabric) verifyNetwork(ctx context.Context, n *network) error {
	n.lock.Lock()
	defer n.lock.Unlock()
	f.mu.Lock()
	held := f.networks[n.id] == n
	f.mu.Unlock()
	if n.ns == nil || !held {
		return nil // never ensured by this process, or gone
	}
	if well, err := n.rules.Verify(ctx, n.ns); err != nil || !well {
		f.log.Warn("filters were not as applied", "network", n.id, "error", err)
	}
	err := f.makeNetwork(ctx, n)
	for _, id := range f.portsOn(n) {
		err = errors.Join(err, wrap(f.makePort(ctx, n, id), kindPort, string(id)))
	}
	return wrap(err, kindNetwork, string(n.id))
}

func (f *Fabric) portsOn(n *network) []spec.PortID {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []spec.PortID
	for _, p := range f.ports {
		if p.doc.Network == n.id {
			out = append(out, p.doc.ID)
		}
	}
	return out
}

func (f *Fabric) verifyRouter(ctx context.Context, r *router) error {
	r.lock.Lock()
	defer r.lock.Unlock()
	f.mu.Lock()
	held := f.routers[r.id] == r
	f.mu.Unlock()
	if r.ns == nil || !held {
		return nil
	}
	if well, err := r.rules.Verify(ctx, r.ns); err != nil || !well {
		f.log.Warn("router rules were not as applied", "router", r.id, "error", err)
	}
	if len(r.meters) > 0 {
		r.metering.known = false // made again around its counters, which cannot be compared: they move
	}
	return wrap(f.makeRouter(ctx, r), kindRouter, string(r.id))
}

// scan lists what the host shows of ours, by kind: namespaces by name, taps by mark.
func (f *Fabric) scan() (map[string][]string, error) {
	spaces, err := netns.List(f.names.prefix())
	if err != nil {
		return nil, err
	}
	found := map[string][]string{}
	for _, name := range spaces {
		rest := strings.TrimPrefix(name, f.names.prefix())
		if id, ok := strings.CutPrefix(rest, "rtr-"); ok {
			found[kindRouter] = append(found[kindRouter], id)
		}
		if id, ok := strings.CutPrefix(rest, "vpn-"); ok {
			found[kindVPN] = append(found[kindVPN], id)
		}
		id, ok := strings.CutPrefix(rest, "net-")
		if !ok {
			continue
		}
		found[kindNetwork] = append(found[kindNetwork], id)
		if !netns.Exists(name) {
			continue
		}
		ports, err := f.markedPorts(name)
		if err != nil {
			return nil, err
		}
		found[kindPort] = append(found[kindPort], ports...)
	}
	return found, nil
}

func (f *Fabric) markedPorts(namespace string) (ports []string, err error) {
	ns, err := netns.Open(netns.Path(namespace))
	if err != nil {
		return nil, err
	}
	defer ns.Close()
	err = ns.Do(func() error {
		links, err := listLinks()
		for _, l := range links {
			if kind, id := f.names.marked(l.Attrs().Alias); kind == kindPort {
				ports = append(ports, id)
			}
		}
		return err
	})
	return ports, err
}

// adoptTaps finds the taps of the network's ports again, by name, and says what else is there.
func (f *Fabric) adoptTaps(n *network) error {
	var links []netlink.Link
	err := n.ns.Do(func() (err error) {
		links, err = listLinks()
		return err
	})
	if err != nil {
		return err
	}
	byName := map[string]spec.PortID{}
	for _, id := range f.portsOn(n) {
		byName[tapName(id)] = id
	}
	for _, l := range links {
		a := l.Attrs()
		if id, ours := byName[a.Name]; ours {
			f.bindTap(n, id, a.Index)
			continue
		}
		if kind, _ := f.names.marked(a.Alias); kind == "" && a.Name != bridgeName && a.Name != "lo" {
			f.log.Warn("a link we did not make is left alone", "network", n.id, "link", a.Name)
		}
	}
	return nil
}
