package ec2

import (
	"context"
	"net/netip"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/network"
)

func (a *api) peeringActions() []*action {
	return []*action{
		serve("CreateVpcPeeringConnection", a.createPeering, "VpcId PeerVpcId PeerOwnerId PeerRegion TagSpecifications"),
		serve("DescribeVpcPeeringConnections", a.describePeerings, "VpcPeeringConnectionIds Filters MaxResults NextToken"),
		serve("AcceptVpcPeeringConnection", a.acceptPeering, "VpcPeeringConnectionId"),
		serve("RejectVpcPeeringConnection", a.rejectPeering, "VpcPeeringConnectionId"),
		serve("DeleteVpcPeeringConnection", a.deletePeering, "VpcPeeringConnectionId"),
	}
}

// peerings are those that the account is an end of.
func (a *api) peerings(ctx context.Context, where ...cloud.Cond) ([]*cloud.Peering, error) {
	project := cloud.PrincipalOf(ctx).ProjectID
	return a.Network.ListPeerings(ctx, cloud.Where(where...), func(p *cloud.Peering) bool { return p.ProjectID == project || p.AccepterProject == project })
}

func peeringID(p *cloud.Peering) string { return string(p.ID) }

// peering finds a peering that the account is an end of.
func (a *api) peering(ctx context.Context, text string) (*cloud.Peering, error) {
	return findOne(ctx, peeringIDs, text, a.peerings, peeringID)
}

func (a *api) createPeering(ctx context.Context, in *shape.CreateVpcPeeringConnectionRequest) (*shape.CreateVpcPeeringConnectionResult, error) {
	words, err := labelWords(in.TagSpecifications, "vpc-peering-connection")
	if err != nil {
		return nil, err
	}
	if in.PeerRegion != "" && !a.isRegion(in.PeerRegion) {
		return nil, invalidParameter("Invalid region provided: %s", in.PeerRegion)
	}
	r, err := a.router(ctx, in.VpcId)
	if err != nil {
		return nil, err
	}
	asked := network.PeeringRequest{RouterID: r.ID, AccepterProject: cloud.PrincipalOf(ctx).ProjectID, Words: words}
	if in.PeerOwnerId != "" {
		if asked.AccepterProject, err = a.Keys.AccountProject(ctx, in.PeerOwnerId); err != nil {
			return nil, invalidParameter("Value (%s) for parameter peerOwnerId is invalid.", in.PeerOwnerId)
		}
	}
	short, err := vpcIDs.short(in.PeerVpcId)
	if err != nil {
		return nil, err
	}
	if asked.AccepterRouter, err = a.Network.DomainToPeer(ctx, short); err != nil {
		return nil, vpcIDs.missing(in.PeerVpcId)
	}
	p, err := a.Network.AskPeering(ctx, asked)
	if err != nil {
		return nil, err
	}
	shown, err := a.shownPeering(ctx, p)
	return &shape.CreateVpcPeeringConnectionResult{VpcPeeringConnection: shown}, err
}

// peeringRow is a peering with what is shown of it.
type peeringRow struct {
	peering *cloud.Peering
	shown   shape.VpcPeeringConnection
}

func (a *api) peeringNoun() noun[peeringRow] {
	return noun[peeringRow]{ids: peeringIDs, list: a.peeringRows, id: func(r peeringRow) string { return peeringID(r.peering) },
		place: func(r peeringRow) string { return place(r.peering.CreatedAt, r.peering.ID) }, fields: peeringFields, tags: func(r peeringRow) []shape.Tag { return r.shown.Tags }}
}

func peeringTags(p *cloud.Peering) []shape.Tag { return tagsOf(p.Labels, "") }

func (a *api) shownPeering(ctx context.Context, p *cloud.Peering) (*shape.VpcPeeringConnection, error) {
	rows, err := a.showPeerings(ctx, []*cloud.Peering{p})
	if err != nil {
		return nil, err
	}
	return &rows[0].shown, nil
}

func (a *api) peeringRows(ctx context.Context, where ...cloud.Cond) ([]peeringRow, error) {
	peerings, err := a.peerings(ctx, where...)
	if err != nil {
		return nil, err
	}
	return a.showPeerings(ctx, peerings)
}

// peeringStates are a peering's states in the protocol's words: code and message.
var peeringStates = map[cloud.PeeringState][2]string{
	cloud.PeeringPending:  {"pending-acceptance", "Pending Acceptance by "},
	cloud.PeeringActive:   {"active", "Active"},
	cloud.PeeringFailed:   {"failed", "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range"},
	cloud.PeeringRejected: {"rejected", "Rejected by "},
	cloud.PeeringExpired:  {"expired", "Expired"},
	cloud.PeeringDeleted:  {"deleted", "Deleted"},
}

func (a *api) showPeerings(ctx context.Context, rows []*cloud.Peering) ([]peeringRow, error) {
	var projects []cloud.ProjectID
	for _, p := range rows {
		projects = append(projects, p.ProjectID, p.AccepterProject)
	}
	accounts, err := a.Keys.Accounts(ctx, projects...)
	out := make([]peeringRow, len(rows))
	for i, p := range rows {
		state := peeringStates[p.State]
		if p.State == cloud.PeeringPending || p.State == cloud.PeeringRejected {
			state[1] += accounts[p.AccepterProject]
		}
		region := callOf(ctx).Region
		out[i] = peeringRow{p, shape.VpcPeeringConnection{VpcPeeringConnectionId: id(peeringIDs, p.ID), Status: &shape.VpcPeeringConnectionStateReason{Code: state[0], Message: state[1]},
			RequesterVpcInfo: peeringEnd(region, accounts[p.ProjectID], p.RouterID, p.Blocks), AccepterVpcInfo: peeringEnd(region, accounts[p.AccepterProject], p.AccepterRouter, p.AccepterBlocks),
			Tags: peeringTags(p)}}
		if p.State == cloud.PeeringPending {
			out[i].shown.ExpirationTime = new(p.CreatedAt.Add(network.PeeringPatience))
		}
	}
	return out, err
}

func peeringEnd(region, account string, router cloud.RouterID, blocks []netip.Prefix) *shape.VpcPeeringConnectionVpcInfo {
	no := false
	end := &shape.VpcPeeringConnectionVpcInfo{VpcId: id(vpcIDs, router), OwnerId: account, Region: region,
		PeeringOptions: &shape.VpcPeeringConnectionOptionsDescription{AllowDnsResolutionFromRemoteVpc: &no, AllowEgressFromLocalClassicLinkToRemoteVpc: &no, AllowEgressFromLocalVpcToRemoteClassicLink: &no}}
	for _, b := range blocks {
		if b.Addr().Is6() {
			end.Ipv6CidrBlockSet = append(end.Ipv6CidrBlockSet, shape.Ipv6CidrBlock{Ipv6CidrBlock: b.String()})
			continue
		}
		if end.CidrBlock == "" {
			end.CidrBlock = b.String()
		}
		end.CidrBlockSet = append(end.CidrBlockSet, shape.CidrBlock{CidrBlock: b.String()})
	}
	return end
}

var peeringFields = fields[peeringRow]{
	"accepter-vpc-info.cidr-block":  one(func(r peeringRow) string { return r.shown.AccepterVpcInfo.CidrBlock }),
	"accepter-vpc-info.owner-id":    one(func(r peeringRow) string { return r.shown.AccepterVpcInfo.OwnerId }),
	"accepter-vpc-info.vpc-id":      one(func(r peeringRow) string { return r.shown.AccepterVpcInfo.VpcId }),
	"requester-vpc-info.cidr-block": one(func(r peeringRow) string { return r.shown.RequesterVpcInfo.CidrBlock }),
	"requester-vpc-info.owner-id":   one(func(r peeringRow) string { return r.shown.RequesterVpcInfo.OwnerId }),
	"requester-vpc-info.vpc-id":     one(func(r peeringRow) string { return r.shown.RequesterVpcInfo.VpcId }),
	"status-code":                   one(func(r peeringRow) string { return r.shown.Status.Code }),
	"status-message":                one(func(r peeringRow) string { return r.shown.Status.Message }),
	"vpc-peering-connection-id":     one(func(r peeringRow) string { return r.shown.VpcPeeringConnectionId }),
}

func (a *api) describePeerings(ctx context.Context, in *shape.DescribeVpcPeeringConnectionsRequest) (*shape.DescribeVpcPeeringConnectionsResult, error) {
	rows, next, err := a.peeringNoun().describe(ctx, ask{in.VpcPeeringConnectionIds, in.Filters, in.MaxResults, in.NextToken})
	out := &shape.DescribeVpcPeeringConnectionsResult{NextToken: next}
	for _, r := range rows {
		out.VpcPeeringConnections = append(out.VpcPeeringConnections, r.shown)
	}
	return out, err
}

func (a *api) acceptPeering(ctx context.Context, in *shape.AcceptVpcPeeringConnectionRequest) (*shape.AcceptVpcPeeringConnectionResult, error) {
	p, err := a.peering(ctx, in.VpcPeeringConnectionId)
	if err != nil {
		return nil, err
	}
	if p, err = a.Network.AcceptPeering(ctx, p.ID); err != nil {
		return nil, err
	}
	shown, err := a.shownPeering(ctx, p)
	return &shape.AcceptVpcPeeringConnectionResult{VpcPeeringConnection: shown}, err
}

func (a *api) rejectPeering(ctx context.Context, in *shape.RejectVpcPeeringConnectionRequest) (*shape.RejectVpcPeeringConnectionResult, error) {
	p, err := a.peering(ctx, in.VpcPeeringConnectionId)
	if err != nil {
		return nil, err
	}
	_, err = a.Network.RejectPeering(ctx, p.ID)
	return &shape.RejectVpcPeeringConnectionResult{Return: new(true)}, err
}

func (a *api) deletePeering(ctx context.Context, in *shape.DeleteVpcPeeringConnectionRequest) (*shape.DeleteVpcPeeringConnectionResult, error) {
	p, err := a.peering(ctx, in.VpcPeeringConnectionId)
	if err != nil {
		return nil, err
	}
	_, err = a.Network.DeletePeering(ctx, p.ID)
	return &shape.DeleteVpcPeeringConnectionResult{Return: new(true)}, err
}
