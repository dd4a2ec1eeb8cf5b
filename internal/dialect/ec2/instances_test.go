package ec2_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/testcloud"
)

// ami is the id of the account's image.
func (w *world) ami() string { return "ami-" + cloud.ShortID(w.Image) }

// run makes instances of the account's image on its default VPC, and answers their ids.
func (w *world) run(parameters ...string) []string {
	w.t.Helper()
	usual := []string{"ImageId", w.ami(), "MinCount", "1", "MaxCount", "1", "InstanceType", "t3.micro"}
	return w.do("RunInstances", append(usual, parameters...)...).texts("instancesSet/instanceId")
}

// state waits until an instance has a state.
func (w *world) state(id, want string) {
	w.t.Helper()
	testcloud.Eventually(w.t, id+" is "+want, func() bool {
		return w.do("DescribeInstances", "InstanceId.1", id).get("reservationSet/instancesSet/instanceState/name") == want
	})
}

// TestRunInstances proves what is made, what is shown of it, and its way through the states.
func TestRunInstances(t *testing.T) {
	w := newWorld(t)
	w.do("CreateKeyPair", "KeyName", "k")
	made := w.do("RunInstances", "ImageId", w.ami(), "MinCount", "2", "MaxCount", "2", "InstanceType", "t3.micro", "KeyName", "k",
		"UserData", base64.StdEncoding.EncodeToString([]byte("#!/bin/sh")), "TagSpecification.1.ResourceType", "instance",
		"TagSpecification.1.Tag.1.Key", "Name", "TagSpecification.1.Tag.1.Value", "web", "TagSpecification.1.Tag.2.Key", "team", "TagSpecification.1.Tag.2.Value", "blue")
	ids := made.texts("instancesSet/instanceId")
	if len(ids) != 2 || made.get("reservationId") == "" || made.get("ownerId") != "123456789012" {
		t.Fatalf("made: %+v", made)
	}
	for i, id := range ids {
		w.state(id, "running")
		in := w.do("DescribeInstances", "InstanceId.1", id).all("reservationSet/instancesSet")[0]
		for path, want := range map[string]string{"imageId": w.ami(), "instanceType": "t3.micro", "keyName": "k", "amiLaunchIndex": fmt.Sprint(i), "instanceState/code": "16",
			"rootDeviceType": "ebs", "blockDeviceMapping/ebs/deleteOnTermination": "true", "placement/availabilityZone": "test-1a",
			"networkInterfaceSet/attachment/deviceIndex": "0", "networkInterfaceSet/status": "in-use", "tagSet/value": "web"} {
			if got := in.get(path); got != want {
				t.Errorf("%s is %q, want %q", path, got, want)
			}
		}
		for _, path := range []string{"subnetId", "vpcId", "privateIpAddress", "privateDnsName", "launchTime", "networkInterfaceSet/networkInterfaceId", "groupSet/groupId", "ipAddress"} {
			if in.get(path) == "" {
				t.Errorf("%s is not shown", path)
			}
		}
	}
	w.do("StopInstances", "InstanceId.1", ids[0])
	w.state(ids[0], "stopped")
	w.do("StartInstances", "InstanceId.1", ids[0])
	w.state(ids[0], "running")
	w.do("RebootInstances", "InstanceId.1", ids[0])
	w.state(ids[0], "running")
	ended := w.do("TerminateInstances", "InstanceId.1", ids[0], "InstanceId.2", ids[1])
	if got := ended.get("instancesSet/currentState/name"); got != "shutting-down" {
		t.Errorf("after TerminateInstances: %s", got)
	}
	w.state(ids[0], "terminated")
	w.do("TerminateInstances", "InstanceId.1", ids[0])
}

// TestRunInstancesRefuses proves the codes of what cannot be run, and that nothing is left of it.
func TestRunInstancesRefuses(t *testing.T) {
	w := newWorld(t)
	usual := func(more ...string) []string {
		return append([]string{"ImageId", w.ami(), "MinCount", "1", "MaxCount", "1"}, more...)
	}
	for code, parameters := range map[string][]string{
		"InvalidAMIID.NotFound":       {"ImageId", "ami-0123456789abcdef0", "MinCount", "1", "MaxCount", "1"},
		"InvalidAMIID.Malformed":      {"ImageId", "x", "MinCount", "1", "MaxCount", "1"},
		"MissingParameter":            {"ImageId", w.ami()},
		"InvalidParameterValue":       {"ImageId", w.ami(), "MinCount", "3", "MaxCount", "2"},
		"InvalidInstanceType":         usual("InstanceType", "x9.huge"),
		"InvalidKeyPair.NotFound":     usual("KeyName", "never"),
		"InvalidSubnetID.NotFound":    usual("SubnetId", "subnet-0123456789abcdef0"),
		"InvalidGroup.NotFound":       usual("SecurityGroupId.1", "sg-0123456789abcdef0"),
		"UnsupportedOperation":        usual("InstanceMarketOptions.MarketType", "spot"),
		"InvalidBlockDeviceMapping":   usual("BlockDeviceMapping.1.DeviceName", "/dev/sda1", "BlockDeviceMapping.1.Ebs.VolumeSize", "0"),
		"InvalidParameterCombination": usual("SubnetId", "subnet-0123456789abcdef0", "NetworkInterface.1.DeviceIndex", "0"),
	} {
		w.refused(code, "RunInstances", parameters...)
	}
	w.refused("DryRunOperation", "RunInstances", usual("DryRun", "true")...)
	if got := w.do("DescribeInstances").texts("reservationSet/instancesSet/instanceId"); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
}

// TestClientToken proves that a request that is sent again makes nothing new, and another one with the token is refused.
func TestClientToken(t *testing.T) {
	w := newWorld(t)
	first, again := w.run("ClientToken", "once"), w.run("ClientToken", "once")
	if !slices.Equal(first, again) {
		t.Errorf("%v, then %v", first, again)
	}
	w.refused("IdempotentParameterMismatch", "RunInstances", "ImageId", w.ami(), "MinCount", "2", "MaxCount", "2", "ClientToken", "once")
	if n := len(w.do("DescribeInstances").all("reservationSet/instancesSet/instanceId")); n != 1 {
		t.Errorf("%d instances", n)
	}
}

// TestInstanceFilters proves each filter by a value that an instance has.
func TestInstanceFilters(t *testing.T) {
	w := newWorld(t)
	w.do("CreateKeyPair", "KeyName", "k")
	id := w.run("KeyName", "k", "ClientToken", "t", "TagSpecification.1.ResourceType", "instance", "TagSpecification.1.Tag.1.Key", "team", "TagSpecification.1.Tag.1.Value", "blue")[0]
	w.state(id, "running")
	in := w.do("DescribeInstances", "InstanceId.1", id).all("reservationSet/instancesSet")[0]
	card := "networkInterfaceSet/"
	w.filtersWork("DescribeInstances", "reservationSet/instancesSet/instanceId", map[string]string{
		"instance-id": id, "image-id": w.ami(), "instance-type": "t3.*", "instance-state-name": "run*", "instance-state-code": "16", "key-name": "k", "tag:team": "bl?e", "tag-key": "team",
		"tag-value": "blue", "vpc-id": in.get("vpcId"), "subnet-id": in.get("subnetId"), "private-ip-address": in.get("privateIpAddress"), "private-dns-name": in.get("privateDnsName"),
		"ip-address": in.get("ipAddress"), "architecture": "x86_64", "availability-zone": "test-1a", "hypervisor": "xen", "launch-index": "0", "launch-time": "20*",
		"monitoring-state": "disabled", "owner-id": "123456789012", "root-device-name": "/dev/sda1", "root-device-type": "ebs", "source-dest-check": "true", "tenancy": "default",
		"virtualization-type": "hvm", "instance.group-id": in.get("groupSet/groupId"), "instance.group-name": "default", "reservation-id": "r-*",
		"block-device-mapping.volume-id": in.get("blockDeviceMapping/ebs/volumeId"), "block-device-mapping.device-name": "/dev/sda1", "block-device-mapping.status": "attached",
		"block-device-mapping.delete-on-termination": "true", "block-device-mapping.attach-time": "20*",
		"network-interface.network-interface-id": in.get(card + "networkInterfaceId"), "network-interface.mac-address": in.get(card + "macAddress"), "network-interface.status": "in-use",
		"network-interface.addresses.private-ip-address": in.get("privateIpAddress"), "network-interface.addresses.primary": "true", "network-interface.addresses.association.public-ip": in.get("ipAddress"),
		"network-interface.association.public-ip": in.get("ipAddress"), "network-interface.attachment.attachment-id": in.get(card + "attachment/attachmentId"),
		"network-interface.attachment.device-index": "0", "network-interface.attachment.status": "attached", "network-interface.attachment.instance-id": id,
		"network-interface.attachment.delete-on-termination": "true", "network-interface.attachment.instance-owner-id": "123456789012", "network-interface.attachment.attach-time": "20*",
		"network-interface.availability-zone": "test-1a", "network-interface.group-id": in.get("groupSet/groupId"), "network-interface.group-name": "default",
		"network-interface.owner-id": "123456789012", "network-interface.private-dns-name": "ip-*", "network-interface.requester-managed": "false", "network-interface.source-dest-check": "true",
		"network-interface.subnet-id": in.get("subnetId"), "network-interface.vpc-id": in.get("vpcId"), "metadata-options.http-tokens": "optional", "metadata-options.http-endpoint": "enabled",
		"metadata-options.http-put-response-hop-limit": "1", "metadata-options.instance-metadata-tags": "disabled", "platform-details": "Linux/UNIX", "usage-operation": "RunInstances",
	})
}

// TestInstanceAttributes proves that attributes are changed, by both forms of the request, and read back.
func TestInstanceAttributes(t *testing.T) {
	w := newWorld(t)
	id := w.run()[0]
	w.state(id, "running")
	read := func(attribute, path string) string {
		return w.do("DescribeInstanceAttribute", "InstanceId", id, "Attribute", attribute).get(path)
	}
	w.do("ModifyInstanceAttribute", "InstanceId", id, "DisableApiTermination.Value", "true")
	if read("disableApiTermination", "disableApiTermination/value") != "true" {
		t.Error("it is not protected")
	}
	w.do("ModifyInstanceAttribute", "InstanceId", id, "Attribute", "disableApiTermination", "Value", "false")
	w.do("ModifyInstanceAttribute", "InstanceId", id, "InstanceInitiatedShutdownBehavior.Value", "terminate")
	if got := read("instanceInitiatedShutdownBehavior", "instanceInitiatedShutdownBehavior/value"); got != "terminate" {
		t.Errorf("shutdown behaviour: %s", got)
	}
	w.refused("IncorrectInstanceState", "ModifyInstanceAttribute", "InstanceId", id, "InstanceType.Value", "t3.small")
	w.do("StopInstances", "InstanceId.1", id)
	w.state(id, "stopped")
	w.do("ModifyInstanceAttribute", "InstanceId", id, "InstanceType.Value", "t3.small")
	if got := read("instanceType", "instanceType/value"); got != "t3.small" {
		t.Errorf("type: %s", got)
	}
	w.do("ModifyInstanceAttribute", "InstanceId", id, "UserData.Value", "eA==")
	if got := read("userData", "userData/value"); got != "eA==" {
		t.Errorf("user data: %s", got)
	}
	w.do("ModifyInstanceMetadataOptions", "InstanceId", id, "HttpTokens", "required", "HttpPutResponseHopLimit", "2")
	options := w.do("DescribeInstances", "InstanceId.1", id).all("reservationSet/instancesSet/metadataOptions")[0]
	if options.get("httpTokens") != "required" || options.get("httpPutResponseHopLimit") != "2" {
		t.Errorf("metadata options: %+v", options)
	}
}

// TestLaunchTemplates proves versions, and that a request is laid over the template that it names.
func TestLaunchTemplates(t *testing.T) {
	w := newWorld(t)
	w.do("CreateLaunchTemplate", "LaunchTemplateName", "web", "LaunchTemplateData.ImageId", w.ami(), "LaunchTemplateData.InstanceType", "t3.micro",
		"LaunchTemplateData.TagSpecification.1.ResourceType", "instance", "LaunchTemplateData.TagSpecification.1.Tag.1.Key", "from", "LaunchTemplateData.TagSpecification.1.Tag.1.Value", "template")
	w.refused("InvalidLaunchTemplateName.AlreadyExistsException", "CreateLaunchTemplate", "LaunchTemplateName", "web", "LaunchTemplateData.ImageId", w.ami())
	w.refused("UnsupportedOperation", "CreateLaunchTemplate", "LaunchTemplateName", "spot", "LaunchTemplateData.InstanceMarketOptions.MarketType", "spot")
	w.refused("UnsupportedOperation", "CreateLaunchTemplate", "LaunchTemplateName", "asleep", "LaunchTemplateData.HibernationOptions.Configured", "true")
	w.do("CreateLaunchTemplate", "LaunchTemplateName", "awake", "LaunchTemplateData.ImageId", w.ami(), "LaunchTemplateData.HibernationOptions.Configured", "false")
	w.do("CreateLaunchTemplateVersion", "LaunchTemplateName", "web", "SourceVersion", "1", "LaunchTemplateData.InstanceType", "t3.small")
	versions := w.do("DescribeLaunchTemplateVersions", "LaunchTemplateName", "web")
	if got := fmt.Sprint(versions.texts("launchTemplateVersionSet/launchTemplateData/instanceType")); got != "[t3.micro t3.small]" {
		t.Errorf("types of the versions: %s", got)
	}
	if got := versions.texts("launchTemplateVersionSet/launchTemplateData/imageId"); len(got) != 2 {
		t.Errorf("images of the versions: %v", got)
	}
	// Some clients name every switch that there is: those that are off ask for nothing.
	made := w.do("RunInstances", "LaunchTemplate.LaunchTemplateName", "web", "LaunchTemplate.Version", "$Latest", "MinCount", "1", "MaxCount", "1",
		"HibernationOptions.Configured", "false", "EnclaveOptions.Enabled", "false", "NetworkInterface.1.DeviceIndex", "0", "NetworkInterface.1.AssociateCarrierIpAddress", "false")
	if made.get("instancesSet/instanceType") != "t3.small" || !slices.Contains(made.texts("instancesSet/tagSet/value"), "template") {
		t.Errorf("made: %+v", made)
	}
	w.filtersWork("DescribeInstances", "reservationSet/instancesSet/instanceId", map[string]string{"tag:aws:ec2launchtemplate:version": "2", "tag:aws:ec2launchtemplate:id": "lt-*"})
	w.filtersWork("DescribeTags", "tagSet", map[string]string{"key": "aws:ec2launchtemplate:id", "resource-id": made.get("instancesSet/instanceId")})
	over := w.do("RunInstances", "LaunchTemplate.LaunchTemplateName", "web", "InstanceType", "t3.medium", "MinCount", "1", "MaxCount", "1")
	if got := over.get("instancesSet/instanceType"); got != "t3.medium" {
		t.Errorf("the request's type is passed over for %s", got)
	}
	w.refused("InvalidLaunchTemplateId.VersionNotFound", "RunInstances", "LaunchTemplate.LaunchTemplateName", "web", "LaunchTemplate.Version", "7", "MinCount", "1", "MaxCount", "1")
	w.do("ModifyLaunchTemplate", "LaunchTemplateName", "web", "SetDefaultVersion", "2")
	w.do("DeleteLaunchTemplateVersions", "LaunchTemplateName", "web", "LaunchTemplateVersion.1", "1")
	w.do("DeleteLaunchTemplate", "LaunchTemplateName", "web")
	w.refused("InvalidLaunchTemplateName.NotFoundException", "DescribeLaunchTemplates", "LaunchTemplateName.1", "web")
}
