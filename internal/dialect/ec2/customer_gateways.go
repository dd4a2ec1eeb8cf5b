package ec2

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/network"
)

// ipsec is the only type of VPN things.
const ipsec = "ipsec.1"

func (a *api) customerGatewayActions() []*action {
	return []*action{
		serve("CreateCustomerGateway", a.createCustomerGateway, "Type IpAddress PublicIp BgpAsn BgpAsnExtended TagSpecifications"),
		serve("DescribeCustomerGateways", a.describeCustomerGateways, "CustomerGatewayIds Filters"),
		done("DeleteCustomerGateway", a.deleteCustomerGateway, "CustomerGatewayId"),
	}
}

func (a *api) peers(ctx context.Context, where ...cloud.Cond) ([]*cloud.VPNPeer, error) {
	return a.Network.ListVPNPeers(ctx, cloud.Where(append(where, own(ctx))...))
}

func peerID(p *cloud.VPNPeer) string { return string(p.ID) }

func showPeer(p *cloud.VPNPeer) shape.CustomerGateway {
	return shape.CustomerGateway{CustomerGatewayId: id(peerIDs, p.ID), IpAddress: p.Address.String(), BgpAsn: fmt.Sprint(p.ASN), State: "available", Type: ipsec,
		Tags: tagsOf(p.Labels, p.Name)}
}

func checkType(t string) error {
	if t != ipsec {
		return invalidParameter("The type '%s' is invalid: it is %s.", t, ipsec)
	}
	return nil
}

func (a *api) createCustomerGateway(ctx context.Context, in *shape.CreateCustomerGatewayRequest) (*shape.CreateCustomerGatewayResult, error) {
	if err := checkType(in.Type); err != nil {
		return nil, err
	}
	words, err := labelWords(in.TagSpecifications, "customer-gateway")
	if err != nil {
		return nil, err
	}
	r := network.VPNPeerRequest{Words: words, ASN: 65000}
	switch {
	case in.BgpAsnExtended != nil:
		r.ASN = *in.BgpAsnExtended
	case in.BgpAsn != nil:
		r.ASN = int64(*in.BgpAsn)
	}
	text := in.IpAddress
	if text == "" {
		text = in.PublicIp
	}
	if r.Address, err = netip.ParseAddr(text); err != nil || !r.Address.Is4() {
		return nil, invalidParameter("Value (%s) for parameter ipAddress is invalid: it is an IPv4 address.", text)
	}
	p, err := a.Network.CreateVPNPeer(ctx, r)
	if err != nil {
		return nil, err
	}
	shown := showPeer(p)
	return &shape.CreateCustomerGatewayResult{CustomerGateway: &shown}, nil
}

var peerFields = fields[*cloud.VPNPeer]{
	"bgp-asn":             one(func(p *cloud.VPNPeer) string { return fmt.Sprint(p.ASN) }),
	"customer-gateway-id": one(func(p *cloud.VPNPeer) string { return id(peerIDs, p.ID) }),
	"ip-address":          one(func(p *cloud.VPNPeer) string { return p.Address.String() }),
	"state":               one(func(*cloud.VPNPeer) string { return "available" }),
	"type":                one(func(*cloud.VPNPeer) string { return ipsec }),
}

func (a *api) describeCustomerGateways(ctx context.Context, in *shape.DescribeCustomerGatewaysRequest) (*shape.DescribeCustomerGatewaysResult, error) {
	n := noun[*cloud.VPNPeer]{ids: peerIDs, list: a.peers, id: peerID, place: func(p *cloud.VPNPeer) string { return place(p.CreatedAt, p.ID) }, fields: peerFields,
		tags: func(p *cloud.VPNPeer) []shape.Tag { return tagsOf(p.Labels, p.Name) }}
	rows, _, err := n.describe(ctx, ask{in.CustomerGatewayIds, in.Filters, nil, ""})
	if err != nil {
		return nil, err
	}
	out := &shape.DescribeCustomerGatewaysResult{}
	for _, p := range rows {
		out.CustomerGateways = append(out.CustomerGateways, showPeer(p))
	}
	return out, nil
}

func (a *api) deleteCustomerGateway(ctx context.Context, in *shape.DeleteCustomerGatewayRequest) error {
	p, err := findOne(ctx, peerIDs, in.CustomerGatewayId, a.peers, peerID)
	if err != nil {
		return err
	}
	err = a.Network.DeleteVPNPeer(ctx, p.ID)
	if cloud.Is(err, cloud.InUse) {
		return bad("IncorrectState", "The customer gateway is in use.")
	}
	return err
}
