package openstack_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/store"
)

// family is the rows behind a list: how the nth is put there, and taken away.
type family struct {
	insert func(ctx context.Context, id string, n int) error
	remove func(ctx context.Context, id string) error
}

// seeded is the id of the nth row, in no order; visitor that of one that comes and goes among them.
func seeded(n int) string { return fmt.Sprintf("%04x0000-0000-4000-8000-000000000000", n*7919%65536) }

func visitor(n int) string { return fmt.Sprintf("%04x0000-0000-4000-8000-%012x", n*4241%65536, n) }

func standing(id string) bool { return strings.HasSuffix(id, "-4000-8000-000000000000") }

// words are names with ties, none at all, and letters that collations disagree about.
var words = []string{"", "b", "B", "a", "ä", "Ω", "名前", "a b", "_", "é"}

func word(n int) string { return words[n%len(words)] }

func pick[T any](n int, of ...T) T { return of[n%len(of)] }

func meta(n int) cloud.Meta {
	base := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	return cloud.Meta{CreatedAt: base.Add(time.Duration(n%50) * time.Second), UpdatedAt: base.Add(time.Duration(n%70) * time.Minute)}
}

// rowsOf makes a family of one table.
func rowsOf[T any, ID ~string](records cloud.Records[T, ID], make func(id ID, n int) *T) family {
	return family{
		insert: func(ctx context.Context, id string, n int) error { return records.Insert(ctx, make(ID(id), n)) },
		remove: func(ctx context.Context, id string) error { return records.Delete(ctx, ID(id)) },
	}
}

// seed fills every table.
func (x *reader) seed() {
	x.families = map[string]family{}
	db, project, user := x.cloud.Store, cloud.ProjectID(x.names["PROJECT"]), cloud.UserID(x.names["USER"])
	x.seedCompute(db, project, user)
	x.seedWork(db, project, user)
	x.seedImages(db, project)
	x.seedNetwork(db, project)
	x.seedVPN(db, project)
	x.seedFilters(db, project)
	x.seedVolumes(db, project, user)
	x.seedIdentity(db)
	must(x.t, db.Update(context.Background(), func(ctx context.Context) error {
		for path, f := range x.families {
			for n := range x.rows {
				if err := f.insert(ctx, seeded(n), n); err != nil {
					return fmt.Errorf("%s: %w", path, err)
				}
			}
		}
		return nil
	}))
}

func (x *reader) seedCompute(db *store.Store, project cloud.ProjectID, user cloud.UserID) {
	size := func(n int) cloud.FlavorSize {
		return cloud.FlavorSize{VCPUs: n % 5, MemoryMiB: n % 9 * 256, DiskGiB: n % 4, EphemeralGiB: n % 3, SwapMiB: n % 2, RxTxFactor: float64(n % 3)}
	}
	x.families["/compute/v2.1/servers"] = rowsOf(db.Instances, func(id cloud.InstanceID, n int) *cloud.Instance {
		text := word(n)
		return &cloud.Instance{ID: id, ProjectID: project, UserID: user, Meta: meta(n), Name: text, Description: &text, Hostname: text, Phase: pick(n, cloud.PhaseReady, cloud.PhaseFailed),
			Power: cloud.PowerOff, Flavor: cloud.FlavorSnapshot{FlavorID: "1", Name: "m1.tiny", FlavorSize: size(n)}, KeyName: text, ConfigDrive: n%2 == 0, Zone: text,
			LaunchIndex: n % 7, Locked: n%3 == 0, AccessV4: pick(n, "", "10.0.0.1", "9.0.0.1"), GrowRoot: n%5 == 0}
	})
	x.families["/compute/v2.1/flavors"] = rowsOf(db.Flavors, func(id cloud.FlavorID, n int) *cloud.Flavor {
		text := word(n)
		return &cloud.Flavor{ID: id, Meta: meta(n), Name: text + string(id), Description: &text, FlavorSize: size(n), Public: true, Disabled: n%4 == 0}
	})
	x.families["/compute/v2.1/os-keypairs"] = family{
		insert: func(ctx context.Context, id string, n int) error {
			return db.KeyPairs.Insert(ctx, &cloud.KeyPair{ID: cloud.NewKeyPairID(user, id), UserID: user, Meta: meta(n), Name: id, Type: "ssh"})
		},
		remove: func(ctx context.Context, id string) error {
			return db.KeyPairs.Delete(ctx, cloud.NewKeyPairID(user, id))
		},
	}
	must(x.t, db.Update(context.Background(), func(ctx context.Context) error {
		for n := range x.rows { // no family: rows must not move under numbers
			g := &cloud.InstanceGroup{ID: cloud.InstanceGroupID(seeded(n)), ProjectID: project, UserID: user, Meta: meta(n), Name: word(n), Policy: "affinity"}
			if err := db.InstanceGroups.Insert(ctx, g); err != nil {
				return err
			}
		}
		return nil
	}))
}

// seedWork makes hosts, and Operations that have ended.
func (x *reader) seedWork(db *store.Store, project cloud.ProjectID, user cloud.UserID) {
	x.families["/compute/v2.1/os-hypervisors"] = rowsOf(db.Hosts, func(id cloud.HostID, n int) *cloud.Host {
		number := 10 + 2*n // no two have one; guests come between
		if !standing(string(id)) {
			number++
		}
		return &cloud.Host{ID: id, Name: string(id), Number: number, Meta: meta(n), VCPUs: 1 + n%3}
	})
	ended := func(kind, subject string, prefix cloud.OperationID) family {
		make := func(id string, n int) *cloud.Operation {
			m := meta(n)
			return &cloud.Operation{ID: prefix + cloud.OperationID(id), ProjectID: project, UserID: user, RequestID: id, Meta: m, Kind: kind, Subject: subject,
				State: pick(n, cloud.OperationSucceeded, cloud.OperationFailed), EndedAt: &m.UpdatedAt, Params: []byte("{}")}
		}
		return family{
			insert: func(ctx context.Context, id string, n int) error { return db.Operations.Insert(ctx, make(id, n)) },
			remove: func(ctx context.Context, id string) error {
				return db.Operations.Delete(ctx, prefix+cloud.OperationID(id))
			},
		}
	}
	// An action is known by its request, and its Operation has another id.
	x.families["/compute/v2.1/servers/"+seeded(0)+"/os-instance-actions"] = ended("instance.stop", "instance/"+seeded(0), "action-")
	x.families["/image/v2/tasks"] = ended("image.import", "image/"+seeded(0), "")
}

func (x *reader) seedImages(db *store.Store, project cloud.ProjectID) {
	x.families["/image/v2/images"] = rowsOf(db.Images, func(id cloud.ImageID, n int) *cloud.Image {
		return &cloud.Image{ID: id, ProjectID: project, Meta: meta(n), Name: word(n), State: pick(n, cloud.ImageQueued, cloud.ImageActive), Visibility: cloud.VisibilityPrivate,
			Container: pick(n, "", "bare"), Format: pick(n, "raw", "", "qcow2"), SizeBytes: int64(n % 11), MinDiskGiB: n % 3}
	})
	x.families["/image/v2/metadefs/namespaces"] = rowsOf(db.Vocabularies, func(id cloud.VocabularyID, n int) *cloud.Vocabulary {
		return &cloud.Vocabulary{ID: id, ProjectID: project, Meta: meta(n), Name: string(id), Visibility: cloud.VisibilityPublic}
	})
}

func (x *reader) seedNetwork(db *store.Store, project cloud.ProjectID) {
	x.families["/network/v2.0/networks"] = rowsOf(db.Networks, func(id cloud.NetworkID, n int) *cloud.Network {
		return &cloud.Network{ID: id, ProjectID: project, Meta: meta(n), Name: word(n), AdminUp: n%3 == 0, MTU: 1400 + n%4, Kind: "vxlan"}
	})
	x.families["/network/v2.0/subnets"] = rowsOf(db.Subnets, func(id cloud.SubnetID, n int) *cloud.Subnet {
		return &cloud.Subnet{ID: id, ProjectID: project, NetworkID: cloud.NetworkID(seeded(n % 9)), Meta: meta(n), Name: word(n), DHCP: n%2 == 0,
			Prefix: pick(n, netip.MustParsePrefix("10.0.0.0/24"), netip.MustParsePrefix("9.0.0.0/8"), netip.MustParsePrefix("fd00::/64"))}
	})
	x.families["/network/v2.0/ports"] = rowsOf(db.Ports, func(id cloud.PortID, n int) *cloud.Port {
		return &cloud.Port{ID: id, ProjectID: project, NetworkID: cloud.NetworkID(seeded(n % 9)), Meta: meta(n), Name: word(n), AdminUp: n%2 == 0, Up: n%3 == 0, MAC: string(id)}
	})
	x.families["/network/v2.0/routers"] = rowsOf(db.Routers, func(id cloud.RouterID, n int) *cloud.Router {
		return &cloud.Router{ID: id, ProjectID: project, Meta: meta(n), Name: word(n), AdminUp: n%2 == 0}
	})
	x.families["/network/v2.0/floatingips"] = rowsOf(db.FloatingIPs, func(id cloud.FloatingIPID, n int) *cloud.FloatingIP {
		f := &cloud.FloatingIP{ID: id, RouterID: cloud.RouterID(pick(n, "", seeded(1), seeded(2))), ProjectID: project, Meta: meta(n), NetworkID: cloud.NetworkID(seeded(n % 9)), Address: netip.AddrFrom4([4]byte{172, byte(n >> 16), byte(n >> 8), byte(n)})}
		for i := 0; n == 0 && standing(string(id)) && i < x.rows; i++ {
			f.Forwardings = append(f.Forwardings, cloud.PortForwarding{ID: cloud.PortForwardingID(seeded(i)), Protocol: pick(i, "tcp", "udp"), PortID: cloud.PortID(seeded(i % 9)),
				External: cloud.PortRange{First: 1 + i, Last: 1 + i}, Internal: cloud.PortRange{First: 1 + i%5, Last: 1 + i%5}, Address: netip.MustParseAddr("10.0.0.9")})
		}
		return f
	})
}

func (x *reader) seedFilters(db *store.Store, project cloud.ProjectID) {
	x.families["/network/v2.0/security-groups"] = rowsOf(db.SecurityGroups, func(id cloud.SecurityGroupID, n int) *cloud.SecurityGroup {
		return &cloud.SecurityGroup{ID: id, ProjectID: project, Meta: meta(n), Name: word(n)}
	})
	x.families["/network/v2.0/security-group-rules"] = rowsOf(db.SecurityGroupRules, func(id cloud.RuleID, n int) *cloud.SecurityGroupRule {
		port := n % 6
		r := &cloud.SecurityGroupRule{ID: id, ProjectID: project, GroupID: cloud.SecurityGroupID(seeded(n % 9)), Meta: meta(n), Direction: pick(n, "ingress", "egress"),
			IPv6: n%3 == 0, Protocol: pick(n, "", "tcp", "udp"), Key: string(id)}
		if n%2 == 0 {
			r.PortMin, r.PortMax = &port, &port
		}
		return r
	})
	x.families["/network/v2.0/subnetpools"] = rowsOf(db.SubnetPools, func(id cloud.SubnetPoolID, n int) *cloud.SubnetPool {
		p := &cloud.SubnetPool{ID: id, ProjectID: project, Meta: meta(n), Name: word(n), Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, DefaultBits: 20 + n%5, MinBits: 8 + n%3, MaxBits: 32 - n%3, Shared: n%4 == 0}
		if quota := int64(n % 5); n%2 == 0 {
			p.ProjectQuota = &quota
		}
		return p
	})
	x.families["/network/v2.0/address-scopes"] = rowsOf(db.AddressScopes, func(id cloud.AddressScopeID, n int) *cloud.AddressScope {
		return &cloud.AddressScope{ID: id, ProjectID: project, Meta: meta(n), Name: word(n), IPv6: n%2 == 0, Shared: n%3 == 0}
	})
	x.families["/network/v2.0/address-groups"] = rowsOf(db.AddressGroups, func(id cloud.AddressGroupID, n int) *cloud.AddressGroup {
		return &cloud.AddressGroup{ID: id, ProjectID: project, Meta: meta(n), Name: word(n)}
	})
	x.families["/network/v2.0/trunks"] = rowsOf(db.Trunks, func(id cloud.TrunkID, n int) *cloud.Trunk {
		return &cloud.Trunk{ID: id, ProjectID: project, Meta: meta(n), Name: word(n), PortID: cloud.PortID(id), AdminUp: n%2 == 0, Status: pick(n, cloud.TrunkDown, cloud.TrunkActive)}
	})
	x.families["/network/v2.0/segments"] = rowsOf(db.Segments, func(id cloud.SegmentID, n int) *cloud.Segment {
		g := &cloud.Segment{ID: id, ProjectID: project, NetworkID: cloud.NetworkID(seeded(n % 5)), Meta: meta(n), Name: word(n), Description: word(n + 1),
			Kind: pick(n, "vlan", "vxlan"), Physical: pick(n/2, "a", "b"), Number: n%x.rows + 1}
		if !standing(string(id)) {
			g.Physical = string(id) // no two share a place
		}
		return g
	})
	x.families["/network/v2.0/network_segment_ranges"] = rowsOf(db.SegmentRanges, func(id cloud.SegmentRangeID, n int) *cloud.SegmentRange {
		return &cloud.SegmentRange{ID: id, ProjectID: project, Meta: meta(n), Name: word(n), Shared: n%2 == 0, Default: n%3 == 0, Kind: pick(n, "vlan", "vxlan"),
			Physical: pick(n/2, "a", "b"), Min: n%7 + 1, Max: n%7 + 1 + n%5}
	})
	x.families["/network/v2.0/flavors"] = rowsOf(db.RouterFlavors, func(id cloud.RouterFlavorID, n int) *cloud.RouterFlavor {
		return &cloud.RouterFlavor{ID: id, Meta: meta(n), Name: word(n), Description: word(n + 1), Enabled: n%3 == 0}
	})
	x.families["/network/v2.0/service_profiles"] = rowsOf(db.RouterProfiles, func(id cloud.RouterProfileID, n int) *cloud.RouterProfile {
		return &cloud.RouterProfile{ID: id, Meta: meta(n), Description: word(n), Driver: word(n + 1), Details: word(n + 2), Enabled: n%3 == 0}
	})
	x.families["/network/v2.0/default-security-group-rules"] = rowsOf(db.RuleTemplates, func(id cloud.RuleTemplateID, n int) *cloud.RuleTemplate {
		port := n % 100
		return &cloud.RuleTemplate{ID: id, Meta: meta(n), Description: word(n), Direction: []string{"ingress", "egress"}[n%2], IPv6: n%3 == 0, Protocol: "tcp",
			PortMin: &port, PortMax: &port, RemotePrefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(n)}), 32), ForDefault: n%2 == 0, ForOthers: n%5 == 0, Key: string(id)}
	})
	x.families["/network/v2.0/metering/metering-labels"] = rowsOf(db.Meters, func(id cloud.MeterID, n int) *cloud.Meter {
		return &cloud.Meter{ID: id, ProjectID: project, Meta: meta(n), Name: word(n), Description: word(n + 1), Shared: n%3 == 0}
	})
	x.families["/network/v2.0/metering/metering-label-rules"] = rowsOf(db.MeterRules, func(id cloud.MeterRuleID, n int) *cloud.MeterRule {
		some := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(n / 256), byte(n)}), 32)
		r := &cloud.MeterRule{ID: id, ProjectID: project, MeterID: cloud.MeterID(seeded(n % 5)), Meta: meta(n), Direction: []string{"ingress", "egress"}[n%2], Excluded: n%3 == 0}
		if n%2 == 0 {
			r.Inside = some
		} else {
			r.Source, r.Destination = some, some
		}
		return r
	})
	x.families["/network/v2.0/qos/policies"] = rowsOf(db.QoSPolicies, func(id cloud.QoSPolicyID, n int) *cloud.QoSPolicy {
		p := &cloud.QoSPolicy{ID: id, ProjectID: project, Meta: meta(n), Name: word(n), Shared: n%3 == 0}
		for i := 0; n == 0 && standing(string(id)) && i < x.rows; i++ {
			p.Rules = append(p.Rules, cloud.QoSRule{ID: cloud.QoSRuleID(seeded(i)), Kind: cloud.QoSMark, Mark: i % 56})
		}
		return p
	})
	x.families["/network/v2.0/rbac-policies"] = rowsOf(db.Shares, func(id cloud.ShareID, n int) *cloud.Share {
		return &cloud.Share{ID: id, ProjectID: project, Meta: meta(n), Noun: cloud.ShareNetwork, NounID: string(id), Use: pick(n, cloud.UseShared, cloud.UseExternal), To: cloud.ProjectID(word(n))}
	})
}

func (x *reader) seedVolumes(db *store.Store, project cloud.ProjectID, user cloud.UserID) {
	x.families["/volume/v3/volumes"] = rowsOf(db.Volumes, func(id cloud.VolumeID, n int) *cloud.Volume {
		return &cloud.Volume{ID: id, ProjectID: project, UserID: user, Meta: meta(n), Name: word(n), SizeGiB: 1 + n%8, State: pick(n, cloud.VolumeAvailable, cloud.VolumeFailed), Zone: "nova", Bootable: n%2 == 0}
	})
	x.families["/volume/v3/snapshots"] = rowsOf(db.Snapshots, func(id cloud.SnapshotID, n int) *cloud.Snapshot {
		return &cloud.Snapshot{ID: id, ProjectID: project, UserID: user, VolumeID: cloud.VolumeID(seeded(n % 9)), Meta: meta(n), Name: word(n), SizeGiB: 1 + n%8, State: cloud.VolumeAvailable}
	})
	x.families["/volume/v3/backups"] = rowsOf(db.Backups, func(id cloud.BackupID, n int) *cloud.Backup {
		return &cloud.Backup{ID: id, ProjectID: project, UserID: user, VolumeID: cloud.VolumeID(seeded(n % 9)), Meta: meta(n), Name: word(n), SizeGiB: 1 + n%8, State: cloud.BackupAvailable, StoredAs: id}
	})
	x.families["/volume/v3/types"] = rowsOf(db.VolumeTypes, func(id cloud.VolumeTypeID, n int) *cloud.VolumeType {
		return &cloud.VolumeType{ID: id, Meta: meta(n), Name: word(n) + string(id), Public: true}
	})
	x.families["/volume/v3/attachments"] = rowsOf(db.Attachments, func(id cloud.AttachmentID, n int) *cloud.Attachment {
		return &cloud.Attachment{ID: id, ProjectID: project, VolumeID: cloud.VolumeID(seeded(n % 9)), Meta: meta(n), State: pick(n, "attached", "reserved"), Manual: true}
	})
	x.families["/volume/v3/volume-transfers"] = rowsOf(db.Transfers, func(id cloud.TransferID, n int) *cloud.Transfer {
		return &cloud.Transfer{ID: id, ProjectID: project, UserID: user, VolumeID: cloud.VolumeID(id), Meta: meta(n), Name: word(n)}
	})
	x.families["/volume/v3/qos-specs"] = rowsOf(db.VolumeQOS, func(id cloud.VolumeQOSID, n int) *cloud.VolumeQOS {
		return &cloud.VolumeQOS{ID: id, Meta: meta(n), Name: word(n) + string(id), Consumer: pick(n, "front-end", "both")}
	})
	x.families["/volume/v3/groups"] = rowsOf(db.VolumeGroups, func(id cloud.VolumeGroupID, n int) *cloud.VolumeGroup {
		return &cloud.VolumeGroup{ID: id, ProjectID: project, UserID: user, Meta: meta(n), Name: word(n), State: pick(n, cloud.VolumeAvailable, cloud.VolumeFailed), Zone: "nova"}
	})
	x.families["/volume/v3/group_snapshots"] = rowsOf(db.GroupSnapshots, func(id cloud.GroupSnapshotID, n int) *cloud.GroupSnapshot {
		return &cloud.GroupSnapshot{ID: id, ProjectID: project, UserID: user, GroupID: cloud.VolumeGroupID(seeded(n % 9)), Meta: meta(n), Name: word(n), State: pick(n, cloud.VolumeAvailable, cloud.VolumeFailed)}
	})
	x.families["/volume/v3/messages"] = rowsOf(db.Notices, func(id cloud.NoticeID, n int) *cloud.Notice {
		return &cloud.Notice{ID: id, ProjectID: project, UserID: user, Meta: meta(n), Noun: pick(n, "volume", "snapshot"), NounID: seeded(n % 9), Kind: pick(n, "volume.create", "snapshot.create"), RequestID: word(n)}
	})
	x.families["/volume/v3/group_types"] = rowsOf(db.VolumeGroupTypes, func(id cloud.VolumeGroupTypeID, n int) *cloud.VolumeGroupType {
		return &cloud.VolumeGroupType{ID: id, Meta: meta(n), Name: word(n) + string(id), Public: true}
	})
}

func (x *reader) seedIdentity(db *store.Store) {
	x.families["/identity/v3/projects"] = rowsOf(db.Projects, func(id cloud.ProjectID, n int) *cloud.Project {
		return &cloud.Project{ID: id, DomainID: "default", Meta: meta(n), Name: word(n) + string(id), Enabled: true}
	})
	x.families["/identity/v3/users"] = rowsOf(db.Users, func(id cloud.UserID, n int) *cloud.User {
		return &cloud.User{ID: id, DomainID: "default", Meta: meta(n), Name: word(n) + string(id), Enabled: true}
	})
	x.families["/identity/v3/groups"] = rowsOf(db.Groups, func(id cloud.GroupID, n int) *cloud.Group {
		return &cloud.Group{ID: id, DomainID: "default", Meta: meta(n), Name: word(n) + string(id)}
	})
}
