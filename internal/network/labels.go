package network

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// LabelEdit changes labels in place.
type LabelEdit func(labels map[string]string) error

// LabelNoun names a table whose rows have labels, as errors name it.
type LabelNoun string

// ChangeLabels changes the labels of one row. It needs the right to update it.
func (s *Service) ChangeLabels(ctx context.Context, noun LabelNoun, id string, edit LabelEdit) error {
	change, ok := s.labelChanges()[noun]
	if !ok {
		return cloud.Errorf(cloud.Unsupported, string(noun), id, "%s has no labels.", cloud.Title(string(noun)))
	}
	return s.Tx.Update(ctx, func(ctx context.Context) error { return change(ctx, id, edit) })
}

// labelChange changes the labels of the row of an id.
type labelChange func(ctx context.Context, id string, edit LabelEdit) error

func (s *Service) labelChanges() map[LabelNoun]labelChange {
	return map[LabelNoun]labelChange{
		"router":              relabel(s.Routers, "router", func(r *cloud.Router) cloud.ProjectID { return r.ProjectID }),
		"network":             relabel(s.Networks, "network", func(n *cloud.Network) cloud.ProjectID { return n.ProjectID }),
		"subnet":              relabel(s.Subnets, "subnet", func(n *cloud.Subnet) cloud.ProjectID { return n.ProjectID }),
		"port":                relabel(s.Ports, "port", func(p *cloud.Port) cloud.ProjectID { return p.ProjectID }),
		"floating IP":         relabel(s.FloatingIPs, "floating IP", func(f *cloud.FloatingIP) cloud.ProjectID { return f.ProjectID }),
		"security group":      relabel(s.Groups, "security group", func(g *cloud.SecurityGroup) cloud.ProjectID { return g.ProjectID }),
		"route table":         relabelOwn(s.tables()),
		"packet filter":       relabelOwn(s.filters()),
		"gateway":             relabelOwn(s.gateways()),
		"NAT gateway":         relabelOwn(s.nats()),
		"peering":             relabelOwn(s.peers()),
		"DHCP option set":     relabelOwn(s.optionSets()),
		"VPN peer":            relabelOwn(s.vpnPeers()),
		"VPN connection":      relabel(s.VPNConnections, "VPN connection", func(c *cloud.VPNConnection) cloud.ProjectID { return c.ProjectID }),
		"security group rule": relabel(s.Rules, "security group", func(r *cloud.SecurityGroupRule) cloud.ProjectID { return r.ProjectID }),
	}
}

// relabelOwn is relabel for the nouns of routing domains.
func relabelOwn[T any, ID ~string](o ownable[T, ID]) labelChange {
	return relabel(o.rows, o.resource, func(row *T) cloud.ProjectID { return o.parts(row).project })
}

// relabel changes the labels of a row of one table.
func relabel[T any, ID ~string](rows cloud.Records[T, ID], noun string, project func(*T) cloud.ProjectID) labelChange {
	return func(ctx context.Context, id string, edit LabelEdit) error {
		row, err := rows.Get(ctx, ID(id))
		if err != nil {
			return missing(err, noun, id)
		}
		target := policy.Target{Resource: noun, ID: id, ProjectID: project(row)}
		if err := policy.Authorize(ctx, policy.Action(noun+".update"), target); err != nil {
			return err
		}
		if err := any(row).(interface{ Stored() *cloud.Meta }).Stored().EditLabels(edit); err != nil {
			return err
		}
		return rows.Update(ctx, row)
	}
}
