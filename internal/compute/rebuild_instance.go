package compute

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// RebuildRequest asks that an instance start anew from an image. Nil fields stay as they are.
type RebuildRequest struct {
	Image         cloud.ImageID
	Name          *string
	Description   *string
	Properties    map[string]string
	UserData      *string // base64; "" removes it
	KeyName       *string // "" removes it
	Hostname      *string
	AccessV4      *string
	AccessV6      *string
	GrowRoot      *bool
	AdminPassword string
}

type rebuildParams struct {
	Image   cloud.ImageID  `json:"image"`
	NewRoot cloud.VolumeID `json:"new_root"`
	// OldImage and OldProperties are what the row goes back to if it fails.
	OldImage      cloud.ImageID     `json:"old_image,omitempty"`
	OldProperties map[string]string `json:"old_properties,omitempty"`
}

// RebuildInstance replaces the root disk by a fresh one. The old one is removed only when the new one runs.
func (s *Service) RebuildInstance(ctx context.Context, id cloud.InstanceID, r RebuildRequest) (*cloud.Instance, error) {
	params := &rebuildParams{Image: r.Image, NewRoot: cloud.VolumeID(cloud.NewID())}
	return s.begin(ctx, id, verb{action: "instance.rebuild", kind: "instance.rebuild", needsUnlocked: true,
		phases: []cloud.Phase{cloud.PhaseReady, cloud.PhaseFailed}, params: params,
		change: func(ctx context.Context, in *cloud.Instance) error {
			i, err := s.Image.Usable(ctx, r.Image)
			if err != nil {
				return badReference(err, "imageRef", fmt.Sprintf("Image %s could not be found.", r.Image))
			}
			if err := checkImageFits(i, in.Flavor.FlavorSize); err != nil {
				return err
			}
			if len(in.Disks) == 0 || !in.Disks[0].Local {
				return cloud.Errorf(cloud.Unsupported, resource, id, "Unable to rebuild with a different image for a volume-backed server.")
			}
			params.OldImage, params.OldProperties = in.ImageID, in.ImageProperties
			return s.applyRebuild(ctx, in, r, i, params.NewRoot)
		}})
}

// applyRebuild writes the wish into the row. The old root disk stays listed (OldDisks) until it is removed.
func (s *Service) applyRebuild(ctx context.Context, in *cloud.Instance, r RebuildRequest, i *cloud.Image, root cloud.VolumeID) error {
	if err := s.applyRebuildFacts(ctx, in, r); err != nil {
		return err
	}
	in.OldDisks = append([]cloud.InstanceDisk{}, in.Disks[0])
	fresh := in.Disks[0]
	fresh.VolumeID, fresh.ImageID = root, i.ID
	fresh.SizeBytes = localRoot(i, in.Flavor.FlavorSize).SizeBytes
	in.Disks = append([]cloud.InstanceDisk{fresh}, in.Disks[1:]...)
	in.ImageID, in.ImageProperties = i.ID, i.Properties
	in.Phase = cloud.PhaseReady
	in.BootSerial++
	in.Boot = nil
	mark(in, "accepted", s.Now())
	return nil
}

func (s *Service) applyRebuildFacts(ctx context.Context, in *cloud.Instance, r RebuildRequest) error {
	if r.Name != nil {
		in.Name = *r.Name
	}
	if r.Description != nil {
		in.Description = r.Description
	}
	if r.Hostname != nil {
		if err := checkHostname(*r.Hostname); err != nil {
			return err
		}
		in.Hostname = *r.Hostname
	}
	applyAccess(in, r)
	if r.Properties != nil {
		if err := checkProperties(r.Properties); err != nil {
			return err
		}
		in.Properties = r.Properties
	}
	if r.UserData != nil {
		b, err := base64.StdEncoding.DecodeString(*r.UserData)
		if err != nil {
			return cloud.Invalidf(resource, "user_data", "Userdata content must be base64 encoded.")
		}
		in.UserData = b
	}
	if r.KeyName != nil {
		return s.applyKey(ctx, in, *r.KeyName)
	}
	return nil
}

func applyAccess(in *cloud.Instance, r RebuildRequest) {
	if r.AccessV4 != nil {
		in.AccessV4 = *r.AccessV4
	}
	if r.AccessV6 != nil {
		in.AccessV6 = *r.AccessV6
	}
	if r.GrowRoot != nil {
		in.GrowRoot = *r.GrowRoot
	}
}

func (s *Service) applyKey(ctx context.Context, in *cloud.Instance, name string) error {
	in.KeyName, in.KeyData = name, ""
	if name == "" {
		return nil
	}
	k, err := s.KeyPairs.Get(ctx, cloud.NewKeyPairID(in.UserID, name))
	if err != nil {
		return badReference(err, "key_name", "Invalid key_name provided.")
	}
	in.KeyData = k.PublicKey
	return nil
}

func (s *Service) rebuildKind() operation.Kind {
	return operation.Kind{
		Name: "instance.rebuild",
		Steps: []operation.Step{
			{Name: "disks", Do: s.makeLocalDisks, Undo: s.backToOldRoot}, // and starts the guest on it again
			{Name: "remove guest", Do: s.removeGuest},
			{Name: "network", Do: s.plugPorts}, // no undo: ports stay plugged
			{Name: "guest", Do: s.startGuest, Undo: s.removeGuest},
			{Name: "old disk", Do: s.removeOldDisks, Forward: true},
		},
		Settle: s.settle(func(ctx context.Context, in *cloud.Instance, op *cloud.Operation) error {
			now := s.Now()
			in.OldDisks, in.LaunchedAt = nil, &now
			return nil
		}, fails),
	}
}

// makeLocalDisks makes the local disks of the row that are not there yet.
func (s *Service) makeLocalDisks(ctx context.Context, op *cloud.Operation) error {
	in, err := s.Instances.Get(ctx, instanceID(op))
	if err != nil {
		return err
	}
	agent, err := s.Hosts.Agent(ctx, in.HostID)
	if err != nil {
		return err
	}
	if err := s.fetchKernel(ctx, agent, in); err != nil {
		return err
	}
	for _, d := range in.Disks {
		if d.Local {
			if err := s.makeDisk(ctx, agent, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// backToOldRoot removes the new root disk, takes the row back to the old one, and starts the guest on that. If the guest
// was not removed yet it goes on as it was.
func (s *Service) backToOldRoot(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[rebuildParams](op)
	if err != nil {
		return err
	}
	in, err := s.Instances.Get(ctx, instanceID(op))
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.removeLocal(ctx, in, []cloud.VolumeID{p.NewRoot}); err != nil {
		return err
	}
	if _, err := s.update(ctx, in.ID, func(in *cloud.Instance) error {
		if len(in.OldDisks) == 0 || !hasDisk(in, p.NewRoot) {
			return nil
		}
		in.Disks = append([]cloud.InstanceDisk{in.OldDisks[0]}, in.Disks[1:]...)
		in.OldDisks = nil
		in.ImageID, in.ImageProperties = p.OldImage, p.OldProperties
		in.BootSerial--
		return nil
	}); err != nil && !gone(err) {
		return err
	}
	return s.startAgain(ctx, op)
}

// startAgain brings the guest of an unwound Operation back if it can; if not the instance is failed, which its owner sees.
func (s *Service) startAgain(ctx context.Context, op *cloud.Operation) error {
	id := instanceID(op)
	if deleted, err := s.beingDeleted(ctx, id); err != nil || deleted {
		return err
	}
	if err := s.ensureGuest(ctx, id); err != nil {
		s.Log.Warn("guest could not be started again", "instance", id, "error", err)
	}
	return nil
}

// removeOldDisks removes what a rebuild or resize left, from host and row.
func (s *Service) removeOldDisks(ctx context.Context, op *cloud.Operation) error {
	in, err := s.Instances.Get(ctx, instanceID(op))
	if err != nil {
		return err
	}
	var ids []cloud.VolumeID
	for _, d := range in.OldDisks {
		if d.Local && !hasDisk(in, d.VolumeID) {
			ids = append(ids, d.VolumeID)
		}
	}
	return s.removeLocal(ctx, in, ids)
}

func hasDisk(in *cloud.Instance, id cloud.VolumeID) bool {
	for _, d := range in.Disks {
		if d.VolumeID == id {
			return true
		}
	}
	return false
}

// rescueVolume describes the disk a rescued guest runs from.
func rescueVolume(id cloud.VolumeID, i spec.Image, size int64) spec.Volume {
	return spec.Volume{ID: spec.VolumeID(id), Generation: 1, SizeBytes: size, Image: &i}
}
