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
