package compute

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// MayMigrate answers an error if the caller may not move an instance to another host, or it is in no state to be moved.
// live tells whether its guest would have to go on running.
func (s *Service) MayMigrate(ctx context.Context, id cloud.InstanceID, live bool) error {
	in, err := s.permitted(ctx, id, "instance.migrate")
	if err != nil {
		return err
	}
	v := verb{action: "instance.migrate", kind: "instance.migrate", phases: []cloud.Phase{cloud.PhaseReady}, powers: []cloud.Power{cloud.PowerOn, cloud.PowerOff}}
	if live {
		v.powers = []cloud.Power{cloud.PowerOn, cloud.PowerPaused}
	}
	return s.allowed(ctx, in, v)
}

// MayEvacuate answers an error if the caller may not rebuild an instance away from its host: one that is up has to give it
// away, not be robbed of it, since two guests would write to one volume.
func (s *Service) MayEvacuate(ctx context.Context, id cloud.InstanceID) error {
	in, err := s.permitted(ctx, id, "instance.migrate")
	if err != nil {
		return err
	}
	v := verb{action: "instance.migrate", kind: "instance.evacuate", phases: []cloud.Phase{cloud.PhaseReady, cloud.PhaseFailed, cloud.PhaseResized}}
	if err := s.allowed(ctx, in, v); err != nil {
		return err
	}
	h, err := s.HostRows.Get(ctx, in.HostID)
	if err != nil {
		return err
	}
	if h.Up && !h.ForcedDown {
		return cloud.Invalidf("host", "host", "The compute service of the instance's host is still in use: only a host that is down can be evacuated.")
	}
	return nil
}
