package compute

import (
	"context"
	"fmt"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
)

// Phases in which a guest runs from its own disks: disks and NICs may come and go, and it may be rebooted.
var pluggable = []cloud.Phase{cloud.PhaseReady, cloud.PhaseResized}

// volumePhases are those in which volumes may: an instance that is off its host has them when it comes back.
var volumePhases = append(slices.Clone(pluggable), cloud.PhaseShelved, cloud.PhaseOffloaded)

// plugPowers are the powers in which they may.
var plugPowers = []cloud.Power{cloud.PowerOn, cloud.PowerOff, cloud.PowerPaused}

// AttachRequest asks for a volume to become a disk of an instance.
type AttachRequest struct {
	Volume             cloud.VolumeID
	Device             string // "/dev/vdb"; empty: the first that is free
	Alias              string // what the owner calls the device, where that is not what the guest sees
	Tag                string
	ReadOnly           bool
	DeleteWithInstance bool
}

type attachParams struct {
	Volume     cloud.VolumeID     `json:"volume"`
	Attachment cloud.AttachmentID `json:"attachment"`
}

// AttachVolume plugs a volume into an instance. The attachment's row exists when it returns.
func (s *Service) AttachVolume(ctx context.Context, id cloud.InstanceID, r AttachRequest) (*cloud.Attachment, error) {
	var made *cloud.Attachment
	params := &attachParams{Volume: r.Volume}
	_, err := s.begin(ctx, id, verb{action: "instance.attach", kind: "instance.attach_volume", needsUnlocked: true, plug: true,
		phases: volumePhases, powers: plugPowers, params: params,
		change: func(ctx context.Context, in *cloud.Instance) (err error) {
			made, err = s.planAttach(ctx, in, r, params)
			return err
		}})
	return made, err
}

func (s *Service) planAttach(ctx context.Context, in *cloud.Instance, r AttachRequest, params *attachParams) (*cloud.Attachment, error) {
	if hasDisk(in, r.Volume) {
		return nil, cloud.Errorf(cloud.Invalid, "volume", r.Volume, "Invalid volume: volume %s is already attached to instance %s", r.Volume, in.ID)
	}
	v, err := s.Volume.Volume(ctx, r.Volume)
	if err != nil {
		return nil, err
	}
	used := map[string]bool{}
	for _, d := range in.Disks {
		used[d.Device] = true
	}
	device := deviceName(r.Device)
	if used[device] {
		return nil, cloud.Errorf(cloud.AlreadyExists, resource, in.ID, "The supplied device path (/dev/%s) is in use.", device)
	}
	if aliased(in, r.Alias) {
		return nil, cloud.Invalidf("volume", "device", "Attachment point %s of instance %s is already in use.", r.Alias, in.ID)
	}
	if device == "" {
		device = freeDevice(used)
	}
	a, err := s.Volume.ReserveVolume(ctx, r.Volume, in, "/dev/"+device, r.ReadOnly)
	if err != nil {
		return nil, err
	}
	params.Attachment = a.ID
	in.Disks = append(slices.Clone(in.Disks), cloud.InstanceDisk{VolumeID: v.ID, Role: "data", SizeBytes: int64(v.SizeGiB) * gib,
		Device: device, Alias: r.Alias, Tag: r.Tag, DeleteWithInstance: r.DeleteWithInstance, AttachmentID: a.ID,
		Shared: v.MultiAttach, ReadOnly: v.ReadOnly || r.ReadOnly})
	return a, nil
}

// aliased tells whether an owner calls a disk of an instance so already.
func aliased(in *cloud.Instance, alias string) bool {
	return alias != "" && slices.ContainsFunc(in.Disks, func(d cloud.InstanceDisk) bool { return d.Alias == alias })
}

func (s *Service) attachVolumeKind() operation.Kind {
	return operation.Kind{
		Name: "instance.attach_volume",
		Steps: []operation.Step{
			{Name: "guest", Do: s.replug, Undo: s.dropDisk},
			{Name: "volume", Do: s.finishAttach}, // undone by dropDisk
		},
		Settle: s.settle(nil, nil),
	}
}

// replug has the guest see the disks of its row, if there is a guest.
func (s *Service) replug(ctx context.Context, op *cloud.Operation) error {
	in, err := s.Instances.Get(ctx, instanceID(op))
	if err != nil || in.HostID == "" {
		return err
	}
	return s.startGuest(ctx, op)
}

func (s *Service) finishAttach(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[attachParams](op)
	if err != nil {
		return err
	}
	return s.Volume.FinishAttach(ctx, p.Attachment)
}

// dropDisk takes a disk out of the row, has the guest let go of it, and frees the volume. It leaves all that to a
// deletion that waits behind it: a guest that does not let go, as while it boots, must not hold that up.
func (s *Service) dropDisk(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[attachParams](op)
	if err != nil {
		return err
	}
	if deleted, err := s.beingDeleted(ctx, instanceID(op)); err != nil || deleted {
		return err
	}
	if err := s.forgetDisk(ctx, instanceID(op), p.Volume); err != nil {
		return err
	}
	if err := s.replug(ctx, op); err != nil && !gone(err) && !cloud.Is(err, cloud.Unavailable) {
		return err
	}
	return unlessGone(s.Volume.FinishDetach(ctx, p.Attachment))
}

func (s *Service) forgetDisk(ctx context.Context, id cloud.InstanceID, v cloud.VolumeID) error {
	_, err := s.update(ctx, id, func(in *cloud.Instance) error {
		in.Disks = slices.DeleteFunc(slices.Clone(in.Disks), func(d cloud.InstanceDisk) bool { return d.VolumeID == v })
		return nil
	})
	return unlessGone(err)
}

// DetachVolume unplugs a volume. The root disk cannot be unplugged.
func (s *Service) DetachVolume(ctx context.Context, id cloud.InstanceID, v cloud.VolumeID) error {
	params := &attachParams{Volume: v}
	_, err := s.begin(ctx, id, verb{action: "instance.attach", kind: "instance.detach_volume", needsUnlocked: true, plug: true,
		phases: volumePhases, powers: append(plugPowers, cloud.PowerSuspended), params: params,
		change: func(ctx context.Context, in *cloud.Instance) error {
			i := indexDisk(in, v)
			if i < 0 {
				return cloud.Errorf(cloud.NotFound, "volume", v, "volume %s is not attached to instance %s", v, id)
			}
			if i == 0 {
				return cloud.Errorf(cloud.Forbidden, "volume", v, "Cannot detach a root device volume")
			}
			if in.Disks[i].Leaving && in.OperationID != "" {
				return cloud.Errorf(cloud.Invalid, "volume", v, "Invalid volume: volume %s is being detached from instance %s already.", v, id)
			}
			a, err := s.Volume.BeginDetach(ctx, v, id)
			if err != nil {
				return err
			}
			params.Attachment = a.ID
			in.Disks = slices.Clone(in.Disks)
			in.Disks[i].Leaving = true
			return nil
		}})
	return err
}

// unplugPatience is what the owner reads when a guest keeps a device.
const unplugPatience = "The guest did not let go of the device. Unmount it inside, or stop the instance, and try again."

func (s *Service) detachVolumeKind() operation.Kind {
	return operation.Kind{
		Name: "instance.detach_volume", Deadline: detachDeadline,
		Steps: []operation.Step{
			{Name: "guest", Do: s.replug, Undo: s.keepDisk},
			{Name: "volume", Do: s.finishDetach, Forward: true}, // the guest has let go of it
		},
		Settle: s.settle(nil, nil),
	}
}

func (s *Service) finishDetach(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[attachParams](op)
	if err != nil {
		return err
	}
	if err := s.Volume.FinishDetach(ctx, p.Attachment); err != nil && !gone(err) {
		return err
	}
	return s.forgetDisk(ctx, instanceID(op), p.Volume)
}

// keepDisk leaves a disk in place that the guest did not let go of.
func (s *Service) keepDisk(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[attachParams](op)
	if err != nil {
		return err
	}
	_, err = s.update(ctx, instanceID(op), func(in *cloud.Instance) error {
		if i := indexDisk(in, p.Volume); i >= 0 {
			in.Disks = slices.Clone(in.Disks)
			in.Disks[i].Leaving = false
		}
		return nil
	})
	if gone(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", unplugPatience, err)
	}
	if err := s.Volume.AbortDetach(ctx, p.Attachment); err != nil && !gone(err) {
		return err
	}
	return s.startAgain(ctx, op)
}

// KeepVolume says whether a volume of an instance stays when the instance is deleted.
func (s *Service) KeepVolume(ctx context.Context, id cloud.InstanceID, v cloud.VolumeID, keep bool) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		in, err := s.permitted(ctx, id, "instance.attach")
		if err != nil {
			return err
		}
		i := indexDisk(in, v)
		if i < 0 {
			return notAttached(in, v)
		}
		in.Disks = slices.Clone(in.Disks)
		in.Disks[i].DeleteWithInstance = !keep
		return s.Instances.Update(ctx, in)
	})
}

// indexDisk is where a volume is among an instance's disks; below 0 if it is not.
func indexDisk(in *cloud.Instance, v cloud.VolumeID) int {
	return slices.IndexFunc(in.Disks, func(d cloud.InstanceDisk) bool { return !d.Local && d.VolumeID == v })
}

func notAttached(in *cloud.Instance, v cloud.VolumeID) error {
	return cloud.Errorf(cloud.NotFound, "volume", v, "Instance %s is not attached to volume %s", in.ID, v)
}
