package agent

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// EnsureNetwork makes a network with its DHCP, DNS and metadata.
func (a *Agent) EnsureNetwork(ctx context.Context, n spec.Network) error {
	return a.Fabric.EnsureNetwork(ctx, n)
}

// RemoveNetwork removes a network.
func (a *Agent) RemoveNetwork(ctx context.Context, id spec.NetworkID) error {
	return ignoreMissing(a.Fabric.RemoveNetwork(ctx, id))
}

// EnsureGroup makes a security group.
func (a *Agent) EnsureGroup(ctx context.Context, g spec.SecurityGroup) error {
	return a.Fabric.EnsureGroup(ctx, g)
}

// RemoveGroup removes a security group.
func (a *Agent) RemoveGroup(ctx context.Context, id spec.GroupID) error {
	return ignoreMissing(a.Fabric.RemoveGroup(ctx, id))
}

// EnsurePort makes a port's tap and remembers where it is for the guest's start.
func (a *Agent) EnsurePort(ctx context.Context, p spec.Port) error {
	tap, err := a.Fabric.EnsurePort(ctx, p)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.taps[p.ID] = tap
	return nil
}

// RemovePort removes a port's tap.
func (a *Agent) RemovePort(ctx context.Context, id spec.PortID) error {
	if err := ignoreMissing(a.Fabric.RemovePort(ctx, id)); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.taps, id)
	return nil
}

// EnsureRouter makes a router.
func (a *Agent) EnsureRouter(ctx context.Context, r spec.Router) error {
	return a.Fabric.EnsureRouter(ctx, r)
}

// RemoveRouter removes a router.
func (a *Agent) RemoveRouter(ctx context.Context, id spec.RouterID) error {
	return ignoreMissing(a.Fabric.RemoveRouter(ctx, id))
}

// MeterReadings answers what a router's meters show.
func (a *Agent) MeterReadings(ctx context.Context, id spec.RouterID) ([]spec.MeterReading, error) {
	return a.Fabric.MeterReadings(ctx, id)
}

// EnsureVPN makes where tunnels end.
func (a *Agent) EnsureVPN(ctx context.Context, v spec.VPN) error {
	return a.Fabric.EnsureVPN(ctx, v)
}

// RemoveVPN removes a VPN.
func (a *Agent) RemoveVPN(ctx context.Context, id spec.VPNID) error {
	return ignoreMissing(a.Fabric.RemoveVPN(ctx, id))
}

// VPNStatus tells of a VPN now.
func (a *Agent) VPNStatus(ctx context.Context, id spec.VPNID) (spec.VPNStatus, error) {
	return a.Fabric.VPNStatus(ctx, id)
}
