package linux

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// EnsureGroup is agent.Fabric. It reaches every network with a port in the group,
// or in one whose rules name it, and cuts connections that are allowed no more.
func (f *Fabric) EnsureGroup(ctx context.Context, g spec.SecurityGroup) error {
	if err := checkGroup(g); err != nil {
		return wrap(err, kindGroup, string(g.ID))
	}
	networks, stricter, err := f.wantGroup(g)
	if err != nil {
		return wrap(err, kindGroup, string(g.ID))
	}
	for _, n := range networks {
		err = errors.Join(err, f.refilter(ctx, n, stricter))
	}
	f.mu.Lock()
	f.stale[g.ID] = err != nil
	f.mu.Unlock()
	return wrap(err, kindGroup, string(g.ID))
}

func checkGroup(g spec.SecurityGroup) error {
	if err := checkID(kindGroup, string(g.ID)); err != nil {
		return err
	}
	for _, r := range g.Rules {
		if err := checkRule(r); err != nil {
			return err
		}
	}
	return checkAddresses(g.Members)
}

// checkAddresses refuses zones: they are free text, and filters are written as text.
func checkAddresses(list []netip.Addr) error {
	for _, a := range list {
		if !a.IsValid() || a.Zone() != "" || a.Is4In6() {
			return fmt.Errorf("address %q: %w", a, spec.ErrInvalid)
		}
	}
	return nil
}

// wantGroup keeps the document and gives the networks it matters to, and whether
// anything that was allowed may be so no more.
func (f *Fabric) wantGroup(g spec.SecurityGroup) (networks []*network, stricter bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	held, here := f.groups[g.ID]
	if here && (held.Generation > g.Generation || reflect.DeepEqual(held, g) && !f.stale[g.ID]) {
		return nil, false, nil
	}
	if err := f.docs.keep(kindGroup, string(g.ID), g); err != nil {
		return nil, false, err
	}
	f.groups[g.ID] = g
	return f.networksOf(g.ID), f.stale[g.ID] || takesAway(held, g), nil
}

// takesAway tells whether old has a rule or member that is not in now.
func takesAway(old, now spec.SecurityGroup) bool {
	members := make(map[netip.Addr]bool, len(now.Members))
	for _, m := range now.Members {
		members[m] = true
	}
	return slices.ContainsFunc(old.Members, func(m netip.Addr) bool { return !members[m] }) ||
		slices.ContainsFunc(old.Rules, func(r spec.Rule) bool {
			return !slices.ContainsFunc(now.Rules, func(n spec.Rule) bool { return reflect.DeepEqual(r, n) })
		})
}

func (f *Fabric) networksOf(id spec.GroupID) []*network {
	var out []*network
	for _, p := range f.ports {
		if n := f.networks[p.doc.Network]; n != nil && f.concerns(p.doc, id) {
			out = append(out, n)
		}
	}
	return unique(out)
}

func (f *Fabric) concerns(p spec.Port, id spec.GroupID) bool {
	for _, g := range p.Groups {
		if g == id || slices.ContainsFunc(f.groups[g].Rules, func(r spec.Rule) bool { return r.RemoteGroup == id }) {
			return true
		}
	}
	return false
}

func (f *Fabric) refilter(ctx context.Context, n *network, stricter bool) error {
	n.lock.Lock()
	defer n.lock.Unlock()
	if !netns.Exists(f.names.network(n.id)) {
		return nil // comes with the network
	}
	if err := f.openNetwork(n); err != nil {
		return err
	}
	if err := f.trackConnections(ctx, n); err != nil {
		return err
	}
	return f.applyRules(ctx, n, stricter)
}

// RemoveGroup is agent.Fabric. A group that ports are in is spec.ErrBusy.
func (f *Fabric) RemoveGroup(ctx context.Context, id spec.GroupID) error {
	f.mu.Lock()
	for _, p := range f.ports {
		if slices.Contains(p.doc.Groups, id) {
			f.mu.Unlock()
			return wrap(fmt.Errorf("port %s is in it: %w", p.doc.ID, spec.ErrBusy), kindGroup, string(id))
		}
	}
	networks := f.networksOf(id)
	delete(f.groups, id)
	delete(f.stale, id)
	f.mu.Unlock()
	var err error
	for _, n := range networks {
		err = errors.Join(err, f.refilter(ctx, n, true))
	}
	if err == nil && checkID(kindGroup, string(id)) == nil {
		err = f.docs.forget(kindGroup, string(id))
	}
	return wrap(err, kindGroup, string(id))
}

// applyRules brings the network's filters to the documents. With ending it then
// ends connections the filters would not let begin any more.
func (f *Fabric) applyRules(ctx context.Context, n *network, ending bool) error {
	v := f.view(n)
	var err error
	if v.uplink, err = f.uplinkMAC(n, v.network); err != nil {
		return err
	}
	if err := n.rules.Apply(ctx, n.ns, v.tables()); err != nil {
		return fmt.Errorf("filters: %w", err)
	}
	if !ending {
		return nil
	}
	return n.ns.Do(func() error { return cut(func(k flow) bool { return !v.allowed(k) }) })
}

// view copies what the filters depend on.
func (f *Fabric) view(n *network) view {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := view{network: n.doc, groups: make(map[spec.GroupID]spec.SecurityGroup), track: n.track}
	for _, p := range f.ports {
		if p.doc.Network != n.id || p.ifindex == 0 {
			continue
		}
		mac, _ := parseMAC(p.doc.MAC) // checked when the document came in
		v.ports = append(v.ports, portView{p.doc, p.ifindex, linkLocal(mac)})
		for _, g := range p.doc.Groups {
			v.groups[g] = f.groups[g]
		}
	}
	for _, g := range slices.Collect(maps.Values(v.groups)) {
		for _, r := range g.Rules {
			if r.RemoteGroup != "" {
				v.groups[r.RemoteGroup] = f.groups[r.RemoteGroup] // one not here has no members
			}
		}
	}
	f.addNewMembers(v.groups)
	slices.SortFunc(v.ports, func(a, b portView) int { return a.ifindex - b.ifindex })
	return v
}

// addNewMembers puts ports that are here, and newer than their groups' documents, among the members: their guests'
// first packets may come before the next document.
func (f *Fabric) addNewMembers(groups map[spec.GroupID]spec.SecurityGroup) {
	for _, p := range f.ports {
		for _, id := range p.doc.Groups {
			g, here := groups[id]
			if !here || p.doc.Generation <= g.Generation {
				continue
			}
			g.Members = append(slices.Clip(g.Members), p.doc.Addresses...)
			groups[id] = g
		}
	}
}
