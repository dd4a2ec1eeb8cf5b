package ec2

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/network"
)

func (a *api) routeActions() []*action {
	return []*action{
		serve("CreateRouteTable", a.createRouteTable, "VpcId TagSpecifications"),
		serve("DescribeRouteTables", a.describeRouteTables, "RouteTableIds Filters MaxResults NextToken"),
		done("DeleteRouteTable", a.deleteRouteTable, "RouteTableId"),
		serve("AssociateRouteTable", a.associateRouteTable, "RouteTableId SubnetId"),
		done("DisassociateRouteTable", a.disassociateRouteTable, "AssociationId"),
		serve("ReplaceRouteTableAssociation", a.replaceRouteTableAssociation, "AssociationId RouteTableId"),
		serve("CreateRoute", a.createRoute, "RouteTableId DestinationCidrBlock DestinationIpv6CidrBlock "+targetMembers),
		done("ReplaceRoute", a.replaceRoute, "RouteTableId DestinationCidrBlock DestinationIpv6CidrBlock "+targetMembers),
		done("DeleteRoute", a.deleteRoute, "RouteTableId DestinationCidrBlock DestinationIpv6CidrBlock"),
		done("EnableVgwRoutePropagation", a.enablePropagation, "RouteTableId GatewayId"),
		done("DisableVgwRoutePropagation", a.disablePropagation, "RouteTableId GatewayId"),
	}
}

func (a *api) routeTables(ctx context.Context, where ...cloud.Cond) ([]*cloud.RouteTable, error) {
	return a.Network.ListRouteTables(ctx, cloud.Where(append(where, own(ctx))...))
}

func tableID(t *cloud.RouteTable) string        { return string(t.ID) }
func tableTags(t *cloud.RouteTable) []shape.Tag { return tagsOf(t.Labels, t.Name) }

func (a *api) routeTable(ctx context.Context, text string) (*cloud.RouteTable, error) {
	return findOne(ctx, tableIDs, text, a.routeTables, tableID)
}

func (a *api) createRouteTable(ctx context.Context, in *shape.CreateRouteTableRequest) (*shape.CreateRouteTableResult, error) {
	r, err := a.router(ctx, in.VpcId)
	if err != nil {
		return nil, err
	}
	words, err := labelWords(in.TagSpecifications, "route-table")
	if err != nil {
		return nil, err
	}
	t, err := a.Network.CreateRouteTable(ctx, network.RouteTableRequest{RouterID: r.ID, Words: words})
	if err != nil {
		return nil, err
	}
	rows, err := a.tableRows(ctx, cloud.Eq("id", t.ID))
	if err != nil {
		return nil, err
	}
	return &shape.CreateRouteTableResult{RouteTable: &rows[0].shown}, nil
}

// tableRow is a route table with what is shown of it.
type tableRow struct {
	table *cloud.RouteTable
	shown shape.RouteTable
}

func (a *api) tableNoun() noun[tableRow] {
	return noun[tableRow]{ids: tableIDs, list: a.tableRows, id: func(r tableRow) string { return string(r.table.ID) },
		place: func(r tableRow) string { return place(r.table.CreatedAt, r.table.ID) }, fields: tableFields, tags: func(r tableRow) []shape.Tag { return r.shown.Tags }}
}

// tableRows are tables with their routes: the blocks of their VPC, which are reached without one, go first.
func (a *api) tableRows(ctx context.Context, where ...cloud.Cond) ([]tableRow, error) {
	tables, err := a.routeTables(ctx, where...)
	if err != nil {
		return nil, err
	}
	routers, err := a.routers(ctx)
	if err != nil {
		return nil, err
	}
	targets, err := a.routeTargets(ctx, tables)
	if err != nil {
		return nil, err
	}
	blocks := map[cloud.RouterID][]cloud.AddressBlock{}
	for _, r := range routers {
		if r.Domain != nil {
			blocks[r.ID] = r.Domain.Blocks
		}
	}
	rows := make([]tableRow, len(tables))
	for i, t := range tables {
		rows[i] = tableRow{t, targets.table(t, blocks[t.RouterID])}
	}
	return rows, nil
}

func (k *targets) table(t *cloud.RouteTable, blocks []cloud.AddressBlock) shape.RouteTable {
	out := shape.RouteTable{RouteTableId: id(tableIDs, t.ID), VpcId: id(vpcIDs, t.RouterID), OwnerId: k.owner, Tags: tableTags(t), PropagatingVgws: []shape.PropagatingVgw{}}
	for _, b := range blocks {
		local := shape.Route{GatewayId: "local", Origin: "CreateRouteTable", State: "active"}
		if b.Prefix.Addr().Is6() {
			local.DestinationIpv6CidrBlock = b.Prefix.String()
		} else {
			local.DestinationCidrBlock = b.Prefix.String()
		}
		out.Routes = append(out.Routes, local)
	}
	for _, r := range t.Routes {
		out.Routes = append(out.Routes, k.route(t, r))
	}
	for _, g := range t.Propagating {
		out.PropagatingVgws = append(out.PropagatingVgws, shape.PropagatingVgw{GatewayId: id(vpnGatewayIDs, g)})
	}
	out.Associations = []shape.RouteTableAssociation{}
	for _, u := range t.Uses {
		out.Associations = append(out.Associations, shape.RouteTableAssociation{RouteTableAssociationId: tableUseIDs.of(u.ID), RouteTableId: out.RouteTableId, SubnetId: id(subnetIDs, u.SubnetID),
			Main: new(t.Main && u.SubnetID == ""), AssociationState: associated()})
	}
	return out
}

func associated() *shape.RouteTableAssociationState {
	return &shape.RouteTableAssociationState{State: "associated"}
}

func ofRoutes(value func(shape.Route) string) func(tableRow) []string {
	return func(r tableRow) []string { return valuesOf(r.shown.Routes, value) }
}

func ofAssociations(value func(shape.RouteTableAssociation) string) func(tableRow) []string {
	return func(r tableRow) []string { return valuesOf(r.shown.Associations, value) }
}

var tableFields = fields[tableRow]{
	"association.gateway-id":                 func(tableRow) []string { return nil },
	"association.main":                       ofAssociations(func(a shape.RouteTableAssociation) string { return yes(a.Main) }),
	"association.route-table-association-id": ofAssociations(func(a shape.RouteTableAssociation) string { return a.RouteTableAssociationId }),
	"association.route-table-id":             ofAssociations(func(a shape.RouteTableAssociation) string { return a.RouteTableId }),
	"association.subnet-id":                  ofAssociations(func(a shape.RouteTableAssociation) string { return a.SubnetId }),
	"owner-id":                               one(func(r tableRow) string { return r.shown.OwnerId }),
	"propagating-vgw.gateway-id": func(r tableRow) []string {
		return valuesOf(r.shown.PropagatingVgws, func(p shape.PropagatingVgw) string { return p.GatewayId })
	},
	"route-table-id":                        one(func(r tableRow) string { return r.shown.RouteTableId }),
	"route.destination-cidr-block":          ofRoutes(func(r shape.Route) string { return r.DestinationCidrBlock }),
	"route.destination-ipv6-cidr-block":     ofRoutes(func(r shape.Route) string { return r.DestinationIpv6CidrBlock }),
	"route.destination-prefix-list-id":      func(tableRow) []string { return nil },
	"route.egress-only-internet-gateway-id": ofRoutes(func(r shape.Route) string { return r.EgressOnlyInternetGatewayId }),
	"route.gateway-id":                      ofRoutes(func(r shape.Route) string { return r.GatewayId }),
	"route.instance-id":                     ofRoutes(func(r shape.Route) string { return r.InstanceId }),
	"route.nat-gateway-id":                  ofRoutes(func(r shape.Route) string { return r.NatGatewayId }),
	"route.network-interface-id":            ofRoutes(func(r shape.Route) string { return r.NetworkInterfaceId }),
	"route.origin":                          ofRoutes(func(r shape.Route) string { return r.Origin }),
	"route.state":                           ofRoutes(func(r shape.Route) string { return r.State }),
	"route.transit-gateway-id":              func(tableRow) []string { return nil },
	"route.vpc-peering-connection-id":       ofRoutes(func(r shape.Route) string { return r.VpcPeeringConnectionId }),
	"vpc-id":                                one(func(r tableRow) string { return r.shown.VpcId }),
}

func (a *api) describeRouteTables(ctx context.Context, in *shape.DescribeRouteTablesRequest) (*shape.DescribeRouteTablesResult, error) {
	if err := a.furnished(ctx); err != nil {
		return nil, err
	}
	rows, next, err := a.tableNoun().describe(ctx, ask{in.RouteTableIds, in.Filters, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &shape.DescribeRouteTablesResult{NextToken: next}
	for _, r := range rows {
		out.RouteTables = append(out.RouteTables, r.shown)
	}
	return out, nil
}

func (a *api) deleteRouteTable(ctx context.Context, in *shape.DeleteRouteTableRequest) error {
	t, err := a.routeTable(ctx, in.RouteTableId)
	if err != nil {
		return err
	}
	return dependency(a.Network.DeleteRouteTable(ctx, t.ID), "The routeTable '%s' has dependencies and cannot be deleted.", in.RouteTableId)
}

func (a *api) associateRouteTable(ctx context.Context, in *shape.AssociateRouteTableRequest) (*shape.AssociateRouteTableResult, error) {
	t, err := a.routeTable(ctx, in.RouteTableId)
	if err != nil {
		return nil, err
	}
	sub, err := findOne(ctx, subnetIDs, in.SubnetId, a.subnets, subnetID)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(t.Uses, func(u cloud.TableUse) bool { return u.SubnetID == sub.ID }); i >= 0 { // again
		return &shape.AssociateRouteTableResult{AssociationId: tableUseIDs.of(t.Uses[i].ID), AssociationState: associated()}, nil
	}
	use, err := a.Network.UseRouteTable(ctx, t.ID, sub.ID)
	if err != nil {
		return nil, err
	}
	return &shape.AssociateRouteTableResult{AssociationId: tableUseIDs.of(use.ID), AssociationState: associated()}, nil
}

// tableUse finds the use of a table by its id.
func (a *api) tableUse(ctx context.Context, text string) (string, error) {
	short, err := tableUseIDs.short(text)
	if err != nil {
		return "", err
	}
	tables, err := a.routeTables(ctx, cloud.Eq("use_short_ids", short))
	if err != nil {
		return "", err
	}
	for _, t := range tables {
		for _, u := range t.Uses {
			if cloud.ShortID(u.ID) == short {
				return u.ID, nil
			}
		}
	}
	return "", tableUseIDs.missing(text)
}

func (a *api) disassociateRouteTable(ctx context.Context, in *shape.DisassociateRouteTableRequest) error {
	use, err := a.tableUse(ctx, in.AssociationId)
	if err != nil {
		return err
	}
	err = a.Network.DropTableUse(ctx, use)
	if cloud.Is(err, cloud.WrongState) {
		return invalidParameter("cannot disassociate the main route table association %s", in.AssociationId)
	}
	return err
}

func (a *api) replaceRouteTableAssociation(ctx context.Context, in *shape.ReplaceRouteTableAssociationRequest) (*shape.ReplaceRouteTableAssociationResult, error) {
	use, err := a.tableUse(ctx, in.AssociationId)
	if err != nil {
		return nil, err
	}
	t, err := a.routeTable(ctx, in.RouteTableId)
	if err != nil {
		return nil, err
	}
	fresh, err := a.Network.ReplaceTableUse(ctx, use, t.ID)
	if err != nil {
		return nil, err
	}
	return &shape.ReplaceRouteTableAssociationResult{NewAssociationId: tableUseIDs.of(fresh.ID), AssociationState: associated()}, nil
}
