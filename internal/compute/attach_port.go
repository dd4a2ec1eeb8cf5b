package compute

import (
	"context"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
)

// detachDeadline is how long a guest may take to let go of a device before it keeps it.
const detachDeadline = 2 * time.Minute

type portParams struct {
	Port cloud.PortID `json:"port"`
}

// AttachPort plugs a NIC into an instance.
func (s *Service) AttachPort(ctx context.Context, id cloud.InstanceID, r cloud.NICRequest) (*cloud.Port, error) {
	var made *cloud.Port
	params := &portParams{}
	_, err := s.begin(ctx, id, verb{action: "instance.attach", kind: "instance.attach_port", needsUnlocked: true, plug: true,
		phases: pluggable, powers: plugPowers, params: params,
		change: func(ctx context.Context, in *cloud.Instance) (err error) {
			if made, err = s.Network.AttachPort(ctx, in, r); err != nil {
				return err
			}
			params.Port = made.ID
			if err := s.promiseNew(ctx, in, made); err != nil {
				return err
			}
			return s.Network.BindInstancePorts(ctx, in.ID, in.HostID)
		}})
	return made, err
}

// promiseNew makes the host keep what a port asks that is new to the instance.
func (s *Service) promiseNew(ctx context.Context, in *cloud.Instance, p *cloud.Port) error {
	asked, err := s.Network.Promises(ctx, []*cloud.Port{p})
	if err != nil {
		return err
	}
	return s.promise(ctx, in, p.ID, asked)
}

func (s *Service) attachPortKind() operation.Kind {
	return operation.Kind{
		Name: "instance.attach_port",
		Steps: []operation.Step{
			{Name: "network", Do: s.plugPort, Undo: s.unplugPort},
			{Name: "guest", Do: s.startGuest}, // undone by "network": without the port the document has no such NIC
		},
		Settle: s.settle(nil, nil),
	}
}

func (s *Service) portOf(ctx context.Context, op *cloud.Operation) (*cloud.Instance, cloud.PortID, error) {
	p, err := operation.Params[portParams](op)
	if err != nil {
		return nil, "", err
	}
	in, err := s.Instances.Get(ctx, instanceID(op))
	return in, p.Port, err
}

func (s *Service) plugPort(ctx context.Context, op *cloud.Operation) error {
	in, port, err := s.portOf(ctx, op)
	if err != nil {
		return err
	}
	return s.Network.PlugPort(ctx, port, in.HostID)
}

// unplugPort takes the port's row from the instance, then the NIC from the guest, then the tap from the host, unless
// the instance is being deleted: that takes everything.
func (s *Service) unplugPort(ctx context.Context, op *cloud.Operation) error {
	if deleted, err := s.beingDeleted(ctx, instanceID(op)); err != nil || deleted {
		return err
	}
	in, port, err := s.portOf(ctx, op)
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.letGoOfPort(ctx, in, port); err != nil {
		return err
	}
	if err := s.ensureGuest(ctx, in.ID); err != nil && !gone(err) {
		return err
	}
	return s.Network.UnplugPort(ctx, port, in.HostID)
}

// letGoOfPort takes a port's row and what its host kept for it from an instance.
func (s *Service) letGoOfPort(ctx context.Context, in *cloud.Instance, port cloud.PortID) error {
	if err := s.Network.DetachPort(ctx, in, port); err != nil && !gone(err) {
		return err
	}
	_, err := s.update(ctx, in.ID, func(in *cloud.Instance) error { return s.promise(ctx, in, port, nil) })
	return err
}

// DetachPort unplugs a NIC. A port that was made for the instance is deleted.
func (s *Service) DetachPort(ctx context.Context, id cloud.InstanceID, port cloud.PortID) error {
	_, err := s.begin(ctx, id, verb{action: "instance.attach", kind: "instance.detach_port", needsUnlocked: true, plug: true,
		phases: pluggable, powers: plugPowers, params: &portParams{Port: port},
		change: func(ctx context.Context, in *cloud.Instance) error {
			views, err := s.Network.InstancePorts(ctx, []cloud.InstanceID{id})
			if err != nil {
				return err
			}
			for _, v := range views[id] {
				if v.Port.ID == port {
					return nil
				}
			}
			return cloud.NotFoundf("port", port)
		}})
	return err
}

// detachPortKind has no undo: the port's row is gone first, and everything follows it.
func (s *Service) detachPortKind() operation.Kind {
	return operation.Kind{
		Name: "instance.detach_port", Deadline: detachDeadline,
		Steps:  []operation.Step{{Name: "network", Do: s.unplugPort}},
		Settle: s.settle(nil, nil),
	}
}
