package pools

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// move brings a volume from the pool it is on to the one its document names. Nobody writes to it meanwhile. A pool makes a
// volume whole or not at all, so wherever this was interrupted there is a whole one, and doing it again ends the same.
func (s Set) move(ctx context.Context, v spec.Volume, from Pool) (spec.VolumeStatus, error) {
	to, err := s.named(v.Pool)
	if err != nil {
		return spec.VolumeStatus{}, fmt.Errorf("volume %s: %w", v.ID, err)
	}
	v.Image, v.Snapshot, v.Volume = nil, "", "" // what it was made from is in it
	if to.Name != from.Name {
		if err := copyOver(ctx, v, from, to); err != nil {
			return spec.VolumeStatus{}, err
		}
	}
	for _, p := range s {
		if p.Name == to.Name {
			continue
		}
		if err := p.RemoveVolume(ctx, v.ID); err != nil && !errors.Is(err, spec.ErrMissing) {
			return spec.VolumeStatus{}, err
		}
	}
	return to.EnsureVolume(ctx, v)
}

// copyOver makes the copy, unless this very move has made it. One of another move was left behind, and may be older than
// what it was copied from.
func copyOver(ctx context.Context, v spec.Volume, from, to Pool) error {
	left, err := to.VolumeStatus(ctx, v.ID)
	if err == nil && left.Generation == v.Generation {
		return nil
	}
	if err == nil {
		err = to.RemoveVolume(ctx, v.ID)
	}
	if err != nil && !errors.Is(err, spec.ErrMissing) {
		return err
	}
	_, err = to.WriteVolume(ctx, v, func() (io.ReadCloser, error) { return from.ReadVolume(ctx, v.ID) })
	return err
}
