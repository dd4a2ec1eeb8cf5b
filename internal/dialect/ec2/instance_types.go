package ec2

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

func (a *api) typeActions() []*action {
	return []*action{
		serve("DescribeInstanceTypes", a.describeInstanceTypes, "InstanceTypes Filters MaxResults NextToken"),
		serve("DescribeInstanceTypeOfferings", a.describeOfferings, "LocationType Filters MaxResults NextToken"),
		serve("DescribeInstanceCreditSpecifications", a.describeCredits, "InstanceIds Filters MaxResults NextToken"),
	}
}

// instanceType is a flavor by one of its names: its own, or one that the operator gave it here.
type instanceType struct {
	name   string
	flavor *cloud.Flavor
}

// instanceTypes are the types that the caller can use, in the order of their names.
func (a *api) instanceTypes(ctx context.Context) ([]instanceType, error) {
	flavors, err := a.Compute.ListFlavors(ctx, cloud.Query{}, nil, nil)
	if err != nil {
		return nil, err
	}
	byName := map[string]*cloud.Flavor{}
	for _, f := range flavors {
		if !f.Disabled {
			byName[f.Name] = f
		}
	}
	for name, of := range a.Config.Types {
		if f := byName[of]; f != nil && byName[name] == nil {
			byName[name] = f
		}
	}
	types := make([]instanceType, 0, len(byName))
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		types = append(types, instanceType{name, byName[name]})
	}
	return types, nil
}

// instanceType finds a type by its name.
func (a *api) instanceType(ctx context.Context, name string) (instanceType, error) {
	types, err := a.instanceTypes(ctx)
	if err != nil {
		return instanceType{}, err
	}
	i := slices.IndexFunc(types, func(t instanceType) bool { return t.name == name })
	if i < 0 {
		return instanceType{}, badType(name)
	}
	return types[i], nil
}

func badType(names ...string) error {
	return bad("InvalidInstanceType", "The following supplied instance types do not exist: [%s]", strings.Join(names, ", "))
}

func (t instanceType) shown() shape.InstanceTypeInfo {
	f := t.flavor
	return shape.InstanceTypeInfo{
		InstanceType: t.name, BareMetal: new(false), BurstablePerformanceSupported: new(false), CurrentGeneration: new(true), DedicatedHostsSupported: new(false),
		AutoRecoverySupported: new(false), FreeTierEligible: new(false), HibernationSupported: new(false), Hypervisor: "xen",
		InstanceStorageSupported: new(f.EphemeralGiB > 0), InstanceStorageInfo: t.storage(),
		MemoryInfo: &shape.MemoryInfo{SizeInMiB: new(int64(f.MemoryMiB))},
		VCpuInfo: &shape.VCpuInfo{DefaultVCpus: new(f.VCPUs), DefaultCores: new(f.VCPUs), DefaultThreadsPerCore: new(1), ValidCores: []int{f.VCPUs},
			ValidThreadsPerCore: []int{1}},
		ProcessorInfo: &shape.ProcessorInfo{SupportedArchitectures: []string{"x86_64"}},
		EbsInfo:       &shape.EbsInfo{EbsOptimizedSupport: "unsupported", EncryptionSupport: "supported", NvmeSupport: "unsupported"},
		NetworkInfo: &shape.NetworkInfo{NetworkPerformance: "Up to the host", MaximumNetworkInterfaces: new(interfacesMax), MaximumNetworkCards: new(1), DefaultNetworkCardIndex: new(0),
			Ipv4AddressesPerInterface: new(addressesMax), Ipv6AddressesPerInterface: new(addressesMax), Ipv6Supported: new(true), EnaSupport: "unsupported", EfaSupported: new(false)},
		PlacementGroupInfo: &shape.PlacementGroupInfo{SupportedStrategies: []string{}}, SupportedBootModes: []string{"legacy-bios", "uefi"},
		SupportedRootDeviceTypes: []string{"ebs"}, SupportedUsageClasses: []string{"on-demand"}, SupportedVirtualizationTypes: []string{"hvm"},
	}
}

// What is told of every type: more is refused by nobody, but nobody has tried.
const (
	interfacesMax = 8
	addressesMax  = 30
)

func (t instanceType) storage() *shape.InstanceStorageInfo {
	if t.flavor.EphemeralGiB == 0 {
		return nil
	}
	return &shape.InstanceStorageInfo{TotalSizeInGB: new(int64(t.flavor.EphemeralGiB)),
		Disks: []shape.DiskInfo{{Count: new(1), SizeInGB: new(int64(t.flavor.EphemeralGiB)), Type: "hdd"}}}
}

var typeFields = fields[instanceType]{
	"auto-recovery-supported":                   no[instanceType],
	"bare-metal":                                no[instanceType],
	"burstable-performance-supported":           no[instanceType],
	"current-generation":                        truth(func(instanceType) bool { return true }),
	"dedicated-hosts-supported":                 no[instanceType],
	"ebs-info.ebs-optimized-support":            one(func(instanceType) string { return "unsupported" }),
	"ebs-info.encryption-support":               one(func(instanceType) string { return "supported" }),
	"ebs-info.nvme-support":                     one(func(instanceType) string { return "unsupported" }),
	"free-tier-eligible":                        no[instanceType],
	"hibernation-supported":                     no[instanceType],
	"hypervisor":                                one(func(instanceType) string { return "xen" }),
	"instance-storage-info.disk.count":          one(func(t instanceType) string { return positive(min(1, t.flavor.EphemeralGiB)) }),
	"instance-storage-info.disk.size-in-gb":     one(func(t instanceType) string { return positive(t.flavor.EphemeralGiB) }),
	"instance-storage-info.disk.type":           one(func(t instanceType) string { return onlyIf(t.flavor.EphemeralGiB > 0, "hdd") }),
	"instance-storage-info.total-size-in-gb":    one(func(t instanceType) string { return positive(t.flavor.EphemeralGiB) }),
	"instance-storage-supported":                truth(func(t instanceType) bool { return t.flavor.EphemeralGiB > 0 }),
	"instance-type":                             one(func(t instanceType) string { return t.name }),
	"memory-info.size-in-mib":                   one(func(t instanceType) string { return strconv.Itoa(t.flavor.MemoryMiB) }),
	"network-info.efa-supported":                no[instanceType],
	"network-info.ena-support":                  one(func(instanceType) string { return "unsupported" }),
	"network-info.ipv4-addresses-per-interface": one(func(instanceType) string { return strconv.Itoa(addressesMax) }),
	"network-info.ipv6-addresses-per-interface": one(func(instanceType) string { return strconv.Itoa(addressesMax) }),
	"network-info.ipv6-supported":               truth(func(instanceType) bool { return true }),
	"network-info.maximum-network-cards":        one(func(instanceType) string { return "1" }),
	"network-info.maximum-network-interfaces":   one(func(instanceType) string { return strconv.Itoa(interfacesMax) }),
	"processor-info.supported-architecture":     one(func(instanceType) string { return "x86_64" }),
	"supported-boot-mode":                       func(instanceType) []string { return []string{"legacy-bios", "uefi"} },
	"supported-root-device-type":                one(func(instanceType) string { return "ebs" }),
	"supported-usage-class":                     one(func(instanceType) string { return "on-demand" }),
	"supported-virtualization-type":             one(func(instanceType) string { return "hvm" }),
	"vcpu-info.default-cores":                   one(func(t instanceType) string { return strconv.Itoa(t.flavor.VCPUs) }),
	"vcpu-info.default-threads-per-core":        one(func(instanceType) string { return "1" }),
	"vcpu-info.default-vcpus":                   one(func(t instanceType) string { return strconv.Itoa(t.flavor.VCPUs) }),
	"vcpu-info.valid-cores":                     one(func(t instanceType) string { return strconv.Itoa(t.flavor.VCPUs) }),
	"vcpu-info.valid-threads-per-core":          one(func(instanceType) string { return "1" }),
}

// no is the field of what nothing is.
func no[T any](T) []string { return []string{"false"} }

func positive(n int) string { return onlyIf(n > 0, strconv.Itoa(n)) }

func onlyIf(b bool, text string) string {
	if b {
		return text
	}
	return ""
}

// typePlace orders types by name. The digits that tokens begin with say nothing here.
func typePlace(name string) string { return strings.Repeat("0", 20) + "/" + name }

func (a *api) describeInstanceTypes(ctx context.Context, in *shape.DescribeInstanceTypesRequest) (*shape.DescribeInstanceTypesResult, error) {
	types, err := a.instanceTypes(ctx)
	if err != nil {
		return nil, err
	}
	if types, err = namedTypes(types, in.InstanceTypes); err != nil {
		return nil, err
	}
	if types, err = choose(types, typeFields, in.Filters, nil); err != nil {
		return nil, err
	}
	types, next, err := pageOf(types, in.MaxResults, in.NextToken, func(t instanceType) string { return typePlace(t.name) }, 5)
	if err != nil {
		return nil, err
	}
	out := &shape.DescribeInstanceTypesResult{NextToken: next}
	for _, t := range types {
		out.InstanceTypes = append(out.InstanceTypes, t.shown())
	}
	return out, nil
}

func namedTypes(types []instanceType, names []string) ([]instanceType, error) {
	if len(names) == 0 {
		return types, nil
	}
	var unknown []string
	for _, name := range names {
		if !slices.ContainsFunc(types, func(t instanceType) bool { return t.name == name }) {
			unknown = append(unknown, name)
		}
	}
	if unknown != nil {
		return nil, badType(unknown...)
	}
	return slices.DeleteFunc(types, func(t instanceType) bool { return !slices.Contains(names, t.name) }), nil
}

var offeringFields = fields[shape.InstanceTypeOffering]{
	"instance-type": one(func(o shape.InstanceTypeOffering) string { return o.InstanceType }),
	"location":      one(func(o shape.InstanceTypeOffering) string { return o.Location }),
}

// describeOfferings tells where types are to be had: everywhere.
func (a *api) describeOfferings(ctx context.Context, in *shape.DescribeInstanceTypeOfferingsRequest) (*shape.DescribeInstanceTypeOfferingsResult, error) {
	types, err := a.instanceTypes(ctx)
	if err != nil {
		return nil, err
	}
	kind := in.LocationType
	if kind == "" {
		kind = "region"
	}
	locations, err := a.locations(ctx, kind)
	if err != nil {
		return nil, err
	}
	var all []shape.InstanceTypeOffering
	for _, t := range types {
		for _, l := range locations {
			all = append(all, shape.InstanceTypeOffering{InstanceType: t.name, Location: l, LocationType: kind})
		}
	}
	if all, err = choose(all, offeringFields, in.Filters, nil); err != nil {
		return nil, err
	}
	page, next, err := pageOf(all, in.MaxResults, in.NextToken, func(o shape.InstanceTypeOffering) string { return typePlace(o.InstanceType + "/" + o.Location) }, 5)
	return &shape.DescribeInstanceTypeOfferingsResult{InstanceTypeOfferings: page, NextToken: next}, err
}

// locations are the region, or its zones by name or id.
func (a *api) locations(ctx context.Context, kind string) ([]string, error) {
	if kind == "region" {
		return []string{callOf(ctx).Region}, nil
	}
	zones, err := a.zones(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, z := range zones {
		switch kind {
		case "availability-zone":
			names = append(names, z.name)
		case "availability-zone-id":
			names = append(names, z.id)
		default:
			return nil, invalidParameter("The location type '%s' is invalid", kind)
		}
	}
	return names, nil
}

var creditFields = fields[shape.InstanceCreditSpecification]{
	"instance-id": one(func(c shape.InstanceCreditSpecification) string { return c.InstanceId }),
}

// describeCredits shows every instance as one that is never slowed down for having used its share.
func (a *api) describeCredits(ctx context.Context, in *shape.DescribeInstanceCreditSpecificationsRequest) (*shape.DescribeInstanceCreditSpecificationsResult, error) {
	instances, err := a.instancesOf(ctx, in.InstanceIds)
	if err != nil {
		return nil, err
	}
	var all []shape.InstanceCreditSpecification
	for _, i := range instances {
		all = append(all, shape.InstanceCreditSpecification{InstanceId: id(instanceIDs, i.ID), CpuCredits: "unlimited"})
	}
	if all, err = choose(all, creditFields, in.Filters, nil); err != nil {
		return nil, err
	}
	page, next, err := pageOf(all, in.MaxResults, in.NextToken, func(c shape.InstanceCreditSpecification) string { return typePlace(c.InstanceId) }, 5)
	return &shape.DescribeInstanceCreditSpecificationsResult{InstanceCreditSpecifications: page, NextToken: next}, err
}
