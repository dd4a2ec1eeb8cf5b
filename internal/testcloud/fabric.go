package testcloud

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// fabric is agent.Fabric over a wire.
type fabric struct {
	wire
	driver agent.Fabric
}

var _ agent.Fabric = (*fabric)(nil)

func (f *fabric) EnsureNetwork(ctx context.Context, n spec.Network) error {
	return f.change(ctx, "ensure network", func() error { return f.driver.EnsureNetwork(ctx, n) })
}

func (f *fabric) RemoveNetwork(ctx context.Context, id spec.NetworkID) error {
	return f.change(ctx, "remove network", func() error { return f.driver.RemoveNetwork(ctx, id) })
}

func (f *fabric) EnsureGroup(ctx context.Context, g spec.SecurityGroup) error {
	return f.change(ctx, "ensure group", func() error { return f.driver.EnsureGroup(ctx, g) })
}

func (f *fabric) RemoveGroup(ctx context.Context, id spec.GroupID) error {
	return f.change(ctx, "remove group", func() error { return f.driver.RemoveGroup(ctx, id) })
}

func (f *fabric) EnsurePort(ctx context.Context, p spec.Port) (t agent.Tap, err error) {
	err = f.change(ctx, "ensure port", func() error { t, err = f.driver.EnsurePort(ctx, p); return err })
	return t, err
}

func (f *fabric) RemovePort(ctx context.Context, id spec.PortID) error {
	return f.change(ctx, "remove port", func() error { return f.driver.RemovePort(ctx, id) })
}

func (f *fabric) EnsureRouter(ctx context.Context, r spec.Router) error {
	return f.change(ctx, "ensure router", func() error { return f.driver.EnsureRouter(ctx, r) })
}

func (f *fabric) RemoveRouter(ctx context.Context, id spec.RouterID) error {
	return f.change(ctx, "remove router", func() error { return f.driver.RemoveRouter(ctx, id) })
}

func (f *fabric) EnsureVPN(ctx context.Context, v spec.VPN) error {
	return f.change(ctx, "ensure VPN", func() error { return f.driver.EnsureVPN(ctx, v) })
}

func (f *fabric) RemoveVPN(ctx context.Context, id spec.VPNID) error {
	return f.change(ctx, "remove VPN", func() error { return f.driver.RemoveVPN(ctx, id) })
}

func (f *fabric) VPNStatus(ctx context.Context, id spec.VPNID) (s spec.VPNStatus, err error) {
	err = f.look(func() error { s, err = f.driver.VPNStatus(ctx, id); return err })
	return s, err
}

func (f *fabric) WatchVPNs(ctx context.Context, g func(spec.VPNStatus)) error {
	return f.driver.WatchVPNs(ctx, g)
}

func (f *fabric) Adopt(ctx context.Context) error {
	return f.look(func() error { return f.driver.Adopt(ctx) })
}

func (f *fabric) Inventory(ctx context.Context) (i agent.FabricInventory, err error) {
	err = f.look(func() error { i, err = f.driver.Inventory(ctx); return err })
	return i, err
}

func (f *fabric) PortStats(ctx context.Context, id spec.PortID) (s spec.NICStats, err error) {
	err = f.look(func() error { s, err = f.driver.PortStats(ctx, id); return err })
	return s, err
}

func (f *fabric) MeterReadings(ctx context.Context, id spec.RouterID) (r []spec.MeterReading, err error) {
	err = f.look(func() error { r, err = f.driver.MeterReadings(ctx, id); return err })
	return r, err
}

func (f *fabric) Close() error { return f.driver.Close() }
