package network

import (
	"context"
	"math/rand/v2"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// placeRouter chooses the host a router runs on, once it has anything to do. Without a
// host to choose it stays unplaced; the first host that comes takes it (SyncHost).
func (s *Service) placeRouter(ctx context.Context, r *cloud.Router) error {
	if r.HostID != "" || r.Withheld {
		return nil
	}
	hosts, err := s.HostRecords.List(ctx, cloud.Query{}, func(h *cloud.Host) bool { return h.Enabled && !h.ForcedDown && !h.Duties[cloud.DutyRouters].Off })
	if err != nil || len(hosts) == 0 {
		return err
	}
	if up := keepHosts(hosts, func(h *cloud.Host) bool { return h.Up }); len(up) > 0 {
		hosts = up
	}
	if r.HostID, err = s.lessLoaded(ctx, hosts); err != nil {
		return err
	}
	return s.serveFloating(ctx, r)
}

func keepHosts(hosts []*cloud.Host, keep func(*cloud.Host) bool) []*cloud.Host {
	var kept []*cloud.Host
	for _, h := range hosts {
		if keep(h) {
			kept = append(kept, h)
		}
	}
	return kept
}

// lessLoaded takes two hosts by chance and answers the one with fewer routers, which
// spreads nearly as well as counting them all.
func (s *Service) lessLoaded(ctx context.Context, hosts []*cloud.Host) (cloud.HostID, error) {
	a, b := hosts[rand.IntN(len(hosts))].ID, hosts[rand.IntN(len(hosts))].ID
	if a == b {
		return a, nil
	}
	countA, err := s.Routers.Count(ctx, cloud.Eq("host_id", string(a)))
	if err != nil {
		return "", err
	}
	countB, err := s.Routers.Count(ctx, cloud.Eq("host_id", string(b)))
	if err != nil {
		return "", err
	}
	if countB < countA {
		return b, nil
	}
	return a, nil
}
