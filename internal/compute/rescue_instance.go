package compute

import (
	"context"
	"fmt"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
)

type rescueParams struct {
	Image cloud.ImageID `json:"image"`
}

// RescueInstance restarts the instance from a fresh disk of an image (empty: its own), with its disks behind it,
// so that they can be repaired.
func (s *Service) RescueInstance(ctx context.Context, id cloud.InstanceID, image cloud.ImageID, password string) (*cloud.Instance, error) {
	params := &rescueParams{}
	return s.begin(ctx, id, verb{action: "instance.rescue", kind: "instance.rescue", needsUnlocked: true,
		phases: []cloud.Phase{cloud.PhaseReady, cloud.PhaseFailed}, powers: []cloud.Power{cloud.PowerOn, cloud.PowerOff}, params: params,
		change: func(ctx context.Context, in *cloud.Instance) error {
			if image == "" {
				image = in.ImageID
			}
			if image == "" {
				return cloud.Invalidf(resource, "rescue_image_ref", "An instance booted from a volume needs a rescue image.")
			}
			if _, err := s.Image.Usable(ctx, image); err != nil {
				return badReference(err, "rescue_image_ref", fmt.Sprintf("Image %s could not be found.", image))
			}
			params.Image = image
			in.RescueDisk = cloud.VolumeID(cloud.NewID())
			in.Power = cloud.PowerOn
			in.BootSerial++
			in.AdminPassword = password
			return nil
		}})
}

func (s *Service) rescueKind() operation.Kind {
	return operation.Kind{
		Name: "instance.rescue",
		Steps: []operation.Step{
			{Name: "rescue disk", Do: s.makeRescueDisk, Undo: s.endRescue}, // and starts the guest without it
			{Name: "remove guest", Do: s.removeGuest},
			{Name: "network", Do: s.plugPorts}, // no undo: ports stay plugged
			{Name: "guest", Do: s.startGuest, Undo: s.removeGuest},
		},
		Settle: s.settle(func(_ context.Context, in *cloud.Instance, _ *cloud.Operation) error {
			in.Phase = cloud.PhaseRescued
			return nil
		}, fails),
	}
}

func (s *Service) makeRescueDisk(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[rescueParams](op)
	if err != nil {
		return err
	}
	in, err := s.Instances.Get(ctx, instanceID(op))
	if err != nil {
		return err
	}
	i, err := s.Image.Usable(ctx, p.Image)
	if err != nil {
		return err
	}
	agent, err := s.Hosts.Agent(ctx, in.HostID)
	if err != nil {
		return err
	}
	size := max(i.VirtualBytes, int64(i.MinDiskGiB)*gib)
	if _, err := agent.EnsureVolume(ctx, rescueVolume(in.RescueDisk, s.Image.Spec(i), size)); err != nil {
		return hostError(err, "volume", string(in.RescueDisk))
	}
	return nil
}

// endRescue takes back a rescue that failed.
func (s *Service) endRescue(ctx context.Context, op *cloud.Operation) error {
	if err := s.removeRescueDisk(ctx, op); err != nil {
		return err
	}
	return s.startAgain(ctx, op)
}

// removeRescueDisk takes the rescue disk off the host, then out of the row. No guest must have it.
func (s *Service) removeRescueDisk(ctx context.Context, op *cloud.Operation) error {
	in, err := s.Instances.Get(ctx, instanceID(op))
	if gone(err) || err == nil && in.RescueDisk == "" {
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.removeLocal(ctx, in, []cloud.VolumeID{in.RescueDisk}); err != nil {
		return err
	}
	_, err = s.update(ctx, in.ID, func(in *cloud.Instance) error { in.RescueDisk = ""; return nil })
	return unlessGone(err)
}

// UnrescueInstance restarts a rescued instance from its own disks.
func (s *Service) UnrescueInstance(ctx context.Context, id cloud.InstanceID) error {
	_, err := s.begin(ctx, id, verb{action: "instance.rescue", kind: "instance.unrescue", needsUnlocked: true,
		phases: []cloud.Phase{cloud.PhaseRescued},
		change: func(_ context.Context, in *cloud.Instance) error {
			in.Power = cloud.PowerOn
			in.BootSerial++
			return nil
		}})
	return err
}

// unrescueKind has no undos: what it takes away is only the rescue disk, and a guest that does not start can be rescued again.
func (s *Service) unrescueKind() operation.Kind {
	return operation.Kind{
		Name: "instance.unrescue",
		Steps: []operation.Step{
			{Name: "remove guest", Do: s.removeGuest},
			{Name: "rescue disk", Do: s.removeRescueDisk},
			{Name: "network", Do: s.plugPorts},
			{Name: "guest", Do: s.startGuest},
		},
		Settle: s.settle(func(_ context.Context, in *cloud.Instance, _ *cloud.Operation) error {
			in.Phase = cloud.PhaseReady
			return nil
		}, fails),
	}
}
