package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux"
	fabricsim "github.com/nubo-cloud/nubo/internal/driver/fabric/sim"
	"github.com/nubo-cloud/nubo/internal/driver/hypervisor/qemu"
	hypervisorsim "github.com/nubo-cloud/nubo/internal/driver/hypervisor/sim"
	"github.com/nubo-cloud/nubo/internal/fleet"
	"github.com/nubo-cloud/nubo/internal/metadata"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// host is one host in this process: its agent and what has to be closed with it.
type host struct {
	agent   *agent.Agent
	fabric  agent.Fabric
	closers []func() error
}

func (h *host) close() error {
	var errs []error
	for _, f := range h.closers {
		errs = append(errs, f())
	}
	return errors.Join(errs...)
}

// What guests read in their SMBIOS tables. Stock cloud-init takes the product for the sign that there is a metadata
// service in OpenStack's form, and looks for none without it.
const (
	guestVendor  = "Nubo"
	guestProduct = "OpenStack Compute"
)

// Version of this build, set by the linker.
var Version = "dev"

func (d *Daemon) newHosts() ([]*host, error) {
	if d.parts.Hosts != nil {
		return d.preparedHosts(), nil
	}
	if d.config.Simulate > 0 {
		return d.simulatedHosts(), nil
	}
	h, err := d.thisHost()
	if err != nil {
		return nil, err
	}
	return []*host{h}, nil
}

// thisHost is the machine we run on.
func (d *Daemon) thisHost() (*host, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("running guests needs root, for networks and users of their own: run it as root, or try --simulate 1, which needs nothing")
	}
	name, err := d.hostName()
	if err != nil {
		return nil, err
	}
	log := d.log.With("host", name)
	hypervisor, err := qemu.New(qemu.Options{StateDir: filepath.Join(d.config.StateDir, "guests"), Accel: d.config.Acceleration,
		Manufacturer: guestVendor, Product: guestProduct, Release: Version, Log: log})
	if err != nil {
		return nil, err
	}
	block, err := d.pools(d.openPool(log))
	if err != nil {
		return nil, errors.Join(err, hypervisor.Close())
	}
	h := &host{closers: []func() error{hypervisor.Close}}
	meta := &metadataPort{}
	fabric, err := linux.New(linux.Options{StateDir: d.config.StateDir, Metadata: meta, Log: log,
		External: linux.External{Interface: d.config.PublicInterface}, NICs: nics(d.config)})
	if err != nil {
		return nil, errors.Join(err, h.close())
	}
	h.fabric = fabric
	h.closers = append(h.closers, fabric.Close)
	layout, err := d.layout()
	if err != nil {
		return nil, errors.Join(err, h.close())
	}
	h.agent = agent.New(agent.Options{
		Name: name, Hypervisor: hypervisor, Block: block, Fabric: fabric, Images: imageSource{d.services.bytes, d.services.backups},
		ConfigDrive: layout.WriteConfigDrive, StateDir: d.config.StateDir,
		CPUs: runtime.NumCPU(), MemoryBytes: physicalMemory(), Version: Version, LoadNow: machineLoad, Log: log,
	})
	meta.handler = metadata.NewHandler(h.agent.Metadata, layout, nil, log)
	return h, nil
}

// metadataPort breaks the circle: the fabric needs the metadata service, which asks the agent, which has the fabric.
type metadataPort struct{ handler *metadata.Handler }

func (m *metadataPort) ServeMetadata(w http.ResponseWriter, r *http.Request, port spec.PortID) {
	m.handler.ServeMetadata(w, r, port)
}

func (d *Daemon) hostName() (string, error) {
	if d.config.HostName != "" {
		return d.config.HostName, nil
	}
	return os.Hostname()
}

func physicalMemory() int64 {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 0
	}
	return int64(info.Totalram) * int64(info.Unit)
}

// machineLoad is what the kernel tells of the machine.
func machineLoad() (spec.Load, error) {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return spec.Load{}, fmt.Errorf("ask the kernel for its load: %w", err)
	}
	l := spec.Load{Booted: time.Now().Add(-time.Duration(info.Uptime) * time.Second)}
	for i, n := range info.Loads {
		l.Averages[i] = float64(n) / (1 << 16) // a fraction of 16 bits
	}
	return l, nil
}

// idleSince is the load of a host that is simulated: its guests take no CPU.
func idleSince(start time.Time) func() (spec.Load, error) {
	return func() (spec.Load, error) { return spec.Load{Booted: start}, nil }
}

// Sizes of a simulated host.
const (
	simulatedCPUs   = 64
	simulatedMemory = int64(256) << 30
	simulatedPool   = int64(1) << 50
)

// simulatedHosts share their pools, as hosts on Ceph would.
func (d *Daemon) simulatedHosts() []*host {
	pool, _ := d.pools(d.simulatePool) // memory does not fail
	hosts := make([]*host, d.config.Simulate)
	for i := range hosts {
		hosts[i] = d.simulatedHost(i, pool, d.log)
	}
	return hosts
}

func (d *Daemon) simulatedHost(i int, pool agent.Block, log *slog.Logger) *host {
	seed := d.config.SimulateSeed + uint64(i)
	hypervisor := hypervisorsim.New(hypervisorsim.Options{Seed: seed, StartDelay: 20 * time.Millisecond, StopDelay: 20 * time.Millisecond, ChangeDelay: 5 * time.Millisecond})
	fabric := fabricsim.New(&fabricsim.Host{}, fabricsim.Options{Seed: seed})
	layout := metadata.Layout{Region: d.config.Region}
	a := agent.New(agent.Options{
		Name: fmt.Sprintf("sim-%04d", i+1), Hypervisor: hypervisor, Block: pool, Fabric: fabric, Images: imageSource{d.services.bytes, d.services.backups},
		ConfigDrive: layout.WriteConfigDrive, StateDir: filepath.Join(d.config.StateDir, "simulated"),
		CPUs: simulatedCPUs, MemoryBytes: simulatedMemory, Version: Version, LoadNow: idleSince(time.Now()), Log: log,
	})
	return &host{agent: a, fabric: fabric, closers: []func() error{fabric.Close}}
}

// announceHosts makes the hosts' sizes known before the API answers: finding out what a hypervisor can do takes
// seconds, and what is asked for meanwhile is accepted and waits for it.
func (d *Daemon) announceHosts(ctx context.Context) error {
	sizes := make([]spec.Host, 0, len(d.hosts))
	for _, h := range d.hosts {
		size, err := h.agent.Size(ctx)
		if err != nil {
			return fmt.Errorf("measure this host: %w", err)
		}
		sizes = append(sizes, size)
	}
	return d.services.fleet.Announce(ctx, sizes, d.config.Alone())
}

// joinHosts takes up what an earlier process left on each host and makes them known.
func (d *Daemon) joinHosts(ctx context.Context) error {
	members := make([]fleet.Member, 0, len(d.hosts))
	for _, h := range d.hosts {
		if err := h.fabric.Adopt(ctx); err != nil {
			return fmt.Errorf("take up networks of an earlier start: %w", err)
		}
		described, err := h.agent.Describe(ctx)
		if err != nil {
			return fmt.Errorf("describe this host: %w", err)
		}
		members = append(members, fleet.Member{Host: described, Agent: h.agent})
	}
	if err := d.services.fleet.Join(ctx, members...); err != nil {
		return err
	}
	for _, h := range d.hosts {
		go func() { _ = h.agent.Run(ctx) }() // ends with ctx only
	}
	return nil
}
