package volume

import (
	"context"
	"errors"
	"fmt"

	"github.com/nubo-cloud/nubo/internal/agentapi"
	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Known tells which bytes on hosts are others' business: the disks of instances, and the snapshots
// that images are being made from. Both functions answer for a batch of ids; either may be nil.
type Known struct {
	Volumes   func(ctx context.Context, ids []spec.VolumeID) (map[spec.VolumeID]bool, error)
	Snapshots func(ctx context.Context, ids []spec.SnapshotID) (map[spec.SnapshotID]bool, error)
}

// Orphans is what CollectOrphans removed.
type Orphans struct {
	Volumes   []spec.VolumeID
	Snapshots []spec.SnapshotID
	Images    []spec.ImageID
}

// CollectOrphans removes from a host the volumes, snapshots and images that the store does not know. Every row is
// older than its bytes, so what the host listed and the store, asked afterwards, does not
// know was deleted. What is busy stays for the next time.
func (s *Service) CollectOrphans(ctx context.Context, host cloud.HostID, inv spec.Inventory, known Known) (Orphans, error) {
	ctx = cloud.WithPrincipal(ctx, cloud.System()) // what is hidden from a caller is no orphan
	var gone Orphans
	a, err := s.agent(ctx, host)
	if err != nil {
		return gone, err
	}
	if gone.Volumes, err = s.orphanVolumes(ctx, a, inv.Volumes, known); err != nil {
		return gone, err
	}
	if gone.Snapshots, err = s.orphanSnapshots(ctx, a, inv.Snapshots, known); err != nil {
		return gone, err
	}
	gone.Images, err = s.orphanImages(ctx, a, inv.Images)
	return gone, err
}

func (s *Service) orphanVolumes(ctx context.Context, a agentapi.Agent, ids []spec.VolumeID, known Known) ([]spec.VolumeID, error) {
	rows, err := s.Volumes.List(ctx, cloud.Where(cloud.In("id", ids)))
	if err != nil {
		return nil, err
	}
	ours := map[spec.VolumeID]bool{}
	for _, v := range rows {
		ours[spec.VolumeID(v.ID)] = true
	}
	copied, err := s.Snapshots.List(ctx, cloud.Where(cloud.In("id", without(ids, ours)), cloud.Eq("state", cloud.VolumeCreating)))
	if err != nil {
		return nil, err
	}
	for _, n := range copied {
		ours[spec.VolumeID(n.ID)] = true // what it is being made from: see copyParams
	}
	return collect(ctx, without(ids, ours), known.Volumes, a.RemoveVolume)
}

func (s *Service) orphanSnapshots(ctx context.Context, a agentapi.Agent, ids []spec.SnapshotID, known Known) ([]spec.SnapshotID, error) {
	rows, err := s.Snapshots.List(ctx, cloud.Where(cloud.In("id", ids)))
	if err != nil {
		return nil, err
	}
	ours := map[spec.SnapshotID]bool{}
	for _, n := range rows {
		ours[spec.SnapshotID(n.ID)] = true
	}
	backups, err := s.Backups.List(ctx, cloud.Where(cloud.In("id", ids), cloud.Eq("state", cloud.BackupCreating)))
	if err != nil {
		return nil, err
	}
	for _, b := range backups {
		ours[spec.SnapshotID(b.ID)] = true // what it is being read from
	}
	for _, id := range without(ids, ours) {
		i, err := s.Images.Image(ctx, cloud.ImageID(id)) // an upload under way: see uploadParams
		if err != nil && !cloud.Is(err, cloud.NotFound) {
			return nil, err
		}
		ours[id] = err == nil && i.State == cloud.ImageSaving
	}
	return collect(ctx, without(ids, ours), known.Snapshots, a.RemoveSnapshot)
}

func (s *Service) orphanImages(ctx context.Context, a agentapi.Agent, ids []spec.ImageID) ([]spec.ImageID, error) {
	ours := map[spec.ImageID]bool{}
	for _, id := range ids {
		_, err := s.Images.Image(ctx, cloud.ImageID(id))
		if err != nil && !cloud.Is(err, cloud.NotFound) {
			return nil, err
		}
		ours[id] = err == nil
	}
	return collect(ctx, without(ids, ours), nil, a.RemoveImage)
}

// collect removes the ids that others do not know either.
func collect[ID ~string](ctx context.Context, ids []ID, known func(context.Context, []ID) (map[ID]bool, error),
	remove func(context.Context, ID) error) ([]ID, error) {
	if known != nil && len(ids) > 0 {
		theirs, err := known(ctx, ids)
		if err != nil {
			return nil, fmt.Errorf("ask whose bytes these are: %w", err)
		}
		ids = without(ids, theirs)
	}
	var gone []ID
	for _, id := range ids {
		err := remove(ctx, id)
		if errors.Is(err, spec.ErrBusy) {
			continue
		}
		if err != nil {
			return gone, fmt.Errorf("remove orphan %s: %w", id, err)
		}
		gone = append(gone, id)
	}
	return gone, nil
}

func without[ID comparable](ids []ID, known map[ID]bool) []ID {
	var rest []ID
	for _, id := range ids {
		if !known[id] {
			rest = append(rest, id)
		}
	}
	return rest
}
