package compute

import (
	"context"
	"errors"
	"math/rand/v2"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/placement"
)

// PlaceVolume chooses the pool that a volume is made on, inside the transaction that writes its row. What is remembered of the
// hosts is a hint: the chosen one is looked at again.
func (s *Service) PlaceVolume(ctx context.Context, r cloud.VolumePlacement) (cloud.VolumePlace, error) {
	r.Zone = s.ZoneNames.Own(r.Zone)
	not := map[cloud.HostID]bool{}
	candidates, err := s.room.candidates(ctx)
	if err != nil {
		return cloud.VolumePlace{}, err
	}
	for {
		i, ok := placement.PlaceVolume(r, candidates, not, rand.Uint64())
		if !ok {
			sentence, details := placement.ExplainVolume(r, candidates)
			return cloud.VolumePlace{}, &cloud.Error{Kind: cloud.NoCapacity, Resource: "volume", Message: sentence, Cause: errors.New(details)}
		}
		h, err := s.HostRows.Get(ctx, candidates[i].ID)
		if err != nil && !gone(err) {
			return cloud.VolumePlace{}, err
		}
		if err == nil {
			candidates[i] = candidate(h, used{})
			pool, err := s.roomiestPool(ctx, r, h)
			if err != nil || pool != "" {
				return cloud.VolumePlace{HostID: h.ID, Pool: pool}, err
			}
		}
		not[candidates[i].ID] = true
	}
}

// roomiestPool is, of the pools that will do, the one that the volume's source is on, or else the one with the most room that no
// volume has been promised; none if no pool will do. Where there is no choice, nothing is counted.
func (s *Service) roomiestPool(ctx context.Context, r cloud.VolumePlacement, h *cloud.Host) (string, error) {
	var fit []cloud.Pool
	for _, p := range h.Pools {
		if placement.RejectPool(&r, &p) == "" {
			if r.Near.Pool == p.Name {
				return p.Name, nil
			}
			fit = append(fit, p)
		}
	}
	if len(fit) == 0 {
		return "", nil
	}
	best, most := fit[0].Name, int64(0)
	for i, p := range fit {
		if len(fit) == 1 {
			break
		}
		promised, err := s.Volume.PromisedGiB(ctx, h.ID, p)
		if err != nil {
			return "", err
		}
		if left := int64(p.TotalGiB) - promised; i == 0 || left > most {
			best, most = p.Name, left
		}
	}
	return best, nil
}
