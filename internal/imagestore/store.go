package imagestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/image"
)

var _ image.Bytes = (*Store)(nil)

// Store implements image.Bytes on a directory. It is safe for use from several goroutines.
type Store struct {
	// FreeBytesMin is how much room an upload must leave on the file system: others live there,
	// the database among them. Set it before the first Put.
	FreeBytesMin int64

	dir string
}

const (
	imagesDir = "images"
	tmpDir    = "tmp"
)

// Open opens a store, makes its directories if they are not there, and sweeps
// uploads that a killed process left. One Store at a time may use a directory.
func Open(dir string) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	s := &Store{dir: dir, FreeBytesMin: 256 << 20}
	if err := os.RemoveAll(s.path(tmpDir)); err != nil {
		return nil, fmt.Errorf("sweep image store: %w", err)
	}
	for _, name := range []string{"", imagesDir, tmpDir} {
		if err := os.MkdirAll(s.path(name), 0o700); err != nil {
			return nil, fmt.Errorf("make image store: %w", err)
		}
	}
	return s, syncDir(s.dir)
}

func (s *Store) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

// safeID are the ids that may become names of directories.
var safeID = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127}$`)

func (s *Store) object(id cloud.ImageID) (string, error) {
	if !safeID.MatchString(string(id)) {
		return "", cloud.NotFoundf("image", id)
	}
	return s.path(imagesDir, string(id)), nil
}

// Put implements image.Bytes. A full disk is NoCapacity.
func (s *Store) Put(ctx context.Context, id cloud.ImageID, r io.Reader, check func(f io.ReaderAt, size int64) error) (image.Stored, error) {
	object, err := s.object(id)
	if err != nil {
		return image.Stored{}, err
	}
	tmp, err := os.MkdirTemp(s.path(tmpDir), "put-")
	if err != nil {
		return image.Stored{}, roomError(err)
	}
	defer os.RemoveAll(tmp)
	stored, err := s.receive(ctx, tmp, r, check)
	if err != nil {
		return image.Stored{}, roomError(err)
	}
	if err := publish(tmp, object); err != nil {
		return image.Stored{}, roomError(err)
	}
	return stored, nil
}

// receive leaves one synced file in dir, named after its checksum.
func (s *Store) receive(ctx context.Context, dir string, r io.Reader, check func(f io.ReaderAt, size int64) error) (image.Stored, error) {
	path := filepath.Join(dir, "upload")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return image.Stored{}, err
	}
	defer f.Close()
	stored, err := drain(ctx, r, &fileSink{f: f, freeBytesMin: s.FreeBytesMin})
	if err != nil {
		return image.Stored{}, err
	}
	if err := check(f, stored.SizeBytes); err != nil {
		return image.Stored{}, err
	}
	if err := errors.Join(f.Chmod(0o444), f.Sync()); err != nil {
		return image.Stored{}, err
	}
	return stored, os.Rename(path, filepath.Join(dir, stored.SHA256))
}

// publish puts the directory tmp in the place of object, at once also if there is one already;
// tmp then holds what was there before, for the caller to remove.
func publish(tmp, object string) error {
	if err := syncDir(tmp); err != nil {
		return err
	}
	err := unix.Renameat2(unix.AT_FDCWD, tmp, unix.AT_FDCWD, object, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EEXIST) {
		err = unix.Renameat2(unix.AT_FDCWD, tmp, unix.AT_FDCWD, object, unix.RENAME_EXCHANGE)
	}
	if err != nil {
		return fmt.Errorf("keep image: %w", err)
	}
	return syncDir(filepath.Dir(object))
}

// File is an image's bytes, open. Besides reading and seeking it tells a driver on
// the same host where they lie.
type File struct {
	*os.File
}

// LocalPath is the file's name. The file never changes; it may go (Delete), so link it at once.
func (f File) LocalPath() string { return f.Name() }

// LocalSHA256 is the checksum that was computed while the file was written, in hex.
func (f File) LocalSHA256() string { return filepath.Base(f.Name()) }

// Open implements image.Bytes. What it answers is a File.
func (s *Store) Open(_ context.Context, id cloud.ImageID) (io.ReadSeekCloser, int64, error) {
	object, err := s.object(id)
	if err != nil {
		return nil, 0, err
	}
	// A Put may exchange the directory between looking and opening: then look again.
	for range 100 {
		entries, err := os.ReadDir(object)
		if errors.Is(err, fs.ErrNotExist) && there(object) {
			continue // it was removed while it was read: the kernel says so as of one that never was
		}
		if err != nil {
			return nil, 0, missing(id, err)
		}
		if len(entries) != 1 {
			continue // the old directory, on its way out
		}
		f, err := os.Open(filepath.Join(object, entries[0].Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, 0, err
		}
		info, err := f.Stat()
		if err != nil {
			return nil, 0, errors.Join(err, f.Close())
		}
		return File{f}, info.Size(), nil
	}
	return nil, 0, missing(id, nil)
}

// there tells whether something has the path now.
func there(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func missing(id cloud.ImageID, err error) error {
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return cloud.NotFoundf("image", id)
	}
	return err
}

// Delete implements image.Bytes. Readers that have the file open go on.
func (s *Store) Delete(_ context.Context, id cloud.ImageID) error {
	object, err := s.object(id)
	if err != nil {
		return nil // nothing can be there
	}
	tmp, err := os.MkdirTemp(s.path(tmpDir), "delete-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	// One rename, so that a crash leaves the whole file or none.
	err = os.Rename(object, filepath.Join(tmp, "gone"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return syncDir(s.path(imagesDir))
}

// List implements image.Bytes.
func (s *Store) List(context.Context) ([]cloud.ImageID, error) {
	entries, err := os.ReadDir(s.path(imagesDir))
	var ids []cloud.ImageID
	for _, e := range entries {
		ids = append(ids, cloud.ImageID(e.Name()))
	}
	return ids, err
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// roomError gives a full disk its word.
func roomError(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) {
		return &cloud.Error{Kind: cloud.NoCapacity, Resource: "image", Message: "There is no room left for the image's data.", Cause: err}
	}
	return err
}
