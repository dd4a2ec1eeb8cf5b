// Package backupstore keeps backups of volumes in a directory, which may be on another file system or machine.
//
//	DIR/ID/pieces      the pieces that this backup holds itself, one after the other
//	DIR/ID/index       one line per piece of the volume, gzipped JSON: whose file it is in, where, its SHA-256
//	DIR/tmp-ID/...     a backup being written; replaced when it is begun again
//
// A volume is cut into pieces of 1 MiB. Pieces of zeros are not kept; a backup on a parent keeps those that differ from the
// parent's and points at the others, wherever they are: so chains are never walked, and a backup is as good as its
// index. Backups appear whole, by one rename, after a sync. Every piece is compared with its checksum when it is read.
//
// It knows no volumes, states or quotas: package volume does, whose interface (volume.BackupBytes) it implements, and
// which never removes a backup that another points at. Wired in daemon.
package backupstore

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

const pieceBytes = 1 << 20

var zeros = make([]byte, pieceBytes)

// Store is the directory. It is safe for concurrent use; one backup is written by one caller at a time.
type Store struct{ dir string }

// Open makes the directory if it is not there.
func Open(dir string) (*Store, error) {
	return &Store{dir: dir}, os.MkdirAll(dir, 0o700)
}

// index says where the bytes of a backup are.
type index struct {
	SizeBytes int64   `json:"size_bytes"`
	SHA256    string  `json:"sha256"` // of all bytes, in hex
	Pieces    []piece `json:"pieces"`
}

// piece is where one piece lies; a zero piece has no owner.
type piece struct {
	Owner  cloud.BackupID `json:"o,omitempty"`
	Offset int64          `json:"at,omitempty"`
	Length int            `json:"n,omitempty"`
	SHA256 []byte         `json:"s,omitempty"`
}

func (s *Store) path(id cloud.BackupID, name string) string {
	return filepath.Join(s.dir, filepath.Base(string(id)), name)
}

func (s *Store) readIndex(id cloud.BackupID) (*index, error) {
	f, err := os.Open(s.path(id, "index"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, cloud.NotFoundf("backup", id)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, damaged(id, err)
	}
	i := &index{}
	if err := json.NewDecoder(z).Decode(i); err != nil {
		return nil, damaged(id, err)
	}
	return i, nil
}

func damaged(id cloud.BackupID, cause error) error {
	return &cloud.Error{Kind: cloud.Internal, Resource: "backup", ID: string(id), Message: "The backup's bytes are damaged.", Cause: cause}
}

// Stat answers the length and SHA-256 of a backup's bytes, NotFound if there is none.
func (s *Store) Stat(_ context.Context, id cloud.BackupID) (sizeBytes int64, sum string, err error) {
	i, err := s.readIndex(id)
	if err != nil {
		return 0, "", err
	}
	return i.SizeBytes, i.SHA256, nil
}

// Remove deletes a backup. It may be repeated.
func (s *Store) Remove(_ context.Context, id cloud.BackupID) error {
	return errors.Join(os.RemoveAll(s.path("tmp-"+id, "")), os.RemoveAll(s.path(id, "")))
}

// Open reads the bytes of a backup, checking each piece.
func (s *Store) Open(_ context.Context, id cloud.BackupID) (io.ReadCloser, error) {
	i, err := s.readIndex(id)
	if err != nil {
		return nil, err
	}
	return &reader{store: s, id: id, index: i, files: map[cloud.BackupID]*os.File{}}, nil
}

type reader struct {
	store *Store
	id    cloud.BackupID
	index *index
	files map[cloud.BackupID]*os.File
	next  int
	done  int64
	rest  []byte
	piece [pieceBytes]byte
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.next == len(r.index.Pieces) {
			return 0, io.EOF
		}
		if err := r.load(r.index.Pieces[r.next]); err != nil {
			return 0, err
		}
		r.next++
	}
	n := copy(p, r.rest)
	r.rest, r.done = r.rest[n:], r.done+int64(n)
	return n, nil
}

func (r *reader) load(p piece) error {
	if p.Owner == "" {
		r.rest = zeros[:min(pieceBytes, r.index.SizeBytes-r.done)]
		return nil
	}
	f, err := r.file(p.Owner)
	if err != nil {
		return damaged(r.id, err)
	}
	b := r.piece[:p.Length]
	if _, err := f.ReadAt(b, p.Offset); err != nil {
		return damaged(r.id, err)
	}
	if sum := sha256.Sum256(b); !bytes.Equal(sum[:], p.SHA256) {
		return damaged(r.id, fmt.Errorf("a piece of %s at %d has another SHA-256", p.Owner, p.Offset))
	}
	r.rest = b
	return nil
}

func (r *reader) file(owner cloud.BackupID) (*os.File, error) {
	if f := r.files[owner]; f != nil {
		return f, nil
	}
	f, err := os.Open(r.store.path(owner, "pieces"))
	if err == nil {
		r.files[owner] = f
	}
	return f, err
}

// Close closes the files.
func (r *reader) Close() error {
	for _, f := range r.files {
		f.Close()
	}
	return nil
}

// Write makes a backup of what r yields, in terms of its parent unless that is empty, and answers how many pieces it had to
// keep. Nothing is there unless it succeeds. It may be repeated: one that is there is replaced.
func (s *Store) Write(ctx context.Context, id, parent cloud.BackupID, r io.Reader) (kept int, err error) {
	before := &index{}
	if parent != "" {
		if before, err = s.readIndex(parent); err != nil {
			return 0, err
		}
	}
	tmp := filepath.Join(s.dir, "tmp-"+filepath.Base(string(id)))
	if err := errors.Join(os.RemoveAll(tmp), os.Mkdir(tmp, 0o700)); err != nil {
		return 0, err
	}
	defer os.RemoveAll(tmp)
	w := &writer{id: id, before: before.Pieces}
	if err := writeFile(filepath.Join(tmp, "pieces"), func(f *os.File) error { return w.pieces(ctx, f, r) }); err != nil {
		return 0, err
	}
	if err := writeFile(filepath.Join(tmp, "index"), w.writeIndex); err != nil {
		return 0, err
	}
	if err := errors.Join(syncDir(tmp), os.RemoveAll(s.path(id, "")), os.Rename(tmp, s.path(id, "")), syncDir(s.dir)); err != nil {
		return 0, err
	}
	return w.kept, nil
}

type writer struct {
	id     cloud.BackupID
	before []piece
	index  index
	kept   int
	offset int64
}

func (w *writer) pieces(ctx context.Context, f *os.File, r io.Reader) error {
	all, buffer := sha256.New(), make([]byte, pieceBytes)
	for ctx.Err() == nil {
		n, err := io.ReadFull(r, buffer)
		if n > 0 {
			all.Write(buffer[:n])
			if err := w.add(f, buffer[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			w.index.SHA256 = hex.EncodeToString(all.Sum(nil))
			return nil
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// add notes where a piece is, and keeps it if it is nowhere yet.
func (w *writer) add(f *os.File, b []byte) error {
	w.index.SizeBytes += int64(len(b))
	if bytes.Equal(b, zeros[:len(b)]) {
		w.index.Pieces = append(w.index.Pieces, piece{})
		return nil
	}
	sum := sha256.Sum256(b)
	if n := len(w.index.Pieces); n < len(w.before) && w.before[n].Length == len(b) && bytes.Equal(w.before[n].SHA256, sum[:]) {
		w.index.Pieces = append(w.index.Pieces, w.before[n])
		return nil
	}
	if _, err := f.Write(b); err != nil {
		return err
	}
	w.index.Pieces = append(w.index.Pieces, piece{Owner: w.id, Offset: w.offset, Length: len(b), SHA256: sum[:]})
	w.kept, w.offset = w.kept+1, w.offset+int64(len(b))
	return nil
}

func (w *writer) writeIndex(f *os.File) error {
	z := gzip.NewWriter(f)
	return errors.Join(json.NewEncoder(z).Encode(&w.index), z.Close())
}

func writeFile(path string, fill func(*os.File) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(fill(f), f.Sync(), f.Close())
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
