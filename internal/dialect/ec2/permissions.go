package ec2

import (
	"context"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/network"
)

// anyNumber stands for every protocol, port, type or code.
const anyNumber = -1

// permission is one rule as this protocol has it. Two that are equal allow the same.
type permission struct {
	egress   bool
	protocol string // tcp, udp, icmp, icmpv6, another's number, or -1
	from, to int    // ports, or ICMP type and code
	source   string // a CIDR block, or the id of a group or of a prefix list
}

// wanted is a permission that a request speaks of.
type wanted struct {
	permission
	description string
	prefix      netip.Prefix
	group       cloud.SecurityGroupID
}

// protocolNumbers are those of the protocols that have names here.
var protocolNumbers = map[string]string{"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}

// readProtocol is a protocol by the name that it is shown by.
func readProtocol(text string) (string, error) {
	name := strings.ToLower(text)
	if name == "-1" || name == "all" {
		return "-1", nil
	}
	if known, ok := protocolNumbers[name]; ok {
		return known, nil
	}
	if slices.Contains([]string{"tcp", "udp", "icmp", "icmpv6"}, name) {
		return name, nil
	}
	if n, err := strconv.Atoi(name); err != nil || n < 0 || n > 255 {
		return "", invalidParameter("Invalid value '%s' for IP protocol. Unknown protocol.", text)
	}
	return name, nil
}

// readPorts are the ports of a permission, or type and code. Protocols that have none here are of all.
func readPorts(protocol string, from, to *int) (int, int, error) {
	switch protocol {
	case "tcp", "udp":
		return readRange(from, to)
	case "icmp", "icmpv6":
		return readICMP(protocol, from, to)
	}
	return anyNumber, anyNumber, nil
}

func readRange(from, to *int) (int, int, error) {
	switch {
	case from == nil || to == nil:
		return 0, 0, invalidParameter("Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.")
	case *from < 0 || *from > 65535 || *to < 0 || *to > 65535:
		return 0, 0, invalidParameter("Invalid value '%d-%d' for portRange. Ports are between 0 and 65535.", *from, *to)
	case *from > *to:
		return 0, 0, invalidParameter("Invalid TCP/UDP port range (%d:%d)", *from, *to)
	}
	return *from, *to, nil
}

func readICMP(protocol string, from, to *int) (int, int, error) {
	if from == nil && to == nil && protocol == "icmpv6" {
		return anyNumber, anyNumber, nil
	}
	switch {
	case from == nil || to == nil:
		return 0, 0, invalidParameter("Invalid value 'Must specify both from and to ports with ICMP.' for portRange.")
	case *from < anyNumber || *from > 255 || *to < anyNumber || *to > 255:
		return 0, 0, invalidParameter("ICMP code (%d) or type (%d) out of range", *to, *from)
	case *from == anyNumber && *to != anyNumber:
		return 0, 0, invalidParameter("Invalid value '%d' for the ICMP code: for all types, all codes must be specified, too.", *to)
	}
	return *from, *to, nil
}

// readPrefix is a CIDR block. What lies behind its length does not matter.
func readPrefix(text string, ipv6 bool) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is6() != ipv6 {
		return p, invalidParameter("CIDR block %s is malformed", text)
	}
	return p.Masked(), nil
}

var describable = regexp.MustCompile(`^[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{0,255}$`)

func checkDescription(text string) error {
	if !describable.MatchString(text) {
		return invalidParameter("Invalid rule description. Valid descriptions are strings less than 256 characters from the following set: " +
			"a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*")
	}
	return nil
}

// request is what makes a rule of a group that allows what is wanted.
func (w wanted) request(g cloud.SecurityGroupID) network.RuleRequest {
	r := network.RuleRequest{GroupID: g, Direction: direction(w.egress), Description: w.description, RemoteGroup: w.group, RemotePrefix: w.prefix}
	if w.protocol != "-1" {
		r.Protocol = w.protocol
	}
	r.IPv6 = w.prefix.IsValid() && w.prefix.Addr().Is6() || w.group != "" && w.protocol == "icmpv6"
	r.AnyVersion = w.group != "" && w.protocol != "icmp" && w.protocol != "icmpv6"
	if w.from != anyNumber && !w.allPorts() {
		r.PortMin = new(w.from)
	}
	if w.to != anyNumber && !w.allPorts() {
		r.PortMax = new(w.to)
	}
	return r
}

func (p permission) allPorts() bool {
	return (p.protocol == "tcp" || p.protocol == "udp") && p.from == 0 && p.to == 65535
}

func direction(egress bool) string {
	if egress {
		return "egress"
	}
	return "ingress"
}

// permissionOf is what a rule allows.
func permissionOf(r *cloud.SecurityGroupRule) permission {
	p := permission{egress: r.Direction == "egress", protocol: protocolOf(r), from: anyNumber, to: anyNumber, source: sourceOf(r)}
	if r.PortMin != nil {
		p.from = *r.PortMin
	}
	if r.PortMax != nil {
		p.to = *r.PortMax
	}
	if (p.protocol == "tcp" || p.protocol == "udp") && r.PortMin == nil {
		p.from, p.to = 0, 65535
	}
	return p
}

func protocolOf(r *cloud.SecurityGroupRule) string {
	n, ok := network.ProtocolNumber(r)
	if !ok || n < 0 {
		return "-1"
	}
	number := strconv.Itoa(n)
	if name, ok := protocolNumbers[number]; ok {
		return name
	}
	return number
}

// sourceOf is the other side of a rule. One that names none is for all addresses.
func sourceOf(r *cloud.SecurityGroupRule) string {
	switch {
	case r.RemoteGroup != "":
		return id(groupIDs, r.RemoteGroup)
	case r.RemoteAddresses != "":
		return id(prefixListIDs, r.RemoteAddresses)
	case r.RemotePrefix.IsValid():
		return r.RemotePrefix.Masked().String()
	case r.IPv6:
		return "::/0"
	}
	return "0.0.0.0/0"
}

func (p permission) isIPv6() bool { return strings.Contains(p.source, ":") }

// String is how sentences name a permission.
func (p permission) String() string {
	return fmt.Sprintf("peer: %s, %s, from port: %d, to port: %d, ALLOW", p.source, strings.ToUpper(p.protocol), p.from, p.to)
}

// readPermissions are the permissions that a request to a group lists, each once.
func (a *api) readPermissions(ctx context.Context, g *cloud.SecurityGroup, egress bool, list []shape.IpPermission) ([]wanted, error) {
	named, err := a.namedGroups(ctx, g, list)
	if err != nil {
		return nil, err
	}
	var all []wanted
	for _, in := range list {
		some, err := readPermission(in, named)
		if err != nil {
			return nil, err
		}
		for _, w := range some {
			w.egress = egress
			if slices.ContainsFunc(all, func(o wanted) bool { return o.permission == w.permission }) {
				return nil, invalidParameter("The same permission must not appear multiple times")
			}
			all = append(all, w)
		}
	}
	return all, nil
}

// readPermission is each of the sources of one permission.
func readPermission(in shape.IpPermission, named groupNames) (all []wanted, err error) {
	p := permission{}
	if p.protocol, err = readProtocol(in.IpProtocol); err != nil {
		return nil, err
	}
	if p.from, p.to, err = readPorts(p.protocol, in.FromPort, in.ToPort); err != nil {
		return nil, err
	}
	add := func(w wanted, source, description string) error {
		w.permission, w.description = p, description
		w.source = source
		all = append(all, w)
		return checkDescription(description)
	}
	for _, r := range in.IpRanges {
		if err := addRange(add, r.CidrIp, r.Description, false); err != nil {
			return nil, err
		}
	}
	for _, r := range in.Ipv6Ranges {
		if err := addRange(add, r.CidrIpv6, r.Description, true); err != nil {
			return nil, err
		}
	}
	for _, pair := range in.UserIdGroupPairs {
		remote := named.of(pair)
		if err := add(wanted{group: remote}, id(groupIDs, remote), pair.Description); err != nil {
			return nil, err
		}
	}
	for _, l := range in.PrefixListIds {
		if err := add(wanted{}, l.PrefixListId, l.Description); err != nil {
			return nil, err
		}
	}
	if len(all) == 0 {
		return nil, bad("InvalidPermission.Malformed", "A permission needs a source or destination: an IP range or a security group.")
	}
	return all, nil
}

func addRange(add func(w wanted, source, description string) error, text, description string, ipv6 bool) error {
	prefix, err := readPrefix(text, ipv6)
	if err != nil {
		return err
	}
	return add(wanted{prefix: prefix}, prefix.String(), description)
}
