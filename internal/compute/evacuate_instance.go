package compute

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
)

// EvacuateRequest says how an instance leaves a dead host.
type EvacuateRequest struct {
	Host    string // the name of the host it has to go to; empty: any
	Stopped bool   // it stays off there until its owner starts it
}

// EvacuateInstance brings an instance up again on another host after its own died. Its disks are those it had: only hosts that reach them will
// do.
//
// A host that is up has to give an instance away, not be robbed of it: two guests would write to one disk.
func (s *Service) EvacuateInstance(ctx context.Context, id cloud.InstanceID, r EvacuateRequest) error {
	params := &moveParams{}
	_, err := s.begin(ctx, id, verb{action: "instance.migrate", kind: "instance.evacuate", params: params,
		phases: []cloud.Phase{cloud.PhaseReady, cloud.PhaseFailed},
		change: func(ctx context.Context, in *cloud.Instance) (err error) {
			h, err := s.HostRows.Get(ctx, in.HostID)
			if err != nil {
				return err
			}
			if h.Alive() {
				return cloud.Invalidf("host", "host", "The compute service of the instance's host is still in use: only a host that is down can be evacuated.")
			}
			if params.Host, err = s.destination(ctx, in, r.Host); err != nil {
				return err
			}
			if r.Stopped {
				in.Power = cloud.PowerOff
			}
			if in.Power == cloud.PowerOn {
				in.BootSerial++
			}
			return nil
		},
		finish: func(ctx context.Context, in *cloud.Instance) error {
			return s.openMigration(ctx, in, cloud.MigrationEvacuation)
		}})
	return err
}

func (s *Service) evacuateKind() operation.Kind {
	return operation.Kind{
		Name: "instance.evacuate",
		Steps: []operation.Step{
			{Name: "place", Do: s.placeElsewhere, Undo: func(ctx context.Context, op *cloud.Operation) error { return s.returnRow(ctx, instanceID(op)) }},
			{Name: "network", Do: s.arrive, Undo: s.unplugPorts},
			{Name: "guest", Do: s.startGuest, Undo: s.removeGuest},
		},
		Settle: s.settle(func(ctx context.Context, in *cloud.Instance, _ *cloud.Operation) error {
			s.freed(ctx, in.OldHostID)
			in.Phase, in.Fault, in.OldHostID = cloud.PhaseReady, nil, ""
			return s.setMigration(ctx, in.ID, cloud.MigrationCompleted)
		}, func(ctx context.Context, in *cloud.Instance, op *cloud.Operation) error {
			in.Phase = cloud.PhaseFailed // it runs nowhere
			return s.migrationFailed(ctx, in, op)
		}),
	}
}
