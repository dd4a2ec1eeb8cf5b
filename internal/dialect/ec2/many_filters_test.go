package ec2_test

import (
	"maps"
	"slices"
	"testing"
	"time"
)

// instancePaths are where an instance in an answer shows what each filter is about.
var instancePaths = map[string]string{
	"architecture": "architecture", "availability-zone": "placement/availabilityZone", "hypervisor": "hypervisor", "image-id": "imageId", "instance-id": "instanceId",
	"instance-state-code": "instanceState/code", "instance-state-name": "instanceState/name", "instance-type": "instanceType", "instance.group-id": "groupSet/groupId",
	"instance.group-name": "groupSet/groupName", "launch-index": "amiLaunchIndex", "monitoring-state": "monitoring/state", "platform-details": "platformDetails",
	"metadata-options.http-tokens": "metadataOptions/httpTokens", "metadata-options.http-endpoint": "metadataOptions/httpEndpoint",
	"metadata-options.instance-metadata-tags": "metadataOptions/instanceMetadataTags", "metadata-options.http-put-response-hop-limit": "metadataOptions/httpPutResponseHopLimit",
	"private-dns-name": "privateDnsName", "private-ip-address": "privateIpAddress", "root-device-name": "rootDeviceName", "root-device-type": "rootDeviceType",
	"source-dest-check": "sourceDestCheck", "subnet-id": "subnetId", "tenancy": "placement/tenancy", "usage-operation": "usageOperation",
	"virtualization-type": "virtualizationType", "vpc-id": "vpcId", "tag:batch": "tagSet/value", "tag-key": "tagSet/key", "tag-value": "tagSet/value",
	"block-device-mapping.attach-time": "blockDeviceMapping/ebs/attachTime", "block-device-mapping.delete-on-termination": "blockDeviceMapping/ebs/deleteOnTermination",
	"block-device-mapping.device-name": "blockDeviceMapping/deviceName", "block-device-mapping.status": "blockDeviceMapping/ebs/status",
	"block-device-mapping.volume-id":                     "blockDeviceMapping/ebs/volumeId",
	"network-interface.addresses.primary":                "networkInterfaceSet/privateIpAddressesSet/primary",
	"network-interface.addresses.private-ip-address":     "networkInterfaceSet/privateIpAddressesSet/privateIpAddress",
	"network-interface.attachment.attachment-id":         "networkInterfaceSet/attachment/attachmentId",
	"network-interface.attachment.attach-time":           "networkInterfaceSet/attachment/attachTime",
	"network-interface.attachment.delete-on-termination": "networkInterfaceSet/attachment/deleteOnTermination",
	"network-interface.attachment.device-index":          "networkInterfaceSet/attachment/deviceIndex",
	"network-interface.attachment.instance-id":           "instanceId",
	"network-interface.attachment.instance-owner-id":     "networkInterfaceSet/ownerId",
	"network-interface.attachment.status":                "networkInterfaceSet/attachment/status",
	"network-interface.availability-zone":                "placement/availabilityZone",
	"network-interface.group-id":                         "networkInterfaceSet/groupSet/groupId",
	"network-interface.group-name":                       "networkInterfaceSet/groupSet/groupName",
	"network-interface.mac-address":                      "networkInterfaceSet/macAddress",
	"network-interface.network-interface-id":             "networkInterfaceSet/networkInterfaceId",
	"network-interface.owner-id":                         "networkInterfaceSet/ownerId",
	"network-interface.private-dns-name":                 "networkInterfaceSet/privateDnsName",
	"network-interface.private-ip-address":               "networkInterfaceSet/privateIpAddress",
	"network-interface.status":                           "networkInterfaceSet/status",
	"network-interface.source-dest-check":                "networkInterfaceSet/sourceDestCheck",
	"network-interface.subnet-id":                        "networkInterfaceSet/subnetId",
	"network-interface.vpc-id":                           "networkInterfaceSet/vpcId",
}

// allRun waits until no instance is still starting.
func (w *world) allRun() {
	for len(w.do("DescribeInstances", "Filter.1.Name", "instance-state-name", "Filter.1.Value.1", "pending").all("reservationSet/instancesSet")) > 0 {
		time.Sleep(100 * time.Millisecond)
	}
}

// filtersFindAmong asks once by each filter for a value that some instance has, with one character of it left open, and expects
// those instances whose answer shows such a value.
func filtersFindAmong(t *testing.T, w *world) {
	w.allRun() // what is shown changes no more then
	rows := w.do("DescribeInstances").all("reservationSet/instancesSet")
	for i, name := range slices.Sorted(maps.Keys(instancePaths)) {
		values := rows[(i*977)%len(rows)].texts(instancePaths[name])
		if len(values) == 0 {
			t.Errorf("no instance shows what %s is about, at %s", name, instancePaths[name])
			continue
		}
		pattern, open := values[0], len(values[0])-1
		pattern = pattern[:open] + "?"
		want := map[string]bool{}
		for _, r := range rows {
			if slices.ContainsFunc(r.texts(instancePaths[name]), func(v string) bool { return len(v) == open+1 && v[:open] == pattern[:open] }) {
				want[r.get("instanceId")] = true
			}
		}
		got := w.do("DescribeInstances", "Filter.1.Name", name, "Filter.1.Value.1", pattern).texts("reservationSet/instancesSet/instanceId")
		if len(got) != len(want) || slices.ContainsFunc(got, func(id string) bool { return !want[id] }) {
			t.Errorf("%s=%s finds %d instances, want %d", name, pattern, len(got), len(want))
		}
	}
}
