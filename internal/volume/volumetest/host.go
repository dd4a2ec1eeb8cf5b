// Package volumetest holds a host whose storage is maps, for tests of those who
// use package volume. It keeps state and can be told to fail. It is no part of the product.
package volumetest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/nubo-cloud/nubo/internal/agentapi"
	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Disk is the bytes of a volume or snapshot: how many, and where they came from.
type Disk struct {
	SizeBytes  int64
	Generation int64
	Origin     string // "blank", "image/…", "snapshot/…", "volume/…"
	Key        spec.Key
	Pool       string
}

// Host is the storage part of one agent. The other parts are nil.
type Host struct {
	agentapi.Agent

	mu        sync.Mutex
	images    map[spec.ImageID]bool
	volumes   map[spec.VolumeID]Disk
	snapshots map[spec.SnapshotID]Disk
	loose     map[spec.DiskKind]map[string]Disk
	down      bool
	fail      map[string]error
	calls     map[string]int
}

// NewHost makes an empty host.
func NewHost() *Host {
	return &Host{images: map[spec.ImageID]bool{}, volumes: map[spec.VolumeID]Disk{}, snapshots: map[spec.SnapshotID]Disk{},
		loose: map[spec.DiskKind]map[string]Disk{spec.DiskVolume: {}, spec.DiskSnapshot: {}},
		fail:  map[string]error{}, calls: map[string]int{}}
}

// SetDown makes the host unreachable, or reachable again.
func (h *Host) SetDown(down bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.down = down
}

// Fail makes a method ("EnsureVolume") fail with err until called again with nil.
func (h *Host) Fail(method string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fail[method] = err
}

// Calls counts how often a method was called.
func (h *Host) Calls(method string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.calls[method]
}

// Volume and Snapshot answer what the host has.
func (h *Host) Volume(id cloud.VolumeID) (Disk, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d, ok := h.volumes[spec.VolumeID(id)]
	return d, ok
}

// Snapshot answers a snapshot the host has.
func (h *Host) Snapshot(id string) (Disk, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d, ok := h.snapshots[spec.SnapshotID(id)]
	return d, ok
}

// Agent makes the Host a volume.Hosts of one host, whose id is "host-1".
func (h *Host) AgentOf(_ context.Context, id cloud.HostID) (agentapi.Agent, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if id != HostID {
		return nil, cloud.NotFoundf("host", id)
	}
	if h.down {
		return nil, cloud.Errorf(cloud.Unavailable, "host", id, "Host %s is down.", id)
	}
	return h, nil
}

// HostID is the id of the one host.
const HostID cloud.HostID = "host-1"

// Hosts is the Host as the use cases reach it.
type Hosts struct{ *Host }

// Agent answers the host, Unavailable while it is down.
func (h Hosts) Agent(ctx context.Context, id cloud.HostID) (agentapi.Agent, error) {
	return h.AgentOf(ctx, id)
}

// PlaceVolume puts every volume on the one host, on the pool that is asked for by its name or as a type does.
func (h Hosts) PlaceVolume(_ context.Context, r cloud.VolumePlacement) (cloud.VolumePlace, error) {
	if r.Zone != "" && r.Zone != "nova" {
		return cloud.VolumePlace{}, &cloud.Error{Kind: cloud.NoCapacity, Resource: "volume", Message: "No host of zone " + r.Zone + " has room."}
	}
	return cloud.VolumePlace{HostID: HostID, Pool: cmp.Or(r.Pool, r.Specs["volume_backend_name"], "default")}, nil
}

func (h *Host) enter(method string) (func(), error) {
	h.mu.Lock()
	h.calls[method]++
	return h.mu.Unlock, h.fail[method]
}

// Describe tells of one pool.
func (h *Host) Describe(context.Context) (spec.Host, error) {
	return spec.Host{Name: "one", Pools: []spec.Pool{{Name: "default", Driver: "sim", TotalBytes: 100 << 30, UsedBytes: 10 << 30}}}, nil
}

// Inventory lists everything.
func (h *Host) Inventory(context.Context) (spec.Inventory, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var inv spec.Inventory
	for id := range h.images {
		inv.Images = append(inv.Images, id)
	}
	for id := range h.volumes {
		inv.Volumes = append(inv.Volumes, id)
	}
	for id := range h.snapshots {
		inv.Snapshots = append(inv.Snapshots, id)
	}
	return inv, nil
}

// EnsureImage implements agentapi.Storage, as do the methods below.
func (h *Host) EnsureImage(_ context.Context, i spec.Image) error {
	leave, err := h.enter("EnsureImage")
	defer leave()
	if err == nil {
		h.images[i.ID] = true
	}
	return err
}

// RemoveImage forgets an image.
func (h *Host) RemoveImage(_ context.Context, id spec.ImageID) error {
	leave, err := h.enter("RemoveImage")
	defer leave()
	if err == nil {
		delete(h.images, id)
	}
	return err
}

// ListImages tells of no more than the ids.
func (h *Host) ListImages(context.Context) ([]spec.ImageStatus, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []spec.ImageStatus
	for id := range h.images {
		all = append(all, spec.ImageStatus{ID: id})
	}
	return all, nil
}

// EnsureVolume makes or grows a volume.
func (h *Host) EnsureVolume(_ context.Context, v spec.Volume) (spec.VolumeStatus, error) {
	leave, err := h.enter("EnsureVolume")
	defer leave()
	if err != nil {
		return spec.VolumeStatus{}, err
	}
	d, ok := h.volumes[v.ID]
	switch {
	case ok && v.Generation < d.Generation:
		return spec.VolumeStatus{ID: v.ID, SizeBytes: d.SizeBytes}, nil
	case ok && v.SizeBytes < d.SizeBytes:
		return spec.VolumeStatus{}, fmt.Errorf("shrink: %w", spec.ErrNotSupported)
	case !ok:
		if d, err = h.origin(v); err != nil {
			return spec.VolumeStatus{}, err
		}
		if v.Encryption != nil {
			d.Key = v.Encryption.Key
		}
		d.Pool = v.Pool
	}
	if v.Move {
		d.Pool = v.Pool
	}
	d.SizeBytes, d.Generation = v.SizeBytes, v.Generation
	h.volumes[v.ID] = d
	return spec.VolumeStatus{ID: v.ID, Generation: v.Generation, SizeBytes: v.SizeBytes}, nil
}

func (h *Host) origin(v spec.Volume) (Disk, error) {
	switch {
	case v.Image != nil:
		if !h.images[v.Image.ID] {
			return Disk{}, fmt.Errorf("image %s: %w", v.Image.ID, spec.ErrMissing)
		}
		return Disk{Origin: "image/" + string(v.Image.ID)}, nil
	case v.Snapshot != "":
		if _, ok := h.snapshots[v.Snapshot]; !ok {
			return Disk{}, fmt.Errorf("snapshot %s: %w", v.Snapshot, spec.ErrMissing)
		}
		return Disk{Origin: "snapshot/" + string(v.Snapshot)}, nil
	case v.Volume != "":
		if _, ok := h.volumes[v.Volume]; !ok {
			return Disk{}, fmt.Errorf("volume %s: %w", v.Volume, spec.ErrMissing)
		}
		return Disk{Origin: "volume/" + string(v.Volume)}, nil
	}
	return Disk{Origin: "blank"}, nil
}

// RemoveVolume forgets a volume.
func (h *Host) RemoveVolume(_ context.Context, id spec.VolumeID) error {
	leave, err := h.enter("RemoveVolume")
	defer leave()
	if err == nil {
		delete(h.volumes, id)
	}
	return err
}

// EnsureSnapshot copies a volume once.
func (h *Host) EnsureSnapshot(_ context.Context, n spec.Snapshot) error {
	leave, err := h.enter("EnsureSnapshot")
	defer leave()
	if err != nil {
		return err
	}
	if _, ok := h.snapshots[n.ID]; ok {
		return nil
	}
	d, ok := h.volumes[n.Volume]
	if !ok {
		return fmt.Errorf("volume %s: %w", n.Volume, spec.ErrMissing)
	}
	d.Origin = "volume/" + string(n.Volume)
	h.snapshots[n.ID] = d
	return nil
}

// RemoveSnapshot forgets a snapshot.
func (h *Host) RemoveSnapshot(_ context.Context, id spec.SnapshotID) error {
	leave, err := h.enter("RemoveSnapshot")
	defer leave()
	if err == nil {
		delete(h.snapshots, id)
	}
	return err
}

// Export streams 4 KiB that name the snapshot.
func (h *Host) Export(_ context.Context, id spec.SnapshotID, _ spec.Format) (io.ReadCloser, error) {
	leave, err := h.enter("Export")
	defer leave()
	if err != nil {
		return nil, err
	}
	if _, ok := h.snapshots[id]; !ok {
		return nil, fmt.Errorf("snapshot %s: %w", id, spec.ErrMissing)
	}
	data := make([]byte, 4096)
	copy(data, "snapshot "+string(id))
	return io.NopCloser(bytes.NewReader(data)), nil
}
