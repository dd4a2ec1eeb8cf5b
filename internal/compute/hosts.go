package compute

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// HostView is a host with what instances use of it.
type HostView struct {
	*cloud.Host
	UsedVCPUs, UsedMemoryMiB, UsedDiskGiB int
	Instances                             int
}

// ListHosts answers hosts with their use, which is counted.
func (s *Service) ListHosts(ctx context.Context, q cloud.Query) ([]*HostView, error) {
	if err := policy.Authorize(ctx, "host.get", policy.Target{Resource: "host"}); err != nil {
		return nil, err
	}
	if len(q.Order) == 0 {
		q.Order = []cloud.Order{{Column: "number"}}
	}
	hosts, err := s.HostRows.List(ctx, q)
	if err != nil {
		return nil, err
	}
	return s.hostViews(ctx, hosts)
}

// hostViews adds up all instances once, whatever the number of hosts.
func (s *Service) hostViews(ctx context.Context, hosts []*cloud.Host) ([]*HostView, error) {
	views := make([]*HostView, len(hosts))
	byID := make(map[cloud.HostID]*HostView, len(hosts))
	ids := make([]cloud.HostID, len(hosts))
	for i, h := range hosts {
		views[i] = &HostView{Host: h}
		byID[h.ID], ids[i] = views[i], h.ID
	}
	if len(ids) == 0 {
		return views, nil
	}
	instances, err := s.Instances.List(ctx, cloud.Where(cloud.In("host_id", ids)))
	if err != nil {
		return nil, err
	}
	for _, in := range instances {
		v := byID[in.HostID]
		v.Instances++
		v.UsedVCPUs += in.Flavor.VCPUs
		v.UsedMemoryMiB += in.Flavor.MemoryMiB
		v.UsedDiskGiB += in.LocalGiB()
	}
	return views, nil
}

// Host answers one host by id or name.
func (s *Service) Host(ctx context.Context, idOrName string) (*HostView, error) {
	if err := policy.Authorize(ctx, "host.get", policy.Target{Resource: "host"}); err != nil {
		return nil, err
	}
	h, err := s.HostRows.Get(ctx, cloud.HostID(idOrName))
	if gone(err) {
		h, err = s.HostRows.One(ctx, cloud.Eq("name", idOrName))
	}
	if gone(err) {
		return nil, cloud.NotFoundf("host", idOrName)
	}
	if err != nil {
		return nil, err
	}
	views, err := s.hostViews(ctx, []*cloud.Host{h})
	if err != nil {
		return nil, err
	}
	return views[0], nil
}

// ChangeHost alters what an operator may say of a host: enabled, the reason, forced down, zone.
func (s *Service) ChangeHost(ctx context.Context, id cloud.HostID, change func(h *cloud.Host)) (*cloud.Host, error) {
	if err := policy.Authorize(ctx, "host.manage", policy.Target{Resource: "host"}); err != nil {
		return nil, err
	}
	var h *cloud.Host
	err := s.Tx.Update(ctx, func(ctx context.Context) (err error) {
		if h, err = s.HostRows.Get(ctx, id); err != nil {
			return err
		}
		change(h)
		s.Tx.After(ctx, s.room.forgetHosts)
		return s.HostRows.Update(ctx, h)
	})
	return h, err
}

// Zone is an availability zone: a name that hosts share.
type Zone struct {
	Name  string
	Up    bool
	Hosts []*cloud.Host // only for those who may see hosts
}

// ListZones answers the zones that hosts are in.
func (s *Service) ListZones(ctx context.Context, detail bool) ([]Zone, error) {
	if err := policy.Authorize(ctx, "zone.get", policy.Target{}); err != nil {
		return nil, err
	}
	if detail {
		if err := policy.Authorize(ctx, "zone.detail", policy.Target{}); err != nil {
			return nil, err
		}
	}
	hosts, err := s.HostRows.List(ctx, cloud.Query{Order: []cloud.Order{{Column: "number"}}})
	if err != nil {
		return nil, err
	}
	var zones []Zone
	for _, h := range hosts {
		i := slices.IndexFunc(zones, func(z Zone) bool { return z.Name == h.Zone })
		if i < 0 {
			zones = append(zones, Zone{Name: h.Zone})
			i = len(zones) - 1
		}
		zones[i].Up = zones[i].Up || h.Up && h.Enabled
		if detail {
			zones[i].Hosts = append(zones[i].Hosts, h)
		}
	}
	for _, z := range slices.Clone(zones) {
		for _, name := range slices.Sorted(slices.Values(s.ZoneNames.Of(z.Name))) {
			zones = append(zones, Zone{Name: name, Up: z.Up, Hosts: z.Hosts})
		}
	}
	return zones, nil
}
