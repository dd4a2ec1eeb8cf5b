package linux

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/nft"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// router is one router as held here.
type router struct {
	id spec.RouterID

	// Guarded by Fabric.mu.
	doc  spec.Router
	made bool // the kernel is as doc says

	// Guarded by lock.
	lock   sync.Mutex
	ns     *netns.Handle
	rules  nft.State
	nat    []spec.FloatingIP // what the rules were last made of
	ports  []spec.PortForward
	spoken string      // addresses announced last
	swept  spec.Router // as which domain no connection is astray
	metering
}

func (r *router) uses(id spec.NetworkID) bool {
	return slices.Contains(networksOfRouter(r.doc), id)
}

func networksOfRouter(r spec.Router) []spec.NetworkID {
	var out []spec.NetworkID
	for _, i := range r.Interfaces {
		out = append(out, i.Network)
	}
	if r.Gateway != nil {
		out = append(out, r.Gateway.Network)
	}
	return out
}

// EnsureRouter is agent.Fabric.
func (f *Fabric) EnsureRouter(ctx context.Context, doc spec.Router) error {
	if err := checkRouter(doc); err != nil {
		return wrap(err, kindRouter, string(doc.ID))
	}
	r, err := f.wantRouter(doc)
	if r == nil || err != nil {
		return wrap(err, kindRouter, string(doc.ID))
	}
	r.lock.Lock()
	defer r.lock.Unlock()
	return wrap(f.makeRouter(ctx, r), kindRouter, string(doc.ID))
}

func checkRouter(r spec.Router) error {
	if err := checkID(kindRouter, string(r.ID)); err != nil {
		return err
	}
	for _, a := range attachments(r) {
		if _, err := parseMAC(a.MAC); err != nil {
			return err
		}
	}
	for _, e := range r.Exits {
		if _, err := parseMAC(e.MAC); err != nil {
			return err
		}
	}
	for _, fip := range r.Floating {
		if !fip.External.Is4() || !fip.Internal.Is4() {
			return fmt.Errorf("floating IP %s to %s: %w", fip.External, fip.Internal, spec.ErrInvalid)
		}
	}
	for _, p := range r.Forwards {
		if err := checkForward(p); err != nil {
			return err
		}
	}
	for _, l := range r.Limits {
		if !l.Address.Is4() {
			return fmt.Errorf("limits of %s: %w", l.Address, spec.ErrInvalid)
		}
	}
	if err := checkDomain(r); err != nil {
		return err
	}
	return checkMeters(r.Meters)
}

// wantRouter keeps the document; nil if there is nothing to do.
func (f *Fabric) wantRouter(doc spec.Router) (*router, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.routers[doc.ID]
	if r != nil && r.doc.Generation > doc.Generation {
		return nil, nil
	}
	if r != nil && r.made && reflect.DeepEqual(r.doc, doc) && netns.Exists(f.names.router(doc.ID)) {
		return nil, nil
	}
	for _, id := range networksOfRouter(doc) {
		if f.networks[id] == nil || !netns.Exists(f.names.network(id)) {
			return nil, fmt.Errorf("network %s: %w", id, spec.ErrMissing)
		}
	}
	if err := f.docs.keep(kindRouter, string(doc.ID), doc); err != nil {
		return nil, err
	}
	if r == nil {
		r = &router{id: doc.ID}
		f.routers[doc.ID] = r
	}
	r.doc, r.made = doc, false
	return r, nil
}

// makeRouter makes the kernel as the document says: namespace, links without
// addresses, rules, and only then addresses and routes, so nothing passes without NAT.
func (f *Fabric) makeRouter(ctx context.Context, r *router) error {
	f.mu.Lock()
	doc, current := r.doc, f.routers[r.id] == r
	f.mu.Unlock()
	if !current {
		return fmt.Errorf("removed meanwhile: %w", spec.ErrBusy)
	}
	if err := f.openRouter(r); err != nil {
		return err
	}
	for _, a := range attachments(doc) {
		if err := f.attach(r.ns, a, doc.AdminUp); err != nil {
			return fmt.Errorf("interface %s: %w", a.Port, err)
		}
	}
	if err := f.applyNAT(ctx, r, doc); err != nil {
		return err
	}
	if err := r.applyMeters(ctx, doc); err != nil {
		return err
	}
	if err := r.ns.Do(func() error { return f.configureLinks(doc) }); err != nil {
		return err
	}
	if err := r.sweep(doc); err != nil {
		return err
	}
	f.announce(r, doc)
	f.mu.Lock()
	r.made = reflect.DeepEqual(r.doc, doc)
	f.mu.Unlock()
	return nil
}

func (f *Fabric) openRouter(r *router) error {
	name := f.names.router(r.id)
	if !netns.Exists(name) {
		r.release()
		if err := f.createNamespace(name, kindRouter, string(r.id), routerSettings()...); err != nil {
			return err
		}
		r.metering.known = true // and empty
	}
	if r.ns != nil {
		return nil
	}
	ns, err := f.openNamespace(name, kindRouter, string(r.id))
	if err != nil {
		return err
	}
	r.ns = ns
	return nil
}

func routerSettings() []setting {
	return []setting{
		{"ipv4/ip_forward", "1", false},
		{"ipv6/conf/all/forwarding", "1", true},
		{"ipv6/conf/default/forwarding", "1", true},
		{"ipv6/conf/default/accept_ra", "0", true},
		{"ipv6/conf/default/accept_dad", "0", true},
		{"ipv4/conf/all/rp_filter", "0", false},
		{"ipv4/conf/default/rp_filter", "0", false},
		{"ipv4/conf/all/send_redirects", "0", false},
		{"ipv4/conf/default/send_redirects", "0", false},
		// Answer ARP only on the link that has the address.
		{"ipv4/conf/all/arp_ignore", "1", false},
		{"ipv4/conf/all/arp_announce", "2", false},
	}
}

func (r *router) release() {
	if r.ns != nil {
		r.ns.Close()
		r.ns = nil
	}
	r.rules.Forget()
	r.spoken, r.swept = "", spec.Router{}
	r.metering = metering{}
}

// applyNAT also ends connections through floating IPs that were taken away: NAT
// is decided once per connection.
func (f *Fabric) applyNAT(ctx context.Context, r *router, doc spec.Router) error {
	if err := r.rules.Apply(ctx, r.ns, routerTables(doc)); err != nil {
		return fmt.Errorf("NAT: %w", err)
	}
	var gone []spec.FloatingIP
	for _, old := range r.nat {
		if !slices.Contains(doc.Floating, old) {
			gone = append(gone, old)
		}
	}
	closed := slices.DeleteFunc(slices.Clone(r.ports), func(p spec.PortForward) bool { return slices.Contains(doc.Forwards, p) })
	r.nat, r.ports = doc.Floating, doc.Forwards
	if len(gone)+len(closed) == 0 {
		return nil
	}
	return r.ns.Do(func() error {
		return cut(func(k flow) bool {
			return slices.ContainsFunc(gone, func(g spec.FloatingIP) bool {
				return k.destination == g.External || k.source == g.Internal
			}) || slices.ContainsFunc(closed, func(p spec.PortForward) bool { return carries(p, k) })
		})
	})
}

// sweep ends what a domain no longer leads where, or as what, it goes. It takes the place of comparing documents, so that it is
// right after a restart, too.
func (r *router) sweep(doc spec.Router) error {
	if doc.Domain == nil || reflect.DeepEqual(r.swept, doc) {
		return nil
	}
	if err := r.ns.Do(func() error { return cut(newDomain(doc).astray) }); err != nil {
		return err
	}
	r.swept = doc
	return nil
}

// RemoveRouter is agent.Fabric.
func (f *Fabric) RemoveRouter(ctx context.Context, id spec.RouterID) error {
	if checkID(kindRouter, string(id)) != nil {
		return nil // such a router cannot be here
	}
	f.mu.Lock()
	r := f.routers[id]
	if r == nil {
		r = &router{id: id} // perhaps half made, by another process
		f.routers[id] = r
	}
	f.mu.Unlock()
	r.lock.Lock()
	defer r.lock.Unlock()
	r.release()
	if err := f.destroyNamespace(f.names.router(id), kindRouter, string(id)); err != nil {
		return wrap(err, kindRouter, string(id))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.docs.forget(kindRouter, string(id)); err != nil {
		return wrap(err, kindRouter, string(id))
	}
	delete(f.routers, id)
	return nil
}
