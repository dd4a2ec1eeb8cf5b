package volume

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// SwitchPools lets the operator's word on a pool of a host, or on all of them if none is named, be changed.
func (s *Service) SwitchPools(ctx context.Context, host, pool string, edit func(*cloud.PoolSwitch)) (*cloud.Host, error) {
	if err := policy.Authorize(ctx, "volume pool.manage", policy.Target{Resource: "volume pool"}); err != nil {
		return nil, err
	}
	var h *cloud.Host
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		var err error
		if h, err = s.hostNamed(ctx, host); err != nil {
			return err
		}
		if h.Pools = slices.Clone(h.Pools); h.Pool(pool) == nil {
			return cloud.NotFoundf("host", host+"@"+pool)
		}
		for i := range h.Pools {
			if p := &h.Pools[i]; pool == "" || p.Name == pool {
				edit(&p.PoolSwitch)
			}
		}
		return s.HostRows.Update(ctx, h)
	})
	return h, err
}

// PromisedGiB is how much volumes have been promised of a pool: all that lies on it, and on the other hosts' too if it is theirs
// as well.
func (s *Service) PromisedGiB(ctx context.Context, h cloud.HostID, p cloud.Pool) (int64, error) {
	on := []cloud.Cond{cloud.Eq("pool", p.Name)}
	if !p.Shared {
		on = append(on, cloud.Eq("host_id", h))
	}
	return s.Volumes.Sum(ctx, "size_gib", on...)
}

func (s *Service) hostNamed(ctx context.Context, name string) (*cloud.Host, error) {
	h, err := s.HostRows.One(ctx, cloud.Eq("name", name))
	return found(h, err)("host", name)
}

// HostUse is what one project, or everybody if ProjectID is empty, has on a host.
type HostUse struct {
	ProjectID              cloud.ProjectID
	Volumes, VolumeGiB     int
	Snapshots, SnapshotGiB int
}

// HostUses counts what lies on a host, or on one pool of it: the sum first, then each project's. Only operators may.
func (s *Service) HostUses(ctx context.Context, name, pool string) ([]HostUse, error) {
	if err := policy.Authorize(ctx, "volume pool.get", policy.Target{Resource: "volume pool"}); err != nil {
		return nil, err
	}
	h, err := s.hostNamed(ctx, name)
	if err != nil {
		return nil, err
	}
	on := []cloud.Cond{cloud.Eq("host_id", h.ID)}
	if pool != "" {
		if h.Pool(pool) == nil {
			return nil, cloud.NotFoundf("host", name+"@"+pool)
		}
		on = append(on, cloud.Eq("pool", pool))
	}
	volumes, err := s.Volumes.List(ctx, cloud.Where(on...))
	if err != nil {
		return nil, err
	}
	snapshots, err := s.Snapshots.List(ctx, cloud.Where(on...))
	if err != nil {
		return nil, err
	}
	return countUses(volumes, snapshots), nil
}

func countUses(volumes []*cloud.Volume, snapshots []*cloud.Snapshot) []HostUse {
	uses, at := []HostUse{{}}, map[cloud.ProjectID]int{}
	count := func(p cloud.ProjectID, add func(*HostUse)) {
		if _, ok := at[p]; !ok {
			at[p], uses = len(uses), append(uses, HostUse{ProjectID: p})
		}
		add(&uses[0])
		add(&uses[at[p]])
	}
	for _, v := range volumes {
		count(v.ProjectID, func(u *HostUse) { u.Volumes++; u.VolumeGiB += v.SizeGiB })
	}
	for _, n := range snapshots {
		count(n.ProjectID, func(u *HostUse) { u.Snapshots++; u.SnapshotGiB += n.SizeGiB })
	}
	return uses
}
