package volume

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/placement"
)

// PoolUse is a pool that takes volumes, with what its host says is used of it; zeros if the host is down.
type PoolUse struct {
	Host                  *cloud.Host
	Pool                  cloud.Pool
	TotalBytes, UsedBytes int64
	Capabilities          map[string]string
}

// Pools answers the pools that take volumes, or of these the ones that volumes of a type can be on. Only operators may.
func (s *Service) Pools(ctx context.Context, typeIDOrName string) ([]PoolUse, error) {
	hosts, err := s.StorageHosts(ctx)
	if err != nil {
		return nil, err
	}
	var specs map[string]string
	if typeIDOrName != "" {
		t, err := s.Type(ctx, typeIDOrName)
		if err != nil {
			return nil, err
		}
		specs = t.ExtraSpecs
	}
	var all []PoolUse
	for _, h := range hosts {
		for _, u := range s.poolUses(ctx, h) {
			if len(placement.Lacks(specs, u.Capabilities)) == 0 {
				all = append(all, u)
			}
		}
	}
	return all, nil
}

func (s *Service) poolUses(ctx context.Context, h *cloud.Host) []PoolUse {
	var uses []PoolUse
	at := map[string]int{}
	for _, p := range h.VolumePools() {
		at[p.Name] = len(uses)
		uses = append(uses, PoolUse{Host: h, Pool: p, Capabilities: placement.Capabilities(&p)})
	}
	a, err := s.Hosts.Agent(ctx, h.ID)
	if err != nil {
		return uses
	}
	told, err := a.Describe(ctx)
	if err != nil {
		return uses
	}
	for _, p := range told.Pools {
		if i, ok := at[p.Name]; ok {
			uses[i].TotalBytes, uses[i].UsedBytes = p.TotalBytes, p.UsedBytes
		}
	}
	return uses
}
