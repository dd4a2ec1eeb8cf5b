package fleet

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nubo-cloud/nubo/internal/agentapi"
	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Hosts is where host rows are kept.
type Hosts = cloud.Records[cloud.Host, cloud.HostID]

// Options of a Fleet. Hosts and Tx are needed.
type Options struct {
	Hosts Hosts
	Tx    cloud.Transactor
	Log   *slog.Logger
	// CheckEvery is how often each host's inventory is compared with the store; 0 means a minute.
	CheckEvery time.Duration
	// RetryPause is the wait after a host could not be reached or told; 0 means a second.
	RetryPause time.Duration
	// Zone new hosts are put in.
	Zone string
	// Ratios of overcommit given to new hosts.
	VCPURatio, MemoryRatio, DiskRatio float64
	// Physical and PacketRate are what each host can promise of its traffic.
	Physical   []cloud.PhysicalNetwork
	PacketRate int
}

// Fleet is all hosts. It is safe for use from several goroutines.
type Fleet struct {
	Options
	mu     sync.RWMutex
	agents map[cloud.HostID]agentapi.Agent

	onUp        []func(ctx context.Context, h cloud.HostID) error
	onGuest     []func(ctx context.Context, h cloud.HostID, s spec.GuestStatus)
	onVPN       []func(ctx context.Context, h cloud.HostID, s spec.VPNStatus)
	onInventory []func(ctx context.Context, h cloud.HostID, inv spec.Inventory) error
}

// New makes an empty Fleet.
func New(o Options) *Fleet {
	if o.CheckEvery == 0 {
		o.CheckEvery = time.Minute
	}
	if o.RetryPause == 0 {
		o.RetryPause = time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Fleet{Options: o, agents: map[cloud.HostID]agentapi.Agent{}}
}

// OnUp adds a listener for agents that hold no wanted state: send them everything. While wiring only.
func (f *Fleet) OnUp(g func(ctx context.Context, h cloud.HostID) error) { f.onUp = append(f.onUp, g) }

// OnVPN adds a listener for what tunnels do. While wiring only.
func (f *Fleet) OnVPN(g func(ctx context.Context, h cloud.HostID, s spec.VPNStatus)) {
	f.onVPN = append(f.onVPN, g)
}

// OnGuest adds a listener for what guests do by themselves. While wiring only.
func (f *Fleet) OnGuest(g func(ctx context.Context, h cloud.HostID, s spec.GuestStatus)) {
	f.onGuest = append(f.onGuest, g)
}

// OnInventory adds a listener for what was found on a host. While wiring only.
func (f *Fleet) OnInventory(g func(ctx context.Context, h cloud.HostID, inv spec.Inventory) error) {
	f.onInventory = append(f.onInventory, g)
}

// Agent answers the agent of a host that is up; Unavailable otherwise.
func (f *Fleet) Agent(_ context.Context, id cloud.HostID) (agentapi.Agent, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	a, ok := f.agents[id]
	if !ok {
		return nil, cloud.Errorf(cloud.Unavailable, "host", id, "The host of this resource is not reachable.")
	}
	return a, nil
}

// IDs lists the hosts whose agents are reachable.
func (f *Fleet) IDs() []cloud.HostID {
	f.mu.RLock()
	defer f.mu.RUnlock()
	ids := make([]cloud.HostID, 0, len(f.agents))
	for id := range f.agents {
		ids = append(ids, id)
	}
	return ids
}

// Member is an agent that joins.
type Member struct {
	Host  spec.Host
	Agent agentapi.Agent
}

// Announce records hosts that are about to join, so that what is meant for them can be placed. What the hypervisors of
// new ones can do is told by Join. alone says that no other process has hosts in this store: those not announced are
// down. It may be repeated.
func (f *Fleet) Announce(ctx context.Context, hosts []spec.Host, alone bool) error {
	return f.Tx.Update(ctx, func(ctx context.Context) error {
		known, number, err := f.known(ctx)
		if err != nil {
			return err
		}
		for _, s := range hosts {
			h := known[s.Name]
			delete(known, s.Name)
			if h != nil {
				err = f.setUp(ctx, h, true)
			} else {
				number++
				h = f.newHost(s.Name, number)
				describe(h, s)
				err = f.Hosts.Insert(ctx, h)
			}
			if err != nil {
				return fmt.Errorf("record host %s: %w", s.Name, err)
			}
		}
		for _, h := range known {
			if err := f.setUp(ctx, h, h.Up && !alone); err != nil {
				return fmt.Errorf("record host %s: %w", h.Name, err)
			}
		}
		return nil
	})
}

func (f *Fleet) setUp(ctx context.Context, h *cloud.Host, up bool) error {
	if h.Up == up {
		return nil
	}
	h.Up = up
	return f.Hosts.Update(ctx, h)
}

// known are the recorded hosts by name, and the highest number of one.
func (f *Fleet) known(ctx context.Context) (byName map[string]*cloud.Host, number int, err error) {
	rows, err := f.Hosts.List(ctx, cloud.Query{})
	byName = make(map[string]*cloud.Host, len(rows))
	for _, h := range rows {
		byName[h.Name] = h
		number = max(number, h.Number)
	}
	return byName, number, err
}

// Join records hosts as up and makes their agents reachable, in one transaction. It may be repeated.
func (f *Fleet) Join(ctx context.Context, members ...Member) error {
	joined := make(map[cloud.HostID]agentapi.Agent, len(members))
	err := f.Tx.Update(ctx, func(ctx context.Context) error {
		byName, number, err := f.known(ctx)
		if err != nil {
			return err
		}
		for _, m := range members {
			h, known := byName[m.Host.Name]
			if !known {
				number++
				h = f.newHost(m.Host.Name, number)
			}
			describe(h, m.Host)
			h.Physical, h.PacketRate = f.Physical, f.PacketRate
			if known {
				err = f.Hosts.Update(ctx, h)
			} else {
				err = f.Hosts.Insert(ctx, h)
			}
			if err != nil {
				return fmt.Errorf("record host %s: %w", h.Name, err)
			}
			joined[h.ID] = m.Agent
		}
		return nil
	})
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, a := range joined {
		f.agents[id] = a
	}
	return nil
}

func (f *Fleet) newHost(name string, number int) *cloud.Host {
	return &cloud.Host{
		ID: cloud.HostID(cloud.NewID()), Name: name, Number: number, Zone: f.Zone, Enabled: true,
		VCPURatio: ratio(f.VCPURatio, 16), MemoryRatio: ratio(f.MemoryRatio, 1), DiskRatio: ratio(f.DiskRatio, 1),
	}
}

func ratio(given, otherwise float64) float64 {
	if given > 0 {
		return given
	}
	return otherwise
}

// reservedMiB is the memory kept for the host itself: QEMU's own needs and ours.
const reservedMiB = 512

// describe writes what an agent says of its host into the row.
func describe(h *cloud.Host, s spec.Host) {
	h.Up, h.SeenAt = true, time.Now().UTC()
	h.VCPUs, h.MemoryMiB, h.ReservedMiB = s.CPUs, int(s.MemoryBytes>>20), reservedMiB
	describePools(h, s.Pools)
	h.Hypervisor, h.HypervisorVersion, h.Acceleration = s.Hypervisor.Type, s.Hypervisor.Version, s.Hypervisor.Acceleration
	h.CPUModel, h.Architecture = s.Hypervisor.CPUModel, s.Architecture
	h.Machines = nil
	for _, m := range s.Hypervisor.Machines {
		h.Machines = append(h.Machines, string(m))
	}
	if len(s.Addresses) > 0 {
		h.Address = s.Addresses[0]
	}
}

// describePools keeps what the operator said of each pool. Disks of instances lie on the first.
func describePools(h *cloud.Host, told []spec.Pool) {
	pools := make([]cloud.Pool, len(told))
	h.DiskGiB, h.SharedPool = 0, len(told) > 0
	for i, p := range told {
		pools[i] = cloud.Pool{Name: p.Name, Driver: p.Driver, TotalGiB: int(p.TotalBytes >> 30), Shared: p.Shared,
			LocalOnly: p.LocalOnly, Capabilities: p.Capabilities}
		if was := h.Pool(p.Name); was != nil {
			pools[i].PoolSwitch = was.PoolSwitch
		}
		h.SharedPool = h.SharedPool && p.Shared
	}
	if len(pools) > 0 {
		h.DiskGiB = pools[0].TotalGiB
	}
	h.Pools = pools
}
