package compute

import (
	"context"
	"fmt"
	"time"

	"github.com/nubo-cloud/nubo/internal/agentapi"
	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

const gib = int64(1) << 30

func guestID(id cloud.InstanceID) spec.GuestID { return spec.GuestID(id) }

func mark(in *cloud.Instance, stage string, at time.Time) {
	in.Boot = append(in.Boot, cloud.BootMark{Stage: stage, At: at})
}

// planDisks decides which disks an instance has, with ids made now, so that whatever
// is found on a host later can be told from an orphan.
func (s *Service) planDisks(ctx context.Context, in *cloud.Instance, pl *plan) error {
	if pl.image != nil && !bootable(pl.Disks) {
		in.Disks = append(in.Disks, localRoot(pl.image, in.Flavor.FlavorSize))
	}
	for _, r := range pl.Disks {
		d, err := s.planDisk(ctx, in, r)
		if err != nil {
			return err
		}
		if r.BootIndex == 0 && r.Source != "blank" {
			in.Disks = append([]cloud.InstanceDisk{d}, in.Disks...)
		} else {
			in.Disks = append(in.Disks, d)
		}
	}
	if n := in.Flavor.EphemeralGiB; n > 0 {
		in.Disks = append(in.Disks, local("ephemeral", int64(n)*gib))
	}
	if n := in.Flavor.SwapMiB; n > 0 {
		in.Disks = append(in.Disks, local("swap", int64(n)<<20))
	}
	in.Disks[0].Role, in.Disks[0].BootIndex = "root", 1
	nameDevices(in.Disks)
	return nil
}

func local(role string, size int64) cloud.InstanceDisk {
	return cloud.InstanceDisk{VolumeID: cloud.VolumeID(cloud.NewID()), Local: true, Role: role, SizeBytes: size, DeleteWithInstance: true}
}

// localRoot is as large as the flavor says, or as the image if the flavor says 0.
func localRoot(i *cloud.Image, f cloud.FlavorSize) cloud.InstanceDisk {
	size := int64(f.DiskGiB) * gib
	if size == 0 {
		size = max(i.VirtualBytes, int64(i.MinDiskGiB)*gib)
	}
	d := local("root", size)
	d.ImageID = i.ID
	return d
}

func (s *Service) planDisk(ctx context.Context, in *cloud.Instance, r DiskRequest) (cloud.InstanceDisk, error) {
	d := cloud.InstanceDisk{Role: "data", Bus: r.Bus, Tag: r.Tag, DeleteWithInstance: r.DeleteWithInstance, Device: deviceName(r.Device), Alias: r.Alias, CDROM: r.CDROM}
	switch {
	case r.Source == "volume":
		v, err := s.Volume.Volume(ctx, cloud.VolumeID(r.SourceID))
		if err != nil {
			return d, badReference(err, "block_device_mapping_v2", fmt.Sprintf("Block Device Mapping is Invalid: failed to get volume %s.", r.SourceID))
		}
		d.VolumeID, d.SizeBytes = v.ID, int64(v.SizeGiB)*gib
		d.Shared, d.ReadOnly = v.MultiAttach, v.ReadOnly
		if r.BootIndex == 0 {
			return d, s.bootFromVolume(in, v)
		}
		return d, nil
	case r.Volume:
		return s.planNewVolume(ctx, in, r, d)
	case r.Source == "image":
		i, err := s.Image.Usable(ctx, cloud.ImageID(r.SourceID))
		if err != nil {
			return d, badReference(err, "block_device_mapping_v2", fmt.Sprintf("Image %s could not be found.", r.SourceID))
		}
		in.ImageID, in.ImageProperties = i.ID, i.Properties
		root := localRoot(i, in.Flavor.FlavorSize)
		root.Tag, root.Bus = r.Tag, r.Bus
		return root, checkImageFits(i, in.Flavor.FlavorSize)
	case r.Source == "blank":
		return s.planBlank(in, r, d)
	}
	return d, cloud.Invalidf(resource, "block_device_mapping_v2", "Block Device Mapping is Invalid: a %s cannot become a local disk.", r.Source)
}

// bootFromVolume takes the volume's word for what is on it, unless the request names an image beside it: then that tells.
func (s *Service) bootFromVolume(in *cloud.Instance, v *cloud.Volume) error {
	if in.ImageID != "" {
		return nil
	}
	if !v.Bootable {
		return cloud.Invalidf(resource, "block_device_mapping_v2", "Block Device %s is not bootable.", v.ID)
	}
	in.ImageProperties = v.ImageProperties
	return nil
}

func (s *Service) planBlank(in *cloud.Instance, r DiskRequest, d cloud.InstanceDisk) (cloud.InstanceDisk, error) {
	role, size, most := "ephemeral", int64(r.SizeGiB)*gib, int64(in.Flavor.EphemeralGiB)*gib
	if r.Swap {
		role, size, most = "swap", int64(r.SizeGiB)<<20, int64(in.Flavor.SwapMiB)<<20
	}
	if size > most {
		return d, cloud.Invalidf(resource, "block_device_mapping_v2", "Block Device Mapping is Invalid: the %s disk is larger than the flavor allows.", role)
	}
	b := local(role, size)
	b.Tag, b.Bus, b.Device = d.Tag, d.Bus, d.Device
	return b, nil
}

// planNewVolume makes the volume's row in this transaction; its bytes follow by its own Operation.
func (s *Service) planNewVolume(ctx context.Context, in *cloud.Instance, r DiskRequest, d cloud.InstanceDisk) (cloud.InstanceDisk, error) {
	req := cloud.VolumeRequest{SizeGiB: r.SizeGiB, TypeName: r.Type, TypeAlias: r.TypeAlias, Limits: r.Limits, Encrypted: r.Encrypted, Zone: in.Zone, HostID: in.Hints.Host, MadeFor: in.ID}
	for _, other := range in.Disks {
		if other.Local {
			continue
		}
		// Beside the instance's other volumes, so that there is a host that reaches them all.
		beside, err := s.Volume.Volume(ctx, other.VolumeID)
		if err != nil {
			return d, err
		}
		req.HostID = beside.HostID
	}
	switch r.Source {
	case "image":
		req.ImageID = cloud.ImageID(r.SourceID)
	case "snapshot":
		req.SnapshotID = cloud.SnapshotID(r.SourceID)
	}
	if r.Source == "blank" && r.SizeGiB == 0 {
		return d, cloud.Invalidf(resource, "block_device_mapping_v2", "Block Device Mapping is Invalid: a blank volume needs a size.")
	}
	v, err := s.Volume.CreateVolume(ctx, req)
	if err != nil {
		return d, badReference(err, "block_device_mapping_v2", "Block Device Mapping is Invalid: "+messageOf(err))
	}
	d.VolumeID, d.SizeBytes, d.Shared = v.ID, int64(v.SizeGiB)*gib, v.MultiAttach
	if r.BootIndex == 0 {
		in.ImageProperties = v.ImageProperties
	}
	return d, nil
}

func messageOf(err error) string {
	if e, ok := cloud.AsError(err); ok {
		return e.Message
	}
	return err.Error()
}

// deviceName is the last part of "/dev/vdb".
func deviceName(s string) string {
	const prefix = "/dev/"
	if len(s) > len(prefix) && s[:len(prefix)] == prefix {
		return s[len(prefix):]
	}
	return s
}

// nameDevices gives every disk without a name the first one that is free.
func nameDevices(disks []cloud.InstanceDisk) {
	used := map[string]bool{}
	for _, d := range disks {
		used[d.Device] = true
	}
	for i := range disks {
		if disks[i].Device == "" {
			disks[i].Device = freeDevice(used)
			used[disks[i].Device] = true
		}
	}
}

func freeDevice(used map[string]bool) string {
	for i := 0; ; i++ {
		name := "vd" + letters(i)
		if !used[name] {
			return name
		}
	}
}

func letters(i int) string {
	if i < 26 {
		return string(rune('a' + i))
	}
	return letters(i/26-1) + string(rune('a'+i%26))
}

// reserveDisks keeps the instance's volumes from everybody else.
func (s *Service) reserveDisks(ctx context.Context, in *cloud.Instance) error {
	for i := range in.Disks {
		d := &in.Disks[i]
		if d.Local {
			continue
		}
		a, err := s.Volume.ReserveVolume(ctx, d.VolumeID, in, "/dev/"+d.Device, false)
		if err != nil {
			return err
		}
		d.AttachmentID = a.ID
	}
	return nil
}

// makeDisks makes the local disks and waits for the volumes. It may be repeated.
func (s *Service) makeDisks(ctx context.Context, op *cloud.Operation) error {
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
		if err := s.makeDisk(ctx, agent, d); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) makeDisk(ctx context.Context, agent agentapi.Agent, d cloud.InstanceDisk) error {
	if !d.Local {
		if err := s.Volume.WaitVolume(ctx, d.VolumeID); err != nil {
			return err
		}
		return s.Volume.FinishAttach(ctx, d.AttachmentID)
	}
	v := spec.Volume{ID: spec.VolumeID(d.VolumeID), Generation: 1, SizeBytes: d.SizeBytes}
	if d.ImageID != "" {
		i, err := s.Image.Usable(ctx, d.ImageID)
		if err != nil {
			return err
		}
		image := s.Image.Spec(i)
		v.Image = &image
	}
	if _, err := agent.EnsureVolume(ctx, v); err != nil {
		return hostError(err, "volume", string(d.VolumeID))
	}
	return nil
}

// fetchKernel brings the images for direct kernel boot to the host.
func (s *Service) fetchKernel(ctx context.Context, agent agentapi.Agent, in *cloud.Instance) error {
	k := kernel(in)
	if k == nil {
		return nil
	}
	for _, id := range []spec.ImageID{k.Kernel, k.Initramfs} {
		if id == "" {
			continue
		}
		i, err := s.Image.Usable(ctx, cloud.ImageID(id))
		if err != nil {
			return badReference(err, "kernel_id", fmt.Sprintf("The image names kernel or ramdisk %s, which could not be found.", id))
		}
		if err := agent.EnsureImage(ctx, s.Image.Spec(i)); err != nil {
			return hostError(err, "image", string(id))
		}
	}
	return nil
}

// removeDisks removes local disks from the host and lets go of volumes. On a host that is not
// reachable the self-check removes them when it is back.
func (s *Service) removeDisks(ctx context.Context, op *cloud.Operation) error {
	in, err := s.Instances.Get(ctx, instanceID(op))
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, d := range in.Disks {
		if d.Local {
			continue
		}
		if err := s.letGo(ctx, d); err != nil {
			return err
		}
	}
	if err := s.releaseVolumes(ctx, in.ID); err != nil {
		return err
	}
	return s.removeLocal(ctx, in, localIDs(in))
}

// releaseVolumes frees what is attached to an instance although its row does not say so: a detach may have got stuck.
func (s *Service) releaseVolumes(ctx context.Context, id cloud.InstanceID) error {
	attachments, err := s.Volume.InstanceVolumes(ctx, []cloud.InstanceID{id})
	if err != nil {
		return err
	}
	for _, a := range attachments[id] {
		if err := s.Volume.FinishDetach(ctx, a.ID); err != nil && !gone(err) {
			return err
		}
	}
	return nil
}

// unmakeDisks is removeDisks for an instance that could not be made: its volumes are free again, but go only when its
// owner deletes it. They may be others than were made for it.
func (s *Service) unmakeDisks(ctx context.Context, op *cloud.Operation) error {
	in, err := s.Instances.Get(ctx, instanceID(op))
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, d := range in.Disks {
		if d.AttachmentID == "" {
			continue
		}
		if err := s.Volume.FinishDetach(ctx, d.AttachmentID); err != nil && !gone(err) {
			return err
		}
	}
	return s.removeLocal(ctx, in, localIDs(in))
}

// letGo detaches a volume and, if it was made to go with the instance, deletes it.
func (s *Service) letGo(ctx context.Context, d cloud.InstanceDisk) error {
	if d.AttachmentID != "" {
		if err := s.Volume.FinishDetach(ctx, d.AttachmentID); err != nil && !gone(err) {
			return err
		}
	}
	if !d.DeleteWithInstance || d.Leaving { // its owner wanted it out of the instance
		return nil
	}
	return unlessGone(s.Volume.DeleteInstanceVolume(ctx, d.VolumeID))
}

// localIDs are all volumes that exist for the instance alone.
func localIDs(in *cloud.Instance) []cloud.VolumeID {
	var ids []cloud.VolumeID
	for _, list := range [][]cloud.InstanceDisk{in.Disks, in.OldDisks} {
		for _, d := range list {
			if d.Local {
				ids = append(ids, d.VolumeID)
			}
		}
	}
	if in.RescueDisk != "" {
		ids = append(ids, in.RescueDisk)
	}
	return ids
}

func (s *Service) removeLocal(ctx context.Context, in *cloud.Instance, ids []cloud.VolumeID) error {
	if in.HostID == "" {
		return nil
	}
	agent, err := s.Hosts.Agent(ctx, in.HostID)
	if cloud.Is(err, cloud.Unavailable) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := agent.RemoveVolume(ctx, spec.VolumeID(id)); err != nil {
			return fmt.Errorf("host: %w", err)
		}
	}
	return nil
}

// KnownVolumes are the volumes on a host that belong to instances alone, for the
// collector of orphans. It is asked after the host was looked at, so that an id
// it does not know was not there before and cannot be coming.
func (s *Service) KnownVolumes(ctx context.Context) (map[spec.VolumeID]bool, error) {
	instances, err := s.Instances.List(ctx, cloud.Query{})
	if err != nil {
		return nil, err
	}
	known := map[spec.VolumeID]bool{}
	for _, in := range instances {
		for _, id := range localIDs(in) {
			known[spec.VolumeID(id)] = true
		}
	}
	return known, nil
}

// KnownSnapshots are snapshots that Operations under way are using: each is named after its Operation.
func (s *Service) KnownSnapshots(ctx context.Context) (map[spec.SnapshotID]bool, error) {
	ops, err := s.Operations.List(ctx, cloud.Where(cloud.In("state", []string{
		string(cloud.OperationPending), string(cloud.OperationRunning), string(cloud.OperationUnwinding)})))
	if err != nil {
		return nil, err
	}
	known := map[spec.SnapshotID]bool{}
	for _, op := range ops {
		known[operationSnapshot(op)] = true
	}
	return known, nil
}

// operationSnapshot names the passing snapshot of an Operation.
func operationSnapshot(op *cloud.Operation) spec.SnapshotID { return spec.SnapshotID(op.ID) }
