package compute

import (
	"context"
	"fmt"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/placement"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// ShelveInstance stops an instance, keeps an image of it, and gives its host's room back.
func (s *Service) ShelveInstance(ctx context.Context, id cloud.InstanceID) error {
	params := &imageParams{}
	op := cloud.OperationID(cloud.NewID())
	_, err := s.begin(ctx, id, verb{action: "instance.shelve", kind: "instance.shelve", operation: op, needsUnlocked: true, stops: true,
		phases: []cloud.Phase{cloud.PhaseReady}, params: params,
		change: func(ctx context.Context, in *cloud.Instance) error {
			if !in.Disks[0].Local {
				return nil
			}
			i, err := s.newImage(ctx, in, op, CaptureRequest{Name: fmt.Sprintf("%s-shelved", in.Name)})
			if err != nil {
				return err
			}
			params.Image, in.ShelvedImage = i.ID, i.ID
			return nil
		}})
	return err
}

func (s *Service) shelveKind() operation.Kind {
	return operation.Kind{
		Name: "instance.shelve",
		Steps: []operation.Step{
			{Name: "stop guest", Do: s.stopForShelve, Undo: s.startUnshelved},
			{Name: "snapshot", Do: s.snapshotRoot, Undo: s.removeRootSnapshot},
			{Name: "image", Do: s.uploadSnapshot}, // undone by "stop guest": the image's row is there from the start
			// From here on the instance is in its image: there is no way back but to unshelve.
			{Name: "clean up", Do: s.markShelved, Forward: true},
			{Name: "leave host", Do: s.leaveHost},
		},
		Settle: s.settle(func(ctx context.Context, in *cloud.Instance, _ *cloud.Operation) error {
			in.Phase, in.Power = cloud.PhaseOffloaded, cloud.PowerOff
			return s.bill(ctx, in, cloud.UsageInstanceStopped)
		}, nil),
	}
}

// stopForShelve asks the guest to shut down; the row goes on wanting it to run, for unshelving.
func (s *Service) stopForShelve(ctx context.Context, op *cloud.Operation) error {
	return s.stopForCopy(ctx, op)
}

// markShelved has the row say that the image is what counts now.
func (s *Service) markShelved(ctx context.Context, op *cloud.Operation) error {
	if _, err := s.update(ctx, instanceID(op), func(in *cloud.Instance) error {
		in.Phase, in.Power = cloud.PhaseShelved, cloud.PowerOff
		return nil
	}); err != nil {
		return err
	}
	return s.removeRootSnapshot(ctx, op)
}

// startUnshelved brings the guest of a shelve that failed back, and discards the image.
func (s *Service) startUnshelved(ctx context.Context, op *cloud.Operation) error {
	if err := s.forgetShelvedImage(ctx, op); err != nil {
		return err
	}
	if _, err := s.update(ctx, instanceID(op), func(in *cloud.Instance) error {
		if in.Power == cloud.PowerOn {
			in.BootSerial++
		}
		return nil
	}); gone(err) {
		return nil
	} else if err != nil {
		return err
	}
	return s.startAgain(ctx, op)
}

func (s *Service) forgetShelvedImage(ctx context.Context, op *cloud.Operation) error {
	if err := s.discardImage(ctx, op); err != nil {
		return err
	}
	_, err := s.update(ctx, instanceID(op), func(in *cloud.Instance) error { in.ShelvedImage = ""; return nil })
	return unlessGone(err)
}

// leaveHost removes everything from the host and then forgets the host.
func (s *Service) leaveHost(ctx context.Context, op *cloud.Operation) error {
	if err := s.removeGuest(ctx, op); err != nil {
		return err
	}
	if err := s.unplugForDelete(ctx, op); err != nil {
		return err
	}
	in, err := s.Instances.Get(ctx, instanceID(op))
	if err != nil {
		return err
	}
	if err := s.removeLocal(ctx, in, localIDs(in)); err != nil {
		return err
	}
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		in, err := s.Instances.Get(ctx, in.ID)
		if err != nil {
			return err
		}
		s.freed(ctx, in.HostID)
		in.HostID = ""
		in.Observed.Power = cloud.PowerOff
		if err := s.Instances.Update(ctx, in); err != nil {
			return err
		}
		return s.Network.BindInstancePorts(ctx, in.ID, "")
	})
}

// OffloadInstance takes a shelved instance off its host. Ours leave at once, so there is nothing to do; asking is no error.
func (s *Service) OffloadInstance(ctx context.Context, id cloud.InstanceID) error {
	_, err := s.begin(ctx, id, verb{action: "instance.offload", kind: "instance.offload",
		phases: []cloud.Phase{cloud.PhaseShelved, cloud.PhaseOffloaded}})
	return err
}

func (s *Service) offloadKind() operation.Kind {
	return operation.Kind{
		Name:  "instance.offload",
		Steps: []operation.Step{{Name: "leave host", Do: s.leaveHost}}, // no undo: the image has everything
		Settle: s.settle(func(_ context.Context, in *cloud.Instance, _ *cloud.Operation) error {
			in.Phase = cloud.PhaseOffloaded
			return nil
		}, nil),
	}
}

// UnshelveRequest says where a shelved instance comes back.
type UnshelveRequest struct {
	// Zone, if given, is where it has to be from now on; an empty one is anywhere.
	Zone *string
	// Host is the name of the host it comes back on; empty: any with room.
	Host string
}

// UnshelveInstance brings a shelved instance back. One that has left its host may come back elsewhere than it was.
func (s *Service) UnshelveInstance(ctx context.Context, id cloud.InstanceID, r UnshelveRequest) error {
	params, phases := &imageParams{}, []cloud.Phase{cloud.PhaseShelved, cloud.PhaseOffloaded}
	if r != (UnshelveRequest{}) {
		phases = []cloud.Phase{cloud.PhaseOffloaded}
	}
	if r.Host != "" {
		if err := policy.Authorize(ctx, "instance.create_on", policy.Target{Resource: resource}); err != nil {
			return err
		}
	}
	_, err := s.begin(ctx, id, verb{action: "instance.shelve", kind: "instance.unshelve", needsUnlocked: true,
		phases: phases, params: params,
		change: func(ctx context.Context, in *cloud.Instance) error {
			if r.Zone != nil {
				in.Zone = *r.Zone
			}
			narrow, err := s.comesBackOn(ctx, in, r.Host)
			if err != nil {
				return err
			}
			params.Image = in.ShelvedImage
			if err := s.freshRoot(ctx, in); err != nil {
				return err
			}
			host, err := s.placeWithin(ctx, in, counted{}, narrow)
			if err != nil {
				return err
			}
			in.HostID, in.Power = host, cloud.PowerOn
			in.BootSerial++
			return s.Network.BindInstancePorts(ctx, in.ID, host)
		}})
	return err
}

// comesBackOn narrows the choice of a host to the one that somebody named.
func (s *Service) comesBackOn(ctx context.Context, in *cloud.Instance, name string) (func(*placement.Request), error) {
	if name == "" {
		return func(*placement.Request) {}, nil
	}
	h, err := s.namedHost(ctx, name)
	if err != nil {
		return nil, err
	}
	if in.Zone != "" && s.ZoneNames.Own(in.Zone) != h.Zone {
		return nil, cloud.Errorf(cloud.WrongState, resource, in.ID, "Host '%s' is not in the availability zone '%s' that instance %s has to be in.", name, in.Zone, in.ID)
	}
	return func(req *placement.Request) {
		req.Only = intersect(req.Only, map[cloud.HostID]bool{h.ID: true})
	}, nil
}

// freshRoot makes the instance's local disks new ones, the root from the shelved image.
func (s *Service) freshRoot(ctx context.Context, in *cloud.Instance) error {
	disks := append([]cloud.InstanceDisk(nil), in.Disks...)
	for i := range disks {
		if disks[i].Local {
			disks[i].VolumeID = cloud.VolumeID(cloud.NewID())
		}
	}
	if disks[0].Local {
		disks[0].ImageID = in.ShelvedImage
	}
	in.Disks = disks
	return nil
}

func (s *Service) unshelveKind() operation.Kind {
	return operation.Kind{
		Name: "instance.unshelve",
		Steps: []operation.Step{
			{Name: "disks", Do: s.makeLocalDisks, Undo: s.leaveHost},
			{Name: "network", Do: s.plugPorts},                     // undone by leaveHost
			{Name: "guest", Do: s.startGuest, Undo: s.removeGuest}, // leaveHost removes the rest
		},
		Settle: s.settle(func(ctx context.Context, in *cloud.Instance, _ *cloud.Operation) error {
			if in.ShelvedImage != "" {
				if err := s.Image.Discard(ctx, in.ShelvedImage); err != nil {
					return err
				}
			}
			in.Phase, in.ShelvedImage = cloud.PhaseReady, ""
			if in.Disks[0].Local {
				disks := append([]cloud.InstanceDisk(nil), in.Disks...)
				disks[0].ImageID = in.ImageID
				in.Disks = disks
			}
			return s.bill(ctx, in, cloud.UsageInstanceStarted)
		}, func(_ context.Context, in *cloud.Instance, _ *cloud.Operation) error {
			in.Phase, in.Power = cloud.PhaseOffloaded, cloud.PowerOff
			return nil
		}),
	}
}
