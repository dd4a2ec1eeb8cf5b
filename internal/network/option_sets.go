package network

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// serversMax bounds how many servers of a kind guests are told of.
const serversMax = 4

// CreateOptionSet keeps a set of options for routing domains to use. It does not change afterwards.
func (s *Service) CreateOptionSet(ctx context.Context, d cloud.DHCPOptionSet) (*cloud.DHCPOptionSet, error) {
	d.ID, d.ProjectID = cloud.DHCPOptionSetID(cloud.NewID()), owner(ctx, d.ProjectID)
	if err := s.optionSets().may(ctx, d.ProjectID); err != nil {
		return nil, err
	}
	if err := checkOptionSet(&d); err != nil {
		return nil, err
	}
	err := s.Tx.Update(ctx, func(ctx context.Context) error { return s.optionSets().insert(ctx, s.Tx, &d) })
	return &d, err
}

func checkOptionSet(d *cloud.DHCPOptionSet) error {
	for _, name := range strings.Fields(d.Domain) {
		if err := checkDNSName("DHCP option set", "domain", name); err != nil {
			return err
		}
	}
	for field, servers := range map[string][]netip.Addr{"dns": d.DNS, "ntp": d.NTP, "netbios": d.NetBIOS} {
		if len(servers) > serversMax {
			return cloud.Invalidf("DHCP option set", field, "Guests can be told of %d servers of a kind, not of %d.", serversMax, len(servers))
		}
	}
	if !slices.Contains([]int{0, 1, 2, 4, 8}, d.NetBIOSNode) {
		return cloud.Invalidf("DHCP option set", "netbios_node", "A NetBIOS node is of type 1, 2, 4 or 8, not %d.", d.NetBIOSNode)
	}
	if slices.ContainsFunc(d.NetBIOS, netip.Addr.Is6) {
		return cloud.Invalidf("DHCP option set", "netbios", "NetBIOS name servers have IPv4 addresses.")
	}
	return nil
}

// OptionSet answers one set that the caller may see.
func (s *Service) OptionSet(ctx context.Context, id cloud.DHCPOptionSetID) (*cloud.DHCPOptionSet, error) {
	return s.optionSets().get(ctx, id)
}

// ListOptionSets lists the sets of the caller's project, or all.
func (s *Service) ListOptionSets(ctx context.Context, q cloud.Query, keep ...func(*cloud.DHCPOptionSet) bool) ([]*cloud.DHCPOptionSet, error) {
	return s.optionSets().list(ctx, q, keep)
}

// lockOptions keeps a set from going while a domain begins to use it.
func (s *Service) lockOptions(ctx context.Context, id cloud.DHCPOptionSetID) error {
	return s.Tx.Lock(ctx, "DHCP option set/"+string(id))
}

// usableOptions checks that a project's domain may use a set, which empty is none.
func (s *Service) usableOptions(ctx context.Context, p cloud.ProjectID, id cloud.DHCPOptionSetID) error {
	if id == "" {
		return nil
	}
	if err := s.lockOptions(ctx, id); err != nil {
		return err
	}
	d, err := s.OptionSet(ctx, id)
	if err != nil {
		return err
	}
	return mayUse(ctx, "DHCP option set", string(id), d.ProjectID, p)
}

// DeleteOptionSet removes a set. InUse while domains use it.
func (s *Service) DeleteOptionSet(ctx context.Context, id cloud.DHCPOptionSetID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.lockOptions(ctx, id); err != nil {
			return err
		}
		if _, err := s.optionSets().own(ctx, id, "delete"); err != nil {
			return err
		}
		users, err := s.Routers.List(ctx, cloud.Query{Where: []cloud.Cond{cloud.Eq("options", string(id))}, Limit: 1})
		if err != nil {
			return err
		}
		if len(users) > 0 {
			return cloud.Errorf(cloud.InUse, "DHCP option set", id, "DHCP option set %s is used by routing domain %s.", id, users[0].ID)
		}
		return s.OptionSets.Delete(ctx, id)
	})
}
