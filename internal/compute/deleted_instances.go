package compute

import (
	"context"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// Which are the instances that a list looks at.
type Which int

// The choices of Which. Deleted alone are for those who may see them all: owners see theirs among what changed.
const (
	Living Which = iota
	Deleted
	LivingAndDeleted
)

// rows is the table, or the tables together, that a list reads.
func (s *Service) rows(which Which) cloud.Lister[cloud.Instance] {
	switch which {
	case Deleted:
		return s.Deleted
	case LivingAndDeleted:
		return s.AllInstances
	}
	return s.Instances
}

func mayList(ctx context.Context, which Which) error {
	if which != Deleted {
		return nil
	}
	if err := policy.Authorize(ctx, "instance.list_deleted", policy.Target{Resource: resource}); err != nil {
		return &cloud.Error{Kind: cloud.Forbidden, Resource: resource, Message: "Only administrators may list deleted instances"}
	}
	return nil
}

// bury keeps the last state of an instance in the transaction that deletes it. What was secret, or has been given to others, is not kept.
func (s *Service) bury(ctx context.Context, in *cloud.Instance) error {
	now := s.Now().Truncate(time.Microsecond)
	last := *in
	last.Phase, last.OperationID, last.Task, last.Progress = cloud.PhaseDeleted, "", "", 0
	last.Observed, last.HeldPower = cloud.Observed{At: now}, cloud.PowerUnknown
	last.TerminatedAt, last.UpdatedAt = &now, now
	last.PostedPassword, last.Promises, last.OldDisks, last.RescueDisk, last.ShelvedImage, last.OldHostID = "", nil, nil, "", "", ""
	if len(in.Disks) > 0 && !in.Disks[0].Local {
		last.ImageID = "" // it ran from a volume, not from an image
	}
	last.Disks = nil
	return s.Deleted.Insert(ctx, &last)
}

// TrimDeleted forgets instances that were deleted before a moment, and says how many.
func (s *Service) TrimDeleted(ctx context.Context, before time.Time) (int, error) {
	return cloud.Trim(ctx, s.Tx, s.Deleted, cloud.Query{Order: []cloud.Order{{Column: "terminated_at"}},
		Where: []cloud.Cond{{Column: "terminated_at", Op: cloud.OpLt, Value: before}}}, func(in *cloud.Instance) cloud.InstanceID { return in.ID })
}
