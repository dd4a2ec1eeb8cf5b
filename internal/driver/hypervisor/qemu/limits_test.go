package qemu

import (
	"testing"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// TestDiskLimits starts a guest with a limited disk, plugs another, and asks QEMU itself what it holds them to.
func TestDiskLimits(t *testing.T) {
	r := newRig(t, spec.MachineQ35)
	l := r.launch("limited")
	l.Disks[0].Disk.Limits = spec.DiskLimits{ReadIOPS: 100, BytesPerSecond: 5 << 20, BytesPerSecondMax: 9 << 20}
	ok(t, r.d.Start(t.Context(), l, false))
	more := r.disk("v2")
	more.Disk.Limits = spec.DiskLimits{IOPS: 50, IOSizeBytes: 4096}
	ok(t, r.d.PlugDisk(t.Context(), "limited", more))
	var blocks []struct {
		Raw map[string]any `json:"inserted"`
	}
	ok(t, r.d.withRunning("limited", func(_ *guest, q *run) error {
		return q.mon.Execute(t.Context(), "query-block", nil, &blocks)
	}))
	found := 0
	for _, b := range blocks {
		switch {
		case b.Raw["iops_rd"] == 100.0 && b.Raw["bps"] == float64(5<<20) && b.Raw["bps_max"] == float64(9<<20):
			found++
		case b.Raw["iops"] == 50.0 && b.Raw["iops_size"] == 4096.0:
			found++
		}
	}
	if found != 2 {
		t.Errorf("QEMU's disks: %+v", blocks)
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
