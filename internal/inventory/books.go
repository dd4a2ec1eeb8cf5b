package inventory

import (
	"context"
	"maps"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// View is a provider as it is seen: a host's own stock and traits are in it.
type View struct {
	*cloud.Provider
	Root cloud.ProviderID
	// Used is how much of each class consumers hold.
	Used map[string]int
	// Host, if not nil, is the host this provider stands for.
	Host *cloud.Host
}

// own tells whether a class of stock is the host's own, which nobody can write.
func (v *View) own(class string) bool {
	return v.Host != nil && (class == cloud.ClassVCPU || class == cloud.ClassMemoryMiB || class == cloud.ClassDiskGiB)
}

// books are all providers and who holds what, at one moment.
type books struct {
	views    map[cloud.ProviderID]*View
	order    []cloud.ProviderID
	children map[cloud.ProviderID][]cloud.ProviderID
	claims   []*cloud.Claim
	// instances are the consumers that are instances on hosts.
	instances map[cloud.ConsumerID]bool
}

func (s *Service) open(ctx context.Context) (*books, error) {
	b := &books{views: map[cloud.ProviderID]*View{}, children: map[cloud.ProviderID][]cloud.ProviderID{}, instances: map[cloud.ConsumerID]bool{}}
	rows, err := s.Providers.List(ctx, cloud.Query{})
	if err != nil {
		return nil, err
	}
	hosts, err := s.Hosts.List(ctx, cloud.Query{Order: []cloud.Order{{Column: "number"}}})
	if err != nil {
		return nil, err
	}
	b.enter(hosts, rows)
	b.findRoots()
	if err := s.readClaims(ctx, b); err != nil {
		return nil, err
	}
	b.count(b.claims, 1)
	return b, nil
}

// enter lists hosts first, each with the row of what was added to it.
func (b *books) enter(hosts []*cloud.Host, rows []*cloud.Provider) {
	added := make(map[cloud.ProviderID]*cloud.Provider, len(rows))
	for _, p := range rows {
		added[p.ID] = p
	}
	for _, h := range hosts {
		id := cloud.ProviderID(h.ID)
		b.add(&View{Provider: hostProvider(h, added[id]), Host: h})
		delete(added, id)
	}
	for _, p := range rows {
		if added[p.ID] != nil {
			b.add(&View{Provider: p})
		}
	}
}

func (b *books) add(v *View) {
	v.Used = map[string]int{}
	b.views[v.ID] = v
	b.order = append(b.order, v.ID)
	if v.Parent != "" {
		b.children[v.Parent] = append(b.children[v.Parent], v.ID)
	}
}

func (b *books) findRoots() {
	for _, v := range b.views {
		root := v
		for range len(b.views) {
			parent := b.views[root.Parent]
			if parent == nil {
				break
			}
			root = parent
		}
		v.Root = root.ID
	}
}

// hostProvider is what a host has by itself and what was added to it.
func hostProvider(h *cloud.Host, added *cloud.Provider) *cloud.Provider {
	p := &cloud.Provider{ID: cloud.ProviderID(h.ID), Meta: h.Meta}
	if added != nil {
		*p = *added
	}
	p.Name = h.Name
	p.Stock = maps.Clone(p.Stock)
	if p.Stock == nil {
		p.Stock = map[string]cloud.Stock{}
	}
	maps.Copy(p.Stock, hostStock(h))
	p.Traits = mergeTraits(hostTraits(h), p.Traits)
	return p
}

func hostStock(h *cloud.Host) map[string]cloud.Stock {
	stock := func(total, reserved int, ratio float64) cloud.Stock {
		return cloud.Stock{Total: total, Reserved: reserved, MinUnit: 1, MaxUnit: max(total, 1), StepSize: 1, Ratio: ratio}
	}
	return map[string]cloud.Stock{
		cloud.ClassVCPU:      stock(h.VCPUs, 0, h.VCPURatio),
		cloud.ClassMemoryMiB: stock(h.MemoryMiB, h.ReservedMiB, h.MemoryRatio),
		cloud.ClassDiskGiB:   stock(h.DiskGiB, 0, h.DiskRatio),
	}
}

// hostTraits says of a host in words what schedulers ask for.
func hostTraits(h *cloud.Host) []string {
	traits := []string{"COMPUTE_NODE", "COMPUTE_NET_ATTACH_INTERFACE", "COMPUTE_NET_ATTACH_INTERFACE_WITH_TAG", "COMPUTE_VOLUME_ATTACH_WITH_TAG",
		"COMPUTE_DEVICE_TAGGING", "COMPUTE_RESCUE_BFV", "COMPUTE_VOLUME_MULTI_ATTACH", "COMPUTE_VOLUME_EXTEND", "COMPUTE_STORAGE_BUS_VIRTIO",
		"COMPUTE_STORAGE_BUS_SCSI", "COMPUTE_STORAGE_BUS_SATA", "COMPUTE_NET_VIF_MODEL_VIRTIO", "COMPUTE_NET_VIF_MODEL_E1000",
		"COMPUTE_IMAGE_TYPE_QCOW2", "COMPUTE_IMAGE_TYPE_RAW", "COMPUTE_IMAGE_TYPE_ISO"}
	switch h.Architecture {
	case "x86_64", "amd64", "":
		traits = append(traits, "HW_ARCH_X86_64")
	case "aarch64", "arm64":
		traits = append(traits, "HW_ARCH_AARCH64")
	}
	if !h.Enabled {
		traits = append(traits, "COMPUTE_STATUS_DISABLED")
	}
	return traits
}

func mergeTraits(lists ...[]string) []string {
	all := slices.Concat(lists...)
	slices.Sort(all)
	return slices.Compact(all)
}

// readClaims enters the written claims and those that instances stand for.
func (s *Service) readClaims(ctx context.Context, b *books) (err error) {
	if b.claims, err = s.Claims.List(ctx, cloud.Query{}); err != nil {
		return err
	}
	instances, err := s.Instances.List(ctx, cloud.Query{Where: []cloud.Cond{{Column: "host_id", Op: cloud.OpNe, Value: ""}}})
	for _, in := range instances {
		c := instanceClaim(in)
		b.claims, b.instances[c.Consumer] = append(b.claims, c), true
	}
	return err
}

// instanceClaim is what an instance holds of its host. Its generation says only that it has been there.
func instanceClaim(in *cloud.Instance) *cloud.Claim {
	held := map[string]int{cloud.ClassVCPU: in.Flavor.VCPUs, cloud.ClassMemoryMiB: in.Flavor.MemoryMiB}
	if n := in.LocalGiB(); n > 0 {
		held[cloud.ClassDiskGiB] = n
	}
	c := &cloud.Claim{Consumer: cloud.ConsumerID(in.ID), Provider: cloud.ProviderID(in.HostID), Meta: in.Meta,
		ProjectID: in.ProjectID, UserID: in.UserID, Type: InstanceType, Generation: 1, Held: held}
	c.ID = cloud.ClaimID(c.Consumer, c.Provider)
	return c
}

// InstanceType is the type of consumers that are instances.
const InstanceType = "INSTANCE"

// get answers a provider; NotFound if there is none.
func (b *books) get(id cloud.ProviderID) (*View, error) {
	if v := b.views[id]; v != nil {
		return v, nil
	}
	return nil, cloud.Errorf(cloud.NotFound, resource, id, "No resource provider with uuid %s found.", id)
}

// of are the claims of one consumer.
func (b *books) of(c cloud.ConsumerID) []*cloud.Claim {
	return slices.DeleteFunc(slices.Clone(b.claims), func(x *cloud.Claim) bool { return x.Consumer != c })
}

// on are the claims on one provider.
func (b *books) on(p cloud.ProviderID) []*cloud.Claim {
	return slices.DeleteFunc(slices.Clone(b.claims), func(x *cloud.Claim) bool { return x.Provider != p })
}

// all are the providers in order, hosts first.
func (b *books) all() []*View {
	out := make([]*View, len(b.order))
	for i, id := range b.order {
		out[i] = b.views[id]
	}
	return out
}
