package network

import (
	"context"
	"maps"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// Every host does all that networks need there. An operator may keep new networks and new routers away from one, and have the
// routers of a dead one go elsewhere.

// DutyChange changes what is not nil.
type DutyChange struct {
	On          *bool
	Description *string
}

// ChangeDuty notes what an operator says of a host's duty.
func (s *Service) ChangeDuty(ctx context.Context, id cloud.HostID, d cloud.Duty, c DutyChange) (*cloud.Host, error) {
	if d == cloud.DutyMetadata && c.On != nil && !*c.On {
		return nil, cloud.Errorf(cloud.Conflict, "metadata duty", id, "Metadata is answered wherever DHCP is: keep networks away from the DHCP agent of the host.")
	}
	return s.noteDuty(ctx, id, d, func(_ *cloud.Host, n *cloud.DutyNote) error {
		if c.On != nil {
			n.Off = !*c.On
		}
		apply(&n.Description, c.Description)
		return nil
	})
}

// ForgetDuty hides a duty of a dead host until the host is back. The routers of a host whose routers are forgotten go to others.
func (s *Service) ForgetDuty(ctx context.Context, id cloud.HostID, d cloud.Duty) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		_, err := s.noteDuty(ctx, id, d, func(h *cloud.Host, n *cloud.DutyNote) error {
			if h.Alive() {
				return cloud.Errorf(cloud.Conflict, "living agent", id, "Host %s is alive: its agents come back by themselves.", h.Name)
			}
			n.ForgottenAt = s.Now()
			return nil
		})
		if err != nil || d != cloud.DutyRouters {
			return err
		}
		return s.rescueRouters(ctx, id)
	})
}

func (s *Service) noteDuty(ctx context.Context, id cloud.HostID, d cloud.Duty, note func(*cloud.Host, *cloud.DutyNote) error) (h *cloud.Host, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := policy.Authorize(ctx, "network agent.update", policy.Target{Resource: "network agent", ID: string(id)}); err != nil {
			return err
		}
		if h, err = s.HostRecords.Get(ctx, id); err != nil {
			return err
		}
		n := h.Duties[d]
		if err := note(h, &n); err != nil {
			return err
		}
		if h.Duties = maps.Clone(h.Duties); h.Duties == nil {
			h.Duties = map[cloud.Duty]cloud.DutyNote{}
		}
		h.Duties[d] = n
		return s.HostRecords.Update(ctx, h)
	})
	return h, err
}

// rescueRouters places the routers of a dead host anew. If it comes back it removes what it still has of them.
func (s *Service) rescueRouters(ctx context.Context, id cloud.HostID) error {
	routers, err := s.Routers.List(ctx, cloud.Where(cloud.Eq("host_id", string(id))))
	if err != nil {
		return err
	}
	for _, r := range routers {
		if err := s.lockRouter(ctx, r.ID); err != nil {
			return err
		}
		r.HostID = ""
		if err := s.placeRouter(ctx, r); err != nil {
			return err
		}
		if err := s.saveMoved(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// hostsWithout are the hosts that take nothing new on for a duty.
func (s *Service) hostsWithout(ctx context.Context, d cloud.Duty) ([]cloud.HostID, error) {
	hosts, err := s.HostRecords.List(ctx, cloud.Where(cloud.Eq("off", string(d))))
	return columnOf(hosts, func(h *cloud.Host) cloud.HostID { return h.ID }), err
}

// refuseOff refuses to give a host more of a duty that takes nothing new on there.
func (s *Service) refuseOff(ctx context.Context, id cloud.HostID, d cloud.Duty, giving bool) error {
	if !giving {
		return nil
	}
	h, err := s.HostRecords.Get(ctx, id)
	if err != nil {
		return missing(err, "host", id)
	}
	if h.Duties[d].Off {
		return cloud.Errorf(cloud.Conflict, "disabled agent", id, "The agent for %s on host %s is disabled: enable it first.", d, h.Name)
	}
	return nil
}
