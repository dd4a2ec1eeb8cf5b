package daemon

import (
	"context"
	"io"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/nubo-cloud/nubo/internal/backupstore"
	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/config"
	"github.com/nubo-cloud/nubo/internal/console"
	"github.com/nubo-cloud/nubo/internal/fleet"
	"github.com/nubo-cloud/nubo/internal/idempotency"
	"github.com/nubo-cloud/nubo/internal/identity"
	"github.com/nubo-cloud/nubo/internal/image"
	"github.com/nubo-cloud/nubo/internal/imagestore"
	"github.com/nubo-cloud/nubo/internal/inventory"
	"github.com/nubo-cloud/nubo/internal/network"
	"github.com/nubo-cloud/nubo/internal/openid"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/quota"
	"github.com/nubo-cloud/nubo/internal/samlfeed"
	"github.com/nubo-cloud/nubo/internal/spec"
	"github.com/nubo-cloud/nubo/internal/vocabulary"
	"github.com/nubo-cloud/nubo/internal/volume"
	"github.com/nubo-cloud/nubo/internal/webfetch"
)

// services are the use cases with what is under them.
type services struct {
	quota     *quota.Service
	engine    *operation.Engine
	fleet     *fleet.Fleet
	identity  *identity.Service
	feeds     *samlfeed.Keeper
	bytes     *imagestore.Store
	backups   *backupstore.Store
	image     *image.Service
	words     *vocabulary.Service
	network   *network.Service
	volume    *volume.Service
	compute   *compute.Service
	inventory *inventory.Service
	console   *console.Server
	repeats   *idempotency.Service
}

func (d *Daemon) newServices() (*services, error) {
	c, st, log := d.config, d.store, d.log
	s := &services{}
	s.quota = quota.New(st.Quotas, st)
	s.engine = operation.New(adjusted(operation.Options{Records: st.Operations, Tx: st, Log: log, Exclusive: c.Alone()}, d.parts.Engine))
	s.fleet = fleet.New(adjusted(fleet.Options{Hosts: st.Hosts, Tx: st, Log: log, CheckEvery: config.Seconds(c.CheckSeconds), Zone: c.Zone,
		VCPURatio: c.VCPURatio, MemoryRatio: c.MemoryRatio,
		Physical: physicalNetworks(c), PacketRate: c.PacketRateKpps}, d.parts.Fleet))
	var err error
	if s.feeds, err = samlfeed.New(filepath.Join(c.StateDir, "saml"), feedSources(c), now, log); err != nil {
		return nil, err
	}
	web := webfetch.New(c.ImportRanges)
	s.identity = identity.New(identity.Deps{
		Domains: st.Domains, Projects: st.Projects, Users: st.Users, Groups: st.Groups, Roles: st.Roles, Assignments: st.Assignments,
		Credentials: st.ApplicationCredentials, Secrets: st.Secrets, Trusts: st.Trusts,
		Applications: st.Applications, DelegationRequests: st.DelegationRequests, Delegations: st.Delegations, UsedSignatures: st.UsedSignatures,
		RegisteredLimits: st.RegisteredLimits, Limits: st.Limits, PolicyDocuments: st.PolicyDocuments,
		Providers: st.IdentityProviders, Mappings: st.Mappings, Protocols: st.Protocols, Standings: st.Standings, ServiceProviders: st.ServiceProviders, Revocations: st.Revocations, Settings: st.Settings, Tx: st, Log: log,
		SignIns: d.traces, OpenID: openid.New(openid.Options{Log: log}), Feeds: s.feeds, Web: web,
		Options: identity.Options{TokenLifetime: config.Seconds(c.TokenSeconds), LockoutAttempts: c.LockoutAttempts,
			LockoutDuration: config.Seconds(c.LockoutSeconds), UniquePasswords: c.UniquePasswords,
			PasswordLifetime: config.Days(c.PasswordDays), PasswordMinAge: config.Days(c.MinimumPasswordAgeDays),
			PasswordPatterns: c.Patterns(), PasswordAdvice: c.PasswordRegexDescription, ChangeOnFirstUse: c.ChangePasswordUponFirstUse,
			TrustedOrigins: c.TrustedDashboards, MembershipPause: config.Seconds(c.MembershipSeconds)},
	})
	s.useImageLimits(c.Region)
	if s.bytes, err = imagestore.Open(filepath.Join(c.StateDir, "images")); err != nil {
		return nil, err
	}
	staging, err := imagestore.Open(filepath.Join(c.StateDir, "staging"))
	if err != nil {
		return nil, err
	}
	s.image = image.New(adjusted(image.Deps{Images: st.Images, Tx: st, Quota: s.quota, Bytes: s.bytes, Staging: staging, Web: web,
		Operations: s.engine, Records: st.Operations, Hosts: s.fleet, PrefetchDelay: prefetchDelay, Region: c.Region, Log: log, Now: now}, d.parts.Image))
	s.words = vocabulary.New(vocabulary.Deps{Vocabularies: st.Vocabularies, Definitions: st.Definitions, Kinds: st.TargetKinds, Tx: st, Now: now})
	if s.backups, err = backupstore.Open(c.Backups()); err != nil {
		return nil, err
	}
	s.network = network.New(network.Deps{
		Networks: st.Networks, Subnets: st.Subnets, SubnetPools: st.SubnetPools, Ports: st.Ports, Addresses: st.AddressUses, Routers: st.Routers,
		FloatingIPs: st.FloatingIPs, Groups: st.SecurityGroups, Rules: st.SecurityGroupRules, AddressGroups: st.AddressGroups, Trunks: st.Trunks, Meters: st.Meters, MeterRules: st.MeterRules, MeterReadings: st.MeterReadings, RouterFlavors: st.RouterFlavors, RouterProfiles: st.RouterProfiles, RuleTemplates: st.RuleTemplates, Segments: st.Segments, SegmentRanges: st.SegmentRanges, Settings: st.Settings,
		HostRecords: st.Hosts, Usage: st.UsageEvents,
		VPNServices: st.VPNServices, VPNProposals: st.VPNProposals, EndpointGroups: st.EndpointGroups, VPNPeers: st.VPNPeers, VPNConnections: st.VPNConnections, Secrets: s.identity,
		QoSPolicies: st.QoSPolicies, Scopes: st.AddressScopes, Shares: st.Shares,
		RouteTables: st.RouteTables, Gateways: st.Gateways, NATGateways: st.NATGateways, Filters: st.PacketFilters, Peerings: st.Peerings, OptionSets: st.DHCPOptionSets,
		Tx: st, Generations: st, Quota: s.quota, Hosts: s.fleet, Log: log, Now: now, Config: adjusted(networkConfig(c), d.parts.Network),
	})
	// Volumes are placed by compute, which needs volumes: the placer finds it when it is asked.
	s.volume = volume.New(volume.Deps{
		Volumes: st.Volumes, Snapshots: st.Snapshots, Attachments: st.Attachments, Types: st.VolumeTypes, QOSRows: st.VolumeQOS,
		DefaultTypes: st.DefaultVolumeTypes, Transfers: st.Transfers, Groups: st.VolumeGroups, GroupTypes: st.VolumeGroupTypes,
		GroupSnapshots: st.GroupSnapshots, Notices: st.Notices, Backups: st.Backups, BackupBytes: s.backups, HostRows: st.Hosts, Usage: st.UsageEvents,
		Tx: st, Quota: s.quota, Operations: s.engine, Hosts: s.fleet, Placer: placer{s}, Images: s.image, Secrets: s.identity, DefaultTypeName: c.DefaultVolumeType, ZoneNames: c.ZoneNames, Log: log, Now: now,
	})
	s.compute = compute.New(compute.Deps{
		Instances: st.Instances, Deleted: st.DeletedInstances, AllInstances: st.AllInstances, Migrations: st.Migrations, Groups: st.InstanceGroups, Flavors: st.Flavors, KeyPairs: st.KeyPairs, Templates: st.Templates, HostRows: st.Hosts, Aggregates: st.Aggregates, Claims: st.Claims,
		Operations: st.Operations, Usage: st.UsageEvents, Tx: st, Generation: st.Generation,
		Quota: s.quota, Engine: s.engine, Hosts: s.fleet, Network: s.network, Volume: s.volume, Image: s.image, Accounts: s.identity,
		ZoneNames: c.ZoneNames, ResumeGuests: c.ResumeGuests, Grace: config.Seconds(c.ShutdownSeconds), Log: log, Now: now,
	})
	s.inventory = inventory.New(inventory.Deps{Providers: st.Providers, Claims: st.Claims, Words: st.Words, Hosts: st.Hosts,
		Instances: st.Instances, Tx: st, Physical: networkConfig(c).Physical, HostChanged: s.compute.HostChanged})
	s.repeats = idempotency.New(idempotency.Deps{Records: st.Idempotencies, Tx: st, Now: now})
	s.identity.ProjectGone = func(ctx context.Context, id cloud.ProjectID) error { return s.quota.Reset(ctx, cloud.QuotaID(id)) }
	s.network.PortGone = s.compute.PortGone
	s.network.PromisesChanged = s.compute.PromisesChanged
	s.network.PortsChanged = s.compute.PortsChanged
	s.volume.Instances = s.compute
	s.console = console.New(s.compute, c.NoVNCDir, log)
	s.listen()
	return s, nil
}

// prefetchDelay is long enough to take back what was queued by mistake, and short enough to wait for.
const prefetchDelay = 2 * time.Second

func adjusted[T any](o T, adjust func(*T)) T {
	if adjust != nil {
		adjust(&o)
	}
	return o
}

func now() time.Time { return time.Now().UTC() }

type placer struct{ s *services }

func (p placer) PlaceVolume(ctx context.Context, r cloud.VolumePlacement) (cloud.VolumePlace, error) {
	return p.s.compute.PlaceVolume(ctx, r)
}

// listen tells each service what the fleet hears. Networks go first: guests are plugged into them.
func (s *services) listen() {
	s.fleet.OnUp(s.network.SyncHost)
	s.fleet.OnUp(s.compute.SyncHost)
	s.fleet.OnGuest(s.compute.Observe)
	s.fleet.OnVPN(s.network.ObserveVPN)
	s.fleet.OnInventory(s.compute.Collect)
	s.fleet.OnInventory(s.network.RemoveOrphans)
	s.fleet.OnInventory(s.collectVolumes)
}

func (s *services) collectVolumes(ctx context.Context, host cloud.HostID, inv spec.Inventory) error {
	_, err := s.volume.CollectOrphans(ctx, host, inv, volume.Known{
		Volumes: func(ctx context.Context, _ []spec.VolumeID) (map[spec.VolumeID]bool, error) {
			return s.compute.KnownVolumes(ctx)
		},
		Snapshots: func(ctx context.Context, _ []spec.SnapshotID) (map[spec.SnapshotID]bool, error) {
			return s.compute.KnownSnapshots(ctx)
		},
	})
	return err
}

// imageSource is how agents in this process fetch images, and backups that volumes are restored from.
type imageSource struct {
	bytes   *imagestore.Store
	backups *backupstore.Store
}

// OpenImage opens the bytes of an image.
func (i imageSource) OpenImage(ctx context.Context, id spec.ImageID) (io.ReadCloser, error) {
	if r, err := i.backups.Open(ctx, cloud.BackupID(id)); !cloud.Is(err, cloud.NotFound) {
		return r, err
	}
	r, _, err := i.bytes.Open(ctx, cloud.ImageID(id))
	return r, err
}

func physicalNetworks(c config.Config) []cloud.PhysicalNetwork {
	list := make([]cloud.PhysicalNetwork, len(c.PhysicalNetworks))
	for i, p := range c.PhysicalNetworks {
		list[i] = cloud.PhysicalNetwork{Name: p.Name, EgressKbps: p.EgressKbps, IngressKbps: p.IngressKbps}
	}
	return list
}

// nics are the NICs that reach physical networks.
func nics(c config.Config) map[string]string {
	by := map[string]string{}
	for _, p := range c.PhysicalNetworks {
		if p.Interface != "" {
			by[p.Name] = p.Interface
		}
	}
	return by
}

func networkConfig(c config.Config) network.Config {
	n := network.DefaultConfig()
	n.MeterPause = config.Seconds(c.MeterSeconds)
	n.Distributed = c.DistributedRouters
	n.ZoneNames = c.ZoneNames
	for _, p := range c.PhysicalNetworks {
		n.Physical = append(n.Physical, p.Name)
	}
	prefix := c.PublicNetwork.Masked()
	n.Public.Prefix, n.Public.Gateway = prefix, prefix.Addr().Next()
	n.Public.Pool = cloud.AddressRange{Start: nth(prefix, 10), End: beforeLast(prefix)}
	return n
}

func nth(p netip.Prefix, n int) netip.Addr {
	a := p.Addr()
	for range n {
		a = a.Next()
	}
	return a
}

// beforeLast leaves the last few addresses of a range to the operator.
func beforeLast(p netip.Prefix) netip.Addr {
	const kept = 5
	b := p.Addr().As4()
	size := 1 << (32 - p.Bits())
	v := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	v += uint32(size - kept)
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
}
