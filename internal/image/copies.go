package image

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/nubo-cloud/nubo/internal/agentapi"
	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/policy"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Hosts is how to reach the hosts, which take an image in when a disk is made from it, and keep it for the next one.
type Hosts interface {
	IDs() []cloud.HostID
	// Agent answers Unavailable for a host that cannot be reached.
	Agent(ctx context.Context, id cloud.HostID) (agentapi.Agent, error)
}

// Copies are what hosts keep of images. Nothing of it is on record here: the hosts are asked.
type Copies struct {
	// Kept tells of each image all hosts together, in the order of ids: the sum of uses, and when any was last used.
	Kept []spec.ImageStatus
	// Queued are the images that hosts have been told to take in, in the order in which they will.
	Queued []cloud.ImageID
}

// Copies answers what hosts keep of images now.
func (s *Service) Copies(ctx context.Context) (Copies, error) {
	if err := policy.Authorize(ctx, "image.see_copies", policy.Target{Resource: "image"}); err != nil {
		return Copies{}, err
	}
	// The queue first: what leaves it meanwhile is found on the hosts, and not nowhere.
	ops, err := s.prefetches(ctx)
	if err != nil {
		return Copies{}, err
	}
	c := Copies{}
	if c.Kept, err = s.kept(ctx); err != nil {
		return Copies{}, err
	}
	for _, op := range ops {
		c.Queued = append(c.Queued, cloud.ImageID(operation.SubjectID(op)))
	}
	return c, nil
}

// kept asks the hosts. What no image here is known by is left out: it is being collected, or a backup's.
func (s *Service) kept(ctx context.Context) ([]spec.ImageStatus, error) {
	var mu sync.Mutex
	sum := map[spec.ImageID]spec.ImageStatus{}
	err := s.onHosts(ctx, func(ctx context.Context, a agentapi.Agent) error {
		here, err := a.ListImages(ctx)
		mu.Lock()
		defer mu.Unlock()
		for _, i := range here {
			sum[i.ID] = together(sum[i.ID], i)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	rows, err := s.Images.List(ctx, cloud.Where(cloud.In("id", slices.Collect(maps.Keys(sum)))))
	kept := make([]spec.ImageStatus, len(rows))
	for n, i := range rows {
		kept[n] = sum[spec.ImageID(i.ID)]
	}
	slices.SortFunc(kept, func(a, b spec.ImageStatus) int { return cmp.Compare(a.ID, b.ID) })
	return kept, err
}

// together is one more host's copy in the sum of others.
func together(sum, one spec.ImageStatus) spec.ImageStatus {
	one.Uses += sum.Uses
	if sum.TakenAt.After(one.TakenAt) {
		one.TakenAt = sum.TakenAt
	}
	if sum.UsedAt.After(one.UsedAt) {
		one.UsedAt = sum.UsedAt
	}
	return one
}

// hostsAtOnce bounds how many hosts are asked at a time.
const hostsAtOnce = 32

// onHosts calls f for every host that can be reached, also if it fails for some.
func (s *Service) onHosts(ctx context.Context, f func(context.Context, agentapi.Agent) error) error {
	ids := s.Hosts.IDs()
	failed := make([]error, len(ids))
	slots := make(chan struct{}, hostsAtOnce)
	var group sync.WaitGroup
	for n, id := range ids {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			a, err := s.Hosts.Agent(ctx, id)
			if cloud.Is(err, cloud.Unavailable) {
				return
			}
			if err == nil {
				err = f(ctx, a)
			}
			if err != nil {
				failed[n] = fmt.Errorf("host %s: %w", id, err)
			}
		})
	}
	group.Wait()
	return errors.Join(failed...)
}

// dropKept has the hosts let go of images. A host keeps what one of its guests boots from.
func (s *Service) dropKept(ctx context.Context, images ...spec.ImageStatus) error {
	return s.onHosts(ctx, func(ctx context.Context, a agentapi.Agent) error {
		for _, i := range images {
			if err := a.RemoveImage(ctx, i.ID); err != nil && !errors.Is(err, spec.ErrBusy) {
				return err
			}
		}
		return nil
	})
}
