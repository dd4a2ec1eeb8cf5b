package compute

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// swapDeadline is how long copying a volume may take.
const swapDeadline = 24 * time.Hour

// swapSide is a volume of a swap.
type swapSide struct {
	attachParams
	SizeBytes int64 `json:"size_bytes"`
}

type swapParams struct {
	Old swapSide `json:"old"`
	New swapSide `json:"new"`
}

// back is the swap that takes one back.
func (p swapParams) back() swapParams { return swapParams{Old: p.New, New: p.Old} }

// SwapVolume puts another volume in the place of one that an instance has, with what is on it, while the guest runs.
func (s *Service) SwapVolume(ctx context.Context, id cloud.InstanceID, old, next cloud.VolumeID) error {
	params := &swapParams{}
	params.Old.Volume, params.New.Volume = old, next
	_, err := s.begin(ctx, id, verb{action: "instance.swap_volume", kind: "instance.swap_volume", needsUnlocked: true,
		phases: pluggable, powers: []cloud.Power{cloud.PowerOn, cloud.PowerPaused}, params: params,
		change: func(ctx context.Context, in *cloud.Instance) error { return s.planSwap(ctx, in, params) }})
	return err
}

func (s *Service) planSwap(ctx context.Context, in *cloud.Instance, p *swapParams) error {
	i := indexDisk(in, p.Old.Volume)
	if i < 0 {
		return notAttached(in, p.Old.Volume)
	}
	if err := s.checkSwap(ctx, in, p); err != nil {
		return err
	}
	made, err := s.Volume.ReserveVolume(ctx, p.New.Volume, in, "/dev/"+in.Disks[i].Device, false)
	if err != nil {
		return err
	}
	left, err := s.Volume.BeginDetach(ctx, p.Old.Volume, in.ID)
	if err != nil {
		return err
	}
	p.Old.Attachment, p.New.Attachment = left.ID, made.ID
	return nil
}

// checkSwap notes the sizes. It refuses a volume that is too small, and one whose bytes others change while they are copied.
func (s *Service) checkSwap(ctx context.Context, in *cloud.Instance, p *swapParams) error {
	old, err := s.Volume.Volume(ctx, p.Old.Volume)
	if err != nil {
		return err
	}
	next, err := s.Volume.Volume(ctx, p.New.Volume)
	if err != nil {
		return badReference(err, "volumeId", "Volume "+string(p.New.Volume)+" could not be found.")
	}
	if next.SizeGiB < old.SizeGiB {
		return cloud.Invalidf("volume", "volumeId", "Invalid volume: New volume must be the same size or larger: %s has %d GiB, %s has %d.", next.ID, next.SizeGiB, old.ID, old.SizeGiB)
	}
	p.Old.SizeBytes, p.New.SizeBytes = int64(old.SizeGiB)*gib, int64(next.SizeGiB)*gib
	attachments, err := s.Volume.AttachmentsOf(ctx, []cloud.VolumeID{old.ID})
	if err != nil {
		return err
	}
	writers := slices.DeleteFunc(attachments[old.ID], func(a *cloud.Attachment) bool { return a.ReadOnly })
	if len(writers) > 1 {
		return cloud.Invalidf("volume", "volumeId", "Volume %s is attached to %d instances, which all write to it: it cannot be swapped.", old.ID, len(writers))
	}
	return nil
}

func (s *Service) swapVolumeKind() operation.Kind {
	return operation.Kind{
		Name: "instance.swap_volume", Deadline: swapDeadline,
		Steps: []operation.Step{
			{Name: "guest", Do: s.swapDisk, Undo: s.swapBack},
			{Name: "volumes", Do: s.finishSwap, Forward: true}, // the guest writes to the new one
		},
		Settle: s.settle(nil, nil),
	}
}

func (s *Service) swapDisk(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[swapParams](op)
	if err != nil {
		return err
	}
	return s.exchange(ctx, instanceID(op), p)
}

// exchange has the host swap the disks, then the row. A host that has done so already says so.
func (s *Service) exchange(ctx context.Context, id cloud.InstanceID, p swapParams) error {
	in, err := s.Instances.Get(ctx, id)
	if err != nil {
		return err
	}
	next, err := s.diskInPlace(ctx, in, p)
	if err != nil {
		return err
	}
	agent, err := s.Hosts.Agent(ctx, in.HostID)
	if err != nil {
		return err
	}
	if err := agent.SwapDisk(ctx, spec.GuestID(id), spec.VolumeID(p.Old.Volume), next); err != nil {
		return swapError(err, id)
	}
	return s.recordSwap(ctx, id, p)
}

func (s *Service) recordSwap(ctx context.Context, id cloud.InstanceID, p swapParams) error {
	_, err := s.update(ctx, id, func(in *cloud.Instance) error {
		takePlace(in, p)
		return nil
	})
	return err
}

// swapError ends the Operation if there is no guest whose disk could be swapped: it ended by itself.
func swapError(err error, id cloud.InstanceID) error {
	if errors.Is(err, spec.ErrMissing) {
		return &cloud.Error{Kind: cloud.WrongState, Resource: resource, ID: string(id), Message: "The guest does not run any more: its volume was not swapped.", Cause: err}
	}
	return hostError(err, resource, string(id))
}

// diskInPlace is the new disk as the guest will see it.
func (s *Service) diskInPlace(ctx context.Context, in *cloud.Instance, p swapParams) (spec.Disk, error) {
	after := *in
	takePlace(&after, p)
	limits, err := s.Volume.DiskLimits(ctx, []cloud.VolumeID{p.New.Volume})
	if err != nil {
		return spec.Disk{}, err
	}
	keys, err := s.Volume.DiskKeys(ctx, []cloud.VolumeID{p.New.Volume})
	if err != nil {
		return spec.Disk{}, err
	}
	for _, d := range guestDisks(&after) {
		if d.Volume == spec.VolumeID(p.New.Volume) {
			d.Limits, d.Key = limits[p.New.Volume], keys[p.New.Volume]
			return d, nil
		}
	}
	return spec.Disk{}, notAttached(in, p.Old.Volume)
}

// takePlace puts the new volume where the old one is in the row. It may be repeated.
func takePlace(in *cloud.Instance, p swapParams) {
	if i := indexDisk(in, p.Old.Volume); i >= 0 {
		in.Disks = slices.Clone(in.Disks)
		d := &in.Disks[i]
		d.VolumeID, d.AttachmentID, d.SizeBytes = p.New.Volume, p.New.Attachment, p.New.SizeBytes
	}
}

// swapBack gives the guest its old volume back with what it wrote since, if it has the new one, and frees that. A guest
// that ended meanwhile starts from the old one.
func (s *Service) swapBack(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[swapParams](op)
	if err != nil {
		return err
	}
	id := instanceID(op)
	if deleted, err := s.beingDeleted(ctx, id); err != nil || deleted {
		return err
	}
	err = s.exchange(ctx, id, p.back())
	if gone(err) || cloud.Is(err, cloud.WrongState) {
		err = s.recordSwap(ctx, id, p.back())
	}
	if err != nil && !gone(err) {
		return err
	}
	if err := s.Volume.FinishDetach(ctx, p.New.Attachment); err != nil && !gone(err) {
		return err
	}
	return unlessGone(s.Volume.AbortDetach(ctx, p.Old.Attachment))
}

// finishSwap frees the old volume and tells the guest, in its metadata, of the new one.
func (s *Service) finishSwap(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[swapParams](op)
	if err != nil {
		return err
	}
	if err := s.replug(ctx, op); err != nil {
		return err
	}
	if err := s.Volume.FinishAttach(ctx, p.New.Attachment); err != nil && !gone(err) {
		return err
	}
	return unlessGone(s.Volume.FinishDetach(ctx, p.Old.Attachment))
}
