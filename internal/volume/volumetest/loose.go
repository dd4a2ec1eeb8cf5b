package volumetest

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// PutLoose lays a disk on the pool that is nobody's.
func (h *Host) PutLoose(kind spec.DiskKind, name string, sizeBytes int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.loose[kind][name] = Disk{SizeBytes: sizeBytes, Origin: "loose/" + name}
}

// ListLoose lists what is nobody's.
func (h *Host) ListLoose(_ context.Context, _ string, kind spec.DiskKind) ([]spec.LooseDisk, error) {
	leave, err := h.enter("ListLoose")
	defer leave()
	var all []spec.LooseDisk
	for _, name := range slices.Sorted(maps.Keys(h.loose[kind])) {
		all = append(all, spec.LooseDisk{Name: name, Format: spec.FormatRaw, SizeBytes: h.loose[kind][name].SizeBytes})
	}
	return all, err
}

// AdoptVolume makes a loose disk a volume.
func (h *Host) AdoptVolume(_ context.Context, id spec.VolumeID, _, name string) error {
	leave, err := h.enter("AdoptVolume")
	defer leave()
	if err != nil {
		return err
	}
	return adopt(h.loose[spec.DiskVolume], h.volumes, id, name)
}

// ReleaseVolume makes a volume a loose disk.
func (h *Host) ReleaseVolume(_ context.Context, id spec.VolumeID, name string) error {
	leave, err := h.enter("ReleaseVolume")
	defer leave()
	if err == nil {
		release(h.loose[spec.DiskVolume], h.volumes, id, name)
	}
	return err
}

// AdoptSnapshot makes a loose disk a snapshot.
func (h *Host) AdoptSnapshot(_ context.Context, id spec.SnapshotID, _, name string) error {
	leave, err := h.enter("AdoptSnapshot")
	defer leave()
	if err != nil {
		return err
	}
	return adopt(h.loose[spec.DiskSnapshot], h.snapshots, id, name)
}

// ReleaseSnapshot makes a snapshot a loose disk.
func (h *Host) ReleaseSnapshot(_ context.Context, n spec.Snapshot, name string) error {
	leave, err := h.enter("ReleaseSnapshot")
	defer leave()
	if err == nil {
		release(h.loose[spec.DiskSnapshot], h.snapshots, n.ID, name)
	}
	return err
}

func adopt[ID comparable](loose map[string]Disk, disks map[ID]Disk, id ID, name string) error {
	if _, ok := disks[id]; ok {
		return nil
	}
	d, ok := loose[name]
	if !ok {
		return fmt.Errorf("loose disk %s: %w", name, spec.ErrMissing)
	}
	disks[id] = d
	delete(loose, name)
	return nil
}

func release[ID comparable](loose map[string]Disk, disks map[ID]Disk, id ID, name string) {
	if d, ok := disks[id]; ok {
		loose[name] = d
		delete(disks, id)
	}
}

// Loose answers a disk that is nobody's.
func (h *Host) Loose(kind spec.DiskKind, name string) (Disk, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d, ok := h.loose[kind][name]
	return d, ok
}
