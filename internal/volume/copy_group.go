package volume

import (
	"context"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
)

const kindGroupCopy = "group.copy"

func groupSubject(id cloud.VolumeGroupID) string { return "group/" + string(id) }

// GroupSource says what a group is copied from: one of the two is set.
type GroupSource struct {
	Name, Description string
	GroupSnapshotID   cloud.GroupSnapshotID
	GroupID           cloud.VolumeGroupID
}

// CopyGroup inserts a group with a copy of each volume of another, as they are or as they were when a group snapshot was taken.
// The volumes are made by Operations of their own; the group's waits for them.
func (s *Service) CopyGroup(ctx context.Context, from GroupSource) (*cloud.VolumeGroup, error) {
	if (from.GroupSnapshotID == "") == (from.GroupID == "") {
		return nil, cloud.Invalidf("group", "source", "A group is made from a group snapshot or from a group: one of the two must be given.")
	}
	if err := checkWords("group", from.Name, from.Description, nil); err != nil {
		return nil, err
	}
	var g *cloud.VolumeGroup
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		source, volumes, err := s.groupSource(ctx, from)
		if err != nil {
			return err
		}
		g = &cloud.VolumeGroup{Name: from.Name, Description: from.Description, GroupTypeID: source.GroupTypeID, VolumeTypes: source.VolumeTypes,
			Zone: source.Zone, GroupSnapshotID: from.GroupSnapshotID, SourceGroupID: from.GroupID}
		// Nobody sees it before it is creating: it takes its first volumes as any group does.
		if err := s.insertGroup(ctx, g); err != nil {
			return err
		}
		for _, r := range volumes {
			r.GroupID = g.ID
			if _, err := s.CreateVolume(ctx, r); err != nil {
				return err
			}
		}
		return s.holdGroup(ctx, g, cloud.VolumeCreating, kindGroupCopy)
	})
	return g, err
}

// groupSource answers the group whose kind a copy is of, and its volumes as requests.
func (s *Service) groupSource(ctx context.Context, from GroupSource) (*cloud.VolumeGroup, []CreateRequest, error) {
	if from.GroupID != "" {
		return s.fromGroup(ctx, from.GroupID)
	}
	n, err := s.authorizedGroupSnapshot(ctx, "group snapshot.get", from.GroupSnapshotID)
	if err != nil {
		return nil, nil, err
	}
	if n.State != cloud.VolumeAvailable {
		return nil, nil, cloud.Errorf(cloud.WrongState, "group snapshot", n.ID, "Invalid group snapshot: group snapshot %s must be available, but it is %s.", n.ID, n.State)
	}
	g, err := s.authorizedGroup(ctx, "volume group.get", n.GroupID)
	if err != nil {
		return nil, nil, err
	}
	snapshots, err := s.snapshotsIn(ctx, n.ID)
	var requests []CreateRequest
	for _, m := range snapshots {
		requests = append(requests, CreateRequest{Name: m.Name, Description: m.Description, SnapshotID: m.ID})
	}
	return g, requests, err
}

func (s *Service) fromGroup(ctx context.Context, id cloud.VolumeGroupID) (*cloud.VolumeGroup, []CreateRequest, error) {
	g, err := s.authorizedGroup(ctx, "volume group.get", id)
	if err != nil {
		return nil, nil, err
	}
	if err := groupReady(g); err != nil {
		return nil, nil, err
	}
	members, err := s.membersOf(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	if len(members) == 0 {
		return nil, nil, emptyGroup(id)
	}
	var requests []CreateRequest
	for _, v := range members {
		requests = append(requests, CreateRequest{Name: v.Name, Description: v.Description, SourceVolumeID: v.ID, Properties: v.Properties})
	}
	return g, requests, nil
}

func emptyGroup(id cloud.VolumeGroupID) error {
	return cloud.Errorf(cloud.WrongState, "volume group", id, "Invalid group: group %s has no volumes.", id)
}

// holdGroup starts an Operation on a group that is in a state while it lasts.
func (s *Service) holdGroup(ctx context.Context, g *cloud.VolumeGroup, state cloud.VolumeState, kind string) error {
	op, err := s.Operations.Start(ctx, operation.Request{Kind: kind, Subject: groupSubject(g.ID), ProjectID: g.ProjectID})
	if err != nil {
		return err
	}
	g.State, g.OperationID = state, op.ID
	return s.Groups.Update(ctx, g)
}

func (s *Service) groupCopyKind() operation.Kind {
	return operation.Kind{Name: kindGroupCopy, Settle: s.settleGroup, Steps: []operation.Step{
		// No undo: the volumes stay in the group that failed, and go with it when its owner deletes it.
		{Name: "volumes", Do: s.volumesMade},
	}}
}

// volumesMade waits for the volumes of a copied group.
func (s *Service) volumesMade(ctx context.Context, op *cloud.Operation) error {
	members, err := s.membersOf(ctx, cloud.VolumeGroupID(operation.SubjectID(op)))
	if err != nil {
		return err
	}
	for _, v := range members {
		if err := s.aWhile(ctx, func(ctx context.Context) error { return s.WaitVolume(ctx, v.ID) }); err != nil {
			return err
		}
	}
	return nil
}

// patience is how long a step waits for another Operation before it gives its worker back and is tried again.
const patience = 5 * time.Second

func (s *Service) aWhile(ctx context.Context, wait func(context.Context) error) error {
	short, done := context.WithTimeout(ctx, patience)
	defer done()
	err := wait(short)
	if short.Err() != nil && ctx.Err() == nil {
		return &cloud.Error{Kind: cloud.Unavailable, Resource: "volume group", Message: "Its volumes are not finished yet.", Cause: err}
	}
	return err
}

// settleGroup gives a group back at the end of an Operation, if that still holds it.
func (s *Service) settleGroup(ctx context.Context, op *cloud.Operation) error {
	holder := func(g *cloud.VolumeGroup) *cloud.OperationID { return &g.OperationID }
	return release(ctx, s.Groups, cloud.VolumeGroupID(operation.SubjectID(op)), op, holder, func(g *cloud.VolumeGroup) error {
		g.State, g.Fault = outcome(op)
		return nil
	})
}
