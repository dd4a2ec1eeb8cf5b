package network

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/nubo-cloud/nubo/internal/agentapi"
	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/quota"
)

// Hosts is how agents are reached. Agent answers Unavailable when the host is down.
type Hosts interface {
	Agent(ctx context.Context, id cloud.HostID) (agentapi.Agent, error)
}

// Generations numbers the states of the store: a later state has a larger number. Inside
// a View it is the number of the state that the View sees.
type Generations interface {
	Generation(ctx context.Context) (int64, error)
}

// Deps are what a Service needs.
type Deps struct {
	Networks       cloud.Records[cloud.Network, cloud.NetworkID]
	Subnets        cloud.Records[cloud.Subnet, cloud.SubnetID]
	SubnetPools    cloud.Records[cloud.SubnetPool, cloud.SubnetPoolID]
	Scopes         cloud.Records[cloud.AddressScope, cloud.AddressScopeID]
	Shares         cloud.Records[cloud.Share, cloud.ShareID]
	Ports          cloud.Records[cloud.Port, cloud.PortID]
	Addresses      cloud.Records[cloud.AddressUse, string]
	Routers        cloud.Records[cloud.Router, cloud.RouterID]
	FloatingIPs    cloud.Records[cloud.FloatingIP, cloud.FloatingIPID]
	Groups         cloud.Records[cloud.SecurityGroup, cloud.SecurityGroupID]
	Rules          cloud.Records[cloud.SecurityGroupRule, cloud.RuleID]
	AddressGroups  cloud.Records[cloud.AddressGroup, cloud.AddressGroupID]
	Trunks         cloud.Records[cloud.Trunk, cloud.TrunkID]
	QoSPolicies    cloud.Records[cloud.QoSPolicy, cloud.QoSPolicyID]
	Meters         cloud.Records[cloud.Meter, cloud.MeterID]
	MeterRules     cloud.Records[cloud.MeterRule, cloud.MeterRuleID]
	MeterReadings  cloud.Records[cloud.MeterReading, string]
	RouterFlavors  cloud.Records[cloud.RouterFlavor, cloud.RouterFlavorID]
	RouterProfiles cloud.Records[cloud.RouterProfile, cloud.RouterProfileID]
	RuleTemplates  cloud.Records[cloud.RuleTemplate, cloud.RuleTemplateID]
	Segments       cloud.Records[cloud.Segment, cloud.SegmentID]
	SegmentRanges  cloud.Records[cloud.SegmentRange, cloud.SegmentRangeID]
	RouteTables    cloud.Records[cloud.RouteTable, cloud.RouteTableID]
	Gateways       cloud.Records[cloud.Gateway, cloud.GatewayID]
	NATGateways    cloud.Records[cloud.NATGateway, cloud.NATGatewayID]
	Filters        cloud.Records[cloud.PacketFilter, cloud.PacketFilterID]
	Peerings       cloud.Records[cloud.Peering, cloud.PeeringID]
	OptionSets     cloud.Records[cloud.DHCPOptionSet, cloud.DHCPOptionSetID]
	VPNServices    cloud.Records[cloud.VPNService, cloud.VPNServiceID]
	VPNProposals   cloud.Records[cloud.VPNProposal, cloud.VPNProposalID]
	EndpointGroups cloud.Records[cloud.EndpointGroup, cloud.EndpointGroupID]
	VPNPeers       cloud.Records[cloud.VPNPeer, cloud.VPNPeerID]
	VPNConnections cloud.Records[cloud.VPNConnection, cloud.VPNConnectionID]
	Settings       cloud.Records[cloud.Setting, cloud.SettingID]
	HostRecords    cloud.Records[cloud.Host, cloud.HostID]
	Usage          cloud.Records[cloud.UsageEvent, cloud.UsageID]

	Tx          cloud.Transactor
	Generations Generations
	Quota       *quota.Service
	Hosts       Hosts
	Secrets     Secrets
	// PortGone, if set, is told of an instance's port that its owner deleted.
	PortGone func(instance cloud.InstanceID, port cloud.PortID)
	// PromisesChanged, if set, makes an instance's host keep for a port what is asked now, or refuses. It is in the transaction.
	PromisesChanged func(ctx context.Context, instance cloud.InstanceID, port cloud.PortID, asked []cloud.Promise) error
	// PortsChanged, if set, is told, after the transaction, of an instance whose addresses or groups are others now.
	PortsChanged func(instance cloud.InstanceID)
	Log          *slog.Logger
	Now          func() time.Time
	Config       Config
}

// Config is what an operator may choose.
type Config struct {
	// MTU of networks that do not name one, and the largest they may name, in bytes.
	MTU int
	// Domain is the DNS suffix of guests on networks without one of their own.
	Domain string
	// ResyncPause is the time between two looks at everything on a host.
	ResyncPause time.Duration
	// MeterPause is the time between two looks at what meters have counted. What a host that dies has counted since is lost.
	MeterPause time.Duration
	// RetryMin is the pause after a host first failed to take something; it doubles with each failure. 0: 50 ms.
	RetryMin time.Duration
	// Physical names the physical networks that operators' networks may be on.
	Physical []string
	// Distributed: new routers run on each host that has a port of theirs, unless somebody says otherwise.
	Distributed bool
	// ZoneNames are further names of availability zones.
	ZoneNames cloud.ZoneNames
	Public    PublicConfig
}

// PublicConfig describes the external network that the first start makes.
type PublicConfig struct {
	Name    string // empty: none is made
	Prefix  netip.Prefix
	Gateway netip.Addr
	Pool    cloud.AddressRange
	DNS     []netip.Addr
}

// DefaultConfig is the configuration of a cloud whose operator chose nothing.
func DefaultConfig() Config {
	return Config{MTU: 1500, Domain: "cloud.internal", ResyncPause: 10 * time.Minute, MeterPause: 5 * time.Minute, Public: PublicConfig{
		Name: "public", Prefix: netip.MustParsePrefix("172.24.4.0/24"), Gateway: netip.MustParseAddr("172.24.4.1"),
		Pool: cloud.AddressRange{Start: netip.MustParseAddr("172.24.4.10"), End: netip.MustParseAddr("172.24.4.250")},
	}}
}

// Service is the use cases. Its methods may be called from any goroutine.
type Service struct {
	Deps
	fabric *fabric
}

// New makes a Service and registers how its quotas are counted. Nothing reaches a host before Run.
func New(d Deps) *Service {
	s := &Service{Deps: d}
	s.fabric = newFabric(s)
	registerCounters(s)
	return s
}

// registerCounters says how each quota of ours is counted: by its rows.
func registerCounters(s *Service) {
	s.Quota.Register(cloud.QuotaNetworks, counter(s.Networks))
	s.Quota.Register(cloud.QuotaSubnets, counter(s.Subnets))
	s.Quota.Register(cloud.QuotaSubnetPools, counter(s.SubnetPools))
	s.Quota.Register(cloud.QuotaShares, counter(s.Shares))
	s.Quota.Register(cloud.QuotaPorts, counter(s.Ports))
	s.Quota.Register(cloud.QuotaRouters, counter(s.Routers))
	s.Quota.Register(cloud.QuotaFloatingIPs, counter(s.FloatingIPs, cloud.Eq("passing", false)))
	s.Quota.Register(cloud.QuotaVPNServices, counter(s.VPNServices))
	s.Quota.Register(cloud.QuotaVPNConnections, counter(s.VPNConnections))
	s.Quota.Register(cloud.QuotaSecurityGroups, counter(s.Groups))
	s.Quota.Register(cloud.QuotaSecurityRules, counter(s.Rules))
}

func counter[T any, ID ~string](r cloud.Records[T, ID], only ...cloud.Cond) quota.Counter {
	return func(ctx context.Context, p cloud.ProjectID) (int64, error) {
		return r.Count(ctx, append([]cloud.Cond{cloud.Eq("project_id", string(p))}, only...)...)
	}
}

// Together runs fn in one transaction: all of several requests happen or none.
func (s *Service) Together(ctx context.Context, fn func(ctx context.Context) error) error {
	return s.Tx.Update(ctx, fn)
}

// Snapshot runs fn on one unchanging state, for answers made of several reads.
func (s *Service) Snapshot(ctx context.Context, fn func(ctx context.Context) error) error {
	return s.Tx.View(ctx, fn)
}

// lockNetwork makes whoever adds to, takes from or deletes a network wait for each other. It
// covers the network's subnets: their addresses and their existence.
func (s *Service) lockNetwork(ctx context.Context, id cloud.NetworkID) error {
	return s.Tx.Lock(ctx, "network/"+string(id))
}

// lockedNetwork locks and answers a network that the caller may see.
func (s *Service) lockedNetwork(ctx context.Context, id cloud.NetworkID) (*cloud.Network, error) {
	if err := s.lockNetwork(ctx, id); err != nil {
		return nil, err
	}
	return s.Network(ctx, id)
}

// owner is the project a new noun belongs to: the one named, or the caller's.
func owner(ctx context.Context, named cloud.ProjectID) cloud.ProjectID {
	if named != "" {
		return named
	}
	return cloud.PrincipalOf(ctx).ProjectID
}

// deleteWhere removes the rows that meet a condition.
func deleteWhere[T any, ID ~string](ctx context.Context, r cloud.Records[T, ID], id func(*T) ID, c cloud.Cond) error {
	rows, err := r.List(ctx, cloud.Where(c))
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := r.Delete(ctx, id(row)); err != nil {
			return err
		}
	}
	return nil
}

// apply puts *change into dst, if there is a change.
func apply[T any](dst *T, change *T) {
	if change != nil {
		*dst = *change
	}
}

// or is the value pointed to, or def for nil.
func or[T any](p *T, def T) T {
	if p == nil {
		return def
	}
	return *p
}
