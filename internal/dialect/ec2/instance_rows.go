package ec2

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

// instanceRow is an instance with all that is shown of it.
type instanceRow struct {
	view  *compute.View
	owner string
	shown *shape.Instance
}

func (r *instanceRow) tags() []shape.Tag { return r.shown.Tags }

// surroundings are what instances, ports and subnets are shown with, read once for many.
type surroundings struct {
	owner, region string
	zones         map[string]zone
	// vpcs are the routers of subnets that are in no routing domain but have a router: others' networks are shown as VPCs, too.
	vpcs map[cloud.NetworkID]cloud.RouterID
}

func (a *api) surroundings(ctx context.Context) (*surroundings, error) {
	owner, err := a.account(ctx)
	if err != nil {
		return nil, err
	}
	zones, err := a.zoneNames(ctx)
	if err != nil {
		return nil, err
	}
	joints, err := a.ports(ctx, cloud.In("owner", []cloud.PortOwner{cloud.OwnerRouterInterface, cloud.OwnerRouterCopy}))
	if err != nil {
		return nil, err
	}
	s := &surroundings{owner: owner, region: callOf(ctx).Region, zones: zones, vpcs: map[cloud.NetworkID]cloud.RouterID{}}
	for _, p := range joints {
		s.vpcs[p.NetworkID] = p.RouterID
	}
	return s, nil
}

// vpc is the VPC that a subnet is in; empty if no router joins it to anything.
func (s *surroundings) vpc(sub *cloud.Subnet) string {
	if sub == nil {
		return ""
	}
	if sub.RouterID != "" {
		return id(vpcIDs, sub.RouterID)
	}
	return id(vpcIDs, s.vpcs[sub.NetworkID])
}

func (a *api) instanceRows(ctx context.Context, views []*compute.View) ([]*instanceRow, error) {
	s, err := a.surroundings(ctx)
	if err != nil {
		return nil, err
	}
	rows := make([]*instanceRow, len(views))
	for i, v := range views {
		rows[i] = &instanceRow{view: v, owner: s.owner, shown: s.instance(v)}
	}
	return rows, nil
}

func (s *surroundings) instance(v *compute.View) *shape.Instance {
	state := stateOf(v.Instance)
	reason, why := stateReason(v.Instance)
	launched := v.CreatedAt
	if v.LaunchedAt != nil {
		launched = *v.LaunchedAt
	}
	i := &shape.Instance{
		InstanceId: id(instanceIDs, v.ID), ImageId: id(imageIDs, v.ImageID), InstanceType: cmp.Or(v.Flavor.Called, v.Flavor.Name), State: &state, StateReason: reason, StateTransitionReason: why,
		KeyName: v.KeyName, AmiLaunchIndex: new(v.LaunchIndex), LaunchTime: &launched, Architecture: architecture(v.Instance), Hypervisor: "xen", VirtualizationType: "hvm",
		RootDeviceName: rootName(v.ImageProperties), RootDeviceType: "instance-store", EbsOptimized: new(false), EnaSupport: new(true), PlatformDetails: "Linux/UNIX",
		UsageOperation: "RunInstances", Monitoring: monitoring(v.Instance), MetadataOptions: metadataShown(v.Options.Metadata), Placement: s.placement(v.Instance), ClientToken: "",
		ProductCodes: []shape.ProductCode{}, BlockDeviceMappings: []shape.InstanceBlockDeviceMapping{}, NetworkInterfaces: []shape.InstanceNetworkInterface{},
		SecurityGroups: []shape.GroupIdentifier{}, SourceDestCheck: new(true), Tags: instanceTags(v.Instance),
		CpuOptions: &shape.CpuOptions{CoreCount: new(v.Flavor.VCPUs), ThreadsPerCore: new(1)},
	}
	s.addDisks(i, v.Instance)
	s.addInterfaces(i, v)
	return i
}

// rootDevice is what the root disk is called, whatever the guest calls it, if its image has no other name for it: rootProperty.
const (
	rootDevice   = "/dev/sda1"
	rootProperty = "root_device_name"
)

// rootName is what the root disk of an image with these properties is called.
func rootName(properties map[string]string) string {
	return cmp.Or(properties[rootProperty], rootDevice)
}

func architecture(in *cloud.Instance) string {
	return architectureShown(in.ImageProperties)
}

func (s *surroundings) placement(in *cloud.Instance) *shape.Placement {
	return &shape.Placement{AvailabilityZone: s.zoneShown(in.Zone).name, GroupName: "", Tenancy: "default"}
}

// zoneShown is a zone as it is shown; the first one for what was asked to be in none.
func (s *surroundings) zoneShown(name string) zone {
	z := s.zones[name]
	if z.name != "" {
		return z
	}
	for _, other := range s.zones {
		if z.name == "" || other.name < z.name {
			z = other
		}
	}
	return z
}

func (s *surroundings) addDisks(i *shape.Instance, in *cloud.Instance) {
	for n, d := range in.Disks {
		if d.Local {
			continue
		}
		if n == 0 {
			i.RootDeviceType = "ebs"
		}
		state := "attached"
		if d.Leaving {
			state = "detaching"
		} else if in.Phase == cloud.PhaseBuilding {
			state = "attaching"
		}
		i.BlockDeviceMappings = append(i.BlockDeviceMappings, shape.InstanceBlockDeviceMapping{DeviceName: deviceShown(in, n), Ebs: &shape.EbsInstanceBlockDevice{
			VolumeId: id(volumeIDs, d.VolumeID), Status: state, AttachTime: i.LaunchTime, DeleteOnTermination: new(d.DeleteWithInstance)}})
	}
}

// deviceShown is what a disk of an instance is called.
func deviceShown(in *cloud.Instance, n int) string {
	if n == 0 {
		return rootName(in.ImageProperties)
	}
	if in.Disks[n].Alias != "" {
		return in.Disks[n].Alias
	}
	return "/dev/" + in.Disks[n].Device
}

// addInterfaces shows the ports, and what of the first one is the instance's.
func (s *surroundings) addInterfaces(i *shape.Instance, v *compute.View) {
	ports := slices.Clone(v.Ports)
	slices.SortStableFunc(ports, func(x, y cloud.PortView) int { return x.Port.Order - y.Port.Order })
	for n, p := range ports {
		shown := portView{p, s}.ofInstance()
		i.NetworkInterfaces = append(i.NetworkInterfaces, shown)
		if n > 0 {
			continue
		}
		i.SubnetId, i.VpcId, i.PrivateIpAddress, i.PrivateDnsName = shown.SubnetId, shown.VpcId, shown.PrivateIpAddress, shown.PrivateDnsName
		i.SecurityGroups, i.SourceDestCheck = shown.Groups, shown.SourceDestCheck
		if shown.Association != nil {
			i.PublicIpAddress, i.PublicDnsName = shown.Association.PublicIp, shown.Association.PublicDnsName
		}
		if len(shown.Ipv6Addresses) > 0 {
			i.Ipv6Address = shown.Ipv6Addresses[0].Ipv6Address
		}
	}
}

// privateName is the name of an address inside.
func privateName(a netip.Addr, domain string) string {
	name := "ip-" + strings.ReplaceAll(a.String(), ".", "-")
	if domain != "" {
		name += "." + strings.TrimSuffix(domain, ".")
	}
	return name
}

// publicName is the name that a floating IP's owner gave it; empty without one.
func publicName(f *cloud.FloatingIP) string {
	if f.DNSName == "" || f.DNSDomain == "" {
		return ""
	}
	return fmt.Sprintf("%s.%s", f.DNSName, strings.TrimSuffix(f.DNSDomain, "."))
}
