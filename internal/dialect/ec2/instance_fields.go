package ec2

import (
	"strconv"
	"time"

	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/dialect/wire/awsquery"
)

type instanceField = func(*instanceRow) []string

// of makes a field of something that the answer shows.
func of(value func(*shape.Instance) string) instanceField {
	return one(func(r *instanceRow) string { return value(r.shown) })
}

// ofDisks and ofInterfaces make fields of what an instance has several of.
func ofDisks(value func(shape.InstanceBlockDeviceMapping) string) instanceField {
	return func(r *instanceRow) []string { return valuesOf(r.shown.BlockDeviceMappings, value) }
}

func ofInterfaces(value func(shape.InstanceNetworkInterface) string) instanceField {
	return func(r *instanceRow) []string { return valuesOf(r.shown.NetworkInterfaces, value) }
}

func valuesOf[T any](list []T, value func(T) string) (values []string) {
	for _, t := range list {
		if v := value(t); v != "" {
			values = append(values, v)
		}
	}
	return values
}

// every makes a field of lists in interfaces.
func every[T any](list func(shape.InstanceNetworkInterface) []T, value func(T) string) instanceField {
	return func(r *instanceRow) (values []string) {
		for _, n := range r.shown.NetworkInterfaces {
			values = append(values, valuesOf(list(n), value)...)
		}
		return values
	}
}

func groupsOf(n shape.InstanceNetworkInterface) []shape.GroupIdentifier { return n.Groups }
func addressesOf(n shape.InstanceNetworkInterface) []shape.InstancePrivateIpAddress {
	return n.PrivateIpAddresses
}

// yes is a truth value as filters have it; empty for none.
func yes(b *bool) string {
	if b == nil {
		return ""
	}
	return strconv.FormatBool(*b)
}

// instant is a time as filters have it; empty for none.
func instant(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(awsquery.TimeLayout)
}

// count is a number as filters have it; empty for none.
func count(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}

func attached(n shape.InstanceNetworkInterface) *shape.InstanceNetworkInterfaceAttachment {
	return n.Attachment
}

func publicIP(a *shape.InstanceNetworkInterfaceAssociation) string {
	if a == nil {
		return ""
	}
	return a.PublicIp
}

func publicOwner(a *shape.InstanceNetworkInterfaceAssociation) string {
	if a == nil {
		return ""
	}
	return a.IpOwnerId
}

// reasonCode is the state reason's code; empty without one.
func reasonCode(i *shape.Instance) string {
	if i.StateReason == nil {
		return ""
	}
	return i.StateReason.Code
}

// instanceFields are the filters of DescribeInstances.
var instanceFields = fields[*instanceRow]{
	"affinity":                       func(*instanceRow) []string { return nil },
	"architecture":                   of(func(i *shape.Instance) string { return i.Architecture }),
	"availability-zone":              of(func(i *shape.Instance) string { return i.Placement.AvailabilityZone }),
	"client-token":                   of(func(i *shape.Instance) string { return i.ClientToken }),
	"dns-name":                       of(func(i *shape.Instance) string { return i.PublicDnsName }),
	"hypervisor":                     of(func(i *shape.Instance) string { return i.Hypervisor }),
	"image-id":                       of(func(i *shape.Instance) string { return i.ImageId }),
	"instance-id":                    of(func(i *shape.Instance) string { return i.InstanceId }),
	"instance-lifecycle":             func(*instanceRow) []string { return nil },
	"instance-state-code":            of(func(i *shape.Instance) string { return count(i.State.Code) }),
	"instance-state-name":            of(func(i *shape.Instance) string { return i.State.Name }),
	"instance-type":                  of(func(i *shape.Instance) string { return i.InstanceType }),
	"instance.group-id":              func(r *instanceRow) []string { return groupIDsOf(r.shown) },
	"instance.group-name":            func(r *instanceRow) []string { return groupNamesOf(r.shown) },
	"ip-address":                     of(func(i *shape.Instance) string { return i.PublicIpAddress }),
	"ipv6-address":                   of(func(i *shape.Instance) string { return i.Ipv6Address }),
	"kernel-id":                      func(*instanceRow) []string { return nil },
	"key-name":                       of(func(i *shape.Instance) string { return i.KeyName }),
	"launch-index":                   of(func(i *shape.Instance) string { return count(i.AmiLaunchIndex) }),
	"launch-time":                    of(func(i *shape.Instance) string { return instant(i.LaunchTime) }),
	"monitoring-state":               of(func(i *shape.Instance) string { return i.Monitoring.State }),
	"metadata-options.http-tokens":   of(func(i *shape.Instance) string { return metadataOptions(i).HttpTokens }),
	"metadata-options.http-endpoint": of(func(i *shape.Instance) string { return metadataOptions(i).HttpEndpoint }),
	"metadata-options.instance-metadata-tags":      of(func(i *shape.Instance) string { return metadataOptions(i).InstanceMetadataTags }),
	"metadata-options.http-put-response-hop-limit": of(func(i *shape.Instance) string { return count(metadataOptions(i).HttpPutResponseHopLimit) }),
	"owner-id":                 one(func(r *instanceRow) string { return r.owner }),
	"placement-group-name":     of(func(i *shape.Instance) string { return i.Placement.GroupName }),
	"platform":                 of(func(i *shape.Instance) string { return i.Platform }),
	"platform-details":         of(func(i *shape.Instance) string { return i.PlatformDetails }),
	"private-dns-name":         of(func(i *shape.Instance) string { return i.PrivateDnsName }),
	"private-ip-address":       of(func(i *shape.Instance) string { return i.PrivateIpAddress }),
	"product-code":             func(*instanceRow) []string { return nil },
	"product-code.type":        func(*instanceRow) []string { return nil },
	"ramdisk-id":               func(*instanceRow) []string { return nil },
	"reason":                   of(func(i *shape.Instance) string { return i.StateTransitionReason }),
	"requester-id":             func(*instanceRow) []string { return nil },
	"reservation-id":           one(func(r *instanceRow) string { return batchIDs.of(r.view.ReservationID) }),
	"root-device-name":         of(func(i *shape.Instance) string { return i.RootDeviceName }),
	"root-device-type":         of(func(i *shape.Instance) string { return i.RootDeviceType }),
	"source-dest-check":        of(func(i *shape.Instance) string { return yes(i.SourceDestCheck) }),
	"spot-instance-request-id": func(*instanceRow) []string { return nil },
	"state-reason-code":        of(reasonCode),
	"state-reason-message":     one(func(r *instanceRow) string { return reasonMessage(r.shown) }),
	"subnet-id":                of(func(i *shape.Instance) string { return i.SubnetId }),
	"tenancy":                  of(func(i *shape.Instance) string { return i.Placement.Tenancy }),
	"usage-operation":          of(func(i *shape.Instance) string { return i.UsageOperation }),
	"virtualization-type":      of(func(i *shape.Instance) string { return i.VirtualizationType }),
	"vpc-id":                   of(func(i *shape.Instance) string { return i.VpcId }),

	"block-device-mapping.attach-time":           ofDisks(func(d shape.InstanceBlockDeviceMapping) string { return instant(d.Ebs.AttachTime) }),
	"block-device-mapping.delete-on-termination": ofDisks(func(d shape.InstanceBlockDeviceMapping) string { return yes(d.Ebs.DeleteOnTermination) }),
	"block-device-mapping.device-name":           ofDisks(func(d shape.InstanceBlockDeviceMapping) string { return d.DeviceName }),
	"block-device-mapping.status":                ofDisks(func(d shape.InstanceBlockDeviceMapping) string { return d.Ebs.Status }),
	"block-device-mapping.volume-id":             ofDisks(func(d shape.InstanceBlockDeviceMapping) string { return d.Ebs.VolumeId }),

	"network-interface.addresses.association.public-ip":   every(addressesOf, func(p shape.InstancePrivateIpAddress) string { return publicIP(p.Association) }),
	"network-interface.addresses.association.ip-owner-id": every(addressesOf, func(p shape.InstancePrivateIpAddress) string { return publicOwner(p.Association) }),
	"network-interface.addresses.primary":                 every(addressesOf, func(p shape.InstancePrivateIpAddress) string { return yes(p.Primary) }),
	"network-interface.addresses.private-ip-address":      every(addressesOf, func(p shape.InstancePrivateIpAddress) string { return p.PrivateIpAddress }),
	"network-interface.association.public-ip":             ofInterfaces(func(n shape.InstanceNetworkInterface) string { return publicIP(n.Association) }),
	"network-interface.association.ip-owner-id":           ofInterfaces(func(n shape.InstanceNetworkInterface) string { return publicOwner(n.Association) }),
	"network-interface.attachment.attachment-id":          ofInterfaces(func(n shape.InstanceNetworkInterface) string { return attached(n).AttachmentId }),
	"network-interface.attachment.attach-time":            ofInterfaces(func(n shape.InstanceNetworkInterface) string { return instant(attached(n).AttachTime) }),
	"network-interface.attachment.delete-on-termination":  ofInterfaces(func(n shape.InstanceNetworkInterface) string { return yes(attached(n).DeleteOnTermination) }),
	"network-interface.attachment.device-index":           ofInterfaces(func(n shape.InstanceNetworkInterface) string { return count(attached(n).DeviceIndex) }),
	"network-interface.attachment.instance-id":            of(func(i *shape.Instance) string { return onlyWith(i, i.InstanceId) }),
	"network-interface.attachment.instance-owner-id":      ofInterfaces(func(n shape.InstanceNetworkInterface) string { return n.OwnerId }),
	"network-interface.attachment.status":                 ofInterfaces(func(n shape.InstanceNetworkInterface) string { return attached(n).Status }),
	"network-interface.availability-zone":                 of(func(i *shape.Instance) string { return onlyWith(i, i.Placement.AvailabilityZone) }),
	"network-interface.description":                       ofInterfaces(func(n shape.InstanceNetworkInterface) string { return n.Description }),
	"network-interface.group-id":                          every(groupsOf, func(g shape.GroupIdentifier) string { return g.GroupId }),
	"network-interface.group-name":                        every(groupsOf, func(g shape.GroupIdentifier) string { return g.GroupName }),
	"network-interface.ipv6-addresses.ipv6-address":       every(func(n shape.InstanceNetworkInterface) []shape.InstanceIpv6Address { return n.Ipv6Addresses }, func(a shape.InstanceIpv6Address) string { return a.Ipv6Address }),
	"network-interface.mac-address":                       ofInterfaces(func(n shape.InstanceNetworkInterface) string { return n.MacAddress }),
	"network-interface.network-interface-id":              ofInterfaces(func(n shape.InstanceNetworkInterface) string { return n.NetworkInterfaceId }),
	"network-interface.owner-id":                          ofInterfaces(func(n shape.InstanceNetworkInterface) string { return n.OwnerId }),
	"network-interface.private-dns-name":                  ofInterfaces(func(n shape.InstanceNetworkInterface) string { return n.PrivateDnsName }),
	"network-interface.private-ip-address":                ofInterfaces(func(n shape.InstanceNetworkInterface) string { return n.PrivateIpAddress }),
	"network-interface.requester-id":                      func(*instanceRow) []string { return nil },
	"network-interface.requester-managed":                 ofInterfaces(func(shape.InstanceNetworkInterface) string { return "false" }),
	"network-interface.status":                            ofInterfaces(func(n shape.InstanceNetworkInterface) string { return n.Status }),
	"network-interface.source-dest-check":                 ofInterfaces(func(n shape.InstanceNetworkInterface) string { return yes(n.SourceDestCheck) }),
	"network-interface.subnet-id":                         ofInterfaces(func(n shape.InstanceNetworkInterface) string { return n.SubnetId }),
	"network-interface.vpc-id":                            ofInterfaces(func(n shape.InstanceNetworkInterface) string { return n.VpcId }),
}

// onlyWith is a value of an instance that has an interface.
func onlyWith(i *shape.Instance, value string) string {
	if len(i.NetworkInterfaces) == 0 {
		return ""
	}
	return value
}

func reasonMessage(i *shape.Instance) string {
	if i.StateReason == nil {
		return ""
	}
	return i.StateReason.Message
}

func metadataOptions(i *shape.Instance) shape.InstanceMetadataOptionsResponse {
	if i.MetadataOptions == nil {
		return shape.InstanceMetadataOptionsResponse{}
	}
	return *i.MetadataOptions
}

func groupIDsOf(i *shape.Instance) []string {
	return valuesOf(i.SecurityGroups, func(g shape.GroupIdentifier) string { return g.GroupId })
}

func groupNamesOf(i *shape.Instance) []string {
	return valuesOf(i.SecurityGroups, func(g shape.GroupIdentifier) string { return g.GroupName })
}

// statusFields are the filters of DescribeInstanceStatus. No events are ever planned.
var statusFields = fields[*instanceRow]{
	"availability-zone":            instanceFields["availability-zone"],
	"event.code":                   func(*instanceRow) []string { return nil },
	"event.description":            func(*instanceRow) []string { return nil },
	"event.instance-event-id":      func(*instanceRow) []string { return nil },
	"event.not-after":              func(*instanceRow) []string { return nil },
	"event.not-before":             func(*instanceRow) []string { return nil },
	"event.not-before-deadline":    func(*instanceRow) []string { return nil },
	"instance-state-code":          instanceFields["instance-state-code"],
	"instance-state-name":          instanceFields["instance-state-name"],
	"instance-status.reachability": one(func(r *instanceRow) string { return reachability(r.statusWord()) }),
	"instance-status.status":       one((*instanceRow).statusWord),
	"system-status.reachability":   one(func(r *instanceRow) string { return reachability(r.statusWord()) }),
	"system-status.status":         one((*instanceRow).statusWord),
}

func reachability(word string) string {
	switch word {
	case "ok":
		return "passed"
	case "impaired":
		return "failed"
	}
	return word
}
