package linux

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"time"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/charon"
	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// reviveMax bounds the pause before a daemon that ended is started again; it doubles from reviveMin.
const reviveMin, reviveMax = 100 * time.Millisecond, 30 * time.Second

// superviseVPN watches a VPN's daemon, and starts it again when it ends, until it is removed or the Fabric closed.
func (f *Fabric) superviseVPN(v *vpn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if v.stop != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	v.stop = cancel
	daemon := &charon.Daemon{Dir: f.daemonDir(v.id)} // enough to speak to it
	f.start(func() {
		defer cancel()
		go func() { // ends with ctx
			select {
			case <-f.closed:
				cancel()
			case <-ctx.Done():
			}
		}()
		f.watchDaemon(ctx, v, daemon)
	})
}

// lookAgain has what was just told to the daemon show in the VPN's status at once.
func (v *vpn) lookAgain() {
	select {
	case v.look <- struct{}{}:
	default: // it is going to
	}
}

func (f *Fabric) unsupervise(v *vpn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if v.stop != nil {
		v.stop()
		v.stop = nil
	}
}

func (f *Fabric) watchDaemon(ctx context.Context, v *vpn, daemon *charon.Daemon) {
	pause := reviveMin
	for ctx.Err() == nil {
		err := daemon.Watch(ctx, v.look, func(states map[string]charon.State) {
			pause = reviveMin
			f.tellStates(v, states)
		})
		if ctx.Err() != nil {
			return
		}
		f.tellDown(v, err)
		if err := f.revive(ctx, v); err != nil {
			f.log.Warn("the daemon of a VPN ended and does not start again", "VPN", v.id, "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, reviveMax)
	}
}

// revive makes a VPN whole again. One that was only adopted has to be ensured first: it has no secrets.
func (f *Fabric) revive(ctx context.Context, v *vpn) error {
	v.lock.Lock()
	defer v.lock.Unlock()
	if ctx.Err() != nil || !f.madeVPN(v) {
		return nil
	}
	return f.makeVPN(ctx, v)
}

// tellStates notes what the daemon says of the tunnels that there should be.
func (f *Fabric) tellStates(v *vpn, states map[string]charon.State) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := spec.VPNStatus{ID: v.id, Up: true}
	for _, t := range v.doc.Tunnels {
		state, known := states[t.ID]
		if !known {
			if state.Reason = v.refused[t.ID]; state.Reason == "" {
				continue // the daemon is being told of it
			}
		}
		s.Tunnels = append(s.Tunnels, spec.VPNTunnelStatus{ID: t.ID, Up: state.Up, Reason: state.Reason})
	}
	f.tellVPN(v, s)
}

func (f *Fabric) tellDown(v *vpn, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	reason := fmt.Sprintf("the host's strongSwan does not run: %v", err)
	s := spec.VPNStatus{ID: v.id, Reason: reason}
	for _, t := range v.doc.Tunnels {
		s.Tunnels = append(s.Tunnels, spec.VPNTunnelStatus{ID: t.ID, Reason: reason})
	}
	f.tellVPN(v, s)
}

// tellVPN tells who watches, if it is news. Fabric.mu is held.
func (f *Fabric) tellVPN(v *vpn, s spec.VPNStatus) {
	if reflect.DeepEqual(v.status, s) {
		return
	}
	v.status = s
	for _, w := range f.vpnWatchers {
		w.put(s)
	}
}

// VPNStatus is agent.Fabric.
func (f *Fabric) VPNStatus(_ context.Context, id spec.VPNID) (spec.VPNStatus, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := f.vpns[id]
	if v == nil {
		return spec.VPNStatus{}, wrap(spec.ErrMissing, kindVPN, string(id))
	}
	return v.status, nil
}

// vpnWatcher keeps what one watcher has not been told yet: of each VPN the last word is enough.
type vpnWatcher struct {
	news  map[spec.VPNID]spec.VPNStatus // guarded by Fabric.mu
	ready chan struct{}
}

// put is called with Fabric.mu held.
func (w *vpnWatcher) put(s spec.VPNStatus) {
	w.news[s.ID] = s
	select {
	case w.ready <- struct{}{}:
	default:
	}
}

// WatchVPNs is agent.Fabric.
func (f *Fabric) WatchVPNs(ctx context.Context, tell func(spec.VPNStatus)) error {
	w := &vpnWatcher{news: map[spec.VPNID]spec.VPNStatus{}, ready: make(chan struct{}, 1)}
	f.mu.Lock()
	for _, v := range f.vpns {
		if v.stop != nil {
			w.put(v.status)
		}
	}
	f.vpnWatchers = append(f.vpnWatchers, w)
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.vpnWatchers = slices.DeleteFunc(f.vpnWatchers, func(o *vpnWatcher) bool { return o == w })
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-f.closed:
			return nil
		case <-w.ready:
		}
		f.mu.Lock()
		news := w.news
		w.news = map[spec.VPNID]spec.VPNStatus{}
		f.mu.Unlock()
		for _, s := range news {
			tell(s)
		}
	}
}

// adoptVPN watches the daemon that an earlier process left, if there is one.
func (f *Fabric) adoptVPN(v *vpn) {
	if netns.Exists(f.names.vpn(v.id)) {
		f.superviseVPN(v)
	}
}

// resolved are a document's tunnels with the addresses of their peers, in order: one that changes makes a tunnel anew.
func (f *Fabric) resolved(ctx context.Context, doc spec.VPN) []charon.Tunnel {
	out := make([]charon.Tunnel, 0, len(doc.Tunnels))
	for _, t := range doc.Tunnels {
		peers, err := f.resolve(ctx, t)
		if err != nil {
			f.log.Warn("the peer of a tunnel is not found", "VPN", doc.ID, "tunnel", t.ID, "error", err)
		}
		out = append(out, charon.Tunnel{VPNTunnel: t, Peers: peers})
	}
	return out
}

func (f *Fabric) resolve(ctx context.Context, t spec.VPNTunnel) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(t.Peer); err == nil {
		return []netip.Addr{a}, nil
	}
	network := "ip6"
	if t.Local.Is4() {
		network = "ip4"
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, network, t.Peer)
	for i := range found {
		found[i] = found[i].Unmap()
	}
	slices.SortFunc(found, netip.Addr.Compare)
	return found, err
}
