package openstack

import (
	"strings"
	"testing"
)

func (s *site) stopStart(t *testing.T) {
	before := s.in(t).BootID()
	s.in(t).Run("echo kept | sudo tee /var/log/kept && sync")
	s.user.Run("server stop one")
	s.awaitServer(t, "one", "SHUTOFF")
	s.user.Refused("server stop one", "409")
	s.user.Run("server start one")
	s.awaitServer(t, "one", "ACTIVE")
	equal(t, "file after a start", s.loginAfterBoot(t, before).Run("cat /var/log/kept"), "kept")
}

func (s *site) reboot(t *testing.T) {
	for _, how := range []string{"--soft", "--hard"} {
		before := s.in(t).BootID()
		s.user.Run("server reboot " + how + " --wait one")
		s.loginAfterBoot(t, before)
		s.awaitServer(t, "one", "ACTIVE")
	}
}

// pauseSuspend leaves the guest's memory as it was.
func (s *site) pauseSuspend(t *testing.T) {
	before := s.in(t).BootID()
	for _, c := range [][3]string{{"pause", "PAUSED", "unpause"}, {"suspend", "SUSPENDED", "resume"}} {
		s.user.Run("server " + c[0] + " one")
		s.awaitServer(t, "one", c[1])
		s.user.Run("server " + c[2] + " one")
		s.awaitServer(t, "one", "ACTIVE")
		equal(t, "boot after "+c[0], s.login(t).BootID(), before)
	}
}

func (s *site) lock(t *testing.T) {
	s.user.Run("server lock one")
	s.user.Refused("server stop one", "locked")
	s.user.Refused("server delete one", "locked")
	s.user.Run("server unlock one")
	s.awaitServer(t, "one", "ACTIVE")
}

func (s *site) resize(t *testing.T) {
	before := s.in(t).BootID()
	s.user.Run("server resize --flavor t2 --wait one")
	s.awaitServer(t, "one", "VERIFY_RESIZE")
	equal(t, "processors", s.loginAfterBoot(t, before).Run("grep -c ^processor /proc/cpuinfo"), "2")
	before = s.in(t).BootID()
	s.user.Run("server resize revert one")
	s.awaitServer(t, "one", "ACTIVE")
	equal(t, "processors after revert", s.loginAfterBoot(t, before).Run("grep -c ^processor /proc/cpuinfo"), "1")
	before = s.in(t).BootID()
	s.user.Run("server resize --flavor t2 --wait one")
	s.awaitServer(t, "one", "VERIFY_RESIZE")
	s.user.Run("server resize confirm one")
	contains(t, "flavor", s.awaitServer(t, "one", "ACTIVE").String("flavor"), "t2")
	g := s.loginAfterBoot(t, before)
	equal(t, "processors after confirm", g.Run("grep -c ^processor /proc/cpuinfo"), "2")
	equal(t, "file after resize", g.Run("cat /var/log/kept"), "kept")
	contains(t, "root disk", g.Run("lsblk"), "2G")
}

// rebuild to the image loses the file, rebuild to the copy made before brings it back.
func (s *site) rebuild(t *testing.T) {
	s.user.Run("server image create --wait --name copy one")
	s.awaitStatus(t, "image", "copy", "active")
	for _, c := range []struct{ image, file string }{{"minimal", "absent"}, {"copy", "kept"}} {
		before := s.login(t).BootID()
		s.user.Run("server rebuild --wait --image " + c.image + " one")
		s.awaitServer(t, "one", "ACTIVE")
		g := s.loginAfterBoot(t, before)
		equal(t, "file after rebuild to "+c.image, g.Run("cat /var/log/kept 2>/dev/null || echo absent"), c.file)
		contains(t, "addresses after rebuild", g.Run("ip -o addr"), "10.11.0.50/24")
	}
	s.user.Run("image delete copy")
}

// rescue boots a fresh disk with the instance's own beside it.
func (s *site) rescue(t *testing.T) {
	before := s.in(t).BootID()
	s.user.Run("server rescue --image minimal one") // the copy it was rebuilt to is gone
	s.awaitServer(t, "one", "RESCUE")
	g := s.loginAfterBoot(t, before)
	equal(t, "file on the rescue disk", g.Run("cat /var/log/kept 2>/dev/null || echo absent"), "absent")
	if disks := g.Run("lsblk -d -n -o NAME,TYPE"); strings.Count(disks, "disk") < 2 {
		t.Fatalf("in rescue mode there is only %s", disks)
	}
	before = g.BootID()
	s.user.Run("server unrescue one")
	s.awaitServer(t, "one", "ACTIVE")
	equal(t, "file after rescue", s.loginAfterBoot(t, before).Run("cat /var/log/kept"), "kept")
}

func (s *site) shelve(t *testing.T) {
	before := s.in(t).BootID()
	s.user.Run("server shelve one")
	s.awaitServer(t, "one", "SHELVED_OFFLOADED")
	equal(t, "guests on the host", len(s.cloud.Host.QEMUs()), 0)
	s.user.Run("server unshelve one")
	s.awaitServer(t, "one", "ACTIVE")
	equal(t, "file after unshelve", s.loginAfterBoot(t, before).Run("cat /var/log/kept"), "kept")
}
