package compute

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/placement"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// moveParams say where an instance has to go; empty: to any host with room but its own.
type moveParams struct {
	Host cloud.HostID `json:"host,omitempty"`
}

// MigrateInstance moves an instance to another host, stopped on the way. It then waits to be confirmed or reverted, as after a resize.
// host is the name of the host it has to go to; empty: any. That no host will do is found out by the Operation.
func (s *Service) MigrateInstance(ctx context.Context, id cloud.InstanceID, host string) error {
	params := &moveParams{}
	_, err := s.begin(ctx, id, verb{action: "instance.migrate", kind: "instance.migrate", needsUnlocked: true,
		phases: []cloud.Phase{cloud.PhaseReady}, powers: []cloud.Power{cloud.PowerOn, cloud.PowerOff}, params: params,
		change: func(ctx context.Context, in *cloud.Instance) (err error) {
			if params.Host, err = s.destination(ctx, in, host); err != nil {
				return err
			}
			old := in.Flavor
			in.OldFlavor = &old
			in.OldDisks = append([]cloud.InstanceDisk(nil), in.Disks...)
			if in.Power == cloud.PowerOn {
				in.BootSerial++
			}
			return nil
		},
		finish: func(ctx context.Context, in *cloud.Instance) error {
			return s.openMigration(ctx, in, cloud.MigrationCold)
		}})
	return err
}

// destination finds the host that somebody named for an instance.
func (s *Service) destination(ctx context.Context, in *cloud.Instance, name string) (cloud.HostID, error) {
	if name == "" {
		return "", nil
	}
	h, err := s.namedHost(ctx, name)
	if err != nil {
		return "", err
	}
	if h.ID == in.HostID {
		return "", cloud.Invalidf("host", "host", "Unable to migrate instance (%s) to current host (%s).", in.ID, name)
	}
	return h.ID, nil
}

// namedHost finds the host that a request names; one that is not there is a mistake in the request.
func (s *Service) namedHost(ctx context.Context, name string) (*cloud.Host, error) {
	h, err := s.HostRows.One(ctx, cloud.Eq("name", name))
	if gone(err) {
		return nil, cloud.Invalidf("host", "host", "Compute host %s could not be found.", name)
	}
	return h, err
}

func (s *Service) migrateKind() operation.Kind {
	return operation.Kind{
		Name: "instance.migrate",
		Steps: []operation.Step{
			{Name: "place", Do: s.placeElsewhere, Undo: s.backHome},
			{Name: "leave host", Do: s.leaveOldHost}, // no undo: backHome starts the guest again
			{Name: "network", Do: s.arrive, Undo: s.unplugPorts},
			{Name: "guest", Do: s.startGuest, Undo: s.removeGuest},
		},
		Settle: s.settle(func(ctx context.Context, in *cloud.Instance, _ *cloud.Operation) error {
			in.Phase = cloud.PhaseResized
			return s.setMigration(ctx, in.ID, cloud.MigrationWaiting)
		}, s.migrationFailed),
	}
}

func (s *Service) migrationFailed(ctx context.Context, in *cloud.Instance, _ *cloud.Operation) error {
	return s.setMigration(ctx, in.ID, cloud.MigrationFailed)
}

// placeElsewhere chooses another host. From now on the instance counts there, and its old host keeps its room, too.
func (s *Service) placeElsewhere(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[moveParams](op)
	if err != nil {
		return err
	}
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		in, err := s.Instances.Get(ctx, instanceID(op))
		if err != nil || in.OldHostID != "" {
			return err
		}
		to, err := s.placeAway(ctx, in, p.Host)
		if err != nil {
			return err
		}
		in.OldHostID, in.HostID = in.HostID, to.ID
		if err := s.changeMigration(ctx, in.ID, func(m *cloud.Migration) { m.Target, m.TargetAddress = to.Name, to.Address }); err != nil {
			return err
		}
		return s.Instances.Update(ctx, in)
	})
}

// placeAway finds a host other than the instance's own that reaches its disks.
func (s *Service) placeAway(ctx context.Context, in *cloud.Instance, only cloud.HostID) (*cloud.Host, error) {
	private, err := s.privatePools(ctx)
	if err != nil {
		return nil, err
	}
	if private[in.HostID] && len(in.Disks) > 0 {
		return nil, cloud.Errorf(cloud.NoCapacity, resource, in.ID, "No valid host was found: the disks of instance %s lie on its host alone.", in.ID)
	}
	id, err := s.placeWithin(ctx, in, counted{}, func(req *placement.Request) {
		req.Not = union(union(req.Not, private), map[cloud.HostID]bool{in.HostID: true})
		if only != "" {
			req.Only = intersect(req.Only, map[cloud.HostID]bool{only: true})
		}
	})
	if err != nil {
		return nil, noValidHost(err)
	}
	return s.HostRows.Get(ctx, id)
}

// privatePools are the hosts whose disks no other host reaches.
func (s *Service) privatePools(ctx context.Context) (map[cloud.HostID]bool, error) {
	list, err := s.HostRows.List(ctx, cloud.Where(cloud.Eq("shared_pool", false)))
	private := make(map[cloud.HostID]bool, len(list))
	for _, h := range list {
		private[h.ID] = true
	}
	return private, err
}

// noValidHost puts the words that people look for before the reason.
func noValidHost(err error) error {
	e, ok := cloud.AsError(err)
	if !ok || e.Kind != cloud.NoCapacity {
		return err
	}
	said := *e
	said.Message = "No valid host was found. " + e.Message
	return &said
}

// leaveOldHost stops the guest where it was as its owner would, and takes it and its ports away there.
func (s *Service) leaveOldHost(ctx context.Context, op *cloud.Operation) error {
	in, g, err := s.guest(ctx, instanceID(op))
	if err != nil {
		return err
	}
	agent, err := s.Hosts.Agent(ctx, in.OldHostID)
	if err != nil {
		return err
	}
	g.Power = spec.PowerOff
	if _, err := agent.EnsureGuest(ctx, g); err != nil {
		return hostError(err, resource, string(in.ID))
	}
	if err := agent.RemoveGuest(ctx, g.ID, g.Generation); err != nil {
		return hostError(err, resource, string(in.ID))
	}
	return s.Network.UnplugInstance(ctx, in.ID, in.OldHostID)
}

// arrive makes the instance's ports those of its new host, and ready there.
func (s *Service) arrive(ctx context.Context, op *cloud.Operation) error {
	in, err := s.Instances.Get(ctx, instanceID(op))
	if err != nil {
		return err
	}
	if err := s.Network.BindInstancePorts(ctx, in.ID, in.HostID); err != nil {
		return err
	}
	return s.plugAll(ctx, in.ID)
}

// backHome undoes a migration: the row, the ports and the guest are the old host's again.
func (s *Service) backHome(ctx context.Context, op *cloud.Operation) error {
	if err := s.returnRow(ctx, instanceID(op)); err != nil {
		return err
	}
	_, err := s.update(ctx, instanceID(op), func(in *cloud.Instance) error {
		in.OldFlavor, in.OldDisks = nil, nil
		return nil
	})
	if err := unlessGone(err); err != nil {
		return err
	}
	return s.startAgain(ctx, op)
}

// returnRow gives an instance and its ports back to the host that it left.
func (s *Service) returnRow(ctx context.Context, id cloud.InstanceID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		in, err := s.Instances.Get(ctx, id)
		if gone(err) || err == nil && in.OldHostID == "" {
			return nil
		}
		if err != nil {
			return err
		}
		s.freed(ctx, in.HostID)
		in.HostID, in.OldHostID = in.OldHostID, ""
		if err := s.Network.BindInstancePorts(ctx, in.ID, in.HostID); err != nil {
			return err
		}
		return s.Instances.Update(ctx, in)
	})
}

// MigrateLive refuses to move an instance while it runs: no hypervisor of ours hands a running guest to another host. What
// else is wrong with the request it says first.
func (s *Service) MigrateLive(ctx context.Context, id cloud.InstanceID, host string) error {
	in, err := s.permitted(ctx, id, "instance.migrate")
	if err != nil {
		return err
	}
	if err := s.allowed(ctx, in, verb{action: "instance.migrate", kind: "instance.live_migrate", phases: []cloud.Phase{cloud.PhaseReady},
		powers: []cloud.Power{cloud.PowerOn, cloud.PowerPaused}}); err != nil {
		return err
	}
	if _, err := s.destination(ctx, in, host); err != nil {
		return err
	}
	others, err := s.HostRows.Count(ctx, cloud.Cond{Column: "id", Op: cloud.OpNe, Value: in.HostID})
	switch {
	case err != nil:
		return err
	case others == 0:
		return cloud.Invalidf("host", "host", "No valid host was found. There is no host but the one that instance %s is on.", id)
	}
	return cloud.Errorf(cloud.Unsupported, resource, id,
		"Migration pre-check error: the hypervisors of this cloud cannot hand a running guest to another host. Migrate instance %s cold.", id)
}
