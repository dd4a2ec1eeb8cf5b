package volume

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
	"github.com/nubo-cloud/nubo/internal/quota"
)

// Resources are the quota resources that are about volumes.
var Resources = []string{cloud.QuotaVolumes, cloud.QuotaSnapshots, cloud.QuotaGigabytes, cloud.QuotaVolumeGigabytes,
	cloud.QuotaBackups, cloud.QuotaBackupGigabytes, cloud.QuotaVolumeGroups}

// Quotas are a project's limits, and its use if asked for, of Resources.
type Quotas struct{ Limits, Used map[string]int64 }

// QuotasOf answers the quotas of a project that the caller may see.
func (s *Service) QuotasOf(ctx context.Context, p cloud.ProjectID, used bool) (Quotas, error) {
	if err := mayQuota(ctx, "quota.get", p); err != nil {
		return Quotas{}, err
	}
	limits, err := s.Quota.Limits(ctx, p)
	if err != nil || !used {
		return Quotas{Limits: only(limits)}, err
	}
	q := Quotas{Limits: only(limits), Used: map[string]int64{}}
	for r := range q.Limits {
		if q.Used[r], err = s.Quota.Used(ctx, p, r); err != nil {
			return q, err
		}
	}
	return q, nil
}

// DefaultQuotas are the limits of a project that has none of its own.
func (s *Service) DefaultQuotas(ctx context.Context) (Quotas, error) {
	limits, err := s.Quota.Defaults(ctx)
	return Quotas{Limits: only(limits)}, err
}

// SetQuotas changes limits of a project, or of all projects without their own if p is empty.
func (s *Service) SetQuotas(ctx context.Context, p cloud.ProjectID, change map[string]int64) error {
	if err := mayQuota(ctx, "quota.manage", p); err != nil {
		return err
	}
	id := cloud.QuotaID(p)
	if p == "" {
		id = quota.DefaultClass
	}
	return s.Quota.Set(ctx, id, change)
}

// ResetQuotas puts a project back to the defaults, for volumes alone: a project's other limits stay.
func (s *Service) ResetQuotas(ctx context.Context, p cloud.ProjectID) error {
	if err := mayQuota(ctx, "quota.manage", p); err != nil {
		return err
	}
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		defaults, err := s.Quota.Defaults(ctx)
		if err != nil {
			return err
		}
		own, err := s.Quota.Limits(ctx, p)
		if err != nil {
			return err
		}
		if err := s.Quota.Forget(ctx, cloud.QuotaID(p), typeQuotas(own)); err != nil {
			return err
		}
		return s.Quota.Set(ctx, cloud.QuotaID(p), only(defaults))
	})
}

func mayQuota(ctx context.Context, a policy.Action, p cloud.ProjectID) error {
	return policy.Authorize(ctx, a, policy.Target{Resource: "quota", ProjectID: p})
}

func only(limits map[string]int64) map[string]int64 {
	m := make(map[string]int64, len(Resources))
	for _, r := range append(typeQuotas(limits), Resources...) {
		m[r] = limits[r]
	}
	return m
}

// StorageHosts lists the hosts, for operators.
func (s *Service) StorageHosts(ctx context.Context) ([]*cloud.Host, error) {
	if err := policy.Authorize(ctx, "volume pool.get", policy.Target{Resource: "volume pool"}); err != nil {
		return nil, err
	}
	return s.HostRows.List(ctx, cloud.Query{Order: []cloud.Order{{Column: "name"}}})
}

// Zone is a place where volumes can be.
type Zone struct {
	Name      string
	Available bool
}

// Zones lists the zones of all hosts; a zone is available if a host in it takes work.
func (s *Service) Zones(ctx context.Context) ([]Zone, error) {
	if err := policy.Authorize(ctx, "zone.get", policy.Target{Resource: "zone"}); err != nil {
		return nil, err
	}
	hosts, err := s.HostRows.List(ctx, cloud.Query{Order: []cloud.Order{{Column: "zone"}}})
	if err != nil {
		return nil, err
	}
	var zones []Zone
	for _, h := range hosts {
		up := h.Enabled && h.Alive()
		if n := len(zones); n > 0 && zones[n-1].Name == h.Zone {
			zones[n-1].Available = zones[n-1].Available || up
			continue
		}
		zones = append(zones, Zone{Name: h.Zone, Available: up})
	}
	for _, z := range slices.Clone(zones) {
		for _, name := range slices.Sorted(slices.Values(s.ZoneNames.Of(z.Name))) {
			zones = append(zones, Zone{Name: name, Available: z.Available})
		}
	}
	return zones, nil
}
