package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/nubo-cloud/nubo/internal/agentapi"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Options of an Agent. Name, Hypervisor, Block, Fabric and Images are needed.
type Options struct {
	Name       string
	Hypervisor Hypervisor
	Block      Block
	Fabric     Fabric
	// Images opens the bytes of an image that a host is asked to take in.
	Images Images
	// ConfigDrive writes a guest's metadata as an ISO 9660 file.
	ConfigDrive func(ctx context.Context, path string, m spec.Metadata) error
	// StateDir keeps the config drives. They can be written again at any time.
	StateDir string
	// CPUs and MemoryBytes are what guests may use.
	CPUs        int
	MemoryBytes int64
	Version     string
	// LoadNow tells how busy the host is; nil: nobody knows.
	LoadNow func() (spec.Load, error)
	Log     *slog.Logger
}

// Images is where the bytes of images come from.
type Images interface {
	OpenImage(ctx context.Context, id spec.ImageID) (io.ReadCloser, error)
}

// Agent makes one host as wanted. It implements agentapi.Agent.
type Agent struct {
	Options

	guestLocks  keyLock
	volumeLocks keyLock

	mu     sync.Mutex
	guests map[spec.GuestID]*wantedGuest
	// removed is the generation up to which documents of guests that were removed are ignored.
	removed map[spec.GuestID]int64
	// ports tells which guest a port belongs to, for metadata.
	ports    map[spec.PortID]spec.GuestID
	taps     map[spec.PortID]Tap
	watchers map[int]func(spec.Event)
	nextID   int
	// moves end the moves of guests' disks that are under way.
	moves map[spec.GuestID]context.CancelFunc
}

var _ agentapi.Agent = (*Agent)(nil)

// New makes an Agent. Adopt it, then Run it.
func New(o Options) *Agent {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Agent{
		Options:  o,
		guests:   map[spec.GuestID]*wantedGuest{},
		removed:  map[spec.GuestID]int64{},
		ports:    map[spec.PortID]spec.GuestID{},
		taps:     map[spec.PortID]Tap{},
		watchers: map[int]func(spec.Event){},
		moves:    map[spec.GuestID]context.CancelFunc{},
	}
}

// reconcileEvery is how often every guest is compared with what is wanted although nothing is
// known to have changed.
const reconcileEvery = 30 * time.Second

// Run watches the guests and repairs what drifts, until ctx ends. Guests go on.
func (a *Agent) Run(ctx context.Context) error {
	go a.watchHypervisor(ctx)
	go a.watchVPNs(ctx)
	ticker := time.NewTicker(reconcileEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			a.Reconcile(ctx)
		}
	}
}

// watchHypervisor passes on what guests do by themselves.
func (a *Agent) watchHypervisor(ctx context.Context) {
	for ctx.Err() == nil {
		err := a.Hypervisor.Watch(ctx, func(s spec.GuestStatus) {
			a.emit(spec.Event{Kind: spec.EventGuest, Guest: s})
		})
		if err != nil && ctx.Err() == nil {
			a.Log.Error("cannot watch the hypervisor", "error", err)
			sleep(ctx, time.Second)
		}
	}
}

// sleep waits between attempts at something that nothing announces.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// Describe tells of the host. The first call may take the time of the acceleration probe.
func (a *Agent) Describe(ctx context.Context) (spec.Host, error) {
	hv, err := a.Hypervisor.Describe(ctx)
	if err != nil {
		return spec.Host{}, fmt.Errorf("describe hypervisor: %w", err)
	}
	h, err := a.Size(ctx)
	h.Hypervisor = hv
	return h, err
}

// Size is Describe without the hypervisor, whose probing may take seconds.
func (a *Agent) Size(ctx context.Context) (spec.Host, error) {
	pools, err := a.Block.Pools(ctx)
	if err != nil {
		return spec.Host{}, fmt.Errorf("describe pools: %w", err)
	}
	return spec.Host{
		Name: a.Name, CPUs: a.CPUs, MemoryBytes: a.MemoryBytes, Pools: pools,
		Version: a.Version, Architecture: architecture(),
	}, nil
}

// Load implements agentapi.Agent.
func (a *Agent) Load(context.Context) (spec.Load, error) {
	if a.LoadNow == nil {
		return spec.Load{}, spec.ErrNotSupported
	}
	return a.LoadNow()
}

func architecture() string {
	if runtime.GOARCH == "amd64" {
		return "x86_64"
	}
	return runtime.GOARCH
}

// Inventory lists everything of ours here.
func (a *Agent) Inventory(ctx context.Context) (spec.Inventory, error) {
	at := time.Now().UTC()
	guests, err := a.Hypervisor.List(ctx)
	if err != nil {
		return spec.Inventory{}, fmt.Errorf("list guests: %w", err)
	}
	blocks, err := a.Block.Inventory(ctx)
	if err != nil {
		return spec.Inventory{}, fmt.Errorf("list volumes: %w", err)
	}
	fabric, err := a.Fabric.Inventory(ctx)
	if err != nil {
		return spec.Inventory{}, fmt.Errorf("list networks: %w", err)
	}
	return spec.Inventory{
		Guests: guests, Volumes: blocks.Volumes, Snapshots: blocks.Snapshots, Images: blocks.Images,
		Networks: fabric.Networks, Ports: fabric.Ports, Routers: fabric.Routers, Groups: fabric.Groups, VPNs: fabric.VPNs, At: at,
	}, nil
}

// watchVPNs passes on what tunnels do.
func (a *Agent) watchVPNs(ctx context.Context) {
	for ctx.Err() == nil {
		err := a.Fabric.WatchVPNs(ctx, func(s spec.VPNStatus) { a.emit(spec.Event{Kind: spec.EventVPN, VPN: s}) })
		if err != nil && ctx.Err() == nil {
			a.Log.Error("cannot watch the VPNs", "error", err)
			sleep(ctx, time.Second)
		}
	}
}

// Watch calls f with EventUp at once and then with every event until ctx ends.
func (a *Agent) Watch(ctx context.Context, f func(spec.Event)) error {
	a.mu.Lock()
	id := a.nextID
	a.nextID++
	a.watchers[id] = f
	a.mu.Unlock()
	f(spec.Event{Kind: spec.EventUp})
	<-ctx.Done()
	a.mu.Lock()
	delete(a.watchers, id)
	a.mu.Unlock()
	return ctx.Err()
}

func (a *Agent) emit(e spec.Event) {
	a.mu.Lock()
	watchers := make([]func(spec.Event), 0, len(a.watchers))
	for _, f := range a.watchers {
		watchers = append(watchers, f)
	}
	a.mu.Unlock()
	for _, f := range watchers {
		f(e)
	}
}

// ignoreMissing makes Remove repeatable over drivers that say ErrMissing.
func ignoreMissing(err error) error {
	if errors.Is(err, spec.ErrMissing) {
		return nil
	}
	return err
}
