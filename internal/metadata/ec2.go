package metadata

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// ec2Versions are those of Nova, then those that cloud-init asks Amazon for. Each answers
// the same tree: readers of old ones ignore what is new.
var ec2Versions = []string{
	"1.0", "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15", "2008-02-01", "2008-09-01", "2009-04-04",
	"2016-09-02", "2018-09-24", "2021-03-23",
}

const (
	ec2MetaData = "meta-data"
	ec2UserData = "user-data"
	ec2Dynamic  = "dynamic"
)

func knownEC2(version string) bool {
	return version == latest || slices.Contains(ec2Versions, version)
}

// ec2Tree is everything below a version. Whatever a listing names can be read: one
// missing leaf makes cloud-init give the whole source up.
func (l Layout) ec2Tree(md spec.Metadata) *node {
	root := directory()
	root.entries[ec2MetaData] = l.ec2Meta(md)
	root.put(l.identityDocument(md), ec2Dynamic, "instance-identity", "document")
	if len(md.UserData) > 0 {
		root.put(string(md.UserData), ec2UserData)
	}
	return root
}

func (l Layout) ec2Meta(md spec.Metadata) *node {
	n := directory()
	local, public := firstAddress(md), firstPublic(md)
	for name, value := range map[string]string{
		"ami-id": l.ec2ID("ami", md.ImageID), "ami-launch-index": strconv.Itoa(md.LaunchIndex), "ami-manifest-path": "(unknown)",
		"hostname": md.Hostname, "local-hostname": md.Hostname, "public-hostname": md.Hostname,
		"instance-action": "none", "instance-id": l.ec2ID("i", md.InstanceID), "instance-type": md.Size,
		"local-ipv4": local, "public-ipv4": public, "reservation-id": l.ec2ID("r", md.ReservationID),
		"security-groups": strings.Join(groups(md), "\n"),
	} {
		n.put(value, name)
	}
	n.put(md.Zone, "placement", "availability-zone")
	n.put(l.region(md), "placement", "region")
	n.put("nubo", "services", "partition")
	putBlockDevices(n, md.Disks)
	putPublicKeys(n, md.Keys)
	l.putInterfaces(n, md)
	if len(md.NICs) > 0 {
		n.put(md.NICs[0].MAC, "mac")
	}
	return n
}

func firstAddress(md spec.Metadata) string {
	for _, n := range md.NICs {
		if a := addressesOf(n, true); len(a) > 0 {
			return a[0]
		}
	}
	return ""
}

func firstPublic(md spec.Metadata) string {
	for _, n := range md.NICs {
		if len(n.Public) > 0 {
			return n.Public[0].String()
		}
	}
	return ""
}

// groups are the names of all security groups, each once.
func groups(md spec.Metadata) []string {
	var names []string
	for _, n := range md.NICs {
		names = append(names, n.Groups...)
	}
	sort.Strings(names)
	return slices.Compact(names)
}

// putBlockDevices names disks as Linux does by their bus; the first one is the root.
func putBlockDevices(n *node, disks []spec.MetadataDisk) {
	prefixes := map[spec.Bus]string{spec.BusVirtio: "vd", spec.BusSCSI: "sd", spec.BusSATA: "sd", spec.BusIDE: "hd"}
	count, volumes := map[string]int{}, 0
	for i, d := range disks {
		prefix := prefixes[d.Bus]
		if prefix == "" {
			prefix = "vd"
		}
		device := prefix + string(rune('a'+count[prefix]%26))
		count[prefix]++
		if i == 0 {
			n.put(device, "block-device-mapping", "ami")
			n.put("/dev/"+device, "block-device-mapping", "root")
			continue
		}
		n.put(device, "block-device-mapping", fmt.Sprintf("ebs%d", volumes))
		volumes++
	}
}

func putPublicKeys(n *node, keys []spec.PublicKey) {
	index := 0
	for _, k := range keys {
		if k.Type != "" && k.Type != "ssh" {
			continue // the EC2 tree knows SSH keys only
		}
		n.put(k.Data, "public-keys", strconv.Itoa(index), "openssh-key")
		n.find([]string{"public-keys", strconv.Itoa(index)}).name = k.Name
		index++
	}
}

// putInterfaces is what cloud-init configures further NICs from.
func (l Layout) putInterfaces(n *node, md spec.Metadata) {
	for i, nic := range md.NICs {
		at := func(name, value string) {
			if value != "" {
				n.put(value, "network", "interfaces", "macs", nic.MAC, name)
			}
		}
		at("device-number", strconv.Itoa(i))
		at("mac", nic.MAC)
		at("interface-id", l.ec2ID("eni", string(nic.Port)))
		at("owner-id", md.ProjectID)
		at("vpc-id", l.ec2ID("vpc", string(nic.Network)))
		at("local-hostname", md.Hostname)
		at("local-ipv4s", strings.Join(addressesOf(nic, true), "\n"))
		at("ipv6s", strings.Join(addressesOf(nic, false), "\n"))
		at("subnet-ipv4-cidr-block", prefix4(nic))
		at("security-groups", strings.Join(nic.Groups, "\n"))
		var public []string
		for _, a := range nic.Public {
			public = append(public, a.String())
		}
		at("public-ipv4s", strings.Join(public, "\n"))
	}
}

func addressesOf(n spec.MetadataNIC, four bool) []string {
	var list []string
	for _, a := range n.Addresses {
		if a.Address.IsValid() && a.Address.Addr().Is4() == four {
			list = append(list, a.Address.Addr().String())
		}
	}
	return list
}

func prefix4(n spec.MetadataNIC) string {
	for _, a := range n.Addresses {
		if a.Address.IsValid() && a.Address.Addr().Is4() && a.Address.Bits() < 32 {
			return a.Address.Masked().String()
		}
	}
	return ""
}

// identityDocument is unsigned: there is nobody whose signature guests would know.
func (l Layout) identityDocument(md spec.Metadata) string {
	document := map[string]any{
		"instanceId": l.ec2ID("i", md.InstanceID), "imageId": l.ec2ID("ami", md.ImageID), "instanceType": md.Size,
		"accountId": md.ProjectID, "availabilityZone": md.Zone, "region": l.region(md), "privateIp": firstAddress(md),
		"architecture": "x86_64", "version": "2017-09-30",
	}
	b, _ := json.MarshalIndent(document, "", "  ") // strings cannot fail
	return string(b)
}
