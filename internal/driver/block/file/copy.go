package file

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/imageformat/qcow2"
)

const copyChunkBytes = 64 << 20

// probeReflink finds out whether the file system clones files.
func (d *Driver) probeReflink() bool {
	dir, err := d.newTmp()
	if err != nil {
		return false
	}
	defer os.RemoveAll(dir)
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	if os.WriteFile(from, make([]byte, 4096), 0o600) != nil {
		return false
	}
	return reflinkFile(from, to) == nil
}

// reflinkFile makes to, a new file, a clone of from that shares its blocks.
func reflinkFile(from, to string) error {
	return withBoth(from, to, func(src, dst *os.File) error {
		return unix.IoctlFileClone(int(dst.Fd()), int(src.Fd()))
	})
}

// copyDisk makes to, a new file, a synced copy of from: by reflink where that works, else without its holes.
func (d *Driver) copyDisk(ctx context.Context, from, to string) error {
	return withBoth(from, to, func(src, dst *os.File) error {
		if d.reflink && unix.IoctlFileClone(int(dst.Fd()), int(src.Fd())) == nil {
			return dst.Sync()
		}
		if err := copySparse(ctx, dst, src); err != nil {
			return diskError(err)
		}
		return diskError(dst.Sync())
	})
}

func withBoth(from, to string, f func(src, dst *os.File) error) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return diskError(err)
	}
	return errors.Join(f(src, dst), dst.Close())
}

// copySparse copies the data of src and keeps its holes.
func copySparse(ctx context.Context, dst, src *os.File) error {
	info, err := src.Stat()
	if err != nil {
		return err
	}
	if err := dst.Truncate(info.Size()); err != nil {
		return err
	}
	extents, err := dataExtents(src, info.Size())
	if err != nil {
		return err
	}
	for _, x := range extents {
		if err := copyRange(ctx, dst, src, x.Offset, x.Length); err != nil {
			return err
		}
	}
	return nil
}

// dataExtents lists where a file has data. On file systems that do not know, that is everywhere.
func dataExtents(f *os.File, size int64) ([]qcow2.Extent, error) {
	var extents []qcow2.Extent
	for at := int64(0); at < size; {
		data, err := unix.Seek(int(f.Fd()), at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return extents, nil
		}
		if errors.Is(err, unix.EINVAL) {
			return []qcow2.Extent{{Offset: 0, Length: size}}, nil
		}
		if err != nil {
			return nil, err
		}
		hole, err := unix.Seek(int(f.Fd()), data, unix.SEEK_HOLE)
		if err != nil {
			return nil, err
		}
		extents = append(extents, qcow2.Extent{Offset: data, Length: min(hole, size) - data})
		at = hole
	}
	return extents, nil
}

// copyRange copies inside the kernel where it can.
func copyRange(ctx context.Context, dst, src *os.File, offset, length int64) error {
	for length > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		from, to := offset, offset
		n, err := unix.CopyFileRange(int(src.Fd()), &from, int(dst.Fd()), &to, int(min(length, copyChunkBytes)), 0)
		if err != nil || n == 0 {
			return copyPlain(ctx, dst, src, offset, length)
		}
		offset, length = offset+int64(n), length-int64(n)
	}
	return nil
}

// copyPlain is for kernels and file systems without copy_file_range between these files.
func copyPlain(ctx context.Context, dst, src *os.File, offset, length int64) error {
	_, err := io.CopyBuffer(struct{ io.Writer }{io.NewOffsetWriter(dst, offset)},
		&contextReader{ctx, io.NewSectionReader(src, offset, length)}, make([]byte, 1<<20))
	return err
}

// contextReader stops with its context's error.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r *contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// sparseWriter writes a stream to a new file and leaves holes where it is zeros.
type sparseWriter struct {
	f  *os.File
	at int64
}

const sparseBlockBytes = 64 << 10

var zeroBlock = make([]byte, sparseBlockBytes)

func (w *sparseWriter) Write(p []byte) (int, error) {
	written := len(p)
	for len(p) > 0 {
		// Blocks end at multiples of sparseBlockBytes of the file.
		n := min(int64(len(p)), sparseBlockBytes-w.at%sparseBlockBytes)
		if !bytes.Equal(p[:n], zeroBlock[:n]) {
			if _, err := w.f.WriteAt(p[:n], w.at); err != nil {
				return 0, err
			}
		}
		w.at, p = w.at+n, p[n:]
	}
	return written, nil
}

// finish gives the file its length, which a hole at the end has not.
func (w *sparseWriter) finish() error { return w.f.Truncate(w.at) }
