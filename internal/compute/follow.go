package compute

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
)

// PortGone is told that an instance's port was deleted by its owner: the guest has to let go of the NIC.
func (s *Service) PortGone(id cloud.InstanceID, port cloud.PortID) {
	ctx := cloud.WithPrincipal(context.Background(), cloud.System())
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		in, err := s.Instances.Get(ctx, id)
		if gone(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if in.OperationID == "" {
			return s.hold(ctx, in, "instance.detach_port", portParams{Port: port})
		}
		// Somebody holds it: wait behind without taking it from them.
		_, err = s.Engine.Start(ctx, operation.Request{Kind: "instance.detach_port", Subject: subject(id), Params: portParams{Port: port}, ProjectID: in.ProjectID})
		return err
	})
	if err != nil {
		s.Log.Error("cannot unplug a port that was deleted", "instance", id, "port", port, "error", err)
	}
}

// HoldStill refuses an instance that something is going on with, or whose guest is on another host than its volume. The row is
// written, so that what begins at the same time looks again, and is refused because of the volume.
func (s *Service) HoldStill(ctx context.Context, id cloud.InstanceID, host cloud.HostID) error {
	in, err := s.Instances.Get(ctx, id)
	if err != nil {
		return err
	}
	if in.OperationID != "" {
		return cloud.Errorf(cloud.WrongState, resource, id, "Instance %s, which has the volume, is in task_state %s: its volumes stay on their pools until that is over.", id, in.Task)
	}
	if in.HostID != "" && in.HostID != host {
		return cloud.Errorf(cloud.WrongState, resource, id, "Instance %s runs on another host than its volume's pool, which can only move volumes of guests of its own: detach the volume first.", id)
	}
	return s.Instances.Update(ctx, in)
}

// DisksChanged makes an instance's guest let go of volumes that are not attached to it any more. It may be repeated.
func (s *Service) DisksChanged(ctx context.Context, id cloud.InstanceID) error {
	attachments, err := s.Volume.InstanceVolumes(ctx, []cloud.InstanceID{id})
	if err != nil {
		return err
	}
	has := func(v cloud.VolumeID) bool {
		return slices.ContainsFunc(attachments[id], func(a *cloud.Attachment) bool { return a.VolumeID == v })
	}
	in, err := s.update(ctx, id, func(in *cloud.Instance) error {
		in.Disks = slices.DeleteFunc(slices.Clone(in.Disks), func(d cloud.InstanceDisk) bool { return !d.Local && !has(d.VolumeID) })
		return nil
	})
	if gone(err) || err == nil && (in.HostID == "" || in.Phase == cloud.PhaseFailed) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.ensureGuest(ctx, id)
}
