package network

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// RuleRequest asks for a rule of a security group.
type RuleRequest struct {
	GroupID      cloud.SecurityGroupID
	Description  string
	Direction    string // "ingress" or "egress"
	IPv6         bool
	AnyVersion   bool   // IPv4 and IPv6 alike
	Protocol     string // name or number; empty: any
	PortMin      *int
	PortMax      *int
	RemotePrefix netip.Prefix
	RemoteGroup  cloud.SecurityGroupID
	// RemoteAddresses is an address group.
	RemoteAddresses cloud.AddressGroupID
}

func ruleTarget(r *cloud.SecurityGroupRule) policy.Target {
	return policy.Target{Resource: "security group rule", ID: string(r.ID), ProjectID: r.ProjectID}
}

// CreateRule adds a rule to a group. AlreadyExists if the group has an equal one.
func (s *Service) CreateRule(ctx context.Context, req RuleRequest) (r *cloud.SecurityGroupRule, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		g, err := s.SecurityGroup(ctx, req.GroupID)
		if err != nil {
			return err
		}
		if err := policy.Authorize(ctx, "security group rule.create", policy.Target{Resource: "security group rule", ProjectID: g.ProjectID}); err != nil {
			return err
		}
		if r, err = s.ruleFor(ctx, g, req); err != nil {
			return err
		}
		if err := s.Quota.Reserve(ctx, g.ProjectID, map[string]int64{cloud.QuotaSecurityRules: 1}); err != nil {
			return err
		}
		if err := s.insertRule(ctx, r); err != nil {
			return err
		}
		return s.reviseGroup(ctx, g.ID)
	})
	return r, err
}

// ruleFor is the rule that a request asks for, whose other side is there.
func (s *Service) ruleFor(ctx context.Context, g *cloud.SecurityGroup, req RuleRequest) (*cloud.SecurityGroupRule, error) {
	if err := s.nameGroup(ctx, g, req.RemoteGroup); err != nil {
		return nil, err
	}
	if err := s.nameAddressGroup(ctx, req.RemoteAddresses); err != nil {
		return nil, err
	}
	return newRule(g, req)
}

// reviseGroup counts a change of a group's rules as one of the group, which shows them.
func (s *Service) reviseGroup(ctx context.Context, id cloud.SecurityGroupID) error {
	g, err := s.Groups.Get(ctx, id)
	if err != nil {
		return missing(err, "security group", id)
	}
	g.Revisions++
	return s.Groups.Update(ctx, g)
}

func (s *Service) insertRule(ctx context.Context, r *cloud.SecurityGroupRule) error {
	if err := s.checkNewRule(ctx, r); err != nil {
		return err
	}
	s.nudgeRule(ctx, r)
	return s.Rules.Insert(ctx, r)
}

// checkNewRule refuses a rule that its group has already.
func (s *Service) checkNewRule(ctx context.Context, r *cloud.SecurityGroupRule) error {
	equal, err := s.Rules.List(ctx, cloud.Where(cloud.Eq("group_id", string(r.GroupID)), cloud.Eq("key", r.Key)))
	if err != nil {
		return err
	}
	if len(equal) > 0 {
		return cloud.Errorf(cloud.AlreadyExists, "security group rule", equal[0].ID, "Security group rule already exists. Rule id is %s.", equal[0].ID)
	}
	return nil
}

// nudgeRule tells the hosts of a rule's group, and of the one it names, whose members they may not know yet.
func (s *Service) nudgeRule(ctx context.Context, r *cloud.SecurityGroupRule) {
	s.nudge(ctx, kindGroup, string(r.GroupID))
	if r.RemoteGroup != "" {
		s.nudge(ctx, kindGroup, string(r.RemoteGroup))
	}
}

func newRule(g *cloud.SecurityGroup, req RuleRequest) (*cloud.SecurityGroupRule, error) {
	r := &cloud.SecurityGroupRule{ID: cloud.RuleID(cloud.NewID()), ProjectID: g.ProjectID, GroupID: g.ID, Description: req.Description,
		Direction: req.Direction, IPv6: req.IPv6 && !req.AnyVersion, AnyVersion: req.AnyVersion, Protocol: strings.ToLower(req.Protocol),
		PortMin: req.PortMin, PortMax: req.PortMax, RemotePrefix: req.RemotePrefix, RemoteGroup: req.RemoteGroup, RemoteAddresses: req.RemoteAddresses}
	if r.Protocol == "any" {
		r.Protocol = ""
	}
	if r.Direction != "ingress" && r.Direction != "egress" {
		return nil, cloud.Invalidf("security group rule", "direction", "Invalid input for direction. Reason: '%s' is not in ['ingress', 'egress'].", r.Direction)
	}
	if err := checkRemote(r); err != nil {
		return nil, err
	}
	if err := checkPorts(r); err != nil {
		return nil, err
	}
	r.Key = ruleKey(r)
	return r, nil
}

func checkRemote(r *cloud.SecurityGroupRule) error {
	if r.RemoteAddresses != "" && (r.RemotePrefix.IsValid() || r.RemoteGroup != "") {
		return cloud.Invalidf("security group rule", "remote_address_group_id",
			"Only one of remote_ip_prefix, remote_group_id and remote_address_group_id may be provided.")
	}
	if !r.RemotePrefix.IsValid() {
		return nil
	}
	if r.RemoteGroup != "" {
		return cloud.Invalidf("security group rule", "remote_group_id", "Only remote_ip_prefix or remote_group_id may be provided.")
	}
	if r.RemotePrefix.Addr().Is6() != r.IPv6 || r.AnyVersion {
		return cloud.Invalidf("security group rule", "remote_ip_prefix", "Conflicting value ethertype for CIDR %s.", r.RemotePrefix)
	}
	return nil
}

// protocols are the names that clients use, with their IANA numbers.
var protocols = map[string]int{"hopopt": 0, "icmp": 1, "igmp": 2, "ipip": 4, "tcp": 6, "egp": 8, "udp": 17, "dccp": 33, "ipv6-encap": 41,
	"ipv6-route": 43, "ipv6-frag": 44, "rsvp": 46, "gre": 47, "esp": 50, "ah": 51, "icmpv6": 58, "ipv6-icmp": 58, "ipv6-nonxt": 59,
	"ipv6-opts": 60, "ospf": 89, "pgm": 113, "vrrp": 112, "sctp": 132, "udplite": 136}

const (
	protocolAny    = -1
	protocolICMP   = 1
	protocolICMPv6 = 58
)

// onlyIPv6 are the protocols that there are over IPv6 alone: its headers, and its ICMP.
// IPv6 within IPv4 is refused with them, as clients know it.
var onlyIPv6 = []int{41, 43, 44, protocolICMPv6, 59, 60}

// withPorts are the protocols whose port fields are ports.
var withPorts = []int{6, 17, 33, 132, 136}

// HasPorts tells whether a rule's protocol is one whose port fields are ports.
func HasPorts(protocol string) bool {
	n, ok := ProtocolNumber(&cloud.SecurityGroupRule{Protocol: strings.ToLower(protocol)})
	return ok && slices.Contains(withPorts, n)
}

// ProtocolNumber is the IANA number of a rule's protocol. ICMP over IPv6 is ICMPv6, whatever it was called.
func ProtocolNumber(r *cloud.SecurityGroupRule) (int, bool) {
	if r.Protocol == "" {
		return protocolAny, true
	}
	n, known := protocols[r.Protocol]
	if !known {
		var err error
		if n, err = strconv.Atoi(r.Protocol); err != nil || n < 0 || n > 255 {
			return 0, false
		}
	}
	if n == protocolICMP && r.IPv6 {
		n = protocolICMPv6
	}
	return n, true
}

func checkPorts(r *cloud.SecurityGroupRule) error {
	n, ok := ProtocolNumber(r)
	bad := func(field, format string, args ...any) error {
		return cloud.Invalidf("security group rule", field, format, args...)
	}
	switch {
	case !ok:
		return bad("protocol", "Security group rule protocol %s not supported.", r.Protocol)
	case slices.Contains(onlyIPv6, n) && !r.IPv6:
		return bad("ethertype", "Invalid ethertype IPv4 for protocol %s.", r.Protocol)
	case r.PortMin == nil && r.PortMax == nil:
		return nil
	case n == protocolAny:
		return bad("port protocol", "Must also specify protocol if port range is given.")
	case n == protocolICMP || n == protocolICMPv6:
		return checkICMP(r, bad)
	case !slices.Contains(withPorts, n):
		return bad("port protocol", "Protocol %s does not have ports.", r.Protocol)
	case r.PortMin == nil || r.PortMax == nil || *r.PortMin > *r.PortMax:
		return bad("port range", "For TCP/UDP protocols, port_range_min must be <= port_range_max.")
	}
	for _, port := range []int{*r.PortMin, *r.PortMax} {
		if port < 0 || port > 65535 {
			return bad("port value", "Invalid value for port %d", port)
		}
	}
	return nil
}

func checkICMP(r *cloud.SecurityGroupRule, bad func(string, string, ...any) error) error {
	if r.PortMin == nil {
		return bad("ICMP type", "ICMP code (port-range-max) %d is provided but ICMP type (port-range-min) is missing.", *r.PortMax)
	}
	if *r.PortMin < 0 || *r.PortMin > 255 {
		return bad("ICMP value", "Invalid value for ICMP type (port-range-min) %d. It must be 0 to 255.", *r.PortMin)
	}
	if r.PortMax != nil && (*r.PortMax < 0 || *r.PortMax > 255) {
		return bad("ICMP value", "Invalid value for ICMP code (port-range-max) %d. It must be 0 to 255.", *r.PortMax)
	}
	return nil
}

// ruleKey is equal for rules of one group that allow the same.
func ruleKey(r *cloud.SecurityGroupRule) string {
	n, _ := ProtocolNumber(r)
	prefix := ""
	if r.RemotePrefix.IsValid() && r.RemotePrefix.Bits() > 0 {
		prefix = r.RemotePrefix.Masked().String()
	}
	version := strconv.FormatBool(r.IPv6)
	if r.AnyVersion {
		version = "any"
	}
	return fmt.Sprintf("%s|%s|%d|%d|%d|%s|%s|%s", r.Direction, version, n, or(r.PortMin, -1), or(r.PortMax, -1), prefix, r.RemoteGroup, r.RemoteAddresses)
}

// Rule answers one rule that the caller may see.
func (s *Service) Rule(ctx context.Context, id cloud.RuleID) (*cloud.SecurityGroupRule, error) {
	r, err := s.Rules.Get(ctx, id)
	if err != nil {
		return nil, missing(err, "security group rule", id)
	}
	return r, policy.Authorize(ctx, "security group rule.get", ruleTarget(r))
}

// ListRules lists the rules of the caller's project, or all.
func (s *Service) ListRules(ctx context.Context, q cloud.Query, keep ...func(*cloud.SecurityGroupRule) bool) ([]*cloud.SecurityGroupRule, error) {
	return s.Rules.List(ctx, visible(ctx, "security group rule.get", q), keep...)
}

// DeleteRule removes a rule.
func (s *Service) DeleteRule(ctx context.Context, id cloud.RuleID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		r, err := s.Rule(ctx, id)
		if err != nil {
			return err
		}
		if err := policy.Authorize(ctx, "security group rule.delete", ruleTarget(r)); err != nil {
			return err
		}
		s.nudge(ctx, kindGroup, string(r.GroupID))
		if err := s.Rules.Delete(ctx, id); err != nil {
			return err
		}
		return s.reviseGroup(ctx, r.GroupID)
	})
}
