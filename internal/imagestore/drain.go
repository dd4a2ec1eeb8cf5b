package imagestore

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/image"
)

const (
	chunkBytes = 1 << 20
	chunkCount = 8
)

// chunk is a piece of the stream on its way through all sinks.
type chunk struct {
	b       []byte // chunkBytes long
	n       int
	waiting atomic.Int32 // sinks that have not taken it yet
}

// pipeline hands every chunk to every sink, each in a goroutine of its own, and in order.
type pipeline struct {
	free   chan *chunk
	queues []chan *chunk
	group  sync.WaitGroup
	failed atomic.Pointer[error] // of a sink; the first
}

func newPipeline(sinks ...io.Writer) *pipeline {
	p := &pipeline{free: make(chan *chunk, chunkCount)}
	for range chunkCount {
		p.free <- &chunk{b: make([]byte, chunkBytes)}
	}
	for _, sink := range sinks {
		queue := make(chan *chunk, chunkCount)
		p.queues = append(p.queues, queue)
		p.group.Go(func() { p.feed(sink, queue) })
	}
	return p
}

// feed goes on emptying the queue after a failure, so that nobody waits for ever.
func (p *pipeline) feed(sink io.Writer, queue chan *chunk) {
	var err error
	for c := range queue {
		if err == nil {
			if _, err = sink.Write(c.b[:c.n]); err != nil {
				p.failed.CompareAndSwap(nil, &err)
			}
		}
		if c.waiting.Add(-1) == 0 {
			p.free <- c
		}
	}
}

// run moves r through until its end or the first failure, and waits for the sinks.
func (p *pipeline) run(ctx context.Context, r io.Reader) (int64, error) {
	n, err := p.read(ctx, r)
	for _, queue := range p.queues {
		close(queue)
	}
	p.group.Wait()
	if failed := p.failed.Load(); failed != nil {
		err = *failed
	}
	return n, err
}

func (p *pipeline) read(ctx context.Context, r io.Reader) (total int64, err error) {
	for p.failed.Load() == nil {
		if err := ctx.Err(); err != nil {
			return total, err
		}
		c := <-p.free
		c.n, err = io.ReadFull(r, c.b)
		total += int64(c.n)
		if c.n > 0 {
			c.waiting.Store(int32(len(p.queues)))
			for _, queue := range p.queues {
				queue <- c
			}
		}
		if errors.Is(err, io.EOF) || err == io.ErrUnexpectedEOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// drain writes all of r to the file and hashes it on the way.
func drain(ctx context.Context, r io.Reader, f *fileSink) (image.Stored, error) {
	sums := []hash.Hash{md5.New(), sha256.New(), sha512.New()}
	n, err := newPipeline(f, sums[0], sums[1], sums[2]).run(ctx, &exactReader{r: r})
	if err == nil {
		err = f.finish(n)
	}
	if err != nil {
		return image.Stored{}, err
	}
	hexSum := func(i int) string { return hex.EncodeToString(sums[i].Sum(nil)) }
	return image.Stored{SizeBytes: n, MD5: hexSum(0), SHA256: hexSum(1), SHA512: hexSum(2)}, nil
}

// exactReader keeps a stream's own io.ErrUnexpectedEOF (a client that hung up) apart from the one that
// io.ReadFull makes of a last short chunk.
type exactReader struct{ r io.Reader }

func (e *exactReader) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if err == io.ErrUnexpectedEOF {
		err = fmt.Errorf("the data broke off: %w", err)
	}
	return n, err
}

const (
	holeBytes = 64 << 10
	// flushBytes is how much is written before the kernel is asked to begin writing
	// back, so that the sync at the end finds little left to do.
	flushBytes = 8 << 20
	// roomBytes is how much is written between two looks at the free space.
	roomBytes = 64 << 20
)

var zeros = make([]byte, holeBytes)

// fileSink writes a stream to a new file and leaves holes where it is zeros.
type fileSink struct {
	f            *os.File
	freeBytesMin int64
	at           int64
	flushed      int64
	looked       int64
}

func (s *fileSink) Write(p []byte) (int, error) {
	if s.at == 0 || s.at-s.looked >= roomBytes {
		s.looked = s.at
		if err := s.checkRoom(); err != nil {
			return 0, err
		}
	}
	n := len(p)
	for len(p) > 0 {
		piece := p[:min(len(p), holeBytes)]
		if !bytes.Equal(piece, zeros[:len(piece)]) {
			if _, err := s.f.WriteAt(piece, s.at); err != nil {
				return 0, err
			}
		}
		s.at, p = s.at+int64(len(piece)), p[len(piece):]
	}
	if s.at-s.flushed >= flushBytes {
		// A hint: file systems that do not know it lose nothing but time.
		_ = unix.SyncFileRange(int(s.f.Fd()), s.flushed, s.at-s.flushed, unix.SYNC_FILE_RANGE_WRITE)
		s.flushed = s.at
	}
	return n, nil
}

func (s *fileSink) checkRoom() error {
	var room unix.Statfs_t
	if err := unix.Fstatfs(int(s.f.Fd()), &room); err != nil {
		return err
	}
	if free := int64(room.Bavail) * room.Bsize; free < s.freeBytesMin {
		return fmt.Errorf("%d bytes are free, %d must stay so: %w", free, s.freeBytesMin, syscall.ENOSPC)
	}
	return nil
}

// finish gives the file its length, which a hole at its end has not.
func (s *fileSink) finish(n int64) error { return s.f.Truncate(n) }
