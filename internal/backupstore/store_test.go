package backupstore

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

func read(t *testing.T, s *Store, id cloud.BackupID) ([]byte, error) {
	t.Helper()
	r, err := s.Open(t.Context(), id)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// TestChain writes a random disk, changes it and grows it over ten backups on each other, and reads each back whole.
func TestChain(t *testing.T) {
	s, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	disk, parent := make([]byte, 8<<20+512), cloud.BackupID("")
	saved := map[cloud.BackupID][]byte{}
	for n := range 10 {
		id := cloud.BackupID(rune('a' + n))
		at := random.IntN(len(disk) - 100)
		for i := range 100 {
			disk[at+i] = byte(random.Uint32())
		}
		kept, err := s.Write(t.Context(), id, parent, bytes.NewReader(disk))
		if err != nil || kept > 2 {
			t.Fatalf("backup %s kept %d pieces, %v", id, kept, err)
		}
		saved[id], parent = bytes.Clone(disk), id
		if n%3 == 2 {
			disk = append(disk, make([]byte, 512)...)
		}
	}
	for id, want := range saved {
		if got, err := read(t, s, id); err != nil || !bytes.Equal(got, want) {
			t.Errorf("backup %s reads %d bytes differently, %v", id, len(got), err)
		}
		if size, _, err := s.Stat(t.Context(), id); err != nil || size != int64(len(want)) {
			t.Errorf("backup %s has %d bytes, %v", id, size, err)
		}
	}
}

// TestHalfWritten shows that a stream that breaks leaves what was there.
func TestHalfWritten(t *testing.T) {
	s, _ := Open(t.TempDir())
	broken := io.MultiReader(bytes.NewReader(make([]byte, 3<<20)), readerOf(func() error { return errors.New("gone") }))
	if _, err := s.Write(t.Context(), "a", "", broken); err == nil {
		t.Fatal("no error")
	}
	if _, err := read(t, s, "a"); !cloud.Is(err, cloud.NotFound) {
		t.Errorf("half a backup: %v", err)
	}
	if left, _ := os.ReadDir(s.dir); len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
}

type readerOf func() error

func (f readerOf) Read([]byte) (int, error) { return 0, f() }

// TestDamage changes a byte on disk: reading says so instead of answering it.
func TestDamage(t *testing.T) {
	s, _ := Open(t.TempDir())
	if _, err := s.Write(t.Context(), "a", "", bytes.NewReader([]byte("precious"))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.path("a", "pieces"), []byte("preciouz"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := read(t, s, "a"); !cloud.Is(err, cloud.Internal) {
		t.Errorf("a damaged backup: %v", err)
	}
	for range 2 {
		if err := s.Remove(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
	}
}
