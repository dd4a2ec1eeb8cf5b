package network

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// listUnion is List over rows that match q and at least one of several conditions: what a
// project owns and what others share with it. Each part is small (a quota bounds the first, operators make the
// others), so it is ordered and paged here, as the store would.
func listUnion[T any, ID ~string](ctx context.Context, r cloud.Records[T, ID], q cloud.Query, column func(*T, string) string,
	id func(*T) string, keep []func(*T) bool, any ...cloud.Cond) ([]*T, error) {
	var rows []*T
	seen := map[string]bool{}
	for _, c := range any {
		part, err := r.List(ctx, cloud.Query{Where: append(slices.Clone(q.Where), c)}, keep...)
		if err != nil {
			return nil, err
		}
		for _, row := range part {
			if !seen[id(row)] {
				seen[id(row)] = true
				rows = append(rows, row)
			}
		}
	}
	order := q.Order
	if len(order) == 0 {
		order = []cloud.Order{{Column: "created_at"}}
	}
	slices.SortFunc(rows, func(a, b *T) int { return compareRows(a, b, order, column, id) })
	page, found := cloud.PageOf(rows, q, id)
	if !found {
		return nil, cloud.Invalidf("request", "marker", "The marker %s could not be found.", q.After)
	}
	return page, nil
}

func compareRows[T any](a, b *T, order []cloud.Order, column func(*T, string) string, id func(*T) string) int {
	for _, o := range order {
		c := strings.Compare(column(a, o.Column), column(b, o.Column))
		if o.Desc {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(id(a), id(b))
}

const sortableTime = "2006-01-02T15:04:05.000000000Z"

// commonColumn is a column that most nouns have, as text that sorts like the column.
func commonColumn(id, name string, project cloud.ProjectID, m *cloud.Meta, column string) string {
	switch column {
	case "name":
		return name
	case "project_id":
		return string(project)
	case "created_at":
		return m.CreatedAt.UTC().Format(sortableTime)
	case "updated_at":
		return m.UpdatedAt.UTC().Format(sortableTime)
	}
	return id
}

func scopeColumn(a *cloud.AddressScope, column string) string {
	if column == "ipv6" {
		return boolText(a.IPv6)
	}
	return commonColumn(string(a.ID), a.Name, a.ProjectID, &a.Meta, column)
}

func addressGroupColumn(g *cloud.AddressGroup, column string) string {
	return commonColumn(string(g.ID), g.Name, g.ProjectID, &g.Meta, column)
}

func groupColumn(g *cloud.SecurityGroup, column string) string {
	return commonColumn(string(g.ID), g.Name, g.ProjectID, &g.Meta, column)
}

// networkColumn is a column of a network as text that sorts like the column.
func networkColumn(n *cloud.Network, column string) string {
	if column == "admin_up" {
		return boolText(n.AdminUp)
	}
	return commonColumn(string(n.ID), n.Name, n.ProjectID, &n.Meta, column)
}

// subnetColumn is networkColumn for subnets.
func subnetColumn(n *cloud.Subnet, column string) string {
	switch column {
	case "network_id":
		return string(n.NetworkID)
	case "prefix":
		return n.Prefix.String()
	case "gateway":
		return addrText(n.Gateway)
	case "dhcp":
		return boolText(n.DHCP)
	case "ipv6":
		return boolText(n.Prefix.Addr().Is6())
	case "ra_mode":
		return n.RAMode
	case "address_mode":
		return n.AddressMode
	}
	return commonColumn(string(n.ID), n.Name, n.ProjectID, &n.Meta, column)
}

// subnetPoolColumn is networkColumn for subnet pools.
func subnetPoolColumn(p *cloud.SubnetPool, column string) string {
	switch column {
	case "default_bits":
		return fmt.Sprintf("%03d", p.DefaultBits)
	case "min_bits":
		return fmt.Sprintf("%03d", p.MinBits)
	case "max_bits":
		return fmt.Sprintf("%03d", p.MaxBits)
	}
	return commonColumn(string(p.ID), p.Name, p.ProjectID, &p.Meta, column)
}

// addrText is empty for no address, as in the store.
func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// qosPolicyColumn is networkColumn for QoS policies.
func qosPolicyColumn(p *cloud.QoSPolicy, column string) string {
	switch column {
	case "name":
		return p.Name
	case "project_id":
		return string(p.ProjectID)
	case "shared":
		return boolText(p.Shared)
	case "created_at":
		return p.CreatedAt.UTC().Format(sortableTime)
	case "updated_at":
		return p.UpdatedAt.UTC().Format(sortableTime)
	}
	return string(p.ID)
}

func boolText(b bool) string {
	if b {
		return "1"
	}
	return "0"
}
