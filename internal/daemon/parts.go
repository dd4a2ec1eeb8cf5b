package daemon

import (
	"path/filepath"
	"time"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/fleet"
	"github.com/nubo-cloud/nubo/internal/identity"
	"github.com/nubo-cloud/nubo/internal/image"
	"github.com/nubo-cloud/nubo/internal/metadata"
	"github.com/nubo-cloud/nubo/internal/network"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/quota"
	"github.com/nubo-cloud/nubo/internal/store"
	"github.com/nubo-cloud/nubo/internal/volume"
)

// Parts are what a Daemon takes ready-made in place of what its configuration names. The zero
// Parts change nothing. Package testcloud fills them: hosts and rows that outlive one Daemon.
type Parts struct {
	// Store is not closed with the Daemon.
	Store *store.Store
	// Hosts are this Daemon's hosts, whatever the machine is.
	Hosts []Host
	// NoListener leaves the API to those who call Handler.
	NoListener bool
	// Engine, Image, Fleet and Network, if set, adjust what these are made with.
	Engine  func(*operation.Options)
	Image   func(*image.Deps)
	Fleet   func(*fleet.Options)
	Network func(*network.Config)
}

// Host is a host with its drivers.
type Host struct {
	Name        string
	Hypervisor  agent.Hypervisor
	Block       agent.Block
	Fabric      agent.Fabric
	CPUs        int
	MemoryBytes int64
}

func (d *Daemon) preparedHosts() []*host {
	layout := metadata.Layout{Region: d.config.Region}
	hosts := make([]*host, len(d.parts.Hosts))
	for i, p := range d.parts.Hosts {
		hosts[i] = &host{fabric: p.Fabric, agent: agent.New(agent.Options{
			Name: p.Name, Hypervisor: p.Hypervisor, Block: p.Block, Fabric: p.Fabric, Images: imageSource{d.services.bytes, d.services.backups},
			ConfigDrive: layout.WriteConfigDrive, StateDir: filepath.Join(d.config.StateDir, p.Name),
			CPUs: p.CPUs, MemoryBytes: p.MemoryBytes, Version: Version, LoadNow: idleSince(time.Now()), Log: d.log.With("host", p.Name),
		})}
	}
	return hosts
}

// Services are a Daemon's use cases, for those who call them without a dialect.
type Services struct {
	Quota    *quota.Service
	Engine   *operation.Engine
	Fleet    *fleet.Fleet
	Identity *identity.Service
	Image    *image.Service
	Network  *network.Service
	Volume   *volume.Service
	Compute  *compute.Service
}

// Services answers the use cases.
func (d *Daemon) Services() Services {
	s := d.services
	return Services{Quota: s.quota, Engine: s.engine, Fleet: s.fleet, Identity: s.identity, Image: s.image,
		Network: s.network, Volume: s.volume, Compute: s.compute}
}
