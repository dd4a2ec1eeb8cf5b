package testcloud

import (
	"context"
	"net"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// hypervisor is agent.Hypervisor over a wire.
type hypervisor struct {
	wire
	driver agent.Hypervisor
}

var _ agent.Hypervisor = (*hypervisor)(nil)

func (h *hypervisor) Describe(ctx context.Context) (s spec.Hypervisor, err error) {
	err = h.look(func() error { s, err = h.driver.Describe(ctx); return err })
	return s, err
}

func (h *hypervisor) List(ctx context.Context) (s []spec.GuestStatus, err error) {
	err = h.look(func() error { s, err = h.driver.List(ctx); return err })
	return s, err
}

func (h *hypervisor) Status(ctx context.Context, id spec.GuestID) (s spec.GuestStatus, err error) {
	err = h.look(func() error { s, err = h.driver.Status(ctx, id); return err })
	return s, err
}

func (h *hypervisor) Start(ctx context.Context, l agent.Launch, paused bool) error {
	return h.change(ctx, "start guest", func() error { return h.driver.Start(ctx, l, paused) })
}

func (h *hypervisor) Stop(ctx context.Context, id spec.GuestID, o agent.StopOptions) error {
	return h.change(ctx, "stop guest", func() error { return h.driver.Stop(ctx, id, o) })
}

func (h *hypervisor) Pause(ctx context.Context, id spec.GuestID) error {
	return h.change(ctx, "pause guest", func() error { return h.driver.Pause(ctx, id) })
}

func (h *hypervisor) Resume(ctx context.Context, id spec.GuestID) error {
	return h.change(ctx, "resume guest", func() error { return h.driver.Resume(ctx, id) })
}

func (h *hypervisor) Suspend(ctx context.Context, id spec.GuestID) error {
	return h.change(ctx, "suspend guest", func() error { return h.driver.Suspend(ctx, id) })
}

func (h *hypervisor) Remove(ctx context.Context, id spec.GuestID) error {
	return h.change(ctx, "remove guest", func() error { return h.driver.Remove(ctx, id) })
}

func (h *hypervisor) PlugDisk(ctx context.Context, id spec.GuestID, d agent.LaunchDisk) error {
	return h.change(ctx, "plug disk", func() error { return h.driver.PlugDisk(ctx, id, d) })
}

func (h *hypervisor) UnplugDisk(ctx context.Context, id spec.GuestID, v spec.VolumeID) error {
	return h.change(ctx, "unplug disk", func() error { return h.driver.UnplugDisk(ctx, id, v) })
}

func (h *hypervisor) PlugNIC(ctx context.Context, id spec.GuestID, n agent.LaunchNIC) error {
	return h.change(ctx, "plug NIC", func() error { return h.driver.PlugNIC(ctx, id, n) })
}

func (h *hypervisor) UnplugNIC(ctx context.Context, id spec.GuestID, p spec.PortID) error {
	return h.change(ctx, "unplug NIC", func() error { return h.driver.UnplugNIC(ctx, id, p) })
}

func (h *hypervisor) ResizeDisk(ctx context.Context, id spec.GuestID, v spec.VolumeID, sizeBytes int64) error {
	return h.change(ctx, "resize disk", func() error { return h.driver.ResizeDisk(ctx, id, v, sizeBytes) })
}

func (h *hypervisor) CopyDisk(ctx context.Context, id spec.GuestID, v spec.VolumeID, target spec.BlockSource) error {
	return h.change(ctx, "copy disk", func() error { return h.driver.CopyDisk(ctx, id, v, target) })
}

func (h *hypervisor) MoveDisk(ctx context.Context, id spec.GuestID, v spec.VolumeID, to spec.BlockSource, settle agent.Settle) error {
	return h.change(ctx, "move disk", func() error { return h.driver.MoveDisk(ctx, id, v, to, settle) })
}

func (h *hypervisor) SwapDisk(ctx context.Context, id spec.GuestID, old spec.VolumeID, next agent.LaunchDisk) error {
	return h.change(ctx, "swap disk", func() error { return h.driver.SwapDisk(ctx, id, old, next) })
}

func (h *hypervisor) Stats(ctx context.Context, id spec.GuestID) (s spec.GuestStats, err error) {
	err = h.look(func() error { s, err = h.driver.Stats(ctx, id); return err })
	return s, err
}

func (h *hypervisor) ConsoleLog(ctx context.Context, id spec.GuestID, tailBytes int64) (b []byte, err error) {
	err = h.look(func() error { b, err = h.driver.ConsoleLog(ctx, id, tailBytes); return err })
	return b, err
}

func (h *hypervisor) DialConsole(ctx context.Context, id spec.GuestID, kind spec.ConsoleKind) (c net.Conn, err error) {
	err = h.look(func() error { c, err = h.driver.DialConsole(ctx, id, kind); return err })
	return c, err
}

// Watch is not waited for by the gate: it ends with ctx.
func (h *hypervisor) Watch(ctx context.Context, f func(spec.GuestStatus)) error {
	return h.driver.Watch(ctx, func(s spec.GuestStatus) {
		if h.gate.isOpen() {
			f(s)
		}
	})
}
