package volume

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
)

const kindGroupDelete = "group.delete"

// DeleteGroup removes a group, from any state. It may be repeated. InUse while it has group snapshots, and
// while it has volumes unless they shall be deleted too.
func (s *Service) DeleteGroup(ctx context.Context, id cloud.VolumeGroupID, withVolumes bool) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		g, err := s.authorizedGroup(ctx, "volume group.delete", id)
		if err != nil {
			return err
		}
		if g.State == cloud.VolumeDeleting && g.OperationID != "" {
			return nil
		}
		members, err := s.groupUses(ctx, g, withVolumes)
		if err != nil {
			return err
		}
		if g.OperationID != "" {
			if err := s.Operations.Cancel(ctx, g.OperationID); err != nil {
				return err
			}
		}
		if len(members) == 0 {
			return s.Groups.Delete(ctx, id)
		}
		for _, v := range members {
			if err := s.deleteMember(ctx, v); err != nil {
				return err
			}
		}
		return s.holdGroup(ctx, g, cloud.VolumeDeleting, kindGroupDelete)
	})
}

// groupUses answers the volumes of a group that goes, or why it cannot go.
func (s *Service) groupUses(ctx context.Context, g *cloud.VolumeGroup, withVolumes bool) ([]*cloud.Volume, error) {
	snapshots, err := s.GroupSnapshots.Count(ctx, cloud.Eq("group_id", g.ID))
	if err != nil {
		return nil, err
	}
	if snapshots > 0 {
		return nil, cloud.Errorf(cloud.InUse, "volume group", g.ID, "Invalid group: group %s has %d group snapshots, which must be deleted first.", g.ID, snapshots)
	}
	members, err := s.membersOf(ctx, g.ID)
	if err == nil && len(members) > 0 && !withVolumes {
		err = cloud.Errorf(cloud.InUse, "volume group", g.ID, "Invalid group: group %s has %d volumes: take them out, or ask that they be deleted too.", g.ID, len(members))
	}
	return members, err
}

func (s *Service) deleteMember(ctx context.Context, v *cloud.Volume) error {
	if _, err := s.authorized(ctx, "volume.delete", v.ID); err != nil {
		return err
	}
	return s.deleteChecked(ctx, v, DeleteRequest{ID: v.ID, UnlessSnapshots: true})
}

func (s *Service) groupDeleteKind() operation.Kind {
	return operation.Kind{Name: kindGroupDelete, Deadline: deleteDeadline, Settle: s.settleGroupDelete, Steps: []operation.Step{
		// No undo: the volumes are being deleted by Operations of their own, which nobody takes back.
		{Name: "volumes", Do: s.volumesGone},
	}}
}

// volumesGone waits until a group has no volumes. One whose deletion was given up keeps the group.
func (s *Service) volumesGone(ctx context.Context, op *cloud.Operation) error {
	members, err := s.membersOf(ctx, cloud.VolumeGroupID(operation.SubjectID(op)))
	if err != nil {
		return err
	}
	for _, v := range members {
		if v.OperationID == "" {
			return cloud.Errorf(cloud.WrongState, "volume", v.ID, "Volume %s of the group could not be deleted.", v.ID)
		}
		if err := s.aWhile(ctx, func(ctx context.Context) error { _, err := s.Operations.Await(ctx, v.OperationID); return err }); err != nil {
			return err
		}
	}
	if len(members) > 0 {
		return s.volumesGone(ctx, op)
	}
	return nil
}

func (s *Service) settleGroupDelete(ctx context.Context, op *cloud.Operation) error {
	if op.State != cloud.OperationSucceeded {
		return s.settleGroup(ctx, op)
	}
	return unlessGone(s.Groups.Delete(ctx, cloud.VolumeGroupID(operation.SubjectID(op))))
}
