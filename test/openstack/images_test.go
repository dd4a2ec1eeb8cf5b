package openstack

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// images uploads one of each format and reads the bytes back.
func (s *site) images(t *testing.T) {
	raw := filepath.Join(s.cloud.Host.Dir, "random.raw")
	b := make([]byte, 3<<20+512)
	_, _ = rand.Read(b) // never fails
	cloudtest.Check(t, os.WriteFile(raw, b, 0o644))
	for _, i := range []struct{ name, file, disk, container string }{
		{"minimal", s.files.Image, "qcow2", "bare"}, {"random", raw, "raw", "bare"},
		{"kernel", s.files.Kernel, "aki", "aki"}, {"ramdisk", s.files.Initramfs, "ari", "ari"},
	} {
		made := s.user.Object("image", "create", "--disk-format", i.disk, "--container-format", i.container, "--file", i.file, i.name)
		shown := s.user.Object("image show " + made.ID())
		equal(t, "image's status", shown.String("status"), "active")
		equal(t, "image's format", shown.String("disk_format"), i.disk)
		saved := filepath.Join(s.cloud.Host.Dir, "saved")
		s.user.Run("image", "save", "--file", saved, i.name)
		sameBytes(t, i.file, saved)
	}
	s.user.Run("image set --property os_distro=nubo --min-disk 1 --tag small minimal")
	equal(t, "images with a tag", len(s.user.List("image list --tag small")), 1)
	equal(t, "images by property", len(s.user.List("image list --property os_distro=nubo")), 1)
	equal(t, "images", len(s.user.List("image list")), 4)
	// Pages of one: the client sorts what is on a page by name, so that its last is not the page's end.
	seen, marker := map[string]bool{}, ""
	for range 4 {
		page := s.user.List("image list --limit 1 " + marker)
		equal(t, "images on a page", len(page), 1)
		seen[page[0].String("Name")] = true
		marker = "--marker " + page[0].ID()
	}
	equal(t, "images on four pages", len(seen), 4)
	equal(t, "images after the last", len(s.user.List("image list --limit 1 "+marker)), 0)
	s.user.Refused("image show nothing", "nothing")
	s.user.Run("image delete random")
}

func sameBytes(t *testing.T, a, b string) {
	t.Helper()
	x, err := os.ReadFile(a)
	cloudtest.Check(t, err)
	y, err := os.ReadFile(b)
	cloudtest.Check(t, err)
	if !bytes.Equal(x, y) {
		t.Fatalf("%s has %d bytes, %s %d, and they are not the same", a, len(x), b, len(y))
	}
}
