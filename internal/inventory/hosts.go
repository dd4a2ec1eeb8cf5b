package inventory

import "github.com/nubo-cloud/nubo/internal/cloud"

// hostProviders are what a host has by itself: its size at the root, the packets it can promise below it, and below those the
// bandwidth on each physical network.
//
//	host ── packets ─┬─ physical network
//	                 └─ physical network
func hostProviders(h *cloud.Host) []*cloud.Provider {
	root := &cloud.Provider{ID: cloud.ProviderID(h.ID), Meta: h.Meta, Name: h.Name, Stock: hostStock(h), Traits: hostTraits(h)}
	promises := h.Promises()
	if len(promises) == 0 {
		return []*cloud.Provider{root}
	}
	packets := &cloud.Provider{ID: cloud.PacketProviderID(h.ID), Meta: h.Meta, Name: h.Name + ":packets", Parent: root.ID,
		Stock: map[string]cloud.Stock{}, Traits: []string{cloud.TraitNormalNIC}}
	parts := map[cloud.ProviderID]*cloud.Provider{packets.ID: packets}
	out := []*cloud.Provider{root, packets}
	for _, n := range h.Physical {
		p := &cloud.Provider{ID: cloud.PhysicalProviderID(h.ID, n.Name), Meta: h.Meta, Name: h.Name + ":" + n.Name, Parent: packets.ID,
			Stock: map[string]cloud.Stock{}, Traits: mergeTraits([]string{cloud.TraitNormalNIC, cloud.PhysicalTrait(n.Name)})}
		parts[p.ID], out = p, append(out, p)
	}
	for t, rate := range promises {
		if rate > 0 {
			parts[t.Provider(h.ID)].Stock[t.Class()] = stock(rate, 0, 1)
		}
	}
	return out
}

func hostStock(h *cloud.Host) map[string]cloud.Stock {
	return map[string]cloud.Stock{
		cloud.ClassVCPU:      stock(h.VCPUs, 0, h.VCPURatio),
		cloud.ClassMemoryMiB: stock(h.MemoryMiB, h.ReservedMiB, h.MemoryRatio),
		cloud.ClassDiskGiB:   stock(h.DiskGiB, 0, h.DiskRatio),
	}
}

func stock(total, reserved int, ratio float64) cloud.Stock {
	return cloud.Stock{Total: total, Reserved: reserved, MinUnit: 1, MaxUnit: max(total, 1), StepSize: 1, Ratio: ratio}
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

// InstanceType is the type of consumers that are instances.
const InstanceType = "INSTANCE"

// instanceClaims are what an instance holds of its host, in the order of the parts. Their generation says only that it has been
// there.
func instanceClaims(in *cloud.Instance) []*cloud.Claim {
	held := map[string]int{cloud.ClassVCPU: in.Flavor.VCPUs, cloud.ClassMemoryMiB: in.Flavor.MemoryMiB}
	if n := in.LocalGiB(); n > 0 {
		held[cloud.ClassDiskGiB] = n
	}
	all := map[cloud.ProviderID]map[string]int{cloud.ProviderID(in.HostID): held}
	for _, p := range in.Promises {
		id := p.Provider(in.HostID)
		if all[id] == nil {
			all[id] = map[string]int{}
		}
		all[id][p.Class()] += p.Rate
	}
	var out []*cloud.Claim
	for _, id := range keys(all) {
		consumer := cloud.ConsumerID(in.ID)
		out = append(out, &cloud.Claim{ID: cloud.ClaimID(consumer, id), Consumer: consumer, Provider: id, Meta: in.Meta, ProjectID: in.ProjectID,
			UserID: in.UserID, Type: InstanceType, Generation: 1, Held: all[id]})
	}
	return out
}
