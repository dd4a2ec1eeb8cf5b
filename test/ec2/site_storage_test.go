package ec2

import (
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// mark is what is written on the volume, and found again wherever its bytes go.
const mark = "nubo-was-here"

// attachVolume makes a volume in the instance's zone, attaches it, and writes to it.
func (s *site) attachVolume() {
	zone := s.instance(s.front).Placement.AvailabilityZone
	v := must[*ec2.CreateVolumeOutput](s)(s.api.CreateVolume(background, &ec2.CreateVolumeInput{AvailabilityZone: zone, Size: aws.Int32(1), VolumeType: types.VolumeTypeGp3}))
	s.volume = *v.VolumeId
	s.attach(s.volume, "/dev/sdf")
	g := s.login()
	g.Run("echo " + mark + " | sudo dd of=/dev/vdb conv=fsync 2>/dev/null")
	if out := g.Run("sudo head -c 13 /dev/vdb"); strings.TrimSpace(out) != mark {
		s.t.Errorf("read back: %q", out)
	}
}

func (s *site) attach(volume, device string) {
	s.t.Helper()
	cloudtest.Check(s.t, ec2.NewVolumeAvailableWaiter(s.api, func(o *ec2.VolumeAvailableWaiterOptions) { o.MinDelay, o.MaxDelay = often, often }).Wait(background, &ec2.DescribeVolumesInput{VolumeIds: []string{volume}}, patience()))
	must[*ec2.AttachVolumeOutput](s)(s.api.AttachVolume(background, &ec2.AttachVolumeInput{VolumeId: &volume, InstanceId: &s.front, Device: &device}))
	cloudtest.Check(s.t, ec2.NewVolumeInUseWaiter(s.api, func(o *ec2.VolumeInUseWaiterOptions) { o.MinDelay, o.MaxDelay = often, often }).Wait(background, &ec2.DescribeVolumesInput{VolumeIds: []string{volume}}, patience()))
	cloudtest.Eventually(s.t, patience(), func() error { return s.attached(volume) })
}

// attached asks as Terraform does.
func (s *site) attached(volume string) error {
	v, err := s.api.DescribeVolumes(background, &ec2.DescribeVolumesInput{VolumeIds: []string{volume}, Filters: filter("attachment.instance-id", s.front)})
	if err != nil {
		return err
	}
	if len(v.Volumes) != 1 || v.Volumes[0].Attachments[0].State != types.VolumeAttachmentStateAttached {
		return errNotYet
	}
	return nil
}

func (s *site) detach(volume string) {
	s.t.Helper()
	must[*ec2.DetachVolumeOutput](s)(s.api.DetachVolume(background, &ec2.DetachVolumeInput{VolumeId: &volume}))
	cloudtest.Check(s.t, ec2.NewVolumeAvailableWaiter(s.api, func(o *ec2.VolumeAvailableWaiterOptions) { o.MinDelay, o.MaxDelay = often, often }).Wait(background, &ec2.DescribeVolumesInput{VolumeIds: []string{volume}}, patience()))
}

// snapshots proves that a snapshot has what was written, and that a volume of it can be larger and grow.
func (s *site) snapshots() {
	snap := must[*ec2.CreateSnapshotOutput](s)(s.api.CreateSnapshot(background, &ec2.CreateSnapshotInput{VolumeId: &s.volume}))
	s.snapshot = *snap.SnapshotId
	cloudtest.Check(s.t, ec2.NewSnapshotCompletedWaiter(s.api, func(o *ec2.SnapshotCompletedWaiterOptions) { o.MinDelay, o.MaxDelay = often, often }).Wait(background, &ec2.DescribeSnapshotsInput{SnapshotIds: []string{s.snapshot}}, patience()))
	s.detach(s.volume)
	zone := s.instance(s.front).Placement.AvailabilityZone
	v := must[*ec2.CreateVolumeOutput](s)(s.api.CreateVolume(background, &ec2.CreateVolumeInput{AvailabilityZone: zone, SnapshotId: &s.snapshot}))
	s.restored = *v.VolumeId
	s.attach(s.restored, "/dev/sdg")
	must[*ec2.ModifyVolumeOutput](s)(s.api.ModifyVolume(background, &ec2.ModifyVolumeInput{VolumeId: &s.restored, Size: aws.Int32(2)}))
	g := s.login()
	if out := g.Run("sudo head -c 13 /dev/vdb"); strings.TrimSpace(out) != mark {
		s.t.Errorf("the restored volume has %q", out)
	}
	cloudtest.Eventually(s.t, patience(), func() error {
		if out, err := g.Try("cat /sys/block/vdb/size", 10*time.Second); err != nil || strings.TrimSpace(out) != "4194304" {
			return errNotYet
		}
		return nil
	})
	s.detach(s.restored)
}

// imageOfInstance boots a copy of the public instance.
func (s *site) imageOfInstance() {
	g := s.login()
	g.Run("echo " + mark + " | sudo tee /etc/mark && sync")
	i := must[*ec2.CreateImageOutput](s)(s.api.CreateImage(background, &ec2.CreateImageInput{InstanceId: &s.front, Name: aws.String("copy")}))
	s.copied = *i.ImageId
	cloudtest.Check(s.t, ec2.NewImageExistsWaiter(s.api, func(o *ec2.ImageExistsWaiterOptions) { o.MinDelay, o.MaxDelay = often, often }).Wait(background, &ec2.DescribeImagesInput{ImageIds: []string{s.copied}}, patience()))
	cloudtest.Check(s.t, ec2.NewImageAvailableWaiter(s.api, func(o *ec2.ImageAvailableWaiterOptions) { o.MinDelay, o.MaxDelay = often, often }).Wait(background, &ec2.DescribeImagesInput{ImageIds: []string{s.copied}}, patience()))
	of := s.image
	s.image = s.copied
	id := s.runOne(s.private, s.groups["back"], "copy")
	s.image = of
	cloudtest.Check(s.t, ec2.NewInstanceRunningWaiter(s.api, func(o *ec2.InstanceRunningWaiterOptions) { o.MinDelay, o.MaxDelay = often, often }).Wait(background, &ec2.DescribeInstancesInput{InstanceIds: []string{id}}, patience()))
	copied := s.cloud.Host.SSH(s.t, *s.instance(id).PrivateIpAddress, s.key, s.login())
	if out := copied.Run("cat /etc/mark"); strings.TrimSpace(out) != mark {
		s.t.Errorf("the copy has %q", out)
	}
}
