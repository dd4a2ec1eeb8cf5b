package testcloud

import (
	"context"
	"fmt"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/config"
	"github.com/nubo-cloud/nubo/internal/daemon"
	"github.com/nubo-cloud/nubo/internal/driver/block/pools"
	blocksim "github.com/nubo-cloud/nubo/internal/driver/block/sim"
	fabricsim "github.com/nubo-cloud/nubo/internal/driver/fabric/sim"
	hypervisorsim "github.com/nubo-cloud/nubo/internal/driver/hypervisor/sim"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// simulated is what of a host outlives daemons.
type simulated struct {
	name      string
	cpus      int
	memoryMiB int
	guests    *hypervisorsim.State
	pool      pools.Set
	shared    bool
	fabric    *fabricsim.Host
}

func newHosts(o Options) []*simulated {
	gib := int64(or(o.PoolGiB, 1<<20)) << 30
	common := newPools(blocksim.Options{Shared: true, TotalBytes: gib})
	hosts := make([]*simulated, or(o.Hosts, 1))
	for i := range hosts {
		hosts[i] = &simulated{name: fmt.Sprintf("host-%d", i+1), cpus: or(o.CPUs, 64), memoryMiB: or(o.MemoryMiB, 256<<10),
			guests: hypervisorsim.NewState(), pool: common, shared: o.SharedPool, fabric: &fabricsim.Host{}}
		if !o.SharedPool {
			hosts[i].pool = newPools(blocksim.Options{TotalBytes: gib})
		}
	}
	return hosts
}

// SecondPool is a pool of every host besides the one that disks of instances lie on.
const SecondPool = "second"

func newPools(o blocksim.Options) pools.Set {
	var set pools.Set
	for _, name := range []string{config.DefaultBackend, SecondPool} {
		o.Name = name
		set = append(set, pools.Pool{Member: blocksim.NewPool(o), Name: name})
	}
	return set
}

// restart is what pools lose with the daemon.
func (h *simulated) restart() {
	for _, p := range h.pool {
		p.Member.(*blocksim.Pool).Restart()
	}
}

func or(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// drivers are new drivers over the host's state, for one life.
func (h *simulated) drivers(g *gate, f *Faults) daemon.Host {
	w := wire{g, f}
	return daemon.Host{
		Name:       h.name,
		Hypervisor: &hypervisor{wire: w, driver: hypervisorsim.New(hypervisorsim.Options{State: h.guests})},
		Block:      &block{wire: w, driver: h.pool},
		Fabric:     &fabric{wire: w, driver: fabricsim.New(h.fabric, fabricsim.Options{})},
		CPUs:       h.cpus, MemoryBytes: int64(h.memoryMiB) << 20,
	}
}

// Guest tells of an instance's guest on any host, and whether it runs.
func (c *Cloud) Guest(id cloud.InstanceID) (s spec.GuestStatus, running bool) {
	for _, h := range c.hosts {
		s, err := hypervisorsim.New(hypervisorsim.Options{State: h.guests}).Status(context.Background(), spec.GuestID(id))
		if err == nil {
			return s, s.State == spec.GuestRunning
		}
	}
	return spec.GuestStatus{}, false
}

// PowerOff has a guest power itself off.
func (c *Cloud) PowerOff(id cloud.InstanceID) {
	for _, h := range c.hosts {
		h.guests.PowerOff(spec.GuestID(id))
	}
}
