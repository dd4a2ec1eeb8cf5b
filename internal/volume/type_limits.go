package volume

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/quota"
)

// TypeResources are the quota resources that each volume type has limits of its own for.
var TypeResources = []string{cloud.QuotaVolumes, cloud.QuotaSnapshots, cloud.QuotaGigabytes}

// TypeQuota is the resource that stands for a resource's part in a type.
func TypeQuota(resource string, t cloud.VolumeTypeID) string { return quota.Part(resource, string(t)) }

// typeQuotas are the resources among limits that are about a type.
func typeQuotas(limits map[string]int64) []string {
	var names []string
	for name := range limits {
		if resource, _, ok := quota.Cut(name); ok && slices.Contains(TypeResources, resource) {
			names = append(names, name)
		}
	}
	return names
}

// withType counts what is counted also for a type.
func withType(add map[string]int64, t cloud.VolumeTypeID) map[string]int64 {
	if t == "" {
		return add
	}
	for _, r := range TypeResources {
		if n := add[r]; n != 0 {
			add[TypeQuota(r, t)] = n
		}
	}
	return add
}

// ofType adds up what count finds of the volumes that have a type, and of those that will when they have moved.
func ofType(t string, count func(has cloud.Cond) (int64, error)) (int64, error) {
	has, err := count(cloud.Eq("type_id", t))
	if err != nil {
		return 0, err
	}
	gets, err := count(cloud.Eq("next_type_id", t))
	return has + gets, err
}

// registerTypeCounters counts rows, as registerCounters does, of one type.
func (s *Service) registerTypeCounters() {
	s.Quota.RegisterParts(cloud.QuotaVolumes, func(ctx context.Context, p cloud.ProjectID, t string) (int64, error) {
		return ofType(t, func(has cloud.Cond) (int64, error) {
			return s.Volumes.Count(ctx, cloud.Eq("project_id", p), has, living)
		})
	})
	s.Quota.RegisterParts(cloud.QuotaSnapshots, func(ctx context.Context, p cloud.ProjectID, t string) (int64, error) {
		snapshots, err := s.snapshotsOfType(ctx, p, t)
		return int64(len(snapshots)), err
	})
	s.Quota.RegisterParts(cloud.QuotaGigabytes, func(ctx context.Context, p cloud.ProjectID, t string) (int64, error) {
		total, err := ofType(t, func(has cloud.Cond) (int64, error) {
			return s.Volumes.Sum(ctx, "size_gib", cloud.Eq("project_id", p), has, living)
		})
		if err != nil {
			return 0, err
		}
		snapshots, err := s.snapshotsOfType(ctx, p, t)
		for _, n := range snapshots {
			total += int64(n.SizeGiB)
		}
		return total, err
	})
}

// snapshotsOfType are a project's snapshots of volumes of a type. Only where that type is limited does anybody ask.
func (s *Service) snapshotsOfType(ctx context.Context, p cloud.ProjectID, t string) ([]*cloud.Snapshot, error) {
	volumes, err := s.Volumes.List(ctx, cloud.Where(cloud.Eq("project_id", p), cloud.Eq("type_id", t)))
	if err != nil || len(volumes) == 0 {
		return nil, err
	}
	ids := make([]cloud.VolumeID, len(volumes))
	for i, v := range volumes {
		ids[i] = v.ID
	}
	return s.Snapshots.List(ctx, cloud.Where(cloud.Eq("project_id", p), cloud.In("volume_id", ids), living))
}

// reserveType counts a volume and its snapshots against the limits of the type that it comes to.
func (s *Service) reserveType(ctx context.Context, v *cloud.Volume, t cloud.VolumeTypeID) error {
	snapshots, err := s.Snapshots.List(ctx, cloud.Where(cloud.Eq("volume_id", v.ID)))
	if err != nil {
		return err
	}
	return s.Quota.Reserve(ctx, v.ProjectID, map[string]int64{TypeQuota(cloud.QuotaVolumes, t): 1,
		TypeQuota(cloud.QuotaSnapshots, t): int64(len(snapshots)), TypeQuota(cloud.QuotaGigabytes, t): int64(withSnapshots(v, snapshots))})
}

// withSnapshots is how many GiB a volume and its snapshots count.
func withSnapshots(v *cloud.Volume, snapshots []*cloud.Snapshot) int {
	total := v.SizeGiB
	for _, n := range snapshots {
		total += n.SizeGiB
	}
	return total
}
