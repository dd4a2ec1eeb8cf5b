package volume

import (
	"context"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/placement"
)

// RetypeRequest says what type a volume shall have.
type RetypeRequest struct {
	ID   cloud.VolumeID
	Type string // id or name
	// MayMove lets it go to another pool if the one that it is on lacks what the type asks for.
	MayMove bool
}

// Retype gives a volume another type: at once if it may stay where it is, else when it has moved to a pool that will do.
func (s *Service) Retype(ctx context.Context, r RetypeRequest) error {
	_, err := s.change(ctx, "volume.retype", r.ID, func(ctx context.Context, v *cloud.Volume) error {
		t, err := s.Type(ctx, r.Type)
		if err != nil {
			return err
		}
		if err := mayRetype(v, t); err != nil {
			return err
		}
		lacking, err := s.lacks(ctx, v, t)
		if err != nil {
			return err
		}
		if len(lacking) == 0 {
			if err := s.reserveType(ctx, v, t.ID); err != nil {
				return err
			}
			v.TypeID, v.TypeAlias, v.MultiAttach = t.ID, "", multiAttach(t)
			return nil
		}
		if !r.MayMove {
			return cloud.Invalidf("volume", "new_type", "Type %s asks for what the pool that volume %s is on has not: %s. Allow the volume to move to another.", t.Name, v.ID, strings.Join(lacking, ", "))
		}
		return s.moveForType(ctx, v, t)
	})
	return err
}

func mayRetype(v *cloud.Volume, t *cloud.VolumeType) error {
	if t.ID == v.TypeID {
		return cloud.Invalidf("volume", "new_type", "Volume %s is of type %s already.", v.ID, t.Name)
	}
	if err := mustBe(v, cloud.VolumeAvailable, cloud.VolumeAttached); err != nil {
		return err
	}
	if err := ungrouped(v); err != nil {
		return err
	}
	if v.State == cloud.VolumeAttached && multiAttach(t) != v.MultiAttach {
		return cloud.Invalidf("volume", "new_type", "The new type differs in multi-attachment, which cannot change while the volume is attached.")
	}
	if !encryptsAs(t, v.Key) {
		return cloud.Invalidf("volume", "new_type", "Type %s differs in encryption: a volume keeps its encryption, or its lack of it. Make a new volume of that type from this one.", t.Name)
	}
	return nil
}

// lacks are the specs of a type that the pool of a volume does not satisfy.
func (s *Service) lacks(ctx context.Context, v *cloud.Volume, t *cloud.VolumeType) ([]string, error) {
	h, err := s.HostRows.Get(ctx, v.HostID)
	if err != nil {
		return nil, err
	}
	p := h.Pool(v.Pool)
	if p == nil { // taken out of the configuration: it satisfies nothing
		p = &cloud.Pool{}
	}
	return placement.Lacks(t.ExtraSpecs, placement.Capabilities(p)), nil
}

// moveForType counts the volume for the type that it will have from now on, and starts its move.
func (s *Service) moveForType(ctx context.Context, v *cloud.Volume, t *cloud.VolumeType) error {
	if err := s.movable(ctx, v); err != nil {
		return err
	}
	if err := s.reserveType(ctx, v, t.ID); err != nil {
		return err
	}
	to, err := s.Placer.PlaceVolume(ctx, cloud.VolumePlacement{SizeGiB: v.SizeGiB, HostID: v.HostID, Specs: t.ExtraSpecs})
	if err != nil {
		return err
	}
	v.NextTypeID, v.TypeAlias = t.ID, ""
	return s.startMove(ctx, v, kindRetype, to.Pool)
}
