package sim

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/spec"
)

var _ agent.Block = (*Pool)(nil)

// Options shape a Pool. The zero value is a fast, faultless pool of 1 TiB named "default".
type Options struct {
	Name       string
	Shared     bool
	TotalBytes int64
	// Seed decides times and faults.
	Seed uint64
	// DelayMin and DelayMax bound how long each change takes.
	DelayMin, DelayMax time.Duration
	// FaultRate is the share of changes, from 0 to 1, that answer ErrFault: half of
	// them without having done anything, half after having done all.
	FaultRate float64
	// ImageBytesKept is up to which size the bytes of an image are kept; those of larger
	// ones read as zeros. 0 means 16 MiB.
	ImageBytesKept int64
}

// Pool implements agent.Block in memory. It is safe for use from several goroutines.
type Pool struct {
	options Options
	faults  faults

	mu sync.Mutex
	// used are the bytes of images, volumes and snapshots. It is kept, not summed up: a pool may hold a million volumes.
	used      int64
	images    map[spec.ImageID]*image
	volumes   map[spec.VolumeID]*disk
	snapshots map[spec.SnapshotID]*disk
	prepared  map[spec.SnapshotID]*disk
	loose     map[spec.DiskKind]map[string]looseDisk
	taking    map[spec.ImageID]chan struct{} // closed when the transfer has ended
}

// NewPool makes an empty pool.
func NewPool(o Options) *Pool {
	if o.Name == "" {
		o.Name = "default"
	}
	if o.TotalBytes == 0 {
		o.TotalBytes = 1 << 40
	}
	if o.ImageBytesKept == 0 {
		o.ImageBytesKept = 16 << 20
	}
	return &Pool{
		options: o, faults: newFaults(o),
		images: map[spec.ImageID]*image{}, volumes: map[spec.VolumeID]*disk{},
		snapshots: map[spec.SnapshotID]*disk{}, prepared: map[spec.SnapshotID]*disk{},
		taking: map[spec.ImageID]chan struct{}{},
		loose:  map[spec.DiskKind]map[string]looseDisk{spec.DiskVolume: {}, spec.DiskSnapshot: {}},
	}
}

// Pools implements agent.Block.
func (p *Pool) Pools(context.Context) ([]spec.Pool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return []spec.Pool{{
		Name: p.options.Name, Driver: "sim", Shared: p.options.Shared,
		TotalBytes: p.options.TotalBytes, UsedBytes: min(p.used, p.options.TotalBytes),
	}}, nil
}

// Inventory implements agent.Block, in the order of ids.
func (p *Pool) Inventory(context.Context) (agent.BlockInventory, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return agent.BlockInventory{Images: keys(p.images), Volumes: keys(p.volumes), Snapshots: keys(p.snapshots)}, nil
}

func keys[K ~string, V any](m map[K]V) []K {
	var ids []K
	for id := range m {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Restart drops what a crashed daemon's successor would not find: unfinished snapshots.
func (p *Pool) Restart() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.prepared)
}

var safeID = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127}$`)

func checkID[T ~string](id T) error {
	if !safeID.MatchString(string(id)) {
		return fmt.Errorf("%w: id %q", spec.ErrInvalid, string(id))
	}
	return nil
}
