package metadata

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/spec"
)

func needTool(t *testing.T, name, debianPackage string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("needs %s (Debian package %s)", name, debianPackage)
	}
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func writeDrive(t *testing.T, md spec.Metadata) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "drive.iso")
	for range 2 {
		if err := (Layout{Random: zeroes{}}).WriteConfigDrive(t.Context(), path, md); err != nil {
			t.Fatal(err)
		}
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Fatalf("left behind: %v", left)
	}
	return path
}

// files reads a directory tree into a map.
func files(t *testing.T, root string) map[string]string {
	t.Helper()
	m := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		relative, _ := filepath.Rel(root, path)
		m[relative] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// wanted is what the drive of md must hold.
func wanted(t *testing.T, md spec.Metadata) map[string]string {
	t.Helper()
	root, err := (Layout{Random: zeroes{}}).driveTree(md)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]string{}
	var add func(n *node, at string)
	add = func(n *node, at string) {
		for name, e := range n.entries {
			if e.entries != nil {
				add(e, filepath.Join(at, name))
			} else {
				m[filepath.Join(at, name)] = string(e.content)
			}
		}
	}
	add(root, "")
	return m
}

func compare(t *testing.T, got, want map[string]string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d files, want %d: %v", len(got), len(want), got)
	}
	for name, content := range want {
		if got[name] != content {
			t.Errorf("%s: %d bytes, want %d", name, len(got[name]), len(content))
		}
	}
}

// large has more user data than a sector, and many files in one directory are not needed: names are few.
func large() spec.Metadata {
	md := sample()
	md.UserData = bytes.Repeat([]byte("0123456789"), 5000)
	return md
}

// TestDriveContents proves what is on a drive: the OpenStack tree of each version, the EC2 documents, the password.
func TestDriveContents(t *testing.T) {
	m := wanted(t, sample())
	var names strings.Builder
	for _, name := range []string{"openstack/latest/meta_data.json", "openstack/2012-08-10/meta_data.json", "ec2/latest/meta-data.json"} {
		if !json.Valid([]byte(m[name])) {
			t.Errorf("%s: %q", name, m[name])
		}
	}
	for _, name := range sorted(m) {
		fmt.Fprintln(&names, name)
	}
	golden(t, "drive.txt", names.String())
	if !strings.Contains(m["openstack/latest/meta_data.json"], `"admin_pass":"s3cret"`) {
		t.Error("the password is not there")
	}
}

func sorted(m map[string]string) []string {
	n := directory()
	for name := range m {
		n.put("", name)
	}
	return sortedNames(n)
}

// TestDriveRockRidge proves that a POSIX reader sees every file under its name (xorriso reads Rock Ridge).
func TestDriveRockRidge(t *testing.T) {
	needTool(t, "xorriso", "xorriso")
	path, out := writeDrive(t, large()), t.TempDir()
	run(t, "xorriso", "-osirrox", "on", "-indev", path, "-extract", "/", filepath.Join(out, "x"))
	run(t, "chmod", "-R", "u+w", out)
	compare(t, files(t, filepath.Join(out, "x")), wanted(t, large()))
}

// TestDriveJoliet proves that a Windows reader sees every file under its name.
func TestDriveJoliet(t *testing.T) {
	needTool(t, "isoinfo", "genisoimage")
	path := writeDrive(t, large())
	listing := run(t, "isoinfo", "-J", "-f", "-i", path)
	rockRidge := run(t, "isoinfo", "-R", "-f", "-i", path)
	for name, content := range wanted(t, large()) {
		if !strings.Contains(listing, "/"+name+"\n") || !strings.Contains(rockRidge, "/"+name+"\n") {
			t.Errorf("%s is not listed:\n%s\n%s", name, listing, rockRidge)
		}
		if got, err := exec.Command("isoinfo", "-J", "-i", path, "-x", "/"+name).Output(); err != nil || string(got) != content {
			t.Errorf("%s reads as %d bytes, want %d (%v)", name, len(got), len(content), err)
		}
	}
	if info := run(t, "isoinfo", "-d", "-i", path); !strings.Contains(info, "Volume id: config-2") || !strings.Contains(info, "Rock Ridge signatures version 1 found") {
		t.Error(info)
	}
}

// TestDriveLabel proves that udev, and so cloud-init, finds the drive by its label.
func TestDriveLabel(t *testing.T) {
	needTool(t, "blkid", "util-linux")
	vfat := filepath.Join(t.TempDir(), "drive.vfat")
	if err := (Layout{}).WriteConfigDriveVFAT(t.Context(), vfat, sample()); err != nil {
		t.Fatal(err)
	}
	for path, kind := range map[string]string{writeDrive(t, sample()): "iso9660", vfat: "vfat"} {
		out := run(t, "blkid", "-p", "-o", "export", path)
		if !strings.Contains(out, "LABEL=config-2\n") || !strings.Contains(out, "TYPE="+kind+"\n") {
			t.Errorf("%s: %s", kind, out)
		}
	}
}

// TestDriveMount proves that Linux reads the drives.
func TestDriveMount(t *testing.T) {
	vfat := filepath.Join(t.TempDir(), "drive.vfat")
	if err := (Layout{Random: zeroes{}}).WriteConfigDriveVFAT(t.Context(), vfat, large()); err != nil {
		t.Fatal(err)
	}
	for path, kind := range map[string]string{writeDrive(t, large()): "iso9660", vfat: "vfat"} {
		t.Run(kind, func(t *testing.T) {
			if os.Geteuid() != 0 {
				t.Skip("needs root, to mount")
			}
			mount := t.TempDir()
			if out, err := exec.Command("mount", "-t", kind, "-o", "loop,ro", path, mount).CombinedOutput(); err != nil {
				t.Skipf("needs a kernel with %s and loop devices: %s", kind, out)
			}
			defer exec.Command("umount", mount).Run()
			compare(t, files(t, mount), wanted(t, large()))
		})
	}
}

// TestDriveVFAT proves that the disk is sound and holds every file.
func TestDriveVFAT(t *testing.T) {
	needTool(t, "mcopy", "mtools")
	needTool(t, "fsck.vfat", "dosfstools")
	path, out := filepath.Join(t.TempDir(), "drive.vfat"), t.TempDir()
	if err := (Layout{Random: zeroes{}}).WriteConfigDriveVFAT(t.Context(), path, large()); err != nil {
		t.Fatal(err)
	}
	run(t, "fsck.vfat", "-n", path)
	run(t, "mcopy", "-s", "-i", path, "::", out)
	compare(t, files(t, out), wanted(t, large()))
}

// TestDriveIsSmallAndRepeatable proves that equal metadata make equal bytes, and few.
func TestDriveIsSmallAndRepeatable(t *testing.T) {
	a, err := os.ReadFile(writeDrive(t, sample()))
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(writeDrive(t, sample()))
	if err != nil || !bytes.Equal(a, b) || len(a) > 1<<20 || len(a)%isoSector != 0 {
		t.Fatalf("%d and %d bytes, %v", len(a), len(b), err)
	}
}

// TestISOManyFiles proves that directories of more than a sector, and long and colliding names, come back.
func TestISOManyFiles(t *testing.T) {
	needTool(t, "xorriso", "xorriso")
	root, want := directory(), map[string]string{}
	for i := range 200 {
		name := fmt.Sprintf("a rather long name that ISO 9660 has to cut %d.JSON", i)
		root.put(fmt.Sprint("content ", i), "d", name)
		want["d/"+name] = fmt.Sprint("content ", i)
	}
	root.put("", "d", "sub.dir", "empty")
	want["d/sub.dir/empty"] = ""
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "iso"))
	if err != nil {
		t.Fatal(err)
	}
	if err := writeISO(f, root, "x"); err != nil {
		t.Fatal(err)
	}
	f.Close()
	run(t, "xorriso", "-osirrox", "on", "-indev", f.Name(), "-extract", "/", filepath.Join(dir, "x"))
	run(t, "chmod", "-R", "u+w", dir)
	compare(t, files(t, filepath.Join(dir, "x")), want)
}

// BenchmarkConfigDrive shows what a drive adds to a boot.
func BenchmarkConfigDrive(b *testing.B) {
	path := filepath.Join(b.TempDir(), "drive")
	for b.Loop() {
		if err := (Layout{}).WriteConfigDrive(b.Context(), path, sample()); err != nil {
			b.Fatal(err)
		}
	}
}
