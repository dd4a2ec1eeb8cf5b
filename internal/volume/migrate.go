package volume

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// MigrateRequest says where a volume shall be.
type MigrateRequest struct {
	ID   cloud.VolumeID
	Host string // its name
	Pool string // empty: the roomiest
	// Lock has it show as in maintenance until it is there. It is kept from its owner's Operations either way.
	Lock bool
}

// Migrate starts to move a volume to another pool, for operators. The pool must have what the volume's type asks for.
func (s *Service) Migrate(ctx context.Context, r MigrateRequest) error {
	_, err := s.change(ctx, "volume.migrate", r.ID, func(ctx context.Context, v *cloud.Volume) error {
		if err := s.movable(ctx, v); err != nil {
			return err
		}
		to, err := s.destination(ctx, v, r)
		if err != nil {
			return err
		}
		if r.Lock {
			v.State = cloud.VolumeMaintenance
		}
		return s.startMove(ctx, v, kindMigrate, to.Pool)
	})
	return err
}

func (s *Service) destination(ctx context.Context, v *cloud.Volume, r MigrateRequest) (to cloud.VolumePlace, err error) {
	h, err := s.hostNamed(ctx, r.Host)
	if cloud.Is(err, cloud.NotFound) || err == nil && h.Pool(r.Pool) == nil {
		return to, cloud.Invalidf("volume", "host", "Invalid host: there is no host %s with a pool %q.", r.Host, r.Pool)
	}
	if err != nil {
		return to, err
	}
	if h.ID != v.HostID {
		return to, cloud.Errorf(cloud.Unsupported, "volume", v.ID, "Volume %s is on another host than %s: volumes move between the pools of one host.", v.ID, h.Name)
	}
	if r.Pool == v.Pool {
		return to, cloud.Invalidf("volume", "host", "Invalid host: volume %s is on pool %s of host %s already.", v.ID, r.Pool, h.Name)
	}
	specs, err := s.specsOf(ctx, v.TypeID)
	if err != nil {
		return to, err
	}
	to, err = s.Placer.PlaceVolume(ctx, cloud.VolumePlacement{SizeGiB: v.SizeGiB, HostID: h.ID, Pool: r.Pool, Specs: specs})
	if err == nil && to.Pool == v.Pool {
		err = cloud.Invalidf("volume", "host", "Invalid host: of the pools of host %s, the one that volume %s is on is the best. Name another.", h.Name, v.ID)
	}
	return to, err
}

// CompleteMigration is for those who copied a volume's bytes themselves into another, which is to take its place. Moves here
// complete by themselves, also under a guest, and never have a second volume: so there is nothing to complete, and the answer
// says so.
func (s *Service) CompleteMigration(ctx context.Context, id, into cloud.VolumeID) error {
	v, err := s.authorized(ctx, "volume.migrate", id)
	if err != nil {
		return err
	}
	if _, err := s.authorized(ctx, "volume.migrate", into); err != nil {
		return err
	}
	if err := still(v); err != nil {
		return err
	}
	return cloud.Errorf(cloud.WrongState, "volume", id, "Invalid volume: volume %s is not being migrated to volume %s: there is nothing to complete.", id, into)
}
