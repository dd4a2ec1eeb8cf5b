package volume

import (
	"context"
	"fmt"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/spec"
)

const kindUpload = "volume.upload_image"

// UploadRequest says what image a volume's bytes shall become.
type UploadRequest struct {
	VolumeID   cloud.VolumeID
	Name       string
	Format     string // "raw" or "qcow2"; empty: raw
	Container  string // empty: bare
	Visibility cloud.Visibility
	Protected  bool
	// Force takes also the bytes of a volume that is attached.
	Force bool
}

// uploadParams: the snapshot that the bytes are read from has the image's id, so that the image's row
// vouches for it while it is needed.
type uploadParams struct {
	ImageID cloud.ImageID `json:"image_id"`
	HostID  cloud.HostID  `json:"host_id"`
	Pool    string        `json:"pool,omitempty"`
	Format  spec.Format   `json:"format"`
}

// UploadImage starts to make an image of a volume's bytes.
func (s *Service) UploadImage(ctx context.Context, r UploadRequest) (*cloud.Volume, *cloud.Image, error) {
	if r.Format == "" {
		r.Format = string(spec.FormatRaw)
	}
	if r.Container == "" {
		r.Container = "bare"
	}
	if r.Format != string(spec.FormatRaw) && r.Format != string(spec.FormatQCOW2) {
		return nil, nil, cloud.Invalidf("volume", "disk_format", "A volume can become an image of format raw or qcow2, not %s.", r.Format)
	}
	var i *cloud.Image
	v, err := s.change(ctx, "volume.upload", r.VolumeID, func(ctx context.Context, v *cloud.Volume) error {
		if err := s.mayUpload(v, r); err != nil {
			return err
		}
		p := uploadParams{ImageID: cloud.ImageID(cloud.NewID()), HostID: v.HostID, Pool: v.Pool, Format: spec.Format(r.Format)}
		op, err := s.Operations.Start(ctx, operation.Request{Kind: kindUpload, Subject: subject(v.ID), ProjectID: v.ProjectID, Params: p})
		if err != nil {
			return err
		}
		v.OperationID, v.Task = op.ID, kindUpload
		i, err = s.Images.CreateFor(ctx, NewImage{ID: p.ImageID, ProjectID: v.ProjectID, Name: r.Name, Container: r.Container, Format: r.Format,
			Visibility: r.Visibility, Protected: r.Protected, MinDiskGiB: v.SizeGiB, Properties: guestFacts(v), OperationID: op.ID})
		return err
	})
	return v, i, err
}

func (s *Service) mayUpload(v *cloud.Volume, r UploadRequest) error {
	if v.Key != nil {
		return cloud.Errorf(cloud.Unsupported, "volume", v.ID, "Volume %s is encrypted: an image of it would lie open to all who may read the image. Copy what is on it inside an instance.", v.ID)
	}
	if r.Force {
		return mustBe(v, cloud.VolumeAvailable, cloud.VolumeAttached)
	}
	return mustBe(v, cloud.VolumeAvailable)
}

// guestFacts are what the image that a volume came from said about running it.
func guestFacts(v *cloud.Volume) map[string]string {
	facts := map[string]string{}
	for k, value := range v.ImageProperties {
		if !slices.Contains(imageFactNames, k) {
			facts[k] = value
		}
	}
	return facts
}

func (s *Service) uploadKind() operation.Kind {
	return operation.Kind{Name: kindUpload, Settle: s.settleUpload, Steps: []operation.Step{
		{Name: "snapshot", Do: s.uploadSnapshot, Undo: s.undoUpload},
		// No undo: the image is discarded by the first step's, as it is there from the start.
		{Name: "bytes", Do: s.uploadBytes},
		// No undo: the image is whole, and what stays on the host is an orphan that its self-check removes.
		{Name: "clean", Do: s.dropUploadSnapshot},
	}}
}

func (s *Service) uploadSnapshot(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[uploadParams](op)
	if err != nil {
		return err
	}
	a, err := s.agent(ctx, p.HostID)
	if err != nil {
		return err
	}
	return permanent(a.EnsureSnapshot(ctx, spec.Snapshot{ID: spec.SnapshotID(p.ImageID), Volume: spec.VolumeID(operation.SubjectID(op)), Pool: p.Pool}))
}

func (s *Service) uploadBytes(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[uploadParams](op)
	if err != nil {
		return err
	}
	a, err := s.agent(ctx, p.HostID)
	if err != nil {
		return err
	}
	r, err := a.Export(ctx, spec.SnapshotID(p.ImageID), p.Format)
	if err != nil {
		return fmt.Errorf("export: %w", permanent(err))
	}
	defer r.Close()
	return s.Images.WriteBytes(ctx, p.ImageID, r)
}

func (s *Service) undoUpload(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[uploadParams](op)
	if err != nil {
		return err
	}
	if err := s.Images.Discard(ctx, p.ImageID); err != nil {
		return err
	}
	return s.dropUploadSnapshot(ctx, op)
}

// dropUploadSnapshot tries once: the image's row no longer vouches for the snapshot, so the
// host's self-check removes what stays.
func (s *Service) dropUploadSnapshot(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[uploadParams](op)
	if err != nil {
		return err
	}
	if err := s.removeSnapshotBytes(ctx, p.HostID, spec.SnapshotID(p.ImageID)); err != nil {
		s.Log.Warn("snapshot of an upload stays until the host's self-check", "image", p.ImageID, "host", p.HostID, "error", err)
	}
	return nil
}

func (s *Service) settleUpload(ctx context.Context, op *cloud.Operation) error {
	return s.settle(ctx, op, func(v *cloud.Volume) error {
		v.Fault = nil
		if op.State != cloud.OperationSucceeded {
			v.Fault = op.Fault
		}
		return nil
	})
}
