package volume

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Disk is a disk on a pool: a volume or snapshot, or one that is nobody's and may be taken in under its name.
type Disk struct {
	// ID is of the volume or snapshot that it is; empty if it is loose.
	ID   string
	Name string // of a loose one
	// SizeGiB is rounded up.
	SizeGiB int
	// Of is the volume that a snapshot was taken of, if that is known.
	Of cloud.VolumeID
	// Unfit says why a loose one cannot be taken in; empty if it can.
	Unfit string
}

// ListDisks tells of all disks of a kind on a pool. Only operators may.
func (s *Service) ListDisks(ctx context.Context, host, pool string, kind spec.DiskKind) ([]Disk, error) {
	if err := policy.Authorize(ctx, "volume pool.manage", policy.Target{Resource: "volume pool"}); err != nil {
		return nil, err
	}
	h, p, err := s.poolNamed(ctx, host, pool)
	if err != nil {
		return nil, err
	}
	a, err := s.agent(ctx, h.ID)
	if err != nil {
		return nil, err
	}
	loose, err := a.ListLoose(ctx, p.Name, kind)
	if err != nil {
		return nil, err
	}
	disks, err := s.knownDisks(ctx, h, p, kind)
	for _, l := range loose {
		disks = append(disks, Disk{Name: l.Name, SizeGiB: wholeGiB(l.SizeBytes), Of: cloud.VolumeID(l.Of), Unfit: l.Unfit})
	}
	return disks, err
}

func (s *Service) knownDisks(ctx context.Context, h *cloud.Host, p *cloud.Pool, kind spec.DiskKind) ([]Disk, error) {
	here := cloud.Where(cloud.Eq("host_id", h.ID), cloud.Eq("pool", p.Name))
	var disks []Disk
	if kind == spec.DiskSnapshot {
		rows, err := s.Snapshots.List(ctx, here)
		for _, n := range rows {
			disks = append(disks, Disk{ID: string(n.ID), SizeGiB: n.SizeGiB, Of: n.VolumeID})
		}
		return disks, err
	}
	rows, err := s.Volumes.List(ctx, here)
	for _, v := range rows {
		disks = append(disks, Disk{ID: string(v.ID), SizeGiB: v.SizeGiB})
	}
	return disks, err
}

// poolNamed finds a pool that takes volumes, the host's first if none is named.
func (s *Service) poolNamed(ctx context.Context, host, pool string) (*cloud.Host, *cloud.Pool, error) {
	h, err := s.hostNamed(ctx, host)
	if err != nil {
		return nil, nil, err
	}
	pools := h.VolumePools()
	at := slices.IndexFunc(pools, func(p cloud.Pool) bool { return pool == "" || p.Name == pool })
	if at < 0 {
		return nil, nil, cloud.NotFoundf("host", host+"@"+pool)
	}
	return h, &pools[at], nil
}

// looseDisk asks a host for a disk that shall be taken in. Invalid, with the reason, if there is none or it is unfit.
func (s *Service) looseDisk(ctx context.Context, at cloud.VolumePlace, kind spec.DiskKind, name string) (spec.LooseDisk, error) {
	none := spec.LooseDisk{}
	if spec.CheckLooseName(name) != nil {
		return none, cloud.Invalidf("volume", "name", "'%s' is no name of a disk in the pool: it must not be empty or hidden, and not a path.", name)
	}
	a, err := s.agent(ctx, at.HostID)
	if err != nil {
		return none, err
	}
	disks, err := a.ListLoose(ctx, at.Pool, kind)
	if err != nil {
		return none, err
	}
	n := slices.IndexFunc(disks, func(d spec.LooseDisk) bool { return d.Name == name })
	switch {
	case n < 0:
		return none, cloud.Invalidf("volume", "name", "There is no %s '%s' in pool %s that is not managed already.", kind, name, at.Pool)
	case disks[n].Unfit != "":
		return none, cloud.Invalidf("volume", "name", "'%s' cannot be taken in: %s", name, disks[n].Unfit)
	}
	return disks[n], nil
}

func wholeGiB(bytes int64) int { return int((bytes + gib - 1) / gib) }
