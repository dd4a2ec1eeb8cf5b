package image

import (
	"context"
	"errors"
	"slices"

	"github.com/nubo-cloud/nubo/internal/agentapi"
	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/policy"
	"github.com/nubo-cloud/nubo/internal/spec"
)

const kindPrefetch = "image.prefetch"

// Prefetch has all hosts take an image in before a disk is made from it. It answers when that is on record, and may be
// repeated. The work begins a moment later (Deps.PrefetchDelay): until then it can be taken back, and
// what hosts do for guests goes first.
func (s *Service) Prefetch(ctx context.Context, id cloud.ImageID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		i, err := s.authorized(ctx, "image.prefetch", id)
		if err != nil {
			return err
		}
		if i.State != cloud.ImageActive || !hasBytes(i) {
			return cloud.Invalidf("image", "image_id", "Only an active image with data can be cached; image %s is %s.", id, i.State)
		}
		queued, err := s.prefetches(ctx, id)
		if err != nil || len(queued) > 0 {
			return err
		}
		_, err = s.Operations.Start(ctx, operation.Request{Kind: kindPrefetch, Subject: subject(id), Delay: s.PrefetchDelay})
		return err
	})
}

// prefetches are the Operations that have not ended, of some images or of all, oldest first.
func (s *Service) prefetches(ctx context.Context, of ...cloud.ImageID) ([]*cloud.Operation, error) {
	q := cloud.Query{Order: []cloud.Order{{Column: "created_at"}}, Where: []cloud.Cond{cloud.Eq("kind", kindPrefetch),
		cloud.In("state", []cloud.OperationState{cloud.OperationPending, cloud.OperationRunning, cloud.OperationUnwinding})}}
	if len(of) > 0 {
		subjects := make([]string, len(of))
		for n, id := range of {
			subjects[n] = subject(id)
		}
		q.Where = append(q.Where, cloud.In("subject", subjects))
	}
	return s.Records.List(ctx, q)
}

func (s *Service) prefetchKind() operation.Kind {
	return operation.Kind{Name: kindPrefetch, Steps: []operation.Step{
		// Nothing is undone: what a host has taken in is of use to it, and is let go of like any other copy.
		{Name: "hosts", Do: s.takeInEverywhere},
	}}
}

func (s *Service) takeInEverywhere(ctx context.Context, op *cloud.Operation) error {
	i, err := s.Images.Get(ctx, cloud.ImageID(operation.SubjectID(op)))
	if cloud.Is(err, cloud.NotFound) || err == nil && i.State != cloud.ImageActive {
		return nil // nobody will make a disk from it
	}
	if err != nil {
		return err
	}
	return s.onHosts(ctx, func(ctx context.Context, a agentapi.Agent) error {
		return refusedByHost(a.EnsureImage(ctx, s.Spec(i)))
	})
}

// refusedByHost gives the errors of hosts that repeating does not heal words for the operator.
func refusedByHost(err error) error {
	switch {
	case errors.Is(err, spec.ErrNoSpace):
		return &cloud.Error{Kind: cloud.NoCapacity, Resource: "image", Message: "A host has no room for the image.", Cause: err}
	case errors.Is(err, spec.ErrCorrupt), errors.Is(err, spec.ErrInvalid), errors.Is(err, spec.ErrNotSupported):
		return &cloud.Error{Kind: cloud.Invalid, Resource: "image", Message: "A host cannot use the image's data.", Cause: err}
	}
	return err
}

// DropCopies has hosts let go of one image, and no longer take it in if they were about to. Disks made from it stay, and
// the next one brings it back. NotFound if it is neither kept nor queued.
func (s *Service) DropCopies(ctx context.Context, id cloud.ImageID) error {
	if _, err := s.authorized(ctx, "image.drop_copies", id); err != nil {
		return err
	}
	stopped, err := s.stopPrefetches(ctx, id)
	if err != nil {
		return err
	}
	kept, err := s.kept(ctx)
	if err != nil {
		return err
	}
	n := slices.IndexFunc(kept, func(i spec.ImageStatus) bool { return i.ID == spec.ImageID(id) })
	if n < 0 {
		if stopped == 0 {
			return cloud.Errorf(cloud.NotFound, "image", id, "Image %s is neither cached nor queued for caching.", id)
		}
		return nil
	}
	return s.dropKept(ctx, kept[n])
}

// ClearCopies is DropCopies for all images: those that are queued, those that are kept, or both.
func (s *Service) ClearCopies(ctx context.Context, queued, kept bool) error {
	if err := policy.Authorize(ctx, "image.drop_copies", policy.Target{Resource: "image"}); err != nil {
		return err
	}
	if queued {
		if _, err := s.stopPrefetches(ctx); err != nil {
			return err
		}
	}
	if !kept {
		return nil
	}
	all, err := s.kept(ctx)
	if err != nil {
		return err
	}
	return s.dropKept(ctx, all...)
}

// stopPrefetches cancels what is queued and waits until nothing more comes of it. It tells how many there were.
func (s *Service) stopPrefetches(ctx context.Context, of ...cloud.ImageID) (int, error) {
	ops, err := s.prefetches(ctx, of...)
	if err != nil {
		return 0, err
	}
	for _, op := range ops {
		if err := s.Operations.Cancel(ctx, op.ID); err != nil {
			return 0, err
		}
	}
	for _, op := range ops {
		if _, err := s.Operations.Await(ctx, op.ID); err != nil {
			return 0, err
		}
	}
	return len(ops), nil
}
