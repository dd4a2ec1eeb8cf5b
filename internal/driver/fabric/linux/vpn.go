package linux

import (
	"context"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"sync"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/charon"
	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/nft"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// vpn is one VPN as held here.
type vpn struct {
	id spec.VPNID

	// Guarded by Fabric.mu.
	doc     spec.VPN
	made    bool // the kernel and the daemon are as doc says
	status  spec.VPNStatus
	refused map[string]string // tunnels that the daemon does not take, and why
	stop    context.CancelFunc
	look    chan struct{} // asks who watches the daemon to look again

	// Guarded by lock, which is taken where a router's is.
	lock   sync.Mutex
	ns     *netns.Handle
	rules  nft.State
	spoken string // addresses announced last
}

func newVPN(id spec.VPNID) *vpn {
	return &vpn{id: id, status: spec.VPNStatus{ID: id}, look: make(chan struct{}, 1)}
}

func networksOfVPN(v spec.VPN) []spec.NetworkID {
	ids := []spec.NetworkID{v.Link.Network}
	for _, o := range v.Outside {
		ids = append(ids, o.Network)
	}
	return ids
}

// sides are all links of a VPN.
func sides(v spec.VPN) []spec.RouterInterface {
	all := []spec.RouterInterface{v.Link}
	for _, o := range v.Outside {
		all = append(all, o.RouterInterface)
	}
	return all
}

// EnsureVPN is agent.Fabric.
func (f *Fabric) EnsureVPN(ctx context.Context, doc spec.VPN) error {
	if err := checkVPN(doc); err != nil {
		return wrap(err, kindVPN, string(doc.ID))
	}
	v, err := f.wantVPN(doc)
	if v == nil || err != nil {
		return wrap(err, kindVPN, string(doc.ID))
	}
	v.lock.Lock()
	defer v.lock.Unlock()
	return wrap(f.makeVPN(ctx, v), kindVPN, string(doc.ID))
}

func checkVPN(v spec.VPN) error {
	if err := checkID(kindVPN, string(v.ID)); err != nil {
		return err
	}
	for _, s := range sides(v) {
		if _, err := parseMAC(s.MAC); err != nil {
			return err
		}
	}
	for _, t := range v.Tunnels {
		if err := checkID("tunnel", t.ID); err != nil {
			return err
		}
		if !t.Local.IsValid() || len(t.LocalPrefixes) == 0 || len(t.PeerPrefixes) == 0 {
			return fmt.Errorf("tunnel %s has not both ends: %w", t.ID, spec.ErrInvalid)
		}
	}
	return nil
}

// wantVPN keeps the document; nil if there is nothing to do. Secrets are not kept: the daemon has them, and who sends the
// documents sends them again.
func (f *Fabric) wantVPN(doc spec.VPN) (*vpn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := f.vpns[doc.ID]
	if v != nil && v.doc.Generation > doc.Generation {
		return nil, nil
	}
	if v != nil && v.made && reflect.DeepEqual(v.doc, doc) && netns.Exists(f.names.vpn(doc.ID)) {
		return nil, nil
	}
	for _, id := range networksOfVPN(doc) {
		if f.networks[id] == nil || !netns.Exists(f.names.network(id)) {
			return nil, fmt.Errorf("network %s: %w", id, spec.ErrMissing)
		}
	}
	kept := doc
	kept.Tunnels = slices.Clone(doc.Tunnels)
	for i := range kept.Tunnels {
		kept.Tunnels[i].Secret = ""
	}
	if err := f.docs.keep(kindVPN, string(doc.ID), kept); err != nil {
		return nil, err
	}
	if v == nil {
		v = newVPN(doc.ID)
		f.vpns[doc.ID] = v
	}
	v.doc, v.made = doc, false
	return v, nil
}

// makeVPN makes the kernel and the daemon as the document says: links without addresses, rules, and only then addresses, the
// daemon and its tunnels, so nothing passes in clear.
func (f *Fabric) makeVPN(ctx context.Context, v *vpn) error {
	f.mu.Lock()
	doc, current := v.doc, f.vpns[v.id] == v
	f.mu.Unlock()
	if !current {
		return fmt.Errorf("removed meanwhile: %w", spec.ErrBusy)
	}
	if _, err := charon.Program(); err != nil {
		return err
	}
	if err := f.openVPN(v); err != nil {
		return err
	}
	daemon := f.daemonOf(v)
	if err := f.linkVPN(ctx, v, doc, daemon.InKernel); err != nil {
		return err
	}
	if err := daemon.Start(ctx); err != nil {
		return err
	}
	if err := v.ns.Do(func() error { return routeVPN(doc, daemon.InKernel) }); err != nil {
		return err
	}
	refused, err := daemon.Apply(ctx, f.resolved(ctx, doc))
	if err != nil {
		return err
	}
	f.mu.Lock()
	v.made, v.refused = reflect.DeepEqual(v.doc, doc), refused
	f.mu.Unlock()
	f.superviseVPN(v)
	v.lookAgain()
	return nil
}

func (f *Fabric) openVPN(v *vpn) error {
	name := f.names.vpn(v.id)
	if !netns.Exists(name) {
		v.release()
		if err := f.createNamespace(name, kindVPN, string(v.id), routerSettings()...); err != nil {
			return err
		}
	}
	if v.ns != nil {
		return nil
	}
	ns, err := f.openNamespace(name, kindVPN, string(v.id))
	if err != nil {
		return err
	}
	v.ns = ns
	return nil
}

func (v *vpn) release() {
	if v.ns != nil {
		v.ns.Close()
		v.ns = nil
	}
	v.rules.Forget()
	v.spoken = ""
}

// daemonOf is the daemon of a VPN whose namespace is open.
func (f *Fabric) daemonOf(v *vpn) *charon.Daemon {
	return &charon.Daemon{Dir: f.daemonDir(v.id), Namespace: v.ns, InKernel: f.espInKernel(v.ns)}
}

func (f *Fabric) daemonDir(id spec.VPNID) string {
	return filepath.Join(f.options.StateDir, "vpn", string(id))
}

// RemoveVPN is agent.Fabric.
func (f *Fabric) RemoveVPN(ctx context.Context, id spec.VPNID) error {
	if checkID(kindVPN, string(id)) != nil {
		return nil // such a VPN cannot be here
	}
	f.mu.Lock()
	v := f.vpns[id]
	if v == nil {
		v = newVPN(id) // perhaps half made, by another process
		f.vpns[id] = v
	}
	f.mu.Unlock()
	v.lock.Lock()
	defer v.lock.Unlock()
	f.unsupervise(v)
	if err := f.destroyVPN(v); err != nil {
		return wrap(err, kindVPN, string(id))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.docs.forget(kindVPN, string(id)); err != nil {
		return wrap(err, kindVPN, string(id))
	}
	delete(f.vpns, id)
	return nil
}

// destroyVPN ends the daemon, which may have been started by another process, before its namespace goes.
func (f *Fabric) destroyVPN(v *vpn) error {
	if netns.Exists(f.names.vpn(v.id)) {
		if err := f.openVPN(v); err != nil {
			return err
		}
	}
	daemon := charon.Daemon{Dir: f.daemonDir(v.id), Namespace: v.ns}
	if err := daemon.Remove(); err != nil {
		return err
	}
	v.release()
	return f.destroyNamespace(f.names.vpn(v.id), kindVPN, string(v.id))
}

// madeVPN tells whether this process has made a VPN as it is wanted, and nobody removed it.
func (f *Fabric) madeVPN(v *vpn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.vpns[v.id] == v && v.made
}

// verifyVPN compares one VPN with the kernel and the daemon, and repairs.
func (f *Fabric) verifyVPN(ctx context.Context, v *vpn) error {
	v.lock.Lock()
	defer v.lock.Unlock()
	if v.ns == nil || !f.madeVPN(v) {
		return nil // never ensured by this process, or gone
	}
	if well, err := v.rules.Verify(ctx, v.ns); err != nil || !well {
		f.log.Warn("VPN rules were not as applied", "VPN", v.id, "error", err)
	}
	return wrap(f.makeVPN(ctx, v), kindVPN, string(v.id))
}
