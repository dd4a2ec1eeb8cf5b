package network

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// pairsMax bounds the allowed pairs of a port: each costs filter rules on the host.
const pairsMax = 10

// checkPort checks what must hold of every client's port.
func checkPort(p *cloud.Port) error {
	if !p.PortSecurity && len(p.SecurityGroups) > 0 {
		return cloud.Invalidf("port security", "security_groups",
			"Port security must be enabled and port must have an IP address in order to use security groups.")
	}
	if err := checkPairs(p); err != nil {
		return err
	}
	if err := checkDNSName("port", "dns_name", p.DNSName); err != nil {
		return err
	}
	if err := checkDNSName("port", "dns_domain", p.DNSDomain); err != nil {
		return err
	}
	return checkDHCPOptions(p.DHCPOptions)
}

func checkPairs(p *cloud.Port) error {
	if len(p.AllowedPairs) > 0 && !p.PortSecurity {
		return cloud.Errorf(cloud.Conflict, "address pair", p.ID, "Port Security must be enabled in order to have allowed address pairs on a port.")
	}
	if len(p.AllowedPairs) > pairsMax {
		return cloud.Invalidf("address pair", "allowed_address_pairs", "Exceeded maximum amount of address pairs: %d.", pairsMax)
	}
	for i := range p.AllowedPairs {
		pair := p.AllowedPairs[i]
		if !pair.Address.IsValid() || pair.Address.Addr().Is4In6() {
			return cloud.Invalidf("address pair", "allowed_address_pairs", "AllowedAddressPair must contain ip_address.")
		}
		if slices.Contains(p.AllowedPairs[:i], pair) {
			return cloud.Invalidf("address pair", "allowed_address_pairs", "Request contains duplicate address pair: mac_address %s ip_address %s.", pair.MAC, pair.Address)
		}
	}
	return nil
}

// NormalPairs brings pairs into the form we keep.
func NormalPairs(pairs []cloud.AddressPair) ([]cloud.AddressPair, error) {
	normal := make([]cloud.AddressPair, len(pairs))
	for i, p := range pairs {
		normal[i] = p
		if p.MAC == "" {
			continue
		}
		mac, err := parseMAC("allowed_address_pairs", p.MAC)
		if err != nil {
			return nil, err
		}
		normal[i].MAC = mac
	}
	return normal, nil
}

// checkDNSName refuses what cannot be the name of a host, or of a domain.
func checkDNSName(resource, field, name string) error {
	if name == "" {
		return nil
	}
	bad := cloud.Invalidf(resource, field, "Invalid input for %s. Reason: '%s' not a valid PQDN or FQDN.", field, name)
	if len(name) > 253 {
		return bad
	}
	for _, label := range strings.Split(strings.TrimSuffix(name, "."), ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.Trim(label, labelChars) != "" {
			return bad
		}
	}
	return nil
}

const labelChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

func checkDHCPOptions(options []cloud.DHCPOption) error {
	for i, o := range options {
		if o.Name == "" || strings.ContainsAny(o.Name+o.Value, "\n\r\x00") || len(o.Value) > 255 {
			return cloud.Invalidf("port", "extra_dhcp_opts", "Invalid data format for extra-dhcp-opt: '%s'.", o.Name)
		}
		if o.Version != 4 && o.Version != 6 {
			return cloud.Invalidf("port", "extra_dhcp_opts", "ip_version of an extra DHCP option must be 4 or 6.")
		}
		if slices.ContainsFunc(options[:i], func(q cloud.DHCPOption) bool { return q.Name == o.Name && q.Version == o.Version }) {
			return cloud.Invalidf("port", "extra_dhcp_opts", "Invalid input: the extra DHCP option '%s' is given twice.", o.Name)
		}
	}
	return nil
}

// portGroups checks the groups a port names, or answers the default: its routing domain's or its project's default
// group, or none without port security. A port's groups are of its own project or shared with it, and of no other domain.
func (s *Service) portGroups(ctx context.Context, n *cloud.Network, p *cloud.Port, named *[]cloud.SecurityGroupID) ([]cloud.SecurityGroupID, error) {
	if named == nil {
		if !p.PortSecurity {
			return nil, nil
		}
		id, err := s.defaultGroupOn(ctx, n, p)
		if err != nil {
			return nil, err
		}
		return []cloud.SecurityGroupID{id}, nil
	}
	var ids []cloud.SecurityGroupID
	var groups []*cloud.SecurityGroup
	for _, id := range *named {
		if slices.Contains(ids, id) {
			continue
		}
		g, err := s.Groups.Get(ctx, id)
		if err == nil {
			err = s.mayWear(ctx, n, p, g)
		}
		if err != nil {
			return nil, missing(err, "security group", id)
		}
		ids, groups = append(ids, id), append(groups, g)
	}
	return ids, checkOneMode(p, groups)
}

// checkOneMode refuses to put a port both into groups that remember connections and into groups that do not: what the one half
// does not let in as an answer, the other would.
func checkOneMode(p *cloud.Port, groups []*cloud.SecurityGroup) error {
	for _, g := range groups {
		if g.Stateless != groups[0].Stateless {
			return cloud.Errorf(cloud.Conflict, "security group mode", p.ID, "Cannot apply both stateful and stateless security groups on port %s "+
				"at the same time: %s is of the other kind than %s.", p.ID, g.ID, groups[0].ID)
		}
	}
	return nil
}

// defaultGroupOn is the group of a port that names none: of the routing domain that its network is a part of, if that is its project's.
func (s *Service) defaultGroupOn(ctx context.Context, n *cloud.Network, p *cloud.Port) (cloud.SecurityGroupID, error) {
	if n.RouterID != "" && n.ProjectID == p.ProjectID {
		r, err := s.Routers.Get(ctx, n.RouterID)
		if err != nil {
			return "", missing(err, "routing domain", n.RouterID)
		}
		return r.Domain.DefaultGroup, nil
	}
	g, err := s.defaultGroup(ctx, p.ProjectID)
	if err != nil {
		return "", err
	}
	return g.ID, nil
}

// mayWear checks that a port may be in a group: of its own project, or shared with it, and not of another routing domain.
func (s *Service) mayWear(ctx context.Context, n *cloud.Network, p *cloud.Port, g *cloud.SecurityGroup) error {
	if g.RouterID != "" && g.RouterID != n.RouterID {
		return cloud.Invalidf("security group", "security_groups", "Security group %s is of routing domain %s, and port %s is not in that.", g.ID, g.RouterID, p.ID)
	}
	if g.ProjectID == p.ProjectID || g.Shared {
		return nil
	}
	shared, err := s.sharedWith(ctx, string(g.ID), p.ProjectID, cloud.UseShared)
	if err == nil && !shared {
		err = cloud.NotFoundf("security group", g.ID)
	}
	return err
}

// defaultHostname is the name of an address that nobody named.
func defaultHostname(address string) string {
	return fmt.Sprintf("host-%s", strings.NewReplacer(".", "-", ":", "-").Replace(address))
}
