package metadata

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// ec2Versions are those that clients were told of, up to the newest that this tree is as complete as. Each answers the same tree: readers of
// old ones ignore what is new.
var ec2Versions = []string{
	"1.0", "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15", "2008-02-01", "2008-09-01", "2009-04-04",
	"2011-01-01", "2011-05-01", "2012-01-12", "2014-02-25", "2014-11-05", "2015-10-20", "2016-04-19", "2016-06-30", "2016-09-02",
	"2018-03-28", "2018-08-17", "2018-09-24", "2019-10-01", "2020-08-24", "2020-10-27", "2021-01-03", "2021-03-23",
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
func (l Layout) ec2Tree(ctx context.Context, md spec.Metadata) *node {
	root := directory()
	root.entries[ec2MetaData] = l.ec2Meta(md)
	if len(md.UserData) > 0 {
		root.put(string(md.UserData), ec2UserData)
	}
	monitoring := "disabled"
	if md.Monitored {
		monitoring = "enabled"
	}
	root.put(monitoring, ec2Dynamic, "fws", "instance-monitoring")
	l.putIdentity(ctx, root, md)
	return root
}

// shortID is an id as the EC2 tree writes it; of nothing it is empty.
func shortID(prefix, short string) string {
	if short == "" {
		return ""
	}
	return prefix + "-" + short
}

func (l Layout) ec2Meta(md spec.Metadata) *node {
	n := directory()
	place := l.place(md)
	for name, value := range map[string]string{
		"ami-launch-index": strconv.Itoa(md.LaunchIndex), "ami-manifest-path": "(unknown)",
		"hostname": md.Hostname, "local-hostname": md.Hostname, "instance-action": "none", "instance-life-cycle": "on-demand",
		"instance-id": shortID("i", md.Short.Instance), "instance-type": md.Size, "local-ipv4": firstAddress(md),
		"profile": "default-hvm", "security-groups": strings.Join(groups(md), "\n"),
	} {
		n.put(value, name)
	}
	n.putSome(shortID("ami", md.Short.Image), "ami-id")
	n.putSome(shortID("r", md.Short.Reservation), "reservation-id")
	if public := firstPublic(md); public != "" {
		n.put(public, "public-ipv4")
		n.put(md.Hostname, "public-hostname")
	}
	n.put(place.Zone, "placement", "availability-zone")
	n.put(place.Region, "placement", "region")
	n.putSome(place.ZoneID, "placement", "availability-zone-id")
	n.put("[]", "events", "maintenance", "history")
	n.put("[]", "events", "maintenance", "scheduled")
	n.put("aws", "services", "partition")
	n.put(cmp.Or(l.Domain, "nubo.internal"), "services", "domain")
	putBlockDevices(n, md.Disks)
	putPublicKeys(n, md.Keys)
	putInterfaces(n, md)
	if len(md.NICs) > 0 {
		n.put(md.NICs[0].MAC, "mac")
	}
	if md.Access.ShowProperties {
		putTags(n, md.Properties)
	}
	return n
}

// putTags leaves out names that no path can have.
func putTags(n *node, properties map[string]string) {
	for name, value := range properties {
		if name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/ =\n") {
			n.put(value, "tags", "instance", name)
		}
	}
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
			return n.Public[0].Address.String()
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

// putBlockDevices names disks as they were asked for, or else as Linux does by their bus; the first one is the root.
func putBlockDevices(n *node, disks []spec.MetadataDisk) {
	prefixes := map[spec.Bus]string{spec.BusVirtio: "vd", spec.BusSCSI: "sd", spec.BusSATA: "sd", spec.BusIDE: "hd"}
	count, volumes := map[string]int{}, 0
	for i, d := range disks {
		prefix := prefixes[d.Bus]
		if prefix == "" {
			prefix = "vd"
		}
		device := cmp.Or(strings.TrimPrefix(d.Device, "/dev/"), prefix+string(rune('a'+count[prefix]%26)))
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
