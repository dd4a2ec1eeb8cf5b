package pools

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// move brings a volume from the pool it is on to the one its document names, where nobody writes to it; or ends the move of
// one that a guest has taken along. A pool makes a volume whole or not at all, so wherever this was interrupted there is a
// whole one, and doing it again ends the same.
func (s Set) move(ctx context.Context, v spec.Volume, from Pool) (spec.VolumeStatus, error) {
	to, err := s.named(v.Pool)
	if err != nil {
		return spec.VolumeStatus{}, fmt.Errorf("volume %s: %w", v.ID, err)
	}
	v = sourceless(v)
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

// sourceless forgets what a volume was made from: that is in it.
func sourceless(v spec.Volume) spec.Volume {
	v.Image, v.Snapshot, v.Volume = nil, "", ""
	return v
}

// copyOver makes the copy. What another move has left there is older than the volume.
func copyOver(ctx context.Context, v spec.Volume, from, to Pool) error {
	if err := to.RemoveVolume(ctx, v.ID); err != nil && !errors.Is(err, spec.ErrMissing) {
		return err
	}
	read := from.ReadVolume
	if v.Encryption != nil {
		read = from.ReadEncrypted
	}
	_, err := to.WriteVolume(ctx, v, func() (io.ReadCloser, error) { return read(ctx, v.ID) })
	return err
}

// arriving is the generation of bytes that are not the volume yet: every volume is newer.
const arriving = -1

// PrepareMove implements agent.Mover. What is there already is as good a target as any: all of it is written over.
func (s Set) PrepareMove(ctx context.Context, v spec.Volume) (spec.BlockSource, error) {
	from, status, err := s.at(ctx, v.ID)
	if err != nil {
		return spec.BlockSource{}, err
	}
	to, err := s.named(v.Pool)
	if err != nil {
		return spec.BlockSource{}, fmt.Errorf("volume %s: %w", v.ID, err)
	}
	if to.Name != from.Name {
		if err := makeRoom(ctx, to, v, status.SizeBytes); err != nil {
			return spec.BlockSource{}, err
		}
	}
	return to.Source(ctx, v.ID)
}

func makeRoom(ctx context.Context, to Pool, v spec.Volume, sizeBytes int64) error {
	left, err := to.VolumeStatus(ctx, v.ID)
	if err == nil && left.SizeBytes < sizeBytes { // what an earlier move left of a volume that has grown since
		err = to.RemoveVolume(ctx, v.ID)
	}
	if err != nil && !errors.Is(err, spec.ErrMissing) {
		return err
	}
	v = sourceless(v)
	v.Generation, v.SizeBytes, v.Move = arriving, sizeBytes, false
	_, err = to.EnsureVolume(ctx, v)
	return err
}

// SwitchVolume implements agent.Mover: one write, on one pool, makes the bytes there the newest.
func (s Set) SwitchVolume(ctx context.Context, id spec.VolumeID, to spec.BlockSource) error {
	now, status, err := s.at(ctx, id)
	if err != nil {
		return err
	}
	for _, p := range s {
		here, err := p.Source(ctx, id)
		if errors.Is(err, spec.ErrMissing) || err == nil && here.Path != to.Path {
			continue
		}
		if err != nil || p.Name == now.Name {
			return err
		}
		_, err = p.EnsureVolume(ctx, spec.Volume{ID: id, Generation: status.Generation + 1, SizeBytes: status.SizeBytes})
		return err
	}
	return fmt.Errorf("volume %s is not at %s: %w", id, to.Path, spec.ErrMissing)
}
