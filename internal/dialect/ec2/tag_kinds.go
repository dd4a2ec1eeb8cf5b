package ec2

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/network"
)

// taggables are the kinds of things with tags, in the order in which DescribeTags shows them.
func (a *api) taggables() []taggable {
	return []taggable{
		{instanceIDs, "instance", things(a.instances, func(in *cloud.Instance) thing { return thing{string(in.ID), instanceTags(in)} }), a.labelInstance},
		{volumeIDs, "volume", things(a.volumes, func(v *cloud.Volume) thing { return thing{string(v.ID), volumeTags(v)} }), a.labelVolume},
		{snapshotIDs, "snapshot", things(a.snapshots, func(n *cloud.Snapshot) thing { return thing{string(n.ID), snapshotTags(n)} }), a.labelSnapshot},
		{imageIDs, "image", things(a.ownImages, func(i *cloud.Image) thing { return thing{string(i.ID), imageTags(i)} }), a.labelImage},
		{vpcIDs, "vpc", things(a.routers, func(r *cloud.Router) thing { return thing{string(r.ID), tagsOf(r.Labels, r.Name)} }), a.labelRouter},
		{subnetIDs, "subnet", things(a.subnets, func(s *cloud.Subnet) thing { return thing{string(s.ID), tagsOf(s.Labels, s.Name)} }), a.labelSubnet},
		{portIDs, "network-interface", things(a.ports, func(p *cloud.Port) thing { return thing{string(p.ID), tagsOf(p.Labels, p.Name)} }), a.labelPort},
		{addressIDs, "elastic-ip", things(a.floating, func(f *cloud.FloatingIP) thing { return thing{string(f.ID), tagsOf(f.Labels, "")} }), a.labeler("floating IP")},
		{groupIDs, "security-group", things(a.groups, func(g *cloud.SecurityGroup) thing { return thing{string(g.ID), tagsOf(g.Labels, "")} }), a.labeler("security group")},
		{ruleIDs, "security-group-rule", things(a.rules, func(r *cloud.SecurityGroupRule) thing { return thing{string(r.ID), tagsOf(r.Labels, "")} }),
			a.labeler("security group rule")},
		{keyIDs, "key-pair", things(a.keyPairs, func(k *cloud.KeyPair) thing { return thing{string(k.ID), tagsOf(k.Labels, "")} }), a.labelKeyPair},
		{templateIDs, "launch-template", things(a.templates, func(t *cloud.InstanceTemplate) thing { return thing{string(t.ID), templateTags(t)} }), a.labelTemplate},
		{tableIDs, "route-table", things(a.routeTables, func(t *cloud.RouteTable) thing { return thing{string(t.ID), tableTags(t)} }), a.labeler("route table")},
		{internetIDs, "internet-gateway", things(a.gatewaysOf(cloud.GatewayInternet), gatewayThing), a.labeler("gateway")},
		{egressIDs, "egress-only-internet-gateway", things(a.gatewaysOf(cloud.GatewayEgress), gatewayThing), a.labeler("gateway")},
		{vpnGatewayIDs, "vpn-gateway", things(a.gatewaysOf(cloud.GatewayVPN), gatewayThing), a.labeler("gateway")},
		{peerIDs, "customer-gateway", things(a.peers, func(p *cloud.VPNPeer) thing { return thing{string(p.ID), tagsOf(p.Labels, p.Name)} }), a.labeler("VPN peer")},
		{connectionIDs, "vpn-connection", things(a.connections, func(c *cloud.VPNConnection) thing { return thing{string(c.ID), tagsOf(c.Labels, c.Name)} }),
			a.labeler("VPN connection")},
		{natIDs, "natgateway", things(a.nats, func(n *cloud.NATGateway) thing { return thing{string(n.ID), tagsOf(n.Labels, n.Name)} }), a.labeler("NAT gateway")},
		{filterIDs, "network-acl", things(a.acls, func(f *cloud.PacketFilter) thing { return thing{string(f.ID), aclTags(f)} }), a.labeler("packet filter")},
		{optionsIDs, "dhcp-options", things(a.optionSets, func(d *cloud.DHCPOptionSet) thing { return thing{string(d.ID), optionsTags(d)} }), a.labeler("DHCP option set")},
		{peeringIDs, "vpc-peering-connection", things(a.peerings, func(p *cloud.Peering) thing { return thing{string(p.ID), peeringTags(p)} }), a.labeler("peering")},
	}
}

// labels is what has a change of labels made.
type labels = func(labels map[string]string) error

// labeler changes the labels of a network's noun that has no name for clients here.
func (a *api) labeler(noun network.LabelNoun) func(ctx context.Context, id string, edit labels) error {
	return func(ctx context.Context, id string, edit labels) error {
		return a.Network.ChangeLabels(ctx, noun, id, network.LabelEdit(edit))
	}
}

// named has edit change labels with the name among them, and tells rename of another name.
func named(labels map[string]string, name string, edit labels, rename func(name string) error) error {
	if name != "" {
		labels[nameTag] = name
	}
	if err := edit(labels); err != nil {
		return err
	}
	changed := labels[nameTag]
	delete(labels, nameTag)
	if changed == name {
		return nil
	}
	return rename(changed)
}

func (a *api) labelRouter(ctx context.Context, id string, edit labels) error {
	r, err := a.Network.Router(ctx, cloud.RouterID(id))
	if err != nil {
		return err
	}
	return a.relabel(ctx, "router", id, r.Name, edit, func(name string) error {
		_, err := a.Network.UpdateRouter(ctx, r.ID, network.RouterChange{Name: &name})
		return err
	})
}

func (a *api) labelSubnet(ctx context.Context, id string, edit labels) error {
	s, err := a.Network.Subnet(ctx, cloud.SubnetID(id))
	if err != nil {
		return err
	}
	return a.relabel(ctx, "subnet", id, s.Name, edit, func(name string) error {
		_, err := a.Network.UpdateSubnet(ctx, s.ID, network.SubnetChange{Name: &name})
		return err
	})
}

func (a *api) labelPort(ctx context.Context, id string, edit labels) error {
	p, err := a.Network.Port(ctx, cloud.PortID(id))
	if err != nil {
		return err
	}
	return a.relabel(ctx, "port", id, p.Name, edit, func(name string) error {
		_, err := a.Network.UpdatePort(ctx, p.ID, network.PortChange{Name: &name})
		return err
	})
}

// relabel changes the labels and the name of a network's noun.
func (a *api) relabel(ctx context.Context, noun network.LabelNoun, id, name string, edit labels, rename func(name string) error) error {
	var change func() error
	err := a.Network.ChangeLabels(ctx, noun, id, func(have map[string]string) error {
		return named(have, name, edit, func(to string) error {
			change = func() error { return rename(to) }
			return nil
		})
	})
	if err != nil || change == nil {
		return err
	}
	return change()
}

func (a *api) labelKeyPair(ctx context.Context, id string, edit labels) error {
	return a.Compute.ChangeKeyPairLabels(ctx, cloud.KeyPairID(id), edit)
}

func (a *api) labelTemplate(ctx context.Context, id string, edit labels) error {
	_, err := a.Compute.ChangeTemplateLabels(ctx, cloud.InstanceTemplateID(id), edit)
	return err
}

func gatewayThing(g *cloud.Gateway) thing { return thing{string(g.ID), gatewayTags(g)} }
