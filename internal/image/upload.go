package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/imageformat"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Upload reads the bytes of a queued image from r and makes it active. If r ends in an error, the bytes are not of the image's
// format or do harm (Invalid), or the project is over its quota, the image is queued again and nothing is kept. A second upload beside a
// running one is a WrongState, as is one to an image that has its bytes.
func (s *Service) Upload(ctx context.Context, id cloud.ImageID, r io.Reader) error {
	i, err := s.begin(ctx, id, func(ctx context.Context) (*cloud.Image, error) {
		i, err := s.authorized(ctx, "image.upload", id)
		if err == nil && i.State != cloud.ImageQueued {
			err = cloud.Errorf(cloud.WrongState, "image", id, "Image status transition from %s to saving is not allowed", i.State)
		}
		if err == nil {
			err = s.admit(ctx, i)
		}
		return i, err
	})
	if err != nil {
		return err
	}
	return s.transfer(ctx, i, &intake{r: r})
}

// arriving are the states in which bytes are under way.
var arriving = []cloud.ImageState{cloud.ImageSaving, cloud.ImageStaged, cloud.ImageImporting}

// admit counts an image that begins to arrive.
func (s *Service) admit(ctx context.Context, i *cloud.Image) error {
	return s.Quota.Reserve(ctx, i.ProjectID, map[string]int64{cloud.QuotaImagesArriving: 1})
}

// WriteBytes is Upload for the use case that made the image with CreateFor. It may be
// repeated: an image that has its bytes already is left as it is, and one that another attempt left half
// begins anew.
func (s *Service) WriteBytes(ctx context.Context, id cloud.ImageID, r io.Reader) error {
	return s.fill(ctx, id, &intake{r: r, ours: true})
}

// fill is WriteBytes for any source.
func (s *Service) fill(ctx context.Context, id cloud.ImageID, in *intake) error {
	done := false
	i, err := s.begin(ctx, id, func(ctx context.Context) (*cloud.Image, error) {
		i, err := s.Images.Get(ctx, id)
		if err != nil {
			return nil, err
		}
		done = i.State == cloud.ImageActive || i.State == cloud.ImageDeactivated
		return i, nil
	})
	if err != nil || done {
		return err
	}
	return s.transfer(ctx, i, in)
}

// begin marks the image that take answers as being written by a new upload of this process.
func (s *Service) begin(ctx context.Context, id cloud.ImageID, take func(context.Context) (*cloud.Image, error)) (*cloud.Image, error) {
	upload := cloud.NewID()
	if !s.enlist(id, upload) {
		return nil, cloud.Errorf(cloud.WrongState, "image", id, "Image %s is being uploaded already.", id)
	}
	var i *cloud.Image
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		var err error
		if i, err = take(ctx); err != nil {
			return err
		}
		if i.State == cloud.ImageActive || i.State == cloud.ImageDeactivated {
			return nil
		}
		if err = declared(i); err != nil && i.State != cloud.ImageStaged {
			return err
		}
		i.UploadID = upload
		if i.State == cloud.ImageQueued {
			i.State = cloud.ImageSaving
		}
		return s.Images.Update(ctx, i)
	})
	if err != nil || i.UploadID != upload {
		s.discharge(id)
	}
	return i, err
}

// declared refuses an image of which nobody has said what its bytes will be.
func declared(i *cloud.Image) error {
	if i.Container == "" || i.Format == "" {
		return cloud.Invalidf("image", "disk_format", "disk_format and container_format must be set before the data of image %s.", i.ID)
	}
	return nil
}

// transfer moves the bytes of an upload that has begun, and ends it.
func (s *Service) transfer(ctx context.Context, i *cloud.Image, in *intake) error {
	err := s.receive(ctx, i, in)
	if err == nil {
		err = s.activate(ctx, i)
	}
	if err == nil {
		s.discharge(i.ID)
		return nil
	}
	// The client may be gone, and with it the context: what is left must go all the same.
	s.abandon(context.WithoutCancel(ctx), i)
	return err
}

// receive streams the bytes to disk and writes what it learns on the way into i.
func (s *Service) receive(ctx context.Context, i *cloud.Image, in *intake) error {
	if err := s.admitBytes(ctx, i, cloud.QuotaImageBytes); err != nil {
		return err
	}
	in.image = i.ID
	if disk(i) {
		in.look = imageformat.NewStream(spec.Format(i.Format), s.Limits)
	}
	stored, err := s.Bytes.Put(ctx, i.ID, in, func(f io.ReaderAt, size int64) error { return s.inspect(i, f, size) })
	if in.err != nil {
		return in.failure()
	}
	if err != nil {
		return fmt.Errorf("keep image %s: %w", i.ID, err)
	}
	i.SizeBytes, i.MD5, i.SHA256, i.SHA512 = stored.SizeBytes, stored.MD5, stored.SHA256, stored.SHA512
	return nil
}

// admitBytes lets bytes in while the project is not over its limit. How many they are shows when they are there.
func (s *Service) admitBytes(ctx context.Context, i *cloud.Image, resource string) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error { return s.Quota.Admit(ctx, i.ProjectID, resource) })
}

// disk tells whether the bytes must be a disk of the declared format. Packages are kept as they come: no
// instance can use one (Usable), so nothing ever opens it.
func disk(i *cloud.Image) bool {
	return !diskless(i.Format) && !opaque(i.Container) && !amazonPackage(i)
}

// inspect looks into the file before it is kept.
func (s *Service) inspect(i *cloud.Image, f io.ReaderAt, size int64) error {
	i.VirtualBytes = 0
	// Image catalogues name a container "ova" also for the bare disk they took out of one.
	if !disk(i) && (i.Container != "ova" || isTar(f)) {
		return nil
	}
	declared := spec.Format(i.Format)
	if err := imageformat.Check(f, size, declared, s.Limits); err != nil {
		return refused(i.ID, err)
	}
	if diskFormat(i.Format) != declared {
		i.VirtualBytes = size
		return nil
	}
	info, err := imageformat.Inspect(f, size)
	i.VirtualBytes = info.VirtualBytes
	return err
}

// refused turns a verdict on the bytes into what the uploader reads; other errors stay as they are.
func refused(id cloud.ImageID, err error) error {
	var r *imageformat.Refusal
	if !errors.As(err, &r) {
		return err
	}
	return &cloud.Error{Kind: cloud.Invalid, Resource: "image", ID: string(id), Field: "disk_format", Message: r.Sentence}
}

// isTar finds an OVA package: a tar archive, where others put the bare disk under the same name.
func isTar(f io.ReaderAt) bool {
	var magic [5]byte
	_, err := f.ReadAt(magic[:], 257)
	return err == nil && bytes.Equal(magic[:], []byte("ustar"))
}

// activate makes the image active if it is still this upload's; from then on its bytes count.
func (s *Service) activate(ctx context.Context, done *cloud.Image) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		i, err := s.mine(ctx, done)
		if err != nil {
			return err
		}
		i.State, i.UploadID, i.OperationID = cloud.ImageActive, "", ""
		i.SizeBytes, i.VirtualBytes, i.StagedBytes = done.SizeBytes, done.VirtualBytes, 0
		i.MD5, i.SHA256, i.SHA512 = done.MD5, done.SHA256, done.SHA512
		return s.Images.Update(ctx, i)
	})
}

// abandon sweeps the bytes of an upload that failed and then puts its image back. It leaves alone what another
// upload has taken over. The order lets the next upload in as soon as anybody can see that the image is queued.
func (s *Service) abandon(ctx context.Context, gone *cloud.Image) {
	i, err := s.Images.Get(ctx, gone.ID)
	if err == nil && i.UploadID != gone.UploadID {
		s.discharge(gone.ID)
		return
	}
	if gone.State == cloud.ImageStaged {
		s.unstage(ctx, gone.ID)
	} else {
		s.drop(ctx, gone.ID)
	}
	s.discharge(gone.ID)
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		i, err := s.mine(ctx, gone)
		if err != nil {
			return err
		}
		i.UploadID = ""
		if i.OperationID == "" { // an Operation may try again, and keeps others away
			i.State = cloud.ImageQueued
		}
		return s.Images.Update(ctx, i)
	})
	if err != nil && !cloud.Is(err, cloud.NotFound) {
		s.Log.Error("image stays in saving until the next start", "image", gone.ID, "error", err)
	}
}

// mine answers the image as it is now, NotFound if it was deleted or taken from this upload meanwhile.
func (s *Service) mine(ctx context.Context, was *cloud.Image) (*cloud.Image, error) {
	i, err := s.Images.Get(ctx, was.ID)
	if err == nil && i.UploadID != was.UploadID || cloud.Is(err, cloud.NotFound) {
		return nil, cloud.Errorf(cloud.NotFound, "image", was.ID, "Image %s was deleted while its data was being uploaded.", was.ID)
	}
	return i, err
}

func (s *Service) enlist(id cloud.ImageID, upload string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.living[id] != "" {
		return false
	}
	s.living[id] = upload
	return true
}

func (s *Service) discharge(id cloud.ImageID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.living, id)
}

func (s *Service) alive(id cloud.ImageID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.living[id] != ""
}

// intake is the stream of an upload: it looks at the bytes as they pass, and remembers how it broke, to tell that from a failure of the store.
type intake struct {
	r     io.Reader
	n     int64
	image cloud.ImageID
	look  *imageformat.Stream // nil: no disk
	ours  bool                // r is no client and no server of others: its errors are failures of ours
	err   error
}

func (in *intake) Read(p []byte) (int, error) {
	n, err := in.r.Read(p)
	in.n += int64(n)
	if n > 0 && in.look != nil {
		if _, verdict := in.look.Write(p[:n]); verdict != nil {
			n, err = 0, refused(in.image, verdict)
		}
	}
	if err != nil && err != io.EOF {
		in.err = err
	}
	return n, err
}

func (in *intake) failure() error {
	if _, ok := cloud.AsError(in.err); ok {
		return in.err
	}
	if in.ours {
		return fmt.Errorf("read the bytes of image %s: %w", in.image, in.err)
	}
	return &cloud.Error{Kind: cloud.Invalid, Resource: "image", ID: string(in.image), Field: "data", Cause: in.err,
		Message: fmt.Sprintf("The data broke off after %d bytes; nothing of it was kept.", in.n)}
}
