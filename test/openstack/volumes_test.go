package openstack

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// disks lists the disks a guest sees.
func disks(g *cloudtest.Guest) []string {
	return strings.Fields(g.Run("ls /sys/block | grep -v -E 'loop|ram|zram|sr|fd'"))
}

// plug attaches a volume to server one and returns the name of the disk that appears in the guest.
func (s *site) plug(t *testing.T, volume string) string {
	t.Helper()
	before := disks(s.in(t))
	s.user.Run("server add volume one " + volume)
	s.awaitStatus(t, "volume", volume, "in-use")
	var found string
	cloudtest.Eventually(t, cloudtest.Patience(10*time.Second), func() error {
		for _, d := range disks(s.in(t)) {
			if !strings.Contains(" "+strings.Join(before, " ")+" ", " "+d+" ") {
				found = d
				return nil
			}
		}
		return fmt.Errorf("the guest sees no disk beyond %v", before)
	})
	return "/dev/" + found
}

func (s *site) unplug(t *testing.T, volume string) {
	t.Helper()
	before := len(disks(s.in(t)))
	s.user.Run("server remove volume one " + volume)
	s.awaitStatus(t, "volume", volume, "available")
	cloudtest.Eventually(t, cloudtest.Patience(10*time.Second), func() error {
		if now := disks(s.in(t)); len(now) != before-1 {
			return fmt.Errorf("the guest still sees %v", now)
		}
		return nil
	})
}

// volumes writes to a volume in the guest and finds the data in a volume made from its snapshot.
func (s *site) volumes(t *testing.T) {
	s.user.Run("volume create --size 1 --description data --property k=v data")
	s.awaitStatus(t, "volume", "data", "available")
	g := s.in(t)
	dev := s.plug(t, "data")
	g.Run("sudo mkfs.ext4 " + dev + " && sudo mkdir -p /tmp/data && sudo mount " + dev + " /tmp/data")
	g.Run("echo treasure | sudo tee /tmp/data/file && sync && sudo umount /tmp/data")
	s.user.Refused("volume delete data", "400")
	s.unplug(t, "data")

	s.user.Run("volume snapshot create --volume data snap")
	s.awaitStatus(t, "volume snapshot", "snap", "available")
	s.user.Refused("volume delete data", "400")
	s.user.Run("volume create --snapshot snap --size 1 clone")
	s.awaitStatus(t, "volume", "clone", "available")
	dev = s.plug(t, "clone")
	g.Run("sudo mount " + dev + " /tmp/data")
	equal(t, "file on the clone", g.Run("cat /tmp/data/file"), "treasure")
	g.Run("sudo umount /tmp/data")
	s.unplug(t, "clone")

	s.user.Run("volume set --size 2 data")
	equal(t, "size", s.awaitStatus(t, "volume", "data", "available").String("size"), "2")
	dev = s.plug(t, "data")
	equal(t, "size in the guest", g.Run("cat /sys/block/"+strings.TrimPrefix(dev, "/dev/")+"/size"), 2<<30/512)
	s.unplug(t, "data")
	equal(t, "volumes", len(s.user.List("volume list")), 2)
	s.user.Run("volume delete clone")
	s.user.Run("volume snapshot delete snap")
	cloudtest.Eventually(t, cloudtest.Patience(10*time.Second), func() error {
		if n := len(s.user.List("volume snapshot list")); n != 0 {
			return fmt.Errorf("%d snapshots", n)
		}
		return nil
	})
	s.user.Run("volume delete data")
	s.noVolumes(t)
}

func (s *site) noVolumes(t *testing.T) {
	t.Helper()
	cloudtest.Eventually(t, cloudtest.Patience(10*time.Second), func() error {
		if l := s.user.List("volume list"); len(l) != 0 {
			return fmt.Errorf("volumes: %v", l)
		}
		return nil
	})
}

func (s *site) bootFromVolume(t *testing.T) {
	s.user.Run("volume create --image minimal --size 1 root")
	shown := s.awaitStatus(t, "volume", "root", "available")
	equal(t, "bootable", shown.String("bootable"), "true")
	s.user.Run("server create --wait --volume root --flavor t1 --network blue --key-name mine --security-group login from-volume")
	address := s.spareAddress()
	s.user.Run("server add floating ip from-volume " + address)
	g := s.cloud.Host.SSH(t, address, s.key, nil)
	equal(t, "host name", g.Run("hostname"), "from-volume")
	g.Close()
	s.user.Run("server remove floating ip from-volume " + address)
	s.user.Run("server delete --wait from-volume")
	s.awaitStatus(t, "volume", "root", "available")
	s.user.Run("volume delete root")

	s.user.Run("server create --wait --image minimal --boot-from-volume 1 --flavor t1 --network blue made-volume")
	equal(t, "volumes", len(s.user.List("volume list --status in-use")), 1)
	s.user.Run("server delete --wait made-volume")
	for _, v := range s.user.List("volume list") { // kept unless asked otherwise, as in Nova
		s.awaitStatus(t, "volume", v.ID(), "available")
		s.user.Run("volume delete " + v.ID())
	}
	s.noVolumes(t)
}
