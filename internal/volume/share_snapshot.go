package volume

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// sharedMax bounds how many projects a snapshot is shared with.
const sharedMax = 1000

// ShareSnapshot changes who else may make volumes from a snapshot. It may be repeated. An encrypted one stays its project's: with it
// would go the key of the volume.
func (s *Service) ShareSnapshot(ctx context.Context, id cloud.SnapshotID, with cloud.Sharing) (*cloud.Snapshot, error) {
	return s.changeSnapshot(ctx, "snapshot.share", id, func(ctx context.Context, n *cloud.Snapshot) error {
		shared := slices.DeleteFunc(slices.Clone(n.SharedWith), func(p cloud.ProjectID) bool { return slices.Contains(with.Remove, p) })
		shared = append(shared, with.Add...)
		slices.Sort(shared)
		n.SharedWith = slices.Compact(shared)
		if with.Public != nil && *with.Public != n.Public {
			n.Public = *with.Public
			if err := mayPublish(ctx, n); err != nil {
				return err
			}
		}
		if len(n.SharedWith) > sharedMax {
			return cloud.Invalidf("snapshot", "shared_with", "A snapshot is shared with %d projects at most.", sharedMax)
		}
		if n.Key != nil && (n.Public || len(n.SharedWith) > 0) {
			return cloud.Errorf(cloud.Unsupported, "snapshot", id, "Snapshot %s is encrypted, and cannot be shared.", id)
		}
		return nil
	})
}

func mayPublish(ctx context.Context, n *cloud.Snapshot) error {
	if !n.Public {
		return nil
	}
	return policy.Authorize(ctx, "snapshot.publish", policy.Target{Resource: "snapshot", ID: string(n.ID), ProjectID: n.ProjectID})
}

// lent tells whether a snapshot of another project is shared with the caller's.
func lent(ctx context.Context, n *cloud.Snapshot) bool {
	return n.Public || slices.Contains(n.SharedWith, cloud.PrincipalOf(ctx).ProjectID)
}

// UsableSnapshots answers the snapshots that the caller's project may make volumes from, its own and those of others, and that q
// selects; three questions to the store, oldest first.
func (s *Service) UsableSnapshots(ctx context.Context, q cloud.Query) ([]*cloud.Snapshot, error) {
	project := cloud.PrincipalOf(ctx).ProjectID
	seen, all := map[cloud.SnapshotID]bool{}, []*cloud.Snapshot(nil)
	for _, which := range []cloud.Cond{cloud.Eq("project_id", project), cloud.Eq("shared_with", project), cloud.Eq("public", true)} {
		part := q
		part.Where = append(q.Where[:len(q.Where):len(q.Where)], which)
		rows, err := s.Snapshots.List(ctx, part, func(n *cloud.Snapshot) bool { return !seen[n.ID] })
		if err != nil {
			return nil, err
		}
		for _, n := range rows {
			seen[n.ID] = true
		}
		all = append(all, rows...)
	}
	slices.SortStableFunc(all, func(x, y *cloud.Snapshot) int { return x.CreatedAt.Compare(y.CreatedAt) })
	return all, nil
}
