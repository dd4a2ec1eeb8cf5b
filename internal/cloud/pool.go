package cloud

import "slices"

// Pool is a place on a host where volumes are kept.
type Pool struct {
	Name     string `json:"name"`
	Driver   string `json:"driver"`
	TotalGiB int    `json:"total_gib"`
	Shared   bool   `json:"shared,omitempty"` // every host reaches it
	// LocalOnly: it has disks of instances and takes no new volumes.
	LocalOnly bool `json:"local_only,omitempty"`
	// Capabilities are what the operator says of it, for types of volumes to ask for.
	Capabilities map[string]string `json:"capabilities,omitempty"`
	PoolSwitch
}

// PoolSwitch is the operator's word on whether a pool takes new volumes.
type PoolSwitch struct {
	Disabled       bool   `json:"disabled,omitempty"`
	DisabledReason string `json:"disabled_reason,omitempty"`
	// Frozen pools are disabled until they are thawed.
	Frozen bool `json:"frozen,omitempty"`
}

// Pool finds a pool by name; no name means the first. Nil if there is none.
func (h *Host) Pool(name string) *Pool {
	for i := range h.Pools {
		if p := &h.Pools[i]; name == "" || p.Name == name {
			return p
		}
	}
	return nil
}

// VolumePools are the pools that volumes can be on.
func (h *Host) VolumePools() []Pool {
	return slices.DeleteFunc(slices.Clone(h.Pools), func(p Pool) bool { return p.LocalOnly })
}

// VolumePlacement is what a new volume, or one that moves, needs of a pool.
type VolumePlacement struct {
	SizeGiB int
	Zone    string // empty: any
	// Near, if not empty, is where the bytes are that it is made from. Another host will do only if it reaches them; another
	// pool will do, but means a copy.
	Near VolumePlace
	// HostID and Pool, if not empty, are the only ones that will do.
	HostID HostID
	Pool   string
	// Specs are what its type asks of a pool's capabilities.
	Specs map[string]string
}

// VolumePlace is where a volume is.
type VolumePlace struct {
	HostID HostID `json:"host_id"`
	Pool   string `json:"pool,omitempty"`
}
