package compute

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/spec"
)

type imageParams struct {
	Image cloud.ImageID `json:"image"`
	// Backup, if set, names the series that the image is the latest of; Keep is how many of it stay.
	Backup string `json:"backup,omitempty"`
	Keep   int    `json:"keep,omitempty"`
}

// CaptureRequest says what an image of an instance shall be.
type CaptureRequest struct {
	Name       string
	Properties map[string]string
	// Labels of the image, and of the snapshots that it stands for if the instance's disks are volumes.
	Labels, SnapshotLabels map[string]string
	// UniqueName refuses a name that another image of the project has.
	UniqueName bool
	// Disks are what is to be otherwise than with the instance; one that is not named is as it is there.
	Disks []CaptureDisk
}

// CaptureDisk changes what an image has in place of one volume of the instance.
type CaptureDisk struct {
	Volume             cloud.VolumeID
	Leave              bool  // out of the image
	SizeGiB            int   // of the disks of instances made from the image; 0: as it is
	DeleteWithInstance *bool // nil: as it is
}

// CreateImage makes an image of an instance's root disk as it is now, running or not. The image's row
// exists when it returns.
func (s *Service) CreateImage(ctx context.Context, id cloud.InstanceID, name string, properties map[string]string) (*cloud.Image, error) {
	return s.CaptureInstance(ctx, id, CaptureRequest{Name: name, Properties: properties})
}

// CaptureInstance is CreateImage with more to say. If the instance's disks are volumes, the image has all of them.
func (s *Service) CaptureInstance(ctx context.Context, id cloud.InstanceID, r CaptureRequest) (*cloud.Image, error) {
	return s.createImage(ctx, id, r, &imageParams{})
}

// BackupInstance is CreateImage for a series ("daily") of which the keep latest images stay. 0 keeps none.
func (s *Service) BackupInstance(ctx context.Context, id cloud.InstanceID, name, series string, keep int, properties map[string]string) (*cloud.Image, error) {
	p := map[string]string{}
	maps.Copy(p, properties)
	p["image_type"], p["backup_type"] = "backup", series
	return s.createImage(ctx, id, CaptureRequest{Name: name, Properties: p}, &imageParams{Backup: series, Keep: keep})
}

func (s *Service) createImage(ctx context.Context, id cloud.InstanceID, r CaptureRequest, params *imageParams) (*cloud.Image, error) {
	var made *cloud.Image
	op := cloud.OperationID(cloud.NewID())
	_, err := s.begin(ctx, id, verb{action: "instance.snapshot", kind: "instance.create_image", operation: op,
		phases: []cloud.Phase{cloud.PhaseReady, cloud.PhaseResized, cloud.PhaseRescued}, params: params,
		change: func(ctx context.Context, in *cloud.Instance) (err error) {
			if params.Backup != "" && (len(in.Disks) == 0 || !in.Disks[0].Local) {
				return cloud.Errorf(cloud.Unsupported, resource, in.ID, "Backup is not supported for volume-backed instances.")
			}
			if made, err = s.newImage(ctx, in, op, r); err != nil {
				return err
			}
			params.Image = made.ID
			return nil
		}})
	return made, err
}

// newImage makes the row that the Operation op will fill.
func (s *Service) newImage(ctx context.Context, in *cloud.Instance, op cloud.OperationID, r CaptureRequest) (*cloud.Image, error) {
	if len(in.Disks) == 0 || !in.Disks[0].Local {
		return s.imageOfVolumes(ctx, in, r)
	}
	p := maps.Clone(in.ImageProperties)
	if p == nil {
		p = map[string]string{}
	}
	p["image_type"], p["instance_uuid"], p["base_image_ref"] = "snapshot", string(in.ID), string(in.ImageID)
	p["user_id"], p["owner_id"] = string(in.UserID), string(in.ProjectID)
	maps.Copy(p, r.Properties)
	return s.Image.CreateFor(ctx, cloud.ImageRequest{
		ProjectID: in.ProjectID, Name: r.Name, UniqueName: r.UniqueName, Labels: r.Labels, Visibility: cloud.VisibilityPrivate, Container: "bare", Format: "qcow2",
		MinDiskGiB: int((in.Disks[0].SizeBytes + gib - 1) / gib), Properties: p, OperationID: op,
	})
}

// imageOfVolumes makes an image that stands for snapshots of the instance's volumes; it has no bytes of its own.
func (s *Service) imageOfVolumes(ctx context.Context, in *cloud.Instance, r CaptureRequest) (*cloud.Image, error) {
	made := cloud.ImageRequest{ProjectID: in.ProjectID, Name: r.Name, UniqueName: r.UniqueName, Labels: r.Labels,
		Visibility: cloud.VisibilityPrivate, Properties: r.Properties}
	for i, d := range in.Disks {
		choice := r.choice(d.VolumeID)
		if i == 0 && choice.Leave {
			return nil, cloud.Invalidf("image", "disks", "The root disk cannot be left out of an image.")
		}
		if d.Local || choice.Leave {
			continue
		}
		v, err := s.Volume.Volume(ctx, d.VolumeID)
		if err != nil {
			return nil, err
		}
		snap, err := s.Volume.CreateSnapshot(ctx, cloud.SnapshotRequest{VolumeID: d.VolumeID, Name: fmt.Sprintf("snapshot for %s", r.Name),
			Properties: r.SnapshotLabels, Force: true})
		if err != nil {
			return nil, err
		}
		disk := cloud.ImageDisk{SnapshotID: snap.ID, SizeGiB: snap.SizeGiB, Device: "/dev/" + d.Device, Alias: d.Alias, Boot: i == 0, DeleteWithInstance: d.DeleteWithInstance,
			TypeID: v.TypeID, TypeAlias: v.TypeAlias}
		made.Disks = append(made.Disks, choice.applied(disk))
	}
	return s.Image.CreateFor(ctx, made)
}

func (r CaptureRequest) choice(id cloud.VolumeID) CaptureDisk {
	for _, d := range r.Disks {
		if d.Volume == id {
			return d
		}
	}
	return CaptureDisk{}
}

func (c CaptureDisk) applied(d cloud.ImageDisk) cloud.ImageDisk {
	d.SizeGiB = max(d.SizeGiB, c.SizeGiB)
	if c.DeleteWithInstance != nil {
		d.DeleteWithInstance = *c.DeleteWithInstance
	}
	return d
}

func (s *Service) imageKind() operation.Kind {
	return operation.Kind{
		Name: "instance.create_image",
		Steps: []operation.Step{
			{Name: "snapshot", Do: s.snapshotRoot, Undo: s.undoImage},
			{Name: "image", Do: s.uploadReleased}, // undone by "snapshot": the image's row is there from the start
			{Name: "clean up", Do: s.removeRootSnapshot, Forward: true},
			{Name: "rotate", Do: s.rotateBackups, Forward: true}, // what it removes has had its turn
		},
		Settle: s.settle(nil, nil),
	}
}

// rotateBackups removes the oldest images of a series until as many are left as it keeps.
func (s *Service) rotateBackups(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[imageParams](op)
	if err != nil || p.Backup == "" {
		return err
	}
	in, err := s.Instances.Get(ctx, instanceID(op))
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	images, err := s.Image.WithProperties(ctx, in.ProjectID, map[string]string{"instance_uuid": string(in.ID), "image_type": "backup", "backup_type": p.Backup})
	if err != nil {
		return err
	}
	// One that is still being written is nobody's backup yet: it may fail, and must not push out a good one.
	images = slices.DeleteFunc(images, func(i *cloud.Image) bool { return i.State != cloud.ImageActive })
	for len(images) > p.Keep {
		if err := s.Image.Discard(ctx, images[0].ID); err != nil && !gone(err) {
			return err
		}
		images = images[1:]
	}
	return nil
}

func (s *Service) undoImage(ctx context.Context, op *cloud.Operation) error {
	if err := s.discardImage(ctx, op); err != nil {
		return err
	}
	return s.removeRootSnapshot(ctx, op)
}

// snapshotRoot copies the root disk at one moment. The copy is named after the Operation.
func (s *Service) snapshotRoot(ctx context.Context, op *cloud.Operation) error {
	in, err := s.Instances.Get(ctx, instanceID(op))
	if err != nil {
		return err
	}
	if !in.Disks[0].Local {
		return nil
	}
	agent, err := s.Hosts.Agent(ctx, in.HostID)
	if err != nil {
		return err
	}
	snap := spec.Snapshot{ID: operationSnapshot(op), Volume: spec.VolumeID(in.Disks[0].VolumeID)}
	if err := agent.EnsureSnapshot(ctx, snap); err != nil {
		return hostError(err, resource, string(in.ID))
	}
	op.Progress = 30
	return nil
}

// uploadReleased lets go of the instance before the bytes are stored: the copy is made, and whoever sees the image
// become active may ask for the next change at once. What is asked meanwhile waits behind this Operation.
func (s *Service) uploadReleased(ctx context.Context, op *cloud.Operation) error {
	_, err := s.update(ctx, instanceID(op), func(in *cloud.Instance) error {
		if in.OperationID == op.ID {
			in.OperationID, in.Task, in.Progress = "", "", 0
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.uploadSnapshot(ctx, op)
}

// uploadSnapshot streams the copy from the host into the image store. A repeat starts over.
func (s *Service) uploadSnapshot(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[imageParams](op)
	if err != nil {
		return err
	}
	in, err := s.Instances.Get(ctx, instanceID(op))
	if err != nil {
		return err
	}
	if !in.Disks[0].Local {
		return nil
	}
	agent, err := s.Hosts.Agent(ctx, in.HostID)
	if err != nil {
		return err
	}
	r, err := agent.Export(ctx, operationSnapshot(op), spec.FormatQCOW2)
	if err != nil {
		return hostError(err, resource, string(in.ID))
	}
	defer r.Close()
	return s.writeImage(ctx, p.Image, r)
}

// writeImage stores bytes. An image that is active already was stored by an earlier run of the step.
func (s *Service) writeImage(ctx context.Context, id cloud.ImageID, r io.Reader) error {
	if _, err := s.Image.Usable(ctx, id); err == nil {
		return nil
	}
	return s.Image.WriteBytes(ctx, id, r)
}

func (s *Service) discardImage(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[imageParams](op)
	if err != nil {
		return err
	}
	return unlessGone(s.Image.Discard(ctx, p.Image))
}

func (s *Service) removeRootSnapshot(ctx context.Context, op *cloud.Operation) error {
	in, err := s.Instances.Get(ctx, instanceID(op))
	if gone(err) || in != nil && in.HostID == "" {
		return nil
	}
	if err != nil {
		return err
	}
	agent, err := s.Hosts.Agent(ctx, in.HostID)
	if cloud.Is(err, cloud.Unavailable) {
		return nil // the self-check removes it when the host is back
	}
	if err != nil {
		return err
	}
	return agent.RemoveSnapshot(ctx, operationSnapshot(op))
}
