package network

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/reconcile"
)

// kind is a sort of fabric object.
type kind string

const (
	kindNetwork kind = "network"
	kindGroup   kind = "group"
	kindRouter  kind = "router"
	kindPort    kind = "port"
	kindVPN     kind = "VPN"
)

// object is a fabric object; key is one on a host, or on all hosts concerned if Host is empty.
type object struct {
	Kind kind
	ID   string
}

type key struct {
	Host cloud.HostID
	object
}

// fabric brings hosts into line with the rows. What it remembers only saves work: it
// may be empty at any time (after a restart it is).
type fabric struct {
	s       *Service
	objects *reconcile.Loop[key]
	hosts   *reconcile.Loop[cloud.HostID]
	meters  *reconcile.Loop[cloud.RouterID]
	locks   keyLocks

	mu sync.Mutex
	// placed: the hosts we put an object on, so that we can take it off again.
	placed map[object]map[cloud.HostID]bool
	// sent: the document that a host accepted last.
	sent map[key]sum
}

// Runs wait for agents, not for the processor.
const objectWorkers, hostWorkers = 64, 8

func newFabric(s *Service) *fabric {
	f := &fabric{s: s, placed: map[object]map[cloud.HostID]bool{}, sent: map[key]sum{}}
	f.objects = reconcile.New("network objects", s.Log, reconcile.Options{Workers: objectWorkers, RetryMin: s.Config.RetryMin}, f.run)
	f.objects.Rest(restOf)
	f.hosts = reconcile.New("network hosts", s.Log, reconcile.Options{Workers: hostWorkers, RetryMin: s.Config.RetryMin}, f.syncHost)
	f.meters = reconcile.New("network meters", s.Log, reconcile.Options{Workers: hostWorkers, RetryMin: s.Config.RetryMin}, f.readMeters)
	return f
}

// restMax bounds how long a change of a large network or group that changes all the time waits for the next.
const restMax = 500 * time.Millisecond

// restOf keeps what grows with a network or group, its document for all its hosts, to a tenth of a processor
// while ports come and go. Small ones have no pause worth the name.
func restOf(k key, took time.Duration) time.Duration {
	if k.Host != "" || k.Kind != kindNetwork && k.Kind != kindGroup || took < restMax/100 {
		return 0
	}
	return min(10*took, restMax)
}

// Run reconciles until ctx ends. PlugInstance and SyncHost wait for it.
func (s *Service) Run(ctx context.Context) {
	ctx = cloud.WithPrincipal(ctx, cloud.System())
	var wg sync.WaitGroup
	wg.Go(func() { s.fabric.objects.Run(ctx) })
	wg.Go(func() { s.fabric.hosts.Run(ctx) })
	wg.Go(func() { s.fabric.hosts.Every(ctx, s.Config.ResyncPause, s.upHosts) })
	wg.Go(func() { s.fabric.meters.Run(ctx) })
	wg.Go(func() { s.fabric.meters.Every(ctx, s.Config.MeterPause, s.meteredRouters) })
	wg.Wait()
}

func (s *Service) upHosts(ctx context.Context) ([]cloud.HostID, error) {
	hosts, err := s.HostRecords.List(ctx, cloud.Query{}, func(h *cloud.Host) bool { return h.Up })
	return columnOf(hosts, func(h *cloud.Host) cloud.HostID { return h.ID }), err
}

// Idle tells whether every host is, to our knowledge, as it should be.
func (s *Service) Idle() bool { return s.fabric.objects.Idle() && s.fabric.hosts.Idle() }

// nudge makes an object right, after commit, on every host concerned.
func (s *Service) nudge(ctx context.Context, k kind, id string) { s.nudgeOn(ctx, "", k, id) }

// nudgeOn is nudge for one host.
func (s *Service) nudgeOn(ctx context.Context, host cloud.HostID, k kind, id string) {
	s.Tx.After(ctx, func() { s.fabric.objects.Nudge(key{host, object{k, id}}) })
}

func (s *Service) nudgeRouter(ctx context.Context, id cloud.RouterID) {
	if id != "" {
		s.nudge(ctx, kindRouter, string(id))
	}
}

// nudgeRoutersOf tells the routers on a network that it has changed.
func (s *Service) nudgeRoutersOf(ctx context.Context, id cloud.NetworkID) error {
	ports, err := s.Ports.List(ctx, cloud.Where(cloud.Eq("network_id", string(id)),
		cloud.In("owner", []string{string(cloud.OwnerRouterInterface), string(cloud.OwnerRouterCopy), string(cloud.OwnerRouterGateway), string(cloud.OwnerRouterLink), string(cloud.OwnerVPN)})))
	for _, p := range ports {
		s.nudgeRouter(ctx, p.RouterID)
	}
	return err
}

// nudgePort tells the hosts what a port's new, changed or removed row means to them: its
// network's DHCP and DNS, its groups' members, and the port itself. old is nil for a port that is new or gone.
func (s *Service) nudgePort(ctx context.Context, p, old *cloud.Port) {
	if old == nil {
		old = &cloud.Port{}
	}
	moved := p.HostID != old.HostID
	if moved || p.MAC != old.MAC || !slices.Equal(p.Addresses, old.Addresses) || p.DNSName != old.DNSName || p.DNSDomain != old.DNSDomain || p.Owner != old.Owner ||
		!slices.Equal(p.DHCPOptions, old.DHCPOptions) {
		s.nudge(ctx, kindNetwork, string(p.NetworkID))
	}
	if moved || !slices.Equal(p.Addresses, old.Addresses) || !slices.Equal(p.AllowedPairs, old.AllowedPairs) || !slices.Equal(p.SecurityGroups, old.SecurityGroups) {
		for _, g := range union(p.SecurityGroups, old.SecurityGroups) {
			s.nudge(ctx, kindGroup, string(g))
		}
	}
	for _, host := range union([]cloud.HostID{p.HostID}, []cloud.HostID{old.HostID}) {
		if host == "" {
			continue
		}
		s.nudgeOn(ctx, host, kindPort, string(p.ID))
	}
}

func union[T comparable](a, b []T) []T {
	all := slices.Clone(a)
	for _, v := range b {
		if !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	return all
}

// settleMax bounds how long a caller waits for hosts that do not answer.
const settleMax = 500 * time.Millisecond

// settleRouters waits until routers that were just changed are right on their hosts. What fails or takes longer is
// tried again without the caller, whose change is kept either way.
func (f *fabric) settleRouters(ctx context.Context, routers []cloud.RouterID) {
	ctx, cancel := context.WithTimeout(ctx, settleMax)
	defer cancel()
	var keys []key
	for _, id := range routers {
		if id == "" {
			continue
		}
		o := object{kindRouter, string(id)}
		hosts, err := f.hostsOf(cloud.WithPrincipal(ctx, cloud.System()), o)
		if err != nil {
			f.s.Log.Warn("cannot wait for a router", "router", id, "error", err)
			continue
		}
		for _, h := range hosts {
			keys = append(keys, key{h, o})
		}
	}
	_ = f.doAll(ctx, keys) // the loop has logged it and tries again
}

// run makes one object right on one host, or finds the hosts.
func (f *fabric) run(ctx context.Context, k key) error {
	if k.Host == "" {
		return f.fanOut(ctx, k.object)
	}
	return f.push(ctx, k)
}

// fanOut makes an object right on every host that needs it or has it from us.
func (f *fabric) fanOut(ctx context.Context, o object) error {
	hosts, err := f.hostsOf(ctx, o)
	if err != nil {
		return err
	}
	hosts = union(hosts, f.placedOn(o))
	if o.Kind == kindNetwork {
		if err := f.follow(ctx, cloud.NetworkID(o.ID)); err != nil {
			return err
		}
	}
	if o.Kind == kindNetwork || o.Kind == kindGroup {
		return f.spread(ctx, o, hosts)
	}
	for _, h := range hosts {
		f.objects.Nudge(key{h, o})
	}
	if o.Kind == kindRouter {
		return f.nudgeVPNs(ctx, cloud.RouterID(o.ID))
	}
	return nil
}

// spread sends hosts one document, planned once: that of a large network costs more to plan than to send. A host
// that does not take it is tried again by itself.
func (f *fabric) spread(ctx context.Context, o object, hosts []cloud.HostID) error {
	doc, err := f.s.plan(ctx, o, whole)
	if err != nil {
		return err
	}
	var g errgroup.Group
	g.SetLimit(hostWorkers)
	for _, h := range hosts {
		g.Go(func() error {
			k := key{h, o}
			agent, err := f.agent(ctx, h)
			if err == nil {
				err = f.pushPlanned(ctx, agent, k, doc)
			}
			if err != nil {
				f.objects.Nudge(k)
			}
			return nil
		})
	}
	return g.Wait()
}

func (f *fabric) hostsOf(ctx context.Context, o object) ([]cloud.HostID, error) {
	switch o.Kind {
	case kindNetwork:
		return f.s.hostsOfNetwork(ctx, cloud.NetworkID(o.ID))
	case kindGroup:
		return f.s.hostsOfGroup(ctx, cloud.SecurityGroupID(o.ID))
	case kindRouter:
		return f.s.hostsOfRouter(ctx, cloud.RouterID(o.ID))
	case kindPort:
		return f.s.hostOfPort(ctx, cloud.PortID(o.ID))
	case kindVPN:
		return f.s.hostOfVPN(ctx, cloud.VPNServiceID(o.ID))
	}
	return nil, fmt.Errorf("no objects of kind %q", o.Kind)
}

func (f *fabric) placedOn(o object) []cloud.HostID {
	f.mu.Lock()
	defer f.mu.Unlock()
	return keys(f.placed[o])
}

// sum stands for a document that a host holds, and for its head: what of it does not grow with the number of ports.
type sum struct {
	whole, head [sha256.Size]byte
	generation  int64
}

// remember notes what a host holds now; held nil: nothing, or nobody knows.
func (f *fabric) remember(k key, there bool, held *sum) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if held == nil {
		delete(f.sent, k)
	} else {
		f.sent[k] = *held
	}
	if there {
		if f.placed[k.object] == nil {
			f.placed[k.object] = map[cloud.HostID]bool{}
		}
		f.placed[k.object][k.Host] = true
		return
	}
	delete(f.placed[k.object], k.Host)
	if len(f.placed[k.object]) == 0 {
		delete(f.placed, k.object)
	}
}

// held is what a host accepted last, if anything is known.
func (f *fabric) held(k key) (sum, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	held, ok := f.sent[k]
	return held, ok
}

// forgetHost forgets what a host accepted, so that all is sent again.
func (f *fabric) forgetHost(host cloud.HostID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for k := range f.sent {
		if k.Host == host {
			delete(f.sent, k)
		}
	}
}

// keyLocks are mutexes by key, so that an object on a host is planned and sent, or planned and
// removed, by one goroutine at a time.
type keyLocks struct {
	mu   sync.Mutex
	held map[key]*keyLock
}

type keyLock struct {
	sync.Mutex
	users int
}

// lock waits for the key and answers how to give it back.
func (l *keyLocks) lock(k key) (unlock func()) {
	l.mu.Lock()
	if l.held == nil {
		l.held = map[key]*keyLock{}
	}
	one := l.held[k]
	if one == nil {
		one = &keyLock{}
		l.held[k] = one
	}
	one.users++
	l.mu.Unlock()
	one.Lock()
	return func() {
		one.Unlock()
		l.mu.Lock()
		defer l.mu.Unlock()
		if one.users--; one.users == 0 {
			delete(l.held, k)
		}
	}
}
