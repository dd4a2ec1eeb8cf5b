package compute

import (
	"context"
	"net"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// AuthorizeConsole answers an error if the caller may not use the instance's console or it has none now.
func (s *Service) AuthorizeConsole(ctx context.Context, id cloud.InstanceID) error {
	in, err := s.permitted(ctx, id, "instance.console")
	if err != nil {
		return err
	}
	if in.Observed.Power != cloud.PowerOn && in.Observed.Power != cloud.PowerPaused {
		return cloud.Errorf(cloud.WrongState, resource, id, "Instance not yet ready")
	}
	return nil
}

// DialConsole connects to a console. The right to it was checked when its address was handed out.
func (s *Service) DialConsole(ctx context.Context, id cloud.InstanceID, kind spec.ConsoleKind) (net.Conn, error) {
	in, err := s.Instances.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	agent, err := s.Hosts.Agent(ctx, in.HostID)
	if err != nil {
		return nil, err
	}
	c, err := agent.DialConsole(ctx, guestID(id), kind)
	if err != nil {
		return nil, hostError(err, resource, string(id))
	}
	return c, nil
}
