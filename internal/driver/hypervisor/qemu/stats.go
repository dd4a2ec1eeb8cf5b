package qemu

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/driver/hypervisor/qmp"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// ticksPerSecond is USER_HZ, which is 100 on every Linux that runs guests.
const ticksPerSecond = 100

// Stats implements agent.Hypervisor. It does not wait for an operation on the guest.
func (d *Driver) Stats(ctx context.Context, id spec.GuestID) (spec.GuestStats, error) {
	g, err := d.find(id)
	if err != nil {
		return spec.GuestStats{}, err
	}
	r, err := g.running()
	if err != nil {
		return spec.GuestStats{}, err
	}
	rec := g.record()
	s := spec.GuestStats{MemoryBytes: rec.Guest.MemoryBytes, Uptime: time.Since(rec.StartedAt),
		CPUTime: cpuTime(fmt.Sprintf("/proc/%d/stat", r.proc.pid)), ResidentBytes: resident(r.proc.pid)}
	if s.CPUs, err = cpuTimes(ctx, r); err != nil {
		return s, fmt.Errorf("guest %s: CPU counters: %w", id, err)
	}
	if s.Disks, err = diskStats(ctx, r.mon, rec.Disks); err != nil {
		return s, fmt.Errorf("guest %s: disk counters: %w", id, err)
	}
	for _, n := range rec.NICs {
		c, err := tapCounters(n.Tap, n.Namespace)
		if err != nil {
			return s, fmt.Errorf("guest %s: port %s: %w", id, n.NIC.Port, err)
		}
		s.NICs = append(s.NICs, nicStats(n, c))
	}
	return s, nil
}

// nicStats turns a tap's counters round: what the host received, the guest sent.
func nicStats(n nicSlot, c counters) spec.NICStats {
	return spec.NICStats{Port: n.NIC.Port, MAC: n.NIC.MAC,
		ReceivedBytes: c.txBytes, SentBytes: c.rxBytes,
		ReceivedPackets: c.txPackets, SentPackets: c.rxPackets,
		ReceivedDropped: c.txDropped, SentDropped: c.rxDropped,
		ReceivedErrors: c.txErrors, SentErrors: c.rxErrors}
}

// cpuTime is what a process or thread has used, of user and system time.
func cpuTime(stat string) time.Duration {
	f := procStat(stat)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * time.Second / ticksPerSecond
}

func resident(pid int) int64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	f := strings.Fields(string(b))
	if len(f) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(f[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

func cpuTimes(ctx context.Context, r *run) ([]time.Duration, error) {
	var cpus []struct {
		Thread int `json:"thread-id"`
	}
	if err := r.mon.Execute(ctx, "query-cpus-fast", nil, &cpus); err != nil {
		return nil, err
	}
	var times []time.Duration
	for _, c := range cpus {
		times = append(times, cpuTime(fmt.Sprintf("/proc/%d/task/%d/stat", r.proc.pid, c.Thread)))
	}
	return times, nil
}

func diskStats(ctx context.Context, mon *qmp.Client, disks []diskSlot) ([]spec.DiskStats, error) {
	var all []struct {
		Device string `json:"qdev"`
		Stats  struct {
			ReadBytes   int64 `json:"rd_bytes"`
			WriteBytes  int64 `json:"wr_bytes"`
			Reads       int64 `json:"rd_operations"`
			Writes      int64 `json:"wr_operations"`
			Flushes     int64 `json:"flush_operations"`
			ReadFailed  int64 `json:"failed_rd_operations"`
			WriteFailed int64 `json:"failed_wr_operations"`
		}
	}
	if err := mon.Execute(ctx, "query-blockstats", nil, &all); err != nil {
		return nil, err
	}
	var list []spec.DiskStats
	for _, s := range disks {
		for _, b := range all {
			// Devices are named by path: virtio puts its back end below the id.
			if !strings.Contains(b.Device+"/", "/"+diskID(s.Slot)+"/") && b.Device != diskID(s.Slot) {
				continue
			}
			list = append(list, spec.DiskStats{Volume: s.Disk.Volume,
				ReadBytes: b.Stats.ReadBytes, WriteBytes: b.Stats.WriteBytes,
				ReadCount: b.Stats.Reads, WriteCount: b.Stats.Writes, FlushCount: b.Stats.Flushes,
				ErrorsCount: b.Stats.ReadFailed + b.Stats.WriteFailed})
		}
	}
	return list, nil
}
