package file

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// TestLooseFiles proves what becomes of files that an operator puts into the pool: raw and qcow2 disks are volumes after they
// were adopted, and nothing is adopted that would have a guest read another file.
func TestLooseFiles(t *testing.T) {
	needTools(t)
	d, err := New(Options{Dir: t.TempDir()})
	check(t, err)
	dir := d.path(looseDir, volumesDir)
	check(t, os.WriteFile(filepath.Join(dir, "raw"), make([]byte, 1000), 0o644))
	create(t, "-f", "qcow2", filepath.Join(dir, "qcow2"), "5M")
	create(t, "-f", "qcow2", "-F", "raw", "-b", "/etc/passwd", filepath.Join(dir, "backed"), "5M")
	create(t, "-f", "vmdk", filepath.Join(dir, "vmdk"), "5M")
	check(t, os.Symlink("/etc/passwd", filepath.Join(dir, "symlink")))
	check(t, os.WriteFile(filepath.Join(dir, "linked"), []byte("x"), 0o600))
	check(t, os.Link(filepath.Join(dir, "linked"), filepath.Join(t.TempDir(), "elsewhere")))
	check(t, os.WriteFile(filepath.Join(dir, "empty"), nil, 0o600))
	check(t, os.Mkdir(filepath.Join(dir, "directory"), 0o700))
	check(t, os.WriteFile(filepath.Join(dir, ".hidden"), []byte("x"), 0o600))
	fit := map[string]int64{"raw": 1024, "qcow2": 5 << 20}
	disks, err := d.ListLoose(t.Context(), "", spec.DiskVolume)
	check(t, err)
	if len(disks) != 8 {
		t.Errorf("listed: %+v", disks)
	}
	for _, l := range disks {
		size, ok := fit[l.Name]
		if (l.Unfit == "") != ok || ok && l.SizeBytes != size {
			t.Errorf("listed: %+v", l)
		}
		id := spec.VolumeID("v-" + l.Name)
		err := d.AdoptVolume(t.Context(), id, "", l.Name)
		if ok != (err == nil) || !ok && !errors.Is(err, spec.ErrInvalid) {
			t.Errorf("adopting %s: %v", l.Name, err)
		}
		if !ok {
			continue
		}
		if _, err := os.Lstat(filepath.Join(dir, l.Name)); err == nil {
			t.Errorf("%s still has its loose name", l.Name)
		}
		s, err := d.Source(t.Context(), id)
		check(t, err)
		expect(t, s, 0, 0, 512)
	}
}

// TestAdoptedTwice proves that a crash after a file became a volume, and before its loose name went, loses neither it nor another
// file that has come to that name.
func TestAdoptedTwice(t *testing.T) {
	d, err := New(Options{Dir: t.TempDir()})
	check(t, err)
	name := d.path(looseDir, volumesDir, "disk")
	check(t, os.WriteFile(name, make([]byte, 512), 0o600))
	check(t, d.AdoptVolume(t.Context(), "v", "", "disk"))
	o, err := d.load(volumesDir, "v")
	check(t, err)
	check(t, os.Link(o.disk(), name)) // as if the crash had come before
	check(t, d.AdoptVolume(t.Context(), "v", "", "disk"))
	if _, err := os.Lstat(name); err == nil {
		t.Error("the loose name is still there")
	}
	check(t, os.WriteFile(name, make([]byte, 1024), 0o600))
	check(t, d.AdoptVolume(t.Context(), "v", "", "disk"))
	if _, err := os.Lstat(name); err != nil {
		t.Errorf("another file was lost: %v", err)
	}
	s, err := d.VolumeStatus(t.Context(), "v")
	check(t, err)
	if s.SizeBytes != 512 {
		t.Errorf("the volume has %d bytes", s.SizeBytes)
	}
}

// create makes an image file with qemu-img, which is not to look for a backing file.
func create(t *testing.T, arguments ...string) {
	t.Helper()
	if out, err := exec.Command("qemu-img", append([]string{"create", "-u"}, arguments...)...).CombinedOutput(); err != nil {
		t.Fatalf("qemu-img create: %v\n%s", err, out)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
