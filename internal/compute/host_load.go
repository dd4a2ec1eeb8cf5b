package compute

import (
	"context"
	"sync"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// loadPatience is how long hosts have to tell their load: they are asked while somebody waits for a page about all of them.
const loadPatience = 2 * time.Second

// HostLoad answers how long a host has been up and how busy it is, as it says itself. A host that is down is Invalid.
func (s *Service) HostLoad(ctx context.Context, h *cloud.Host) (spec.Load, error) {
	if err := policy.Authorize(ctx, "host.get", policy.Target{Resource: "host"}); err != nil {
		return spec.Load{}, err
	}
	if !h.Alive() {
		return spec.Load{}, cloud.Invalidf("host", "host", "Compute service of %s is unavailable at this time.", h.Name)
	}
	ctx, cancel := context.WithTimeout(ctx, loadPatience)
	defer cancel()
	agent, err := s.Hosts.Agent(ctx, h.ID)
	if err != nil {
		return spec.Load{}, err
	}
	l, err := agent.Load(ctx)
	if err != nil {
		return l, hostError(err, "host", string(h.ID))
	}
	return l, nil
}

// HostLoads is HostLoad of many hosts, which are asked at once. Those that do not tell are left out.
func (s *Service) HostLoads(ctx context.Context, hosts []*HostView) map[cloud.HostID]spec.Load {
	var mu sync.Mutex
	var asked sync.WaitGroup
	loads := map[cloud.HostID]spec.Load{}
	for _, h := range hosts {
		asked.Go(func() {
			if l, err := s.HostLoad(ctx, h.Host); err == nil {
				mu.Lock()
				loads[h.ID] = l
				mu.Unlock()
			}
		})
	}
	asked.Wait()
	return loads
}
