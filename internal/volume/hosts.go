package volume

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// EnableHost lets a host take new volumes, or not, with the reason.
func (s *Service) EnableHost(ctx context.Context, name string, enabled bool, reason string) (*cloud.Host, error) {
	if err := policy.Authorize(ctx, "volume pool.manage", policy.Target{Resource: "volume pool"}); err != nil {
		return nil, err
	}
	var h *cloud.Host
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		var err error
		if h, err = s.hostNamed(ctx, name); err != nil {
			return err
		}
		h.Enabled, h.DisabledReason = enabled, reason
		return s.HostRows.Update(ctx, h)
	})
	return h, err
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

// HostUses counts what lies on a host: the sum first, then each project's. Only operators may.
func (s *Service) HostUses(ctx context.Context, name string) ([]HostUse, error) {
	if err := policy.Authorize(ctx, "volume pool.get", policy.Target{Resource: "volume pool"}); err != nil {
		return nil, err
	}
	h, err := s.hostNamed(ctx, name)
	if err != nil {
		return nil, err
	}
	volumes, err := s.Volumes.List(ctx, cloud.Where(cloud.Eq("host_id", h.ID)))
	if err != nil {
		return nil, err
	}
	snapshots, err := s.Snapshots.List(ctx, cloud.Where(cloud.Eq("host_id", h.ID)))
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
