package pools

import (
	"bytes"
	"context"
	"errors"
	"io"
	"reflect"
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

// TestMoveUnderAGuest proves that room made for a volume is not the volume until it is said to be; that it is then, whole, whatever
// becomes of the other; and that it may be said again, and of the other.
func TestMoveUnderAGuest(t *testing.T) { betweenPools(t, movesUnderAGuest) }

func movesUnderAGuest(t *testing.T, s Set) {
	ctx, old := t.Context(), bytes.Repeat([]byte{7}, mib)
	for p := range s { // in either order of the pools
		from, to := s[p], s[1-p]
		write(t, from, 3, old)
		was, err := s.Source(ctx, "v")
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			there, err := s.PrepareMove(ctx, moving(to.Name, 10))
			if err != nil || there.Path == was.Path {
				t.Fatalf("room at %s: %v", there.Path, err)
			}
			isAt(t, s, from, was)
		}
		there, err := s.PrepareMove(ctx, moving(to.Name, 10))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			for at, p := range map[string]Pool{there.Path: to, was.Path: from} {
				source := spec.BlockSource{Path: at}
				if err := s.SwitchVolume(ctx, "v", source); err != nil {
					t.Fatal(err)
				}
				isAt(t, s, p, source)
			}
		}
		if err := s.SwitchVolume(ctx, "v", spec.BlockSource{Path: "/nowhere"}); !errors.Is(err, spec.ErrMissing) {
			t.Errorf("a volume that is nowhere: %v", err)
		}
		if err := s.SwitchVolume(ctx, "v", there); err != nil {
			t.Fatal(err)
		}
		move(t, s, to.Name, 10) // and it has moved
		alone(t, to, from, make([]byte, mib))
		if err := s.RemoveVolume(ctx, "v"); err != nil {
			t.Fatal(err)
		}
	}
}

// isAt wants the volume to be on a pool.
func isAt(t *testing.T, s Set, on Pool, at spec.BlockSource) {
	t.Helper()
	source, err := s.Source(t.Context(), "v")
	status, failed := s.VolumeStatus(t.Context(), "v")
	if errors.Join(err, failed) != nil || source.Path != at.Path || status.Pool != on.Name {
		t.Fatalf("the volume is at %s on %s, want %s on %s (%v, %v)", source.Path, status.Pool, at.Path, on.Name, err, failed)
	}
}

// TestEncryptedMoves proves that an encrypted volume goes to another pool as it is, and that its bytes are not handed out in clear.
func TestEncryptedMoves(t *testing.T) { betweenPools(t, encryptedMoves) }

func encryptedMoves(t *testing.T, s Set) {
	if reflect.TypeOf(s[0].Member) != reflect.TypeOf(s[1].Member) {
		t.Skip("a simulated pool has no header to hand to a real one")
	}
	ctx := t.Context()
	v := moving("one", 1)
	v.Move, v.Encryption = false, &spec.Encryption{Cipher: "aes-xts-plain64", KeyBits: 512, Key: "correct horse battery staple"}
	if _, err := s.EnsureVolume(ctx, v); err != nil {
		t.Fatal(err)
	}
	before := encryptedBytes(t, s[0])
	v.Move, v.Pool, v.Generation = true, "two", 2
	if status, err := s.EnsureVolume(ctx, v); err != nil || status.Pool != "two" || status.SizeBytes != mib {
		t.Fatalf("moved: %+v, %v", status, err)
	}
	if !bytes.Equal(before, encryptedBytes(t, s[1])) {
		t.Error("its bytes are others than before")
	}
	if _, err := s[1].ReadVolume(ctx, "v"); !errors.Is(err, spec.ErrNotSupported) {
		t.Errorf("read in clear: %v", err)
	}
}

func encryptedBytes(t *testing.T, p Pool) []byte {
	t.Helper()
	r, err := p.ReadEncrypted(t.Context(), "v")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
