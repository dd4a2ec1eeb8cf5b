package qemu

import (
	"context"
	"errors"
	"fmt"

	"github.com/nubo-cloud/nubo/internal/driver/hypervisor/qmp"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// limitDisks has QEMU slow down the disks that have limits. It may be repeated.
func limitDisks(ctx context.Context, mon *qmp.Client, disks []diskSlot) error {
	for _, s := range disks {
		if s.Disk.Limits == (spec.DiskLimits{}) {
			continue
		}
		if err := limitDisk(ctx, mon, s); err != nil {
			return err
		}
	}
	return nil
}

func limitDisk(ctx context.Context, mon *qmp.Client, s diskSlot) error {
	device, err := deviceOf(ctx, mon, s.node())
	if err == nil {
		err = mon.Execute(ctx, "block_set_io_throttle", throttle(device, s.Disk.Limits), nil)
	}
	if err != nil {
		return fmt.Errorf("limit volume %s: %w", s.Disk.Volume, err)
	}
	return nil
}

var errUnused = errors.New("no device uses it")

// deviceOf finds the device that uses a block node, errUnused if none does. It is asked for because the disk is not always the device that was
// plugged: a virtio disk is a part of it.
func deviceOf(ctx context.Context, mon *qmp.Client, node string) (string, error) {
	var devices []struct {
		Device   string `json:"qdev"`
		Inserted struct {
			Node string `json:"node-name"`
		} `json:"inserted"`
	}
	if err := mon.Execute(ctx, "query-block", nil, &devices); err != nil {
		return "", err
	}
	for _, d := range devices {
		if d.Inserted.Node == node {
			return d.Device, nil
		}
	}
	return "", fmt.Errorf("node %s: %w", node, errUnused)
}

// throttle is limits in QEMU's words. It wants the limits all, and of the others only those that are set.
func throttle(device string, l spec.DiskLimits) object {
	o := object{"id": device, "iops": l.IOPS, "iops_rd": l.ReadIOPS, "iops_wr": l.WriteIOPS,
		"bps": l.BytesPerSecond, "bps_rd": l.ReadBytesPerSecond, "bps_wr": l.WriteBytesPerSecond}
	for _, burst := range []struct {
		key        string
		limit, max int64
	}{
		{"iops_max", l.IOPS, l.IOPSMax}, {"iops_rd_max", l.ReadIOPS, l.ReadIOPSMax}, {"iops_wr_max", l.WriteIOPS, l.WriteIOPSMax},
		{"bps_max", l.BytesPerSecond, l.BytesPerSecondMax}, {"bps_rd_max", l.ReadBytesPerSecond, l.ReadBytesPerSecondMax},
		{"bps_wr_max", l.WriteBytesPerSecond, l.WriteBytesPerSecondMax},
	} {
		if burst.limit > 0 && burst.max > burst.limit { // QEMU refuses a burst without a limit below it
			o[burst.key] = burst.max
		}
	}
	if l.IOSizeBytes > 0 && l.IOPS+l.ReadIOPS+l.WriteIOPS > 0 {
		o["iops_size"] = l.IOSizeBytes
	}
	return o
}
