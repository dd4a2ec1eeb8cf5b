package linux

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/nft"
	"github.com/nubo-cloud/nubo/internal/spec"
)

var _ agent.Fabric = (*Fabric)(nil)

// Fabric is agent.Fabric on one Linux host. It may be used from several goroutines;
// work on different networks goes on side by side.
//
// Locks are taken in this order: router, network, trunks, Fabric.mu. Fabric.mu guards the
// maps and documents and is never held while the kernel is asked.
type Fabric struct {
	options  Options
	log      *slog.Logger
	host     *netns.Handle
	docs     documents
	names    names
	metadata *metadataServer

	hostLock  sync.Mutex // what stands in the host's namespace
	hostRules nft.State
	probed    tracking // how connections are tracked; empty until asked
	esp       *bool    // the kernel does ESP; nil until asked

	trunks sync.Mutex // the inner ends of branches, and the programs that hand frames to them

	mu       sync.Mutex
	networks map[spec.NetworkID]*network
	ports    map[spec.PortID]*port
	groups   map[spec.GroupID]spec.SecurityGroup
	stale    map[spec.GroupID]bool // groups that some network's filters do not follow yet
	routers  map[spec.RouterID]*router
	vpns     map[spec.VPNID]*vpn
	// vpnWatchers are told what VPNs do.
	vpnWatchers []*vpnWatcher

	closed  chan struct{}
	running sync.WaitGroup
}

// start runs something until Close.
func (f *Fabric) start(work func()) {
	f.running.Add(1)
	go func() {
		defer f.running.Done()
		work()
	}()
}

// Close ends listeners and the patrol. Taps, rules and routers go on working.
func (f *Fabric) Close() error {
	f.mu.Lock()
	select {
	case <-f.closed:
		f.mu.Unlock()
		return nil
	default:
		close(f.closed)
	}
	networks := make([]*network, 0, len(f.networks))
	for _, n := range f.networks {
		networks = append(networks, n)
	}
	f.mu.Unlock()
	f.metadata.close()
	for _, n := range networks {
		n.lock.Lock()
		n.release()
		n.lock.Unlock()
	}
	f.running.Wait()
	return f.host.Close()
}

// Inventory lists what is kept or found on the host, whole or half made.
func (f *Fabric) Inventory(ctx context.Context) (agent.FabricInventory, error) {
	found, err := f.scan()
	if err != nil {
		return agent.FabricInventory{}, err
	}
	var inv agent.FabricInventory
	inv.Networks, err = union[spec.NetworkID](f.docs, kindNetwork, found[kindNetwork], err)
	inv.Ports, err = union[spec.PortID](f.docs, kindPort, found[kindPort], err)
	inv.Routers, err = union[spec.RouterID](f.docs, kindRouter, found[kindRouter], err)
	inv.VPNs, err = union[spec.VPNID](f.docs, kindVPN, found[kindVPN], err)
	inv.Groups, err = union[spec.GroupID](f.docs, kindGroup, nil, err)
	return inv, err
}

func union[T ~string](d documents, kind string, found []string, err error) ([]T, error) {
	ids, listing := d.ids(kind)
	all := append(ids, found...)
	slices.Sort(all)
	var out []T
	for _, id := range slices.Compact(all) {
		out = append(out, T(id))
	}
	return out, errors.Join(err, listing)
}

// Adopt takes up what an earlier process left: documents, and services on the
// networks that are in the kernel. Guests' traffic is not touched. What the kernel lost
// (after a reboot) comes back when it is ensured again.
func (f *Fabric) Adopt(ctx context.Context) error {
	if err := f.load(); err != nil {
		return err
	}
	f.mu.Lock()
	networks := make([]*network, 0, len(f.networks))
	for _, n := range f.networks {
		networks = append(networks, n)
	}
	vpns := slices.Collect(maps.Values(f.vpns))
	f.mu.Unlock()
	for _, v := range vpns {
		f.adoptVPN(v)
	}
	for _, n := range networks {
		if err := f.adopt(ctx, n); err != nil {
			f.log.Error("network not adopted; it is made anew when it is next ensured", "network", n.id, "error", err)
		}
	}
	return nil
}

// load reads the documents.
func (f *Fabric) load() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	bad := func(kind string) func(string, error) {
		return func(id string, err error) {
			f.log.Warn("fabric document not readable", "kind", kind, "id", id, "error", err)
		}
	}
	return errors.Join(
		each(f.docs, kindNetwork, func(n spec.Network) { f.networks[n.ID] = &network{id: n.ID, doc: n} }, bad(kindNetwork)),
		each(f.docs, kindGroup, func(g spec.SecurityGroup) { f.groups[g.ID] = g }, bad(kindGroup)),
		each(f.docs, kindPort, func(p spec.Port) { f.ports[p.ID] = &port{doc: p} }, bad(kindPort)),
		each(f.docs, kindVPN, func(v spec.VPN) { f.vpns[v.ID] = newVPN(v.ID); f.vpns[v.ID].doc = v }, bad(kindVPN)),
		each(f.docs, kindRouter, func(r spec.Router) { f.routers[r.ID] = &router{id: r.ID, doc: r} }, bad(kindRouter)),
	)
}

// adopt serves one network again if the kernel still has it.
func (f *Fabric) adopt(ctx context.Context, n *network) error {
	if !netns.Exists(f.names.network(n.id)) {
		return nil
	}
	n.lock.Lock()
	defer n.lock.Unlock()
	if err := f.openNetwork(n); err != nil {
		return err
	}
	if err := f.adoptTaps(n); err != nil {
		return err
	}
	return f.serve(n)
}

// wrap says which object an error is about.
func wrap(err error, kind, id string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", kind, id, err)
}
