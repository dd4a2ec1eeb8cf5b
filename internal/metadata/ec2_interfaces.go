package metadata

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// putInterfaces is what cloud-init configures NICs from.
func putInterfaces(n *node, md spec.Metadata) {
	for i, nic := range md.NICs {
		for name, value := range interfaceFacts(md, nic, i) {
			n.putSome(value, "network", "interfaces", "macs", nic.MAC, name)
		}
		for _, p := range nic.Public {
			n.putSome(addressText(p.Fixed), "network", "interfaces", "macs", nic.MAC, "ipv4-associations", p.Address.String())
		}
	}
}

// interfaceFacts are the leaves of one NIC; those without a value are not there.
func interfaceFacts(md spec.Metadata, nic spec.MetadataNIC, i int) map[string]string {
	blocks4, blocks6 := byVersion(nic.Blocks)
	subnets4, subnets6 := byVersion(subnetsOf(nic))
	facts := map[string]string{
		"device-number": strconv.Itoa(i), "mac": nic.MAC, "interface-id": shortID("eni", nic.Short.Port), "owner-id": md.Account,
		"local-hostname": md.Hostname, "local-ipv4s": strings.Join(addressesOf(nic, true), "\n"), "ipv6s": strings.Join(addressesOf(nic, false), "\n"),
		"public-ipv4s": strings.Join(publicOf(nic), "\n"), "security-groups": strings.Join(nic.Groups, "\n"),
		"security-group-ids": strings.Join(groupIDs(nic), "\n"), "subnet-id": shortID("subnet", nic.Short.Subnet),
		"subnet-ipv4-cidr-block": first(subnets4), "subnet-ipv6-cidr-blocks": strings.Join(subnets6, "\n"),
		"vpc-id": shortID("vpc", nic.Short.Domain), "vpc-ipv4-cidr-block": first(blocks4), "vpc-ipv4-cidr-blocks": strings.Join(blocks4, "\n"),
		"vpc-ipv6-cidr-blocks": strings.Join(blocks6, "\n"),
	}
	if len(nic.Public) > 0 {
		facts["public-hostname"] = md.Hostname
	}
	return facts
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

func publicOf(n spec.MetadataNIC) []string {
	var list []string
	for _, p := range n.Public {
		list = append(list, p.Address.String())
	}
	return list
}

func groupIDs(n spec.MetadataNIC) []string {
	var list []string
	for _, id := range n.Short.Groups {
		list = append(list, shortID("sg", id))
	}
	return list
}

// subnetsOf are the prefixes of a NIC's addresses. An address alone says nothing of its subnet.
func subnetsOf(n spec.MetadataNIC) []netip.Prefix {
	var list []netip.Prefix
	for _, a := range n.Addresses {
		if a.Address.IsValid() && !a.Address.IsSingleIP() {
			list = append(list, a.Address.Masked())
		}
	}
	return list
}

// byVersion are prefixes of IPv4 and of IPv6, each once.
func byVersion(list []netip.Prefix) (four, six []string) {
	seen := map[netip.Prefix]bool{}
	for _, p := range list {
		switch {
		case seen[p]:
		case p.Addr().Is4():
			four = append(four, p.String())
		default:
			six = append(six, p.String())
		}
		seen[p] = true
	}
	return four, six
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

func addressText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
