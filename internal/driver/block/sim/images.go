package sim

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	qcow2reader "github.com/lima-vm/go-qcow2reader/image/qcow2"

	"github.com/nubo-cloud/nubo/internal/imageformat"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// image never changes once it is in a Pool, but for its uses, which the Pool's mu guards.
type image struct {
	fileBytes    int64
	virtualBytes int64
	content      io.ReaderAt // of the disk; nil reads as zeros
	encrypted    bool

	takenAt, usedAt time.Time
	uses            int64
}

// EnsureImage implements agent.Block.
func (p *Pool) EnsureImage(ctx context.Context, i spec.Image, open func() (io.ReadCloser, error)) error {
	if err := checkID(i.ID); err != nil {
		return err
	}
	return p.change(ctx, "EnsureImage", func() error {
		finish, err := p.begin(ctx, i.ID)
		if err != nil || finish == nil {
			return err
		}
		taken, err := p.takeIn(ctx, i, open)
		finish(taken)
		if err != nil {
			return fmt.Errorf("image %s: %w", i.ID, err)
		}
		return nil
	})
}

// begin makes the caller the one who transfers an image. It answers nil if the image is there.
func (p *Pool) begin(ctx context.Context, id spec.ImageID) (finish func(*image), err error) {
	for {
		p.mu.Lock()
		if p.images[id] != nil {
			p.mu.Unlock()
			return nil, nil
		}
		other, busy := p.taking[id]
		if !busy {
			done := make(chan struct{})
			p.taking[id] = done
			p.mu.Unlock()
			return func(taken *image) { p.finish(id, taken, done) }, nil
		}
		p.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (p *Pool) finish(id spec.ImageID, taken *image, done chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.taking, id)
	if taken != nil {
		p.used += taken.fileBytes
		taken.takenAt = time.Now()
		taken.usedAt = taken.takenAt
		p.images[id] = taken
	}
	close(done)
}

// takeIn reads and checks an image as a real driver does, keeping its beginning at most.
func (p *Pool) takeIn(ctx context.Context, i spec.Image, open func() (io.ReadCloser, error)) (*image, error) {
	if err := p.checkRoom(i.SizeBytes); err != nil {
		return nil, err
	}
	r, err := open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	hash, look := sha256.New(), imageformat.NewStream(i.Format, imageformat.Limits{})
	kept := &head{limit: p.options.ImageBytesKept}
	n, err := io.Copy(io.MultiWriter(look, hash, kept), io.LimitReader(r, i.SizeBytes+1))
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, err
	case n != i.SizeBytes:
		return nil, fmt.Errorf("%w: got %d bytes, want %d", spec.ErrCorrupt, n, i.SizeBytes)
	case !strings.EqualFold(hex.EncodeToString(hash.Sum(nil)), i.SHA256):
		return nil, fmt.Errorf("%w: the SHA-256 is not %s", spec.ErrCorrupt, i.SHA256)
	}
	if n > p.options.ImageBytesKept {
		return &image{fileBytes: n, virtualBytes: max(look.VirtualBytes(), 512), encrypted: i.Format == spec.FormatLUKS}, nil
	}
	return judge(kept.b, i.Format)
}

// judge checks an image that was kept whole and makes its disk readable.
func judge(b []byte, format spec.Format) (*image, error) {
	file := bytes.NewReader(b)
	if err := imageformat.Check(file, file.Size(), format, imageformat.Limits{}); err != nil {
		return nil, err
	}
	i := &image{fileBytes: file.Size(), virtualBytes: (file.Size() + 511) &^ 511, content: file, encrypted: format == spec.FormatLUKS}
	info, err := imageformat.Inspect(file, file.Size())
	if err != nil || info.Format == spec.FormatRaw || info.Format == spec.FormatISO || format == spec.FormatRaw {
		return i, nil // kernels and the like are never interpreted
	}
	i.virtualBytes, i.content = info.VirtualBytes, nil
	if info.Format == spec.FormatQCOW2 {
		disk, err := qcow2reader.Open(file, nil)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", spec.ErrCorrupt, err)
		}
		i.content = disk
	}
	return i, nil
}

func (p *Pool) checkRoom(bytes int64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if free := p.options.TotalBytes - p.used; bytes > free {
		return fmt.Errorf("%w: needs %d bytes, %d are free", spec.ErrNoSpace, bytes, free)
	}
	return nil
}

// head keeps the first bytes of what is written.
type head struct {
	b     []byte
	limit int64
}

func (h *head) Write(p []byte) (int, error) {
	if room := h.limit - int64(len(h.b)); room > 0 {
		h.b = append(h.b, p[:min(room, int64(len(p)))]...)
	}
	return len(p), nil
}

// RemoveImage implements agent.Block.
func (p *Pool) RemoveImage(ctx context.Context, id spec.ImageID) error {
	return p.change(ctx, "RemoveImage", func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if i := p.images[id]; i != nil {
			p.used -= i.fileBytes
			delete(p.images, id)
		}
		return nil
	})
}

// Images implements agent.Block.
func (p *Pool) Images(context.Context) ([]spec.ImageStatus, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []spec.ImageStatus
	for _, id := range keys(p.images) {
		i := p.images[id]
		all = append(all, spec.ImageStatus{ID: id, SizeBytes: i.fileBytes, TakenAt: i.takenAt, Uses: i.uses, UsedAt: i.usedAt})
	}
	return all, nil
}

// ImagePath implements agent.Block. There is no file behind the path.
func (p *Pool) ImagePath(_ context.Context, id spec.ImageID) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.images[id] == nil {
		return "", fmt.Errorf("image %s: %w", id, spec.ErrMissing)
	}
	return "sim:image/" + string(id), nil
}
