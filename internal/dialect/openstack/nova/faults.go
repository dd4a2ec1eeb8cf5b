package nova

import (
	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// faultCode is the number shown with the fault of a server in error.
func faultCode(k cloud.Kind) int {
	if k == cloud.NoCapacity {
		k = cloud.Internal // "No valid host was found" is a 500 in Nova's own words
	}
	return openstack.Code(openstack.FaultNova, &cloud.Error{Kind: k})
}
