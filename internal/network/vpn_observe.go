package network

import (
	"context"
	"errors"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// ObserveVPN notes what a host says of a VPN service and its tunnels. What another host says than the router's is old.
func (s *Service) ObserveVPN(ctx context.Context, host cloud.HostID, status spec.VPNStatus) {
	ctx = cloud.WithPrincipal(ctx, cloud.System())
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		id := cloud.VPNServiceID(status.ID)
		if err := s.lockVPN(ctx, id); err != nil {
			return err
		}
		v, err := s.VPNServices.Get(ctx, id)
		if cloud.Is(err, cloud.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		on, err := s.hostOfVPN(ctx, id)
		if err != nil || len(on) == 0 || on[0] != host {
			return err
		}
		if err := s.noteVPN(ctx, v, status); err != nil {
			return err
		}
		return s.noteTunnels(ctx, v, status)
	})
	if err != nil && ctx.Err() == nil {
		s.Log.Warn("cannot note the state of a VPN", "VPN", status.ID, "host", host, "error", err)
	}
}

func (s *Service) noteVPN(ctx context.Context, v *cloud.VPNService, status spec.VPNStatus) error {
	if !v.ChangedAt.IsZero() && v.Up == status.Up && v.Reason == status.Reason {
		return nil
	}
	v.Up, v.Reason, v.ChangedAt = status.Up, status.Reason, s.Now()
	return s.VPNServices.Update(ctx, v)
}

func (s *Service) noteTunnels(ctx context.Context, v *cloud.VPNService, status spec.VPNStatus) error {
	said := map[string]spec.VPNTunnelStatus{}
	for _, t := range status.Tunnels {
		said[t.ID] = t
	}
	connections, err := s.VPNConnections.List(ctx, cloud.Where(cloud.Eq("service_id", string(v.ID))))
	if err != nil {
		return err
	}
	for _, c := range connections {
		changed := false
		for i := range c.Tunnels {
			t, known := said[tunnelID(c, i)]
			if !known && status.Up && c.AdminUp && v.AdminUp {
				continue // the host does not have it yet
			}
			changed = s.noteTunnel(&c.Tunnels[i], t, status.Reason) || changed
		}
		if !changed {
			continue
		}
		if err := s.VPNConnections.Update(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// noteTunnel tells whether a tunnel's state is another than was known.
func (s *Service) noteTunnel(t *cloud.VPNTunnel, said spec.VPNTunnelStatus, reason string) bool {
	if said.Reason != "" {
		reason = said.Reason
	}
	if !t.ChangedAt.IsZero() && t.Up == said.Up && t.Reason == reason {
		return false
	}
	if t.Up != said.Up || t.ChangedAt.IsZero() {
		t.ChangedAt = s.Now()
	}
	t.Up, t.Reason = said.Up, reason
	return true
}

// cannot tells whether a host lacks something, and what.
func cannot(err error) (bool, string) {
	if !errors.Is(err, spec.ErrNotSupported) {
		return false, ""
	}
	return true, strings.TrimSuffix(err.Error(), ": "+spec.ErrNotSupported.Error())
}
