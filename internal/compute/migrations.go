package compute

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// ListMigrations answers the migrations of all instances.
func (s *Service) ListMigrations(ctx context.Context, q cloud.Query, keep func(*cloud.Migration) bool) ([]*cloud.Migration, error) {
	if err := policy.Authorize(ctx, "migration.get", policy.Target{Resource: "migration"}); err != nil {
		return nil, err
	}
	return s.Migrations.List(ctx, q, keep)
}

// MovingLive answers the migrations of an instance that goes on running meanwhile, those that are not over.
func (s *Service) MovingLive(ctx context.Context, id cloud.InstanceID) ([]*cloud.Migration, error) {
	if err := policy.Authorize(ctx, "migration.get", policy.Target{Resource: "migration"}); err != nil {
		return nil, err
	}
	if _, err := s.permitted(ctx, id, "instance.get"); err != nil {
		return nil, err
	}
	return s.Migrations.List(ctx, cloud.Where(cloud.Eq("instance_id", id), cloud.Eq("open", true)),
		func(m *cloud.Migration) bool { return m.Kind == cloud.MigrationLive })
}

// openMigration writes that an instance begins to move, in the transaction that starts it. One that was forgotten half way, by an
// administrator's reset, ends with it.
func (s *Service) openMigration(ctx context.Context, in *cloud.Instance, kind cloud.MigrationKind) error {
	if err := s.setMigration(ctx, in.ID, cloud.MigrationFailed); err != nil {
		return err
	}
	number, err := s.nextMigration(ctx)
	if err != nil {
		return err
	}
	source, err := s.HostRows.Get(ctx, in.HostID)
	if err != nil {
		return err
	}
	m := &cloud.Migration{ID: cloud.MigrationID(cloud.NewID()), Number: number, InstanceID: in.ID, ProjectID: in.ProjectID, UserID: cloud.PrincipalOf(ctx).UserID,
		Kind: kind, State: cloud.MigrationRunning, Source: source.Name, OldFlavor: in.Flavor.FlavorID, NewFlavor: in.Flavor.FlavorID, OperationID: in.OperationID}
	if kind == cloud.MigrationResize {
		m.OldFlavor, m.Target, m.TargetAddress = in.OldFlavor.FlavorID, source.Name, source.Address
	}
	return s.Migrations.Insert(ctx, m)
}

// nextMigration counts under a lock: two that begin at once get different numbers.
func (s *Service) nextMigration(ctx context.Context) (int64, error) {
	if err := s.Tx.Lock(ctx, "migrations"); err != nil {
		return 0, err
	}
	last, err := s.Migrations.List(ctx, cloud.Query{Order: []cloud.Order{{Column: "number", Desc: true}}, Limit: 1})
	if err != nil || len(last) == 0 {
		return 1, err
	}
	return last[0].Number + 1, nil
}

// changeMigration alters the open migration of an instance, if it has one.
func (s *Service) changeMigration(ctx context.Context, id cloud.InstanceID, f func(m *cloud.Migration)) error {
	list, err := s.Migrations.List(ctx, cloud.Where(cloud.Eq("instance_id", id), cloud.Eq("open", true)))
	if err != nil {
		return err
	}
	for _, m := range list {
		f(m)
		if err := s.Migrations.Update(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) setMigration(ctx context.Context, id cloud.InstanceID, state cloud.MigrationState) error {
	return s.changeMigration(ctx, id, func(m *cloud.Migration) { m.State = state })
}
