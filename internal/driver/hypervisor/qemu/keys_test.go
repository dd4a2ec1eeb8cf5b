package qemu

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// The key of an encrypted disk is neither in a file of the guest nor on a command line, and QEMU answers it to nobody.
func TestKeysAreNotKept(t *testing.T) {
	r := newRig(t, spec.MachineQ35)
	l := r.launch("g1")
	l.Disks[0] = r.encrypt(l.Disks[0])
	key := []byte(l.Disks[0].Source.Key)
	l.Guest.Disks = []spec.Disk{{Volume: "v1", Key: spec.Key(key)}}
	if err := r.d.Start(t.Context(), l, true); err != nil {
		t.Fatal(err)
	}
	if err := r.d.PlugDisk(t.Context(), "g1", r.encrypt(r.disk("v2"))); err != nil {
		t.Fatal(err)
	}
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", r.pid("g1")))
	if err != nil || bytes.Contains(line, key) {
		t.Errorf("the key is on the command line (%v)", err)
	}
	filepath.WalkDir(r.state, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			if b, _ := os.ReadFile(path); bytes.Contains(b, key) {
				t.Errorf("the key is in %s", path)
			}
		}
		return err
	})
	g, _ := r.d.find("g1")
	var objects []struct{ Name string }
	if err := g.current().mon.Execute(t.Context(), "qom-list", object{"path": "/objects"}, &objects); err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		if o.Name == keyOf(diskNode(1)) || o.Name == keyOf(diskNode(2)) {
			t.Errorf("QEMU still has the object %s", o.Name)
		}
	}
}
