package store

import (
	"context"
	"log/slog"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Store is the database: one table per noun, and the transactions over them. It is
// safe for use by many goroutines.
type Store struct {
	Instances cloud.Records[cloud.Instance, cloud.InstanceID]
	// DeletedInstances are those that were; AllInstances lists both as one.
	DeletedInstances cloud.Records[cloud.Instance, cloud.InstanceID]
	AllInstances     cloud.Lister[cloud.Instance]
	Migrations       cloud.Records[cloud.Migration, cloud.MigrationID]
	InstanceGroups   cloud.Records[cloud.InstanceGroup, cloud.InstanceGroupID]
	Flavors          cloud.Records[cloud.Flavor, cloud.FlavorID]
	KeyPairs         cloud.Records[cloud.KeyPair, cloud.KeyPairID]
	Templates        cloud.Records[cloud.InstanceTemplate, cloud.InstanceTemplateID]
	Hosts            cloud.Records[cloud.Host, cloud.HostID]
	Aggregates       cloud.Records[cloud.Aggregate, cloud.AggregateID]

	Providers cloud.Records[cloud.Provider, cloud.ProviderID]
	Claims    cloud.Records[cloud.Claim, string]
	Words     cloud.Records[cloud.Word, string]

	Images             cloud.Records[cloud.Image, cloud.ImageID]
	Volumes            cloud.Records[cloud.Volume, cloud.VolumeID]
	Attachments        cloud.Records[cloud.Attachment, cloud.AttachmentID]
	Snapshots          cloud.Records[cloud.Snapshot, cloud.SnapshotID]
	VolumeTypes        cloud.Records[cloud.VolumeType, cloud.VolumeTypeID]
	VolumeQOS          cloud.Records[cloud.VolumeQOS, cloud.VolumeQOSID]
	DefaultVolumeTypes cloud.Records[cloud.DefaultVolumeType, cloud.ProjectID]
	Transfers          cloud.Records[cloud.Transfer, cloud.TransferID]
	VolumeGroups       cloud.Records[cloud.VolumeGroup, cloud.VolumeGroupID]
	VolumeGroupTypes   cloud.Records[cloud.VolumeGroupType, cloud.VolumeGroupTypeID]
	GroupSnapshots     cloud.Records[cloud.GroupSnapshot, cloud.GroupSnapshotID]
	Backups            cloud.Records[cloud.Backup, cloud.BackupID]

	Notices cloud.Records[cloud.Notice, cloud.NoticeID]

	Vocabularies cloud.Records[cloud.Vocabulary, cloud.VocabularyID]
	Definitions  cloud.Records[cloud.Definition, cloud.DefinitionID]
	TargetKinds  cloud.Records[cloud.TargetKind, string]

	Networks           cloud.Records[cloud.Network, cloud.NetworkID]
	Subnets            cloud.Records[cloud.Subnet, cloud.SubnetID]
	SubnetPools        cloud.Records[cloud.SubnetPool, cloud.SubnetPoolID]
	AddressScopes      cloud.Records[cloud.AddressScope, cloud.AddressScopeID]
	Shares             cloud.Records[cloud.Share, cloud.ShareID]
	Ports              cloud.Records[cloud.Port, cloud.PortID]
	AddressUses        cloud.Records[cloud.AddressUse, string]
	Routers            cloud.Records[cloud.Router, cloud.RouterID]
	FloatingIPs        cloud.Records[cloud.FloatingIP, cloud.FloatingIPID]
	SecurityGroups     cloud.Records[cloud.SecurityGroup, cloud.SecurityGroupID]
	SecurityGroupRules cloud.Records[cloud.SecurityGroupRule, cloud.RuleID]
	AddressGroups      cloud.Records[cloud.AddressGroup, cloud.AddressGroupID]
	Trunks             cloud.Records[cloud.Trunk, cloud.TrunkID]
	Meters             cloud.Records[cloud.Meter, cloud.MeterID]
	MeterRules         cloud.Records[cloud.MeterRule, cloud.MeterRuleID]
	MeterReadings      cloud.Records[cloud.MeterReading, string]
	RouterFlavors      cloud.Records[cloud.RouterFlavor, cloud.RouterFlavorID]
	RouterProfiles     cloud.Records[cloud.RouterProfile, cloud.RouterProfileID]
	RuleTemplates      cloud.Records[cloud.RuleTemplate, cloud.RuleTemplateID]
	Segments           cloud.Records[cloud.Segment, cloud.SegmentID]
	SegmentRanges      cloud.Records[cloud.SegmentRange, cloud.SegmentRangeID]
	QoSPolicies        cloud.Records[cloud.QoSPolicy, cloud.QoSPolicyID]

	RouteTables    cloud.Records[cloud.RouteTable, cloud.RouteTableID]
	Gateways       cloud.Records[cloud.Gateway, cloud.GatewayID]
	NATGateways    cloud.Records[cloud.NATGateway, cloud.NATGatewayID]
	PacketFilters  cloud.Records[cloud.PacketFilter, cloud.PacketFilterID]
	Peerings       cloud.Records[cloud.Peering, cloud.PeeringID]
	DHCPOptionSets cloud.Records[cloud.DHCPOptionSet, cloud.DHCPOptionSetID]

	VPNServices    cloud.Records[cloud.VPNService, cloud.VPNServiceID]
	VPNProposals   cloud.Records[cloud.VPNProposal, cloud.VPNProposalID]
	EndpointGroups cloud.Records[cloud.EndpointGroup, cloud.EndpointGroupID]
	VPNPeers       cloud.Records[cloud.VPNPeer, cloud.VPNPeerID]
	VPNConnections cloud.Records[cloud.VPNConnection, cloud.VPNConnectionID]

	Domains                cloud.Records[cloud.Domain, cloud.DomainID]
	Projects               cloud.Records[cloud.Project, cloud.ProjectID]
	Users                  cloud.Records[cloud.User, cloud.UserID]
	Groups                 cloud.Records[cloud.Group, cloud.GroupID]
	Roles                  cloud.Records[cloud.Role, cloud.RoleID]
	Assignments            cloud.Records[cloud.Assignment, string]
	ApplicationCredentials cloud.Records[cloud.ApplicationCredential, cloud.CredentialID]
	Secrets                cloud.Records[cloud.Secret, cloud.SecretID]
	Trusts                 cloud.Records[cloud.Trust, cloud.TrustID]
	Applications           cloud.Records[cloud.Application, cloud.ApplicationID]
	DelegationRequests     cloud.Records[cloud.DelegationRequest, cloud.DelegationRequestID]
	Delegations            cloud.Records[cloud.Delegation, cloud.DelegationID]
	UsedSignatures         cloud.Records[cloud.UsedSignature, string]
	RegisteredLimits       cloud.Records[cloud.RegisteredLimit, cloud.LimitID]
	Limits                 cloud.Records[cloud.Limit, cloud.LimitID]
	PolicyDocuments        cloud.Records[cloud.PolicyDocument, cloud.PolicyDocumentID]
	IdentityProviders      cloud.Records[cloud.IdentityProvider, cloud.IdentityProviderID]
	Mappings               cloud.Records[cloud.Mapping, cloud.MappingID]
	Protocols              cloud.Records[cloud.Protocol, string]
	Standings              cloud.Records[cloud.Standing, string]
	ServiceProviders       cloud.Records[cloud.ServiceProvider, cloud.ServiceProviderID]
	Revocations            cloud.Records[cloud.Revocation, string]

	Operations    cloud.Records[cloud.Operation, cloud.OperationID]
	Idempotencies cloud.Records[cloud.Idempotency, string]
	Quotas        cloud.Records[cloud.Quota, cloud.QuotaID]
	UsageEvents   cloud.Records[cloud.UsageEvent, cloud.UsageID]
	Settings      cloud.Records[cloud.Setting, cloud.SettingID]

	engine engine
	cache  *cache
	log    *slog.Logger
	fault  func(ctx context.Context, committed bool) error // nil, but for tests
	shapes []*shape
	tables []reindexer // in the order of shapes
}

// makeTables makes the table of every noun.
func (s *Store) makeTables() {
	s.makeComputeTables()
	s.makeStorageTables()
	s.makeNetworkTables()
	s.makeIdentityTables()
	s.Operations = newTable(s, &operations)
	s.Idempotencies = newTable(s, &idempotencies)
	s.Quotas = newTable(s, &quotas)
	s.UsageEvents = newTable(s, &usageEvents)
	s.Settings = newTable(s, &settings)
}

func (s *Store) makeComputeTables() {
	living := newTable(s, &instances)
	s.Instances = living
	dead := newTable(s, &deletedInstances)
	s.DeletedInstances = dead
	s.AllInstances = together[cloud.Instance, cloud.InstanceID]{living, dead}
	s.Migrations = newTable(s, &instanceMigrations)
	s.InstanceGroups = newTable(s, &instanceGroups)
	s.Flavors = newTable(s, &flavors)
	s.KeyPairs = newTable(s, &keyPairs)
	s.Templates = newTable(s, &instanceTemplates)
	s.Hosts = newTable(s, &hosts)
	s.Aggregates = newTable(s, &aggregates)

	s.Providers = newTable(s, &providers)
	s.Claims = newTable(s, &claims)
	s.Words = newTable(s, &wordsOfOperators)
}

func (s *Store) makeStorageTables() {
	s.Images = newTable(s, &images)
	s.Volumes = newTable(s, &volumes)
	s.Attachments = newTable(s, &attachments)
	s.Snapshots = newTable(s, &snapshots)
	s.VolumeTypes = newTable(s, &volumeTypes)
	s.VolumeQOS = newTable(s, &volumeQOS)
	s.DefaultVolumeTypes = newTable(s, &defaultVolumeTypes)
	s.Transfers = newTable(s, &transfers)
	s.VolumeGroups = newTable(s, &volumeGroups)
	s.VolumeGroupTypes = newTable(s, &volumeGroupTypes)
	s.GroupSnapshots = newTable(s, &groupSnapshots)
	s.Backups = newTable(s, &backups)

	s.Notices = newTable(s, &notices)

	s.Vocabularies = newTable(s, &vocabularies)
	s.Definitions = newTable(s, &definitions)
	s.TargetKinds = newTable(s, &targetKinds)
}

func (s *Store) makeNetworkTables() {
	s.Networks = newTable(s, &networks)
	s.Subnets = newTable(s, &subnets)
	s.SubnetPools = newTable(s, &subnetPools)
	s.AddressScopes = newTable(s, &addressScopes)
	s.Shares = newTable(s, &shares)
	s.Ports = newTable(s, &ports)
	s.AddressUses = newTable(s, &addressUses)
	s.Routers = newTable(s, &routers)
	s.FloatingIPs = newTable(s, &floatingIPs)
	s.SecurityGroups = newTable(s, &securityGroups)
	s.SecurityGroupRules = newTable(s, &securityGroupRules)
	s.AddressGroups = newTable(s, &addressGroups)
	s.Trunks = newTable(s, &trunks)
	s.Meters = newTable(s, &meters)
	s.MeterRules = newTable(s, &meterRules)
	s.MeterReadings = newTable(s, &meterReadings)
	s.RouterFlavors = newTable(s, &routerFlavors)
	s.RouterProfiles = newTable(s, &routerProfiles)
	s.RuleTemplates = newTable(s, &ruleTemplates)
	s.Segments = newTable(s, &segments)
	s.SegmentRanges = newTable(s, &segmentRanges)
	s.QoSPolicies = newTable(s, &qosPolicies)

	s.RouteTables = newTable(s, &routeTables)
	s.Gateways = newTable(s, &gateways)
	s.NATGateways = newTable(s, &natGateways)
	s.PacketFilters = newTable(s, &packetFilters)
	s.Peerings = newTable(s, &peerings)
	s.DHCPOptionSets = newTable(s, &dhcpOptionSets)

	s.VPNServices = newTable(s, &vpnServices)
	s.VPNProposals = newTable(s, &vpnProposals)
	s.EndpointGroups = newTable(s, &endpointGroups)
	s.VPNPeers = newTable(s, &vpnPeers)
	s.VPNConnections = newTable(s, &vpnConnections)
}

func (s *Store) makeIdentityTables() {
	s.Domains = newTable(s, &domains)
	s.Projects = newTable(s, &projects)
	s.Users = newTable(s, &users)
	s.Groups = newTable(s, &groups)
	s.Roles = newTable(s, &roles)
	s.Assignments = newTable(s, &assignments)
	s.ApplicationCredentials = newTable(s, &applicationCredentials)
	s.Secrets = newTable(s, &secrets)
	s.Trusts = newTable(s, &trusts)
	s.Applications = newTable(s, &applications)
	s.DelegationRequests = newTable(s, &delegationRequests)
	s.Delegations = newTable(s, &delegations)
	s.UsedSignatures = newTable(s, &usedSignatures)
	s.RegisteredLimits = newTable(s, &registeredLimits)
	s.Limits = newTable(s, &limits)
	s.PolicyDocuments = newTable(s, &policyDocuments)
	s.IdentityProviders = newTable(s, &identityProviders)
	s.Mappings = newTable(s, &mappings)
	s.Protocols = newTable(s, &protocols)
	s.Standings = newTable(s, &standings)
	s.ServiceProviders = newTable(s, &serviceProviders)
	s.Revocations = newTable(s, &revocations)
}
