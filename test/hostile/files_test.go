package hostile

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// sample is a file nobody should take, and words its refusal must hold.
type sample struct {
	name     string
	declared string
	content  []byte
	refusal  string
}

// Places in the header of a qcow2 file.
const (
	qcowBackingAt = 8
	qcowSizeAt    = 24
	qcowL1CountAt = 36
	qcowFeatureAt = 72
)

// samples are files of QEMU's own tool and changed copies of them.
func samples(t *testing.T) []sample {
	t.Helper()
	m := maker{t: t, dir: t.TempDir()}
	secret := filepath.Join(m.dir, "secret")
	cloudtest.Check(t, os.WriteFile(secret, bytes.Repeat([]byte("secret of the host\n"), 1000), 0o600))
	good := m.make("qcow2", "", "1M")
	sparse := m.make("vmdk", "subformat=monolithicSparse", "1M")
	descriptor := m.make("vmdk", "subformat=monolithicFlat", "1M")
	return []sample{
		{"backing file", "qcow2", m.overlay(secret), "backing file"},
		{"backing file beyond the header", "qcow2", patch(good, qcowBackingAt, be64(1<<40)), "backing file"},
		{"external data file", "qcow2", m.make("qcow2", "data_file="+filepath.Join(m.dir, "data"), "1M"), "another file"},
		{"unknown features", "qcow2", patch(good, qcowFeatureAt, be64(1<<6)), "not known"},
		{"impossible size", "qcow2", patch(good, qcowSizeAt, be64(1<<63)), "large"},
		{"size of a thousand disks", "qcow2", m.make("qcow2", "", "1000T"), "at most"},
		{"endless table", "qcow2", patch(good, qcowL1CountAt, be32(1<<30)), "many"},
		{"cut short", "qcow2", m.filled()[:70<<10], "cut short"},
		{"VMDK of a path outside", "vmdk", bytes.ReplaceAll(descriptor, []byte("made-flat.vmdk"), []byte(secret)), "descriptor"},
		{"VMDK naming a device inside", "vmdk", bytes.Replace(sparse, []byte("SPARSE \"made\""), []byte("SPARSE \"/dev\""), 1), "not in the file"},
		{"VMDK descriptor called raw", "raw", append(descriptor, make([]byte, 8192)...), "vmdk"},
		{"qcow2 called raw", "raw", good, "qcow2"},
		{"raw called qcow2", "qcow2", bytes.Repeat([]byte{7}, 64<<10), "qcow2"},
		{"qcow2 called vmdk", "vmdk", good, "qcow2"},
		{"nothing at all", "qcow2", []byte{}, "does not begin like one"},
	}
}

// maker makes files with qemu-img.
type maker struct {
	t   *testing.T
	dir string
}

func (m maker) run(args ...string) {
	m.t.Helper()
	if out, err := exec.Command("qemu-img", args...).CombinedOutput(); err != nil {
		m.t.Fatalf("qemu-img %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

func (m maker) read() []byte {
	m.t.Helper()
	b, err := os.ReadFile(filepath.Join(m.dir, "made"))
	cloudtest.Check(m.t, err)
	return b
}

func (m maker) make(format, options, size string) []byte {
	m.t.Helper()
	args := []string{"create", "-q", "-f", format}
	if options != "" {
		args = append(args, "-o", options)
	}
	m.run(append(args, filepath.Join(m.dir, "made"), size)...)
	return m.read()
}

func (m maker) overlay(base string) []byte {
	m.t.Helper()
	m.run("create", "-q", "-f", "qcow2", "-b", base, "-F", "raw", filepath.Join(m.dir, "made"))
	return m.read()
}

// filled is a qcow2 file with data in it.
func (m maker) filled() []byte {
	m.t.Helper()
	source := filepath.Join(m.dir, "source")
	cloudtest.Check(m.t, os.WriteFile(source, bytes.Repeat([]byte("data"), 64<<10), 0o600))
	m.run("convert", "-f", "raw", "-O", "qcow2", source, filepath.Join(m.dir, "made"))
	return m.read()
}

func patch(b []byte, at int, p []byte) []byte {
	b = bytes.Clone(b)
	copy(b[at:], p)
	return b
}

func be32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }
func be64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
