package openstack

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// moveUnderGuest has a guest write to a volume without a pause while that goes to another pool and back. On the way back the
// daemon is killed. Nothing that the guest has written is missing.
func (s *site) moveUnderGuest(t *testing.T) {
	s.user.Run("volume create --size 1 moving")
	id := s.awaitStatus(t, "volume", "moving", "available").ID()
	dev := s.plug(t, "moving")
	g := s.in(t)
	g.Run("sudo mkfs.ext4 " + dev + " && sudo mkdir -p /tmp/moving && sudo mount " + dev + " /tmp/moving")
	g.Run("sudo dd if=/dev/urandom of=/tmp/moving/old bs=1M count=64 && sync")
	sum := g.Run("sudo md5sum /tmp/moving/old")
	g.Run("sudo sh -c 'n=0; while [ ! -e /tmp/enough ]; do n=$((n+1)); echo $n >>/tmp/moving/log; sync; done' </dev/null >/dev/null 2>&1 &")

	s.moveTo(t, id)
	s.awaitMoved(t, id)
	s.moveTo(t, id)
	s.cloud.Kill()
	s.cloud.Serve()
	s.awaitMoved(t, id)

	g.Run("touch /tmp/enough && sleep 1 && sudo umount /tmp/moving")
	s.unplug(t, "moving")
	dev = s.plug(t, "moving")
	g.Run("sudo mount " + dev + " /tmp/moving")
	equal(t, "what the guest wrote before", g.Run("sudo md5sum /tmp/moving/old"), sum)
	lines := strings.Fields(g.Run("sudo cat /tmp/moving/log"))
	for i, l := range lines {
		if l != fmt.Sprint(i+1) {
			t.Fatalf("line %d of what the guest wrote meanwhile is %q", i+1, l)
		}
	}
	t.Logf("the guest wrote and synced %d lines meanwhile", len(lines))
	g.Run("sudo umount /tmp/moving")
	s.unplug(t, "moving")
	s.user.Run("volume delete moving")
	s.noVolumes(t)
}

const poolField = "os-vol-host-attr:host"

// moveTo starts to bring a volume to the pool that it is not on.
func (s *site) moveTo(t *testing.T, id string) {
	t.Helper()
	host, pool, _ := strings.Cut(s.admin.Object("volume show "+id).String(poolField), "@")
	to := "second"
	if strings.HasPrefix(pool, to) {
		to = "default"
	}
	s.admin.Run("volume migrate --host " + host + "@" + to + "#" + to + " " + id)
}

// awaitMoved waits until a volume has moved and is attached as before.
func (s *site) awaitMoved(t *testing.T, id string) {
	t.Helper()
	cloudtest.Eventually(t, cloudtest.Patience(30*time.Second), func() error {
		o := s.admin.Object("volume show " + id)
		if o.String("migration_status") != "success" || o.String("status") != "in-use" {
			return fmt.Errorf("the volume is %s on %s, its move %s", o.String("status"), o.String(poolField), o.String("migration_status"))
		}
		return nil
	})
}
