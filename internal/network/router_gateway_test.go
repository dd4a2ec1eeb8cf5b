package network

import (
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// A gateway changes its addresses when others are named, and not when those it has are repeated.
func TestGatewayAddresses(t *testing.T) {
	a, b := addr("172.24.4.10"), addr("172.24.4.11")
	have := []cloud.PortAddress{{SubnetID: "s", Address: a}}
	for name, c := range map[string]struct {
		asked []AddressRequest
		same  bool
	}{
		"the same":               {[]AddressRequest{{SubnetID: "s", Address: a}}, true},
		"its subnet once more":   {[]AddressRequest{{SubnetID: "s", Address: a}, {SubnetID: "s"}}, true},
		"another address":        {[]AddressRequest{{SubnetID: "s", Address: b}}, false},
		"another address beside": {[]AddressRequest{{SubnetID: "s", Address: a}, {SubnetID: "s", Address: b}}, false},
		"another subnet beside":  {[]AddressRequest{{SubnetID: "s", Address: a}, {SubnetID: "t"}}, false},
		"the subnet alone":       {[]AddressRequest{{SubnetID: "s"}}, false},
	} {
		if got := sameAddresses(have, c.asked); got != c.same {
			t.Errorf("%s: %v", name, got)
		}
	}
}
