package network

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// What a guest reads about its ports changes while it runs. These tell whoever tells it.

func (s *Service) retell(ctx context.Context, id cloud.InstanceID) {
	if id == "" || s.PortsChanged == nil {
		return
	}
	s.Tx.After(ctx, func() { s.PortsChanged(id) })
}

// retellPort looks up whose a port is.
func (s *Service) retellPort(ctx context.Context, id cloud.PortID) error {
	if id == "" {
		return nil
	}
	p, err := s.Ports.Get(ctx, id)
	if cloud.Is(err, cloud.NotFound) {
		return nil
	}
	if err == nil {
		s.retell(ctx, p.InstanceID)
	}
	return err
}

// shownOtherwise tells whether a guest would read something else about the port now.
func shownOtherwise(p, old *cloud.Port) bool {
	return !slices.Equal(p.Addresses, old.Addresses) || !slices.Equal(p.SecurityGroups, old.SecurityGroups)
}
