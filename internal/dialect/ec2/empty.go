package ec2

import (
	"context"
	"strings"

	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

// emptyActions describe what this cloud has none of. Clients ask for it on their way to something else; whatever they filter by, there
// is nothing.
func (a *api) emptyActions() []*action {
	return []*action{
		none[shape.DescribeVpcEndpointsRequest, shape.DescribeVpcEndpointsResult]("DescribeVpcEndpoints", "-VpcEndpointIds -Filters -MaxResults -NextToken"),
		none[shape.DescribeTransitGatewaysRequest, shape.DescribeTransitGatewaysResult]("DescribeTransitGateways", "-Filters -MaxResults -NextToken"),
		none[shape.DescribeTransitGatewayAttachmentsRequest, shape.DescribeTransitGatewayAttachmentsResult]("DescribeTransitGatewayAttachments",
			"-Filters -MaxResults -NextToken"),
		none[shape.DescribeTransitGatewayVpcAttachmentsRequest, shape.DescribeTransitGatewayVpcAttachmentsResult]("DescribeTransitGatewayVpcAttachments",
			"-Filters -MaxResults -NextToken"),
		none[shape.DescribeManagedPrefixListsRequest, shape.DescribeManagedPrefixListsResult]("DescribeManagedPrefixLists", "-Filters -MaxResults -NextToken"),
		none[shape.DescribePrefixListsRequest, shape.DescribePrefixListsResult]("DescribePrefixLists", "-Filters -MaxResults -NextToken"),
		none[shape.DescribeFlowLogsRequest, shape.DescribeFlowLogsResult]("DescribeFlowLogs", "-Filter -MaxResults -NextToken"),
		none[shape.DescribeReservedInstancesRequest, shape.DescribeReservedInstancesResult]("DescribeReservedInstances", "-Filters -OfferingClass -OfferingType"),
		none[shape.DescribeHostsRequest, shape.DescribeHostsResult]("DescribeHosts", "-Filter -MaxResults -NextToken"),
		none[shape.DescribeClassicLinkInstancesRequest, shape.DescribeClassicLinkInstancesResult]("DescribeClassicLinkInstances", "-Filters -MaxResults -NextToken"),
		none[shape.DescribeVpcClassicLinkRequest, shape.DescribeVpcClassicLinkResult]("DescribeVpcClassicLink", "-Filters"),
		none[shape.DescribeVpcClassicLinkDnsSupportRequest, shape.DescribeVpcClassicLinkDnsSupportResult]("DescribeVpcClassicLinkDnsSupport", "-MaxResults -NextToken"),
		none[shape.DescribePlacementGroupsRequest, shape.DescribePlacementGroupsResult]("DescribePlacementGroups", "-Filters"),
		none[shape.DescribeIamInstanceProfileAssociationsRequest, shape.DescribeIamInstanceProfileAssociationsResult]("DescribeIamInstanceProfileAssociations",
			"-Filters -MaxResults -NextToken"),
		none[shape.DescribeSpotInstanceRequestsRequest, shape.DescribeSpotInstanceRequestsResult]("DescribeSpotInstanceRequests",
			"-Filters -MaxResults -NextToken"),
		none[shape.DescribeSpotPriceHistoryRequest, shape.DescribeSpotPriceHistoryResult]("DescribeSpotPriceHistory",
			"-AvailabilityZone -EndTime -Filters -InstanceTypes -MaxResults -NextToken -ProductDescriptions -StartTime"),
		serve("CancelSpotInstanceRequests", a.cancelSpot, "SpotInstanceRequestIds"),
	}
}

// none makes an action that finds nothing.
func none[In, Out any](name, members string) *action {
	return serve(name, func(context.Context, *In) (*Out, error) { return new(Out), nil }, members)
}

// cancelSpot finds none of the requests: there are no spot instances here.
func (a *api) cancelSpot(_ context.Context, in *shape.CancelSpotInstanceRequestsRequest) (*shape.CancelSpotInstanceRequestsResult, error) {
	return nil, bad("InvalidSpotInstanceRequestID.NotFound", "The spot instance request ID '%s' does not exist", strings.Join(in.SpotInstanceRequestIds, ", "))
}
