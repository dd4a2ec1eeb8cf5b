package pools

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// interrupted is a pool that does not remove what it is told to, as if the process had ended just before.
type interrupted struct{ Member }

func (interrupted) RemoveVolume(context.Context, spec.VolumeID) error {
	return errors.New("interrupted")
}

// TestMove proves that a volume that moves is whole on exactly one pool, with its bytes, also when a move was interrupted
// between the copy and the removal, in either direction; and that what such a move left is never taken for the volume.
func TestMove(t *testing.T) { betweenPools(t, moves) }

func moves(t *testing.T, s Set) {
	old := bytes.Repeat([]byte{7}, mib)
	write(t, s[0], 1, old)
	for range 2 { // the second time changes nothing
		move(t, s, "two", 10)
		alone(t, s[1], s[0], old)
	}
	left := Set{s[0], s[1]}
	left[1].Member = interrupted{s[1].Member}
	if _, err := left.EnsureVolume(t.Context(), moving("one", 20)); err == nil {
		t.Fatal("a move is over before the volume is off its old pool")
	}
	move(t, s, "one", 20)
	alone(t, s[0], s[1], old)

	left = Set{s[0], s[1]}
	left[0].Member = interrupted{s[0].Member}
	if _, err := left.EnsureVolume(t.Context(), moving("two", 30)); err == nil {
		t.Fatal("a move is over before the volume is off its old pool")
	}
	if err := s[0].RemoveVolume(t.Context(), "v"); err != nil { // the copy on "two" is left, and older than the volume
		t.Fatal(err)
	}
	newer := bytes.Repeat([]byte{8}, mib)
	write(t, s[0], 31, newer)
	move(t, s, "two", 40)
	alone(t, s[1], s[0], newer)
}

func moving(pool string, generation int64) spec.Volume {
	return spec.Volume{ID: "v", Generation: generation, SizeBytes: mib, Pool: pool, Move: true}
}

func move(t *testing.T, s Set, pool string, generation int64) {
	t.Helper()
	if status, err := s.EnsureVolume(t.Context(), moving(pool, generation)); err != nil || status.Pool != pool {
		t.Fatalf("moved to %s: %+v, %v", pool, status, err)
	}
}

func write(t *testing.T, p Pool, generation int64, content []byte) {
	t.Helper()
	if _, err := p.WriteVolume(t.Context(), spec.Volume{ID: "v", Generation: generation, SizeBytes: mib}, func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content)), nil
	}); err != nil {
		t.Fatal(err)
	}
}

// alone wants the volume, with its content, on one pool and not on the other.
func alone(t *testing.T, on, off Pool, content []byte) {
	t.Helper()
	if _, err := off.VolumeStatus(t.Context(), "v"); !errors.Is(err, spec.ErrMissing) {
		t.Fatalf("the volume is still on %s: %v", off.Name, err)
	}
	r, err := on.ReadVolume(t.Context(), "v")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if b, err := io.ReadAll(r); err != nil || !bytes.Equal(b, content) {
		t.Fatalf("the volume on %s has not its bytes: %d, %v", on.Name, len(b), err)
	}
}
