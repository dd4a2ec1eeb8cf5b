package image

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
)

const kindImport = "image.import"

// Source is where an import takes the bytes from.
type Source string

// The sources.
const (
	SourceStaged Source = "staged" // what Stage kept aside
	SourceWeb    Source = "web"    // a URL
	SourceImage  Source = "image"  // another image
)

// ImportRequest says where the bytes of an image shall come from.
type ImportRequest struct {
	From Source `json:"from"`
	URI  string `json:"uri,omitempty"`
	// Image is read from this cloud if Region is its own or empty, and not found otherwise.
	Image  cloud.ImageID `json:"image,omitempty"`
	Region string        `json:"region,omitempty"`
	// Asked is the request in its dialect's form, for those who look at the task.
	Asked any `json:"asked"`
}

// Import starts to fill an image. It answers when the work is on record; how it ended shows in the image's state and
// Fault, and in its task. Whatever breaks it, the image is queued again and nothing is kept.
func (s *Service) Import(ctx context.Context, id cloud.ImageID, r ImportRequest) error {
	if err := s.checkSource(r); err != nil {
		return err
	}
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		i, err := s.authorized(ctx, "image.import", id)
		if err != nil {
			return err
		}
		if err := s.mayImport(ctx, i, r); err != nil {
			return err
		}
		op, err := s.Operations.Start(ctx, operation.Request{Kind: kindImport, Subject: subject(id), ProjectID: i.ProjectID, Params: r})
		if err != nil {
			return err
		}
		i.State, i.OperationID, i.Fault = cloud.ImageImporting, op.ID, nil
		return s.Images.Update(ctx, i)
	})
}

func (s *Service) checkSource(r ImportRequest) error {
	switch r.From {
	case SourceStaged:
		return nil
	case SourceWeb:
		return s.Web.Check(r.URI)
	case SourceImage:
		if !isUUID(string(r.Image)) {
			return cloud.Invalidf("image", "image_id", "The source image id does not look like a UUID: '%s'.", r.Image)
		}
		return nil
	}
	return cloud.Invalidf("image", "method", "There is no import from '%s'.", r.From)
}

func (s *Service) mayImport(ctx context.Context, i *cloud.Image, r ImportRequest) error {
	wanted := cloud.ImageQueued
	if r.From == SourceStaged {
		wanted = cloud.ImageStaged
	}
	if i.State != wanted || i.UploadID != "" {
		return cloud.Errorf(cloud.WrongState, "image", i.ID, "Image %s cannot be imported this way: it must be %s and is %s.", i.ID, wanted, i.State)
	}
	if err := declared(i); err != nil {
		return err
	}
	if r.From == SourceStaged {
		return nil // it was counted when it was staged
	}
	return s.admit(ctx, i)
}

func subject(id cloud.ImageID) string { return "image/" + string(id) }

func (s *Service) importKind() operation.Kind {
	return operation.Kind{Name: kindImport, Settle: s.settleImport, Steps: []operation.Step{
		{Name: "bytes", Do: s.importBytes, Undo: s.undoImport},
	}}
}

func (s *Service) importBytes(ctx context.Context, op *cloud.Operation) error {
	r, err := operation.Params[ImportRequest](op)
	if err != nil {
		return err
	}
	id := cloud.ImageID(operation.SubjectID(op))
	if i, err := s.Images.Get(ctx, id); err != nil || i.State != cloud.ImageImporting {
		return err // another attempt has ended it
	}
	from, _, err := s.open(ctx, id, op, r)
	if err != nil {
		return err
	}
	defer from.Close()
	return s.fill(ctx, id, &intake{r: from, ours: r.From != SourceWeb})
}

func (s *Service) open(ctx context.Context, id cloud.ImageID, op *cloud.Operation, r ImportRequest) (io.ReadCloser, int64, error) {
	switch r.From {
	case SourceWeb:
		return s.Web.Fetch(ctx, r.URI)
	case SourceImage:
		return s.openSource(ctx, id, op, r)
	}
	return s.Staging.Open(ctx, id)
}

// openSource opens another image's bytes, if the owner of the one that is filled may read them, and gives the new one
// the formats and the facts about running it that the other has.
func (s *Service) openSource(ctx context.Context, id cloud.ImageID, op *cloud.Operation, r ImportRequest) (io.ReadCloser, int64, error) {
	if r.Region != "" && r.Region != s.Region {
		return nil, 0, cloud.Errorf(cloud.NotFound, "image", r.Image, "There is no image service in region %s to copy image %s from.", r.Region, r.Image)
	}
	from, err := s.Images.Get(ctx, r.Image)
	if cloud.Is(err, cloud.NotFound) || err == nil && (from.State != cloud.ImageActive || !hasBytes(from) || from.ProjectID != op.ProjectID && !sharedWith(from, op.ProjectID)) {
		return nil, 0, cloud.Errorf(cloud.NotFound, "image", r.Image, "Image %s has no data that could be copied.", r.Image)
	}
	if err != nil {
		return nil, 0, err
	}
	if err := s.inherit(ctx, id, from); err != nil {
		return nil, 0, err
	}
	return s.Bytes.Open(ctx, from.ID)
}

// inherited are the beginnings of the names of properties that say how a guest must be run.
var inherited = []string{"hw_", "trait:", "os_distro", "os_secure_boot", "os_version", "os_type"}

func (s *Service) inherit(ctx context.Context, id cloud.ImageID, from *cloud.Image) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		i, err := s.Images.Get(ctx, id)
		if err != nil {
			return err
		}
		f := factsOf(i)
		f.Container, f.Format = from.Container, from.Format
		for name, value := range from.Properties {
			for _, prefix := range inherited {
				if strings.HasPrefix(name, prefix) {
					f.Properties[name] = value
				}
			}
		}
		f.into(i)
		if err := checkFacts(i); err != nil {
			return err
		}
		return s.Images.Update(ctx, i)
	})
}

// undoImport sweeps what the step may have kept of an image that did not become active.
func (s *Service) undoImport(ctx context.Context, op *cloud.Operation) error {
	id := cloud.ImageID(operation.SubjectID(op))
	i, err := s.Images.Get(ctx, id)
	if err == nil && hasBytes(i) {
		return nil
	}
	if err != nil && !cloud.Is(err, cloud.NotFound) {
		return err
	}
	if err := s.Bytes.Delete(ctx, id); err != nil {
		return fmt.Errorf("sweep image %s: %w", id, err)
	}
	return nil
}

// settleImport puts an image that was not filled back, and lets go of what was staged for it.
func (s *Service) settleImport(ctx context.Context, op *cloud.Operation) error {
	id := cloud.ImageID(operation.SubjectID(op))
	background := context.WithoutCancel(ctx)
	s.Tx.After(ctx, func() { s.unstage(background, id) })
	i, err := s.Images.Get(ctx, id)
	if cloud.Is(err, cloud.NotFound) {
		return nil
	}
	if err != nil || i.OperationID != op.ID {
		return err
	}
	i.State, i.OperationID, i.UploadID, i.StagedBytes, i.Fault = cloud.ImageQueued, "", "", 0, op.Fault
	return s.Images.Update(ctx, i)
}
