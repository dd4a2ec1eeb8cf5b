package cloud

// Quota resources. Use of each is counted in the store when it matters, never kept.
const (
	QuotaInstances       = "instances"
	QuotaVCPUs           = "vcpus"
	QuotaMemoryMiB       = "memory_mib"
	QuotaKeyPairs        = "key_pairs"  // per user
	QuotaProperties      = "properties" // per instance
	QuotaInstanceGroups  = "instance_groups"
	QuotaGroupMembers    = "instance_group_members"
	QuotaVolumes         = "volumes"
	QuotaSnapshots       = "snapshots"
	QuotaGigabytes       = "gigabytes" // volumes and snapshots together
	QuotaVolumeGigabytes = "per_volume_gigabytes"
	QuotaBackups         = "backups"
	QuotaBackupGigabytes = "backup_gigabytes"
	QuotaVolumeGroups    = "volume_groups"
	QuotaNetworks        = "networks"
	QuotaSubnets         = "subnets"
	QuotaSubnetPools     = "subnet_pools"
	QuotaShares          = "shares"
	QuotaPorts           = "ports"
	QuotaRouters         = "routers"
	QuotaFloatingIPs     = "floating_ips"
	QuotaVPNServices     = "vpn_services"
	QuotaVPNConnections  = "vpn_connections"
	QuotaSecurityGroups  = "security_groups"
	QuotaSecurityRules   = "security_group_rules"
	QuotaImages          = "images"
	QuotaImageBytes      = "image_bytes"
	QuotaStagedBytes     = "image_staged_bytes"
	QuotaImagesArriving  = "images_arriving" // uploads, stagings and imports under way

	// These are kept for those who set them, and nothing is counted against them: ports bound what has addresses, and no
	// files are put into an instance's disks.
	QuotaAddresses     = "addresses"
	QuotaFiles         = "files" // per instance
	QuotaFileBytes     = "file_bytes"
	QuotaFilePathBytes = "file_path_bytes"
)

// Unlimited as a quota's limit means no limit.
const Unlimited = -1

// Quota is the limits of one project that differ from the defaults. Its id is the project's, or a
// class's name ("default").
type Quota struct {
	ID QuotaID `json:"id"`
	Meta
	Limits map[string]int64 `json:"limits"`
}

// DefaultLimits apply where neither the project nor the class "default" says otherwise.
var DefaultLimits = map[string]int64{
	QuotaInstances: 50, QuotaVCPUs: 100, QuotaMemoryMiB: 204800, QuotaKeyPairs: 100,
	QuotaProperties: 128, QuotaInstanceGroups: 10, QuotaGroupMembers: 10,
	QuotaVolumes: 50, QuotaSnapshots: 50, QuotaGigabytes: 2000, QuotaVolumeGigabytes: Unlimited,
	QuotaBackups: 10, QuotaBackupGigabytes: 1000, QuotaVolumeGroups: 10,
	QuotaNetworks: 100, QuotaSubnets: 100, QuotaSubnetPools: Unlimited, QuotaShares: 10, QuotaPorts: 500, QuotaRouters: 10, QuotaFloatingIPs: 50,
	QuotaVPNServices: 10, QuotaVPNConnections: 50,
	QuotaSecurityGroups: 10, QuotaSecurityRules: 100, QuotaImages: 1000, QuotaImageBytes: Unlimited,
	QuotaStagedBytes: Unlimited, QuotaImagesArriving: Unlimited,
	QuotaAddresses: Unlimited, QuotaFiles: 5, QuotaFileBytes: 10240, QuotaFilePathBytes: 255,
}
